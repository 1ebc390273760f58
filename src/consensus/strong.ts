/**
 * Goes on counting CONFIRMs after a settlement, until the strong quorum is reached.
 *
 * Needs no proofs any more, only the count; bounded, the oldest slot makes room.
 */

import { equal } from '../core/bytes.ts'
import { LIMITS } from '../core/limits.ts'
import type { Committee } from './committee.ts'
import type { VoteCount } from './count.ts'
import { keyOf, slotName } from './key.ts'
import type { Outbox } from './outbox.ts'
import type { Slot } from './slots.ts'
import type { VoteEntry } from './statement.ts'

interface Pending {
  readonly key: Uint8Array
  readonly od: Uint8Array
}

export class StrongCount {
  readonly #strong: number
  readonly #count: VoteCount
  readonly #outbox: Outbox
  readonly #pending = new Map<string, Pending>()

  constructor(committee: Committee, count: VoteCount, outbox: Outbox) {
    this.#strong = committee.strong
    this.#count = count
    this.#outbox = outbox
  }

  /** Takes over a slot that is settled for `od`. */
  begin(slot: Slot, od: Uint8Array): void {
    const pending = { key: slot.confirms.key, od }
    if (this.#count.weight(pending, od) >= this.#strong) {
      this.#reached(slot, pending)
      return
    }
    this.#pending.set(slot.name, pending)
    if (this.#pending.size <= LIMITS.openSlotsMax) return
    for (const [name, oldest] of this.#pending) {
      this.#pending.delete(name)
      this.#count.forget(oldest)
      break
    }
  }

  /** The question of a CONFIRM for a version that is settled here; null where nobody waits for it. */
  keyOf(entry: VoteEntry): Uint8Array | null {
    return this.#pending.get(slotName(keyOf(entry.oid), entry.version))?.key ?? null
  }

  /** A CONFIRM brought the strong quorum. */
  reach(entry: VoteEntry): void {
    const name = slotName(keyOf(entry.oid), entry.version)
    const pending = this.#pending.get(name)
    if (!pending || !equal(pending.od, entry.od)) return
    this.#pending.delete(name)
    this.#reached(entry, pending)
  }

  #reached({ oid, version }: Pick<VoteEntry, 'oid' | 'version'>, pending: Pending): void {
    const confirms = this.#count.voters(pending, pending.od)
    this.#outbox.add({ kind: 'strong', oid, version, od: pending.od, confirms })
    this.#count.forget(pending)
  }
}
