/**
 * Poly1305 (RFC 8439, section 2.5) with limbs of 26 bits, so that products of limbs fit 64 bits; no branch and no
 * address depends on a secret. The SIMD build takes four blocks a step by the fourth power of r.
 * Every block here is whole: the AEAD pads with zeros, so bit 128 is always set.
 */

import { absorbFours, wipeFours } from './poly-four'
import { H, MASK, PAD, POWERS, R } from './poly-limbs'

/** Takes the 32-byte one-time key at `key`. */
export function polyBegin(key: usize): void {
  const t0 = <u64>load<u32>(key), t1 = <u64>load<u32>(key, 4), t2 = <u64>load<u32>(key, 8), t3 = <u64>load<u32>(key, 12)
  store<u64>(R, t0 & 0x3ffffff)
  store<u64>(R, (t0 >> 26 | t1 << 6) & 0x3ffff03, 8)
  store<u64>(R, (t1 >> 20 | t2 << 12) & 0x3ffc0ff, 16)
  store<u64>(R, (t2 >> 14 | t3 << 18) & 0x3f03fff, 24)
  store<u64>(R, t3 >> 8 & 0x00fffff, 32)
  memory.fill(H, 0, 40)
  memory.copy(PAD, key + 16, 16)
  store<u32>(POWERS, 0)
}

/** Takes in `length` bytes at `from`, a multiple of 16. */
export function polyBlocks(from: usize, length: u32): void {
  if (ASC_FEATURE_SIMD) {
    if (length >= 256) {
      const fours = length & ~63
      absorbFours(from, fours)
      from += fours
      length -= fours
    }
  }
  const r0 = load<u64>(R), r1 = load<u64>(R, 8), r2 = load<u64>(R, 16), r3 = load<u64>(R, 24), r4 = load<u64>(R, 32)
  const s1 = 5 * r1, s2 = 5 * r2, s3 = 5 * r3, s4 = 5 * r4
  let h0 = load<u64>(H), h1 = load<u64>(H, 8), h2 = load<u64>(H, 16), h3 = load<u64>(H, 24), h4 = load<u64>(H, 32)
  for (const end = from + length; from < end; from += 16) {
    const low = load<u64>(from), high = load<u64>(from, 8)
    h0 += low & MASK
    h1 += low >> 26 & MASK
    h2 += (low >> 52 | high << 12) & MASK
    h3 += high >> 14 & MASK
    h4 += high >> 40 | 1 << 24
    const d0 = h0 * r0 + h1 * s4 + h2 * s3 + h3 * s2 + h4 * s1
    let d1 = h0 * r1 + h1 * r0 + h2 * s4 + h3 * s3 + h4 * s2
    let d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s4 + h4 * s3
    let d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s4
    let d4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0
    d1 += d0 >> 26
    d2 += d1 >> 26
    d3 += d2 >> 26
    d4 += d3 >> 26
    h0 = (d0 & MASK) + 5 * (d4 >> 26)
    h1 = (d1 & MASK) + (h0 >> 26)
    h0 &= MASK
    h2 = d2 & MASK
    h3 = d3 & MASK
    h4 = d4 & MASK
  }
  store<u64>(H, h0); store<u64>(H, h1, 8); store<u64>(H, h2, 16); store<u64>(H, h3, 24); store<u64>(H, h4, 32)
}

/** Writes the 16-byte tag at `to`. */
export function polyFinish(to: usize): void {
  let h0 = load<u64>(H), h1 = load<u64>(H, 8), h2 = load<u64>(H, 16), h3 = load<u64>(H, 24), h4 = load<u64>(H, 32)
  h2 += h1 >> 26; h1 &= MASK
  h3 += h2 >> 26; h2 &= MASK
  h4 += h3 >> 26; h3 &= MASK
  h0 += 5 * (h4 >> 26); h4 &= MASK
  h1 += h0 >> 26; h0 &= MASK
  h2 += h1 >> 26; h1 &= MASK
  // g = h − (2^130 − 5); its sign says which of the two is the residue
  let g0 = h0 + 5
  let g1 = h1 + (g0 >> 26)
  let g2 = h2 + (g1 >> 26)
  let g3 = h3 + (g2 >> 26)
  const g4 = h4 + (g3 >> 26) - (1 << 26)
  const keep = <u64>(<i64>g4 >> 63)
  h0 = h0 & keep | g0 & MASK & ~keep
  h1 = h1 & keep | g1 & MASK & ~keep
  h2 = h2 & keep | g2 & MASK & ~keep
  h3 = h3 & keep | g3 & MASK & ~keep
  h4 = h4 & keep | g4 & MASK & ~keep
  let sum = (h0 | h1 << 26 & 0xffffffff) + <u64>load<u32>(PAD)
  store<u32>(to, <u32>sum)
  sum = (h1 >> 6 | h2 << 20 & 0xffffffff) + <u64>load<u32>(PAD, 4) + (sum >> 32)
  store<u32>(to, <u32>sum, 4)
  sum = (h2 >> 12 | h3 << 14 & 0xffffffff) + <u64>load<u32>(PAD, 8) + (sum >> 32)
  store<u32>(to, <u32>sum, 8)
  sum = (h3 >> 18 | h4 << 8 & 0xffffffff) + <u64>load<u32>(PAD, 12) + (sum >> 32)
  store<u32>(to, <u32>sum, 12)
}

/** Wipes key, accumulator and powers. */
export function polyWipe(): void {
  memory.fill(R, 0, 40)
  memory.fill(H, 0, 40)
  memory.fill(PAD, 0, 16)
  store<u32>(POWERS, 0)
  if (ASC_FEATURE_SIMD) wipeFours()
}
