/**
 * Sums and scalars of secrets: neither the way nor an address depends on them (see `test/wasm/group-secrets.test.ts`).
 *
 * A scalar has 64 signed digits of 4 bits. Each step reads every entry of a table and keeps the wanted one by masks.
 */

import { QUAD, twiceP } from '../verify/field'
import { add, cache, double, setIdentity } from '../verify/point'
import { reduce } from '../verify/scalar'

/** Entries of a table: P, 2P … 8P. */
export const MULTIPLES: u32 = 8
/** Digits of a scalar. */
const DIGITS: u32 = 64

const CHOSEN: usize = memory.data(160, 16)
const WALK: usize = memory.data(160, 16)
const WIDE: usize = memory.data(64, 16)
const ZERO: usize = memory.data(64, 16)
const REST: usize = memory.data(32, 16)

/** Writes the table of the point at `from`: eight cached points. */
export function makeMultiples(table: usize, from: usize): void {
  cache(table, from)
  memory.copy(WALK, from, QUAD)
  for (let i: u32 = 1; i < MULTIPLES; i++) {
    add(WALK, WALK, table, false)
    cache(table + QUAD * i, WALK)
  }
}

/** Writes 64 digits in −8 … 8 of the scalar at `from`, which is below 2^255. */
export function recodeSecret(digits: usize, from: usize): void {
  for (let i: u32 = 0; i < 32; i++) {
    const byte = load<u8>(from + i)
    store<u8>(digits + 2 * i, byte & 15)
    store<u8>(digits + 2 * i, byte >> 4, 1)
  }
  let carry: i32 = 0
  for (let i: u32 = 0; i < DIGITS; i++) {
    const digit = <i32>load<i8>(digits + i) + carry
    // the last digit is 8 at most and stays
    carry = i < DIGITS - 1 ? (digit + 8) >> 4 : 0
    store<i8>(digits + i, <i8>(digit - (carry << 4)))
  }
}

/** `total` = Σ of `count` points, whose tables' addresses lie at `tables`, and their digits, 64 each, at `digits`. */
export function sumOfSecrets(total: usize, digits: usize, tables: usize, count: u32): void {
  setIdentity(total)
  for (let place: i32 = DIGITS - 1; place >= 0; place--) {
    for (let i = 0; i < 4; i++) double(total, total)
    for (let i: u32 = 0; i < count; i++) {
      choose(load<u32>(tables + 4 * i), <i32>load<i8>(digits + DIGITS * i + place))
      add(total, total, CHOSEN, false)
    }
  }
  // what the last step left behind is overwritten
  memory.fill(CHOSEN, 0, QUAD)
  memory.fill(WALK, 0, QUAD)
  add(WALK, WALK, CHOSEN, false)
}

/** `to` = a · b + c modulo L, of 32 bytes each. */
export function multiplyAdd(to: usize, a: usize, b: usize, c: usize): void {
  memory.copy(WIDE, c, 32)
  memory.fill(WIDE + 32, 0, 32)
  for (let i: usize = 0; i < 32; i += 4) {
    const factor: u64 = load<u32>(a + i)
    let carry: u64 = 0
    for (let j: usize = 0; j < 32; j += 4) {
      const word = factor * load<u32>(b + j) + load<u32>(WIDE + i + j) + carry
      store<u32>(WIDE + i + j, <u32>word)
      carry = word >> 32
    }
    store<u32>(WIDE + i, <u32>carry, 32)
  }
  reduceSecret(to, WIDE)
}

/** `to` = the 64 bytes at `wide` modulo L. These, but for the result, and what lies between them are overwritten. */
export function reduceSecret(to: usize, wide: usize): void {
  reduce(REST, wide)
  memory.fill(wide, 0, 64)
  memory.copy(to, REST, 32)
  reduce(REST, ZERO)
}

/** CHOSEN = |digit| times the point of the table, negated where the digit is negative. */
function choose(table: usize, digit: i32): void {
  const sign = digit >> 31, size = (digit ^ sign) - sign
  if (ASC_FEATURE_SIMD) {
    const m0 = mask(size, 0), m1 = mask(size, 1), m2 = mask(size, 2), m3 = mask(size, 3), m4 = mask(size, 4)
    const m5 = mask(size, 5), m6 = mask(size, 6), m7 = mask(size, 7), m8 = mask(size, 8)
    const minus = i32x4.splat(sign)
    let neutral = v128.and(m0, i32x4(1, 1, 2, 0))
    for (let at: usize = 0; at < QUAD; at += 16) {
      const low = v128.or(v128.or(entry(table, at, 0, m1), entry(table, at, 1, m2)), neutral)
      const middle = v128.or(entry(table, at, 2, m3), entry(table, at, 3, m4))
      const high = v128.or(entry(table, at, 4, m5), entry(table, at, 5, m6))
      const top = v128.or(entry(table, at, 6, m7), entry(table, at, 7, m8))
      const row = v128.or(v128.or(low, middle), v128.or(high, top))
      const opposite = i32x4.sub(i32x4.splat(twiceP(at)), row)
      v128.store(CHOSEN + at, v128.bitselect(v128.shuffle<i32>(row, opposite, 1, 0, 2, 7), row, minus))
      neutral = i32x4.splat(0)
    }
  } else {
    for (let at: usize = 0; at < QUAD; at += 16) {
      chooseRow(table + at, CHOSEN + at, size, <u32>sign, twiceP(at), at == 0)
    }
  }
}

@inline
function mask(size: i32, wanted: i32): v128 {
  return i32x4.splat(((size ^ wanted) - 1) >> 31)
}

@inline
function entry(table: usize, at: usize, index: usize, chosen: v128): v128 {
  return v128.and(v128.load(table + at + QUAD * index), chosen)
}

@inline
function chooseRow(table: usize, to: usize, size: i32, minus: u32, limbOfP: u32, isFirst: bool): void {
  const none = <u64><i64>((size - 1) >> 31)
  let low: u64 = isFirst ? none & 0x100000001 : 0, high: u64 = isFirst ? none & 2 : 0
  for (let i: i32 = 0; i < <i32>MULTIPLES; i++, table += QUAD) {
    const chosen = <u64><i64>(((size ^ (i + 1)) - 1) >> 31)
    low |= load<u64>(table) & chosen
    high |= load<u64>(table, 8) & chosen
  }
  const a = <u32>low, b = <u32>(low >> 32), d = <u32>(high >> 32)
  const swap = (a ^ b) & minus
  store<u32>(to, a ^ swap)
  store<u32>(to, b ^ swap, 4)
  store<u32>(to, <u32>high, 8)
  store<u32>(to, d ^ ((d ^ (limbOfP - d)) & minus), 12)
}
