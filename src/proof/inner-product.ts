/**
 * The inner-product argument of Bulletproofs (Bünz et al. 2018, §3): two vectors of n numbers are shown in 2·log2(n) points and two numbers.
 *
 * Bases are never folded: each round's points are sums over the bases as they were, with folded weights, because sums over pinned bases are what the
 * kernel is fastest at. The vectors are blinded by the range proof around it and could be shown as they are, so nothing here is secret.
 */

import { type GroupDoor, ORDER, type Point } from '../wasm/group.ts'
import { inner, invert } from './scalar.ts'
import type { Transcript } from './transcript.ts'

/** What the argument is about: ⟨left, right⟩ · product + Σ left · leftBases + Σ right · rightWeights · rightBases. */
export interface Vectors {
  readonly leftBases: readonly Point[]
  readonly rightBases: readonly Point[]
  /** Public factors on the right bases. */
  readonly rightWeights: readonly bigint[]
  readonly left: readonly bigint[]
  readonly right: readonly bigint[]
  /** The base of the product and a factor on it. */
  readonly productBase: Point
  readonly productWeight: bigint
}

/** The argument: encodings of the points of each round, and what remains of the vectors. */
export interface Argument {
  readonly rounds: readonly (readonly [left: Uint8Array, right: Uint8Array])[]
  readonly left: bigint
  readonly right: bigint
}

/** Argues about vectors whose length is a power of two, in a scope of the group. */
export function argue(group: GroupDoor, transcript: Transcript, vectors: Vectors): Argument {
  const { leftBases, rightBases, productBase, productWeight } = vectors
  let [left, right] = [vectors.left, vectors.right]
  let leftWeights: readonly bigint[] = new Array<bigint>(left.length).fill(1n)
  let rightWeights = vectors.rightWeights
  const rounds: [Uint8Array, Uint8Array][] = []
  while (left.length > 1) {
    const half = left.length / 2
    const [leftLow, leftHigh] = [left.slice(0, half), left.slice(half)]
    const [rightLow, rightHigh] = [right.slice(0, half), right.slice(half)]
    const cross = (a: readonly bigint[], b: readonly bigint[], leftOffset: number, rightOffset: number): Point => {
      const onLeft = spread(a, leftWeights, leftBases, leftOffset)
      const onRight = spread(b, rightWeights, rightBases, rightOffset)
      return group.msm(
        [...onLeft.scalars, ...onRight.scalars, (inner(a, b) * productWeight) % ORDER],
        [...onLeft.points, ...onRight.points, productBase],
      )
    }
    const points = [cross(leftLow, rightHigh, half, 0), cross(leftHigh, rightLow, 0, half)]
    const round = group.encodeAll(points) as [Uint8Array, Uint8Array]
    rounds.push(round)
    const challenge = sayRound(transcript, round)
    const inverse = invert(challenge)
    left = leftLow.map((low, i) => (low * challenge + (leftHigh[i] as bigint) * inverse) % ORDER)
    right = rightLow.map((low, i) => (low * inverse + (rightHigh[i] as bigint) * challenge) % ORDER)
    leftWeights = fold(leftWeights, half, inverse, challenge)
    rightWeights = fold(rightWeights, half, challenge, inverse)
  }
  return { rounds, left: left[0] as bigint, right: right[0] as bigint }
}

/** The challenge of a round. */
export function sayRound(transcript: Transcript, round: readonly Uint8Array[]): bigint {
  transcript.say('round', round)
  return transcript.challenge('fold')
}

/** The factor that the rounds' challenges put on each of 2^rounds left bases; on the right bases it is the inverse, this list backwards. */
export function foldedWeights(challenges: readonly bigint[], inverses: readonly bigint[]): bigint[] {
  const weights = new Array<bigint>(2 ** challenges.length)
  weights[0] = inverses.reduce((product, inverse) => (product * inverse) % ORDER, 1n)
  // the first round tells the halves apart, the last one neighbors
  challenges.toReversed().forEach((challenge, bit) => {
    const square = (challenge * challenge) % ORDER
    for (let i = 0; i < 2 ** bit; i++) weights[2 ** bit + i] = ((weights[i] as bigint) * square) % ORDER
  })
  return weights
}

/** A half vector over the original bases whose index, modulo twice its length, lies in the half that begins at `offset`. */
function spread(
  half: readonly bigint[],
  weights: readonly bigint[],
  bases: readonly Point[],
  offset: number,
): { scalars: bigint[]; points: Point[] } {
  const scalars: bigint[] = []
  const points: Point[] = []
  for (let block = offset; block < bases.length; block += 2 * half.length) {
    for (let i = 0; i < half.length; i++) {
      scalars.push(((half[i] as bigint) * (weights[block + i] as bigint)) % ORDER)
      points.push(bases[block + i] as Point)
    }
  }
  return { scalars, points }
}

/** Weights after a round: those of low halves times one factor, those of high halves times the other. */
function fold(weights: readonly bigint[], half: number, low: bigint, high: bigint): bigint[] {
  return weights.map((weight, i) => (weight * (i % (2 * half) < half ? low : high)) % ORDER)
}
