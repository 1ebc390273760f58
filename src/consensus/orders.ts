/**
 * Rule 1, seen from the orders: which of them is new, repeated, early, foreign, or one of two that exclude each other.
 */

import { equal } from '../core/bytes.ts'
import { asWebxError, type Code } from '../core/errors.ts'
import { attach } from './chain.ts'
import { isVoid } from './decided.ts'
import { judge } from './judge.ts'
import { keyOf } from './key.ts'
import { ballotFor, confirm, isBelieved, isDecided, type Lane, park, refuse } from './lane.ts'
import { type Order, orderBytes, provesItself } from './order.ts'
import { SPACE, slotKey } from './records.ts'
import type { Repeater } from './repeat.ts'
import { decisionOf, type Slot } from './slots.ts'
import { VOTE } from './statement.ts'
import type { VoteDesk } from './votes.ts'
import type { Watch } from './watch.ts'

export class OrderDesk<S> {
  readonly #lane: Lane<S>
  readonly #votes: VoteDesk<S>
  readonly #watch: Watch<S>
  readonly #repeater: Repeater<S>

  constructor(lane: Lane<S>, votes: VoteDesk<S>, watch: Watch<S>, repeater: Repeater<S>) {
    this.#lane = lane
    this.#votes = votes
    this.#watch = watch
    this.#repeater = repeater
  }

