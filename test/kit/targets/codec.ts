/**
 * The codec on any target: golden bytes of the protocol, and chance against an encoder and a reader written from
 * RFC 8949 for this purpose alone.
 */

import { concat, fromHex, fromText } from '../../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../../src/core/codec.ts'
import { WebxError } from '../../../src/core/errors.ts'
import protocol from '../../vectors/protocol.json' with { type: 'json' }
import { Chance } from './chance.ts'
import type { Extent, Ledger } from './ledger.ts'

const BYTES_MAX = 100_000
const DEPTH_MAX = 8
/** Golden bytes that are not one value of the codec: COSE, and a file of two parts. */
const OTHERS = ['receipt', 'keyFile']
const GOLDEN = 40
/** Lengths and numbers at which a head grows. */
const HEADS = [0, 1, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 40, Number.MAX_SAFE_INTEGER]
const TEXTS = ['', 'webx', 'é', '水 über', '\u{10ffff}', 'a'.repeat(24), 'ü'.repeat(128), '\u0000\ufeff']

/** Asks the codec everything; it has no builds, but each target has its own engine. */
export function codecVectors(ledger: Ledger, extent: Extent): void {
  const golden = Object.entries(protocol.golden)
    .filter(([name]) => !OTHERS.includes(name))
    .map(([name, hex]) => [name, fromHex(hex)] as const)
  ledger.answer('golden bytes', golden.length, GOLDEN)
  for (const [name, bytes] of golden) ledger.bytes(name, encode(decode(bytes, BYTES_MAX)), bytes)
  for (const { name, code, bytes } of protocol.refused) {
    if (code === 'not-canonical') ledger.answer(name, refusalOf(fromHex(bytes)), code)
  }
  const chance = new Chance(51)
  for (let i = 0; i < (extent === 'all' ? 2000 : 200); i++) {
    const value = anyValue(chance, 0)
    const bytes = plainEncode(value)
    ledger.bytes(`value ${i}`, encode(value), bytes)
    ledger.bytes(`value ${i}, and back`, encode(decode(bytes, BYTES_MAX)), bytes)
    judge(ledger, `value ${i}, changed`, mangled(chance, bytes))
    judge(ledger, `frame ${i}, changed`, mangled(chance, chance.one(golden)[1]))
  }
}

/** Accepted exactly where the plain reader accepts, and then it is the encoding of what was decoded. */
function judge(ledger: Ledger, name: string, bytes: Uint8Array): void {
  const code = refusalOf(bytes)
  ledger.answer(name, code, plainReads(bytes) ? null : 'not-canonical')
  if (code === null) ledger.bytes(`${name}, and back`, encode(decode(bytes, BYTES_MAX)), bytes)
}

/** The code with which bytes are refused; null where they are accepted. */
export function refusalOf(bytes: Uint8Array): string | null {
  try {
    decode(bytes, BYTES_MAX)
    return null
  } catch (error) {
    return error instanceof WebxError ? error.code : String(error)
  }
}

function anyValue(chance: Chance, depth: number): Cbor {
  switch (chance.integer(0, depth < 5 ? 6 : 3)) {
    case 0:
      return chance.one(HEADS)
    case 1:
      return chance.integer(0, chance.one(HEADS))
    case 2:
      return chance.bytes(chance.one([0, 1, 23, 24, 32, 64, 255, 256]))
    case 3:
      return chance.integer(0, 1) === 0 ? chance.one(TEXTS) : chance.integer(0, 1) === 1
    default:
      return Array.from({ length: chance.integer(0, depth === 0 ? 30 : 5) }, () => anyValue(chance, depth + 1))
  }
}

/** A changed, cut, lengthened or lengthened-within copy. */
export function mangled(chance: Chance, bytes: Uint8Array): Uint8Array {
  const at = chance.integer(0, bytes.length - 1)
  switch (chance.integer(0, 3)) {
    case 0:
      return bytes.subarray(0, at)
    case 1:
      return concat(bytes.subarray(0, at), chance.bytes(chance.integer(1, 3)), bytes.subarray(at))
    case 2:
      return concat(bytes.subarray(0, at), chance.bytes(1), bytes.subarray(at + 1))
    default:
      return chance.flip(bytes)
  }
}

/** The only encoding of a value. */
export function plainEncode(value: Cbor): Uint8Array {
  if (typeof value === 'boolean') return Uint8Array.of(value ? 0xf5 : 0xf4)
  if (typeof value === 'number') return head(0, value)
  if (value instanceof Uint8Array) return concat(head(2, value.length), value)
  if (typeof value === 'string') return concat(head(3, fromText(value).length), fromText(value))
  return concat(head(4, value.length), ...value.map(plainEncode))
}

function head(major: number, argument: number): Uint8Array {
  if (argument < 24) return Uint8Array.of((major << 5) | argument)
  const width = argument < 2 ** 8 ? 1 : argument < 2 ** 16 ? 2 : argument < 2 ** 32 ? 4 : 8
  const bytes = new Uint8Array(1 + width)
  bytes[0] = (major << 5) | (24 + Math.log2(width))
  for (let i = width, rest = argument; i > 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256
  return bytes
}

/** Whether these are the bytes of one value in its only encoding. */
export function plainReads(bytes: Uint8Array): boolean {
  return plainEnd(bytes, 0, 0) === bytes.length
}

/** Where the value that begins at `at` ends; −1 where there is none. */
function plainEnd(bytes: Uint8Array, at: number, depth: number): number {
  const initial = bytes[at]
  if (initial === undefined || depth > DEPTH_MAX) return -1
  if (initial === 0xf4 || initial === 0xf5) return at + 1
  const major = initial >> 5
  const width = (initial & 31) < 24 ? 0 : 2 ** ((initial & 31) - 24)
  if (![0, 2, 3, 4].includes(major) || width > 8) return -1
  const start = at + 1 + width
  const digits = bytes.subarray(at + 1, start)
  const argument = width === 0 ? initial & 31 : digits.reduce((sum, byte) => sum * 256 + byte, 0)
  if (start > bytes.length || argument > Number.MAX_SAFE_INTEGER || head(major, argument).length !== 1 + width)
    return -1
  if (major === 0) return start
  if (major === 4) {
    let end = start
    for (let i = 0; i < argument && end >= 0; i++) end = plainEnd(bytes, end, depth + 1)
    return end
  }
  const end = start + argument
  if (end > bytes.length) return -1
  return major === 2 || isText(bytes.subarray(start, end)) ? end : -1
}

/** Whether bytes are UTF-8: a text with replaced characters encodes to other bytes. */
function isText(bytes: Uint8Array): boolean {
  const again = fromText(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
  return again.length === bytes.length && again.every((byte, i) => byte === bytes[i])
}
