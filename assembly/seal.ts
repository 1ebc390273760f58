/**
 * ChaCha20-Poly1305 (RFC 8439, section 2.8) and XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03).
 *
 * The caller writes the key, and the nonce where its length belongs. A short message (text and associated data fit at
 * once) is one call, `sealShort` or `openShort`, over what lies at `aad` and `data`. A long one is `begin`, then
 * associated data and text slice by slice through `data`, in place, every slice but the last of each kind of
 * `dataLength` bytes; then `finish` or `verify`. Always the end: `wipe`. Time depends on lengths alone, and on the
 * verdict.
 */

import * as chacha from './seal/chacha'
import { polyBegin, polyBlocks, polyFinish } from './seal/poly'
import { AAD, AAD_LENGTH, FIRST, KEYSTREAM, STATE, TAG, TEXT, TEXT_LENGTH, wipeRooms } from './seal/rooms'

/** Bytes that `data` holds; a tag may follow them. */
export const dataLength: u32 = TEXT_LENGTH
export const data: usize = TEXT
/** Bytes that `aad` holds. */
export const aadLength: u32 = AAD_LENGTH
export const aad: usize = AAD
/** 32 bytes. `subkey` is what HChaCha20 makes of them in their place. */
export const key: usize = STATE + 16
/** 12 bytes. */
export const nonce: usize = STATE + 52
/** 24 bytes. */
export const nonceX: usize = STATE + 48
/** 16 bytes: what `finish` writes and what `verify` compares with. */
export const tag: usize = TAG

let aadBytes: u64 = 0
let textBytes: u64 = 0

/** Seals `textLength` bytes at `data` in place and writes the tag behind them. */
export function sealShort(nonceLength: u32, aadLength: u32, textLength: u32): void {
  chacha.begin(nonceLength)
  chacha.cryptFour(FIRST, FIRST)
  polyBegin(FIRST)
  authenticate(AAD, aadLength)
  const done = encrypt(192, textLength)
  authenticateLast(done, textLength, aadLength)
  polyFinish(TEXT + textLength)
}

/**
 * Opens `textLength` bytes at `data`, behind which lies the tag, in place. 1 if they are authentic; else 0, and what
 * lies at `data` is not to be used.
 */
export function openShort(nonceLength: u32, aadLength: u32, textLength: u32): u32 {
  chacha.begin(nonceLength)
  chacha.cryptFour(KEYSTREAM, FIRST)
  polyBegin(KEYSTREAM)
  authenticate(AAD, aadLength)
  const tag0 = load<u64>(TEXT + textLength), tag1 = load<u64>(TEXT + textLength, 8)
  let done: u32 = 0
  if (textLength >= 192) {
    polyBlocks(TEXT, 192)
    done = decrypt(192, textLength)
  }
  authenticateLast(done, textLength, aadLength)
  polyFinish(TAG)
  if (!same(tag0, tag1)) return 0
  memory.copy(TEXT, KEYSTREAM + 64, min<u32>(textLength, 192))
  if (done > 0) cryptRest(done, textLength)
  return 1
}

/** Starts a long message with a nonce of 12 or 24 bytes. */
export function begin(nonceLength: u32): void {
  chacha.begin(nonceLength)
  chacha.cryptFour(KEYSTREAM, KEYSTREAM)
  chacha.setCounter(1)
  polyBegin(KEYSTREAM)
  aadBytes = 0
  textBytes = 0
}

/** Takes in a slice of associated data at `data`. */
export function associate(length: u32): void {
  aadBytes += length
  authenticate(TEXT, length)
}

/** Seals a slice of text in place. */
export function seal(length: u32): void {
  textBytes += length
  const done = encrypt(0, length)
  authenticate(TEXT + done, length - done)
}

/** Opens a slice of sealed text in place. What comes out is not to be used before `verify`. */
export function open(length: u32): void {
  textBytes += length
  const done = decrypt(0, length)
  authenticate(TEXT + done, length - done)
  cryptRest(done, length)
}

/** Writes the tag. */
export function finish(): void {
  store<u64>(KEYSTREAM, aadBytes); store<u64>(KEYSTREAM, textBytes, 8)
  polyBlocks(KEYSTREAM, 16)
  polyFinish(TAG)
}

/** 1 where the message's tag is the one at `tag`, else 0; in constant time. */
export function verify(): u32 {
  const tag0 = load<u64>(TAG), tag1 = load<u64>(TAG, 8)
  finish()
  return same(tag0, tag1)
}

/** Makes HChaCha20's subkey at `key`, of the key and the first 16 bytes of `nonceX`. */
export function subkey(): void {
  chacha.begin(24)
}

/** Wipes everything but text and associated data beyond the lengths given. */
export function wipe(textLength: u32, aadLength: u32): void {
  wipeRooms(textLength, aadLength)
}

/**
 * Encrypts the text from `at` on in steps of 256 bytes, and authenticates beside it what an earlier step encrypted.
 * Returns how far that came.
 */
function encrypt(at: u32, length: u32): u32 {
  let done: u32 = 0
  for (; at < length; at += 256) {
    if (at < done + 256) {
      chacha.cryptFour(TEXT + at, TEXT + at)
    } else {
      chacha.cryptFourBeside(TEXT + at, TEXT + at, TEXT + done)
      done += 256
    }
  }
  return done
}

/** Authenticates and decrypts the text from `at` on in whole steps of 256 bytes. Returns how far they came. */
function decrypt(at: u32, length: u32): u32 {
  for (; at + 256 <= length; at += 256) chacha.cryptFourBeside(TEXT + at, TEXT + at, TEXT + at)
  return at
}

/** Decrypts the last bytes, fewer than 256, after their authentication. */
@inline
function cryptRest(at: u32, length: u32): void {
  if (at < length) chacha.cryptFour(TEXT + at, TEXT + at)
}

/** Takes in `length` bytes, padded with zeros to a multiple of 16 (they are written behind them). */
@inline
function authenticate(from: usize, length: u32): void {
  if (length == 0) return
  clear16(from + length)
  polyBlocks(from, length + 15 & ~15)
}

/** Takes in a short message's text from `at` on, its padding and the lengths, which are written behind it. */
@inline
function authenticateLast(at: u32, textLength: u32, aadLength: u32): void {
  const padded = textLength + 15 & ~15
  clear16(TEXT + textLength)
  store<u64>(TEXT + padded, aadLength); store<u64>(TEXT + padded, textLength, 8)
  polyBlocks(TEXT + at, padded + 16 - at)
}

/** 1 where the tag at `tag` is these 16 bytes, else 0. */
@inline
function same(tag0: u64, tag1: u64): u32 {
  const difference = load<u64>(TAG) ^ tag0 | load<u64>(TAG, 8) ^ tag1
  return <u32>((difference | -difference) >> 63) ^ 1
}

@inline
function clear16(at: usize): void {
  store<u64>(at, 0); store<u64>(at, 0, 8)
}
