/**
 * Dot products of rows whose length is a multiple of 16. The scalar and the SIMD build add up in the same order, so
 * that not only integers but also floats come out bit-identical.
 */

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

/** Dot product of `count` floats at `row` and at `probe`: sixteen running sums, added up pairwise at the end. */
@inline
export function dotFloat(row: usize, probe: usize, count: u32): f32 {
  const end = row + 4 * count
  if (ASC_FEATURE_SIMD) {
    let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0)
    for (; row < end; row += 64, probe += 64) {
      a = f32x4.add(a, f32x4.mul(v128.load(row), v128.load(probe)))
      b = f32x4.add(b, f32x4.mul(v128.load(row, 16), v128.load(probe, 16)))
      c = f32x4.add(c, f32x4.mul(v128.load(row, 32), v128.load(probe, 32)))
      d = f32x4.add(d, f32x4.mul(v128.load(row, 48), v128.load(probe, 48)))
    }
    a = f32x4.add(f32x4.add(a, b), f32x4.add(c, d))
    return (f32x4.extract_lane(a, 0) + f32x4.extract_lane(a, 1)) + (f32x4.extract_lane(a, 2) + f32x4.extract_lane(a, 3))
  }
  const l0 = lane(row, probe, end), l1 = lane(row + 4, probe + 4, end)
  const l2 = lane(row + 8, probe + 8, end), l3 = lane(row + 12, probe + 12, end)
  return (l0 + l1) + (l2 + l3)
}

/** The sum of four 32-bit lanes. */
@inline
export function sumLanes(a: v128): i32 {
  return i32x4.extract_lane(a, 0) + i32x4.extract_lane(a, 1) + i32x4.extract_lane(a, 2) + i32x4.extract_lane(a, 3)
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
  for (let i: u32 = 0; i < count; i++) store<i16>(to + 2 * i, <i16>load<i8>(from + i))
}
