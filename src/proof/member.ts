/**
 * "I am one of these": a proof of holding one of 2 to 32 enrolled proof keys, such as those of a neighborhood's 25 seats, without saying which.
 *
 * A statement may be said along with it (`about`), as if the group had signed it. Two proofs of the same member cannot be told from those of two
 * members, not even by the others of the ring; where one member must count once, use `linkable.ts`.
 */

import { equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import type { GroupDoor } from '../wasm/group.ts'
import { readPoints } from './bases.ts'
import { decodeProof, encodeProof, readScalars } from './format.ts'
import { closeRing, isClosed, orderedRing } from './ring.ts'
import { chanceFrom, nonces, type ProofKey, type Random } from './secret.ts'
import { type ProofContext, Transcript } from './transcript.ts'

/** Who the prover may be, and what is said along. */
export interface Membership {
  /** 2 … 32 proof keys in any order. */
  readonly keys: readonly Uint8Array[]
  /** Bytes of a statement that the proof stands for, or none. */
  readonly about: Uint8Array
}

const WHAT = 'membership proof'

/** A proof by the holder of `key`, 32 · (keys + 1) + 5 bytes. Throws `bad-argument` where the key is not in the ring. */
export function proveMember(
  group: GroupDoor,
  membership: Membership,
  key: ProofKey,
  context: ProofContext,
  random: Random,
): Uint8Array {
  const keys = orderedRing(membership.keys)
  const position = keys.findIndex((member) => equal(member, key.publicKey))
  if (position < 0) throw new WebxError('bad-argument', 'the key is not one of the ring')
  return group.scope(() => {
    const sides = [{ base: group.base, images: readPoints(group, WHAT, keys) }]
    const state = open(group, keys, membership.about, context).state('ring')
    const chance = chanceFrom(random)
    const move = key.begin(group, [group.base], chance, state)
    const nonce = nonces(group, chance, [], state)
    return encodeProof(closeRing(group, state, sides, position, move, nonce))
  })
}

/** Throws `bad-proof` unless a holder of one of the keys made the proof; a decoder's code where the bytes are no proof of that size. */
export function checkMember(group: GroupDoor, membership: Membership, proof: Uint8Array, context: ProofContext): void {
  const keys = orderedRing(membership.keys)
  const parts = decodeProof(WHAT, proof, keys.length + 1)
  const [first = 0n, ...responses] = readScalars(WHAT, parts)
  const state = open(group, keys, membership.about, context).state('ring')
  const holds = group.scope(() => {
    const sides = [{ base: group.base, images: readPoints(group, WHAT, keys) }]
    return isClosed(group, state, sides, first, responses)
  })
  if (!holds) throw new WebxError('bad-proof', 'the proof does not hold for this ring and context')
}

function open(group: GroupDoor, keys: readonly Uint8Array[], about: Uint8Array, context: ProofContext): Transcript {
  const base = group.scope(() => group.encode(group.base))
  const transcript = new Transcript('webx v1 member', context, [base])
  transcript.say('ring', keys)
  transcript.say('about', about)
  return transcript
}
