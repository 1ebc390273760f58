/**
 * Makes the range proofs that `range.ts` checks (Bünz et al. 2018, §4.1 and §4.2).
 *
 * Commitments to the bits and to their masks are sums in the kernel's constant-time arithmetic, as are the answers that open them. The polynomials
 * between are BigInts, whose time depends a little on the bits and masks of this one proof: make proofs on a machine that you do not share.
 */

import type { Cbor } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { type GroupDoor, ORDER } from '../wasm/group.ts'
import { basesOf, rangeBasesOf } from './bases.ts'
import { commit, type Opening } from './commitment.ts'
import { encodeProof } from './format.ts'
import { argue } from './inner-product.ts'
import { assertStatement, openRange } from './range.ts'
import { inner, invert, mod, powers, readScalar, SCALAR_BYTES, scalarBytes } from './scalar.ts'
import { chanceFrom, nonces, type Random, respond } from './secret.ts'
import type { ProofContext, Transcript } from './transcript.ts'

/** What the prover knows beside the statement. */
export interface RangeWitness {
  /** One for each commitment, in its order. */
  readonly openings: readonly Opening[]
  /** 8, 16, 32 or 64. */
  readonly bits: number
  /** What the commitments stem from, where they were calculated. */
  readonly about: Cbor
}

/**
 * A proof that the values of all openings have at most `bits` bits: 32 · (9 + 2·log2(values · bits)) + 5 bytes.
 *
 * @throws WebxError `bad-argument` where a value is too large, or the number of values and bits is not one that can be proven
 */
export function proveRange(group: GroupDoor, witness: RangeWitness, context: ProofContext, random: Random): Uint8Array {
  const { openings, bits, about } = witness
  assertStatement(openings.length, bits)
  if (openings.some(({ value }) => value < 0n || value >> BigInt(bits) !== 0n)) {
    throw new WebxError('bad-argument', `a value is not in 0 … 2^${bits} − 1, so no proof of it exists`)
  }
  const commitments = openings.map((opening) => commit(group, opening))
  const transcript = openRange(group, { commitments, bits, about }, context)
  const secrets = openings.flatMap(({ value, blinding }) => [scalarBytes(value), blinding])
  const nonce = nonces(group, chanceFrom(random), secrets, transcript.state('nonces'))
  return group.scope(() => prove(group, transcript, openings, bits, nonce))
}

function prove(
  group: GroupDoor,
  transcript: Transcript,
  openings: readonly Opening[],
  bits: number,
  nonce: () => Uint8Array,
): Uint8Array {
  const first = commitBits(group, openings, bits, nonce)
  transcript.say('bits', first.points)
  const y = transcript.challenge('y')
  const z = transcript.challenge('z')
  const zPowers = powers(z, openings.length + 2)
  const { left, right } = linesOf(first, y, zPowers, bits)
  const second = commitPolynomial(group, [
    [inner(left.start, right.slope) + inner(left.slope, right.start), nonce()],
    [inner(left.slope, right.slope), nonce()],
  ])
  transcript.say('polynomial', second.points)
  const x = transcript.challenge('x')
  const [leftAtX, rightAtX] = [at(left, x), at(right, x)]
  const [linear, quadratic] = second.blindings as [Uint8Array, Uint8Array]
  // (quadratic · x + linear) · x, then what the values are blinded with
  let blinding = respond(group, new Uint8Array(SCALAR_BYTES), x, respond(group, linear, x, quadratic))
  openings.forEach((opening, j) => {
    blinding = respond(group, blinding, zPowers[2 + j] as bigint, opening.blinding)
  })
  const shown = [blinding, respond(group, first.blinding, x, first.maskBlinding), scalarBytes(inner(leftAtX, rightAtX))]
  transcript.say('openings', shown)
  const count = openings.length * bits
  const sides = rangeBasesOf(group, count)
  const argument = argue(group, transcript, {
    leftBases: sides.left,
    rightBases: sides.right,
    rightWeights: powers(invert(y), count),
    left: leftAtX,
    right: rightAtX,
    productBase: basesOf(group).value,
    productWeight: transcript.challenge('product'),
  })
  const rest = [argument.left, argument.right].map(scalarBytes)
  return encodeProof([...first.points, ...second.points, ...shown, ...argument.rounds.flat(), ...rest])
}

interface BitCommitments {
  /** A and S of the paper: commitments to the bits (and bits − 1), and to a mask for each. */
  readonly points: readonly Uint8Array[]
  readonly bits: readonly bigint[]
  readonly leftMasks: readonly bigint[]
  readonly rightMasks: readonly bigint[]
  readonly blinding: Uint8Array
  readonly maskBlinding: Uint8Array
}

function commitBits(
  group: GroupDoor,
  openings: readonly Opening[],
  bits: number,
  nonce: () => Uint8Array,
): BitCommitments {
  const { left, right } = rangeBasesOf(group, openings.length * bits)
  const values = openings.flatMap(({ value }) => Array.from({ length: bits }, (_, i) => (value >> BigInt(i)) & 1n))
  const [blinding, maskBlinding] = [nonce(), nonce()]
  const leftMasks = values.map(() => nonce())
  const rightMasks = values.map(() => nonce())
  const points = [basesOf(group).blinding, ...left, ...right]
  const bitScalars = [...values, ...values.map((bit) => mod(bit - 1n))].map(scalarBytes)
  return {
    points: group.encodeAll([
      group.sumSecret([blinding, ...bitScalars], points),
      group.sumSecret([maskBlinding, ...leftMasks, ...rightMasks], points),
    ]),
    bits: values,
    leftMasks: leftMasks.map(numberOf),
    rightMasks: rightMasks.map(numberOf),
    blinding,
    maskBlinding,
  }
}

/** A vector of polynomials of degree one. */
interface Lines {
  readonly start: readonly bigint[]
  readonly slope: readonly bigint[]
}

/** l(X) and r(X) of the paper: the bits, shifted by z, and what the masks add to them. */
function linesOf(
  { bits, leftMasks, rightMasks }: BitCommitments,
  y: bigint,
  zPowers: readonly bigint[],
  bitsEach: number,
): { left: Lines; right: Lines } {
  const yPowers = powers(y, bits.length)
  const z = zPowers[1] as bigint
  const right = bits.map((bit, i) => {
    const two = (zPowers[2 + Math.floor(i / bitsEach)] as bigint) << BigInt(i % bitsEach)
    return mod((yPowers[i] as bigint) * (bit - 1n + z) + two)
  })
  return {
    left: { start: bits.map((bit) => mod(bit - z)), slope: leftMasks },
    right: { start: right, slope: rightMasks.map((mask, i) => (mask * (yPowers[i] as bigint)) % ORDER) },
  }
}

function at({ start, slope }: Lines, x: bigint): bigint[] {
  return start.map((value, i) => (value + (slope[i] as bigint) * x) % ORDER)
}

/** T1 and T2 of the paper: commitments to the coefficients of the product of the two vectors as polynomials. */
function commitPolynomial(
  group: GroupDoor,
  coefficients: readonly (readonly [bigint, Uint8Array])[],
): { points: readonly Uint8Array[]; blindings: readonly Uint8Array[] } {
  const { value, blinding } = basesOf(group)
  const points = coefficients.map(([coefficient, hiding]) =>
    group.sumSecret([scalarBytes(mod(coefficient)), hiding], [value, blinding]),
  )
  return { points: group.encodeAll(points), blindings: coefficients.map(([, hiding]) => hiding) }
}

/** The number of a scalar that the kernel has reduced. */
function numberOf(scalar: Uint8Array): bigint {
  return readScalar(scalar) as bigint
}
