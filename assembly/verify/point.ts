/**
 * Points of −x² + y² = 1 + d x² y² in extended coordinates: one quad holds (X, Y, Z, T), with XY = ZT.
 *
 * Sum and double are the formulas of Hisil, Wong, Carter and Dawson ("Twisted Edwards curves revisited", 2008), laid
 * out for four lanes as their section 4 proposes: two products of quads each. The sum is complete: it holds for all
 * points of the curve, small order and identity included. A point to be added comes as "cached":
 * (Y − X, Y + X, 2Z, 2dT), excess 1.006; that is what tables consist of.
 */

import {
  copyLane, difference, isZero, multiply, QUAD, squareNegatingLast, TWICE_P_EVEN, TWICE_P_ODD, TWICE_P0, twiceP,
} from './field'

/** Factors that make (Y − X, Y + X, Z, T) cached: limbs of 1, 1, 2 and 2d. */
const CACHING: usize = memory.data<u32>([
  1, 1, 2, 45281625, 0, 0, 0, 27714825, 0, 0, 0, 36363642, 0, 0, 0, 13898781, 0, 0, 0, 229458,
  0, 0, 0, 15978800, 0, 0, 0, 54557047, 0, 0, 0, 27058993, 0, 0, 0, 29715967, 0, 0, 0, 9444199,
], 16)

const LEFT: usize = memory.data(160, 16)
const RIGHT: usize = memory.data(160, 16)
const STEP: usize = memory.data(160, 16)
const WALK: usize = memory.data(160, 16)

/** The point (0, 1). */
export function setIdentity(to: usize): void {
  memory.fill(to, 0, QUAD)
  store<u32>(to, 1, 4)
  store<u32>(to, 1, 8)
}

/** Whether 8 times the point is the identity. The point becomes that multiple. */
export function isSmallOrder(point: usize): bool {
  for (let i = 0; i < 3; i++) double(point, point)
  if (!isZero(point, 0)) return false
  // lane 0: Y − Z
  copyLane(LEFT, 0, point, 1)
  copyLane(RIGHT, 0, point, 2)
  difference(LEFT, LEFT, RIGHT)
  return isZero(LEFT, 0)
}

/** `to` = 2 · `from`, which it may be. */
export function double(to: usize, from: usize): void {
  beforeDouble(from)
  squareNegatingLast(LEFT, LEFT)
  afterDouble()
  multiply(to, LEFT, RIGHT, 4)
}

/** `to` = `from` + the cached point, or minus it. `to` may be `from`. */
export function add(to: usize, from: usize, cached: usize, minus: bool): void {
  if (minus) {
    splay(from, true)
    multiply(LEFT, LEFT, cached, 4)
    afterAdd(true)
  } else {
    splay(from, false)
    multiply(LEFT, LEFT, cached, 4)
    afterAdd(false)
  }
  multiply(to, LEFT, RIGHT, 4)
}

/** `to` = `from` in the form of tables. */
export function cache(to: usize, from: usize): void {
  splay(from, false)
  multiply(to, LEFT, CACHING, 4)
}

/** Writes a table: P, 3P, 5P … (2 · `entries` − 1) P of the point P at `from`. */
export function makeTable(table: usize, from: usize, entries: u32): void {
  cache(table, from)
  if (entries == 1) return
  double(WALK, from)
  cache(STEP, WALK)
  memory.copy(WALK, from, QUAD)
  for (let i: u32 = 1; i < entries; i++) {
    table += QUAD
    add(WALK, WALK, STEP, false)
    cache(table, WALK)
  }
}

