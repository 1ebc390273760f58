/** Comparison of digests in memory: public data, so it may stop early. */

/** Whether the 32 bytes at `a` and at `b` are the same. */
@inline
export function same32(a: usize, b: usize): bool {
  if (ASC_FEATURE_SIMD) {
    const low = v128.xor(v128.load(a), v128.load(b)), high = v128.xor(v128.load(a, 16), v128.load(b, 16))
    return !v128.any_true(v128.or(low, high))
  }
  return ((load<u64>(a) ^ load<u64>(b)) | (load<u64>(a, 8) ^ load<u64>(b, 8))
    | (load<u64>(a, 16) ^ load<u64>(b, 16)) | (load<u64>(a, 24) ^ load<u64>(b, 24))) == 0
}

/** Whether the 64 bytes at `a` and at `b` are the same. */
@inline
export function same64(a: usize, b: usize): bool {
  if (ASC_FEATURE_SIMD) {
    const low = v128.or(v128.xor(v128.load(a), v128.load(b)), v128.xor(v128.load(a, 16), v128.load(b, 16)))
    const high = v128.or(v128.xor(v128.load(a, 32), v128.load(b, 32)), v128.xor(v128.load(a, 48), v128.load(b, 48)))
    return !v128.any_true(v128.or(low, high))
  }
  return same32(a, b) && same32(a + 32, b + 32)
}

/** Copies 32 bytes. */
@inline
export function copy32(to: usize, from: usize): void {
  if (ASC_FEATURE_SIMD) {
    v128.store(to, v128.load(from))
    v128.store(to, v128.load(from, 16), 16)
  } else {
    store<u64>(to, load<u64>(from)); store<u64>(to, load<u64>(from, 8), 8)
    store<u64>(to, load<u64>(from, 16), 16); store<u64>(to, load<u64>(from, 24), 24)
  }
}
