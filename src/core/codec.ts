/**
 * The one byte format of everything that gossips: positional arrays in canonical CBOR.
 *
 * A subset of RFC 8949 with its core deterministic encoding (§4.2.1): unsigned integers up to 2^53−1, byte strings,
 * UTF-8 text, booleans and arrays. No maps, no floats, no tags, no negative numbers, no indefinite lengths. What is not
 * canonical is refused *before* anything is decoded, so one value has one encoding and decoders cannot disagree.
 * cbor-x does the encoding and decoding; `assertCanonical` is the gate in front of it.
 */

import { Encoder } from 'cbor-x'
import { WebxError } from './errors.ts'
import { LIMITS } from './limits.ts'

/** A value that can travel. Numbers are unsigned integers up to 2^53−1. */
export type Cbor = number | string | boolean | Uint8Array | readonly Cbor[]

const cbor = new Encoder({ useRecords: false, tagUint8Array: false, variableMapSize: true, mapsAsObjects: true })

/** Canonical bytes of a value. Throws `bad-argument` for anything outside the subset. */
export function encode(value: Cbor): Uint8Array {
  const bytes = cbor.encode(toWire(value, 0))
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength).slice()
}

/**
 * The value of canonical bytes; byte strings are views into `bytes`.
 *
 * @param bytesMax longest input that is looked at
 * @throws WebxError `too-long`, or `not-canonical` with the offset of the first offending byte
 */
export function decode(bytes: Uint8Array, bytesMax: number = LIMITS.envelopeBytesMax): Cbor {
  if (bytes.length > bytesMax) throw new WebxError('too-long', `${bytes.length} bytes, at most ${bytesMax} allowed`)
  assertCanonical(bytes)
  return fromWire(cbor.decode(bytes))
}

/** Throws `not-canonical` unless `bytes` is exactly one value of the subset in its only encoding. */
export function assertCanonical(bytes: Uint8Array): void {
  const scan = { bytes, at: 0, items: 0 }
  scanItem(scan, 0)
  if (scan.at !== bytes.length) refuse(scan, 'bytes after the end')
}

interface Scan {
  readonly bytes: Uint8Array
  at: number
  items: number
}

function scanItem(scan: Scan, depth: number): void {
  if (depth > LIMITS.cborDepthMax) refuse(scan, 'nested too deep')
  if (++scan.items > LIMITS.cborItemsMax) refuse(scan, 'too many items')
  const initial = scan.bytes[scan.at]
  if (initial === undefined) refuse(scan, 'truncated')
  if (initial === 0xf4 || initial === 0xf5) {
    scan.at++
    return
  }
  const major = initial >> 5
  if (major !== 0 && major !== 2 && major !== 3 && major !== 4) refuse(scan, `major type ${major} is not in use here`)
  const argument = scanArgument(scan, initial & 31)
  if (major === 0) return
  if (major === 4) {
    for (let i = 0; i < argument; i++) scanItem(scan, depth + 1)
    return
  }
  const end = scan.at + argument
  if (end > scan.bytes.length) refuse(scan, 'truncated')
  if (major === 3) assertUtf8(scan, end)
  scan.at = end
}

/** The argument of a head in its shortest form; arrays and strings longer than the input are refused here. */
function scanArgument(scan: Scan, additional: number): number {
  const start = scan.at
  if (additional < 24) {
    scan.at++
    return additional
  }
  const width = additional === 24 ? 1 : additional === 25 ? 2 : additional === 26 ? 4 : additional === 27 ? 8 : 0
  if (width === 0 || start + 1 + width > scan.bytes.length) refuse(scan, width === 0 ? 'indefinite' : 'truncated')
  let argument = 0
  for (let i = 1; i <= width; i++) argument = argument * 256 + (scan.bytes[start + i] as number)
  const least = width === 1 ? 24 : width === 2 ? 0x100 : width === 4 ? 0x1_0000 : 0x1_0000_0000
  if (argument < least) refuse(scan, 'not the shortest form')
  if (argument > Number.MAX_SAFE_INTEGER) refuse(scan, 'beyond 2^53−1')
  scan.at = start + 1 + width
  return argument
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function assertUtf8(scan: Scan, end: number): void {
  try {
    utf8.decode(scan.bytes.subarray(scan.at, end))
  } catch {
    refuse(scan, 'text is not UTF-8')
  }
}

function refuse(scan: Scan, why: string): never {
  throw new WebxError('not-canonical', `${why} at byte ${scan.at}`)
}

function toWire(value: Cbor, depth: number): unknown {
  if (depth > LIMITS.cborDepthMax) throw new WebxError('bad-argument', 'value is nested too deep to travel')
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0 || Object.is(value, -0)) {
      throw new WebxError('bad-argument', `${value} is not an unsigned integer up to 2^53−1`)
    }
    return value > 0xffff_ffff ? BigInt(value) : value
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new WebxError('bad-argument', 'text has a lone surrogate')
    return value
  }
  if (typeof value === 'boolean') return value
  if (value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map((item: Cbor) => toWire(item, depth + 1))
  throw new WebxError('bad-argument', `a value of type ${typeof value} cannot travel`)
}

function fromWire(value: unknown): Cbor {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(fromWire)
  if (value instanceof Uint8Array) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return value as number | string | boolean
}
