/**
 * ChaCha20-Poly1305 (RFC 8439, section 2.8; nonce of 12 bytes) and XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03;
 * nonce of 24 bytes) in WebAssembly. Sealed text is the ciphertext followed by a tag of 16 bytes.
 *
 * A nonce must never be used twice under one key: counters for 12 bytes, counters or random for 24. Keys, keystream and
 * text are wiped from the kernel's memory after every call. Text of any length streams through its fixed buffer
 * (RFC 8439's own limit is 256 GiB a message).
 */

import { assertArray, assertBytes } from './check.ts'
import { type Build, instantiate, type KernelExports, kernelBuild } from './load.ts'

interface SealExports extends KernelExports {
  readonly data: WebAssembly.Global
  readonly dataLength: WebAssembly.Global
  readonly key: WebAssembly.Global
  readonly nonce: WebAssembly.Global
  readonly tag: WebAssembly.Global
  begin(nonceLength: number): void
  aad(length: number): void
  seal(length: number): void
  open(length: number): void
  finish(): void
  verify(): number
  wipe(dataBytes: number): void
}

/** Authenticated encryption on one build of the kernel. A nonce of 12 bytes means ChaCha20, of 24 XChaCha20. */
export interface SealDoor {
  readonly build: Build
  /**
   * Seals into all of `out` (plaintext length + 16). `out` may start where `plaintext` starts; otherwise they must not
   * overlap.
   */
  sealInto(out: Uint8Array, key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, aad?: Uint8Array): void
  /**
   * Opens into all of `out` (sealed length − 16; overlap as above). False, and `out` all zeros, if it is not
   * authentic.
   */
  openInto(out: Uint8Array, key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, aad?: Uint8Array): boolean
}

/** Bytes that sealing adds. */
export const TAG_LENGTH = 16
const EMPTY = new Uint8Array(0)

/** A door onto a new instance of the kernel. */
export function createSealDoor(build: Build = kernelBuild('seal')): SealDoor {
  const kernel = instantiate<SealExports>('seal', build)
  const bytes = new Uint8Array(kernel.memory.buffer)
  const data = kernel.data.value
  const dataLength = kernel.dataLength.value
  const tag = kernel.tag.value

  function begin(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array): void {
    bytes.set(key, kernel.key.value)
    bytes.set(nonce, kernel.nonce.value)
    kernel.begin(nonce.length)
    for (let at = 0; at < aad.length; at += dataLength) {
      const end = Math.min(at + dataLength, aad.length)
      bytes.set(at === 0 && end === aad.length ? aad : aad.subarray(at, end), data)
      kernel.aad(end - at)
    }
  }

  function stream(out: Uint8Array, text: Uint8Array, length: number, crypt: (length: number) => void): void {
    for (let at = 0; at < length; at += dataLength) {
      const end = Math.min(at + dataLength, length)
      bytes.set(at === 0 && end === text.length ? text : text.subarray(at, end), data)
      crypt(end - at)
      out.set(bytes.subarray(data, data + end - at), at)
    }
  }

  return {
    build,
    sealInto(out, key, nonce, plaintext, aad = EMPTY) {
      assertArguments(out, key, nonce, aad)
      assertArray('plaintext', plaintext)
      assertBytes('out', out, plaintext.length + TAG_LENGTH)
      assertApart(out, plaintext)
      begin(key, nonce, aad)
      stream(out, plaintext, plaintext.length, kernel.seal)
      kernel.finish()
      out.set(bytes.subarray(tag, tag + TAG_LENGTH), plaintext.length)
      kernel.wipe(Math.max(plaintext.length, aad.length))
    },
    openInto(out, key, nonce, sealed, aad = EMPTY) {
      assertArguments(out, key, nonce, aad)
      assertArray('sealed', sealed)
      if (sealed.length < TAG_LENGTH) return refuse(out)
      const length = sealed.length - TAG_LENGTH
      assertBytes('out', out, length)
      assertApart(out, sealed)
      begin(key, nonce, aad)
      bytes.set(sealed.subarray(length), tag)
      stream(out, sealed, length, kernel.open)
      const authentic = kernel.verify() === 1
      kernel.wipe(Math.max(length, aad.length))
      return authentic || refuse(out)
    },
  }
}

