/**
 * The register lane: agreement on the versions of single-owner objects, without a leader, a clock or a total order.
 *
 * After FastPay and Zef, with a second round: an order that a quorum has LOCKed is certified, one whose certificate a quorum durably holds (CONFIRM) is settled, and only
 * that is final. This is a state machine without input or output of its own: events go in, effects come out, and `flush` says what must be on the disk
 * before any of them is published. A member locks one order for each version of an object, for ever.
 */

import { encode } from '../core/codec.ts'
import type { SignatureCheck } from '../core/crypto.ts'
import { Fields } from '../core/shape.ts'
import { Ballot } from './ballot.ts'
import { type Certificate, checksOf } from './certificate.ts'
import { decidedOrder } from './chain.ts'
import type { Committee } from './committee.ts'
import { VoteCount } from './count.ts'
import type { Effect, Event, Records, Write } from './effects.ts'
import { Journal } from './journal.ts'
import { isDecided, type Lane, votingBallot } from './lane.ts'
import type { ObjectRules, OwnerKey } from './object.ts'
import { type Head, type ObjectEntry, Objects } from './objects.ts'
import type { Order } from './order.ts'
import { OrderDesk } from './orders.ts'
import { Outbox } from './outbox.ts'
import { Parked } from './parked.ts'
import { type BatchMark, META, NO_BATCH, SPACE, slotKey } from './records.ts'
import { Repeater } from './repeat.ts'
import { restore } from './restore.ts'
import { type Slot, Slots } from './slots.ts'
import { VOTE, type VoteBatch } from './statement.ts'
import { VoteDesk } from './votes.ts'
import { Watch } from './watch.ts'

export type { Head } from './objects.ts'

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
}

/** An object as others may see it. Versions are 0 where there is none. */
export type ObjectView<S> = Readonly<
  Pick<ObjectEntry<S>, 'oid' | 'certified' | 'head' | 'settled' | 'settledHead' | 'state'>
>

/** How much a register holds, for metrics. */
export interface RegisterSizes {
  readonly objects: number
  readonly openSlots: number
  readonly parkedOrders: number
  readonly queuedVotes: number
  /** Questions in the tally: two for each open slot that was voted in, one for each that waits for the strong quorum. */
  readonly countedQuestions: number
}

/**
 * A register, restored from its records.
 *
 * Throws `store-damaged` where the records contradict themselves, and what decoding them throws.
 */
export function createRegister<S>(options: RegisterOptions<S>): Register<S> {
  return new Register(options)
}

export class Register<S> {
  readonly #lane: Lane<S>
  readonly #watch: Watch<S>
  readonly #repeater: Repeater<S>
  readonly #votes: VoteDesk<S>
  readonly #orders: OrderDesk<S>

  /** See `createRegister`. */
  constructor({ committee, seat, rules, records, tallySeed }: RegisterOptions<S>) {
    const journal = new Journal(records)
    const count = new VoteCount(committee, tallySeed)
    this.#lane = {
      committee,
      seat,
      rules,
      journal,
      objects: new Objects(rules, journal),
      count,
      slots: new Slots(committee, count),
      parked: new Parked(),
      outbox: new Outbox(committee, seat),
      ballot: seat === null ? null : new Ballot(committee, seat, journal),
      wake: [],
      abstaining: abstainsFrom(journal, committee.epoch),
      nowMs: 0,
    }
    this.#watch = new Watch(this.#lane)
    this.#repeater = new Repeater(this.#lane)
    this.#votes = new VoteDesk(this.#lane, this.#watch)
    this.#orders = new OrderDesk(this.#lane, this.#votes, this.#watch, this.#repeater)
    restore(this.#lane, records, (slot, kind, batch, index) => this.#votes.recount(slot, kind, batch, index))
  }

  /** Takes in one event. `nowMs` paces repetition; no vote depends on it. Throws where an order of an unknown owner disproves itself. */
  step(event: Event, nowMs: number): Effect[] {
    this.#lane.nowMs = nowMs
    switch (event.kind) {
      case 'order':
        this.#orders.receive(event.order, event.verified)
        break
      case 'votes':
        this.#onVotes(event.batch)
        break
      case 'certificate':
        this.#votes.adopt(event.certificate, event.bytes)
        break
      case 'need':
        this.#repeater.need(event.oid, event.fromVersion)
        break
      case 'tick':
        this.#repeater.tick()
        break
    }
    this.#orders.retryWoken()
    return this.#lane.outbox.take()
  }

