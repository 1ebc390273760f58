/**
 * The keyed rotation of templates and their quantization to bytes.
 *
 * A round flips signs by the key and applies the orthonormal Walsh–Hadamard transform; three rounds make every element
 * depend on every key bit and input. Each step is orthogonal, so dot products and cosines stay what they were, up to
 * rounding. Both builds do the same operations on the same elements, so results are bit-identical.
 */

import { dotFloat } from './dot'

const ROUNDS: usize = 3

/**
 * Rotates `count` (a power of two, 16 … 512) floats at `vector` in place; `signs` holds 3 × count / 8 bytes, 1 = flip.
 */
export function rotate(vector: usize, signs: usize, count: u32): void {
  const scale = <f32>1 / sqrt<f32>(<f32>count)
  for (let round: usize = 0; round < ROUNDS; round++) {
    for (let i: u32 = 0; i < count; i++) {
      const flip = <u32>load<u8>(signs + (i >> 3)) >> (i & 7) & 1
      store<u32>(vector + 4 * i, load<u32>(vector + 4 * i) ^ flip << 31)
    }
    signs += count >> 3
    hadamard(vector, count)
    for (let i: u32 = 0; i < count; i++) store<f32>(vector + 4 * i, load<f32>(vector + 4 * i) * scale)
  }
}

/** Walsh–Hadamard transform in place, not scaled. */
function hadamard(vector: usize, count: u32): void {
  const end = vector + 4 * count
  for (let half: usize = 4; half < 4 * <usize>count; half <<= 1) {
    for (let block = vector; block < end; block += 2 * half) {
      if (ASC_FEATURE_SIMD) {
        if (half >= 16) {
          for (let at = block; at < block + half; at += 16) {
            const a = v128.load(at), b = v128.load(at + half)
            v128.store(at, f32x4.add(a, b))
            v128.store(at + half, f32x4.sub(a, b))
          }
          continue
        }
      }
      for (let at = block; at < block + half; at += 4) {
        const a = load<f32>(at), b = load<f32>(at + half)
        store<f32>(at, a + b)
        store<f32>(at + half, a - b)
      }
    }
  }
}

/**
 * Scales `count` floats at `from` to the length `length`, rounds them half to even, limits them to ±127, and writes
 * them as signed bytes at `to`. Returns 0 if they have no direction (length not in 1e-15 … 1e15, or not a number),
 * else 1.
 */
export function quantize(to: usize, from: usize, count: u32, length: f32): u32 {
  const norm = sqrt<f32>(dotFloat(from, from, count))
  if (!(norm > 1e-15 && norm < 1e15)) return 0
  const scale = length / norm
  for (let i: u32 = 0; i < count; i++) {
    const value = nearest<f32>(load<f32>(from + 4 * i) * scale)
    store<i8>(to + i, <i8><i32>min<f32>(max<f32>(value, -127), 127))
  }
  return 1
}
