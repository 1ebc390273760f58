/**
 * What the maps of ristretto255 share: the square root of a ratio (RFC 9496, section 4.2) and the limbs of constants.
 *
 * One lane for each of up to four elements. Nothing here branches on what the elements are.
 */

import {
  copyLaneIf, difference, isOdd, isZero, multiply, negateLaneIf, setAll, squareTimes, sum,
} from '../verify/field'
import { raise, SQRT_MINUS_1 } from '../verify/root'

/** −d */
export const MINUS_D: usize = memory.data<u32>([
  10913610, 19697019, 15372610, 26605041, 66994134, 8787815, 6275908, 3247719, 18696448, 12055116,
], 16)
/** √(a d − 1) with a = −1 */
export const SQRT_AD_MINUS_ONE: usize = memory.data<u32>([
  24849947, 33400850, 43495378, 6347714, 46036536, 32887293, 41837720, 18186727, 66238516, 14525638,
], 16)
/** 1 / √(a − d) */
export const INVSQRT_A_MINUS_D: usize = memory.data<u32>([
  6111466, 4156064, 39310137, 12243467, 41204824, 120896, 20826367, 26493656, 6093567, 31568420,
], 16)
/** 1 − d² */
export const ONE_MINUS_D_SQ: usize = memory.data<u32>([
  6275446, 16937061, 44170319, 29780721, 11667076, 7397348, 39186143, 1766194, 42675006, 672202,
], 16)
/** (d − 1)² */
export const D_MINUS_ONE_SQ: usize = memory.data<u32>([
  15551776, 22456977, 53683765, 23429360, 55212328, 10178283, 40474537, 4729243, 61826754, 23438029,
], 16)

const S: usize = memory.data(160, 16)
const T: usize = memory.data(160, 16)
const FACTOR: usize = memory.data(160, 16)
const OTHER: usize = memory.data(160, 16)
const RATIO: usize = memory.data(160, 16)

/** `to` = `a` times the constant whose limbs lie at `limbs`. */
export function scale(to: usize, a: usize, limbs: usize, count: u32): void {
  setAll(FACTOR, limbs)
  multiply(to, a, FACTOR, count)
}

/**
 * `to` = √(u / v), the even one, where there is one, else √(√−1 · u / v); 0 where v is 0. Bit i of the result: the
 * i-th is a root of u / v. `u` has excess 1.9 at most, `v` 3.2. `to` may be neither.
 */
export function rootOfRatio(to: usize, u: usize, v: usize, count: u32): u32 {
  // u v³ (u v⁷)^((p − 5) / 8)
  squareTimes(T, v, 1, count)
  multiply(S, T, v, count)
  multiply(to, S, u, count)
  squareTimes(T, S, 1, count)
  multiply(T, T, v, count)
  multiply(T, T, u, count)
  raise(T, count)
  multiply(to, to, T, count)
  // v · to² is u, −u, √−1 u or −√−1 u
  squareTimes(RATIO, to, 1, count)
  multiply(RATIO, RATIO, v, count)
  difference(S, RATIO, u)
  sum(T, RATIO, u)
  scale(OTHER, u, SQRT_MINUS_1, count)
  sum(RATIO, RATIO, OTHER)
  scale(OTHER, to, SQRT_MINUS_1, count)
  let found: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const right = <u32>isZero(S, i), negative = <u32>isZero(T, i), other = <u32>isZero(RATIO, i)
    copyLaneIf(0 - (negative | other), to, OTHER, i)
    makeEven(to, i)
    found |= (right | negative) << i
  }
  return found
}

/** Makes a lane of excess 1.9 at most the even one of it and its negative; the excess then is 1.001. */
export function makeEven(at: usize, lane: u32): void {
  negateLaneIf(0 - <u32>isOdd(at, lane), at, lane)
}
