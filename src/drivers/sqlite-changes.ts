/**
 * Changes of stored values, by space and key: part of the SQLite store. What a turn wrote is one text of them, as its row in the table `turn`:
 * for each the length of the space (1 byte), the space, the length of the key (2), the key, the length of the value plus one (4, big-endian; 0 deletes), the value.
 */

import { compare, concat, fromText } from '../core/bytes.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'

/** A changed value; null where it is deleted. */
export interface Change {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

const LENGTHS_BYTES = 7
const CHECKSUM_BYTES = 8
const decoder = new TextDecoder()

/** The last change of each key. */
export class Changes {
  readonly #spaces = new Map<string, Map<string, Change>>()
  #bytes = 0

  /** What keys and values take. */
  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#spaces.size === 0
  }

  get(space: string, key: Uint8Array): Change | undefined {
    return this.#spaces.get(space)?.get(nameOf(key))
  }

  put(space: string, change: Change): void {
    let entries = this.#spaces.get(space)
    if (!entries) {
      entries = new Map()
      this.#spaces.set(space, entries)
    }
    const name = nameOf(change.key)
    this.#bytes += sizeOf(change) - sizeOf(entries.get(name))
    entries.set(name, change)
  }

  putAll(later: Changes): void {
    for (const [space, entries] of later.#spaces) for (const change of entries.values()) this.put(space, change)
  }

  /** Changes of a space in the order of their keys. */
  of(space: string): Change[] {
    return [...(this.#spaces.get(space)?.values() ?? [])].sort((a, b) => compare(a.key, b.key))
  }

  spaces(): string[] {
    return [...this.#spaces.keys()].sort()
  }

  clear(): void {
    this.#spaces.clear()
    this.#bytes = 0
  }

  /** All of them as one text. */
  encode(): Uint8Array {
    let length = 0
    for (const [space, entries] of this.#spaces) {
      for (const change of entries.values()) length += LENGTHS_BYTES + space.length + sizeOf(change)
    }
    const bytes = new Uint8Array(length)
    const view = new DataView(bytes.buffer)
    let at = 0
    const append = (part: Uint8Array): void => {
      bytes.set(part, at)
      at += part.length
    }
    for (const [space, entries] of this.#spaces) {
      const name = fromText(space)
      for (const { key, value } of entries.values()) {
        bytes[at++] = name.length
        append(name)
        view.setUint16(at, key.length)
        at += 2
        append(key)
        view.setUint32(at, value ? value.length + 1 : 0)
        at += 4
        if (value) append(value)
      }
    }
    return bytes
  }
}

/** What `encode` wrote; keys and values are views. Throws `store-damaged`. */
export function decodeChanges(bytes: Uint8Array): Changes {
  const changes = new Changes()
  let at = 0
  const take = (length: number): Uint8Array => {
    at += length
    return bytes.subarray(at - length, at)
  }
  const uint = (width: number): number => take(width).reduce((sum, byte) => 256 * sum + byte, 0)
  try {
    while (at < bytes.length) {
      const space = decoder.decode(take(uint(1)))
      const key = take(uint(2))
      const length = uint(4)
      const value = length === 0 ? null : take(length - 1)
      if (at > bytes.length) throw new RangeError('truncated')
      changes.put(space, { key, value })
    }
  } catch (cause) {
    throw new WebxError('store-damaged', 'a stored turn is torn', { cause })
  }
  return changes
}

/** First bytes of BLAKE3 over the length-prefixed space, key and value, so that a value cannot pass for one stored elsewhere. */
export function checksumOf(space: string, key: Uint8Array, value: Uint8Array): Uint8Array {
  const name = fromText(space)
  const head = Uint8Array.of(name.length, key.length >> 8, key.length & 0xff)
  return blake3Of('webx v1 stored value', concat(head, name, key, value)).subarray(0, CHECKSUM_BYTES)
}

/** The same for a turn: over its number and its text. */
export function checksumOfTurn(number: number, bytes: Uint8Array): Uint8Array {
  const head = new Uint8Array(8)
  new DataView(head.buffer).setBigUint64(0, BigInt(number))
  return blake3Of('webx v1 stored turn', concat(head, bytes)).subarray(0, CHECKSUM_BYTES)
}

function sizeOf(change: Change | undefined): number {
  return change ? change.key.length + (change.value?.length ?? 0) : 0
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}
