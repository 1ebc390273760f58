/**
 * Matching of embeddings: a scan of a gallery for the nearest rows, a comparison of one probe with a person's few
 * templates in constant time, and the keyed rotation and quantization of templates.
 *
 * Dimensions are multiples of 16, at most 512. The gallery is laid out once, by `reserve`, behind the static memory.
 */

import { dotFloat, dotInt8, sumLanes, widen } from './match/dot'
import * as templates from './match/rotate'

export const dimensionsMax: u32 = 512
export const templatesMax: u32 = 16
export const resultsMax: u32 = 64

/** The probe: floats or signed bytes. Also what is rotated and quantized. */
export const probe: usize = memory.data(512 * 4, 16)
/** Templates of signed bytes, one after the other. Also what `quantize` writes. */
export const few: usize = memory.data(512 * 16, 16)
/** Three rounds of sign bits, bit j of byte i for element 8i + j. */
export const signs: usize = memory.data(3 * 64, 16)
/** Rows of the best results (u32), best first. */
export const resultRows: usize = memory.data(64 * 4, 16)
/** Scores of the best results (f32). */
export const resultScores: usize = memory.data(64 * 4, 16)

const WIDE: usize = memory.data(512 * 2, 16)

let rows: usize = 0
let norms: usize = 0
let results: i32 = 0
let room: i32 = 0

/**
 * Makes room for `count` rows of `bytes` bytes, once. Returns the address of the first, 0 if there is no such memory.
 */
export function reserve(count: u32, bytes: u32): usize {
  rows = (__heap_base + 63) & ~63
  norms = rows + <usize>count * bytes
  const end = <u64>rows + <u64>count * bytes + <u64>count * 4
  if (end > 0xffff0000) return 0
  const pages = <i32>((end + 0xffff) >> 16) - memory.size()
  if (pages > 0 && memory.grow(pages) < 0) return 0
  return rows
}

/** Makes the bytes of `probe` row number `row`. Returns 0, and leaves the row as it was, if they have no direction. */
export function setInt8(row: u32, dimensions: u32): u32 {
  widen(WIDE, probe, dimensions)
  return setRow(row, dimensions, <f32>dotInt8(probe, WIDE, dimensions))
}

/** As `setInt8`, for floats. */
export function setFloat(row: u32, dimensions: u32): u32 {
  return setRow(row, 4 * dimensions, dotFloat(probe, probe, dimensions))
}

/**
 * Finds the `k` rows of the first `count` with the greatest score against `probe`; equal scores go by row. The score
 * is the cosine or, where not `cosine`, the dot product. Returns how many there are, −1 if the probe has no direction.
 */
export function scanInt8(count: u32, dimensions: u32, k: i32, cosine: bool): i32 {
  widen(WIDE, probe, dimensions)
  const squared = <f32>dotInt8(probe, WIDE, dimensions)
  if (!hasDirection(squared)) return end(-1)
  begin(k)
  for (let row: u32 = 0, at = rows; row < count; row++, at += dimensions) {
    const dot = <f32>dotInt8(at, WIDE, dimensions)
    offer(row, cosine ? dot * load<f32>(norms + 4 * row) : dot)
  }
  if (cosine) scaleScores(squared)
  return end(results)
}

/** As `scanInt8`, for rows of floats. */
export function scanFloat(count: u32, dimensions: u32, k: i32, cosine: bool): i32 {
  const squared = dotFloat(probe, probe, dimensions)
  if (!hasDirection(squared)) return end(-1)
  begin(k)
  for (let row: u32 = 0, at = rows; row < count; row++, at += 4 * dimensions) {
    const dot = dotFloat(at, probe, dimensions)
    offer(row, cosine ? dot * load<f32>(norms + 4 * row) : dot)
  }
  if (cosine) scaleScores(squared)
  return end(results)
}

/**
 * Greatest dot product of the `probe` with the first `count` templates in `few`. All 16 places are always computed and
 * no branch or address depends on their content. Wipes the buffers.
 */
export function bestOfFew(count: u32, dimensions: u32): i32 {
  widen(WIDE, probe, dimensions)
  let best: i32 = -0x40000000
  for (let i: u32 = 0; i < templatesMax; i++) {
    const unused = <i32>(count - 1 - i) >> 31
    const dot = dotInt8(few + i * dimensions, WIDE, dimensions) & ~unused | -0x40000000 & unused
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
  widen(WIDE, probe, dimensions)
  const probeNorm = <f64>dotInt8(probe, WIDE, dimensions)
  let any: u32 = 0
  for (let i: u32 = 0; i < templatesMax; i++) {
    const at = few + i * dimensions
    const dot = dotInt8(at, WIDE, dimensions)
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
  memory.fill(probe, 0, 512 * 4)
  memory.fill(few, 0, 512 * 16)
  memory.fill(WIDE, 0, 512 * 2)
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

function setRow(row: u32, bytes: u32, squared: f32): u32 {
  const accepted = hasDirection(squared)
  if (accepted) {
    memory.copy(rows + row * bytes, probe, bytes)
    store<f32>(norms + 4 * row, <f32>1 / sqrt<f32>(squared))
  }
  end(0)
  return accepted ? 1 : 0
}

/** Whether a vector of this squared length can be compared: neither zero nor immense nor not a number. */
function hasDirection(squared: f32): bool {
  return squared > 1e-30 && squared < 1e30
}

function begin(k: i32): void {
  results = 0
  room = k
}

/** Keeps the results sorted, best first; a later row never displaces an equal one. */
@inline
function offer(row: u32, score: f32): void {
  if (results < room || score > load<f32>(resultScores + 4 * (room - 1))) insert(row, score)
}

function insert(row: u32, score: f32): void {
  let place = results < room ? results++ : room - 1
  while (place > 0 && score > load<f32>(resultScores + 4 * (place - 1))) {
    store<f32>(resultScores + 4 * place, load<f32>(resultScores + 4 * (place - 1)))
    store<u32>(resultRows + 4 * place, load<u32>(resultRows + 4 * (place - 1)))
    place--
  }
  store<f32>(resultScores + 4 * place, score)
  store<u32>(resultRows + 4 * place, row)
}

function scaleScores(squared: f32): void {
  const inverse = <f32>1 / sqrt<f32>(squared)
  for (let i: i32 = 0; i < results; i++) {
    store<f32>(resultScores + 4 * i, load<f32>(resultScores + 4 * i) * inverse)
  }
}

/** Wipes the probe. */
function end(result: i32): i32 {
  memory.fill(probe, 0, 512 * 4)
  memory.fill(WIDE, 0, 512 * 2)
  return result
}
