/**
 * Where everything of the sealing kernel lies. What is secret is one stretch, so that one stroke wipes it; the text
 * follows it at once, so that ChaCha20's first four blocks give the one-time key (block 0) and reach into the text.
 */

/** Bytes of text that fit at once. */
export const TEXT_LENGTH: u32 = 16384
/** Bytes of associated data that fit beside the text. */
export const AAD_LENGTH: u32 = 1024

/** Whole blocks of 256 are encrypted, and blocks of 16 bytes written behind the text. */
const BEYOND: usize = 256 + 32

const ROOMS: usize = memory.data(80 + 256 + 16 + 16 + 48 + 32 + 32 + 64 + 16384 + 288, 16)

/** ChaCha20's 16 words: constants, key, block counter, nonce. Behind them the last 8 bytes of a nonce of 24. */
export const STATE: usize = ROOMS
/** Blocks that are not text: the one-time key with the beginning of what is opened. */
export const KEYSTREAM: usize = STATE + 80
/** The tag that a message claims, or is given. */
export const TAG: usize = KEYSTREAM + 256
/** Second half of the one-time key, added to Poly1305's result. */
export const PAD: usize = TAG + 16
/** Poly1305's accumulator, its multiplier r, and 5/4 of r's upper words: words of 32 bits, in 64 each. */
export const H: usize = PAD + 16
export const R: usize = H + 48
export const S: usize = R + 32
/** 64 zeros, exclusive-ored into the one-time key's block. */
export const FIRST: usize = S + 32
export const TEXT: usize = FIRST + 64

export const AAD: usize = memory.data(1024 + 16, 16)

/** Wipes all that is secret, with the beginnings of text and associated data and what was written behind those. */
export function wipeRooms(textLength: u32, aadLength: u32): void {
  memory.fill(ROOMS, 0, TEXT - ROOMS + min(textLength, TEXT_LENGTH) + BEYOND)
  if (aadLength > 0) memory.fill(AAD, 0, min(aadLength, AAD_LENGTH) + 16)
}
