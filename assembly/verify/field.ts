/**
 * The field of integers modulo p = 2^255 − 19, four elements at a time.
 *
 * A quad is 160 bytes: ten rows of four 32-bit lanes; row i holds limb i of each of four elements, so an element is
 * Σ limb_i · 2^⌈25.5 i⌉. The layout is the same in both builds. In the SIMD build one pass of the code computes two
 * lanes, in the scalar build one: a product is written once for both (the element vectors of curve25519-dalek's
 * parallel backends and the columns of SUPERCOP's ref10 are the models).
 *
 * Bounds. "Excess e" means: even limbs < e · 2^26, odd limbs < e · 2^25. What `multiply` and `square` write has
 * excess 1.006 (limbs 1 and 5 alone exceed 1). They take a first factor of excess 5.1 and a second one, or a base, of
 * excess 3.2, for 19 · 3.2 · 2^26 < 2^32 and no column reaches 249 · 5.1 · 3.2 · 2^51 < 2^63. A difference
 * a − b is formed as a + 2p − b, where b has at most excess 1.9, and then has the excess of a, plus 2.
 */

/** Bytes of a quad. */
export const QUAD: usize = 160
/** Bytes from a limb of an element to the next. */
const ROW: usize = 16

const MASK26: u64 = (1 << 26) - 1
const MASK25: u64 = (1 << 25) - 1

/** Limbs of 2p, and no less than those of any element with excess 1.9. */
export const TWICE_P0: u32 = (1 << 27) - 38
export const TWICE_P_EVEN: u32 = (1 << 27) - 2
export const TWICE_P_ODD: u32 = (1 << 26) - 2

/** `to` = `a` · `b` in the first `lanes` lanes (and perhaps more). May be one of its factors. */
export function multiply(to: usize, a: usize, b: usize, lanes: u32): void {
  if (ASC_FEATURE_SIMD) {
    for (let at: usize = 0; at < 4 * lanes; at += 8) multiplyPass<v128>(to + at, a + at, b + at)
  } else {
    for (let at: usize = 0; at < 4 * lanes; at += 4) multiplyPass<u64>(to + at, a + at, b + at)
  }
}

/** `to` = `a`^(2^`times`) in the first `lanes` lanes; `times` is at least 1. */
export function squareTimes(to: usize, a: usize, times: u32, lanes: u32): void {
  for (; times > 0; times--, a = to) {
    if (ASC_FEATURE_SIMD) {
      for (let at: usize = 0; at < 4 * lanes; at += 8) squarePass<v128>(to + at, a + at, false)
    } else {
      for (let at: usize = 0; at < 4 * lanes; at += 4) squarePass<u64>(to + at, a + at, false)
    }
  }
}

/** `to` = (x², y², z², −w²) of the lanes (x, y, z, w) of `a`. */
export function squareNegatingLast(to: usize, a: usize): void {
  if (ASC_FEATURE_SIMD) {
    squarePass<v128>(to, a, false)
    squarePass<v128>(to + 8, a + 8, true)
  } else {
    for (let at: usize = 0; at < 12; at += 4) squarePass<u64>(to + at, a + at, false)
    squarePass<u64>(to + 12, a + 12, true)
  }
}

/** `to` = `a` + `b` in all lanes: the excesses add up. */
export function sum(to: usize, a: usize, b: usize): void {
  for (let at: usize = 0; at < QUAD; at += 8) store<u64>(to + at, load<u64>(a + at) + load<u64>(b + at))
}

/** `to` = `a` − `b` in all lanes: `b` of excess 1.9 at most; the result has the excess of `a`, plus 2. */
export function difference(to: usize, a: usize, b: usize): void {
  for (let at: usize = 0; at < QUAD; at += 4) {
    store<u32>(to + at, load<u32>(a + at) + twiceP(at) - load<u32>(b + at))
  }
}

/** Writes the element `value`, a number of one limb, to all lanes. */
export function setSmall(to: usize, value: u32): void {
  memory.fill(to, 0, QUAD)
  for (let at: usize = 0; at < ROW; at += 4) store<u32>(to + at, value)
}

/** Writes the element whose ten limbs lie at `limbs`, one after the other, to all lanes. */
export function setAll(to: usize, limbs: usize): void {
  for (let at: usize = 0; at < QUAD; at += 4) store<u32>(to + at, load<u32>(limbs + ((at >> 4) << 2)))
}

/** Copies one lane of `from` to one of `to`. */
export function copyLane(to: usize, toLane: u32, from: usize, fromLane: u32): void {
  for (let at: usize = 0; at < QUAD; at += ROW) {
    store<u32>(to + at + 4 * toLane, load<u32>(from + at + 4 * fromLane))
  }
}

