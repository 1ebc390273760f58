/**
 * ChaCha20-Poly1305 (RFC 8439, section 2.8) and XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03).
 *
 * The caller writes key and nonce, calls `begin`, then hands the associated data and the text through `data`, slice by
 * slice; the text is sealed or opened in place. Every slice but the last of each kind is a multiple of 64 bytes.
 * The last step is `finish` or `verify`, then always `wipe`. Time depends on lengths alone.
 */

import { cryptFour, hchacha, setState, STATE } from './seal/chacha'
import { polyBegin, polyBlocks, polyFinish, polyWipe } from './seal/poly'

/** Bytes that `data` holds. */
export const dataLength: u32 = 16384
export const data: usize = memory.data(16384 + 16, 16)
export const key: usize = memory.data(32, 16)
/** 12 bytes (ChaCha20) or 24 (XChaCha20). */
export const nonce: usize = memory.data(24, 16)
/** 16 bytes: what `finish` writes and what `verify` compares with. */
export const tag: usize = memory.data(16, 16)

/** Text that is encrypted and then authenticated before the next: small enough to stay in the first-level cache. */
const SLICE: u32 = 8192

const SUBKEY: usize = memory.data(32, 16)
/** A counter and a 12-byte nonce, or the first 16 bytes of a nonce of 24. */
const INPUT: usize = memory.data(16, 16)
const KEYSTREAM: usize = memory.data(256, 16)
const LAST: usize = memory.data(16, 16)

let keystreamUsed: u32 = 0
let aadBytes: u64 = 0
let textBytes: u64 = 0

/** Starts a message under `key` and the first `nonceLength` (12 or 24) bytes of `nonce`. */
export function begin(nonceLength: u32): void {
  store<u32>(INPUT, 0)
  if (nonceLength == 24) {
    setState(key, nonce)
    hchacha(SUBKEY)
    store<u32>(INPUT, 0, 4)
    memory.copy(INPUT + 8, nonce + 16, 8)
    setState(SUBKEY, INPUT)
  } else {
    memory.copy(INPUT + 4, nonce, 12)
    setState(key, INPUT)
  }
  refill()
  polyBegin(KEYSTREAM)
  keystreamUsed = 64
  aadBytes = 0
  textBytes = 0
}

/** Takes in `length` bytes of associated data. */
export function aad(length: u32): void {
  aadBytes += length
  authenticate(data, length)
}

/** Seals `length` bytes of text in place. */
export function seal(length: u32): void {
  textBytes += length
  for (let at: u32 = 0; at < length; at += SLICE) {
    const part = min(SLICE, length - at)
    crypt(data + at, part)
    authenticate(data + at, part)
  }
}

/** Opens `length` bytes of sealed text in place. What comes out is not to be used before `verify`. */
export function open(length: u32): void {
  textBytes += length
  for (let at: u32 = 0; at < length; at += SLICE) {
    const part = min(SLICE, length - at)
    authenticate(data + at, part)
    crypt(data + at, part)
  }
}

/** Writes the tag. */
export function finish(): void {
  finishAt(tag)
}

/** 1 where the message's tag is the one at `tag`, else 0; in constant time. */
export function verify(): u32 {
  finishAt(LAST)
  const difference = load<u64>(LAST) ^ load<u64>(tag) | load<u64>(LAST, 8) ^ load<u64>(tag, 8)
  return <u32>((difference | -difference) >> 63) ^ 1
}

/** Wipes keys, states, nonce, tag and the first `dataBytes` of `data`. */
export function wipe(dataBytes: u32): void {
  memory.fill(key, 0, 32)
  memory.fill(nonce, 0, 24)
  memory.fill(tag, 0, 16)
  memory.fill(SUBKEY, 0, 32)
  memory.fill(INPUT, 0, 16)
  memory.fill(STATE, 0, 64)
  memory.fill(KEYSTREAM, 0, 256)
  memory.fill(LAST, 0, 16)
  polyWipe()
  memory.fill(data, 0, min(dataBytes, dataLength))
}

function refill(): void {
  memory.fill(KEYSTREAM, 0, 256)
  cryptFour(KEYSTREAM)
  keystreamUsed = 0
}

/** Exclusive-ors the keystream onto `length` bytes: what is left of the last 256 first. */
function crypt(at: usize, length: u32): void {
  const left = min(256 - keystreamUsed, length)
  cryptFromKeystream(at, left)
  at += left
  length -= left
  while (length >= 256) {
    cryptFour(at)
    at += 256
    length -= 256
  }
  if (length > 0) {
    refill()
    cryptFromKeystream(at, length)
  }
}

function cryptFromKeystream(at: usize, length: u32): void {
  let from = KEYSTREAM + keystreamUsed
  keystreamUsed += length
  while (length >= 8) {
    store<u64>(at, load<u64>(at) ^ load<u64>(from))
    at += 8
    from += 8
    length -= 8
  }
  while (length > 0) {
    store<u8>(at, load<u8>(at) ^ load<u8>(from))
    at++
    from++
    length--
  }
}

/** Takes in `length` bytes, padded with zeros to a multiple of 16. */
function authenticate(from: usize, length: u32): void {
  const whole = length & ~15
  polyBlocks(from, whole)
  if (whole < length) {
    memory.fill(LAST, 0, 16)
    memory.copy(LAST, from + whole, length - whole)
    polyBlocks(LAST, 16)
  }
}

function finishAt(to: usize): void {
  store<u64>(LAST, aadBytes)
  store<u64>(LAST, textBytes, 8)
  polyBlocks(LAST, 16)
  polyFinish(to)
}
