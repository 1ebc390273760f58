/**
 * Rings: a proof that its maker holds one of several keys, without saying which (Abe, Ohkubo, Suzuki 2002; with tags: Liu, Wei, Wong 2004).
 *
 * Each challenge is the digest of the nonce before it, round the ring; only a holder of one key can close it. A proof takes one scalar for each key
 * and one challenge. `member.ts` and `linkable.ts` say what is proven with it.
 *
 * The holder's secret and nonce stay behind `ProofKey`. Which key it is, however, decides where the maker of a proof begins to go round: who watches
 * the caches of that machine may learn it.
 */

import { compare } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { GroupDoor, Point } from '../wasm/group.ts'
import { deriveKey } from '../wasm/hash.ts'
import { readScalar, reduce, scalarBytes } from './scalar.ts'
import type { KeyMove } from './secret.ts'

/** One base and what each key of the ring makes of it: on the group's base its public key, on any other the same tag for all. */
export interface RingSide {
  readonly base: Point
  readonly images: readonly Point[]
}

/** A ring in order of its encodings, so that nobody learns from an order that two parties did not agree on. */
export function orderedRing(keys: readonly Uint8Array[]): Uint8Array[] {
  const { proofRingMin, proofRingMax } = LIMITS
  if (keys.length < proofRingMin || keys.length > proofRingMax) {
    throw new WebxError('bad-argument', `a ring of ${keys.length} keys, expected ${proofRingMin} to ${proofRingMax}`)
  }
  const ordered = keys.toSorted(compare)
  if (ordered.some((key, i) => i > 0 && compare(key, ordered[i - 1] as Uint8Array) === 0)) {
    throw new WebxError('bad-argument', 'a key stands twice in the ring')
  }
  return ordered
}

/**
 * Closes the ring at `position` with the move of that key.
 *
 * @param state 32 bytes of the conversation, which all of the statement is part of
 * @param nonce the next of uniform scalars below L, for the other positions
 * @returns the challenge at position 0, then a response for each position, 32 bytes each
 */
export function closeRing(
  group: GroupDoor,
  state: Uint8Array,
  sides: readonly RingSide[],
  position: number,
  move: KeyMove,
  nonce: () => Uint8Array,
): Uint8Array[] {
  const count = (sides[0] as RingSide).images.length
  const responses = new Array<Uint8Array>(count)
  let challenge = next(group, state, position, move.commitments)
  let first = position === count - 1 ? challenge : 0n
  for (let step = 1; step < count; step++) {
    const at = (position + step) % count
    const response = nonce()
    responses[at] = response
    challenge = next(group, state, at, nonceAt(group, sides, at, readScalar(response) as bigint, challenge))
    if (at === count - 1) first = challenge
  }
  responses[position] = move.respond(challenge)
  return [scalarBytes(first), ...responses]
}

/** Whether the ring closes. */
export function isClosed(
  group: GroupDoor,
  state: Uint8Array,
  sides: readonly RingSide[],
  first: bigint,
  responses: readonly bigint[],
): boolean {
  let challenge = first
  responses.forEach((response, at) => {
    challenge = next(group, state, at, nonceAt(group, sides, at, response, challenge))
  })
  return challenge === first
}

/** The nonce that a response and a challenge stand for: response · base + challenge · image. */
function nonceAt(
  group: GroupDoor,
  sides: readonly RingSide[],
  at: number,
  response: bigint,
  challenge: bigint,
): Point[] {
  return sides.map(({ base, images }) => group.msm([response, challenge], [base, images[at] as Point]))
}

/** The challenge after that position. */
function next(group: GroupDoor, state: Uint8Array, at: number, nonces: readonly Point[]): bigint {
  return reduce(deriveKey('webx v1 ring challenge', encode([state, at, group.encodeAll(nonces)]), 64))
}
