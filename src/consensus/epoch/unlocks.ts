/**
 * UNLOCK: how a version that cannot be decided any more, because its owner signed two orders for it, or its order can no longer be voted for, is given an end.
 *
 * More than the liars must wish for it. Every member then freezes the object from that version on and reports what it has certified; with a quorum of complete
 * reports either the reported order is the version, or the version is consumed by nothing. Why no settled order is ever voided: see `reports.ts`.
 */

import { LIMITS } from '../../core/limits.ts'
import type { Committee } from '../committee.ts'
import { keyOf, slotName } from '../key.ts'
import { Reports } from './reports.ts'
import { SeatSet } from './seatset.ts'
import type { Decided } from './transaction.ts'

/** A slot. */
export interface Place {
  readonly oid: Uint8Array
  readonly version: number
}

/** What became of a slot: an order, or nothing. */
export interface Unlocked extends Place {
  readonly od: Uint8Array | null
}

interface Unlock extends Place {
  readonly wishes: SeatSet
  /** Null until enough seats wish for it. */
  reports: Reports | null
}

export class Unlocks {
  readonly #committee: Committee
  readonly #proven: (name: string) => boolean
  readonly #open = new Map<string, Unlock>()
  readonly #ended = new Set<string>()

  constructor(committee: Committee, proven: (name: string) => boolean) {
    this.#committee = committee
    this.#proven = proven
  }

  /** A seat wishes for an end of this slot. True where it is frozen with that. */
  wish(seat: number, { oid, version }: Place): boolean {
    const name = slotName(keyOf(oid), version)
    if (this.#ended.has(name)) return false
    let unlock = this.#open.get(name)
    if (!unlock) {
      if (this.#open.size >= LIMITS.openUnlocksMax) this.#forgetIdle()
      if (this.#open.size >= LIMITS.openUnlocksMax) return false
      unlock = { oid, version, wishes: new SeatSet(this.#committee), reports: null }
      this.#open.set(name, unlock)
    }
    if (!unlock.wishes.add(seat) || unlock.reports || !unlock.wishes.isBelieved) return false
    unlock.reports = new Reports(this.#committee, this.#proven)
    return true
  }

  hasWished(seat: number, { oid, version }: Place): boolean {
    const name = slotName(keyOf(oid), version)
    return this.#ended.has(name) || (this.#open.get(name)?.wishes.has(seat) ?? false)
  }

  /** True for a slot that is frozen and has no end yet. */
  isFrozen({ oid, version }: Place): boolean {
    return (this.#open.get(slotName(keyOf(oid), version))?.reports ?? null) !== null
  }

  /** Slots that are frozen and have no end yet. */
  frozen(): Place[] {
    return [...this.#open.values()].filter(({ reports }) => reports !== null)
  }

  /** Slots that are frozen and lack a report of this seat. */
  unreported(seat: number): Place[] {
    return [...this.#open.values()].filter(({ reports }) => reports && !reports.has(seat))
  }

  report(seat: number, { oid, version }: Place, od: Uint8Array | null): Unlocked | null {
    const name = slotName(keyOf(oid), version)
    const unlock = this.#open.get(name)
    unlock?.reports?.add(seat, 0, 1, od ? [{ oid, version, od }] : [])
    return unlock ? this.#outcome(name, unlock) : null
  }

  /** A certificate of this entry was ordered. */
  prove(entry: Decided, proof: string): Unlocked | null {
    const name = slotName(keyOf(entry.oid), entry.version)
    const unlock = this.#open.get(name)
    unlock?.reports?.prove(proof)
    return unlock ? this.#outcome(name, unlock) : null
  }

  #outcome(name: string, { oid, version, reports }: Unlock): Unlocked | null {
    if (!reports?.isQuorum) return null
    this.#open.delete(name)
    this.#ended.add(name)
    return { oid, version, od: reports.union()[0]?.od ?? null }
  }

  /** Wishes that too few share make room for others: a liar's alone cost nobody anything. */
  #forgetIdle(): void {
    for (const [name, { reports }] of this.#open) {
      if (reports) continue
      this.#open.delete(name)
      return
    }
  }
}
