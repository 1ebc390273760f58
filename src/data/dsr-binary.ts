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
    const short = this.bytes[start] as number
    if (start < this.end && short < 0x80 && short <= max) {
      this.at++
      return short
    }
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

/** Writes the binary format into one buffer, whose size is known beforehand to suffice. */
export class ModuleWriter {
  readonly #bytes: Uint8Array
  #at = 0

  /** @param bytesMax how much will be written at the most */
  constructor(bytesMax: number) {
    this.#bytes = new Uint8Array(bytesMax)
  }

  /** What was written: a view. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  byte(value: number): void {
    this.#bytes[this.#at++] = value
  }

  /** The bytes from `start` to `end` of a module. */
  copy(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.#bytes.set(bytes.subarray(start, end), this.#at)
    this.#at += end - start
  }

  /** An unsigned integer of up to 32 bits in its shortest form (LEB128). */
  uint(value: number): void {
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.byte((rest % 0x80) | 0x80)
    this.byte(rest)
  }

  /** A signed integer of 32 bits in its shortest form (signed LEB128). */
  int(value: number): void {
    let rest = value
    for (; rest < -0x40 || rest > 0x3f; rest >>= 7) this.byte((rest & 0x7f) | 0x80)
    this.byte(rest & 0x7f)
  }

  /** What `write` writes, with its length in front: it is moved once that is known. */
  measured(write: () => void): void {
    const start = this.#at
    write()
    const length = this.#at - start
    let prefix = 1
    for (let rest = length; rest >= 0x80; rest = Math.floor(rest / 0x80)) prefix++
    this.#bytes.copyWithin(start + prefix, start, this.#at)
    this.#at = start
    this.uint(length)
    this.#at += length
  }
}
