/** Points of the curve itself to encodings (RFC 8032, section 5.1.2), up to four at once, one lane each: for proofs that tell apart what ristretto255 does not. */

import { copyLane, encode as writeLane, isOdd, multiply, squareTimes } from '../verify/field'
import { raise } from '../verify/root'
import { POINTS_AT } from './encoding'

const X: usize = memory.data(160, 16)
const Y: usize = memory.data(160, 16)
const Z: usize = memory.data(160, 16)
const INVERSE: usize = memory.data(160, 16)

/** Writes the encodings of the `count` (1 … 4) points at `POINTS_AT` to `to`. */
export function encode(to: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const point: usize = load<u32>(POINTS_AT + 4 * i)
    copyLane(X, i, point, 0); copyLane(Y, i, point, 1); copyLane(Z, i, point, 2); copyLane(INVERSE, i, point, 2)
  }
  // 1 / z = z^(p − 2) = (z^((p − 5) / 8))^8 · z³
  raise(INVERSE, count)
  squareTimes(INVERSE, INVERSE, 3, count)
  multiply(INVERSE, INVERSE, Z, count)
  multiply(INVERSE, INVERSE, Z, count)
  multiply(INVERSE, INVERSE, Z, count)
  multiply(X, X, INVERSE, count)
  multiply(Y, Y, INVERSE, count)
  for (let i: u32 = 0; i < count; i++) {
    const at = to + 32 * i
    writeLane(at, Y, i)
    if (isOdd(X, i)) store<u8>(at, load<u8>(at, 31) | 128, 31)
  }
}
