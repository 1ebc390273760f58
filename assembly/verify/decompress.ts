/**
 * Points from their encodings (RFC 8032, section 5.1.3), up to four at once: one lane each.
 *
 * Only the canonical encoding of a point is one: y below p, and no sign bit where x = 0.
 */

import {
  copyLane, decode, difference, encode, isOdd, isZero, multiply, negateLane, setAll, setSmall, squareTimes, sum,
} from './field'

const D: usize = memory.data<u32>([
  56195235, 13857412, 51736253, 6949390, 114729, 24766616, 60832955, 30306712, 48412415, 21499315,
], 16)
const SQRT_MINUS_1: usize = memory.data<u32>([
  34513072, 25610706, 9377949, 3500415, 12389472, 33281959, 41962654, 31548777, 326685, 11406482,
], 16)

const X: usize = memory.data(160, 16)
const Y: usize = memory.data(160, 16)
const ONE: usize = memory.data(160, 16)
const U: usize = memory.data(160, 16)
const V: usize = memory.data(160, 16)
const SQUARE: usize = memory.data(160, 16)
const S: usize = memory.data(160, 16)
const A: usize = memory.data(160, 16)
const B: usize = memory.data(160, 16)
const C: usize = memory.data(160, 16)
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
  raise(count)
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

/** T = T^(2^252 − 3), which is (p − 5) / 8; by the chain of SUPERCOP's ref10. */
function raise(count: u32): void {
  squareTimes(A, T, 1, count)
  squareTimes(B, A, 2, count)
  multiply(B, B, T, count)
  multiply(A, A, B, count)
  squareTimes(A, A, 1, count)
  multiply(A, A, B, count)
  // A = T^(2^5 − 1)
  stretch(A, A, 5, count)
  stretch(B, A, 10, count)
  stretch(C, B, 20, count)
  squareTimes(C, C, 10, count)
  multiply(A, C, A, count)
  // A = T^(2^50 − 1)
  stretch(B, A, 50, count)
  stretch(C, B, 100, count)
  squareTimes(C, C, 50, count)
  multiply(A, C, A, count)
  squareTimes(A, A, 2, count)
  multiply(T, A, T, count)
}

/** From x^(2^n − 1) in `from` to x^(2^2n − 1) in `to`. */
function stretch(to: usize, from: usize, n: u32, count: u32): void {
  squareTimes(S, from, n, count)
  multiply(to, S, from, count)
}

@inline
function encoding(i: u32): usize {
  return load<u32>(ENCODINGS + 4 * i)
}
