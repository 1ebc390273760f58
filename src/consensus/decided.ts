/**
 * What the chain of blocks decides about slots, beside certificates and settlements: the outcome of an unlock, what a checkpoint covers, what an epoch ends with.
 *
 * Such a decision is final and settles its version without a settlement. It may come before its order; the order that is decided then decides the version before it, which it names,
 * so that the top of a chain is enough. A version that was consumed by nothing has a head of its own in place of an order's digest.
 */

import { equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { Fields } from '../core/shape.ts'
import { isLockedAt, type Lane } from './lane.ts'
import type { ObjectEntry } from './objects.ts'
import { type Order, orderBytes, readOrder } from './order.ts'
import { SPACE, slotKey, slotOfKey, voidHead } from './records.ts'
import { rollBack } from './rollback.ts'
import { decisionOf, type Slot } from './slots.ts'

export function isVoid({ decided, oid, version }: Slot): boolean {
  return decided !== null && equal(decided, voidHead(oid, version))
}

/** Notes that the chain has decided a version, unless it is settled here. `order`: where the caller has it. */
export function decide<S>(lane: Lane<S>, oid: Uint8Array, version: number, od: Uint8Array, order?: Order): void {
  const entry = lane.objects.ensure(oid)
  lane.objects.decide(entry, version)
  if (version <= entry.settled) return
  if (version <= entry.certified && !isCertified(lane, entry, version, od)) takeBackFrom(lane, entry, version)
  const slot = lane.slots.ensure(oid, version, lane.nowMs)
  if (slot.decided) return
  slot.decided = od.slice()
  if (slot.certificate && !equal(slot.certificate.od, od)) slot.certificate = null
  if (slot.settlement && !equal(slot.settlement.od, od)) slot.settlement = null
  lane.journal.put(SPACE.decided, slotKey(oid, version), encode([slot.decided]))
  found(lane, slot, order ?? orderFor(lane, slot))
}

/** The order of a slot that the chain has decided is here. */
export function found<S>(lane: Lane<S>, slot: Slot, order: Order | null): void {
  if (!order || !slot.decided || !equal(order.od, slot.decided)) return
  if (!slot.orders.includes(order)) {
    slot.orders.unshift(order)
    lane.slots.charge(slot, order)
    lane.parked.drop(order.od)
  }
  lane.journal.put(SPACE.order, slotKey(slot.oid, slot.version), orderBytes(order))
  const before = slot.version - 1
  const settled = lane.objects.get(slot.oid)?.settled ?? 0
  if (before > settled && !lane.slots.get(slot.oid, before)?.decided) decide(lane, slot.oid, before, order.previous)
}

/** Reads a stored decision. */
export function readDecision(value: Uint8Array): Uint8Array {
  const fields = Fields.of('decision', value)
  const od = fields.bytes('od', 32)
  fields.end()
  return od
}

/** Reads back what was decided and is not settled yet. */
export function restoreDecided<S>(lane: Lane<S>): void {
  for (const { key, value } of [...lane.journal.scan(SPACE.decided)]) {
    const od = readDecision(value)
    const { oid, version } = slotOfKey(key)
    decide(lane, oid, version, od)
  }
}

function isCertified<S>(lane: Lane<S>, entry: ObjectEntry<S>, version: number, od: Uint8Array): boolean {
  if (version === entry.certified) return equal(entry.head, od)
  const slot = lane.slots.get(entry.oid, version)
  const decision = slot ? decisionOf(slot) : null
  return decision !== null && equal(decision.od, od)
}

/**
 * Another order was certified here, which was never final. What follows it is void with it; this member's own LOCK on that stays the only one that it gives in this epoch, but where it gave
 * none, another order may take the place.
 */
function takeBackFrom<S>(lane: Lane<S>, entry: ObjectEntry<S>, version: number): void {
  const last = entry.certified + 1
  rollBack(lane, entry, version)
  for (let at = version + 1; at <= last; at++) {
    const slot = lane.slots.get(entry.oid, at)
    if (!slot || slot.decided || isLockedAt(lane, entry.oid, at)) continue
    lane.ballot?.drop((dropped) => dropped === slot)
    lane.journal.put(SPACE.order, slotKey(entry.oid, at), null)
    lane.slots.close(slot)
  }
}

function orderFor<S>(lane: Lane<S>, slot: Slot): Order | null {
  const od = slot.decided as Uint8Array
  const known = slot.orders.find((order) => equal(order.od, od)) ?? lane.parked.find(od)
  if (known) return known
  const bytes = lane.journal.get(SPACE.order, slotKey(slot.oid, slot.version))
  const stored = bytes ? readOrder(decodeEnvelope(bytes)) : null
  return stored && equal(stored.od, od) ? stored : null
}
