/**
 * Reads the CBOR (RFC 8949) of other people's documents: all of it that COSE headers use, in any width, but nothing that two readers could take for different things.
 *
 * Our own bytes are read by `codec.ts`, which is narrower. Refused here: indefinite lengths, a key that stands twice in a map, keys that are neither integers nor text,
 * broken UTF-8, integers beyond 2^53−1, simple values without a meaning, and whatever is nested too deep or too long.
 */

import { WebxError } from './errors.ts'
import { LIMITS } from './limits.ts'

/** A map by its keys. */
export type ForeignMap = Map<number | string, ForeignValue>

/** One value. Byte strings are views into what was read. Floats are kept as bytes: no header that we understand holds one. */
export type ForeignValue =
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'array'; readonly items: readonly ForeignValue[] }
  | { readonly kind: 'map'; readonly entries: ForeignMap }
  | { readonly kind: 'tag'; readonly tag: number; readonly content: ForeignValue }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
  | { readonly kind: 'undefined' }
  | { readonly kind: 'float'; readonly bytes: Uint8Array }

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** One pass over one value. */
export class ForeignCbor {
  readonly #bytes: Uint8Array
  #at = 0
  #items = 0

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The one value that fills all of `bytes`. Throws `bad-shape` with the offset of what is refused. */
  static read(bytes: Uint8Array): ForeignValue {
    const reader = new ForeignCbor(bytes)
    const value = reader.#value(0)
    if (reader.#at !== bytes.length) reader.#refuse('bytes after the end')
    return value
  }

  #value(depth: number): ForeignValue {
    if (depth > LIMITS.cborDepthMax) this.#refuse('nested too deep')
    if (++this.#items > LIMITS.cborItemsMax) this.#refuse('too many items')
    const first = this.#take(1)[0] as number
    const additional = first & 31
    if (first >> 5 === 7) return this.#simple(additional)
    const argument = this.#argument(additional)
    switch (first >> 5) {
      case 0:
        return { kind: 'integer', value: argument }
      case 1:
        return { kind: 'integer', value: -1 - argument }
      case 2:
        return { kind: 'bytes', bytes: this.#take(argument) }
      case 3:
        return { kind: 'text', value: this.#text(argument) }
      case 4:
        return { kind: 'array', items: this.#array(argument, depth + 1) }
      case 5:
        return { kind: 'map', entries: this.#map(argument, depth + 1) }
    }
    return { kind: 'tag', tag: argument, content: this.#value(depth + 1) }
  }

  #argument(additional: number): number {
    if (additional < 24) return additional
    if (additional > 27) this.#refuse('an indefinite or reserved length')
    let argument = 0
    for (const byte of this.#take(2 ** (additional - 24))) argument = argument * 256 + byte
    if (argument >= Number.MAX_SAFE_INTEGER) this.#refuse('beyond 2^53−1')
    return argument
  }

  #simple(additional: number): ForeignValue {
    if (additional === 20 || additional === 21) return { kind: 'boolean', value: additional === 21 }
    if (additional === 22) return { kind: 'null' }
    if (additional === 23) return { kind: 'undefined' }
    if (additional < 25 || additional > 27) this.#refuse('a simple value without a meaning')
    return { kind: 'float', bytes: this.#take(2 ** (additional - 24)) }
  }

  #array(length: number, depth: number): ForeignValue[] {
    const items: ForeignValue[] = []
    for (let i = 0; i < length; i++) items.push(this.#value(depth))
    return items
  }

  #map(length: number, depth: number): ForeignMap {
    const entries: ForeignMap = new Map()
    for (let i = 0; i < length; i++) {
      const key = this.#value(depth)
      if (key.kind !== 'integer' && key.kind !== 'text') this.#refuse('a key is an integer or text')
      if (entries.has(key.value)) this.#refuse(`key ${key.value} stands twice`)
      entries.set(key.value, this.#value(depth))
    }
    return entries
  }

  #text(length: number): string {
    const bytes = this.#take(length)
    try {
      return decoder.decode(bytes)
    } catch {
      return this.#refuse('text is not UTF-8')
    }
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) this.#refuse('truncated')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  #refuse(why: string): never {
    throw new WebxError('bad-shape', `CBOR: ${why} at byte ${this.#at}`)
  }
}
