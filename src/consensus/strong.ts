/**
 * Goes on counting CONFIRMs after a settlement, until the strong quorum is reached.
 *
 * Needs no proofs any more, only who has confirmed; bounded, the oldest slot makes room.
 */

import { equal } from '../core/bytes.ts'
import { LIMITS } from '../core/limits.ts'
import type { Committee } from './committee.ts'
import { keyOf, slotName } from './key.ts'
import type { Outbox } from './outbox.ts'
import type { Slot } from './slots.ts'
import type { VoteEntry } from './statement.ts'

interface Tally {
  readonly od: Uint8Array
  voted: number
  weight: number
  confirms: number
}

export class StrongCount {
  readonly #committee: Committee
  readonly #outbox: Outbox
  readonly #open = new Map<string, Tally>()

  constructor(committee: Committee, outbox: Outbox) {
    this.#committee = committee
    this.#outbox = outbox
  }

  /** Takes over a slot that is settled for `od`. */
  begin(slot: Slot, od: Uint8Array): void {
    const votes = slot.confirms.candidate(od)?.votes ?? []
    const tally: Tally = { od, voted: 0, weight: 0, confirms: 0 }
    for (const { batch } of votes) this.#count(tally, batch.seat)
    if (this.#reached(tally, slot.oid, slot.version)) return
    this.#open.set(slot.name, tally)
    if (this.#open.size <= LIMITS.openSlotsMax) return
    for (const oldest of this.#open.keys()) {
      this.#open.delete(oldest)
      break
    }
  }

  /** Counts a CONFIRM for a version that is settled here. */
  add(entry: VoteEntry, seat: number): void {
    const name = slotName(keyOf(entry.oid), entry.version)
    const tally = this.#open.get(name)
    if (!tally || !equal(tally.od, entry.od) || !this.#count(tally, seat)) return
    if (this.#reached(tally, entry.oid, entry.version)) this.#open.delete(name)
  }

  #count(tally: Tally, seat: number): boolean {
    const bit = 1 << seat
    if ((tally.voted & bit) !== 0) return false
    tally.voted |= bit
    tally.weight += this.#committee.seats[seat]?.weight ?? 0
    tally.confirms++
    return true
  }

  #reached(tally: Tally, oid: Uint8Array, version: number): boolean {
    if (tally.weight < this.#committee.strong) return false
    this.#outbox.add({ kind: 'strong', oid, version, od: tally.od, confirms: tally.confirms })
    return true
  }
}
