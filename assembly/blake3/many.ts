/**
 * BLAKE3 of many inputs of equal shape: whole chunks, or pairs of chaining values that are parents in the tree.
 * The SIMD build hashes four in step, transposing each 64-byte block into a scratch of 16 vectors.
 *
 * The scratch is the caller's, so that threads that share one memory can each bring their own.
 */

import { at, put } from '../lanes'
import { CHUNK_BLOCKS, CHUNK_END, CHUNK_START, PARENT } from './marks'
import { compress } from './rounds'
import { chainRows } from './rows'

/** Bytes of a scratch, which begins at a multiple of 16: 8 vectors of chaining values, then 16 of message. */
export const SCRATCH_LENGTH: i32 = 384

/**
 * Chains `count` (1 or more) blocks of 64 bytes from `block`, beginning with the chaining value at `from`; writes the last one's at `to`,
 * which may be `from` or lie within the last block. `length` is that of every block; `start` and `end` are flags of the
 * first and the last one only. Where `whole` is not 0, the last block's extended output of 64 bytes is written there.
 */
export function chain(
  from: usize, to: usize, block: usize, count: u32, counter: u64, length: u32,
  flags: u32, start: u32, end: u32, whole: usize,
): void {
  if (ASC_FEATURE_SIMD) {
    chainRows(from, to, block, count, counter, length, flags, start, end, whole)
  } else {
    let mark = flags | start
    for (; count > 1; count--) {
      compressBlock(from, to, block, counter, length, mark)
      mark = flags
      from = to
      block += 64
    }
    if (whole == 0) compressBlock(from, to, block, counter, length, mark | end)
    else compress<u32>(from, block, <u32>counter, <u32>(counter >> 32), length, mark | end, whole, true)
  }
}

function compressBlock(from: usize, to: usize, block: usize, counter: u64, length: u32, flags: u32): void {
  compress<u32>(from, block, <u32>counter, <u32>(counter >> 32), length, flags, to, false)
}

/**
 * Hashes `count` inputs of `blocks` × 64 bytes that follow each other at `from`, each from the chaining value at `key`,
 * and writes their chaining values (32 bytes each) at `out`, which may overlap inputs already read.
 * The counter of the first is `counter`; it grows by `step` (1 for chunks, 0 for parents).
 */
export function hashMany(
  from: usize, count: u32, blocks: u32, key: usize, counter: u64, step: u64,
  flags: u32, start: u32, end: u32, out: usize, scratch: usize,
): void {
  if (ASC_FEATURE_SIMD) {
    while (count >= 4) {
      hashFour(from, blocks, key, counter, step, flags, start, end, out, scratch)
      from += 256 * blocks
      out += 128
      counter += 4 * step
      count -= 4
    }
  }
  while (count > 0) {
    chain(key, out, from, blocks, counter, 64, flags, start, end, 0)
    from += 64 * blocks
    out += 32
    counter += step
    count--
  }
}

/**
 * The chaining value of a subtree of `count` (a power of two, 2 or more) whole chunks at `from`, the first of which is chunk `counter`:
 * leaves the topmost `width` (1 or 2) chaining values of the subtree at `out`, which needs room for 32 × `count` bytes.
 */
export function hashSubtree(
  from: usize, count: u32, width: u32, key: usize, counter: u64, flags: u32, out: usize, scratch: usize,
): void {
  hashMany(from, count, CHUNK_BLOCKS, key, counter, 1, flags, CHUNK_START, CHUNK_END, out, scratch)
  while (count > width) {
    count >>= 1
    hashMany(out, count, 1, key, 0, 0, flags | PARENT, 0, 0, out, scratch)
  }
}

function hashFour(
  from: usize, blocks: u32, key: usize, counter: u64, step: u64, flags: u32, start: u32, end: u32, out: usize, scratch: usize,
): void {
  const stride: usize = 64 * blocks
  const message = scratch + 128
  for (let i = 0; i < 8; i++) put<v128>(scratch, i, v128.load_splat<u32>(key + 4 * i))
  const c1 = counter + step, c2 = c1 + step, c3 = c2 + step
  const low = i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(
    i32x4.splat(<u32>counter), 1, <u32>c1), 2, <u32>c2), 3, <u32>c3)
  const high = i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(
    i32x4.splat(<u32>(counter >> 32)), 1, <u32>(c1 >> 32)), 2, <u32>(c2 >> 32)), 3, <u32>(c3 >> 32))
  const length = i32x4.splat(64)
  let mark = flags | start
  for (let b: u32 = 0; b < blocks; b++) {
    if (b + 1 == blocks) mark |= end
    for (let quarter: usize = 0; quarter < 64; quarter += 16) {
      transpose(from + quarter, stride, message + 4 * quarter)
    }
    compress<v128>(scratch, message, low, high, length, i32x4.splat(mark), scratch, false)
    mark = flags
    from += 64
  }
  untranspose(scratch, out)
  untranspose(scratch + 64, out + 16)
}

/** Four words of each of four inputs, `stride` apart, become four vectors of one word each. */
@inline
function transpose(from: usize, stride: usize, to: usize): void {
  const a = v128.load(from), b = v128.load(from + stride)
  const c = v128.load(from + 2 * stride), d = v128.load(from + 3 * stride)
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5)
  const ab2 = v128.shuffle<i32>(a, b, 2, 6, 3, 7), cd2 = v128.shuffle<i32>(c, d, 2, 6, 3, 7)
  put<v128>(to, 0, v128.shuffle<i64>(ab, cd, 0, 2))
  put<v128>(to, 1, v128.shuffle<i64>(ab, cd, 1, 3))
  put<v128>(to, 2, v128.shuffle<i64>(ab2, cd2, 0, 2))
  put<v128>(to, 3, v128.shuffle<i64>(ab2, cd2, 1, 3))
}

/** Four vectors of one word each become four words of each of four outputs, 32 bytes apart. */
@inline
function untranspose(from: usize, to: usize): void {
  const a = at<v128>(from, 0), b = at<v128>(from, 1), c = at<v128>(from, 2), d = at<v128>(from, 3)
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5)
  const ab2 = v128.shuffle<i32>(a, b, 2, 6, 3, 7), cd2 = v128.shuffle<i32>(c, d, 2, 6, 3, 7)
  v128.store(to, v128.shuffle<i64>(ab, cd, 0, 2))
  v128.store(to, v128.shuffle<i64>(ab, cd, 1, 3), 32)
  v128.store(to, v128.shuffle<i64>(ab2, cd2, 0, 2), 64)
  v128.store(to, v128.shuffle<i64>(ab2, cd2, 1, 3), 96)
}
