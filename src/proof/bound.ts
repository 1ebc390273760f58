/**
 * What people ask of a hidden number: that it is at least or at most a bound, or that one hidden number covers another.
 *
 * Each is a range proof about a commitment that the verifier calculates itself from the issued one. `balance ≥ price` is `AtLeast` on an amount;
 * `age ≥ 18` is `AtMost` on a birthday, with the bound of `day.ts`.
 */

import type { Cbor } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import type { GroupDoor } from '../wasm/group.ts'
import {
  commit,
  difference,
  differenceOpening,
  minusNumber,
  numberMinus,
  numberMinusOpening,
  type Opening,
} from './commitment.ts'
import { checkRange } from './range.ts'
import { proveRange } from './range-prove.ts'
import { scalarBytes } from './scalar.ts'
import type { Random } from './secret.ts'
import type { ProofContext } from './transcript.ts'

/** A bound, and how far off it a value may lie: less than 2^bits, bits being 8, 16, 32 or 64. */
export interface Bound {
  /** 0 … 2^64 − 1. */
  readonly bound: bigint
  readonly bits: number
}

const BOUND_END = 2n ** 64n

/** Proves that the value is in bound … bound + 2^bits − 1. Throws `bad-argument` where it is not. */
export function proveAtLeast(
  group: GroupDoor,
  opening: Opening,
  { bound, bits }: Bound,
  context: ProofContext,
  random: Random,
): Uint8Array {
  const about = aboutBound('at least', commit(group, opening), bound)
  const openings = [{ value: opening.value - bound, blinding: opening.blinding }]
  return proveRange(group, { openings, bits, about }, context, random)
}

/** Throws `bad-proof` unless the commitment hides at least the bound; other codes as `checkRange`. */
export function checkAtLeast(
  group: GroupDoor,
  commitment: Uint8Array,
  { bound, bits }: Bound,
  proof: Uint8Array,
  context: ProofContext,
): void {
  const about = aboutBound('at least', commitment, bound)
  checkRange(group, { commitments: [minusNumber(group, commitment, bound)], bits, about }, proof, context)
}

/** Proves that the value is in bound − 2^bits + 1 … bound. Throws `bad-argument` where it is not. */
export function proveAtMost(
  group: GroupDoor,
  opening: Opening,
  { bound, bits }: Bound,
  context: ProofContext,
  random: Random,
): Uint8Array {
  const about = aboutBound('at most', commit(group, opening), bound)
  return proveRange(group, { openings: [numberMinusOpening(group, bound, opening)], bits, about }, context, random)
}

/**
 * Throws `bad-proof` unless the commitment hides bound − 2^bits + 1 … bound, modulo the order of the group; other codes as `checkRange`. “At most” is meant only
 * of a commitment that an issuer vouches for as a number: nobody else's need be one.
 */
export function checkAtMost(
  group: GroupDoor,
  commitment: Uint8Array,
  { bound, bits }: Bound,
  proof: Uint8Array,
  context: ProofContext,
): void {
  const about = aboutBound('at most', commitment, bound)
  checkRange(group, { commitments: [numberMinus(group, bound, commitment)], bits, about }, proof, context)
}

/** Proves that one hidden value is at least another one, and less than 2^bits more. Throws `bad-argument` where it is not. */
export function proveCovers(
  group: GroupDoor,
  more: Opening,
  less: Opening,
  bits: number,
  context: ProofContext,
  random: Random,
): Uint8Array {
  const about = ['covers', commit(group, more), commit(group, less)]
  return proveRange(group, { openings: [differenceOpening(group, more, less)], bits, about }, context, random)
}

/**
 * Throws `bad-proof` unless the first value less the second one is 0 … 2^bits − 1, modulo the order of the group; other codes as `checkRange`. That is “at
 * least” only where somebody vouches for both as numbers: a prover who chooses the second one himself can choose one that every balance covers.
 */
export function checkCovers(
  group: GroupDoor,
  more: Uint8Array,
  less: Uint8Array,
  bits: number,
  proof: Uint8Array,
  context: ProofContext,
): void {
  checkRange(
    group,
    { commitments: [difference(group, more, less)], bits, about: ['covers', more, less] },
    proof,
    context,
  )
}

function aboutBound(relation: string, commitment: Uint8Array, bound: bigint): Cbor {
  if (bound < 0n || bound >= BOUND_END) throw new WebxError('bad-argument', 'a bound is 0 … 2^64 − 1')
  return [relation, commitment, scalarBytes(bound)]
}
