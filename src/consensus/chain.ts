/**
 * Rules 4 and 5: certificates move an object's own chain on, settlements let its credits arrive, each exactly once and in the order of versions.
 *
 * Proofs are held as they come, from own counting or from anyone; what the chain of blocks decides counts as both. An object advances as far as proofs and orders reach without a gap.
 */

import { equal } from '../core/bytes.ts'
import { asWebxError } from '../core/errors.ts'
import { decide, found, isVoid } from './decided.ts'
import { quotaName } from './key.ts'
import { confirm, decidedOrder, isLockedAt, type Lane, refuse } from './lane.ts'
import type { ObjectEntry } from './objects.ts'
import { type Order, orderBytes } from './order.ts'
import { SPACE, slotKey, voidHead } from './records.ts'
import { decisionOf, type Proof, type Slot } from './slots.ts'
import { VOTE, type VoteKind } from './statement.ts'

/** Called with each slot that a settlement settles, before it is forgotten. */
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
  found(lane, slot, order)
}

function certifyNext<S>(lane: Lane<S>, entry: ObjectEntry<S>): boolean {
  inferVoid(lane, entry)
  const slot = lane.slots.get(entry.oid, entry.certified + 1)
  // once the epoch is closed nothing goes on but what it ends with
  if (!slot || (lane.frozen.closed && !slot.decided)) return false
  if (isVoid(slot)) {
    certifyVoid(lane, entry, slot)
    return true
  }
  const order = decidedOrder(lane, slot)
  if (!order) return false
  const state = stateAfter(lane, entry, order)
  if (state === null) return false
  if (!slot.orders.includes(order)) attach(lane, slot, order)
  entry.state = state.value
  entry.certified = order.version
  entry.head = order.od
  entry.locked = isLockedAt(lane, entry.oid, order.version + 1)
  lane.objects.changed(entry)
  // where this member has locked it, it is stored with the LOCK
  if (!slot.lock || !equal(slot.lock.od, order.od))
    lane.journal.put(SPACE.order, slotKey(entry.oid, order.version), orderBytes(order))
  storeProofs(lane, slot)
  lane.outbox.add({ kind: 'certified', order })
  confirm(lane, slot)
  return true
}

/** Whoever does not follow the chain of blocks learns that a version was consumed by nothing from the order after it, which a quorum has decided for. */
function inferVoid<S>(lane: Lane<S>, { oid, certified }: ObjectEntry<S>): void {
  const after = lane.slots.get(oid, certified + 2)
  const slot = lane.slots.get(oid, certified + 1)
  const order = after && !(slot && decisionOf(slot)) ? decidedOrder(lane, after) : null
  if (!order) return
  const head = voidHead(oid, certified + 1)
  if (equal(order.previous, head)) decide(lane, oid, certified + 1, head)
}

/** A version is consumed by nothing. */
function certifyVoid<S>(lane: Lane<S>, entry: ObjectEntry<S>, slot: Slot): void {
  const key = slotKey(entry.oid, slot.version)
  entry.certified = slot.version
  entry.head = slot.decided as Uint8Array
  entry.locked = isLockedAt(lane, entry.oid, slot.version + 1)
  lane.objects.changed(entry)
  lane.journal.put(SPACE.order, key, null)
  lane.journal.put(SPACE.certificate, key, null)
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
  if (!slot || !(slot.settlement || slot.decided)) return false
  const order = decidedOrder(lane, slot)
  if (!order && !isVoid(slot)) return false
  if (order) applySettled(lane, entry, order)
  else if (entry.certified === version) closeBase(lane, entry)
  const od = order?.od ?? (slot.decided as Uint8Array)
  lane.objects.settle(entry, version, od)
  const key = slotKey(entry.oid, version)
  lane.slots.settle(slot)
  if (version <= entry.covered) for (const space of [SPACE.vote, SPACE.certificate]) lane.journal.put(space, key, null)
  if (order) lane.wake.push(quotaName(order))
  if (order && slot.settlement) {
    lane.journal.put(SPACE.settlement, key, slot.settlement.bytes)
    lane.journal.put(SPACE.certificate, key, null)
    if (slot.decided) lane.journal.put(SPACE.decided, key, null)
    settled(slot, order, slot.settlement)
  } else {
    lane.count.forget(slot.confirms)
    lane.outbox.add({ kind: 'settled-by-chain', oid: entry.oid, version, od, order })
  }
  return true
}

/**
 * What an order gives arrives: in the states with open debits, and in the settled ones, in which the order's own debit falls due only now. The two are one wherever nothing is open
 * any more.
 */
function applySettled<S>(lane: Lane<S>, entry: ObjectEntry<S>, order: Order): void {
  const { objects, rules } = lane
  const staysOpen = ({ key, certified, settled }: ObjectEntry<S>): boolean =>
    certified > (key === entry.key ? order.version : settled)
  const changes = rules.settled(order, objects)
  if (!staysOpen(entry)) closeBase(lane, entry)
  else if (entry.hasBase) objects.rebase(entry, rules.certified(order, entry.base))
  const touched = changes.map(({ oid }) => objects.ensure(oid))
  const settledChanges = touched.some(staysOpen) ? rules.settled(order, objects.settledStates) : []
  for (const { oid, state } of changes) {
    const changed = objects.ensure(oid)
    changed.state = state
    objects.changed(changed)
    if (!staysOpen(changed)) closeBase(lane, changed)
    lane.wake.push(changed.key)
  }
  for (const { oid, state } of settledChanges) {
    const changed = objects.ensure(oid)
    if (staysOpen(changed) && changed.hasBase) objects.rebase(changed, state)
  }
}

/** Nothing of an object is open: its state is what is settled. */
function closeBase<S>(lane: Lane<S>, entry: ObjectEntry<S>): void {
  lane.objects.rebase(entry, entry.state)
  entry.hasBase = true
}

function storeProofs<S>(lane: Lane<S>, slot: Slot): void {
  const key = slotKey(slot.oid, slot.version)
  if (slot.certificate) lane.journal.put(SPACE.certificate, key, slot.certificate.bytes)
  if (slot.settlement) lane.journal.put(SPACE.settlement, key, slot.settlement.bytes)
}
