/**
 * Dot products of rows whose length is a multiple of 16.
 *
 * Floats are added in one order, whichever function and build does it: sixteen running sums (element i goes to sum
 * i mod 16), then sums 0–3, 4–7, 8–11 and 12–15 as vectors, (first + second) + (third + fourth), and the lanes of that
 * as (0 + 1) + (2 + 3). So results are bit-identical on every processor.
 *
 * Where many rows are scanned, two or four go together, so that the probe is loaded once for them. Several short
 * streams defeat the prefetcher of the memory; one load of every line that is needed next, in order, makes one stream
 * of them again.
 */

/** Bytes that the functions for several rows read beyond those rows. */
export const AHEAD_BYTES: u32 = 16 * 1024

/** Dot product of `count` signed bytes at `row` with as many signed 16-bit numbers at `probe`. */
@inline
export function dotInt8(row: usize, probe: usize, count: u32): i32 {
  if (ASC_FEATURE_SIMD) {
    let low = i32x4.splat(0), high = i32x4.splat(0)
    for (const end = row + count; row < end; row += 16, probe += 32) {
      low = i32x4.add(low, i32x4.dot_i16x8_s(v128.load_ext<i8>(row), v128.load(probe)))
      high = i32x4.add(high, i32x4.dot_i16x8_s(v128.load_ext<i8>(row, 8), v128.load(probe, 16)))
    }
    low = i32x4.add(low, high)
    return sumLanes(low)
  }
  let a = 0, b = 0, c = 0, d = 0
  for (const end = row + count; row < end; row += 4, probe += 8) {
    a += <i32>load<i8>(row) * <i32>load<i16>(probe)
    b += <i32>load<i8>(row, 1) * <i32>load<i16>(probe, 2)
    c += <i32>load<i8>(row, 2) * <i32>load<i16>(probe, 4)
    d += <i32>load<i8>(row, 3) * <i32>load<i16>(probe, 6)
  }
  return a + b + c + d
}

/** As `dotInt8`, for four rows one after the other, as four lanes. SIMD only. */
@inline
export function dotInt8Four(row: usize, probe: usize, count: u32): v128 {
  let a = i32x4.splat(0), b = a, c = a, d = a
  let row1 = row + count, row2 = row1 + count, row3 = row2 + count, next = row
  for (const end = row1; row < end; row += 16, row1 += 16, row2 += 16, row3 += 16, probe += 32, next += 64) {
    const low = v128.load(probe), high = v128.load(probe, 16)
    load<u32>(next, 2048)
    a = i32x4.add(a, dotSixteen(row, low, high))
    b = i32x4.add(b, dotSixteen(row1, low, high))
    c = i32x4.add(c, dotSixteen(row2, low, high))
    d = i32x4.add(d, dotSixteen(row3, low, high))
  }
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7))
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7))
  return i32x4.add(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3))
}

@inline
function dotSixteen(row: usize, low: v128, high: v128): v128 {
  return i32x4.add(
    i32x4.dot_i16x8_s(v128.load_ext<i8>(row), low),
    i32x4.dot_i16x8_s(v128.load_ext<i8>(row, 8), high),
  )
}

/** Dot product of `count` floats at `row` and at `probe`. */
@inline
export function dotFloat(row: usize, probe: usize, count: u32): f32 {
  const end = row + 4 * count
  if (ASC_FEATURE_SIMD) {
    let a = f32x4.splat(0), b = a, c = a, d = a
    for (; row < end; row += 64, probe += 64) {
      a = f32x4.add(a, f32x4.mul(v128.load(row), v128.load(probe)))
      b = f32x4.add(b, f32x4.mul(v128.load(row, 16), v128.load(probe, 16)))
      c = f32x4.add(c, f32x4.mul(v128.load(row, 32), v128.load(probe, 32)))
      d = f32x4.add(d, f32x4.mul(v128.load(row, 48), v128.load(probe, 48)))
    }
    return sumFloats(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)))
  }
  const l0 = lane(row, probe, end), l1 = lane(row + 4, probe + 4, end)
  const l2 = lane(row + 8, probe + 8, end), l3 = lane(row + 12, probe + 12, end)
  return (l0 + l1) + (l2 + l3)
}

/** As `dotFloat`, for two rows one after the other, into the floats at `to`. */
@inline
export function dotFloatTwo(to: usize, row: usize, probe: usize, count: u32): void {
  let other = row + 4 * count
  if (ASC_FEATURE_SIMD) {
    let a = f32x4.splat(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a
    let next = row
    for (const end = other; row < end; row += 64, other += 64, probe += 64, next += 128) {
      const p = v128.load(probe), q = v128.load(probe, 16), r = v128.load(probe, 32), s = v128.load(probe, 48)
      load<u32>(next, 4096)
      load<u32>(next, 4160)
      a = f32x4.add(a, f32x4.mul(v128.load(row), p))
      b = f32x4.add(b, f32x4.mul(v128.load(row, 16), q))
      c = f32x4.add(c, f32x4.mul(v128.load(row, 32), r))
      d = f32x4.add(d, f32x4.mul(v128.load(row, 48), s))
      e = f32x4.add(e, f32x4.mul(v128.load(other), p))
      f = f32x4.add(f, f32x4.mul(v128.load(other, 16), q))
      g = f32x4.add(g, f32x4.mul(v128.load(other, 32), r))
      h = f32x4.add(h, f32x4.mul(v128.load(other, 48), s))
    }
    store<f32>(to, sumFloats(f32x4.add(f32x4.add(a, b), f32x4.add(c, d))))
    store<f32>(to, sumFloats(f32x4.add(f32x4.add(e, f), f32x4.add(g, h))), 4)
  } else {
    store<f32>(to, dotFloat(row, probe, count))
    store<f32>(to, dotFloat(other, probe, count), 4)
  }
}

/** The sum of four 32-bit lanes. */
@inline
export function sumLanes(a: v128): i32 {
  return i32x4.extract_lane(a, 0) + i32x4.extract_lane(a, 1) + i32x4.extract_lane(a, 2) + i32x4.extract_lane(a, 3)
}

@inline
function sumFloats(a: v128): f32 {
  return (f32x4.extract_lane(a, 0) + f32x4.extract_lane(a, 1)) + (f32x4.extract_lane(a, 2) + f32x4.extract_lane(a, 3))
}

/** One vector lane of `dotFloat`: every fourth element, four running sums. */
@inline
function lane(row: usize, probe: usize, end: usize): f32 {
  let a: f32 = 0, b: f32 = 0, c: f32 = 0, d: f32 = 0
  for (; row < end; row += 64, probe += 64) {
    a += load<f32>(row) * load<f32>(probe)
    b += load<f32>(row, 16) * load<f32>(probe, 16)
    c += load<f32>(row, 32) * load<f32>(probe, 32)
    d += load<f32>(row, 48) * load<f32>(probe, 48)
  }
  return (a + b) + (c + d)
}

/** Signed bytes at `from` as signed 16-bit numbers at `to`. */
export function widen(to: usize, from: usize, count: u32): void {
  for (const end = from + count; from < end; from += 8, to += 16) {
    if (ASC_FEATURE_SIMD) {
      v128.store(to, v128.load_ext<i8>(from))
    } else {
      for (let i: usize = 0; i < 8; i++) store<i16>(to + 2 * i, <i16>load<i8>(from + i))
    }
  }
}
