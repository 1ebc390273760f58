/**
 * ChaCha20-Poly1305 (RFC 8439, section 2.8; nonce of 12 bytes) and XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03;
 * nonce of 24 bytes) in WebAssembly. Sealed text is the ciphertext followed by a tag of 16 bytes.
 *
 * A nonce must never be used twice under one key: counters for 12 bytes, counters or random for 24. Keys, keystream and
 * text are wiped from the kernel's memory after every call; time depends on lengths and on the verdict alone. A short
 * message is one call of the kernel; a text of any length streams through its fixed buffer (RFC 8439's own limit is 256
 * GiB a message), or goes to a native cipher that was handed in, where that was found faster: the bytes are the same.
 */

import { assertArray, assertBytes } from './check.ts'
import { type Build, instantiate, type KernelExports, kernelBuild } from './load.ts'

interface SealExports extends KernelExports {
  readonly data: WebAssembly.Global
  readonly dataLength: WebAssembly.Global
  readonly aad: WebAssembly.Global
  readonly aadLength: WebAssembly.Global
  readonly key: WebAssembly.Global
  readonly nonce: WebAssembly.Global
  readonly nonceX: WebAssembly.Global
  readonly tag: WebAssembly.Global
  sealShort(nonceLength: number, aadLength: number, textLength: number): void
  openShort(nonceLength: number, aadLength: number, textLength: number): number
  begin(nonceLength: number): void
  associate(length: number): void
  seal(length: number): void
  open(length: number): void
  finish(): void
  verify(): number
  subkey(): void
  wipe(textLength: number, aadLength: number): void
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

/**
 * ChaCha20-Poly1305 of the platform, key of 32 bytes and nonce of 12. It is called with checked lengths: `sealInto` as
 * the door's; `openInto` may leave anything in `out` where it answers false.
 */
export interface NativeSeal {
  sealInto(out: Uint8Array, key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): void
  openInto(out: Uint8Array, key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array): boolean
}

/** A native cipher, and the length of text and associated data from which on it is used. */
export interface Delegate {
  readonly native: NativeSeal
  readonly fromBytes: number
}

/** Bytes that sealing adds. */
export const TAG_LENGTH = 16
const EMPTY = new Uint8Array(0)
/** OpenSSL's lengths are signed integers: longer associated data stays with the kernel. */
const NATIVE_AAD_MAX = 2 ** 31 - 1
/** Results up to this length are copied out through views that are kept, so that small messages make no garbage. */
const VIEWS_MAX = 1024 + TAG_LENGTH

/** A door onto a new instance of the kernel. What is as long as `delegate` says goes to its native cipher. */
export function createSealDoor(build: Build = kernelBuild('seal'), delegate?: Delegate): SealDoor {
  const kernel = instantiate<SealExports>('seal', build)
  const bytes = new Uint8Array(kernel.memory.buffer)
  const data = kernel.data.value
  const dataLength = kernel.dataLength.value
  const aadAt = kernel.aad.value
  const aadLength = kernel.aadLength.value
  const keyAt = kernel.key.value
  const nonceAt = kernel.nonce.value
  const nonceXAt = kernel.nonceX.value
  const tag = kernel.tag.value
  const views: (Uint8Array | undefined)[] = []
  const delegateFrom = delegate?.fromBytes ?? Number.POSITIVE_INFINITY
  const keyView = bytes.subarray(keyAt, keyAt + 32)
  const subkey = new Uint8Array(32)
  const subnonce = new Uint8Array(12)

  /** What lies at `data`. */
  function result(length: number): Uint8Array {
    if (length > VIEWS_MAX) return bytes.subarray(data, data + length)
    views[length] ??= bytes.subarray(data, data + length)
    return views[length]
  }

  function setKey(key: Uint8Array, nonce: Uint8Array): void {
    bytes.set(key, keyAt)
    bytes.set(nonce, nonce.length === 12 ? nonceAt : nonceXAt)
  }

  function isShort(textLength: number, aad: Uint8Array): boolean {
    return textLength <= dataLength && aad.length <= aadLength
  }

  function begin(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array): void {
    setKey(key, nonce)
    kernel.begin(nonce.length)
    for (let at = 0; at < aad.length; at += dataLength) {
      const end = Math.min(at + dataLength, aad.length)
      bytes.set(aad.subarray(at, end), data)
      kernel.associate(end - at)
    }
  }

  function stream(out: Uint8Array, text: Uint8Array, length: number, crypt: (length: number) => void): void {
    for (let at = 0; at < length; at += dataLength) {
      const end = Math.min(at + dataLength, length)
      bytes.set(text.subarray(at, end), data)
      crypt(end - at)
      out.set(result(end - at), at)
    }
  }

  /** HChaCha20: XChaCha20 is ChaCha20 under its subkey and the rest of the nonce. */
  function derive(key: Uint8Array, nonce: Uint8Array): void {
    setKey(key, nonce)
    kernel.subkey()
    subkey.set(keyView)
    kernel.wipe(0, 0)
    for (let i = 4; i < 12; i++) subnonce[i] = nonce[i + 12] as number
  }

  function sealNative(
    native: NativeSeal,
    ...[out, key, nonce, plaintext, aad]: Parameters<NativeSeal['sealInto']>
  ): void {
    try {
      if (nonce.length === 12) {
        native.sealInto(out, key, nonce, plaintext, aad)
      } else {
        derive(key, nonce)
        native.sealInto(out, subkey, subnonce, plaintext, aad)
      }
    } finally {
      subkey.fill(0)
    }
  }

  function openNative(
    native: NativeSeal,
    ...[out, key, nonce, sealed, aad]: Parameters<NativeSeal['openInto']>
  ): boolean {
    let authentic = false
    try {
      if (nonce.length === 12) {
        authentic = native.openInto(out, key, nonce, sealed, aad)
      } else {
        derive(key, nonce)
        authentic = native.openInto(out, subkey, subnonce, sealed, aad)
      }
    } finally {
      subkey.fill(0)
      if (!authentic) refuse(out)
    }
    return authentic
  }

  function sealLong(out: Uint8Array, key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): void {
    begin(key, nonce, aad)
    stream(out, plaintext, plaintext.length, kernel.seal)
    kernel.finish()
    out.set(bytes.subarray(tag, tag + TAG_LENGTH), plaintext.length)
    kernel.wipe(dataLength, 0)
  }

  function openLong(out: Uint8Array, key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array): boolean {
    begin(key, nonce, aad)
    stream(out, sealed, out.length, kernel.open)
    bytes.set(sealed.subarray(out.length), tag)
    const authentic = kernel.verify() === 1
    kernel.wipe(dataLength, 0)
    return authentic
  }

  function isNative(length: number, aad: Uint8Array): boolean {
    return length + aad.length >= delegateFrom && aad.length <= NATIVE_AAD_MAX
  }

  return {
    build,
    sealInto(out, key, nonce, plaintext, aad = EMPTY) {
      assertArguments(out, key, nonce, aad)
      assertArray('plaintext', plaintext)
      const length = plaintext.length
      assertBytes('out', out, length + TAG_LENGTH)
      assertApart(out, plaintext)
      if (delegate !== undefined && isNative(length, aad)) {
        sealNative(delegate.native, out, key, nonce, plaintext, aad)
      } else if (isShort(length, aad)) {
        setKey(key, nonce)
        bytes.set(plaintext, data)
        if (aad.length > 0) bytes.set(aad, aadAt)
        kernel.sealShort(nonce.length, aad.length, length)
        out.set(result(length + TAG_LENGTH))
        kernel.wipe(length, aad.length)
      } else {
        sealLong(out, key, nonce, plaintext, aad)
      }
    },
    openInto(out, key, nonce, sealed, aad = EMPTY) {
      assertArguments(out, key, nonce, aad)
      assertArray('sealed', sealed)
      const length = Math.max(0, sealed.length - TAG_LENGTH)
      assertBytes('out', out, length)
      if (sealed.length < TAG_LENGTH) return false
      assertApart(out, sealed)
      let authentic = false
      if (delegate !== undefined && isNative(length, aad)) {
        return openNative(delegate.native, out, key, nonce, sealed, aad)
      }
      if (isShort(length, aad)) {
        setKey(key, nonce)
        bytes.set(sealed, data)
        if (aad.length > 0) bytes.set(aad, aadAt)
        authentic = kernel.openShort(nonce.length, aad.length, length) === 1
        if (authentic) out.set(result(length))
        kernel.wipe(length, aad.length)
      } else {
        authentic = openLong(out, key, nonce, sealed, aad)
      }
      return authentic || refuse(out)
    },
  }
}

let shared: SealDoor | undefined

function defaultDoor(): SealDoor {
  shared ??= createSealDoor()
  return shared
}

/** Makes `door` the one that the functions below use. */
export function setSealDoor(door: SealDoor): void {
  shared = door
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

/**
 * Text is written slice by slice: an overlap that is not the same start would be read after it was overwritten. Two wrappers of one shared memory
 * are not seen to be one.
 */
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
