/**
 * 32-bit lane arithmetic, written once for `u32` (one lane) and `v128` (four lanes in step).
 *
 * Vector rotations by 8 are byte swizzles by a mask that is loaded from memory: V8 rebuilds a constant mask each time
 * it runs (by a third slower here). Rotation by 16 is a shuffle of 16-bit lanes, for which engines have instructions.
 * Rotation by 24 is two shifts like the others: BLAKE3 is so by 2 to 5 % faster than with a swizzle.
 */

const LEFT8: usize = memory.data<u8>([3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14], 16)

/** Sum modulo 2^32, lane by lane. */
@inline
export function plus<T>(a: T, b: T): T {
  if (isVector<T>()) return v128.add<i32>(a, b)
  return a + b
}

/** Exclusive or. */
@inline
export function xor<T>(a: T, b: T): T {
  if (isVector<T>()) return v128.xor(a, b)
  return a ^ b
}

/** Every lane rotated left by `count` bits, 0 < count < 32. */
@inline
export function rotateLeft<T>(a: T, count: i32): T {
  if (isVector<T>()) {
    if (count == 8) return i8x16.swizzle(a, v128.load(LEFT8))
    if (count == 16) return v128.shuffle<i16>(a, a, 1, 0, 3, 2, 5, 4, 7, 6)
    return v128.or(v128.shl<i32>(a, count), v128.shr<u32>(a, 32 - count))
  }
  return rotl<T>(a, <T>count)
}

/** The same 32-bit value in every lane. */
@inline
export function splat<T>(value: u32): T {
  if (isVector<T>()) return v128.splat<i32>(value)
  return <T>value
}

/** Loads element `index` of lane type `T`. */
@inline
export function at<T>(base: usize, index: i32): T {
  return load<T>(base + <usize>(index * sizeof<T>()))
}

/** Stores element `index` of lane type `T`. */
@inline
export function put<T>(base: usize, index: i32, value: T): void {
  store<T>(base + <usize>(index * sizeof<T>()), value)
}
