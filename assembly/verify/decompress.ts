/**
 * Points from their encodings (RFC 8032, section 5.1.3), up to four at once: one lane each.
 *
 * Only the canonical encoding of a point is one: y below p, and no sign bit where x = 0.
 */

import {
  copyLane, decode, difference, encode, isOdd, isZero, multiply, negateLane, setAll, setSmall, squareTimes, sum,
} from './field'
import { D, raise, SQRT_MINUS_1 } from './root'

const X: usize = memory.data(160, 16)
const Y: usize = memory.data(160, 16)
const ONE: usize = memory.data(160, 16)
const U: usize = memory.data(160, 16)
const V: usize = memory.data(160, 16)
const SQUARE: usize = memory.data(160, 16)
const S: usize = memory.data(160, 16)
const T: usize = memory.data(160, 16)
const BYTES: usize = memory.data(32, 16)

/** Where `decompress` reads: addresses of up to four encodings of 32 bytes. */
export const ENCODINGS: usize = memory.data(16, 16)
/** Where `decompress` writes: addresses of as many quads. */
export const POINTS: usize = memory.data(16, 16)

/** Reads `count` (1 … 4) points. Bit i of the result: the i-th is one, and its quad written (else left as it was). */
export function decompress(count: u32): u32 {
  for (let i: u32 = 0; i < count; i++) decode(Y, i, encoding(i))
  setSmall(ONE, 1)
  // x² = u / v with u = y² − 1, v = d y² + 1
  squareTimes(SQUARE, Y, 1, count)
  difference(U, SQUARE, ONE)
  setAll(T, D)
  multiply(V, SQUARE, T, count)
  sum(V, V, ONE)
  // u v³ (u v⁷)^((p − 5) / 8) is x, or becomes it by √−1, if there is one
  squareTimes(T, V, 1, count)
  multiply(S, T, V, count)
  multiply(X, U, S, count)
  squareTimes(T, S, 1, count)
  multiply(T, T, V, count)
  multiply(T, U, T, count)
  raise(T, count)
  multiply(X, X, T, count)
  const found = chooseRoots(count)
  multiply(T, X, Y, count)
  for (let i: u32 = 0; i < count; i++) {
    if ((found >> i & 1) == 0) continue
    const point: usize = load<u32>(POINTS + 4 * i)
    copyLane(point, 0, X, i); copyLane(point, 1, Y, i); copyLane(point, 2, ONE, i); copyLane(point, 3, T, i)
  }
  return found
}

/** Makes X a root of u / v with the encoded parity, in every lane that has one. Returns which have. */
function chooseRoots(count: u32): u32 {
  let found: u32 = 0
  // S = v x², to be u, or −u
  squareTimes(S, X, 1, count)
  multiply(S, S, V, count)
  difference(T, S, SQUARE)
  sum(T, T, ONE)
  sum(S, S, U)
  setAll(V, SQRT_MINUS_1)
  multiply(V, V, X, count)
  for (let i: u32 = 0; i < count; i++) {
    if (!isZero(T, i)) {
      if (!isZero(S, i)) continue
      copyLane(X, i, V, i)
    }
    const odd = <bool>(load<u8>(encoding(i), 31) >> 7)
    if (!isCanonical(i) || (odd && isZero(X, i))) continue
    if (isOdd(X, i) != odd) negateLane(X, i)
    found |= 1 << i
  }
  return found
}

/** Whether the encoding of that lane holds the one representative of y below p. */
function isCanonical(lane: u32): bool {
  encode(BYTES, Y, lane)
  const from = encoding(lane)
  return load<u64>(from) == load<u64>(BYTES) && load<u64>(from, 8) == load<u64>(BYTES, 8) &&
    load<u64>(from, 16) == load<u64>(BYTES, 16) && (load<u64>(from, 24) << 1) == (load<u64>(BYTES, 24) << 1)
}

@inline
function encoding(i: u32): usize {
  return load<u32>(ENCODINGS + 4 * i)
}
