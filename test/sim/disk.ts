/**
 * A disk under simulation, behind the interface through which engines read what they have stored.
 *
 * A turn's writes are one transaction: they are seen at once, and survive a power cut wholly or not at all. A torn transaction, of which only a prefix reached the
 * platter, has no commit record, so recovery throws it away: to the engine it is a lost one. A damaged value fails its checksum and throws `store-damaged`.
 */

import type { Records, Write } from '../../src/consensus/effects.ts'
import { keyOf } from '../../src/consensus/key.ts'
import { WebxError } from '../../src/core/errors.ts'
import type { Chance } from './chance.ts'

interface Stored {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

interface Undo {
  readonly entries: Map<string, Stored>
  readonly name: string
  readonly before: Stored | undefined
}

export class Disk implements Records {
  readonly #spaces = new Map<string, Map<string, Stored>>()
  readonly #damaged = new Set<Stored>()
  #open: Undo[] = []
  /** No room is left: the next transaction fails. */
  full = false

  get(space: string, key: Uint8Array): Uint8Array | null {
    const stored = this.#spaces.get(space)?.get(keyOf(key))
    return stored ? this.#read(space, stored) : null
  }

  *scan(space: string): Iterable<{ key: Uint8Array; value: Uint8Array }> {
    const entries = [...(this.#spaces.get(space) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [, stored] of entries) yield { key: stored.key, value: this.#read(space, stored) }
  }

  /** Writes a transaction that is not safe before `sync`. Throws `store-failed` where the disk is full. */
  begin(writes: readonly Write[]): void {
    if (this.full && writes.length > 0) throw new WebxError('store-failed', 'the simulated disk is full')
    for (const { space, key, value } of writes) {
      let entries = this.#spaces.get(space)
      if (!entries) {
        entries = new Map()
        this.#spaces.set(space, entries)
      }
      const name = keyOf(key)
      this.#open.push({ entries, name, before: entries.get(name) })
      if (value === null) entries.delete(name)
      else entries.set(name, { key, value })
    }
  }

  sync(): void {
    this.#open = []
  }

  /** Power fails. What is not synced may have reached the platter all the same, as a whole, or it is gone. */
  crash(survives: boolean): void {
    if (!survives) {
      for (const { entries, name, before } of this.#open.reverse()) {
        if (before) entries.set(name, before)
        else entries.delete(name)
      }
    }
    this.#open = []
  }

  /** One bit of one stored value flips. */
  flip(chance: Chance): void {
    const spaces = [...this.#spaces.values()].filter(({ size }) => size > 0)
    if (spaces.length > 0) this.#damaged.add(chance.pick([...chance.pick(spaces).values()]))
  }

  get isDamaged(): boolean {
    return this.#damaged.size > 0
  }

  #read(space: string, stored: Stored): Uint8Array {
    if (this.#damaged.has(stored)) throw new WebxError('store-damaged', `a value in ${space} fails its checksum`)
    return stored.value
  }
}
