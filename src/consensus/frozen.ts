/**
 * What takes no more votes: single objects from some version on, while they are being unlocked, or the whole lane, while its epoch is being closed.
 *
 * Durable, since all that follows rests on it. SETTLED means that a quorum persisted the certificate and confirmed it; any quorum of reports shares an honest seat with that
 * one, and this seat confirmed *before* it froze and reported *after*. One CONFIRM given after the report would break that, so what is frozen stays frozen in the next life.
 */

import { encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Journal } from './journal.ts'
import { keyOf } from './key.ts'
import { decodeEpochMark, encodeEpochMark, META, SPACE, slotKey, slotOfKey } from './records.ts'

export class Frozen {
  readonly #journal: Journal
  readonly #epoch: number
  readonly #versions = new Map<string, Set<number>>()
  #size = 0
  #all = false
  #closed = false

  /** Throws `wrong-epoch` where the records are those of another epoch. */
  constructor(journal: Journal, epoch: number) {
    this.#journal = journal
    this.#epoch = epoch
    const stored = journal.get(SPACE.meta, META.epoch)
    if (stored) {
      const mark = decodeEpochMark(stored)
      if (mark.epoch !== epoch) {
        throw new WebxError('wrong-epoch', `the register is in epoch ${mark.epoch}, not ${epoch}`)
      }
      this.#all = mark.frozen
      this.#closed = mark.closed
    }
    for (const { key } of journal.scan(SPACE.frozen)) {
      const { oid, version } = slotOfKey(key)
      this.#note(oid, version)
    }
  }

  /** The whole lane is frozen. */
  get all(): boolean {
    return this.#all
  }

  /** What the lane ends with is decided: nothing is certified any more but that. */
  get closed(): boolean {
    return this.#closed
  }

  has(oid: Uint8Array, version: number): boolean {
    if (this.#all) return true
    for (const from of this.#versions.get(keyOf(oid)) ?? []) if (version >= from) return true
    return false
  }

  /** Throws `limit` where too much is frozen already. */
  freeze(oid: Uint8Array, version: number): void {
    if (this.#versions.get(keyOf(oid))?.has(version)) return
    if (this.#size >= LIMITS.openUnlocksMax) throw new WebxError('limit', 'too many objects are being unlocked')
    this.#note(oid, version)
    this.#journal.put(SPACE.frozen, slotKey(oid, version), encode([]))
  }

  /** Ends what `freeze` began; another freeze of the same object stays. */
  thaw(oid: Uint8Array, version: number): void {
    const key = keyOf(oid)
    const versions = this.#versions.get(key)
    if (!versions?.delete(version)) return
    this.#size--
    if (versions.size === 0) this.#versions.delete(key)
    this.#journal.put(SPACE.frozen, slotKey(oid, version), null)
  }

  freezeAll(): void {
    this.#all = true
    this.#mark()
  }

  close(): void {
    this.#all = true
    this.#closed = true
    this.#mark()
  }

  #note(oid: Uint8Array, version: number): void {
    const key = keyOf(oid)
    const versions = this.#versions.get(key)
    if (versions) versions.add(version)
    else this.#versions.set(key, new Set([version]))
    this.#size++
  }

  #mark(): void {
    const mark = { epoch: this.#epoch, frozen: this.#all, closed: this.#closed }
    this.#journal.put(SPACE.meta, META.epoch, encodeEpochMark(mark))
  }
}
