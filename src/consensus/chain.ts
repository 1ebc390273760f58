/**
 * Rules 4 and 5: certificates move an object's own chain on, settlements let its credits arrive, each exactly once and in the order of versions.
 *
 * Proofs are held as they come, from own counting or from anyone; the chain advances as far as proofs and orders reach without a gap.
 */

import { equal } from '../core/bytes.ts'
import { asWebxError } from '../core/errors.ts'
import { quotaName } from './key.ts'
import { decisionOf, type Lane, refuse, votingBallot } from './lane.ts'
import type { ObjectEntry } from './objects.ts'
import { type Order, orderBytes } from './order.ts'
import { SPACE, slotKey } from './records.ts'
import type { Proof, Slot } from './slots.ts'
import { VOTE, type VoteKind } from './statement.ts'

/** Called with each slot that is settled, before it is forgotten. */
export type Settled = (slot: Slot, order: Order, settlement: Proof) => void

/** Keeps a proof with its slot; false where one is held already, or names another order than the slot was decided for. */
export function hold<S>(lane: Lane<S>, slot: Slot, kind: VoteKind, proof: Proof): boolean {
  if (kind === VOTE.lock ? slot.certificate : slot.settlement) return false
  const decision = decisionOf(slot)
  if (decision && !equal(decision.od, proof.od)) {
    // only more liars than the committee bears can bring this about: keep what came first, and say it
    refuse(lane, { ...slot, od: proof.od }, 'bad-certificate')
    return false
  }
  if (kind === VOTE.lock) slot.certificate = proof
  else slot.settlement = proof
  const certified = lane.objects.get(slot.oid)?.certified ?? 0
  if (slot.version <= certified) storeProofs(lane, slot)
  return true
}

/** Moves an object on as far as the proofs reach. */
export function advance<S>(lane: Lane<S>, oid: Uint8Array, settled: Settled): void {
  const entry = lane.objects.ensure(oid)
  while (certifyNext(lane, entry) || settleNext(lane, entry, settled)) lane.wake.push(entry.key)
}

/** Puts an order into its slot. The slot is its owner's from now on. */
export function attach<S>(lane: Lane<S>, slot: Slot, order: Order): void {
  slot.orders.push(order)
  lane.slots.charge(slot, order)
  lane.parked.drop(order.od)
}

/** The order that the slot was decided for, if it is here. */
export function decidedOrder<S>(lane: Lane<S>, slot: Slot): Order | null {
  const decision = decisionOf(slot)
  if (!decision) return null
  return slot.orders.find((order) => equal(order.od, decision.od)) ?? lane.parked.find(decision.od)
}

function certifyNext<S>(lane: Lane<S>, entry: ObjectEntry<S>): boolean {
  const slot = lane.slots.get(entry.oid, entry.certified + 1)
  const order = slot ? decidedOrder(lane, slot) : null
  if (!slot || !order) return false
  const state = stateAfter(lane, entry, order)
  if (state === null) return false
  if (!slot.orders.includes(order)) attach(lane, slot, order)
  entry.state = state.value
  entry.certified = order.version
  entry.head = order.od
  entry.locked = false
  lane.objects.changed(entry)
  lane.journal.put(SPACE.order, slotKey(entry.oid, order.version), orderBytes(order))
  storeProofs(lane, slot)
  lane.outbox.add({ kind: 'certified', order })
  const ballot = votingBallot(lane)
  if (ballot && slot.certificate && !slot.confirm) {
    slot.confirm = { od: order.od, sequence: 0 }
    ballot.queue(VOTE.confirm, slot)
  }
  return true
}

/** The state once the order is certified; null where a quorum has certified what cannot be, which only too many liars can do. */
function stateAfter<S>(lane: Lane<S>, entry: ObjectEntry<S>, order: Order): { readonly value: S } | null {
  if (!equal(order.previous, entry.head)) {
    refuse(lane, order, 'bad-certificate')
    return null
  }
  try {
    return { value: lane.rules.certified(order, entry.state) }
  } catch (error) {
    refuse(lane, order, asWebxError(error).code)
    return null
  }
}

function settleNext<S>(lane: Lane<S>, entry: ObjectEntry<S>, settled: Settled): boolean {
  const version = entry.settled + 1
  if (version > entry.certified) return false
  const slot = lane.slots.get(entry.oid, version)
  const settlement = slot?.settlement
  const order = slot ? decidedOrder(lane, slot) : null
  if (!slot || !settlement || !order) return false
  for (const { oid, state } of lane.rules.settled(order, lane.objects)) {
    const changed = lane.objects.ensure(oid)
    changed.state = state
    lane.objects.changed(changed)
    lane.wake.push(changed.key)
  }
  lane.objects.settle(entry, version, order.od)
  const key = slotKey(entry.oid, version)
  lane.journal.put(SPACE.settlement, key, settlement.bytes)
  lane.journal.put(SPACE.certificate, key, null)
  lane.slots.settle(slot)
  lane.wake.push(quotaName(order))
  settled(slot, order, settlement)
  return true
}

function storeProofs<S>(lane: Lane<S>, slot: Slot): void {
  const key = slotKey(slot.oid, slot.version)
  if (slot.certificate) lane.journal.put(SPACE.certificate, key, slot.certificate.bytes)
  if (slot.settlement) lane.journal.put(SPACE.settlement, key, slot.settlement.bytes)
}
