/**
 * The gallery: rows of signed bytes or floats, laid out once behind the static memory, and the search for the nearest.
 *
 * Four ways lead to the rows: all bytes, all floats, floats behind coarse copies (`coarse.ts`: the same result, faster
 * where the floats do not fit into a cache), and the candidates that the sign codes name (`codes.ts`: nearly the same
 * result, much faster).
 */

import { begin, finish, leastScore, offer } from './best'
import { probe, probeCode, wide, wipeProbe } from './buffers'
import { coarsen, lastRest, lastStep, slack } from './coarse'
import { codeBytes, encode, listBytes, nearestCodes } from './codes'
import { AHEAD_BYTES, dotFloat, dotFloatTwo, dotInt8, dotInt8Four, widen } from './dot'

const MEMORY_BYTES_MAX: u64 = 0xffff0000

let dimensions: u32 = 0
let floats: bool = false
let vectors: bool = false
let candidates: u32 = 0

let rows: usize = 0
let rowBytes: u32 = 0
/** One over the length of each row. */
let norms: usize = 0
/** Coarse copies of the rows, 0 if there are none, and their steps. */
let copies: usize = 0
let steps: usize = 0
/** Sign codes, and the list that is made of them. */
let codes: usize = 0
let list: usize = 0

/** The most that a coarse copy leaves out, and the least and greatest of `norms`, of all rows since `clear`. */
let restMost: f64 = 0
let normLeast: f32 = Infinity
let normMost: f32 = 0

/**
 * Makes room for `capacity` rows, once. `most` candidates are found by sign codes, none if 0; they count by `byVectors`
 * or by words. Floats get coarse copies where `coarse`. Returns 0, or 1 if more than 4 GiB would be needed, 2 if the
 * system grants no memory.
 */
export function reserve(
  capacity: u32, elements: u32, areFloats: bool, coarse: bool, most: u32, byVectors: bool,
): u32 {
  dimensions = elements
  floats = areFloats
  candidates = most
  vectors = byVectors
  rowBytes = elements << (areFloats ? 2 : 0)
  const count = (<u64>capacity + 3) & ~3
  let end = <u64>((__heap_base + 63) & ~63)
  rows = <usize>end
  end += count * rowBytes
  norms = <usize>end
  end += count * 4
  copies = coarse ? <usize>end : 0
  if (coarse) end += count * elements
  steps = <usize>end
  if (coarse) end += count * 4
  codes = <usize>end
  if (most != 0) end += count * codeBytes(elements)
  list = <usize>end
  end += listBytes(most) + AHEAD_BYTES
  if (end > MEMORY_BYTES_MAX) return 1
  const pages = <i32>((end + 0xffff) >> 16) - memory.size()
  return pages > 0 && memory.grow(pages) < 0 ? 2 : 0
}

/** Makes the `probe` row number `row`. Returns 0, and leaves the row as it was, if it has no direction. */
export function set(row: u32): u32 {
  const squared = squaredLength()
  const accepted = hasDirection(squared)
  if (accepted) {
    const norm = <f32>1 / sqrt<f32>(squared)
    memory.copy(rows + row * rowBytes, probe, rowBytes)
    store<f32>(norms + 4 * row, norm)
    normLeast = min<f32>(normLeast, norm)
    normMost = max<f32>(normMost, norm)
    if (candidates != 0) encodeProbe(codes + row * codeBytes(dimensions))
    if (copies != 0) {
      coarsen<i8>(copies + row * dimensions, probe, dimensions, sqrt<f64>(squared))
      store<f32>(steps + 4 * row, <f32>lastStep())
      restMost = max<f64>(restMost, lastRest())
    }
  }
  wipeProbe()
  return accepted ? 1 : 0
}

/** Wipes the first `count` rows and all that was made of them. */
export function clear(count: u32): void {
  memory.fill(rows, 0, count * rowBytes)
  memory.fill(norms, 0, 4 * count)
  if (copies != 0) {
    memory.fill(copies, 0, count * dimensions)
    memory.fill(steps, 0, 4 * count)
  }
  if (candidates != 0) memory.fill(codes, 0, count * codeBytes(dimensions))
  memory.fill(list, 0, listBytes(candidates))
  restMost = 0
  normLeast = Infinity
  normMost = 0
}

/**
 * Finds the `k` rows of the first `count` with the greatest score against `probe`; equal scores go by row. The score is
 * the cosine or, where not `cosine`, the dot product. Returns how many there are, −1 if the probe has no direction.
 */
export function search(count: u32, k: i32, cosine: bool): i32 {
  const squared = squaredLength()
  let found = -1
  if (hasDirection(squared)) {
    begin(k)
    if (candidates != 0 && count > candidates) scanCandidates(count, cosine)
    else if (!floats) scanBytes(count, cosine)
    else if (copies != 0) scanCopies(count, cosine, sqrt<f64>(squared))
    else scanFloats(count, cosine)
    found = finish(cosine ? <f32>1 / sqrt<f32>(squared) : 1)
  }
  wipeProbe()
  return found
}

