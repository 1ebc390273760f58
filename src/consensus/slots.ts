/**
 * Open slots: versions that are being decided, with the votes on them.
 *
 * A slot opens by an order, or by a vote for an order that has not come yet. The latter costs a liar nothing, so every seat has a quota of its own: when it is
 * used up, the seat lets go of its oldest such slot, and a slot that no seat holds any more is dropped. So a flooding seat takes nothing from others.
 */

import { LIMITS } from '../core/limits.ts'
import type { Committee } from './committee.ts'
import { createQuestion, type Question, unfoundedSlotsMax, type VoteCount } from './count.ts'
import { keyOf, quotaName, slotName } from './key.ts'
import type { Order } from './order.ts'
import { VOTE } from './statement.ts'

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
  /** How many seats it shows. */
  readonly seats: number
}

/** One version of one object, not yet settled here. */
export interface Slot {
  readonly name: string
  readonly oid: Uint8Array
  readonly version: number
  /** Orders that were seen and are signed by the owner: at most two, and the one that the chain of blocks has decided for. */
  readonly orders: Order[]
  readonly locks: Question
  readonly confirms: Question
  lock: OwnVote | null
  confirm: OwnVote | null
  certificate: Proof | null
  settlement: Proof | null
  /** What the chain of blocks decided: the digest of an order, or `voidHead`. */
  decided: Uint8Array | null
  /** Bit i is set where the slot stays open for seat i's vote. */
  holders: number
  /** Whom the slot counts against (`quotaName`); null while against nobody. */
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

/** What decides a slot: the chain of blocks, its certificate, or else its settlement. */
export function decisionOf({ decided, certificate, settlement }: Slot): { readonly od: Uint8Array } | null {
  return decided ? { od: decided } : (certificate ?? settlement)
}

export class Slots {
  readonly #count: VoteCount
  readonly #slots = new Map<string, Slot>()
  /** By seat: slots without an order that it has voted in, the oldest first. */
  readonly #unfounded: Set<Slot>[]
  /** By `quotaName`. */
  readonly #charges = new Map<string, number>()
  readonly #quota: number
  #founded = 0

  constructor(committee: Committee, count: VoteCount) {
    this.#count = count
    this.#unfounded = committee.seats.map(() => new Set())
    this.#quota = unfoundedSlotsMax(committee)
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

  /** Notes that a seat has voted in a slot that may have no order yet; where its quota is used up, it lets go of its oldest one. */
  voted(slot: Slot, seat: number): void {
    if (slot.charged !== null || decisionOf(slot) || !this.isOpen(slot)) return
    const slots = this.#unfounded[seat]
    if (!slots) return
    slots.add(slot)
    slot.holders |= 1 << seat
    if (slots.size <= this.#quota) return
    for (const oldest of slots) {
      this.#letGo(oldest, seat)
      break
    }
  }

  /** From now on the slot counts against the owner of its first order, and against no voter. */
  charge(slot: Slot, order: Order): void {
    if (slot.charged !== null) return
    this.#unhold(slot)
    slot.charged = quotaName(order)
    this.#charges.set(slot.charged, (this.#charges.get(slot.charged) ?? 0) + 1)
    this.#founded++
  }

  /** How many open slots count against the owner of an order, by the key that signed it. */
  chargedTo(order: Order): number {
    return this.#charges.get(quotaName(order)) ?? 0
  }

  /** True until the slot is closed. */
  isOpen(slot: Slot): boolean {
    return this.#slots.get(slot.name) === slot
  }

  /** Forgets a slot and its votes. */
  close(slot: Slot): void {
    if (this.#drop(slot)) this.#count.forget(slot.locks, slot.confirms)
  }

  /** Forgets a slot, but not who has confirmed. */
  settle(slot: Slot): void {
    if (this.#drop(slot)) this.#count.forget(slot.locks)
  }

  /** False for a slot that was closed before: it has nothing left, and what goes by its name now is another one. */
  #drop(slot: Slot): boolean {
    if (!this.isOpen(slot)) return false
    this.#slots.delete(slot.name)
    this.#unhold(slot)
    this.#discharge(slot)
    return true
  }

  #discharge(slot: Slot): void {
    if (slot.charged === null) return
    const left = (this.#charges.get(slot.charged) ?? 1) - 1
    if (left === 0) this.#charges.delete(slot.charged)
    else this.#charges.set(slot.charged, left)
    slot.charged = null
    this.#founded--
  }

  #letGo(slot: Slot, seat: number): void {
    this.#unfounded[seat]?.delete(slot)
    slot.holders &= ~(1 << seat)
    if (slot.holders === 0 && !decisionOf(slot)) this.close(slot)
  }

  #unhold(slot: Slot): void {
    if (slot.holders === 0) return
    for (const slots of this.#unfounded) slots.delete(slot)
    slot.holders = 0
  }
}

function newSlot(name: string, oid: Uint8Array, version: number, nowMs: number): Slot {
  return {
    name,
    oid,
    version,
    orders: [],
    locks: createQuestion(VOTE.lock, oid, version),
    confirms: createQuestion(VOTE.confirm, oid, version),
    holders: 0,
    lock: null,
    confirm: null,
    certificate: null,
    settlement: null,
    decided: null,
    charged: null,
    accusedLocks: 0,
    accusedConfirms: 0,
    accusedOwner: false,
    repeatedMs: Number.NEGATIVE_INFINITY,
    retryAtMs: nowMs + LIMITS.openSlotRetryMsMin,
    retries: 0,
  }
}
