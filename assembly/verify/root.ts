/** What square roots modulo p = 2^255 − 19 take: two constants of the curve, and a power of up to four elements at once. */

import { multiply, squareTimes } from './field'

/** Limbs of d = −121665 / 121666. */
export const D: usize = memory.data<u32>([
  56195235, 13857412, 51736253, 6949390, 114729, 24766616, 60832955, 30306712, 48412415, 21499315,
], 16)
/** Limbs of √−1, the even one. */
export const SQRT_MINUS_1: usize = memory.data<u32>([
  34513072, 25610706, 9377949, 3500415, 12389472, 33281959, 41962654, 31548777, 326685, 11406482,
], 16)

const A: usize = memory.data(160, 16)
const B: usize = memory.data(160, 16)
const C: usize = memory.data(160, 16)
const S: usize = memory.data(160, 16)

/** t = t^(2^252 − 3), which is (p − 5) / 8, in the first `count` lanes; by the chain of SUPERCOP's ref10. */
export function raise(t: usize, count: u32): void {
  squareTimes(A, t, 1, count)
  squareTimes(B, A, 2, count)
  multiply(B, B, t, count)
  multiply(A, A, B, count)
  squareTimes(A, A, 1, count)
  multiply(A, A, B, count)
  // A = t^(2^5 − 1)
  stretch(A, A, 5, count)
  stretch(B, A, 10, count)
  stretch(C, B, 20, count)
  squareTimes(C, C, 10, count)
  multiply(A, C, A, count)
  // A = t^(2^50 − 1)
  stretch(B, A, 50, count)
  stretch(C, B, 100, count)
  squareTimes(C, C, 50, count)
  multiply(A, C, A, count)
  squareTimes(A, A, 2, count)
  multiply(t, A, t, count)
}

/** From x^(2^n − 1) in `from` to x^(2^2n − 1) in `to`. */
function stretch(to: usize, from: usize, n: u32, count: u32): void {
  squareTimes(S, from, n, count)
  multiply(to, S, from, count)
}
