/**
 * Bulletproofs (Bünz, Bootle, Boneh, Poelstra, Wuille, Maxwell 2018): each of m committed values lies in 0 … 2^n − 1, and nothing else is said.
 *
 * One value of 64 bits takes 677 bytes; more values in one proof add 64 bytes each time they double. There is no trusted set-up. This file states what is
 * proven, the layout of the proof and how it is checked: all equations in one sum over known points, with weights from the conversation, so that
 * every node comes to the same verdict. `range-prove.ts` makes proofs.
 */

import type { Cbor } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type GroupDoor, ORDER, type Point } from '../wasm/group.ts'
import { basesOf, rangeBasesOf, readPoints } from './bases.ts'
import { decodeProof, readScalars } from './format.ts'
import { foldedWeights, sayRound } from './inner-product.ts'
import { invertAll, mod, powers } from './scalar.ts'
import { type ProofContext, Transcript } from './transcript.ts'

/** What a range proof says: each commitment hides a value of that many bits. */
export interface RangeStatement {
  /** 1, 2, 4, 8 … commitments; commitments times bits is at most 256. */
  readonly commitments: readonly Uint8Array[]
  /** 8, 16, 32 or 64. */
  readonly bits: number
  /** What the commitments stem from, where they were calculated. */
  readonly about: Cbor
}

const WHAT = 'range proof'
/** A, S, T1, T2 before the rounds; three scalars, and two at the end. */
const POINTS = 4
const SCALARS = 3
const LAST = 2

/** Throws `bad-argument` unless a proof of this statement can exist. */
export function assertStatement(count: number, bits: number): void {
  const isPower = Number.isInteger(Math.log2(count))
  if (![8, 16, 32, 64].includes(bits) || !isPower || count * bits > LIMITS.proofRangeBitsMax) {
    throw new WebxError('bad-argument', `${count} values of ${bits} bits cannot be proven together`)
  }
}

/** The conversation about a statement, before the prover's first word. */
export function openRange(group: GroupDoor, statement: RangeStatement, context: ProofContext): Transcript {
  const { commitments, bits, about } = statement
  const transcript = new Transcript('webx v1 range', context, [
    ...basesOf(group).encodings,
    rangeBasesOf(group, commitments.length * bits).digest,
  ])
  transcript.say('statement', [commitments, bits, about])
  return transcript
}

/**
 * Throws unless the proof holds for the statement in that context.
 *
 * @throws WebxError `bad-argument` for a statement that cannot be proven; `too-long`, `not-canonical`, `bad-version`, `bad-shape` where the bytes are no
 *   proof of that size; `bad-proof` where they prove nothing
 */
export function checkRange(
  group: GroupDoor,
  statement: RangeStatement,
  proof: Uint8Array,
  context: ProofContext,
): void {
  const { commitments, bits } = statement
  assertStatement(commitments.length, bits)
  const roundCount = Math.log2(commitments.length * bits)
  const parts = decodeProof(WHAT, proof, POINTS + SCALARS + 2 * roundCount + LAST)
  const encodings = [...parts.slice(0, POINTS), ...parts.slice(POINTS + SCALARS, -LAST)]
  const scalars = readScalars(WHAT, [...parts.slice(POINTS, POINTS + SCALARS), ...parts.slice(-LAST)])
  const answers = listen(openRange(group, statement, context), encodings, parts)
  const holds = group.scope(() => {
    const points = readPoints(group, WHAT, [...encodings, ...commitments])
    return group.isIdentity(total(group, statement, points, scalars, answers))
  })
  if (!holds) throw new WebxError('bad-proof', 'the proof does not hold for this statement and context')
}

/** The challenges of a conversation; the last one weighs the two equations against each other. */
interface Answers {
  readonly y: bigint
  readonly z: bigint
  readonly x: bigint
  readonly product: bigint
  readonly folds: readonly bigint[]
  readonly weight: bigint
}

/** Replays the prover's part of the conversation. */
function listen(transcript: Transcript, points: readonly Uint8Array[], parts: readonly Uint8Array[]): Answers {
  transcript.state('nonces')
  transcript.say('bits', points.slice(0, 2))
  const y = transcript.challenge('y')
  const z = transcript.challenge('z')
  transcript.say('polynomial', points.slice(2, POINTS))
  const x = transcript.challenge('x')
  transcript.say('openings', parts.slice(POINTS, POINTS + SCALARS))
  const product = transcript.challenge('product')
  const folds: bigint[] = []
  for (let at = POINTS; at < points.length; at += 2) folds.push(sayRound(transcript, points.slice(at, at + 2)))
  transcript.say('rest', parts.slice(-LAST))
  return { y, z, x, product, folds, weight: transcript.challenge('weight') }
}

/** Left minus right side of all equations, weighed and summed: the neutral element if all of them hold. */
function total(
  group: GroupDoor,
  { commitments, bits }: RangeStatement,
  points: readonly Point[],
  [blinding = 0n, mask = 0n, product = 0n, left = 0n, right = 0n]: readonly bigint[],
  { y, z, x, product: productWeight, folds, weight }: Answers,
): Point {
  const count = commitments.length * bits
  const [yInverse = 0n, ...foldInverses] = invertAll([y, ...folds])
  const bases = basesOf(group)
  const sides = rangeBasesOf(group, count)
  const zPowers = powers(z, commitments.length + 3)
  const twos = powers(2n, bits)
  const weights = foldedWeights(folds, foldInverses)
  const yInverses = powers(yInverse, count)
  const leftScalars = weights.map((folded) => mod(-z - left * folded))
  const rightScalars = yInverses.map((inverse, i) => {
    const bit = (zPowers[2 + Math.floor(i / bits)] as bigint) * (twos[i % bits] as bigint)
    return mod(z + inverse * (bit - right * (weights[count - 1 - i] as bigint)))
  })
  const square = (value: bigint): bigint => (value * value) % ORDER
  const proven = [1n, x, weight * x, weight * square(x)].map(mod)
  const rounds = folds.flatMap((fold, i) => [square(fold), square(foldInverses[i] as bigint)])
  const values = commitments.map((_, j) => mod(weight * (zPowers[2 + j] as bigint)))
  const onValue = productWeight * (product - left * right) + weight * (shift(y, z, count, zPowers, bits) - product)
  return group.msm(
    [...proven, ...rounds, ...values, ...leftScalars, ...rightScalars, mod(onValue), mod(-mask - weight * blinding)],
    [...points, ...sides.left, ...sides.right, bases.value, bases.blinding],
  )
}

/** δ(y, z) of the paper (§4.1), for the aggregated statement of §4.2. */
function shift(y: bigint, z: bigint, count: number, zPowers: readonly bigint[], bits: number): bigint {
  const ySum = powers(y, count).reduce((sum, power) => sum + power, 0n)
  const zSum = zPowers.slice(3).reduce((sum, power) => sum + power, 0n)
  return mod((z - z * z) * ySum - zSum * (2n ** BigInt(bits) - 1n))
}
