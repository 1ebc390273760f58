/**
 * Poly1305 of four blocks in step: lane k of five vectors accumulates blocks 4i + k, each step multiplies by r^4, and
 * the end multiplies the lanes by r^4, r^3, r^2, r and adds them up (the way of floodyberry's poly1305-donna SIMD).
 */

import { H, MASK, multiply, POWERS, R } from './poly-limbs'

/** r^2, r^3, r^4 as five limbs in 64 bits each. */
const SQUARE: usize = memory.data(40, 16)
const CUBE: usize = memory.data(40, 16)
const FOURTH: usize = memory.data(40, 16)
/** The lanes' last multipliers: five vectors (r^4, r^3, r^2, r). */
const LAST: usize = memory.data(80, 16)

/** Takes in `length` bytes at `from`: a multiple of 64, not 0. */
export function absorbFours(from: usize, length: u32): void {
  if (load<u32>(POWERS) == 0) makePowers()
  let a0 = i32x4(load<u32>(H), 0, 0, 0), a1 = i32x4(load<u32>(H, 8), 0, 0, 0), a2 = i32x4(load<u32>(H, 16), 0, 0, 0)
  let a3 = i32x4(load<u32>(H, 24), 0, 0, 0), a4 = i32x4(load<u32>(H, 32), 0, 0, 0)
  let r0 = i32x4.splat(load<u32>(FOURTH)), r1 = i32x4.splat(load<u32>(FOURTH, 8))
  let r2 = i32x4.splat(load<u32>(FOURTH, 16)), r3 = i32x4.splat(load<u32>(FOURTH, 24))
  let r4 = i32x4.splat(load<u32>(FOURTH, 32))
  let s1 = times5(r1), s2 = times5(r2), s3 = times5(r3), s4 = times5(r4)
  const mask = i32x4.splat(<i32>MASK), wide = i64x2.splat(MASK)
  for (const end = from + length; ; ) {
    const x = v128.load(from), y = v128.load(from, 16), z = v128.load(from, 32), w = v128.load(from, 48)
    const xy = v128.shuffle<i32>(x, y, 0, 4, 1, 5), zw = v128.shuffle<i32>(z, w, 0, 4, 1, 5)
    const xy2 = v128.shuffle<i32>(x, y, 2, 6, 3, 7), zw2 = v128.shuffle<i32>(z, w, 2, 6, 3, 7)
    const w0 = v128.shuffle<i64>(xy, zw, 0, 2), w1 = v128.shuffle<i64>(xy, zw, 1, 3)
    const w2 = v128.shuffle<i64>(xy2, zw2, 0, 2), w3 = v128.shuffle<i64>(xy2, zw2, 1, 3)
    a0 = i32x4.add(a0, v128.and(w0, mask))
    a1 = i32x4.add(a1, v128.and(v128.or(i32x4.shr_u(w0, 26), i32x4.shl(w1, 6)), mask))
    a2 = i32x4.add(a2, v128.and(v128.or(i32x4.shr_u(w1, 20), i32x4.shl(w2, 12)), mask))
    a3 = i32x4.add(a3, v128.and(v128.or(i32x4.shr_u(w2, 14), i32x4.shl(w3, 18)), mask))
    a4 = i32x4.add(a4, v128.or(i32x4.shr_u(w3, 8), i32x4.splat(1 << 24)))
    from += 64
    const last = from == end
    if (last) {
      r0 = v128.load(LAST); r1 = v128.load(LAST, 16); r2 = v128.load(LAST, 32)
      r3 = v128.load(LAST, 48); r4 = v128.load(LAST, 64)
      s1 = times5(r1); s2 = times5(r2); s3 = times5(r3); s4 = times5(r4)
    }
    let d0 = low5(a0, r0, a1, s4, a2, s3, a3, s2, a4, s1), e0 = high5(a0, r0, a1, s4, a2, s3, a3, s2, a4, s1)
    let d1 = low5(a0, r1, a1, r0, a2, s4, a3, s3, a4, s2), e1 = high5(a0, r1, a1, r0, a2, s4, a3, s3, a4, s2)
    let d2 = low5(a0, r2, a1, r1, a2, r0, a3, s4, a4, s3), e2 = high5(a0, r2, a1, r1, a2, r0, a3, s4, a4, s3)
    let d3 = low5(a0, r3, a1, r2, a2, r1, a3, r0, a4, s4), e3 = high5(a0, r3, a1, r2, a2, r1, a3, r0, a4, s4)
    let d4 = low5(a0, r4, a1, r3, a2, r2, a3, r1, a4, r0), e4 = high5(a0, r4, a1, r3, a2, r2, a3, r1, a4, r0)
    if (last) {
      carryInto(both(d0, e0), both(d1, e1), both(d2, e2), both(d3, e3), both(d4, e4))
      return
    }
    d1 = i64x2.add(d1, i64x2.shr_u(d0, 26)); e1 = i64x2.add(e1, i64x2.shr_u(e0, 26))
    d4 = i64x2.add(d4, i64x2.shr_u(d3, 26)); e4 = i64x2.add(e4, i64x2.shr_u(e3, 26))
    d0 = v128.and(d0, wide); e0 = v128.and(e0, wide); d3 = v128.and(d3, wide); e3 = v128.and(e3, wide)
    d2 = i64x2.add(d2, i64x2.shr_u(d1, 26)); e2 = i64x2.add(e2, i64x2.shr_u(e1, 26))
    const cd = i64x2.shr_u(d4, 26), ce = i64x2.shr_u(e4, 26)
    d0 = i64x2.add(d0, i64x2.add(cd, i64x2.shl(cd, 2))); e0 = i64x2.add(e0, i64x2.add(ce, i64x2.shl(ce, 2)))
    d1 = v128.and(d1, wide); e1 = v128.and(e1, wide); d4 = v128.and(d4, wide); e4 = v128.and(e4, wide)
    d3 = i64x2.add(d3, i64x2.shr_u(d2, 26)); e3 = i64x2.add(e3, i64x2.shr_u(e2, 26))
    d1 = i64x2.add(d1, i64x2.shr_u(d0, 26)); e1 = i64x2.add(e1, i64x2.shr_u(e0, 26))
    d0 = v128.and(d0, wide); e0 = v128.and(e0, wide); d2 = v128.and(d2, wide); e2 = v128.and(e2, wide)
    d4 = i64x2.add(d4, i64x2.shr_u(d3, 26)); e4 = i64x2.add(e4, i64x2.shr_u(e3, 26))
    d3 = v128.and(d3, wide); e3 = v128.and(e3, wide)
    a0 = pack(d0, e0); a1 = pack(d1, e1); a2 = pack(d2, e2); a3 = pack(d3, e3); a4 = pack(d4, e4)
  }
}

