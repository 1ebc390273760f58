/**
 * Reads a decoded positional array field by field, and says in words which field is wrong.
 *
 * Canonical CBOR says how a value is written; this says what the value must be.
 */

import type { Cbor } from './codec.ts'
import { decode } from './codec.ts'
import { WebxError } from './errors.ts'

/** The fields of one positional array, read in order; `end` refuses what is left over. */
export class Fields {
  readonly #what: string
  readonly #values: readonly Cbor[]
  #next = 0

  /** @param what the name of the structure, for error messages. Throws `bad-shape` unless `value` is an array. */
  constructor(what: string, value: Cbor) {
    if (!Array.isArray(value)) throw new WebxError('bad-shape', `${what}: expected an array`)
    this.#what = what
    this.#values = value
  }

  /** Fields of canonical bytes. Throws `too-long`, `not-canonical` or `bad-shape`. */
  static of(what: string, bytes: Uint8Array, bytesMax?: number): Fields {
    return new Fields(what, decode(bytes, bytesMax))
  }

  /** True where no field is left: for formats that have grown. */
  get isEmpty(): boolean {
    return this.#next >= this.#values.length
  }

  /** An unsigned integer, at most `max`. */
  uint(name: string, max: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.#take(name)
    if (typeof value !== 'number' || value > max) this.#refuse(name, `an unsigned integer up to ${max}`)
    return value
  }

  /** A byte string of exactly `length` bytes. */
  bytes(name: string, length: number): Uint8Array {
    const value = this.#take(name)
    if (!(value instanceof Uint8Array) || value.length !== length) this.#refuse(name, `${length} bytes`)
    return value
  }

  /** A byte string of `min` to `max` bytes. */
  bytesBetween(name: string, min: number, max: number): Uint8Array {
    const value = this.#take(name)
    if (!(value instanceof Uint8Array) || value.length < min || value.length > max) {
      this.#refuse(name, `${min} to ${max} bytes`)
    }
    return value
  }

  /** A text of at most `charactersMax` UTF-16 code units. */
  text(name: string, charactersMax: number): string {
    const value = this.#take(name)
    if (typeof value !== 'string' || value.length > charactersMax) {
      this.#refuse(name, `text of up to ${charactersMax} characters`)
    }
    return value
  }

  boolean(name: string): boolean {
    const value = this.#take(name)
    if (typeof value !== 'boolean') this.#refuse(name, 'true or false')
    return value
  }

  /** Any value, for a structure that is read elsewhere. */
  any(name: string): Cbor {
    return this.#take(name)
  }

  /** An array of at most `itemsMax` values, each read by `read`. */
  list<T>(name: string, itemsMax: number, read: (item: Cbor, index: number) => T): T[] {
    const value = this.#take(name)
    if (!Array.isArray(value) || value.length > itemsMax) this.#refuse(name, `an array of up to ${itemsMax}`)
    return value.map(read)
  }

  /** A nested positional array, read by `read`, which must not leave fields over. */
  tuple<T>(name: string, read: (fields: Fields) => T): T {
    const nested = new Fields(`${this.#what}.${name}`, this.#take(name))
    const result = read(nested)
    nested.end()
    return result
  }

  /** Throws `bad-shape` where fields are left. */
  end(): void {
    if (this.#next !== this.#values.length) {
      throw new WebxError('bad-shape', `${this.#what}: ${this.#values.length} fields, expected ${this.#next}`)
    }
  }

  #take(name: string): Cbor {
    const value = this.#values[this.#next]
    if (value === undefined) throw new WebxError('bad-shape', `${this.#what}: field "${name}" is missing`)
    this.#next++
    return value
  }

  #refuse(name: string, expected: string): never {
    throw new WebxError('bad-shape', `${this.#what}: field "${name}" must be ${expected}`)
  }
}
