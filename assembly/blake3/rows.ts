/**
 * BLAKE3's compression of consecutive blocks with the state held as four rows of a 4×4 matrix: the SIMD way for one
 * input, where there are not four chunks to hash in step. The message is permuted in registers, as in the reference
 * implementation's SSE4.1 code, so that the rounds are a loop.
 */

import { rotateLeft } from '../lanes'
import { IV0, IV1, IV2, IV3 } from './rounds'

@inline
function plus4(a: v128, b: v128): v128 { return i32x4.add(a, b) }

/** As `chain`. The chaining value stays in registers between the blocks. */
export function chainRows(
  from: usize, to: usize, block: usize, count: u32, counter: u64, length: u32,
  flags: u32, start: u32, end: u32, whole: usize,
): void {
  let cv0 = v128.load(from), cv1 = v128.load(from, 16)
  let mark = flags | start
  while (count > 0) {
    if (count == 1) mark |= end
    let m0 = v128.load(block), m1 = v128.load(block, 16), m2 = v128.load(block, 32), m3 = v128.load(block, 48)
    let row0 = cv0, row1 = cv1, row2 = i32x4(IV0, IV1, IV2, IV3)
    let row3 = i32x4.replace_lane(i32x4.replace_lane(i64x2.splat(counter), 2, length), 3, mark)
    // the words of round 1: even and odd of the columns, then of the diagonals, rotated to meet the shuffled rows
    let t0 = v128.shuffle<i32>(m0, m1, 0, 2, 4, 6), t1 = v128.shuffle<i32>(m0, m1, 1, 3, 5, 7)
    let t2 = v128.shuffle<i32>(m2, m3, 0, 2, 4, 6), t3 = v128.shuffle<i32>(m2, m3, 1, 3, 5, 7)
    t2 = v128.shuffle<i32>(t2, t2, 3, 0, 1, 2)
    t3 = v128.shuffle<i32>(t3, t3, 3, 0, 1, 2)
    for (let round = 0; ; ) {
      row0 = plus4(plus4(row0, t0), row1); row3 = rotateLeft<v128>(v128.xor(row3, row0), 16)
      row2 = plus4(row2, row3); row1 = rotateLeft<v128>(v128.xor(row1, row2), 20)
      row0 = plus4(plus4(row0, t1), row1); row3 = rotateLeft<v128>(v128.xor(row3, row0), 24)
      row2 = plus4(row2, row3); row1 = rotateLeft<v128>(v128.xor(row1, row2), 25)
      row0 = v128.shuffle<i32>(row0, row0, 3, 0, 1, 2)
      row3 = v128.shuffle<i32>(row3, row3, 2, 3, 0, 1)
      row2 = v128.shuffle<i32>(row2, row2, 1, 2, 3, 0)
      row0 = plus4(plus4(row0, t2), row1); row3 = rotateLeft<v128>(v128.xor(row3, row0), 16)
      row2 = plus4(row2, row3); row1 = rotateLeft<v128>(v128.xor(row1, row2), 20)
      row0 = plus4(plus4(row0, t3), row1); row3 = rotateLeft<v128>(v128.xor(row3, row0), 24)
      row2 = plus4(row2, row3); row1 = rotateLeft<v128>(v128.xor(row1, row2), 25)
      row0 = v128.shuffle<i32>(row0, row0, 1, 2, 3, 0)
      row3 = v128.shuffle<i32>(row3, row3, 2, 3, 0, 1)
      row2 = v128.shuffle<i32>(row2, row2, 3, 0, 1, 2)
      if (++round == 7) break
      m0 = t0; m1 = t1; m2 = t2; m3 = t3
      // each shuffle is one that processors have an instruction for
      t0 = v128.shuffle<i32>(m0, m1, 2, 1, 5, 7)
      t0 = v128.shuffle<i32>(t0, t0, 1, 2, 3, 0)
      t1 = v128.shuffle<i32>(v128.shuffle<i32>(m0, m0, 3, 3, 0, 0), v128.shuffle<i32>(m2, m3, 2, 2, 7, 7), 0, 5, 2, 7)
      t2 = v128.shuffle<i32>(v128.shuffle<i32>(m3, m1, 0, 1, 4, 5), m2, 0, 1, 2, 7)
      t2 = v128.shuffle<i32>(t2, t2, 0, 2, 3, 1)
      t3 = v128.shuffle<i32>(m2, v128.shuffle<i32>(m1, m3, 2, 6, 3, 7), 0, 4, 1, 5)
      t3 = v128.shuffle<i32>(t3, t3, 2, 3, 1, 0)
    }
    if (whole != 0 && count == 1) {
      v128.store(whole, v128.xor(row0, row2))
      v128.store(whole, v128.xor(row1, row3), 16)
      v128.store(whole, v128.xor(row2, cv0), 32)
      v128.store(whole, v128.xor(row3, cv1), 48)
      return
    }
    cv0 = v128.xor(row0, row2)
    cv1 = v128.xor(row1, row3)
    mark = flags
    block += 64
    count--
  }
  v128.store(to, cv0)
  v128.store(to, cv1, 16)
}
