/**
 * Pedersen commitments on ristretto255: C = value · G + blinding · H (Pedersen 1991).
 *
 * A commitment hides its value perfectly and binds whoever made it, as long as nobody knows the logarithm of H. Commitments add up as their values and
 * blindings do, so that balance − price or day − birthday can be committed to by anybody who knows the one commitment and the other number.
 */

import { assertBytes } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { type GroupDoor, ORDER, type Point } from '../wasm/group.ts'
import { basesOf, readPoints } from './bases.ts'
import { mod, SCALAR_BYTES, scalarBytes } from './scalar.ts'
import { freshScalar, type Random } from './secret.ts'

/** What opens a commitment. Both are secrets of its owner. */
export interface Opening {
  /** 0 … L − 1. */
  readonly value: bigint
  /** Uniform scalar, 32 little-endian bytes. */
  readonly blinding: Uint8Array
}

/** Bytes of a commitment. */
export const COMMITMENT_BYTES = 32
const MINUS_ONE = scalarBytes(ORDER - 1n)

/** An opening of that value with a fresh blinding. Throws `bad-argument` unless 0 ≤ value < L. */
export function openingOf(group: GroupDoor, value: bigint, random: Random): Opening {
  const opening = { value, blinding: freshScalar(group, random) }
  assertOpening(opening)
  return opening
}

/** The commitment of an opening, 32 bytes. */
export function commit(group: GroupDoor, opening: Opening): Uint8Array {
  assertOpening(opening)
  const { value, blinding } = basesOf(group)
  return group.scope(() =>
    group.encode(group.sumSecret([scalarBytes(opening.value), opening.blinding], [value, blinding])),
  )
}

/** Commitment to a − b. Throws `bad-proof` where one is not a commitment, or both are the same. */
export function difference(group: GroupDoor, a: Uint8Array, b: Uint8Array): Uint8Array {
  return group.scope(() => {
    const [left, right] = readPoints(group, 'commitment', [a, b]) as [Point, Point]
    return distinct(group, group.subtract(left, right))
  })
}

/** Commitment to a − number. Throws `bad-proof` where `a` is not a commitment, or commits to the number with no blinding. */
export function minusNumber(group: GroupDoor, a: Uint8Array, number: bigint): Uint8Array {
  return group.scope(() => {
    const [left] = readPoints(group, 'commitment', [a]) as [Point]
    return distinct(group, group.subtract(left, group.msm([mod(number)], [group.base])))
  })
}

/** Commitment to number − a. Throws as `minusNumber`. */
export function numberMinus(group: GroupDoor, number: bigint, a: Uint8Array): Uint8Array {
  return group.scope(() => {
    const [right] = readPoints(group, 'commitment', [a]) as [Point]
    return distinct(group, group.subtract(group.msm([mod(number)], [group.base]), right))
  })
}

/** Opening of `difference`. */
export function differenceOpening(group: GroupDoor, a: Opening, b: Opening): Opening {
  return { value: mod(a.value - b.value), blinding: group.mulAdd(MINUS_ONE, b.blinding, a.blinding) }
}

/** Opening of `numberMinus`. */
export function numberMinusOpening(group: GroupDoor, number: bigint, a: Opening): Opening {
  const nothing = new Uint8Array(SCALAR_BYTES)
  return { value: mod(number - a.value), blinding: group.mulAdd(MINUS_ONE, a.blinding, nothing) }
}

/** Throws `bad-argument` unless this can open a commitment. */
export function assertOpening({ value, blinding }: Opening): void {
  if (value < 0n || value >= ORDER) throw new WebxError('bad-argument', 'a committed value is 0 … L − 1')
  assertBytes('blinding', blinding, SCALAR_BYTES)
}

function distinct(group: GroupDoor, point: Point): Uint8Array {
  if (group.isIdentity(point)) throw new WebxError('bad-proof', 'the commitments do not differ')
  return group.encode(point)
}
