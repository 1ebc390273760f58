/**
 * Takes back what was certified and will not be settled.
 *
 * Beside its state every object has its settled state, in which certified orders that are not settled have taken nothing. Going back means to go on from there: what such an order
 * gave away is here again, and what was credited meanwhile stays.
 */

import { WebxError } from '../core/errors.ts'
import { decidedOrder, isLockedAt, type Lane } from './lane.ts'
import type { ObjectEntry } from './objects.ts'
import { SPACE, slotKey } from './records.ts'

/** Takes back all versions of an object from this one on, which must not be settled; their slots stay. */
export function rollBack<S>(lane: Lane<S>, entry: ObjectEntry<S>, version: number): void {
  if (version > entry.certified) return
  if (version <= entry.settled) throw new WebxError('internal', 'what is settled is never taken back')
  if (!entry.hasBase) throw new WebxError('not-settled', 'the settled state of an object is not known')
  let state = entry.base
  let head = entry.settledHead
  for (let at = entry.settled + 1; at <= entry.certified; at++) {
    const slot = lane.slots.get(entry.oid, at)
    const order = slot ? decidedOrder(lane, slot) : null
    if (at < version) {
      head = order?.od ?? slot?.decided ?? head
      if (order) state = lane.rules.certified(order, state)
      continue
    }
    if (order) lane.outbox.add({ kind: 'rolled-back', order })
    if (slot) slot.certificate = null
    lane.journal.put(SPACE.certificate, slotKey(entry.oid, at), null)
  }
  entry.state = state
  entry.head = head
  entry.certified = version - 1
  entry.locked = isLockedAt(lane, entry.oid, version)
  lane.objects.changed(entry)
}