let shared: SealDoor | undefined

function defaultDoor(): SealDoor {
  shared ??= createSealDoor()
  return shared
}

/** ChaCha20-Poly1305: seals `plaintext` under a key of 32 bytes and a nonce of 12, bound to `aad`. */
export function seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, aad?: Uint8Array): Uint8Array {
  assertBytes('nonce', nonce, 12)
  return sealed(key, nonce, plaintext, aad)
}

/** Opens what `seal` made. Null if it is not authentic under that key, nonce and `aad`. */
export function open(key: Uint8Array, nonce: Uint8Array, sealedText: Uint8Array, aad?: Uint8Array): Uint8Array | null {
  assertBytes('nonce', nonce, 12)
  return opened(key, nonce, sealedText, aad)
}

/** XChaCha20-Poly1305: seals `plaintext` under a key of 32 bytes and a nonce of 24, bound to `aad`. */
export function sealX(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, aad?: Uint8Array): Uint8Array {
  assertBytes('nonce', nonce, 24)
  return sealed(key, nonce, plaintext, aad)
}

/** Opens what `sealX` made. Null if it is not authentic under that key, nonce and `aad`. */
export function openX(key: Uint8Array, nonce: Uint8Array, sealedText: Uint8Array, aad?: Uint8Array): Uint8Array | null {
  assertBytes('nonce', nonce, 24)
  return opened(key, nonce, sealedText, aad)
}

/** As `SealDoor.sealInto`: nonce of 12 or 24 bytes, `out` of plaintext length + 16. */
export function sealInto(
  out: Uint8Array,
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  aad?: Uint8Array,
): void {
  defaultDoor().sealInto(out, key, nonce, plaintext, aad)
}

/** As `SealDoor.openInto`: false, and `out` all zeros, if it is not authentic. */
export function openInto(
  out: Uint8Array,
  key: Uint8Array,
  nonce: Uint8Array,
  sealedText: Uint8Array,
  aad?: Uint8Array,
): boolean {
  return defaultDoor().openInto(out, key, nonce, sealedText, aad)
}

function sealed(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, aad?: Uint8Array): Uint8Array {
  assertArray('plaintext', plaintext)
  const out = new Uint8Array(plaintext.length + TAG_LENGTH)
  defaultDoor().sealInto(out, key, nonce, plaintext, aad)
  return out
}

function opened(key: Uint8Array, nonce: Uint8Array, sealedText: Uint8Array, aad?: Uint8Array): Uint8Array | null {
  assertArray('sealed', sealedText)
  const out = new Uint8Array(Math.max(0, sealedText.length - TAG_LENGTH))
  return defaultDoor().openInto(out, key, nonce, sealedText, aad) ? out : null
}

function assertArguments(out: Uint8Array, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array): void {
  assertArray('out', out)
  assertBytes('key', key, 32)
  assertArray('nonce', nonce)
  if (nonce.length !== 12 && nonce.length !== 24) {
    throw new RangeError(`nonce: expected 12 or 24 bytes, got ${nonce.length}`)
  }
  assertArray('aad', aad)
}

/** Text is written slice by slice: an overlap that is not the same start would be read after it was overwritten. */
function assertApart(out: Uint8Array, text: Uint8Array): void {
  if (out.buffer !== text.buffer || out.byteOffset === text.byteOffset) return
  if (out.byteOffset < text.byteOffset + text.length && text.byteOffset < out.byteOffset + out.length) {
    throw new RangeError('out: overlaps the text at another offset')
  }
}

function refuse(out: Uint8Array): false {
  out.fill(0)
  return false
}
