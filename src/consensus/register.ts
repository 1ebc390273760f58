/**
 * The register lane: agreement on the versions of single-owner objects, without a leader, a clock or a total order.
 *
 * After FastPay and Zef, with a second round: an order that a quorum has LOCKed is certified, one whose certificate a quorum durably holds (CONFIRM) is settled, and only
 * that is final. This is a state machine without input or output of its own: events go in, effects come out, and `flush` says what must be on the disk
 * before any of them is published. A member locks one order for each version of an object, as long as the epoch lasts. What the chain of blocks decides beside it
 * (an unlock, a checkpoint, the end of an epoch) is told to it by name: from `freeze` on, all of that is final.
 */

import { equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import type { Committee } from './committee.ts'
import { cover, type Decision } from './coverage.ts'
import { decide, restoreDecided } from './decided.ts'
import { layLane, openDesks } from './desks.ts'
import type { Effect, Event, Records, Write } from './effects.ts'
import { Journal } from './journal.ts'
import { votingBallot } from './lane.ts'
import type { ObjectRules } from './object.ts'
import { Objects } from './objects.ts'
import { readOrder } from './order.ts'
import { Parked } from './parked.ts'
import { META, SPACE, voidHead } from './records.ts'
import { RegisterView } from './register-view.ts'
import { restore } from './restore.ts'
import type { Slot } from './slots.ts'
import { type BesideRegister, Snapshot } from './snapshot.ts'
import type { VoteBatch } from './statement.ts'
import type { SettledObject } from './statetree.ts'
import { assertNext, closeLane, importRecords, turnRecords } from './turnover.ts'

export type { Decision, ProvenDecision } from './coverage.ts'
export type { Head } from './objects.ts'
export type { ObjectView, RegisterSizes } from './register-view.ts'

/** What a register is made of. */
export interface RegisterOptions<S> {
  readonly committee: Committee
  /** The seat that this register votes for; null for an observer, who counts and adopts but neither votes nor publishes. */
  readonly seat: number | null
  readonly rules: ObjectRules<S>
  /** What earlier lives of this register have stored; empty for a new one. */
  readonly records: Records
  /** 8 secret bytes that place votes in the tally, so that nobody can choose questions that collide there; they change no answer. */
  readonly tallySeed?: Uint8Array
  /** A register whose life is over, and which is not asked any more: lends the memory of its count, megabytes of it, and nothing that is in it. */
  readonly before?: Register<S>
  /** What lies beside its objects in the settled state. */
  readonly beside?: BesideRegister
}

/** What became of a slot that was unlocked. The order may be left out where it is not at hand: it is asked for then. */
export type Outcome = 'void' | { readonly od: Uint8Array; readonly order?: Uint8Array }

/**
 * A register, restored from its records.
 *
 * Throws `store-damaged` where the records contradict themselves, `wrong-epoch` where they are those of another epoch, and what decoding them throws.
 */
export function createRegister<S>(options: RegisterOptions<S>): Register<S> {
  return new Register(options)
}

export class Register<S> extends RegisterView<S> {
  readonly #tallySeed: Uint8Array | undefined

  /** See `createRegister`. */
  constructor({ committee, seat, rules, records, tallySeed, before, beside }: RegisterOptions<S>) {
    const journal = new Journal(records)
    const objects = new Objects(rules, journal)
    const parts = { rules, journal, objects, parked: new Parked(), ...(before && { count: before.lane.count }) }
    const snapshot = new Snapshot(objects, rules, journal, committee.epoch, beside)
    super(layLane(parts, committee, seat, tallySeed), snapshot)
    this.#tallySeed = tallySeed
    restore(this.lane, records, (slot, kind, batch, index) => this.desks.votes.recount(slot, kind, batch, index))
  }

  /** Takes in one event. `nowMs` paces repetition; no vote depends on it. Throws where an order of an unknown owner disproves itself. */
  step(event: Event, nowMs: number): Effect[] {
    this.lane.nowMs = nowMs
    switch (event.kind) {
      case 'order':
        this.desks.orders.receive(event.order, event.verified)
        break
      case 'votes':
        this.#onVotes(event.batch)
        break
      case 'certificate':
        this.desks.votes.adopt(event.certificate, event.bytes)
        break
      case 'need':
        this.desks.repeater.need(event.oid, event.fromVersion)
        break
      case 'tick':
        this.desks.repeater.tick()
        break
    }
    return this.#effects()
  }

  /** The message to be signed with the epoch key for the next batch of own votes; null where there is none, or one is being signed. */
  nextBatch(): { readonly message: Uint8Array } | null {
    return votingBallot(this.lane)?.next() ?? null
  }

  /** Ends the batch that `nextBatch` began. It may be published once what `flush` then returns is on the disk. */
  sealBatch(signature: Uint8Array): Effect[] {
    const sealed = votingBallot(this.lane)?.seal(signature)
    if (!sealed) return []
    for (const slot of sealed.slots) this.#markLocked(slot, sealed.batch.sequence)
    this.lane.outbox.publishBatch(sealed.batch.sequence, sealed.bytes, null)
    this.desks.votes.count(sealed.batch)
    return this.#effects()
  }

  /** All changes since the last call, to be stored together before anything that came out meanwhile is published. */
  flush(): Write[] {
    return this.lane.journal.flush()
  }

  /** From now on no LOCK and no CONFIRM of this member for versions of an object from this one on: see `Frozen`. Throws `limit`. */
  freeze(oid: Uint8Array, fromVersion: number): void {
    this.lane.frozen.freeze(oid, fromVersion)
    this.lane.ballot?.drop((slot) => this.lane.frozen.has(slot.oid, slot.version))
  }

  /** The same for all objects, until `enterEpoch`. */
  freezeAll(): void {
    this.lane.frozen.freezeAll()
    this.lane.ballot?.clear()
  }

  /** An unlocked slot is given an end: the order that a complete report shows, or nothing. The object is not frozen any more. */
  resolve(oid: Uint8Array, version: number, outcome: Outcome): Effect[] {
    const { frozen, objects } = this.lane
    const od = outcome === 'void' ? voidHead(oid, version) : outcome.od
    if (version <= (objects.get(oid)?.settled ?? 0) && !this.holdsSettled(oid, version, od)) {
      throw new WebxError('internal', 'a settled version was given another end')
    }
    frozen.thaw(oid, version)
    const order = outcome !== 'void' && outcome.order ? readOrder(decodeEnvelope(outcome.order)) : undefined
    decide(this.lane, oid, version, od, order)
    this.desks.votes.advance(oid)
    this.desks.orders.resume(oid)
    return this.#effects()
  }

  /** A final checkpoint names this settled version, and with it all before. */
  cover(oid: Uint8Array, version: number, od: Uint8Array): Effect[] {
    cover(this.lane, { oid, version, od })
    this.desks.votes.advance(oid)
    return this.#effects()
  }

  /** The epoch ends with these versions, beside what was decided before; nothing else is certified any more. Then `stateRoot` is final as soon as nothing is `lacking`. */
  close(closing: readonly Decision[]): Effect[] {
    closeLane(this.lane, closing, (oid) => this.desks.votes.advance(oid))
    return this.#effects()
  }

  /** Goes on with other seats. `closing`: where `close` was not called yet. What is lacking is still asked for; other objects do not wait for it. */
  enterEpoch(committee: Committee, seat: number | null, closing: readonly Decision[] = []): Effect[] {
    assertNext(this.lane, committee)
    closeLane(this.lane, closing, (oid) => this.desks.votes.advance(oid))
    turnRecords(this.lane, committee)
    this.snapshot.begin()
    return this.#begin(committee, seat)
  }

  /**
   * The same for whoever was not there: all that is known here is replaced by the objects of a state that a hand-over names. A new register may take it in its own epoch.
   *
   * @param rules of the home that the seats decide for, where that is another one than before
   */
  enterEpochWith(
    committee: Committee,
    seat: number | null,
    objects: Iterable<SettledObject>,
    rules: ObjectRules<S> = this.lane.rules,
  ): Effect[] {
    importRecords(this.lane, committee, objects)
    this.snapshot.forget()
    return this.#begin(committee, seat, rules)
  }

  /** Stops voting for the rest of the epoch, after restarts too. Counting and adopting go on. */
  abstain(): void {
    this.lane.abstaining = true
    this.lane.ballot?.clear()
    this.lane.journal.put(SPACE.meta, META.abstain, encode([this.lane.committee.epoch]))
  }

  #markLocked(slot: Slot, sequence: number): void {
    if (slot.lock?.sequence !== sequence) return
    const entry = this.lane.objects.ensure(slot.oid)
    if (entry.certified + 1 !== slot.version) return
    entry.locked = true
    this.lane.objects.changed(entry)
  }

  #onVotes(batch: VoteBatch): void {
    const { ballot, seat, outbox, committee } = this.lane
    // read before the seats changed, in the same turn
    if (batch.cid && !equal(batch.cid, committee.cid)) return
    if (ballot && batch.seat === seat && !this.lane.abstaining && ballot.isStranger(batch)) {
      this.abstain()
      outbox.add({ kind: 'log-lost', sequence: batch.sequence })
    }
    this.desks.votes.count(batch)
  }

  /** Ends a call that is no event: looks at what waited for what has changed. */
  #effects(): Effect[] {
    this.desks.orders.retryWoken()
    return this.lane.outbox.take()
  }

  /** Begins anew with other seats; objects and waiting orders stay. */
  #begin(committee: Committee, seat: number | null, rules = this.lane.rules): Effect[] {
    const { outbox, nowMs } = this.lane
    const before = outbox.take()
    this.lane = layLane({ ...this.lane, rules }, committee, seat, this.#tallySeed)
    this.lane.nowMs = nowMs
    this.desks = openDesks(this.lane)
    // what the old lane lacked is lacking in the new one
    restoreDecided(this.lane)
    this.desks.orders.retryAll()
    return [...before, ...this.#effects()]
  }
}
