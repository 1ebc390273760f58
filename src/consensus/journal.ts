/**
 * Changes that wait to be stored, one for each key: the last one wins.
 *
 * Reads see what waits. Values that change often in a turn are encoded once, when they are flushed.
 */

import type { Records, Write } from './effects.ts'
import { keyOf } from './key.ts'
import type { Space } from './records.ts'

interface Change {
  readonly space: Space
  readonly key: Uint8Array
  readonly value: Uint8Array | null | (() => Uint8Array)
}

export class Journal {
  readonly #records: Records
  readonly #changes = new Map<string, Change>()

  constructor(records: Records) {
    this.#records = records
  }

  /** Notes a change; a function is called when it is flushed. */
  put(space: Space, key: Uint8Array, value: Uint8Array | null | (() => Uint8Array)): void {
    this.#changes.set(space + keyOf(key), { space, key, value })
  }

  /** The value as it will be once everything is stored. */
  get(space: Space, key: Uint8Array): Uint8Array | null {
    const change = this.#changes.get(space + keyOf(key))
    if (!change) return this.#records.get(space, key)
    return typeof change.value === 'function' ? change.value() : change.value
  }

  /** All values of a space as they will be once everything is stored: first the stored ones in the order of their keys, then new ones. */
  *scan(space: Space): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    const changed = [...this.#changes.values()].filter((change) => change.space === space)
    for (const entry of this.#records.scan(space)) {
      if (!this.#changes.has(space + keyOf(entry.key))) yield entry
    }
    for (const { key, value } of changed) {
      if (value !== null) yield { key, value: typeof value === 'function' ? value() : value }
    }
  }

  /** Notes that everything in a space is deleted. */
  clear(space: Space): void {
    for (const { key } of [...this.scan(space)]) this.put(space, key, null)
  }

  /** The same for those who only read. */
  get records(): Records {
    return { get: (space, key) => this.get(space as Space, key), scan: (space) => this.scan(space as Space) }
  }

  /** Takes everything that waits. */
  flush(): Write[] {
    const writes = [...this.#changes.values()].map(({ space, key, value }) => ({
      space,
      key,
      value: typeof value === 'function' ? value() : value,
    }))
    this.#changes.clear()
    return writes
  }
}
