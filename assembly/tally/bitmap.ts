/**
 * Sets of nodes of the whole network as bitmaps: united, counted, weighed. Bit i of word j is node 32 j + i.
 *
 * Laid out by `createBitmaps` where a tally would lie, so an instance of the kernel serves the one or the other. Sums of
 * 65,536 weights of 32 bits stay below 2^53 and so are exact as f64, the form in which they leave.
 */

export const nodesMax: u32 = 65536

/** A bit of its own in each lane, for four nodes of a nibble. */
const LANES: usize = memory.data<u32>([1, 2, 4, 8], 16)

/** Bytes of one bitmap, a multiple of 16. */
let size: usize = 0
let weights: usize = 0

/** Makes room for two bitmaps and the weights of `nodes` nodes; where the first lies, 0 if there is not that much memory. */
export function createBitmaps(nodes: u32): usize {
  const base = (__heap_base + 63) & ~63
  size = ((<usize>nodes + 127) & ~127) >> 3
  weights = base + 2 * size
  const pages = <i32>((weights + 32 * size + 0xffff) >> 16) - memory.size()
  return pages > 0 && memory.grow(pages) < 0 ? 0 : base
}

/** Bytes from one bitmap to the next, from the second to the weights. */
export function bitmapBytes(): usize {
  return size
}

/** The first bitmap becomes the union of both. */
export function orBitmap(): void {
  const first = weights - 2 * size
  for (let at = first; at < first + size; at += 16) {
    if (ASC_FEATURE_SIMD) {
      v128.store(at, v128.or(v128.load(at), v128.load(at + size)))
    } else {
      store<u64>(at, load<u64>(at) | load<u64>(at + size))
      store<u64>(at, load<u64>(at, 8) | load<u64>(at + size, 8), 8)
    }
  }
}

/** Nodes in the first bitmap. */
export function countBitmap(): u32 {
  const first = weights - 2 * size
  let count: u64 = 0
  for (let at = first; at < first + size; at += 8) count += popcnt(load<u64>(at))
  return <u32>count
}

/** Sum of the weights of the nodes in the first bitmap. */
export function weightOfBitmap(): f64 {
  const first = weights - 2 * size
  let sum: u64 = 0
  if (ASC_FEATURE_SIMD) {
    let low = i64x2.splat(0), high = i64x2.splat(0)
    const lanes = v128.load(LANES)
    for (let at: usize = 0; at < size; at++) {
      const eight: u32 = load<u8>(first + at)
      const chosen = weights + 32 * at
      let bits = i32x4.splat(eight)
      let four = v128.and(v128.load(chosen), i32x4.eq(v128.and(bits, lanes), lanes))
      low = i64x2.add(low, i64x2.extend_low_i32x4_u(four))
      high = i64x2.add(high, i64x2.extend_high_i32x4_u(four))
      bits = i32x4.splat(eight >> 4)
      four = v128.and(v128.load(chosen, 16), i32x4.eq(v128.and(bits, lanes), lanes))
      low = i64x2.add(low, i64x2.extend_low_i32x4_u(four))
      high = i64x2.add(high, i64x2.extend_high_i32x4_u(four))
    }
    low = i64x2.add(low, high)
    sum = i64x2.extract_lane(low, 0) + i64x2.extract_lane(low, 1)
  } else {
    for (let at: usize = 0; at < size; at += 4) {
      const chosen = weights + 32 * at
      for (let word = load<u32>(first + at); word != 0; word &= word - 1) sum += load<u32>(chosen + 4 * ctz(word))
    }
  }
  return <f64>sum
}
