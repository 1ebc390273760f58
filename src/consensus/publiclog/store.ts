/**
 * What the public log keeps, and writes that wait to be stored; reads see what waits.
 *
 *     log-tile      level u8 ‖ index u64 → the hashes of a tile, the last one of a level as far as it goes
 *     log-entry     index u64 → body of a leaf
 *     log-leaf      leaf hash → [index]
 *     log-meta      'size' → [number of leaves]; 'signed' → [generation, size, network]: what this MasterNode signed last
 *     log-witness   'state' → [generation, size, root, networkSize, networkRoot, [] / [number, epoch, size, root]]: what this witness has promised, and voted for last
 *
 * Values are canonical CBOR but for tiles and entries. Numbers in keys are big-endian.
 */

import { fromText, toHex } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { Fields } from '../../core/shape.ts'
import type { Records, Write } from '../effects.ts'

/** Spaces of the store that belong to the public log. */
export const LOG_SPACE = {
  tile: 'log-tile',
  entry: 'log-entry',
  leaf: 'log-leaf',
  meta: 'log-meta',
  witness: 'log-witness',
} as const

/** Keys of single values. */
export const LOG_KEY = { size: fromText('size'), signed: fromText('signed'), state: fromText('state') } as const

/** Stored values by their keys. */
export type LogRecords = Pick<Records, 'get'>

export class LogStore {
  readonly #records: LogRecords
  readonly #waiting = new Map<string, Write>()

  /** `records` must see every write that `take` has returned. */
  constructor(records: LogRecords) {
    this.#records = records
  }

  get(space: string, key: Uint8Array): Uint8Array | null {
    const waiting = this.#waiting.get(nameOf(space, key))
    return waiting ? waiting.value : this.#records.get(space, key)
  }

  /** Notes a change; null deletes. */
  put(space: string, key: Uint8Array, value: Uint8Array | null): void {
    this.#waiting.set(nameOf(space, key), { space, key, value })
  }

  /** Everything that waits. */
  take(): Write[] {
    const writes = [...this.#waiting.values()]
    this.#waiting.clear()
    return writes
  }
}

/** What a MasterNode signed last. */
export interface SignedMark {
  readonly generation: number
  readonly size: number
  readonly network: number
}

export const NOTHING_SIGNED: SignedMark = { generation: 0, size: 0, network: 0 }

export function encodeSigned({ generation, size, network }: SignedMark): Uint8Array {
  return encode([generation, size, network])
}

export function decodeSigned(bytes: Uint8Array): SignedMark {
  const fields = Fields.of('signed checkpoint', bytes)
  const mark = { generation: fields.uint('generation'), size: fields.uint('size'), network: fields.uint('network') }
  fields.end()
  return mark
}

/** Key of a leaf's body. */
export function indexKey(index: number): Uint8Array {
  const key = new Uint8Array(8)
  new DataView(key.buffer).setBigUint64(0, BigInt(index))
  return key
}

function nameOf(space: string, key: Uint8Array): string {
  return `${space} ${toHex(key)}`
}