  /** The message to be signed with the epoch key for the next batch of own votes; null where there is none, or one is being signed. */
  nextBatch(): { readonly message: Uint8Array } | null {
    return votingBallot(this.#lane)?.next() ?? null
  }

  /** Ends the batch that `nextBatch` began. It may be published once what `flush` then returns is on the disk. */
  sealBatch(signature: Uint8Array): Effect[] {
    const sealed = votingBallot(this.#lane)?.seal(signature)
    if (!sealed) return []
    for (const slot of sealed.slots) this.#markLocked(slot, sealed.batch.sequence)
    this.#lane.outbox.publishBatch(sealed.batch.sequence, sealed.bytes, null)
    this.#votes.count(sealed.batch)
    this.#orders.retryWoken()
    return this.#lane.outbox.take()
  }

  /** All changes since the last call, to be stored together before anything that came out meanwhile is published. */
  flush(): Write[] {
    return this.#lane.journal.flush()
  }

  /**
   * The key that must have signed this order; null where it is not known here, or retired: then step the order unverified. Throws where it disproves itself.
   * An order by a key that does not act here (any more, or yet) holds where a quorum has decided for it, and with that has checked its signature.
   */
  keyOf(order: Order): OwnerKey | null {
    const owner = this.#lane.rules.ownerKey(order, this.#lane.objects)
    if (!owner) return null
    const isActing = order.keyPosition === owner.position
    if (isActing && !owner.contested) return owner
    if (isDecided(this.#lane, order)) return { ...owner, key: null }
    return isActing ? owner : null
  }

  /** Signatures to check before a certificate or settlement is stepped; null where it would tell nothing new. */
  checksFor(certificate: Certificate): SignatureCheck[] | null {
    const { kind, oid, version } = certificate
    const object = this.#lane.objects.get(oid)
    const slot = this.#lane.slots.get(oid, version)
    if (version <= (object?.settled ?? 0)) return null
    const known = kind === VOTE.lock ? version <= (object?.certified ?? 0) || slot?.certificate : slot?.settlement
    return known ? null : checksOf(certificate, this.#lane.committee, (header) => this.#watch.isKnown(header))
  }

  /** True where every vote in a certificate or settlement was verified here before, so that it holds without checking a signature. */
  recognizes(certificate: Certificate): boolean {
    return certificate.proofs.every((proof) => this.#watch.isKnown(proof))
  }

  object(oid: Uint8Array): ObjectView<S> | null {
    return this.#lane.objects.get(oid) ?? null
  }

  objects(): Iterable<ObjectView<S>> {
    return this.#lane.objects.all()
  }

  /** Orders that are certified and not settled here. */
  inFlight(): Order[] {
    const orders: Order[] = []
    for (const slot of this.#lane.slots.all()) {
      if (slot.version > (this.#lane.objects.get(slot.oid)?.certified ?? 0)) continue
      const order = decidedOrder(this.#lane, slot)
      if (order) orders.push(order)
    }
    return orders
  }

  /** The order that is locked or certified here for a version, or null. */
  orderOf(oid: Uint8Array, version: number): Order | null {
    const slot = this.#lane.slots.get(oid, version)
    const known = slot ? (decidedOrder(this.#lane, slot) ?? slot.orders[0]) : null
    return known ?? this.#repeater.storedOrder(oid, version)
  }

  /** The SETTLEMENT statement of a version, or null. */
  settlementOf(oid: Uint8Array, version: number): Uint8Array | null {
    return this.#lane.journal.get(SPACE.settlement, slotKey(oid, version))
  }

  /** `LIMITS.summaryBuckets` digests of 32 bytes: equal where two members have settled the same. */
  summary(): Uint8Array[] {
    return this.#lane.objects.summary()
  }

  /** Settled heads of a bucket: see `Objects.heads`. */
  heads(bucket: number, after: Uint8Array | null, countMax: number): Head[] {
    return this.#lane.objects.heads(bucket, after, countMax)
  }

  /** What to ask for, given the settled heads of another member. */
  missing(heads: readonly Head[]): { readonly oid: Uint8Array; readonly fromVersion: number }[] {
    return heads.flatMap(({ oid, version }) => {
      const settled = this.#lane.objects.get(oid)?.settled ?? 0
      return version > settled ? [{ oid, fromVersion: settled + 1 }] : []
    })
  }

  /** The newest own batch; sequence 0 for none. */
  highestBatch(): BatchMark {
    return this.#lane.ballot?.newest ?? NO_BATCH
  }

  /** Stops voting for the rest of the epoch, after restarts too. Counting and adopting go on. */
  abstain(): void {
    this.#lane.abstaining = true
    this.#lane.ballot?.clear()
    this.#lane.journal.put(SPACE.meta, META.abstain, encode([this.#lane.committee.epoch]))
  }

  get abstaining(): boolean {
    return this.#lane.abstaining
  }

  get sizes(): RegisterSizes {
    const { objects, slots, parked, ballot, count } = this.#lane
    return {
      objects: objects.size,
      openSlots: slots.size,
      parkedOrders: parked.size,
      queuedVotes: ballot?.queued ?? 0,
      countedQuestions: count.size,
    }
  }

  #markLocked(slot: Slot, sequence: number): void {
    if (slot.lock?.sequence !== sequence) return
    const entry = this.#lane.objects.ensure(slot.oid)
    if (entry.certified + 1 !== slot.version) return
    entry.locked = true
    this.#lane.objects.changed(entry)
  }

  #onVotes(batch: VoteBatch): void {
    const { ballot, seat, outbox } = this.#lane
    if (ballot && batch.seat === seat && !this.#lane.abstaining && ballot.isStranger(batch)) {
      this.abstain()
      outbox.add({ kind: 'log-lost', sequence: batch.sequence })
    }
    this.#votes.count(batch)
  }
}

function abstainsFrom(journal: Journal, epoch: number): boolean {
  const stored = journal.get(SPACE.meta, META.abstain)
  if (!stored) return false
  const fields = Fields.of('abstention', stored)
  const abstained = fields.uint('epoch')
  fields.end()
  return abstained === epoch
}
