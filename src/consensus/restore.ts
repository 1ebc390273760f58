/**
 * Brings a register back to what it has stored.
 *
 * Everything of a turn is stored together, so what is found is the state after some turn: every vote that was ever given is there, and perhaps votes that
 * were not given yet are not. Votes of others are not kept; the members repeat theirs when a slot does not get on.
 */

import { decodeEnvelope } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { seatsShown } from './certificate.ts'
import { attach } from './chain.ts'
import { restoreDecided } from './decided.ts'
import type { Records } from './effects.ts'
import { confirm, type Lane } from './lane.ts'
import { readOrder } from './order.ts'
import { batchKey, decodeVote, SPACE, slotKey, voidHead } from './records.ts'
import type { Proof, Slot } from './slots.ts'
import { readVoteBatch, VOTE, type VoteBatch, type VoteKind } from './statement.ts'

/** Called with each own vote that is found again. */
type Recount = (slot: Slot, kind: VoteKind, batch: VoteBatch, index: number) => void

/** Reads all objects and the slots that are still open. Throws `store-damaged` where one record promises another that is missing. */
export function restore<S>(lane: Lane<S>, records: Records, recount: Recount): void {
  lane.objects.restore(records)
  for (const entry of lane.objects.all()) {
    for (let version = entry.settled + 1; version <= entry.certified; version++)
      restoreSlot(lane, entry.oid, version, recount)
    if (entry.locked) restoreSlot(lane, entry.oid, entry.certified + 1, recount)
  }
  restoreDecided(lane)
}

function restoreSlot<S>(lane: Lane<S>, oid: Uint8Array, version: number, recount: Recount): void {
  const { journal, slots } = lane
  const key = slotKey(oid, version)
  const stored = journal.get(SPACE.order, key)
  if (!stored && version <= (lane.objects.get(oid)?.certified ?? 0) && restoreVoid(lane, oid, version)) return
  if (!stored) throw new WebxError('store-damaged', 'an order that was voted for is missing from the store')
  const order = readOrder(decodeEnvelope(stored))
  const slot = slots.ensure(oid, version, 0)
  slot.retryAtMs = 0
  attach(lane, slot, order)
  const certificate = journal.get(SPACE.certificate, key)
  const settlement = journal.get(SPACE.settlement, key)
  if (certificate) slot.certificate = proof(order.od, certificate)
  if (settlement) slot.settlement = proof(order.od, settlement)
  restoreVotes(lane, slot, recount)
  confirm(lane, slot)
}

/** A certified version without an order was consumed by nothing. */
function restoreVoid<S>(lane: Lane<S>, oid: Uint8Array, version: number): boolean {
  if (!lane.journal.get(SPACE.decided, slotKey(oid, version))) return false
  lane.slots.ensure(oid, version, 0).decided = voidHead(oid, version)
  return true
}

function restoreVotes<S>(lane: Lane<S>, slot: Slot, recount: Recount): void {
  const stored = lane.journal.get(SPACE.vote, slotKey(slot.oid, slot.version))
  if (!stored) return
  const { lock, lockSequence, confirm, confirmSequence } = decodeVote(stored)
  if (lock) slot.lock = { od: lock, sequence: lockSequence }
  if (confirm) slot.confirm = { od: confirm, sequence: confirmSequence }
  if (lock) recountVote(lane, slot, VOTE.lock, lockSequence, recount)
  if (confirm) recountVote(lane, slot, VOTE.confirm, confirmSequence, recount)
}

function recountVote<S>(lane: Lane<S>, slot: Slot, kind: VoteKind, sequence: number, recount: Recount): void {
  const bytes = lane.journal.get(SPACE.batch, batchKey(sequence))
  if (!bytes) return
  const batch = readVoteBatch(decodeEnvelope(bytes), lane.committee)
  const key = slotKey(slot.oid, slot.version).toString()
  const index = batch.entries.findIndex(
    (entry) => entry.kind === kind && slotKey(entry.oid, entry.version).toString() === key,
  )
  if (index >= 0) recount(slot, kind, batch, index)
}

function proof(od: Uint8Array, bytes: Uint8Array): Proof {
  return { od, bytes, seats: seatsShown(decodeEnvelope(bytes)) }
}
