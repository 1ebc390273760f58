/**
 * Elements of ristretto255 from and to encodings, and from uniform bytes (RFC 9496, sections 4.3.1, 4.3.2 and 4.3.4).
 *
 * An element is a point in extended coordinates, one of the four (times two) that the encoding does not tell apart.
 * Up to four are read or written at once, one lane each.
 */

import { same32 } from '../bytes'
import {
  copyLane, copyLaneIf, decode as readLane, difference, encode as writeLane, isOdd, isZero, multiply, negateLaneIf,
  setAll, setSmall, squareTimes, sum,
} from '../verify/field'
import { add, cache } from '../verify/point'
import { D, SQRT_MINUS_1 } from '../verify/root'
import {
  D_MINUS_ONE_SQ, INVSQRT_A_MINUS_D, makeEven, MINUS_D, ONE_MINUS_D_SQ, rootOfRatio, scale, SQRT_AD_MINUS_ONE,
} from './root'

const X: usize = memory.data(160, 16)
const Y: usize = memory.data(160, 16)
const Z: usize = memory.data(160, 16)
const T: usize = memory.data(160, 16)
const ONE: usize = memory.data(160, 16)
const A: usize = memory.data(160, 16)
const B: usize = memory.data(160, 16)
const C: usize = memory.data(160, 16)
const U: usize = memory.data(160, 16)
const V: usize = memory.data(160, 16)
const ROOT: usize = memory.data(160, 16)
const W: usize = memory.data(160, 16)
const BYTES: usize = memory.data(32, 16)
const CACHED: usize = memory.data(160, 16)

/** Addresses of up to four points, for `decode` and `encode`. */
export const POINTS_AT: usize = memory.data(16, 16)

/** Reads `count` (1 … 4) elements, 32 bytes each. Bit i of the result: the i-th is one, and its point written. */
export function decode(from: usize, count: u32): u32 {
  for (let i: u32 = 0; i < count; i++) readLane(T, i, from + 32 * i)
  setSmall(ONE, 1)
  // A = s², U = 1 − s², B = 1 + s², C = (1 + s²)², V = −d (1 − s²)² − (1 + s²)²
  squareTimes(A, T, 1, count)
  difference(U, ONE, A)
  sum(B, ONE, A)
  squareTimes(C, B, 1, count)
  squareTimes(V, U, 1, count)
  scale(V, V, MINUS_D, count)
  difference(V, V, C)
  multiply(W, V, C, count)
  let found = rootOfRatio(ROOT, ONE, W, count)
  multiply(A, ROOT, B, count)
  multiply(B, A, ROOT, count)
  multiply(B, V, B, count)
  sum(X, T, T)
  multiply(X, X, A, count)
  for (let i: u32 = 0; i < count; i++) makeEven(X, i)
  multiply(Y, U, B, count)
  multiply(W, X, Y, count)
  for (let i: u32 = 0; i < count; i++) {
    writeLane(BYTES, T, i)
    if (!same32(BYTES, from + 32 * i) || isOdd(T, i) || isOdd(W, i) || isZero(Y, i)) found &= ~(1 << i)
    if ((found >> i & 1) != 0) putPoint(load<u32>(POINTS_AT + 4 * i), X, Y, ONE, W, i)
  }
  return found
}

/** Writes the encodings of `count` (1 … 4) elements to `to`, the same way whatever they are. */
export function encode(to: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const point: usize = load<u32>(POINTS_AT + 4 * i)
    copyLane(X, i, point, 0); copyLane(Y, i, point, 1); copyLane(Z, i, point, 2); copyLane(T, i, point, 3)
  }
  setSmall(ONE, 1)
  // U = (z + y) (z − y), V = x y; ROOT = 1 / √(U V²)
  sum(A, Z, Y)
  difference(B, Z, Y)
  multiply(U, A, B, count)
  multiply(V, X, Y, count)
  squareTimes(A, V, 1, count)
  multiply(A, A, U, count)
  rootOfRatio(ROOT, ONE, A, count)
  // A and B are the two denominators, W = 1 / z
  multiply(A, ROOT, U, count)
  multiply(B, ROOT, V, count)
  multiply(W, A, B, count)
  multiply(W, W, T, count)
  scale(A, A, INVSQRT_A_MINUS_D, count)
  scale(U, X, SQRT_MINUS_1, count)
  scale(V, Y, SQRT_MINUS_1, count)
  multiply(T, T, W, count)
  for (let i: u32 = 0; i < count; i++) {
    const rotate: u32 = 0 - <u32>isOdd(T, i)
    copyLaneIf(rotate, X, V, i)
    copyLaneIf(rotate, Y, U, i)
    copyLaneIf(rotate, B, A, i)
  }
  multiply(T, X, W, count)
  for (let i: u32 = 0; i < count; i++) negateLaneIf(0 - <u32>isOdd(T, i), Y, i)
  difference(Z, Z, Y)
  multiply(Z, Z, B, count)
  for (let i: u32 = 0; i < count; i++) {
    makeEven(Z, i)
    writeLane(to + 32 * i, Z, i)
  }
}

/** The point at `to` is what the 64 bytes at `from` are mapped to. */
export function mapUniform(to: usize, from: usize): void {
  readLane(T, 0, from)
  readLane(T, 1, from + 32)
  setSmall(ONE, 1)
  // A = r = √−1 t², U = (r + 1) (1 − d²), V = (−1 − r d) (r + d)
  squareTimes(A, T, 1, 2)
  scale(A, A, SQRT_MINUS_1, 2)
  sum(U, A, ONE)
  scale(U, U, ONE_MINUS_D_SQ, 2)
  scale(V, A, MINUS_D, 2)
  difference(V, V, ONE)
  setAll(B, D)
  sum(B, B, A)
  multiply(V, V, B, 2)
  const found = rootOfRatio(ROOT, U, V, 2)
  // B = the odd one of ±√ · t, C = −1 or r
  multiply(B, ROOT, T, 2)
  setSmall(C, 0)
  difference(C, C, ONE)
  for (let i: u32 = 0; i < 2; i++) {
    const other = (found >> i & 1) - 1
    negateLaneIf(<u32>isOdd(B, i) - 1, B, i)
    copyLaneIf(other, ROOT, B, i)
    copyLaneIf(other, C, A, i)
  }
  // C = c (r − 1) (d − 1)² − V, of which and of s = ROOT the point is made
  difference(B, A, ONE)
  multiply(C, C, B, 2)
  scale(C, C, D_MINUS_ONE_SQ, 2)
  difference(C, C, V)
  multiply(A, ROOT, V, 2)
  sum(A, A, A)
  scale(B, C, SQRT_AD_MINUS_ONE, 2)
  squareTimes(W, ROOT, 1, 2)
  difference(U, ONE, W)
  sum(V, ONE, W)
  multiply(X, A, V, 2)
  multiply(Y, U, B, 2)
  multiply(Z, B, V, 2)
  multiply(W, A, U, 2)
  putPoint(to, X, Y, Z, W, 0)
  putPoint(CACHED, X, Y, Z, W, 1)
  cache(CACHED, CACHED)
  add(to, to, CACHED, false)
}

function putPoint(to: usize, x: usize, y: usize, z: usize, t: usize, lane: u32): void {
  copyLane(to, 0, x, lane); copyLane(to, 1, y, lane); copyLane(to, 2, z, lane); copyLane(to, 3, t, lane)
}
