/**
 * Numbers modulo L = 2^252 + 27742317777372353535851937790883648493, the order of the base point, and their
 * recoding into few signed digits. Little-endian words of 32 bits: a scalar has eight, a wide number sixteen.
 */

const L: usize = memory.data<u32>([
  0x5cf5d3ed, 0x5812631a, 0xa2f79cd6, 0x14def9de, 0, 0, 0, 0x10000000, 0,
], 16)
/** ⌊2^512 / L⌋ */
const MU: usize = memory.data<u32>([
  0x0a2c131b, 0xed9ce5a3, 0x086329a7, 0x2106215d, 0xffffffeb, 0xffffffff, 0xffffffff, 0xffffffff, 0xf,
], 16)

const QUOTIENT: usize = memory.data(72, 16)
const REST: usize = memory.data(36, 16)
const LESS: usize = memory.data(36, 16)
const BITS: usize = memory.data(48, 16)

/** Whether the 32 bytes at `at` are below L. */
export function isReduced(at: usize): bool {
  for (let i: i32 = 28; i >= 0; i -= 4) {
    const a = load<u32>(at + i), b = load<u32>(L + i)
    if (a != b) return a < b
  }
  return false
}

/** `wide` += the four words at `a` · the eight at `b`; no more than 2^130 times, so the sum stays below 2^512. */
export function addProduct(wide: usize, a: usize, b: usize): void {
  for (let i: usize = 0; i < 16; i += 4) {
    const factor: u64 = load<u32>(a + i)
    let carry: u64 = 0, to = wide + i
    for (let j: usize = 0; j < 32; j += 4, to += 4) {
      const word = factor * load<u32>(b + j) + load<u32>(to) + carry
      store<u32>(to, <u32>word)
      carry = word >> 32
    }
    for (; carry != 0; to += 4) {
      const word = load<u32>(to) + carry
      store<u32>(to, <u32>word)
      carry = word >> 32
    }
  }
}

/** `to` = `wide` mod L by Barrett (Handbook of Applied Cryptography, algorithm 14.42), the same way for all numbers. */
export function reduce(to: usize, wide: usize): void {
  memory.fill(QUOTIENT, 0, 72)
  accumulate(QUOTIENT, wide + 28, MU, 18)
  memory.fill(REST, 0, 36)
  accumulate(REST, QUOTIENT + 36, L, 9)
  let borrow: u64 = 0
  for (let i: usize = 0; i < 36; i += 4) {
    const word = <u64>load<u32>(wide + i) - load<u32>(REST + i) - borrow
    store<u32>(REST + i, <u32>word)
    borrow = word >> 63
  }
  // with this L and MU the quotient is too small by 1 at most
  borrow = 0
  for (let i: usize = 0; i < 36; i += 4) {
    const word = <u64>load<u32>(REST + i) - load<u32>(L + i) - borrow
    store<u32>(LESS + i, <u32>word)
    borrow = word >> 63
  }
  const keep: u32 = 0 - <u32>borrow
  for (let i: usize = 0; i < 32; i += 4) {
    const less = load<u32>(LESS + i)
    store<u32>(to + i, less ^ ((less ^ load<u32>(REST + i)) & keep))
  }
}

/** `to` = −`from` mod L, for a reduced `from`. */
export function negate(to: usize, from: usize): void {
  let borrow: u64 = 0, any: u32 = 0
  for (let i: usize = 0; i < 32; i += 4) any |= load<u32>(from + i)
  for (let i: usize = 0; i < 32; i += 4) {
    const word = <u64>(any != 0 ? load<u32>(L + i) : 0) - load<u32>(from + i) - borrow
    store<u32>(to + i, <u32>word)
    borrow = word >> 63
  }
}

/**
 * Recodes bits `first` … `first` + `count` − 1 of the scalar at `from` (`count` a multiple of 64, at most 256) into
 * digits that are 0 or odd, of `width` bits with sign, with at least `width` − 1 zeros after each: digit i goes to
 * the byte at `digits` + i · `stride`, for which there must be one more than `count`. The bytes must be 0 before.
 */
export function recode(digits: usize, stride: u32, from: usize, first: u32, count: u32, width: u32): void {
  memory.copy(BITS, from + (first >> 3), count >> 3)
  store<u64>(BITS + (count >> 3), 0)
  store<u64>(BITS + (count >> 3), 0, 8)
  let carry: u64 = 0
  for (let at: u32 = 0; at <= count; ) {
    const word = BITS + ((at >> 6) << 3), inWord: u64 = at & 63
    const bits = load<u64>(word) >> inWord | (inWord == 0 ? 0 : load<u64>(word, 8) << (64 - inWord))
    // where the bit is what the carry makes 0, so is the digit
    const zeros = <u32>ctz(carry == 0 ? bits : ~bits)
    if (zeros > 0) {
      at += zeros
      continue
    }
    const digit = <i32>(bits & ((1 << <u64>width) - 1)) + <i32>carry
    carry = <u64>(digit >> (width - 1))
    store<i8>(digits + at * stride, <i8>(digit - (<i32>carry << width)))
    at += width
  }
}

/** `to` += `a` · `b`, nine words each, in the first `words` words of the result. */
@inline
function accumulate(to: usize, a: usize, b: usize, words: u32): void {
  for (let i: u32 = 0; i < 9; i++) {
    const factor: u64 = load<u32>(a + 4 * i)
    let carry: u64 = 0
    for (let j: u32 = 0; j < 9 && i + j < words; j++) {
      const at = to + 4 * (i + j)
      const word = factor * load<u32>(b + 4 * j) + load<u32>(at) + carry
      store<u32>(at, <u32>word)
      carry = word >> 32
    }
    if (i + 9 < words) store<u32>(to + 4 * (i + 9), <u32>carry)
  }
}