/** Reads the low 255 bits of the 32 bytes at `bytes` into one lane: excess 1. */
export function decode(to: usize, lane: u32, bytes: usize): void {
  to += 4 * lane
  let bit: u32 = 0
  for (let i: u32 = 0; i < 10; i++, to += ROW) {
    const odd = i & 1
    // limb i begins within the 32 bits at byte 2 · (bit / 16), of which at most 15 come before it
    const word = load<u64>(bytes + min<u32>(bit >> 3, 24)) >> (bit - 8 * min<u32>(bit >> 3, 24))
    store<u32>(to, <u32>(word & (odd ? MASK25 : MASK26)))
    bit += 26 - odd
  }
}

/** Writes the only representative below p of one lane, of any excess up to 5, as 32 bytes; and carries that lane. */
export function encode(bytes: usize, from: usize, lane: u32): void {
  from += 4 * lane
  // twice round leaves less than 2^255; then q tells whether the rest is p or more
  carryOnce(from)
  carryOnce(from)
  let q: u64 = 19
  for (let i: u32 = 0; i < 10; i++) q = (q + load<u32>(from + ROW * i)) >> (26 - (i & 1))
  let carry: u64 = 19 * q, bit: u32 = 0
  memory.fill(bytes, 0, 32)
  for (let i: u32 = 0; i < 10; i++) {
    const odd = i & 1
    const limb = load<u32>(from + ROW * i) + carry
    const at = min<u32>(bit >> 3, 24)
    store<u64>(bytes + at, load<u64>(bytes + at) | ((limb & (odd ? MASK25 : MASK26)) << (bit - 8 * at)))
    carry = limb >> (26 - odd)
    bit += 26 - odd
  }
}

const BYTES: usize = memory.data(32, 16)

/** Whether one lane, of any excess up to 5, is 0 modulo p. */
export function isZero(from: usize, lane: u32): bool {
  encode(BYTES, from, lane)
  return (load<u64>(BYTES) | load<u64>(BYTES, 8) | load<u64>(BYTES, 16) | load<u64>(BYTES, 24)) == 0
}

/** Whether the one representative of a lane below p is odd. */
export function isOdd(from: usize, lane: u32): bool {
  encode(BYTES, from, lane)
  return (load<u8>(BYTES) & 1) != 0
}

/** Negates one lane, which `isZero` or `isOdd` have looked at: then the excess is 1.001 before and after. */
export function negateLane(from: usize, lane: u32): void {
  from += 4 * lane
  for (let at: usize = 0; at < QUAD; at += ROW) store<u32>(from + at, twiceP(at) - load<u32>(from + at))
  carryOnce(from)
}

/** Negates one lane of excess 1.9 at most where `mask` is all ones, not where it is 0; the excess then is 1.001. */
export function negateLaneIf(mask: u32, from: usize, lane: u32): void {
  from += 4 * lane
  for (let at: usize = 0; at < QUAD; at += ROW) {
    const limb = load<u32>(from + at)
    store<u32>(from + at, limb ^ (mask & (limb ^ (twiceP(at) - limb))))
  }
  carryOnce(from)
}

/** Copies one lane of `from` to the same of `to` where `mask` is all ones, not where it is 0. */
export function copyLaneIf(mask: u32, to: usize, from: usize, lane: u32): void {
  for (let at: usize = 4 * lane; at < QUAD; at += ROW) {
    const limb = load<u32>(to + at)
    store<u32>(to + at, limb ^ (mask & (limb ^ load<u32>(from + at))))
  }
}

/** 2p's limb in the row of byte `at` of a quad. */
@inline
export function twiceP(at: usize): u32 {
  return at < ROW ? TWICE_P0 : (at & ROW) != 0 ? TWICE_P_ODD : TWICE_P_EVEN
}

function carryOnce(at: usize): void {
  let carry: u64 = 0
  const first = at
  for (let i: u32 = 0; i < 10; i++, at += ROW) {
    const limb = load<u32>(at) + carry
    store<u32>(at, <u32>(limb & ((i & 1) ? MASK25 : MASK26)))
    carry = limb >> (26 - (i & 1))
  }
  store<u32>(first, <u32>(load<u32>(first) + 19 * carry))
}

