/**
 * The public log as a node keeps it: entries, where each leaf stands, and the tree over them, in one store.
 */

import { equal } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { Fields } from '../../core/shape.ts'
import type { Write } from '../effects.ts'
import { leafHash, type TreeHead } from './proof.ts'
import { indexKey, LOG_SPACE, type LogRecords, LogStore } from './store.ts'
import { encodeEntries, TILE_WIDTH } from './tile.ts'
import { LogTree } from './tree.ts'

export class LogBook {
  readonly store: LogStore
  readonly tree: LogTree

  /** Goes on with the log in the store; `records` must see every write that `take` has returned. */
  constructor(records: LogRecords) {
    this.store = new LogStore(records)
    this.tree = new LogTree(this.store)
  }

  /** Where a leaf stands by its hash, or null. */
  indexOf(hash: Uint8Array): number | null {
    const stored = this.store.get(LOG_SPACE.leaf, hash)
    if (!stored) return null
    const fields = Fields.of('place of a leaf', stored)
    const index = fields.uint('index')
    fields.end()
    return index
  }

  /** Body of a leaf, or null. */
  entry(index: number): Uint8Array | null {
    return this.store.get(LOG_SPACE.entry, indexKey(index))
  }

  /** A bundle of entries as far as it goes (C2SP tlog-tiles); null for one that is not there. */
  bundle(index: number): Uint8Array | null {
    const first = index * TILE_WIDTH
    const width = Math.min(TILE_WIDTH, this.tree.size - first)
    const entries = Array.from({ length: Math.max(0, width) }, (_, i) => this.entry(first + i))
    const whole = entries.filter((entry) => entry !== null)
    return width > 0 && whole.length === width ? encodeEntries(whole) : null
  }

  /** Adds a leaf and answers its index. Throws `limit`. */
  append(body: Uint8Array): number {
    const hash = leafHash(body)
    const index = this.tree.append(hash)
    this.store.put(LOG_SPACE.entry, indexKey(index), body)
    this.store.put(LOG_SPACE.leaf, hash, encode([index]))
    return index
  }

  /** Back to the first `size` leaves; nothing where there are no more. */
  truncate(size: number): void {
    if (size >= this.tree.size) return
    for (let index = size; index < this.tree.size; index++) {
      const body = this.entry(index)
      if (body) this.store.put(LOG_SPACE.leaf, leafHash(body), null)
      this.store.put(LOG_SPACE.entry, indexKey(index), null)
    }
    this.tree.truncate(size)
  }

  /** Whether the log begins with this head. */
  beginsWith({ size, root }: TreeHead): boolean {
    return size <= this.tree.size && equal(this.tree.headAt(size).root, root)
  }

  /** All writes since the last call. */
  take(): Write[] {
    this.tree.save()
    return this.store.take()
  }
}
