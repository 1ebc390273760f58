/**
 * The one byte format of everything that gossips: positional arrays in canonical CBOR.
 *
 * A subset of RFC 8949 with its core deterministic encoding (§4.2.1): unsigned integers up to 2^53−1, byte strings,
 * UTF-8 text, booleans and arrays. No maps, no floats, no tags, no negative numbers, no indefinite lengths. What is not
 * canonical is refused in the pass that reads it, so one value has one encoding and decoders cannot disagree. So small
 * a subset is read and written faster by hand than by a general library; cbor-x and others are the tests' oracles.
 */

import { WebxError } from './errors.ts'
import { LIMITS } from './limits.ts'

/** A value that can travel. Numbers are unsigned integers up to 2^53−1. */
export type Cbor = number | string | boolean | Uint8Array | readonly Cbor[]

const UINT = 0
const BYTES = 2
const TEXT = 3
const ARRAY = 4
const FALSE = 0xf4
const TRUE = 0xf5
const TWO_32 = 0x1_0000_0000
const ITEMS_BELIEVED = 32

/** Canonical bytes of a value. Throws `bad-argument` for anything outside the subset. */
export function encode(value: Cbor): Uint8Array {
  const bytes = new Uint8Array(sizeOf(value, 0))
  write(bytes, 0, value)
  return bytes
}

/**
 * The value of canonical bytes; byte strings are views into `bytes`.
 *
 * @param bytesMax longest input that is looked at
 * @throws WebxError `too-long`, or `not-canonical` with the offset of the first offending byte
 */
export function decode(bytes: Uint8Array, bytesMax: number = LIMITS.envelopeBytesMax): Cbor {
  if (bytes.length > bytesMax) throw new WebxError('too-long', `${bytes.length} bytes, at most ${bytesMax} allowed`)
  const reader = new Reader(bytes)
  const value = reader.item(0)
  reader.end()
  return value
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads and checks in one pass: heads in their shortest form, definite lengths, valid UTF-8, nothing too deep. */
class Reader {
  readonly #bytes: Uint8Array
  #at = 0
  #items = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  item(depth: number): Cbor {
    if (depth > LIMITS.cborDepthMax) this.#refuse('nested too deep')
    if (++this.#items > LIMITS.cborItemsMax) this.#refuse('too many items')
    const initial = this.#bytes[this.#at]
    if (initial === undefined) this.#refuse('truncated')
    switch (initial >> 5) {
      case UINT:
        return this.#argument(initial & 31)
      case BYTES:
        return this.#view(this.#argument(initial & 31))
      case TEXT:
        return this.#text(this.#argument(initial & 31))
      case ARRAY:
        return this.#array(this.#argument(initial & 31), depth + 1)
    }
    if (initial !== FALSE && initial !== TRUE) this.#refuse(`major type ${initial >> 5} is not in use here`)
    this.#at++
    return initial === TRUE
  }

  end(): void {
    if (this.#at !== this.#bytes.length) this.#refuse('bytes after the end')
  }

  /** What a head says beside its type, if that is in the shortest form. */
  #argument(additional: number): number {
    const start = this.#at
    if (additional < 24) {
      this.#at = start + 1
      return additional
    }
    const width = additional > 27 ? 0 : 1 << (additional - 24)
    if (width === 0 || start + 1 + width > this.#bytes.length) this.#refuse(width === 0 ? 'indefinite' : 'truncated')
    let argument = 0
    for (let i = 1; i <= width; i++) argument = argument * 256 + (this.#bytes[start + i] as number)
    const least = width === 1 ? 24 : width === 2 ? 0x100 : width === 4 ? 0x1_0000 : TWO_32
    if (argument < least) this.#refuse('not the shortest form')
    if (argument > Number.MAX_SAFE_INTEGER) this.#refuse('beyond 2^53−1')
    this.#at = start + 1 + width
    return argument
  }

  #view(length: number): Uint8Array {
    const bytes = this.#bytes
    const start = this.#at
    if (start + length > bytes.length) this.#refuse('truncated')
    this.#at = start + length
    return new Uint8Array(bytes.buffer, bytes.byteOffset + start, length)
  }

  #text(length: number): string {
    const start = this.#at
    if (start + length > this.#bytes.length) this.#refuse('truncated')
    try {
      const text = decoder.decode(this.#bytes.subarray(start, start + length))
      this.#at = start + length
      return text
    } catch {
      return this.#refuse('text is not UTF-8')
    }
  }

  #array(length: number, depth: number): Cbor[] {
    // what is announced is believed up to here; beyond, the array grows with what is there
    const values = new Array<Cbor>(Math.min(length, ITEMS_BELIEVED))
    for (let i = 0; i < length; i++) values[i] = this.item(depth)
    return values
  }

  #refuse(why: string): never {
    throw new WebxError('not-canonical', `${why} at byte ${this.#at}`)
  }
}

/** Bytes that `value` takes; throws where it may not travel. */
function sizeOf(value: Cbor, depth: number): number {
  if (depth > LIMITS.cborDepthMax) throw new WebxError('bad-argument', 'value is nested too deep to travel')
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0 || Object.is(value, -0)) {
      throw new WebxError('bad-argument', `${value} is not an unsigned integer up to 2^53−1`)
    }
    return headBytes(value)
  }
  if (value instanceof Uint8Array) return headBytes(value.length) + value.length
  if (typeof value === 'boolean') return 1
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new WebxError('bad-argument', 'text has a lone surrogate')
    const length = textBytes(value)
    return headBytes(length) + length
  }
  if (!Array.isArray(value)) throw new WebxError('bad-argument', `a value of type ${typeof value} cannot travel`)
  let size = headBytes(value.length)
  for (let i = 0; i < value.length; i++) size += sizeOf(value[i] as Cbor, depth + 1)
  return size
}

