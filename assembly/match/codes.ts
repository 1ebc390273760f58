/**
 * Sign codes: one bit per element of a row, 1 where it is negative. The share of bits in which two codes differ grows
 * with the angle between the rows, so that the nearest codes are candidates for the nearest rows.
 *
 * Bit j of byte i stands for element 8i + j; a code is padded with zeros to a multiple of 16 bytes.
 */

import { probeCode } from './buffers'
import { sumLanes } from './dot'

/** Bytes of the code of a row. */
@inline
export function codeBytes(dimensions: u32): u32 {
  return (dimensions + 127) >> 7 << 4
}

/** Bytes that `nearestCodes` needs at `list` to find `most`. */
@inline
export function listBytes(most: u32): u32 {
  return 16 * most
}

/** Writes the code of the row of `T` (i8 or f32) at `from`. */
export function encode<T>(to: usize, from: usize, dimensions: u32): void {
  memory.fill(to, 0, codeBytes(dimensions))
  for (const end = from + dimensions * sizeof<T>(); from < end; from += 8 * sizeof<T>(), to++) {
    let byte = 0
    for (let j: usize = 0; j < 8; j++) byte |= (load<T>(from + j * sizeof<T>()) < 0 ? 1 : 0) << <i32>j
    store<u8>(to, byte)
  }
}

/**
 * Finds the `most` of the first `count` codes that differ from `probeCode` in the fewest bits, equal ones by row, and
 * writes them to `list` as (row, bits) in ascending order of rows. `vectors` counts bits by vectors, else by words of 64
 * bits: the result is the same. Returns how many there are.
 *
 * Keeps up to twice as many and then throws away the worse half, so that the codes are read once and nothing as long as
 * the gallery is written.
 */
export function nearestCodes(count: u32, codes: usize, bytes: u32, list: usize, most: u32, vectors: bool): u32 {
  let kept: u32 = 0, limit: u32 = 0xffffffff
  for (let row: u32 = 0, at = codes; row < count; row++, at += bytes) {
    const bits = ASC_FEATURE_SIMD && vectors ? differenceByVectors(at, bytes) : differenceByWords(at, bytes)
    if (bits >= limit) continue
    store<u32>(list + 8 * kept, row)
    store<u32>(list + 8 * kept, bits, 4)
    if (++kept == 2 * most) {
      limit = shrink(list, kept, most)
      kept = most
    }
  }
  if (kept <= most) return kept
  shrink(list, kept, most)
  return most
}

/**
 * Whether counting by words suits this processor. x86 counts the bits of a word in one instruction, ARM those of a
 * vector. They are told apart by the sign that they give to 0 / 0; a wrong guess costs some speed and nothing else.
 */
export function wordsSuit(): bool {
  const zero = load<f32>(ZERO)
  return reinterpret<u32>(zero / zero) >> 31 != 0
}

const ZERO: usize = memory.data(4, 4)

/** A code of 512 bits is counted without a loop: that takes three fifths of the time. */
@inline
function differenceByWords(at: usize, bytes: u32): u32 {
  if (bytes == 64) {
    return <u32>((ofWords(at, probeCode) + ofWords(at + 16, probeCode + 16))
      + (ofWords(at + 32, probeCode + 32) + ofWords(at + 48, probeCode + 48)))
  }
  let bits: u64 = 0
  for (let to = probeCode, end = at + bytes; at < end; at += 16, to += 16) bits += ofWords(at, to)
  return <u32>bits
}

@inline
function ofWords(at: usize, to: usize): u64 {
  return popcnt<u64>(load<u64>(at) ^ load<u64>(to)) + popcnt<u64>(load<u64>(at, 8) ^ load<u64>(to, 8))
}

/** At most four vectors are added as bytes of up to 8 each. */
@inline
function differenceByVectors(at: usize, bytes: u32): u32 {
  let sums: v128
  if (bytes == 64) {
    sums = i8x16.add(
      i8x16.add(ofVector(at, probeCode), ofVector(at + 16, probeCode + 16)),
      i8x16.add(ofVector(at + 32, probeCode + 32), ofVector(at + 48, probeCode + 48)),
    )
  } else {
    sums = i8x16.splat(0)
    for (let to = probeCode, end = at + bytes; at < end; at += 16, to += 16) sums = i8x16.add(sums, ofVector(at, to))
  }
  return sumLanes(i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(sums)))
}

@inline
function ofVector(at: usize, to: usize): v128 {
  return i8x16.popcnt(v128.xor(v128.load(at), v128.load(to)))
}

/** How many entries of the list have a number of bits, 0 … 512. */
const TALLY: usize = memory.data(513 * 4, 16)

/**
 * Leaves the `most` nearest of `kept` > `most` entries, still in ascending order of rows. Returns the most bits among
 * them: of later rows, only one with fewer can be nearer.
 */
function shrink(list: usize, kept: u32, most: u32): u32 {
  memory.fill(TALLY, 0, 513 * 4)
  for (let i: u32 = 0; i < kept; i++) {
    const at = TALLY + 4 * load<u32>(list + 8 * i, 4)
    store<u32>(at, load<u32>(at) + 1)
  }
  let limit: u32 = 0, ties = most
  for (; load<u32>(TALLY + 4 * limit) < ties; limit++) ties -= load<u32>(TALLY + 4 * limit)
  let to = list
  for (let from = list, end = list + 8 * kept; from < end; from += 8) {
    const bits = load<u32>(from, 4)
    if (bits > limit || bits == limit && ties == 0) continue
    if (bits == limit) ties--
    store<u64>(to, load<u64>(from))
    to += 8
  }
  return limit
}
