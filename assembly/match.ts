/**
 * Matching of embeddings: a search of a gallery for the nearest rows, a comparison of one probe with a person's few
 * templates in constant time, and the keyed rotation and quantization of templates.
 *
 * Dimensions are multiples of 16, at most 512.
 */

import { resultRows, resultScores, resultsMax } from './match/best'
import { probe, wide, wipeProbe } from './match/buffers'
import { wordsSuit } from './match/codes'
import { dotInt8, sumLanes, widen } from './match/dot'
import { clear, reserve, search, set } from './match/gallery'
import * as templates from './match/rotate'

export { clear, probe, reserve, resultRows, resultScores, resultsMax, search, set, wordsSuit }

export const dimensionsMax: u32 = 512
export const templatesMax: u32 = 16

/** Templates of signed bytes, one after the other. Also what `quantize` writes. */
export const few: usize = memory.data(512 * 16, 16)
/** Three rounds of sign bits, bit j of byte i for element 8i + j. */
export const signs: usize = memory.data(3 * 64, 16)

/**
 * Greatest dot product of the `probe` with the first `count` templates in `few`. All 16 places are always computed and
 * no branch or address depends on their content. Wipes the buffers.
 */
export function bestOfFew(count: u32, dimensions: u32): i32 {
  widen(wide, probe, dimensions)
  let best: i32 = -0x40000000
  for (let i: u32 = 0; i < templatesMax; i++) {
    const unused = <i32>(count - 1 - i) >> 31
    const dot = dotInt8(few + i * dimensions, wide, dimensions) & ~unused | -0x40000000 & unused
    const gain = dot - best
    best += gain & ~(gain >> 31)
  }
  wipeFew()
  return best
}

/**
 * 1 if the cosine of the `probe` with any of the 16 templates in `few` (unused ones all zero) is at least the square
 * root of `leastSquared` > 0, else 0. No branch or address depends on their content. Wipes the buffers.
 */
export function anyOfFew(dimensions: u32, leastSquared: f64): u32 {
  widen(wide, probe, dimensions)
  const probeNorm = <f64>dotInt8(probe, wide, dimensions)
  let any: u32 = 0
  for (let i: u32 = 0; i < templatesMax; i++) {
    const at = few + i * dimensions
    const dot = dotInt8(at, wide, dimensions)
    // dot ≥ least · |a| · |b| without a root: dot² ≥ least² · |a|² · |b|², and dot > 0
    const squared = <f64>dot * <f64>dot
    const bound = leastSquared * (probeNorm * <f64>normInt8(at, dimensions))
    any |= <u32>(squared >= bound) & (<u32>-dot >> 31)
  }
  wipeFew()
  return any
}

/** Rotates the floats of `probe` in place by `signs`, and wipes those. */
export function rotate(dimensions: u32): void {
  templates.rotate(probe, signs, dimensions)
  memory.fill(signs, 0, 3 * 64)
}

/** Quantizes the floats of `probe` to bytes in `few`. 0 if they have no direction. */
export function quantize(dimensions: u32, length: f32): u32 {
  return templates.quantize(few, probe, dimensions, length)
}

/** Wipes everything that is not the gallery. */
export function wipe(): void {
  wipeFew()
  memory.fill(signs, 0, 3 * 64)
  memory.fill(resultRows, 0, 64 * 4)
  memory.fill(resultScores, 0, 64 * 4)
}

function wipeFew(): void {
  wipeProbe()
  memory.fill(few, 0, 512 * 16)
}

/** Squared length of a row of bytes, in constant time. */
function normInt8(row: usize, count: u32): i32 {
  let sum = 0
  if (ASC_FEATURE_SIMD) {
    let sums = i32x4.splat(0)
    for (const end = row + count; row < end; row += 8) {
      const wide = v128.load_ext<i8>(row)
      sums = i32x4.add(sums, i32x4.dot_i16x8_s(wide, wide))
    }
    return sumLanes(sums)
  }
  for (const end = row + count; row < end; row++) sum += <i32>load<i8>(row) * <i32>load<i8>(row)
  return sum
}
