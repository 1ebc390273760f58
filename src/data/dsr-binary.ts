/**
 * The bytes of a WebAssembly binary (core specification 2.0, §5.2), read strictly and written.
 *
 * The specification lets an integer be padded; here only its shortest form is read, so that one module has one encoding and nothing hides in
 * the padding.
 */

import { WebxError } from '../core/errors.ts'

/** A refusal of a module, with the offset of what is wrong in its bytes. */
export function refusal(what: string, at: number): WebxError {
  return new WebxError('runnable-refused', `${what}, at byte ${at} of the module`, {
    hint: 'See the profile DSR-1 in PROTOCOL.md; build with "webx dsr build".',
  })
}

/** Reads a part of a module from its beginning to its end. Throws `runnable-refused`. */
export class ModuleReader {
  readonly bytes: Uint8Array
  readonly end: number
  at: number

  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  get isAtEnd(): boolean {
    return this.at === this.end
  }

  byte(): number {
    if (this.at >= this.end) throw refusal('the bytes end too early', this.at)
    return this.bytes[this.at++] as number
  }

  /** An unsigned integer of 32 bits, at most `max`. */
  uint(what: string, max = 0xffff_ffff): number {
    const start = this.at
    let byte = this.byte()
    let value = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      byte = this.byte()
      if (shift === 28 && byte > 0x0f) throw refusal('an integer of more than 32 bits', start)
      if (byte === 0) throw refusal('an integer that is not in its shortest form', start)
      value += (byte & 0x7f) * 2 ** shift
    }
    if (value > max) throw refusal(`${what} ${value}, at most ${max} allowed`, start)
    return value
  }

  /** A signed integer of 32 bits. */
  int32(): number {
    const start = this.at
    this.skipInt(32)
    let value = 0
    for (let i = this.at - 1; i >= start; i--) value = value * 0x80 + ((this.bytes[i] as number) & 0x7f)
    const bits = 7 * (this.at - start)
    return bits < 32 && value >= 2 ** (bits - 1) ? value - 2 ** bits : value | 0
  }

  /** A signed integer of 64 bits. */
  int64(): bigint {
    const start = this.at
    this.skipInt(64)
    let value = 0n
    for (let i = this.at - 1; i >= start; i--) value = (value << 7n) | BigInt((this.bytes[i] as number) & 0x7f)
    return BigInt.asIntN(64, BigInt.asIntN(7 * (this.at - start), value))
  }

  /** Reads over a signed integer, whose value does not matter. */
  skipInt(bits: 32 | 64): void {
    const start = this.at
    const bytesMax = bits === 32 ? 5 : 10
    const padding = bits === 32 ? 0x78 : 0x7f
    for (let previous = 0, count = 1; ; count++) {
      const byte = this.byte()
      if (count === bytesMax && (byte & padding) !== 0 && (byte & padding) !== padding) {
        throw refusal(`an integer of more than ${bits} bits`, start)
      }
      if (byte < 0x80) {
        const isPadded = count > 1 && ((byte === 0 && (previous & 0x40) === 0) || (byte === 0x7f && previous >= 0xc0))
        if (isPadded) throw refusal('an integer that is not in its shortest form', start)
        return
      }
      if (count === bytesMax) throw refusal(`an integer of more than ${bits} bits`, start)
      previous = byte
    }
  }

  /** The next `length` bytes, as a reader of their own. */
  part(length: number): ModuleReader {
    const start = this.at
    if (length > this.end - start) throw refusal('a part that is longer than what is left', start)
    this.at = start + length
    return new ModuleReader(this.bytes, start, this.at)
  }

  /** Throws unless everything was read. */
  finish(what: string): void {
    if (!this.isAtEnd) throw refusal(`bytes after the end of ${what}`, this.at)
  }
}

/** Bytes of any origin. */
export type Piece = ArrayLike<number>

/** An unsigned integer of up to 32 bits in its shortest form (LEB128). */
export function uintBytes(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  bytes.push(rest)
  return bytes
}

/** A signed integer of 32 bits in its shortest form (signed LEB128). */
export function intBytes(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest < -0x40 || rest > 0x3f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>= 7
  }
  bytes.push(rest & 0x7f)
  return bytes
}

/** All pieces in one new array. */
export function joined(pieces: readonly Piece[]): Uint8Array {
  let length = 0
  for (const piece of pieces) length += piece.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** A section: its number, its length, its content. */
export function sectionBytes(id: number, content: Uint8Array): Piece[] {
  return [[id], uintBytes(content.length), content]
}