  /** An order came; `verified` is false where the key of its owner is not known here. */
  receive(order: Order, verified: boolean): void {
    const { committee, objects, slots } = this.#lane
    if (!equal(order.envelope.scope, committee.netId)) {
      refuse(this.#lane, order, 'wrong-net')
      return
    }
    if (!equal(order.home, committee.nid)) {
      refuse(this.#lane, order, 'wrong-home')
      return
    }
    if (!verified) {
      this.#meetStranger(order)
      return
    }
    const entry = objects.get(order.oid)
    if (order.version <= (entry?.settled ?? 0)) {
      this.#onSettledOrder(order)
      return
    }
    const slot = slots.get(order.oid, order.version)
    if (slot && slot.orders.length > 0) {
      this.#onKnownSlot(slot, order)
      return
    }
    const decision = slot ? decisionOf(slot) : null
    if (slot && isVoid(slot)) {
      refuse(this.#lane, order, 'wrong-version')
      return
    }
    if (slot && decision) {
      if (!equal(decision.od, order.od)) {
        refuse(this.#lane, order, 'double-order')
        return
      }
      attach(this.#lane, slot, order)
      this.#votes.advance(order.oid)
      return
    }
    const next = (entry?.certified ?? 0) + 1
    if (order.version === next && order.version <= (entry?.decided ?? 0)) {
      // the chain of blocks has decided about this version or one after it: which order it is will be seen from that one
      park(this.#lane, order, true, keyOf(order.oid), 'wrong-version')
      return
    }
    if (order.version === next) {
      this.#judge(order)
      return
    }
    // whoever likes can number an order that nobody signed: such a one waits, and is asked about, only where a quorum has decided for it
    if (provesItself(order)) {
      refuse(this.#lane, order, 'wrong-version')
      return
    }
    park(this.#lane, order, true, keyOf(order.oid), 'wrong-version')
    this.#lane.outbox.add({ kind: 'need', oid: order.oid, fromVersion: next })
  }

  /** An order whose signature nobody here can check yet, or need not check any more. */
  #meetStranger(order: Order): void {
    const owner = this.#lane.rules.ownerKey(order, this.#lane.objects)
    if (owner && (order.keyPosition === owner.position || isDecided(this.#lane, order))) {
      this.#lane.outbox.add({ kind: 'verify', order })
      return
    }
    if (owner && order.keyPosition < owner.position) {
      refuse(this.#lane, order, 'retired-key')
      return
    }
    const { rules, parked, objects, slots, outbox } = this.#lane
    const keyLog = rules.ownerObject(order)
    if (provesItself(order) && !isDecided(this.#lane, order)) {
      refuse(this.#lane, order, 'wrong-previous')
      return
    }
    if (!parked.has(order.od)) park(this.#lane, order, false, keyOf(keyLog), 'unknown-owner')
    // a stranger costs nobody a question: owners send their key logs. Only the key log of somebody whom the others vote for is lacking here alone
    const slot = slots.get(order.oid, order.version)
    if (!slot || !(decisionOf(slot) || isBelieved(this.#lane, slot))) return
    outbox.add({ kind: 'need', oid: keyLog, fromVersion: (objects.get(keyLog)?.settled ?? 0) + 1 })
  }

  /** By now it may be known to disprove itself: that is refused, and is no fault of whatever woke it. */
  #meetAgain(order: Order): void {
    try {
      this.#meetStranger(order)
    } catch (error) {
      refuse(this.#lane, order, asWebxError(error).code)
    }
  }

  #onSettledOrder(order: Order): void {
    const settled = this.#repeater.storedOrder(order.oid, order.version)
    if (!settled) {
      // consumed by nothing, or taken over with a whole state: then it is known which order it was where the one after it, or the head, names it
      const { oid, version, od } = order
      const isVoided = this.#lane.journal.get(SPACE.decided, slotKey(oid, version)) !== null
      if (isVoided) refuse(this.#lane, order, 'wrong-version')
      else if (this.#isSettledHere(order)) {
        this.#lane.journal.put(SPACE.order, slotKey(oid, version), orderBytes(order))
        this.#lane.outbox.add({ kind: 'settled-by-chain', oid, version, od, order })
      }
      return
    }
    if (equal(settled.od, order.od)) {
      this.#repeater.settled(order.oid, order.version, order.od)
      return
    }
    if (provesItself(order)) {
      // whoever hands in a key event may not know how far its lane has come, and need not be introduced to hear of it
      this.#repeater.need(order.oid, order.version)
      refuse(this.#lane, order, 'wrong-version')
      return
    }
    this.#watch.doubleOrder(settled, order)
    refuse(this.#lane, order, 'double-order')
  }

  #isSettledHere({ oid, version, od }: Order): boolean {
    const entry = this.#lane.objects.get(oid)
    const isHead = version === entry?.settled
    const named = isHead ? entry.settledHead : this.#repeater.storedOrder(oid, version + 1)?.previous
    return named !== undefined && equal(named, od)
  }

  /** The slot has an order: is it this one again, or does its owner play double? */
  #onKnownSlot(slot: Slot, order: Order): void {
    const [first] = slot.orders as [Order]
    if (slot.orders.some((known) => equal(known.od, order.od))) {
      this.#repeater.open(slot)
      return
    }
    if (provesItself(order) && !equal(order.previous, first.previous)) {
      refuse(this.#lane, order, 'wrong-version')
      return
    }
    const decision = decisionOf(slot)
    const isChosen = decision !== null && equal(decision.od, order.od)
    const against = isChosen ? null : this.#misplaced(order)
    if (against) {
      refuse(this.#lane, order, against)
      return
    }
    if (!slot.accusedOwner) {
      slot.accusedOwner = true
      this.#watch.doubleOrder(first, order)
    }
    if (isChosen) {
      attach(this.#lane, slot, order)
      this.#votes.advance(order.oid)
      return
    }
    if (slot.orders.length < 2) slot.orders.push(order)
    refuse(this.#lane, order, 'double-order')
  }

  /** What is against an order here that nobody signed, whoever it excludes: to number an event anew, such as one that is settled, is no offence of its owner. */
  #misplaced(order: Order): Code | null {
    if (!provesItself(order)) return null
    const verdict = this.#lane.rules.check(order, this.#lane.objects)
    return verdict.ok ? null : verdict.code
  }

  #judge(order: Order): void {
    // whatever became of the slot: a vote that was stored for this version is the only one that will be given in this epoch
    const hasVoted = this.#lane.journal.get(SPACE.vote, slotKey(order.oid, order.version)) !== null
    const stored = hasVoted ? this.#repeater.storedOrder(order.oid, order.version) : null
    if (stored && !equal(stored.od, order.od)) {
      const against = this.#misplaced(order)
      if (!against) this.#watch.doubleOrder(stored, order)
      refuse(this.#lane, order, against ?? 'double-order')
      return
    }
    const judgement = judge(this.#lane, order)
    if (judgement.kind === 'refuse') {
      refuse(this.#lane, order, judgement.code)
      return
    }
    if (judgement.kind === 'park') {
      park(this.#lane, order, true, judgement.waitsFor, judgement.code)
      return
    }
    const slot = this.#lane.slots.ensure(order.oid, order.version, this.#lane.nowMs)
    attach(this.#lane, slot, order)
    this.#lock(slot, order)
  }

  #lock(slot: Slot, order: Order): void {
    const ballot = ballotFor(this.#lane, slot)
    if (!ballot) return
    this.#lane.journal.put(SPACE.order, slotKey(order.oid, order.version), orderBytes(order))
    slot.lock = { od: order.od, sequence: 0 }
    ballot.queue(VOTE.lock, slot)
  }

  /** An object is not frozen any more: gives the votes that were held back. */
  resume(oid: Uint8Array): void {
    const entry = this.#lane.objects.ensure(oid)
    for (let version = entry.settled + 1; version <= entry.certified; version++) {
      const slot = this.#lane.slots.get(oid, version)
      if (slot) confirm(this.#lane, slot)
    }
    const next = this.#lane.slots.get(oid, entry.certified + 1)
    const [order] = next?.orders ?? []
    if (next && order && !next.lock && !decisionOf(next) && judge(this.#lane, order).kind === 'lock') {
      this.#lock(next, order)
    }
    this.#lane.wake.push(entry.key)
  }

  /** Looks again at all orders that wait. Those that may not be voted for any more are refused. */
  retryAll(): void {
    for (const { order, verified } of this.#lane.parked.takeAll()) {
      if (order.maxEpoch < this.#lane.committee.epoch) refuse(this.#lane, order, 'expired')
      else if (verified) this.receive(order, true)
      else this.#meetAgain(order)
    }
  }

  /** Looks again at orders that waited for what has changed; ends, because each is taken out before it is looked at. */
  retryWoken(): void {
    const { wake, parked } = this.#lane
    for (let name = wake.shift(); name !== undefined; name = wake.shift()) {
      for (const { order, verified } of parked.take(name)) {
        if (verified) this.receive(order, true)
        else this.#meetAgain(order)
      }
    }
  }
}
