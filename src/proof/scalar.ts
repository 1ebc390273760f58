/**
 * Numbers modulo L, the order of ristretto255 (RFC 9496 §4.4): exponents, blindings, challenges and responses of proofs.
 *
 * They are BigInts, whose time depends on their values. So secret keys, blindings and the nonces that hide them never become one: they stay bytes and
 * are reckoned with in the kernel, which shows nothing of them (`wasm/group.ts`). What does become one is public, or is said where it is done.
 */

import { assertBytes } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { ORDER } from '../wasm/group.ts'

/** Bytes of a scalar on the wire. */
export const SCALAR_BYTES = 32
const LOW_64 = 2n ** 64n - 1n

/** The residue of any integer, 0 ≤ result < L. */
export function mod(value: bigint): bigint {
  const rest = value % ORDER
  return rest < 0n ? rest + ORDER : rest
}

/** The number whose product with `value` is 1. Throws `bad-argument` for multiples of L. */
export function invert(value: bigint): bigint {
  let [low, high] = [mod(value), ORDER]
  if (low === 0n) throw new WebxError('bad-argument', 'zero has no inverse')
  let [x, y] = [1n, 0n]
  while (low !== 1n) {
    const quotient = high / low
    ;[low, high] = [high - quotient * low, low]
    ;[x, y] = [y - quotient * x, x]
  }
  return mod(x)
}

/** The inverses of all of them for the price of one. Throws `bad-argument` where one is a multiple of L. */
export function invertAll(values: readonly bigint[]): bigint[] {
  const before = new Array<bigint>(values.length)
  let product = 1n
  values.forEach((value, i) => {
    before[i] = product
    product = (product * value) % ORDER
  })
  let inverse = invert(product)
  const result = new Array<bigint>(values.length)
  for (let i = values.length - 1; i >= 0; i--) {
    result[i] = (inverse * (before[i] as bigint)) % ORDER
    inverse = (inverse * (values[i] as bigint)) % ORDER
  }
  return result
}

/** 32 little-endian bytes of a scalar. */
export function scalarBytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(SCALAR_BYTES)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < 4; i++) view.setBigUint64(8 * i, (value >> BigInt(64 * i)) & LOW_64, true)
  return bytes
}

/** The scalar of 32 little-endian bytes, or null where they are not below L: each scalar has one encoding. */
export function readScalar(bytes: Uint8Array): bigint | null {
  assertBytes('scalar', bytes, SCALAR_BYTES)
  const value = littleEndian(bytes)
  return value < ORDER ? value : null
}

/** 64 uniform bytes modulo L; the bias is below 2^−250. */
export function reduce(uniform: Uint8Array): bigint {
  assertBytes('uniform bytes', uniform, 2 * SCALAR_BYTES)
  return littleEndian(uniform) % ORDER
}

/** Σ a_i · b_i modulo L. */
export function inner(a: readonly bigint[], b: readonly bigint[]): bigint {
  let sum = 0n
  for (let i = 0; i < a.length; i++) sum += (a[i] as bigint) * (b[i] as bigint)
  return sum % ORDER
}

/** 1, x, x², … of that length. */
export function powers(x: bigint, length: number): bigint[] {
  const result = new Array<bigint>(length)
  let power = 1n
  for (let i = 0; i < length; i++) {
    result[i] = power
    power = (power * x) % ORDER
  }
  return result
}

function littleEndian(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let value = 0n
  for (let at = bytes.length - 8; at >= 0; at -= 8) value = (value << 64n) | view.getBigUint64(at, true)
  return value
}
