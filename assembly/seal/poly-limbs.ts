/** What Poly1305's two ways share: its registers, five limbs of 26 bits in 64 bits each, and their product. */

export const MASK: u64 = 0x3ffffff

/** The multiplier r. */
export const R: usize = memory.data(40, 16)
/** The accumulator. */
export const H: usize = memory.data(40, 16)
/** The second half of the key, added to the result. */
export const PAD: usize = memory.data(16, 16)
/** Whether the powers of r have been made: 0 or 1. */
export const POWERS: usize = memory.data(4, 16)

/** `to` = `a` × `b` modulo 2^130 − 5, limbs below 2^26 but for a little in the second. */
export function multiply(to: usize, a: usize, b: usize): void {
  const a0 = load<u64>(a), a1 = load<u64>(a, 8), a2 = load<u64>(a, 16), a3 = load<u64>(a, 24), a4 = load<u64>(a, 32)
  const b0 = load<u64>(b), b1 = load<u64>(b, 8), b2 = load<u64>(b, 16), b3 = load<u64>(b, 24), b4 = load<u64>(b, 32)
  const d0 = a0 * b0 + 5 * (a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1)
  const d1 = a0 * b1 + a1 * b0 + 5 * (a2 * b4 + a3 * b3 + a4 * b2) + (d0 >> 26)
  const d2 = a0 * b2 + a1 * b1 + a2 * b0 + 5 * (a3 * b4 + a4 * b3) + (d1 >> 26)
  const d3 = a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + 5 * (a4 * b4) + (d2 >> 26)
  const d4 = a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0 + (d3 >> 26)
  const low = (d0 & MASK) + 5 * (d4 >> 26)
  store<u64>(to, low & MASK)
  store<u64>(to, (d1 & MASK) + (low >> 26), 8)
  store<u64>(to, d2 & MASK, 16)
  store<u64>(to, d3 & MASK, 24)
  store<u64>(to, d4 & MASK, 32)
}