/** LEFT = (Y − X, Y + X, Z, T), of excess 3.1. For the difference of points the first two change places. */
@inline
function splay(from: usize, minus: bool): void {
  if (ASC_FEATURE_SIMD) {
    const sign = minus ? i32x4(0, -1, 0, 0) : i32x4(-1, 0, 0, 0), firstTwo = i32x4(-1, -1, 0, 0)
    let bias = minus ? i32x4(0, TWICE_P0 + 1, 0, 0) : i32x4(TWICE_P0 + 1, 0, 0, 0)
    const odd = minus ? i32x4(0, TWICE_P_ODD + 1, 0, 0) : i32x4(TWICE_P_ODD + 1, 0, 0, 0)
    const even = minus ? i32x4(0, TWICE_P_EVEN + 1, 0, 0) : i32x4(TWICE_P_EVEN + 1, 0, 0, 0)
    for (let at: usize = 0; at < QUAD; at += 32) {
      splayRow(from + at, LEFT + at, sign, firstTwo, bias)
      splayRow(from + at + 16, LEFT + at + 16, sign, firstTwo, odd)
      bias = even
    }
  } else {
    for (let at: usize = 0; at < QUAD; at += 16) {
      const x = load<u32>(from + at), y = load<u32>(from + at, 4)
      store<u32>(LEFT + at, minus ? y + x : y + twiceP(at) - x)
      store<u32>(LEFT + at, minus ? y + twiceP(at) - x : y + x, 4)
      store<u64>(LEFT + at, load<u64>(from + at, 8), 8)
    }
  }
}

@inline
function splayRow(from: usize, to: usize, sign: v128, firstTwo: v128, bias: v128): void {
  const p = v128.load(from)
  const plain = v128.shuffle<i32>(p, p, 1, 1, 2, 3), signed = v128.shuffle<i32>(p, p, 0, 0, 2, 3)
  v128.store(to, i32x4.add(i32x4.add(v128.and(plain, firstTwo), bias), v128.xor(signed, sign)))
}

/**
 * From LEFT = (A, B, D, C) to LEFT = (E, G, G, E) and RIGHT = (F, H, F, H), with E = B − A, F = D − C, G = D + C,
 * H = B + A: excess 3.1. For the difference of points LEFT = (B, A, D, −C).
 */
@inline
function afterAdd(minus: bool): void {
  if (ASC_FEATURE_SIMD) {
    // E, H, F, G
    const sign = minus ? i32x4(-1, 0, 0, -1) : i32x4(-1, 0, -1, 0)
    let bias = minus ? i32x4(TWICE_P0 + 1, 0, 0, TWICE_P0 + 1) : i32x4(TWICE_P0 + 1, 0, TWICE_P0 + 1, 0)
    const odd = minus ? i32x4(TWICE_P_ODD + 1, 0, 0, TWICE_P_ODD + 1) : i32x4(TWICE_P_ODD + 1, 0, TWICE_P_ODD + 1, 0)
    const even = minus
      ? i32x4(TWICE_P_EVEN + 1, 0, 0, TWICE_P_EVEN + 1)
      : i32x4(TWICE_P_EVEN + 1, 0, TWICE_P_EVEN + 1, 0)
    for (let at: usize = 0; at < QUAD; at += 32) {
      addRow(at, sign, bias, minus)
      addRow(at + 16, sign, odd, minus)
      bias = even
    }
  } else {
    for (let at: usize = 0; at < QUAD; at += 16) {
      const left = LEFT + at, right = RIGHT + at
      const a = minus ? load<u32>(left, 4) : load<u32>(left), b = minus ? load<u32>(left) : load<u32>(left, 4)
      const d = load<u32>(left, 8), c = load<u32>(left, 12)
      const e = b + twiceP(at) - a, h = b + a
      const less = d + twiceP(at) - c, more = d + c
      const f = minus ? more : less, g = minus ? less : more
      store<u32>(left, e); store<u32>(left, g, 4); store<u32>(left, g, 8); store<u32>(left, e, 12)
      store<u32>(right, f); store<u32>(right, h, 4); store<u32>(right, f, 8); store<u32>(right, h, 12)
    }
  }
}