@inline
function multiplyPass<T>(to: usize, a: usize, b: usize): void {
  const f0 = limb<T>(a, 0), f1 = limb<T>(a, 16), f2 = limb<T>(a, 32), f3 = limb<T>(a, 48), f4 = limb<T>(a, 64)
  const f5 = limb<T>(a, 80), f6 = limb<T>(a, 96), f7 = limb<T>(a, 112), f8 = limb<T>(a, 128), f9 = limb<T>(a, 144)
  const g0 = limb<T>(b, 0), g1 = limb<T>(b, 16), g2 = limb<T>(b, 32), g3 = limb<T>(b, 48), g4 = limb<T>(b, 64)
  const g5 = limb<T>(b, 80), g6 = limb<T>(b, 96), g7 = limb<T>(b, 112), g8 = limb<T>(b, 128), g9 = limb<T>(b, 144)
  const d1 = twice<T>(f1), d3 = twice<T>(f3), d5 = twice<T>(f5), d7 = twice<T>(f7), d9 = twice<T>(f9)
  const t1 = times<T>(g1, 19), t2 = times<T>(g2, 19), t3 = times<T>(g3, 19), t4 = times<T>(g4, 19)
  const t5 = times<T>(g5, 19), t6 = times<T>(g6, 19), t7 = times<T>(g7, 19), t8 = times<T>(g8, 19)
  const t9 = times<T>(g9, 19)
  settle<T>(
    to,
    ten<T>(f0, d1, f2, d3, f4, d5, f6, d7, f8, d9, g0, t9, t8, t7, t6, t5, t4, t3, t2, t1),
    ten<T>(f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, g1, g0, t9, t8, t7, t6, t5, t4, t3, t2),
    ten<T>(f0, d1, f2, d3, f4, d5, f6, d7, f8, d9, g2, g1, g0, t9, t8, t7, t6, t5, t4, t3),
    ten<T>(f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, g3, g2, g1, g0, t9, t8, t7, t6, t5, t4),
    ten<T>(f0, d1, f2, d3, f4, d5, f6, d7, f8, d9, g4, g3, g2, g1, g0, t9, t8, t7, t6, t5),
    ten<T>(f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, g5, g4, g3, g2, g1, g0, t9, t8, t7, t6),
    ten<T>(f0, d1, f2, d3, f4, d5, f6, d7, f8, d9, g6, g5, g4, g3, g2, g1, g0, t9, t8, t7),
    ten<T>(f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, g7, g6, g5, g4, g3, g2, g1, g0, t9, t8),
    ten<T>(f0, d1, f2, d3, f4, d5, f6, d7, f8, d9, g8, g7, g6, g5, g4, g3, g2, g1, g0, t9),
    ten<T>(f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, g9, g8, g7, g6, g5, g4, g3, g2, g1, g0),
  )
}

/** `negateLast`: the last lane of the pass is negated, as a column's multiple of p minus the column. */
@inline
function squarePass<T>(to: usize, a: usize, negateLast: bool): void {
  const f0 = limb<T>(a, 0), f1 = limb<T>(a, 16), f2 = limb<T>(a, 32), f3 = limb<T>(a, 48), f4 = limb<T>(a, 64)
  const f5 = limb<T>(a, 80), f6 = limb<T>(a, 96), f7 = limb<T>(a, 112), f8 = limb<T>(a, 128), f9 = limb<T>(a, 144)
  const d0 = twice<T>(f0), d1 = twice<T>(f1), d2 = twice<T>(f2), d3 = twice<T>(f3), d4 = twice<T>(f4)
  const d5 = twice<T>(f5), d6 = twice<T>(f6), d7 = twice<T>(f7)
  const t6 = times<T>(f6, 19), t8 = times<T>(f8, 19)
  const u5 = times<T>(f5, 38), u7 = times<T>(f7, 38), u9 = times<T>(f9, 38)
  settle<T>(
    to,
    last<T>(negateLast, 0, add<T>(five<T>(f0, f0, d1, u9, d2, t8, d3, u7, d4, t6), product<T>(f5, u5))),
    last<T>(negateLast, 1, five<T>(d0, f1, f2, u9, d3, t8, f4, u7, d5, t6)),
    last<T>(negateLast, 2, add<T>(five<T>(d0, f2, d1, f1, d3, u9, d4, t8, d5, u7), product<T>(f6, t6))),
    last<T>(negateLast, 3, five<T>(d0, f3, d1, f2, f4, u9, d5, t8, f6, u7)),
    last<T>(negateLast, 4, add<T>(five<T>(d0, f4, d1, d3, f2, f2, d5, u9, d6, t8), product<T>(f7, u7))),
    last<T>(negateLast, 5, five<T>(d0, f5, d1, f4, d2, f3, f6, u9, d7, t8)),
    last<T>(negateLast, 6, add<T>(five<T>(d0, f6, d1, d5, d2, f4, d3, f3, d7, u9), product<T>(f8, t8))),
    last<T>(negateLast, 7, five<T>(d0, f7, d1, f6, d2, f5, d3, f4, f8, u9)),
    last<T>(negateLast, 8, add<T>(five<T>(d0, f8, d1, d7, d2, f6, d3, d5, f4, f4), product<T>(f9, u9))),
    last<T>(negateLast, 9, five<T>(d0, f9, d1, f8, d2, f7, d3, f6, d4, f5)),
  )
}

