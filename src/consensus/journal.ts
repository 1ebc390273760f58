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