function scanBytes(count: u32, cosine: bool): void {
  for (let row: u32 = 0, at = rows; row < count; row += 4, at += 4 * rowBytes) {
    let near = nearOfFour(at, cosine ? norms + 4 * row : 0, leastScore())
    for (; near != 0; near &= near - 1) {
      const i = ctz<u32>(near)
      if (row + i < count) offer(row + i, load<f32>(SCORES + 4 * i))
    }
  }
}

function scanFloats(count: u32, cosine: bool): void {
  for (let row: u32 = 0, at = rows; row < count; row += 2, at += 2 * rowBytes) {
    dotFloatTwo(SCORES, at, probe, dimensions)
    offer(row, weighed(row, load<f32>(SCORES), cosine))
    if (row + 1 < count) offer(row + 1, weighed(row + 1, load<f32>(SCORES, 4), cosine))
  }
}

/** As `scanFloats`, with the same result: looks only at rows that their coarse copies do not rule out. */
function scanCopies(count: u32, cosine: bool, length: f64): void {
  coarsen<i16>(wide, probe, dimensions, length)
  const probeStep = lastStep()
  const margin = slack(restMost, lastRest())
  let bar = -Infinity
  for (let row: u32 = 0, at = copies; row < count; row += 4, at += 4 * dimensions) {
    let near = nearOfFour(at, steps + 4 * row, <f32>bar)
    if (near == 0) continue
    for (; near != 0; near &= near - 1) {
      const i = row + ctz<u32>(near)
      if (i < count) offer(i, weighed(i, dotFloat(rows + i * rowBytes, probe, dimensions), cosine))
    }
    const least = leastScore()
    const norm: f32 = cosine ? 1 : least > 0 ? normLeast : normMost
    bar = (<f64>least * norm / length - margin) / probeStep
  }
}

function scanCandidates(count: u32, cosine: bool): void {
  encodeProbe(probeCode)
  const found = nearestCodes(count, codes, codeBytes(dimensions), list, candidates, vectors)
  for (let i: u32 = 0; i < found; i++) {
    if (i % BATCH == 0) fetch(list + 8 * i, min<u32>(BATCH, found - i))
    const row = load<u32>(list + 8 * i)
    const at = rows + row * rowBytes
    const dot = floats ? dotFloat(at, probe, dimensions) : <f32>dotInt8(at, wide, dimensions)
    offer(row, weighed(row, dot, cosine))
  }
}

/** Candidates whose rows are fetched from memory at one time. */
const BATCH: u32 = 16

/** Loads every line of some candidates' rows, all at once: one after the other, each would be waited for. */
@inline
function fetch(entries: usize, count: u32): void {
  for (const end = entries + 8 * count; entries < end; entries += 8) {
    for (let at = rows + load<u32>(entries) * rowBytes, last = at + rowBytes; at < last; at += 64) load<u32>(at)
    load<u32>(norms + 4 * load<u32>(entries))
  }
}

const SCORES: usize = memory.data(16, 16)

/**
 * Writes the dot products of four rows of bytes with `wide`, each multiplied by its float at `weights` unless that is 0,
 * to `SCORES`, if any of them is at least `bar`. Returns a bit for each that is.
 */
@inline
function nearOfFour(at: usize, weights: usize, bar: f32): u32 {
  if (ASC_FEATURE_SIMD) {
    let scores = f32x4.convert_i32x4_s(dotInt8Four(at, wide, dimensions))
    if (weights != 0) scores = f32x4.mul(scores, v128.load(weights))
    const near = f32x4.ge(scores, f32x4.splat(bar))
    if (!v128.any_true(near)) return 0
    v128.store(SCORES, scores)
    return i32x4.bitmask(near)
  }
  let near: u32 = 0
  for (let i: usize = 0; i < 4; i++) {
    let score = <f32>dotInt8(at + i * dimensions, wide, dimensions)
    if (weights != 0) score *= load<f32>(weights + 4 * i)
    store<f32>(SCORES + 4 * i, score)
    near |= (score >= bar ? 1 : 0) << <u32>i
  }
  return near
}

@inline
function weighed(row: u32, dot: f32, cosine: bool): f32 {
  return cosine ? dot * load<f32>(norms + 4 * row) : dot
}

function encodeProbe(to: usize): void {
  if (floats) encode<f32>(to, probe, dimensions)
  else encode<i8>(to, probe, dimensions)
}

/** The probe's squared length; bytes are widened on the way. */
function squaredLength(): f32 {
  if (floats) return dotFloat(probe, probe, dimensions)
  widen(wide, probe, dimensions)
  return <f32>dotInt8(probe, wide, dimensions)
}

/** Whether a vector of this squared length can be compared: neither zero nor immense nor not a number. */
function hasDirection(squared: f32): bool {
  return squared > 1e-30 && squared < 1e30
}