function headBytes(argument: number): number {
  return argument < 24 ? 1 : argument < 0x100 ? 2 : argument < 0x1_0000 ? 3 : argument < TWO_32 ? 5 : 9
}

/** UTF-8 bytes of a well-formed text; each half of a surrogate pair is counted as two. */
function textBytes(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80) length += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2
  }
  return length
}

/** Writes what `sizeOf` has measured at `at`; answers where it ends. */
function write(bytes: Uint8Array, at: number, value: Cbor): number {
  if (typeof value === 'number') return writeHead(bytes, at, UINT, value)
  if (value instanceof Uint8Array) {
    const start = writeHead(bytes, at, BYTES, value.length)
    bytes.set(value, start)
    return start + value.length
  }
  if (typeof value === 'boolean') {
    bytes[at] = value ? TRUE : FALSE
    return at + 1
  }
  if (typeof value === 'string') return writeText(bytes, at, value)
  let end = writeHead(bytes, at, ARRAY, value.length)
  for (let i = 0; i < value.length; i++) end = write(bytes, end, value[i] as Cbor)
  return end
}

function writeText(bytes: Uint8Array, at: number, text: string): number {
  const length = textBytes(text)
  const start = writeHead(bytes, at, TEXT, length)
  if (length === text.length) for (let i = 0; i < length; i++) bytes[start + i] = text.charCodeAt(i)
  else encoder.encodeInto(text, bytes.subarray(start))
  return start + length
}

function writeHead(bytes: Uint8Array, at: number, major: number, argument: number): number {
  const type = major << 5
  if (argument < 24) {
    bytes[at] = type | argument
    return at + 1
  }
  if (argument < 0x100) {
    bytes[at] = type | 24
    bytes[at + 1] = argument
    return at + 2
  }
  if (argument < 0x1_0000) {
    bytes[at] = type | 25
    bytes[at + 1] = argument >> 8
    bytes[at + 2] = argument
    return at + 3
  }
  if (argument < TWO_32) {
    bytes[at] = type | 26
    return writeUint32(bytes, at + 1, argument)
  }
  bytes[at] = type | 27
  return writeUint32(bytes, writeUint32(bytes, at + 1, Math.floor(argument / TWO_32)), argument)
}

function writeUint32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
  return at + 4
}
