/**
 * The parts of a register, as its rules share them.
 */

import { equal } from '../core/bytes.ts'
import type { Code } from '../core/errors.ts'
import type { Ballot } from './ballot.ts'
import type { Committee } from './committee.ts'
import type { VoteCount } from './count.ts'
import type { Frozen } from './frozen.ts'
import type { Journal } from './journal.ts'
import type { ObjectRules } from './object.ts'
import type { Objects } from './objects.ts'
import type { Order } from './order.ts'
import type { Outbox } from './outbox.ts'
import type { Parked } from './parked.ts'
import { decisionOf, type Slot, type Slots } from './slots.ts'
import { VOTE } from './statement.ts'

export interface Lane<S> {
  readonly committee: Committee
  readonly seat: number | null
  readonly rules: ObjectRules<S>
  readonly journal: Journal
  readonly objects: Objects<S>
  readonly count: VoteCount
  readonly slots: Slots
  readonly parked: Parked
  readonly frozen: Frozen
  readonly outbox: Outbox
  /** Null for an observer. */
  readonly ballot: Ballot | null
  /** Names of what has changed in this step, for those who wait for it. */
  readonly wake: string[]
  abstaining: boolean
  /** Time of the newest event; paces repetition and nothing else. */
  nowMs: number
}

/** The ballot while this register may vote, else null. */
export function votingBallot<S>(lane: Lane<S>): Ballot | null {
  return lane.abstaining ? null : lane.ballot
}

/** The ballot while this register may vote for this version, else null. */
export function ballotFor<S>(lane: Lane<S>, { oid, version }: Pick<Slot, 'oid' | 'version'>): Ballot | null {
  return lane.frozen.has(oid, version) ? null : votingBallot(lane)
}

/** Queues the CONFIRM of a certified version, unless it was given or may not be. */
export function confirm<S>(lane: Lane<S>, slot: Slot): void {
  const ballot = ballotFor(lane, slot)
  if (!ballot || !slot.certificate || slot.confirm) return
  slot.confirm = { od: slot.certificate.od, sequence: 0 }
  ballot.queue(VOTE.confirm, slot)
}

/** The order that the slot was decided for, if it is here. */
export function decidedOrder<S>(lane: Lane<S>, slot: Slot): Order | null {
  const decision = decisionOf(slot)
  if (!decision) return null
  return slot.orders.find((order) => equal(order.od, decision.od)) ?? lane.parked.find(decision.od)
}

/** Orders that are not settled and that this member has voted for, or knows to be certified. */
export function* underWay<S>(lane: Lane<S>): Iterable<Order> {
  for (const slot of lane.slots.all()) {
    const { orders, lock } = slot
    const order = decidedOrder(lane, slot) ?? (lock ? orders.find(({ od }) => equal(od, lock.od)) : null)
    if (order) yield order
  }
}

/** True where a LOCK of this member for the version was sealed. */
export function isLockedAt<S>({ slots }: Lane<S>, oid: Uint8Array, version: number): boolean {
  return (slots.get(oid, version)?.lock?.sequence ?? 0) > 0
}

/** True where a quorum has decided for this very order, as far as is known here. */
export function isDecided<S>({ slots }: Lane<S>, { oid, version, od }: Pick<Order, 'oid' | 'version' | 'od'>): boolean {
  const slot = slots.get(oid, version)
  const decision = slot ? decisionOf(slot) : null
  return decision !== null && equal(decision.od, od)
}

/** True where more weight than may lie has voted for one order of a slot. */
export function isBelieved<S>({ count, committee }: Lane<S>, { locks, confirms }: Slot): boolean {
  return Math.max(count.leadingWeight(locks), count.leadingWeight(confirms)) > committee.faultyMax
}

/** Refuses an order with a code that its sender may be told. */
export function refuse<S>(lane: Lane<S>, order: Pick<Order, 'oid' | 'version' | 'od'>, code: Code): void {
  const { oid, version, od } = order
  lane.outbox.add({ kind: 'refused', oid, version, od, code })
}

/** Puts an order aside until what `waitsFor` names has changed. */
export function park<S>(lane: Lane<S>, order: Order, verified: boolean, waitsFor: string, code: Code): void {
  const isNew = !lane.parked.has(order.od)
  for (const evicted of lane.parked.add(order, verified, waitsFor)) refuse(lane, evicted, 'limit')
  const { oid, version, od } = order
  if (isNew && lane.parked.has(od)) lane.outbox.add({ kind: 'parked', oid, version, od, code })
}