/** Carries ten columns below 2^63.5 into limbs and stores them. */
@inline
function settle<T>(to: usize, h0: T, h1: T, h2: T, h3: T, h4: T, h5: T, h6: T, h7: T, h8: T, h9: T): void {
  h1 = add<T>(h1, shift<T>(h0, 26)); h0 = mask<T>(h0, MASK26)
  h5 = add<T>(h5, shift<T>(h4, 26)); h4 = mask<T>(h4, MASK26)
  h2 = add<T>(h2, shift<T>(h1, 25)); h1 = mask<T>(h1, MASK25)
  h6 = add<T>(h6, shift<T>(h5, 25)); h5 = mask<T>(h5, MASK25)
  h3 = add<T>(h3, shift<T>(h2, 26)); h2 = mask<T>(h2, MASK26)
  h7 = add<T>(h7, shift<T>(h6, 26)); h6 = mask<T>(h6, MASK26)
  h4 = add<T>(h4, shift<T>(h3, 25)); h3 = mask<T>(h3, MASK25)
  h8 = add<T>(h8, shift<T>(h7, 25)); h7 = mask<T>(h7, MASK25)
  h5 = add<T>(h5, shift<T>(h4, 26)); h4 = mask<T>(h4, MASK26)
  h9 = add<T>(h9, shift<T>(h8, 26)); h8 = mask<T>(h8, MASK26)
  h0 = add<T>(h0, nineteen<T>(shift<T>(h9, 25))); h9 = mask<T>(h9, MASK25)
  h1 = add<T>(h1, shift<T>(h0, 26)); h0 = mask<T>(h0, MASK26)
  put<T>(to, 0, h0); put<T>(to, 16, h1); put<T>(to, 32, h2); put<T>(to, 48, h3); put<T>(to, 64, h4)
  put<T>(to, 80, h5); put<T>(to, 96, h6); put<T>(to, 112, h7); put<T>(to, 128, h8); put<T>(to, 144, h9)
}

@inline
function limb<T>(from: usize, at: usize): T {
  if (isVector<T>()) return v128.load_zero<u64>(from + at)
  return <T>load<u32>(from + at)
}

@inline
function put<T>(to: usize, at: usize, value: T): void {
  if (isVector<T>()) v128.store_lane<u64>(to + at, v128.shuffle<i32>(value, value, 0, 2, 0, 2), 0)
  else store<u32>(to + at, <u32>value)
}

@inline
function twice<T>(a: T): T {
  if (isVector<T>()) return i32x4.add(a, a)
  return a + a
}

@inline
function times<T>(a: T, factor: u32): T {
  if (isVector<T>()) return i32x4.mul(a, i32x4.splat(factor))
  return a * <T>factor
}

@inline
function product<T>(a: T, b: T): T {
  if (isVector<T>()) return i64x2.extmul_low_i32x4_u(a, b)
  return a * b
}

@inline
function add<T>(a: T, b: T): T {
  if (isVector<T>()) return i64x2.add(a, b)
  return a + b
}

@inline
function shift<T>(a: T, count: i32): T {
  if (isVector<T>()) return i64x2.shr_u(a, count)
  return a >> <T>count
}

@inline
function mask<T>(a: T, bits: u64): T {
  if (isVector<T>()) return v128.and(a, i64x2.splat(bits))
  return a & <T>bits
}

/** 19 · a, of 64 bits. */
@inline
function nineteen<T>(a: T): T {
  if (isVector<T>()) return i64x2.add(a, i64x2.add(i64x2.shl(a, 1), i64x2.shl(a, 4)))
  return a * 19
}

/** Column number `index` (below 2^62), negated in the pass's last lane where asked: p · 2^37 − column. */
@inline
function last<T>(negate: bool, index: i32, column: T): T {
  if (!negate) return column
  const multiple: u64 = (index == 0 ? MASK26 - 18 : (index & 1) != 0 ? MASK25 : MASK26) << 37
  if (isVector<T>()) return i64x2.add(v128.xor(column, i64x2(0, -1)), i64x2(0, multiple + 1))
  return <T>multiple - column
}

@inline
function five<T>(a: T, b: T, c: T, d: T, e: T, f: T, g: T, h: T, i: T, j: T): T {
  return add<T>(
    add<T>(add<T>(product<T>(a, b), product<T>(c, d)), add<T>(product<T>(e, f), product<T>(g, h))), product<T>(i, j))
}

@inline
function ten<T>(
  a0: T, a1: T, a2: T, a3: T, a4: T, a5: T, a6: T, a7: T, a8: T, a9: T,
  b0: T, b1: T, b2: T, b3: T, b4: T, b5: T, b6: T, b7: T, b8: T, b9: T,
): T {
  return add<T>(five<T>(a0, b0, a1, b1, a2, b2, a3, b3, a4, b4), five<T>(a5, b5, a6, b6, a7, b7, a8, b8, a9, b9))
}
