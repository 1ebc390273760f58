/**
 * Shamir's secret sharing, byte by byte over GF(2^8) with the polynomial of AES (x⁸ + x⁴ + x³ + x + 1).
 *
 * Any `needed` shares give the secret, fewer tell nothing at all. A wrong share gives a wrong secret without a word: whoever calls this must know
 * beforehand that the shares are good (`guardians.ts`). Multiplication has no tables and no branches, so that neither caches nor
 * branches tell of the secret; what the JavaScript engine makes of it is not under our control.
 */

import { WebxError } from '../core/errors.ts'

/** One point: the polynomials of all bytes of the secret at `x`, from 1 to 255. */
export interface Point {
  readonly x: number
  readonly y: Uint8Array
}

/**
 * Points 1 to `count` for a secret of any length.
 *
 * @param random gives that many uniformly random bytes; the secrecy rests on them
 */
export function splitSecret(
  secret: Uint8Array,
  count: number,
  needed: number,
  random: (length: number) => Uint8Array,
): Point[] {
  if (!Number.isInteger(needed) || !Number.isInteger(count) || needed < 2 || needed > count || count > 255) {
    throw new WebxError('bad-argument', `cannot split into ${count} shares of which ${needed} are needed`)
  }
  const slopes = random(secret.length * (needed - 1))
  const points = Array.from({ length: count }, (_, i) => ({ x: i + 1, y: new Uint8Array(secret.length) }))
  for (const { x, y } of points) {
    for (let at = 0; at < secret.length; at++) {
      let value = 0
      for (let degree = needed - 2; degree >= 0; degree--) {
        value = multiply(value, x) ^ (slopes[degree * secret.length + at] as number)
      }
      y[at] = multiply(value, x) ^ (secret[at] as number)
    }
  }
  slopes.fill(0)
  return points
}

/** The secret of as many points as were needed; anything else if one of them is wrong. Throws `bad-argument` for points that cannot belong together. */
export function joinPoints(points: readonly Point[]): Uint8Array {
  const length = points[0]?.y.length ?? 0
  const xs = new Set(points.map(({ x }) => x))
  if (xs.size !== points.length || xs.has(0) || points.some(({ y }) => y.length !== length)) {
    throw new WebxError('bad-argument', 'points of a secret have different places and the same length')
  }
  const secret = new Uint8Array(length)
  for (const { x, y } of points) {
    let weight = 1
    for (const other of xs) if (other !== x) weight = multiply(weight, multiply(other, inverse(other ^ x)))
    for (let at = 0; at < length; at++) secret[at] = (secret[at] as number) ^ multiply(weight, y[at] as number)
  }
  return secret
}

function multiply(a: number, b: number): number {
  let product = 0
  let shifted = a
  for (let bit = 0; bit < 8; bit++) {
    product ^= shifted & -((b >>> bit) & 1)
    shifted = (shifted << 1) ^ (0x11b & -(shifted >>> 7))
  }
  return product
}

/** a²⁵⁴, which is a⁻¹. */
function inverse(a: number): number {
  let power = a
  for (let i = 0; i < 6; i++) power = multiply(multiply(power, power), a)
  return multiply(power, power)
}
