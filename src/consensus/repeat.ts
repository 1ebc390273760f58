/**
 * Says again what was said, byte for byte: to an owner who repeats an order, to a member that lacks versions, and unasked where a slot does not get on.
 *
 * Nothing new is ever signed for it, and each slot is repeated at most once in `LIMITS.republishPerSlotMsMin`.
 */

import { decodeEnvelope } from '../core/envelope.ts'
import { LIMITS } from '../core/limits.ts'
import { keyOf, slotName } from './key.ts'
import { isBelieved, type Lane } from './lane.ts'
import { type Order, orderBytes, readOrder } from './order.ts'
import { batchKey, decodeVote, SPACE, slotKey } from './records.ts'
import { decisionOf, type Slot } from './slots.ts'

export class Repeater<S> {
  readonly #lane: Lane<S>
  /** When a settled slot was last repeated, the longest ago first. */
  readonly #repeatedMs = new Map<string, number>()

  constructor(lane: Lane<S>) {
    this.#lane = lane
  }

  /** The stored order of a slot, or null. */
  storedOrder(oid: Uint8Array, version: number): Order | null {
    const bytes = this.#lane.journal.get(SPACE.order, slotKey(oid, version))
    return bytes ? readOrder(decodeEnvelope(bytes)) : null
  }

  /** Answers a repeated order whose slot is open. */
  open(slot: Slot): void {
    const { nowMs } = this.#lane
    if (nowMs - slot.repeatedMs < LIMITS.republishPerSlotMsMin) return
    slot.repeatedMs = nowMs
    this.#votes(slot)
    this.#proofs(slot)
  }

  /** Answers a repeated order that is settled. */
  settled(oid: Uint8Array, version: number, od: Uint8Array): void {
    if (!this.#mayRepeat(slotName(keyOf(oid), version))) return
    const { journal, outbox } = this.#lane
    const slot = { oid, version }
    const key = slotKey(oid, version)
    const settlement = journal.get(SPACE.settlement, key)
    // the settlement proves all that the votes behind it could
    if (settlement) {
      outbox.publishRanked('settlement', settlement, slot, od)
      return
    }
    const vote = journal.get(SPACE.vote, key)
    if (!vote) return
    const { lockSequence, confirmSequence } = decodeVote(vote)
    this.#batch(lockSequence, slot)
    this.#batch(confirmSequence, slot)
  }

  /** Answers a member that lacks an object's versions from `fromVersion` on: each one's order with the best proof held. */
  need(oid: Uint8Array, fromVersion: number): void {
    const { journal, outbox, objects } = this.#lane
    const { certified = 0, decided = 0 } = objects.get(oid) ?? {}
    const last = Math.min(Math.max(certified + 1, decided), fromVersion + LIMITS.needReplyMax - 1)
    for (let version = Math.max(1, fromVersion); version <= last; version++) {
      const key = slotKey(oid, version)
      const order = journal.get(SPACE.order, key)
      if (!order || !this.#mayRepeat(`need ${slotName(keyOf(oid), version)}`)) continue
      const slot = { oid, version }
      outbox.publishRanked('order', order, slot, oid)
      const settlement = journal.get(SPACE.settlement, key)
      const certificate = settlement ? null : journal.get(SPACE.certificate, key)
      if (settlement) outbox.publishRanked('settlement', settlement, slot, oid)
      if (certificate) outbox.publishRanked('certificate', certificate, slot, oid)
    }
  }

  /** Looks after slots that have been open for long. */
  tick(): void {
    let left: number = LIMITS.openSlotRetriesPerTickMax
    for (const slot of this.#lane.slots.all()) {
      if (slot.retryAtMs > this.#lane.nowMs) continue
      if (this.#retry(slot) && --left === 0) return
    }
  }

  /** Does what may help a slot on; false where there is nothing to do. */
  #retry(slot: Slot): boolean {
    const { objects, outbox, nowMs } = this.#lane
    const waitMs = LIMITS.openSlotRetryMsMin * 2 ** Math.min(slot.retries, 10)
    slot.retries++
    slot.retryAtMs = nowMs + Math.min(waitMs, LIMITS.openSlotRetryMsMax)
    const certified = objects.get(slot.oid)?.certified ?? 0
    if (slot.version <= certified) {
      this.#votes(slot)
      this.#proofs(slot)
      outbox.add({ kind: 'need', oid: slot.oid, fromVersion: slot.version })
      return true
    }
    if (slot.decided) {
      // the newest decided order says what the ones before it are
      const fromVersion = Math.max(certified + 1, slot.version - LIMITS.needReplyMax + 1)
      outbox.add({ kind: 'need', oid: slot.oid, fromVersion })
      return true
    }
    if (decisionOf(slot) || (slot.orders.length === 0 && isBelieved(this.#lane, slot))) {
      outbox.add({ kind: 'need', oid: slot.oid, fromVersion: certified + 1 })
      return true
    }
    const [order] = slot.orders
    if (!order) return false
    if (slot.retries > LIMITS.openSlotRetriesMax) {
      if (this.#isStuck(slot, order))
        outbox.add({ kind: 'stuck', oid: slot.oid, version: slot.version, orders: [...slot.orders] })
      return false
    }
    outbox.publishRanked('order', orderBytes(order), slot, order.od)
    this.#votes(slot)
    outbox.add({ kind: 'need', oid: slot.oid, fromVersion: slot.version })
    return true
  }

  /** No quorum will ever be of one mind here: votes are divided between two orders, or new ones are not given any more. */
  #isStuck(slot: Slot, order: Order): boolean {
    if (slot.orders.length > 1) return true
    const owner = this.#lane.rules.ownerKey(order, this.#lane.objects)
    return owner !== null && order.keyPosition < owner.position
  }

  #votes(slot: Slot): void {
    this.#batch(slot.lock?.sequence ?? 0, slot)
    this.#batch(slot.confirm?.sequence ?? 0, slot)
  }

  #proofs(slot: Slot): void {
    const { outbox } = this.#lane
    if (slot.settlement) outbox.publishRanked('settlement', slot.settlement.bytes, slot, slot.settlement.od)
    else if (slot.certificate) outbox.publishRanked('certificate', slot.certificate.bytes, slot, slot.certificate.od)
  }

  #batch(sequence: number, slot: { readonly oid: Uint8Array; readonly version: number }): void {
    const { journal, outbox } = this.#lane
    const bytes = sequence > 0 ? journal.get(SPACE.batch, batchKey(sequence)) : null
    if (bytes) outbox.publishBatch(sequence, bytes, slot)
  }

  #mayRepeat(name: string): boolean {
    const { nowMs } = this.#lane
    const before = this.#repeatedMs.get(name)
    if (before !== undefined && nowMs - before < LIMITS.republishPerSlotMsMin) return false
    this.#repeatedMs.delete(name)
    this.#repeatedMs.set(name, nowMs)
    if (this.#repeatedMs.size > LIMITS.openSlotsMax) {
      for (const oldest of this.#repeatedMs.keys()) {
        this.#repeatedMs.delete(oldest)
        break
      }
    }
    return true
  }
}
