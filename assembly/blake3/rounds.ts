/**
 * BLAKE3's seven rounds (BLAKE3 paper, section 2.2), written once for a lane type `T`:
 * `u32` compresses one block, `v128` compresses four blocks in step, one per 32-bit lane.
 *
 * The rounds are unrolled with the message schedule resolved, because that makes every index a constant, and four
 * mixing functions run in step, because that hides the latency of each. The message is read from memory when it is
 * needed: sixteen more locals would only spill.
 */

import { at, plus, put, rotateLeft, splat, xor } from '../lanes'

/** The initialization vector, which is SHA-256's. */
export const IV0: u32 = 0x6a09e667, IV1: u32 = 0xbb67ae85, IV2: u32 = 0x3c6ef372, IV3: u32 = 0xa54ff53a
export const IV4: u32 = 0x510e527f, IV5: u32 = 0x9b05688c, IV6: u32 = 0x1f83d9ab, IV7: u32 = 0x5be0cd19

/** The message is added before `b`, so that it does not wait for the previous step. */
@inline
function feed<T>(a: T, b: T, message: usize, index: i32): T {
  return plus<T>(plus<T>(a, at<T>(message, index)), b)
}

/** `d` after it has taken in `a`, rotated right. */
@inline
function turn16<T>(d: T, a: T): T { return rotateLeft<T>(xor<T>(d, a), 16) }
@inline
function turn12<T>(b: T, c: T): T { return rotateLeft<T>(xor<T>(b, c), 20) }
@inline
function turn8<T>(d: T, a: T): T { return rotateLeft<T>(xor<T>(d, a), 24) }
@inline
function turn7<T>(b: T, c: T): T { return rotateLeft<T>(xor<T>(b, c), 25) }

/**
 * One compression of lane type `T`. Reads the chaining value at `cv` (8 × T) and the message at `m` (16 × T); writes
 * the next chaining value (8 × T) at `out`, or where `whole` the extended output (16 × T). `out` may be `cv`.
 */