/** Wipes the powers of r. */
export function wipeFours(): void {
  memory.fill(SQUARE, 0, 40)
  memory.fill(CUBE, 0, 40)
  memory.fill(FOURTH, 0, 40)
  memory.fill(LAST, 0, 80)
}

function makePowers(): void {
  multiply(SQUARE, R, R)
  multiply(CUBE, SQUARE, R)
  multiply(FOURTH, SQUARE, SQUARE)
  for (let i: usize = 0; i < 5; i++) {
    const powers = i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(
      load<u32>(FOURTH + 8 * i)), 1, load<u32>(CUBE + 8 * i)), 2, load<u32>(SQUARE + 8 * i)), 3, load<u32>(R + 8 * i))
    v128.store(LAST + 16 * i, powers)
  }
  store<u32>(POWERS, 1)
}

/** Carries five sums below 2^62 into the accumulator. */
@inline
function carryInto(d0: u64, d1: u64, d2: u64, d3: u64, d4: u64): void {
  d1 += d0 >> 26
  d2 += d1 >> 26
  d3 += d2 >> 26
  d4 += d3 >> 26
  const low = (d0 & MASK) + 5 * (d4 >> 26)
  store<u64>(H, low & MASK)
  d1 = (d1 & MASK) + (low >> 26)
  store<u64>(H, d1 & MASK, 8)
  store<u64>(H, (d2 & MASK) + (d1 >> 26), 16)
  store<u64>(H, d3 & MASK, 24)
  store<u64>(H, d4 & MASK, 32)
}

@inline
function times5(a: v128): v128 { return i32x4.add(a, i32x4.shl(a, 2)) }

/** The sum of all four lanes. */
@inline
function both(d: v128, e: v128): u64 {
  const sum = i64x2.add(d, e)
  return i64x2.extract_lane(sum, 0) + i64x2.extract_lane(sum, 1)
}

@inline
function pack(d: v128, e: v128): v128 { return v128.shuffle<i32>(d, e, 0, 2, 4, 6) }

@inline
function low5(
  a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128, i: v128, j: v128,
): v128 {
  return i64x2.add(i64x2.add(i64x2.extmul_low_i32x4_u(a, b), i64x2.extmul_low_i32x4_u(c, d)), i64x2.add(
    i64x2.add(i64x2.extmul_low_i32x4_u(e, f), i64x2.extmul_low_i32x4_u(g, h)), i64x2.extmul_low_i32x4_u(i, j)))
}

@inline
function high5(
  a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128, i: v128, j: v128,
): v128 {
  return i64x2.add(i64x2.add(i64x2.extmul_high_i32x4_u(a, b), i64x2.extmul_high_i32x4_u(c, d)), i64x2.add(
    i64x2.add(i64x2.extmul_high_i32x4_u(e, f), i64x2.extmul_high_i32x4_u(g, h)), i64x2.extmul_high_i32x4_u(i, j)))
}
