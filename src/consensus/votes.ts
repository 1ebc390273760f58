/**
 * Rules 3 to 5, seen from the votes: counts batches, forms and adopts the proofs that a quorum makes, and lets chains advance by them.
 */

import { equal } from '../core/bytes.ts'
import { encodeEnvelope } from '../core/envelope.ts'
import { type Certificate, certificateEnvelope } from './certificate.ts'
import { advance, hold } from './chain.ts'
import { type Question, votesFor } from './count.ts'
import type { Lane } from './lane.ts'
import type { Slot } from './slots.ts'
import { VOTE, type VoteBatch, type VoteEntry, type VoteKind } from './statement.ts'
import { StrongCount } from './strong.ts'
import type { Watch } from './watch.ts'

export class VoteDesk<S> {
  readonly #lane: Lane<S>
  readonly #watch: Watch<S>
  readonly strong: StrongCount

  constructor(lane: Lane<S>, watch: Watch<S>) {
    this.#lane = lane
    this.#watch = watch
    this.strong = new StrongCount(lane.committee, lane.count, lane.outbox)
  }

  /** Counts every vote of a verified batch. */
  count(batch: VoteBatch): void {
    this.#watch.note(batch)
    const slots: (Slot | null)[] = []
    const events = this.#lane.count.add(batch, (entry, index) => {
      const slot = this.#slotOf(entry)
      slots[index] = slot
      return slot ? questionOf(slot, entry.kind).key : this.#settledKey(entry)
    })
    const doubles = new Set(events.flatMap(({ kind, index }) => (kind === 'double' ? [index] : [])))
    for (const index of batch.entries.keys()) {
      const slot = slots[index]
      if (slot) this.#note(slot, batch, index, doubles.has(index))
      else if (!doubles.has(index)) this.strong.note(batch, index)
    }
    for (const { kind, index } of events) {
      const entry = batch.entries[index] as VoteEntry
      const slot = slots[index]
      if (kind === 'quorum' && slot && this.#lane.slots.isOpen(slot)) this.#form(slot, entry)
      if (kind === 'strong' && entry.kind === VOTE.confirm) this.strong.reach(entry)
    }
  }

  /** Counts an own vote that was given in an earlier life; nothing follows from it by itself. */
  recount(slot: Slot, kind: VoteKind, batch: VoteBatch, index: number): void {
    const question = questionOf(slot, kind)
    this.#lane.count.add(batch, (_, other) => (other === index ? question.key : null))
    question.votes[batch.seat] = { batch, index }
  }

  /** Takes over a verified certificate or settlement, whoever it came from. */
  adopt(certificate: Certificate, bytes: Uint8Array): void {
    const { objects, slots, nowMs, outbox } = this.#lane
    if (!isAdoptable(this.#lane, certificate)) return
    const { kind, oid, version, od, proofs } = certificate
    const slot = slots.ensure(oid, version, nowMs)
    if (!hold(this.#lane, slot, kind, { od, bytes, seats: proofs.length })) return
    this.advance(oid)
    const { certified, settled } = objects.ensure(oid)
    if (certified < version) outbox.add({ kind: 'need', oid, fromVersion: certified + 1 })
    else if (kind === VOTE.confirm && settled < version) outbox.add({ kind: 'need', oid, fromVersion: settled + 1 })
  }

  /** Moves an object on as far as proofs and orders reach. */
  advance(oid: Uint8Array): void {
    advance(this.#lane, oid, (slot, order, settlement) => {
      const locks = Math.max(votesFor(slot.locks, order.od).length, slot.certificate?.seats ?? 0)
      const confirms = Math.max(votesFor(slot.confirms, order.od).length, settlement.seats)
      this.#lane.outbox.add({ kind: 'settled', order, settlement: settlement.bytes, locks, confirms })
      this.strong.begin(slot, order.od)
    })
  }

  /** The slot that a vote is for, opened where need be; null where its version is settled. */
  #slotOf({ oid, version }: VoteEntry): Slot | null {
    const { objects, slots, nowMs } = this.#lane
    return version <= (objects.get(oid)?.settled ?? 0) ? null : slots.ensure(oid, version, nowMs)
  }

  #settledKey(entry: VoteEntry): Uint8Array | null {
    return entry.kind === VOTE.confirm ? this.strong.keyOf(entry) : null
  }

  /** Remembers who has voted, for proofs; accuses who has voted twice. */
  #note(slot: Slot, batch: VoteBatch, index: number, double: boolean): void {
    const entry = batch.entries[index] as VoteEntry
    const { votes } = questionOf(slot, entry.kind)
    const earlier = votes[batch.seat]
    if (double && earlier) this.#watch.doubleVote(slot, entry, earlier, { batch, index })
    if (earlier) return
    votes[batch.seat] = { batch, index }
    this.#lane.slots.voted(slot, batch.seat)
  }

  /** A quorum has voted for one order: everybody who counts makes the same kind of proof. */
  #form(slot: Slot, { kind, od }: VoteEntry): void {
    if (kind === VOTE.lock ? slot.certificate : slot.settlement) return
    const { committee, outbox } = this.#lane
    const entry = { kind, oid: slot.oid, version: slot.version, od }
    const votes = votesFor(questionOf(slot, kind), od)
    const bytes = encodeEnvelope(certificateEnvelope(committee, entry, votes))
    if (!hold(this.#lane, slot, kind, { od, bytes, seats: votes.length })) return
    outbox.publishRanked(kind === VOTE.lock ? 'certificate' : 'settlement', bytes, slot, od)
    this.advance(slot.oid)
  }
}

/**
 * A certificate counts in its own epoch. A settlement counts for ever, though a member takes one of an earlier epoch only for what that epoch is known to have ended with: keys
 * that were stolen after it decide nothing any more.
 */
export function isAdoptable<S>(lane: Lane<S>, { kind, oid, version, committee }: Certificate): boolean {
  const entry = lane.objects.get(oid)
  if (version <= (entry?.settled ?? 0)) return false
  if (lane.frozen.closed && version > (entry?.decided ?? 0)) return false
  if (equal(committee.cid, lane.committee.cid)) return true
  const isOurs = equal(committee.netId, lane.committee.netId) && equal(committee.nid, lane.committee.nid)
  if (kind === VOTE.lock || !isOurs || committee.epoch >= lane.committee.epoch) return false
  return lane.seat === null || version <= (entry?.decided ?? 0)
}

function questionOf(slot: Slot, kind: VoteKind): Question {
  return kind === VOTE.lock ? slot.locks : slot.confirms
}
