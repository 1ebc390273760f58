/**
 * Open slots: versions that are being decided, with the votes on them.
 *
 * A slot opens by an order, or by a vote for an order that has not come yet. The latter costs a liar nothing, so every seat has a quota of its own: when it is
 * used up, the seat's vote is taken off its oldest slot, and a slot that nothing holds any more is dropped. So a flooding seat only ever loses its own votes.
 */

import { LIMITS } from '../core/limits.ts'
import type { Committee } from './committee.ts'
import { Votes } from './count.ts'
import { keyOf, slotName } from './key.ts'
import type { Order } from './order.ts'

/** An own vote; sequence 0 while it waits for a batch. */
export interface OwnVote {
  readonly od: Uint8Array
  sequence: number
}

/** A certificate or settlement that is held. */
export interface Proof {
  readonly od: Uint8Array
  /** The statement, as it travels. */
  readonly bytes: Uint8Array
}

/** One version of one object, not yet settled here. */
export interface Slot {
  readonly name: string
  readonly oid: Uint8Array
  readonly version: number
  /** Orders that were seen and are signed by the owner: at most two. */
  readonly orders: Order[]
  readonly locks: Votes
  readonly confirms: Votes
  lock: OwnVote | null
  confirm: OwnVote | null
  certificate: Proof | null
  settlement: Proof | null
  /** Owner's key in the table of quotas while the slot counts against it. */
  charged: string | null
  /** Bit i is set where seat i was accused of a double LOCK, or CONFIRM, already. */
  accusedLocks: number
  accusedConfirms: number
  accusedOwner: boolean
  /** When the slot was last repeated for somebody; −∞ for never. */
  repeatedMs: number
  retryAtMs: number
  retries: number
}

export class Slots {
  readonly #committee: Committee
  readonly #slots = new Map<string, Slot>()
  /** By seat: slots without an order that it has voted in, the oldest first. */
  readonly #unfounded: Set<Slot>[]
  readonly #perOwner = new Map<string, number>()
  readonly #quota: number
  #founded = 0

  constructor(committee: Committee) {
    this.#committee = committee
    this.#unfounded = committee.seats.map(() => new Set())
    this.#quota = Math.max(LIMITS.batchEntriesMax, Math.floor(LIMITS.openSlotsMax / committee.seats.length))
  }

  get size(): number {
    return this.#slots.size
  }

  /** Slots that an owner's order holds open. */
  get founded(): number {
    return this.#founded
  }

  all(): Iterable<Slot> {
    return this.#slots.values()
  }

  get(oid: Uint8Array, version: number): Slot | undefined {
    return this.#slots.get(slotName(keyOf(oid), version))
  }

  /** The slot, opened where it is not. */
  ensure(oid: Uint8Array, version: number, nowMs: number): Slot {
    const name = slotName(keyOf(oid), version)
    let slot = this.#slots.get(name)
    if (!slot) {
      slot = newSlot(name, oid.slice(), version, nowMs)
      this.#slots.set(name, slot)
    }
    return slot
  }

  /** Notes that a seat has voted in a slot that may have no order yet, and makes it pay for that where its quota is used up. */
  voted(slot: Slot, seat: number): void {
    if (slot.charged !== null || slot.certificate || slot.settlement) return
    const slots = this.#unfounded[seat]
    if (!slots) return
    slots.add(slot)
    if (slots.size <= this.#quota) return
    for (const oldest of slots) {
      slots.delete(oldest)
      this.#withdraw(oldest, seat)
      break
    }
  }

  /** From now on the slot counts against its owner, and against no voter. */
  charge(slot: Slot, owner: Uint8Array): void {
    if (slot.charged !== null) return
    for (const slots of this.#unfounded) slots.delete(slot)
    slot.charged = keyOf(owner)
    this.#perOwner.set(slot.charged, (this.#perOwner.get(slot.charged) ?? 0) + 1)
    this.#founded++
  }

  /** How many open slots count against an owner. */
  chargedTo(owner: Uint8Array): number {
    return this.#perOwner.get(keyOf(owner)) ?? 0
  }

  /** Forgets a slot. */
  close(slot: Slot): void {
    this.#slots.delete(slot.name)
    for (const slots of this.#unfounded) slots.delete(slot)
    this.#discharge(slot)
  }

  #discharge(slot: Slot): void {
    if (slot.charged === null) return
    const left = (this.#perOwner.get(slot.charged) ?? 1) - 1
    if (left === 0) this.#perOwner.delete(slot.charged)
    else this.#perOwner.set(slot.charged, left)
    slot.charged = null
    this.#founded--
  }

  #withdraw(slot: Slot, seat: number): void {
    if (slot.certificate || slot.settlement) return
    const weight = this.#committee.seats[seat]?.weight ?? 0
    slot.locks.remove(seat, weight)
    slot.confirms.remove(seat, weight)
    if ((slot.locks.voted | slot.confirms.voted) === 0 && slot.orders.length === 0) this.close(slot)
  }
}

function newSlot(name: string, oid: Uint8Array, version: number, nowMs: number): Slot {
  return {
    name,
    oid,
    version,
    orders: [],
    locks: new Votes(),
    confirms: new Votes(),
    lock: null,
    confirm: null,
    certificate: null,
    settlement: null,
    charged: null,
    accusedLocks: 0,
    accusedConfirms: 0,
    accusedOwner: false,
    repeatedMs: Number.NEGATIVE_INFINITY,
    retryAtMs: nowMs + LIMITS.openSlotRetryMsMin,
    retries: 0,
  }
}
