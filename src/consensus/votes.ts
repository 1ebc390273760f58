/**
 * Rules 3 to 5, seen from the votes: counts batches, forms and adopts the proofs that a quorum makes, and lets chains advance by them.
 */

import { encodeEnvelope } from '../core/envelope.ts'
import { type Certificate, certificateEnvelope } from './certificate.ts'
import { advance, hold } from './chain.ts'
import type { Candidate } from './count.ts'
import type { Lane } from './lane.ts'
import type { Slot } from './slots.ts'
import { VOTE, type VoteBatch, type VoteEntry, type VoteKind } from './statement.ts'
import { StrongCount } from './strong.ts'
import type { Watch } from './watch.ts'

export class VoteDesk<S> {
  readonly #lane: Lane<S>
  readonly #watch: Watch<S>
  readonly #strong: StrongCount

  constructor(lane: Lane<S>, watch: Watch<S>) {
    this.#lane = lane
    this.#watch = watch
    this.#strong = new StrongCount(lane.committee, lane.outbox)
  }

  /** Counts every vote of a verified batch. */
  count(batch: VoteBatch): void {
    this.#watch.note(batch)
    for (const [index, entry] of batch.entries.entries()) this.#countVote(batch, entry, index)
  }

  /** Counts an own vote that was given in an earlier life; nothing follows from it by itself. */
  recount(slot: Slot, kind: VoteKind, batch: VoteBatch, index: number): void {
    const entry = batch.entries[index]
    if (entry) votesOf(slot, kind).add(entry.od, this.#weightOf(batch.seat), batch, index)
  }

  /** Takes over a verified certificate or settlement, whoever it came from. */
  adopt({ kind, oid, version, od }: Certificate, bytes: Uint8Array): void {
    const { objects, slots, nowMs, outbox } = this.#lane
    if (version <= (objects.get(oid)?.settled ?? 0)) return
    const slot = slots.ensure(oid, version, nowMs)
    if (!hold(this.#lane, slot, kind, { od, bytes })) return
    this.advance(oid)
    const { certified, settled } = objects.ensure(oid)
    if (certified < version) outbox.add({ kind: 'need', oid, fromVersion: certified + 1 })
    else if (kind === VOTE.confirm && settled < version) outbox.add({ kind: 'need', oid, fromVersion: settled + 1 })
  }

  /** Moves an object on as far as proofs and orders reach. */
  advance(oid: Uint8Array): void {
    advance(this.#lane, oid, (slot, order, settlement) => {
      const locks = slot.locks.candidate(order.od)?.votes.length ?? 0
      const confirms = slot.confirms.candidate(order.od)?.votes.length ?? 0
      this.#lane.outbox.add({ kind: 'settled', order, settlement: settlement.bytes, locks, confirms })
      this.#strong.begin(slot, order.od)
    })
  }

  #countVote(batch: VoteBatch, entry: VoteEntry, index: number): void {
    const { committee, objects, slots, nowMs } = this.#lane
    if (entry.version <= (objects.get(entry.oid)?.settled ?? 0)) {
      if (entry.kind === VOTE.confirm) this.#strong.add(entry, batch.seat)
      return
    }
    const slot = slots.ensure(entry.oid, entry.version, nowMs)
    const counted = votesOf(slot, entry.kind).add(entry.od, this.#weightOf(batch.seat), batch, index)
    if (counted.kind === 'double') this.#watch.doubleVote(slot, entry, counted.earlier, { batch, index })
    if (counted.kind !== 'counted') return
    slots.voted(slot, batch.seat)
    if (counted.candidate.weight >= committee.quorum) this.#form(slot, entry.kind, counted.candidate)
  }

  /** A quorum has voted for one order: everybody who counts makes the same kind of proof. */
  #form(slot: Slot, kind: VoteKind, { od, votes }: Candidate): void {
    if (kind === VOTE.lock ? slot.certificate : slot.settlement) return
    const { committee, outbox } = this.#lane
    const bytes = encodeEnvelope(
      certificateEnvelope(committee, { kind, oid: slot.oid, version: slot.version, od }, votes),
    )
    if (!hold(this.#lane, slot, kind, { od, bytes })) return
    outbox.publishRanked(kind === VOTE.lock ? 'certificate' : 'settlement', bytes, slot, od)
    this.advance(slot.oid)
  }

  #weightOf(seat: number): number {
    return this.#lane.committee.seats[seat]?.weight ?? 0
  }
}

function votesOf(slot: Slot, kind: VoteKind): Slot['locks'] {
  return kind === VOTE.lock ? slot.locks : slot.confirms
}