@inline
export function compress<T>(cv: usize, m: usize, low: T, high: T, length: T, flags: T, out: usize, whole: bool): void {
  let v0 = at<T>(cv, 0), v1 = at<T>(cv, 1), v2 = at<T>(cv, 2), v3 = at<T>(cv, 3)
  let v4 = at<T>(cv, 4), v5 = at<T>(cv, 5), v6 = at<T>(cv, 6), v7 = at<T>(cv, 7)
  let v8 = splat<T>(IV0), v9 = splat<T>(IV1), v10 = splat<T>(IV2), v11 = splat<T>(IV3)
  let v12 = low, v13 = high, v14 = length, v15 = flags
  // round 1: columns, then diagonals
  v0 = feed<T>(v0, v4, m, 0); v1 = feed<T>(v1, v5, m, 2); v2 = feed<T>(v2, v6, m, 4); v3 = feed<T>(v3, v7, m, 6)
  v12 = turn16<T>(v12, v0); v13 = turn16<T>(v13, v1); v14 = turn16<T>(v14, v2); v15 = turn16<T>(v15, v3)
  v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
  v4 = turn12<T>(v4, v8); v5 = turn12<T>(v5, v9); v6 = turn12<T>(v6, v10); v7 = turn12<T>(v7, v11)
  v0 = feed<T>(v0, v4, m, 1); v1 = feed<T>(v1, v5, m, 3); v2 = feed<T>(v2, v6, m, 5); v3 = feed<T>(v3, v7, m, 7)
  v12 = turn8<T>(v12, v0); v13 = turn8<T>(v13, v1); v14 = turn8<T>(v14, v2); v15 = turn8<T>(v15, v3)
  v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
  v4 = turn7<T>(v4, v8); v5 = turn7<T>(v5, v9); v6 = turn7<T>(v6, v10); v7 = turn7<T>(v7, v11)
  v0 = feed<T>(v0, v5, m, 8); v1 = feed<T>(v1, v6, m, 10); v2 = feed<T>(v2, v7, m, 12); v3 = feed<T>(v3, v4, m, 14)
  v15 = turn16<T>(v15, v0); v12 = turn16<T>(v12, v1); v13 = turn16<T>(v13, v2); v14 = turn16<T>(v14, v3)
  v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
  v5 = turn12<T>(v5, v10); v6 = turn12<T>(v6, v11); v7 = turn12<T>(v7, v8); v4 = turn12<T>(v4, v9)
  v0 = feed<T>(v0, v5, m, 9); v1 = feed<T>(v1, v6, m, 11); v2 = feed<T>(v2, v7, m, 13); v3 = feed<T>(v3, v4, m, 15)
  v15 = turn8<T>(v15, v0); v12 = turn8<T>(v12, v1); v13 = turn8<T>(v13, v2); v14 = turn8<T>(v14, v3)
  v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
  v5 = turn7<T>(v5, v10); v6 = turn7<T>(v6, v11); v7 = turn7<T>(v7, v8); v4 = turn7<T>(v4, v9)
  // round 2: columns, then diagonals
  v0 = feed<T>(v0, v4, m, 2); v1 = feed<T>(v1, v5, m, 3); v2 = feed<T>(v2, v6, m, 7); v3 = feed<T>(v3, v7, m, 4)
  v12 = turn16<T>(v12, v0); v13 = turn16<T>(v13, v1); v14 = turn16<T>(v14, v2); v15 = turn16<T>(v15, v3)
  v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
  v4 = turn12<T>(v4, v8); v5 = turn12<T>(v5, v9); v6 = turn12<T>(v6, v10); v7 = turn12<T>(v7, v11)
  v0 = feed<T>(v0, v4, m, 6); v1 = feed<T>(v1, v5, m, 10); v2 = feed<T>(v2, v6, m, 0); v3 = feed<T>(v3, v7, m, 13)
  v12 = turn8<T>(v12, v0); v13 = turn8<T>(v13, v1); v14 = turn8<T>(v14, v2); v15 = turn8<T>(v15, v3)
  v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
  v4 = turn7<T>(v4, v8); v5 = turn7<T>(v5, v9); v6 = turn7<T>(v6, v10); v7 = turn7<T>(v7, v11)
  v0 = feed<T>(v0, v5, m, 1); v1 = feed<T>(v1, v6, m, 12); v2 = feed<T>(v2, v7, m, 9); v3 = feed<T>(v3, v4, m, 15)
  v15 = turn16<T>(v15, v0); v12 = turn16<T>(v12, v1); v13 = turn16<T>(v13, v2); v14 = turn16<T>(v14, v3)
  v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
  v5 = turn12<T>(v5, v10); v6 = turn12<T>(v6, v11); v7 = turn12<T>(v7, v8); v4 = turn12<T>(v4, v9)
  v0 = feed<T>(v0, v5, m, 11); v1 = feed<T>(v1, v6, m, 5); v2 = feed<T>(v2, v7, m, 14); v3 = feed<T>(v3, v4, m, 8)
  v15 = turn8<T>(v15, v0); v12 = turn8<T>(v12, v1); v13 = turn8<T>(v13, v2); v14 = turn8<T>(v14, v3)
  v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
  v5 = turn7<T>(v5, v10); v6 = turn7<T>(v6, v11); v7 = turn7<T>(v7, v8); v4 = turn7<T>(v4, v9)
  // round 3: columns, then diagonals
  v0 = feed<T>(v0, v4, m, 3); v1 = feed<T>(v1, v5, m, 10); v2 = feed<T>(v2, v6, m, 13); v3 = feed<T>(v3, v7, m, 7)
  v12 = turn16<T>(v12, v0); v13 = turn16<T>(v13, v1); v14 = turn16<T>(v14, v2); v15 = turn16<T>(v15, v3)
  v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
  v4 = turn12<T>(v4, v8); v5 = turn12<T>(v5, v9); v6 = turn12<T>(v6, v10); v7 = turn12<T>(v7, v11)
  v0 = feed<T>(v0, v4, m, 4); v1 = feed<T>(v1, v5, m, 12); v2 = feed<T>(v2, v6, m, 2); v3 = feed<T>(v3, v7, m, 14)
  v12 = turn8<T>(v12, v0); v13 = turn8<T>(v13, v1); v14 = turn8<T>(v14, v2); v15 = turn8<T>(v15, v3)
  v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
  v4 = turn7<T>(v4, v8); v5 = turn7<T>(v5, v9); v6 = turn7<T>(v6, v10); v7 = turn7<T>(v7, v11)
  v0 = feed<T>(v0, v5, m, 6); v1 = feed<T>(v1, v6, m, 9); v2 = feed<T>(v2, v7, m, 11); v3 = feed<T>(v3, v4, m, 8)
  v15 = turn16<T>(v15, v0); v12 = turn16<T>(v12, v1); v13 = turn16<T>(v13, v2); v14 = turn16<T>(v14, v3)
  v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
  v5 = turn12<T>(v5, v10); v6 = turn12<T>(v6, v11); v7 = turn12<T>(v7, v8); v4 = turn12<T>(v4, v9)
  v0 = feed<T>(v0, v5, m, 5); v1 = feed<T>(v1, v6, m, 0); v2 = feed<T>(v2, v7, m, 15); v3 = feed<T>(v3, v4, m, 1)
  v15 = turn8<T>(v15, v0); v12 = turn8<T>(v12, v1); v13 = turn8<T>(v13, v2); v14 = turn8<T>(v14, v3)
  v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
  v5 = turn7<T>(v5, v10); v6 = turn7<T>(v6, v11); v7 = turn7<T>(v7, v8); v4 = turn7<T>(v4, v9)
  // round 4: columns, then diagonals
  v0 = feed<T>(v0, v4, m, 10); v1 = feed<T>(v1, v5, m, 12); v2 = feed<T>(v2, v6, m, 14); v3 = feed<T>(v3, v7, m, 13)
  v12 = turn16<T>(v12, v0); v13 = turn16<T>(v13, v1); v14 = turn16<T>(v14, v2); v15 = turn16<T>(v15, v3)
  v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
  v4 = turn12<T>(v4, v8); v5 = turn12<T>(v5, v9); v6 = turn12<T>(v6, v10); v7 = turn12<T>(v7, v11)
  v0 = feed<T>(v0, v4, m, 7); v1 = feed<T>(v1, v5, m, 9); v2 = feed<T>(v2, v6, m, 3); v3 = feed<T>(v3, v7, m, 15)
  v12 = turn8<T>(v12, v0); v13 = turn8<T>(v13, v1); v14 = turn8<T>(v14, v2); v15 = turn8<T>(v15, v3)
  v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
  v4 = turn7<T>(v4, v8); v5 = turn7<T>(v5, v9); v6 = turn7<T>(v6, v10); v7 = turn7<T>(v7, v11)
  v0 = feed<T>(v0, v5, m, 4); v1 = feed<T>(v1, v6, m, 11); v2 = feed<T>(v2, v7, m, 5); v3 = feed<T>(v3, v4, m, 1)
  v15 = turn16<T>(v15, v0); v12 = turn16<T>(v12, v1); v13 = turn16<T>(v13, v2); v14 = turn16<T>(v14, v3)
  v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
  v5 = turn12<T>(v5, v10); v6 = turn12<T>(v6, v11); v7 = turn12<T>(v7, v8); v4 = turn12<T>(v4, v9)
  v0 = feed<T>(v0, v5, m, 0); v1 = feed<T>(v1, v6, m, 2); v2 = feed<T>(v2, v7, m, 8); v3 = feed<T>(v3, v4, m, 6)
  v15 = turn8<T>(v15, v0); v12 = turn8<T>(v12, v1); v13 = turn8<T>(v13, v2); v14 = turn8<T>(v14, v3)
  v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
  v5 = turn7<T>(v5, v10); v6 = turn7<T>(v6, v11); v7 = turn7<T>(v7, v8); v4 = turn7<T>(v4, v9)
  // round 5: columns, then diagonals
  v0 = feed<T>(v0, v4, m, 12); v1 = feed<T>(v1, v5, m, 9); v2 = feed<T>(v2, v6, m, 15); v3 = feed<T>(v3, v7, m, 14)
  v12 = turn16<T>(v12, v0); v13 = turn16<T>(v13, v1); v14 = turn16<T>(v14, v2); v15 = turn16<T>(v15, v3)
  v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
  v4 = turn12<T>(v4, v8); v5 = turn12<T>(v5, v9); v6 = turn12<T>(v6, v10); v7 = turn12<T>(v7, v11)
  v0 = feed<T>(v0, v4, m, 13); v1 = feed<T>(v1, v5, m, 11); v2 = feed<T>(v2, v6, m, 10); v3 = feed<T>(v3, v7, m, 8)
  v12 = turn8<T>(v12, v0); v13 = turn8<T>(v13, v1); v14 = turn8<T>(v14, v2); v15 = turn8<T>(v15, v3)
  v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
  v4 = turn7<T>(v4, v8); v5 = turn7<T>(v5, v9); v6 = turn7<T>(v6, v10); v7 = turn7<T>(v7, v11)
  v0 = feed<T>(v0, v5, m, 7); v1 = feed<T>(v1, v6, m, 5); v2 = feed<T>(v2, v7, m, 0); v3 = feed<T>(v3, v4, m, 6)
  v15 = turn16<T>(v15, v0); v12 = turn16<T>(v12, v1); v13 = turn16<T>(v13, v2); v14 = turn16<T>(v14, v3)
  v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
  v5 = turn12<T>(v5, v10); v6 = turn12<T>(v6, v11); v7 = turn12<T>(v7, v8); v4 = turn12<T>(v4, v9)
  v0 = feed<T>(v0, v5, m, 2); v1 = feed<T>(v1, v6, m, 3); v2 = feed<T>(v2, v7, m, 1); v3 = feed<T>(v3, v4, m, 4)
  v15 = turn8<T>(v15, v0); v12 = turn8<T>(v12, v1); v13 = turn8<T>(v13, v2); v14 = turn8<T>(v14, v3)
  v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
  v5 = turn7<T>(v5, v10); v6 = turn7<T>(v6, v11); v7 = turn7<T>(v7, v8); v4 = turn7<T>(v4, v9)
  // round 6: columns, then diagonals
  v0 = feed<T>(v0, v4, m, 9); v1 = feed<T>(v1, v5, m, 11); v2 = feed<T>(v2, v6, m, 8); v3 = feed<T>(v3, v7, m, 15)
  v12 = turn16<T>(v12, v0); v13 = turn16<T>(v13, v1); v14 = turn16<T>(v14, v2); v15 = turn16<T>(v15, v3)
  v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
  v4 = turn12<T>(v4, v8); v5 = turn12<T>(v5, v9); v6 = turn12<T>(v6, v10); v7 = turn12<T>(v7, v11)
  v0 = feed<T>(v0, v4, m, 14); v1 = feed<T>(v1, v5, m, 5); v2 = feed<T>(v2, v6, m, 12); v3 = feed<T>(v3, v7, m, 1)
  v12 = turn8<T>(v12, v0); v13 = turn8<T>(v13, v1); v14 = turn8<T>(v14, v2); v15 = turn8<T>(v15, v3)
  v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
  v4 = turn7<T>(v4, v8); v5 = turn7<T>(v5, v9); v6 = turn7<T>(v6, v10); v7 = turn7<T>(v7, v11)
  v0 = feed<T>(v0, v5, m, 13); v1 = feed<T>(v1, v6, m, 0); v2 = feed<T>(v2, v7, m, 2); v3 = feed<T>(v3, v4, m, 4)
  v15 = turn16<T>(v15, v0); v12 = turn16<T>(v12, v1); v13 = turn16<T>(v13, v2); v14 = turn16<T>(v14, v3)
  v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
  v5 = turn12<T>(v5, v10); v6 = turn12<T>(v6, v11); v7 = turn12<T>(v7, v8); v4 = turn12<T>(v4, v9)
  v0 = feed<T>(v0, v5, m, 3); v1 = feed<T>(v1, v6, m, 10); v2 = feed<T>(v2, v7, m, 6); v3 = feed<T>(v3, v4, m, 7)
  v15 = turn8<T>(v15, v0); v12 = turn8<T>(v12, v1); v13 = turn8<T>(v13, v2); v14 = turn8<T>(v14, v3)
  v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
  v5 = turn7<T>(v5, v10); v6 = turn7<T>(v6, v11); v7 = turn7<T>(v7, v8); v4 = turn7<T>(v4, v9)
  // round 7: columns, then diagonals
  v0 = feed<T>(v0, v4, m, 11); v1 = feed<T>(v1, v5, m, 5); v2 = feed<T>(v2, v6, m, 1); v3 = feed<T>(v3, v7, m, 8)
  v12 = turn16<T>(v12, v0); v13 = turn16<T>(v13, v1); v14 = turn16<T>(v14, v2); v15 = turn16<T>(v15, v3)
  v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
  v4 = turn12<T>(v4, v8); v5 = turn12<T>(v5, v9); v6 = turn12<T>(v6, v10); v7 = turn12<T>(v7, v11)
  v0 = feed<T>(v0, v4, m, 15); v1 = feed<T>(v1, v5, m, 0); v2 = feed<T>(v2, v6, m, 9); v3 = feed<T>(v3, v7, m, 6)
  v12 = turn8<T>(v12, v0); v13 = turn8<T>(v13, v1); v14 = turn8<T>(v14, v2); v15 = turn8<T>(v15, v3)
  v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
  v4 = turn7<T>(v4, v8); v5 = turn7<T>(v5, v9); v6 = turn7<T>(v6, v10); v7 = turn7<T>(v7, v11)
  v0 = feed<T>(v0, v5, m, 14); v1 = feed<T>(v1, v6, m, 2); v2 = feed<T>(v2, v7, m, 3); v3 = feed<T>(v3, v4, m, 7)
  v15 = turn16<T>(v15, v0); v12 = turn16<T>(v12, v1); v13 = turn16<T>(v13, v2); v14 = turn16<T>(v14, v3)
  v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
  v5 = turn12<T>(v5, v10); v6 = turn12<T>(v6, v11); v7 = turn12<T>(v7, v8); v4 = turn12<T>(v4, v9)
  v0 = feed<T>(v0, v5, m, 10); v1 = feed<T>(v1, v6, m, 12); v2 = feed<T>(v2, v7, m, 4); v3 = feed<T>(v3, v4, m, 13)
  v15 = turn8<T>(v15, v0); v12 = turn8<T>(v12, v1); v13 = turn8<T>(v13, v2); v14 = turn8<T>(v14, v3)
  v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
  v5 = turn7<T>(v5, v10); v6 = turn7<T>(v6, v11); v7 = turn7<T>(v7, v8); v4 = turn7<T>(v4, v9)
  if (whole) {
    put<T>(out, 8, xor<T>(v8, at<T>(cv, 0))); put<T>(out, 9, xor<T>(v9, at<T>(cv, 1)))
    put<T>(out, 10, xor<T>(v10, at<T>(cv, 2))); put<T>(out, 11, xor<T>(v11, at<T>(cv, 3)))
    put<T>(out, 12, xor<T>(v12, at<T>(cv, 4))); put<T>(out, 13, xor<T>(v13, at<T>(cv, 5)))
    put<T>(out, 14, xor<T>(v14, at<T>(cv, 6))); put<T>(out, 15, xor<T>(v15, at<T>(cv, 7)))
  }
  put<T>(out, 0, xor<T>(v0, v8)); put<T>(out, 1, xor<T>(v1, v9))
  put<T>(out, 2, xor<T>(v2, v10)); put<T>(out, 3, xor<T>(v3, v11))
  put<T>(out, 4, xor<T>(v4, v12)); put<T>(out, 5, xor<T>(v5, v13))
  put<T>(out, 6, xor<T>(v6, v14)); put<T>(out, 7, xor<T>(v7, v15))
}
