/**
 * Poly1305 (RFC 8439, section 2.5) in words of 32 bits, held in 64. r is clamped below 2^28 a word, so that five
 * products with words below 2^33.8, which need no carrying beforehand, add up to less than 2^63.5.
 * No branch and no address depends on a secret. Every block here is whole: the AEAD pads with zeros, so bit 128 is
 * always set.
 */

import { H, PAD, R, S } from './rooms'

const WORD: u64 = 0xffffffff

/** Takes the 32-byte one-time key at `key`. */
export function polyBegin(key: usize): void {
  const r0 = <u64>load<u32>(key) & 0x0fffffff, r1 = <u64>load<u32>(key, 4) & 0x0ffffffc
  const r2 = <u64>load<u32>(key, 8) & 0x0ffffffc, r3 = <u64>load<u32>(key, 12) & 0x0ffffffc
  store<u64>(R, r0); store<u64>(R, r1, 8); store<u64>(R, r2, 16); store<u64>(R, r3, 24)
  store<u64>(S, r1 + (r1 >> 2), 8); store<u64>(S, r2 + (r2 >> 2), 16); store<u64>(S, r3 + (r3 >> 2), 24)
  store<u64>(H, 0); store<u64>(H, 0, 8); store<u64>(H, 0, 16); store<u64>(H, 0, 24); store<u64>(H, 0, 32)
  store<u64>(PAD, load<u64>(key, 16)); store<u64>(PAD, load<u64>(key, 24), 8)
}

/** Takes in `length` bytes at `from`, a multiple of 16. */
export function polyBlocks(from: usize, length: u32): void {
  for (const end = from + length; from < end; from += 16) polyBlock(from)
}

/** Takes in the 16 bytes at `from`. */
@inline
export function polyBlock(from: usize): void {
  const h0 = load<u64>(H) + load<u32>(from), h1 = load<u64>(H, 8) + load<u32>(from, 4)
  const h2 = load<u64>(H, 16) + load<u32>(from, 8), h3 = load<u64>(H, 24) + load<u32>(from, 12)
  const h4 = load<u64>(H, 32) + 1
  const r0 = load<u64>(R), r1 = load<u64>(R, 8), r2 = load<u64>(R, 16), r3 = load<u64>(R, 24)
  const s1 = load<u64>(S, 8), s2 = load<u64>(S, 16), s3 = load<u64>(S, 24)
  const d0 = h0 * r0 + h1 * s3 + (h2 * s2 + h3 * s1)
  const d1 = h0 * r1 + h1 * r0 + (h2 * s3 + h3 * s2) + h4 * s1 + (d0 >> 32)
  const d2 = h0 * r2 + h1 * r1 + (h2 * r0 + h3 * s3) + h4 * s2 + (d1 >> 32)
  const d3 = h0 * r3 + h1 * r2 + (h2 * r1 + h3 * r0) + h4 * s3 + (d2 >> 32)
  const d4 = h4 * r0 + (d3 >> 32)
  store<u64>(H, (d0 & WORD) + (d4 >> 2) * 5)
  store<u64>(H, d1 & WORD, 8); store<u64>(H, d2 & WORD, 16); store<u64>(H, d3 & WORD, 24)
  store<u64>(H, d4 & 3, 32)
}

/** Writes the 16-byte tag at `to`. */
export function polyFinish(to: usize): void {
  let h0 = load<u64>(H), h1 = load<u64>(H, 8) + (h0 >> 32), h2 = load<u64>(H, 16) + (h1 >> 32)
  let h3 = load<u64>(H, 24) + (h2 >> 32), h4 = load<u64>(H, 32) + (h3 >> 32)
  // once more: the carry may have reached bit 130
  h0 = (h0 & WORD) + (h4 >> 2) * 5; h1 = (h1 & WORD) + (h0 >> 32); h2 = (h2 & WORD) + (h1 >> 32)
  h3 = (h3 & WORD) + (h2 >> 32); h4 = (h4 & 3) + (h3 >> 32)
  h0 &= WORD; h1 &= WORD; h2 &= WORD; h3 &= WORD
  // g = h + 5; where it reaches 2^130, its lower 128 bits are those of h − (2^130 − 5)
  const g0 = h0 + 5, g1 = h1 + (g0 >> 32), g2 = h2 + (g1 >> 32), g3 = h3 + (g2 >> 32), g4 = h4 + (g3 >> 32)
  const keep = (g4 >> 2) - 1 & WORD
  let sum = (h0 & keep | g0 & (keep ^ WORD)) + load<u32>(PAD)
  store<u32>(to, <u32>sum)
  sum = (h1 & keep | g1 & (keep ^ WORD)) + load<u32>(PAD, 4) + (sum >> 32)
  store<u32>(to, <u32>sum, 4)
  sum = (h2 & keep | g2 & (keep ^ WORD)) + load<u32>(PAD, 8) + (sum >> 32)
  store<u32>(to, <u32>sum, 8)
  sum = (h3 & keep | g3 & (keep ^ WORD)) + load<u32>(PAD, 12) + (sum >> 32)
  store<u32>(to, <u32>sum, 12)
}
