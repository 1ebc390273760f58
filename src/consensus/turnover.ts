/**
 * How the lane goes from one epoch to the next: closed with what the chain of blocks says it ended with, then begun anew by other seats.
 *
 * The decided chain of an object is what checkpoints cover, what unlocks decided, and the union of complete reports. It contains whatever was settled: a quorum confirmed that before it
 * froze, and any quorum of reports shares an honest seat with it. All of it is settled with the closing; what is certified here beside it never was final and is taken back, locks are
 * forgotten: votes carry the committee's digest, so that none of the old epoch counts in the new one, and nothing that was only locked was ever promised to anybody.
 */

import { equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import type { Committee } from './committee.ts'
import type { Decision } from './coverage.ts'
import { decide } from './decided.ts'
import type { Lane } from './lane.ts'
import type { ObjectEntry } from './objects.ts'
import { type Order, orderBytes } from './order.ts'
import { encodeEpochMark, META, SPACE, type Space, slotKey, slotOfKey } from './records.ts'
import { rollBack } from './rollback.ts'
import type { SettledObject } from './statetree.ts'

/** Spaces that hold nothing which outlives an epoch. */
const OF_ONE_EPOCH: readonly Space[] = [SPACE.vote, SPACE.batch, SPACE.certificate, SPACE.frozen]

/** The epoch ends with this; `advance` moves an object on as far as its orders are here. */
export function closeLane<S>(lane: Lane<S>, closing: readonly Decision[], advance: (oid: Uint8Array) => void): void {
  if (lane.frozen.closed) return
  assertBases(lane)
  lane.frozen.close()
  lane.ballot?.clear()
  for (const { oid, version, od } of closing) decide(lane, oid, version, od)
  for (const entry of [...lane.objects.all()]) {
    if (entry.decided <= entry.settled && entry.certified === entry.settled && !entry.locked) continue
    advance(entry.oid)
    takeBack(lane, entry)
  }
  for (const slot of [...lane.slots.all()]) {
    if (slot.decided) continue
    lane.journal.put(SPACE.order, slotKey(slot.oid, slot.version), null)
    lane.slots.close(slot)
  }
  for (const { oid, certified } of lane.objects.lacking()) {
    lane.outbox.add({ kind: 'need', oid, fromVersion: certified + 1 })
  }
}

/** What a closed lane stores when other seats take over. */
export function turnRecords<S>(lane: Lane<S>, committee: Committee): void {
  for (const entry of [...lane.objects.uncovered(), ...lane.objects.lacking()]) {
    lane.objects.cover(entry, Math.max(entry.settled, entry.decided))
  }
  forgetEpoch(lane, committee)
}

/**
 * Takes a whole settled state over in place of all that is known here: of this home, or of the one that this node has come into. Orders that waited here and are settled in it are told of:
 * their owners wait for that.
 */
export function importRecords<S>(lane: Lane<S>, committee: Committee, state: Iterable<SettledObject>): void {
  if (!isNew(lane, committee)) assertLater(lane, committee)
  const { objects, journal } = lane
  const settledObjects = [...state]
  const arrived = settledObjects.flatMap((object) => waitedFor(lane, object))
  // what was only ordered here may be another order than the one that is settled now; of another home nothing stays
  forgetAbove(lane, SPACE.order)
  objects.clear()
  for (const { oid, settled, head, state } of settledObjects) {
    const entry = objects.ensure(oid)
    Object.assign(entry, { certified: settled, head, locked: false })
    entry.state = state === null ? null : lane.rules.decodeState(state)
    entry.base = entry.state
    objects.settle(entry, settled, head)
    objects.cover(entry, settled)
  }
  for (const space of [SPACE.order, SPACE.settlement, SPACE.decided] as const) forgetAbove(lane, space)
  forgetEpoch(lane, committee)
  journal.clear(SPACE.opening)
  for (const order of arrived) {
    const { oid, version, od } = order
    journal.put(SPACE.order, slotKey(oid, version), orderBytes(order))
    lane.outbox.add({ kind: 'settled-by-chain', oid, version, od, order })
  }
}

/** Orders that are known here and not settled yet, of those which led to a settled head; the oldest first. */
function waitedFor<S>(lane: Lane<S>, { oid, settled, head }: SettledObject): Order[] {
  const before = lane.objects.get(oid)?.settled ?? 0
  const orders: Order[] = []
  let od = head
  for (let version = settled; version > before; version--) {
    const known = lane.slots.get(oid, version)?.orders.find((order) => equal(order.od, od)) ?? lane.parked.find(od)
    if (!known) break
    orders.unshift(known)
    od = known.previous
  }
  return orders
}

/** Versions that the chain of blocks has decided and whose orders are not here yet, by object: the newest that is known of each. */
export function lacking<S>(lane: Lane<S>): { readonly oid: Uint8Array; readonly version: number }[] {
  return [...lane.objects.lacking()].map(({ oid, decided }) => ({ oid, version: decided }))
}

/** What is certified and not decided: its debits are undone. */
function takeBack<S>(lane: Lane<S>, entry: ObjectEntry<S>): void {
  for (let version = entry.settled + 1; version <= entry.certified; version++) {
    if (lane.slots.get(entry.oid, version)?.decided) continue
    rollBack(lane, entry, version)
  }
  entry.locked = false
  lane.objects.changed(entry)
}

function forgetEpoch<S>({ journal }: Lane<S>, { epoch }: Committee): void {
  for (const space of OF_ONE_EPOCH) journal.clear(space)
  journal.put(SPACE.meta, META.own, null)
  journal.put(SPACE.meta, META.abstain, null)
  journal.put(SPACE.meta, META.epoch, encodeEpochMark({ epoch, frozen: false, closed: false }))
}

function forgetAbove<S>({ journal, objects }: Lane<S>, space: Space): void {
  for (const { key } of [...journal.scan(space)]) {
    const { oid, version } = slotOfKey(key)
    if (version > (objects.get(oid)?.settled ?? 0)) journal.put(space, key, null)
  }
}

/** True for a register of the same epoch in which nothing has happened yet. */
function isNew<S>({ committee, objects, ballot }: Lane<S>, { cid }: Committee): boolean {
  const hasVoted = ballot !== null && (ballot.newest.sequence > 0 || ballot.queued > 0)
  return equal(cid, committee.cid) && !hasVoted && [...objects.all()].every(({ settled }) => settled === 0)
}

/** Before anything is changed: that what may have to be taken back can be. */
function assertBases<S>({ objects }: Lane<S>): void {
  for (const { hasBase } of objects.all()) {
    if (hasBase) continue
    throw new WebxError('not-settled', 'the settled state of an object is not known', {
      hint: 'The store is from before there were epochs. Let its orders settle, or take the settled state from another member.',
    })
  }
}

/** Throws `bad-argument` unless these are the seats of a later epoch of the same neighborhood. */
export function assertNext<S>(lane: Lane<S>, next: Committee): void {
  if (!equal(next.nid, lane.committee.nid)) throw new WebxError('bad-argument', 'the seats of another neighborhood')
  assertLater(lane, next)
}

function assertLater<S>({ committee }: Lane<S>, next: Committee): void {
  if (!equal(next.netId, committee.netId) || next.epoch <= committee.epoch) {
    throw new WebxError('bad-argument', `after epoch ${committee.epoch} comes no epoch ${next.epoch}`)
  }
}