@inline
function addRow(at: usize, sign: v128, bias: v128, minus: bool): void {
  const w = v128.load(LEFT + at)
  const plain = minus ? v128.shuffle<i32>(w, w, 0, 0, 2, 2) : v128.shuffle<i32>(w, w, 1, 1, 2, 2)
  const signed = minus ? v128.shuffle<i32>(w, w, 1, 1, 3, 3) : v128.shuffle<i32>(w, w, 0, 0, 3, 3)
  const s = i32x4.add(i32x4.add(plain, bias), v128.xor(signed, sign))
  v128.store(LEFT + at, v128.shuffle<i32>(s, s, 0, 3, 3, 0))
  v128.store(RIGHT + at, v128.shuffle<i32>(s, s, 2, 1, 2, 1))
}

/** LEFT = (X, Y, Z, X + Y), of excess 2.02. */
@inline
function beforeDouble(from: usize): void {
  if (ASC_FEATURE_SIMD) {
    for (let at: usize = 0; at < QUAD; at += 16) {
      const p = v128.load(from + at)
      const both = i32x4.add(v128.shuffle<i32>(p, p, 0, 0, 0, 0), v128.shuffle<i32>(p, p, 1, 1, 1, 1))
      v128.store(LEFT + at, v128.shuffle<i32>(p, both, 0, 1, 2, 7))
    }
  } else {
    for (let at: usize = 0; at < QUAD; at += 16) {
      const left = LEFT + at
      const x = load<u32>(from + at), y = load<u32>(from + at, 4), z = load<u32>(from + at, 8)
      store<u32>(left, x); store<u32>(left, y, 4); store<u32>(left, z, 8); store<u32>(left, x + y, 12)
    }
  }
}

/**
 * From LEFT = (A, B, Z², −(X + Y)²) to LEFT = (F, H, F, H), of excess 5.1, and RIGHT = (E, G, G, E), of excess 3.1,
 * with E = A + B − (X + Y)², F = A − B + 2Z², G = A − B, H = A + B: each the negative of what the paper has.
 */
@inline
function afterDouble(): void {
  if (ASC_FEATURE_SIMD) {
    let bias = i32x4(0, TWICE_P0 + 1, TWICE_P0 + 1, 0)
    const odd = i32x4(0, TWICE_P_ODD + 1, TWICE_P_ODD + 1, 0), even = i32x4(0, TWICE_P_EVEN + 1, TWICE_P_EVEN + 1, 0)
    for (let at: usize = 0; at < QUAD; at += 32) {
      doubleRow(at, bias)
      doubleRow(at + 16, odd)
      bias = even
    }
  } else {
    for (let at: usize = 0; at < QUAD; at += 16) {
      const left = LEFT + at, right = RIGHT + at
      const a = load<u32>(left), b = load<u32>(left, 4)
      const h = a + b, g = a + twiceP(at) - b
      const f = g + 2 * load<u32>(left, 8), e = h + load<u32>(left, 12)
      store<u32>(left, f); store<u32>(left, h, 4); store<u32>(left, f, 8); store<u32>(left, h, 12)
      store<u32>(right, e); store<u32>(right, g, 4); store<u32>(right, g, 8); store<u32>(right, e, 12)
    }
  }
}

@inline
function doubleRow(at: usize, bias: v128): void {
  const w = v128.load(LEFT + at)
  const twice = v128.and(w, i32x4(0, 0, -1, 0)), rest = v128.and(w, i32x4(0, 0, -1, -1))
  // H, G, F, E
  const signed = v128.xor(v128.shuffle<i32>(w, w, 1, 1, 1, 1), i32x4(0, -1, -1, 0))
  const ab = i32x4.add(i32x4.add(v128.shuffle<i32>(w, w, 0, 0, 0, 0), bias), signed)
  const s = i32x4.add(i32x4.add(ab, rest), twice)
  v128.store(LEFT + at, v128.shuffle<i32>(s, s, 2, 0, 2, 0))
  v128.store(RIGHT + at, v128.shuffle<i32>(s, s, 3, 1, 1, 3))
}
