/**
 * What a register knows, for whoever asks: nothing here changes anything.
 */

import { equal } from '../core/bytes.ts'
import type { SignatureCheck } from '../core/crypto.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { type Certificate, checksOf, seatsShown } from './certificate.ts'
import type { Decision, ProvenDecision } from './coverage.ts'
import * as coverage from './coverage.ts'
import { type Desks, openDesks } from './desks.ts'
import { decidedOrder, isDecided, type Lane } from './lane.ts'
import type { OwnerKey } from './object.ts'
import type { Head, ObjectEntry } from './objects.ts'
import type { Order } from './order.ts'
import { type BatchMark, NO_BATCH, SPACE, slotKey } from './records.ts'
import type { Snapshot } from './snapshot.ts'
import { settledStateBytes } from './state-proof.ts'
import { VOTE } from './statement.ts'
import { lacking } from './turnover.ts'
import { isAdoptable } from './votes.ts'

/** An object as others may see it. Versions are 0 where there is none. */
export type ObjectView<S> = Readonly<
  Pick<ObjectEntry<S>, 'oid' | 'certified' | 'head' | 'settled' | 'settledHead' | 'state' | 'covered'>
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

export abstract class RegisterView<S> {
  protected readonly snapshot: Snapshot<S>
  /** Of the epoch under way. */
  protected lane: Lane<S>
  protected desks: Desks<S>

  constructor(lane: Lane<S>, snapshot: Snapshot<S>) {
    this.snapshot = snapshot
    this.lane = lane
    this.desks = openDesks(lane)
  }

  /**
   * The key that must have signed this order; null where it is not known here, or retired: then step the order unverified. Throws where it disproves itself.
   * An order by a key that does not act here (any more, or yet) holds where a quorum has decided for it, and with that has checked its signature.
   */
  keyOf(order: Order): OwnerKey | null {
    const owner = this.lane.rules.ownerKey(order, this.lane.objects)
    if (!owner) return null
    const isActing = order.keyPosition === owner.position
    if (isActing && !owner.contested) return owner
    if (isDecided(this.lane, order)) return { ...owner, key: null }
    return isActing ? owner : null
  }

  /** The key that acted for an identity when the epoch began: the same answer at every member. Null where its key log was not settled then. */
  ownerAtOpening(owner: Uint8Array): OwnerKey | null {
    return this.lane.rules.ownerOf(owner, this.snapshot.openingStates)
  }

  /** The key that acts for an identity as far as is settled here. */
  ownerNow(owner: Uint8Array): OwnerKey | null {
    return this.lane.rules.ownerOf(owner, this.lane.objects.settledStates)
  }

  /** Signatures to check before a certificate or settlement is stepped; null where it would tell nothing new. */
  checksFor(certificate: Certificate): SignatureCheck[] | null {
    const { kind, oid, version, committee } = certificate
    if (!isAdoptable(this.lane, certificate)) return null
    const slot = this.lane.slots.get(oid, version)
    const certified = this.lane.objects.get(oid)?.certified ?? 0
    const known = kind === VOTE.lock ? version <= certified || slot?.certificate : slot?.settlement
    const isOurs = this.#isOfThisEpoch(certificate)
    return known ? null : checksOf(certificate, committee, (header) => isOurs && this.desks.watch.isKnown(header))
  }

  /** True where every vote in a certificate or settlement was verified here before, so that it holds without checking a signature. */
  recognizes(certificate: Certificate): boolean {
    return this.#isOfThisEpoch(certificate) && certificate.proofs.every((proof) => this.desks.watch.isKnown(proof))
  }

  object(oid: Uint8Array): ObjectView<S> | null {
    return this.lane.objects.get(oid) ?? null
  }

  objects(): Iterable<ObjectView<S>> {
    return this.lane.objects.all()
  }

  /** Orders that are certified and not settled here. */
  inFlight(): Order[] {
    const orders: Order[] = []
    for (const slot of this.lane.slots.all()) {
      if (slot.version > (this.lane.objects.get(slot.oid)?.certified ?? 0)) continue
      const order = decidedOrder(this.lane, slot)
      if (order) orders.push(order)
    }
    return orders
  }

  /** The order that is locked or certified here for a version, or null. */
  orderOf(oid: Uint8Array, version: number): Order | null {
    const slot = this.lane.slots.get(oid, version)
    const known = slot ? (decidedOrder(this.lane, slot) ?? slot.orders[0]) : null
    return known ?? this.desks.repeater.storedOrder(oid, version)
  }

  /** The SETTLEMENT statement of a version, or null. */
  settlementOf(oid: Uint8Array, version: number): Uint8Array | null {
    return this.lane.journal.get(SPACE.settlement, slotKey(oid, version))
  }

  /** The SETTLEMENT of a version that shows a strong quorum, for strangers who ask for one; null where none is known, or it was too long ago. */
  strongSettlementOf(oid: Uint8Array, version: number): Uint8Array | null {
    return this.desks.votes.strong.settlement({ oid, version })
  }

  /** The SETTLED STATE statement that shows a version, or a later one, by the state with which the epoch began; null where the object was not there, or had not come so far. */
  settledStateOf(oid: Uint8Array, version: number): Uint8Array | null {
    const first = this.snapshot.firstPart(oid)
    return first && settledStateBytes(this.lane.committee.cid, first, { oid, version })
  }

  /** How many seats are known here to have confirmed a version. */
  strengthOf(oid: Uint8Array, version: number): number {
    const counted = this.desks.votes.strong.seats({ oid, version })
    if (counted !== null) return counted
    const settlement = this.settlementOf(oid, version)
    return settlement ? seatsShown(decodeEnvelope(settlement)) : 0
  }

  /** The SETTLEMENT, else the CERT of a version; null where neither is held. */
  proofOf(oid: Uint8Array, version: number): ProvenDecision | null {
    return coverage.proofOf(this.lane, oid, version)
  }

  /** What a report must list, after freezing: see `coverage.openProofs`. */
  openProofs(): ProvenDecision[] {
    return coverage.openProofs(this.lane)
  }

  /** Highest version of an object that a final checkpoint covers, or a hand-over. */
  covered(oid: Uint8Array): number {
    return this.lane.objects.get(oid)?.covered ?? 0
  }

  /** For the next checkpoint: newest settled versions that none covers, whose is open for longest first. */
  uncovered(countMax: number): Decision[] {
    return coverage.uncovered(this.lane, countMax)
  }

  /** Whether this member may vote for a checkpoint that names this. */
  holdsSettled(oid: Uint8Array, version: number, od: Uint8Array): boolean {
    return coverage.holdsSettled(this.lane, { oid, version, od })
  }

  /** Decided versions whose orders have not come yet: newest of each object. */
  lacking(): readonly { readonly oid: Uint8Array; readonly version: number }[] {
    return lacking(this.lane)
  }

  /** 32-byte root of the settled state as it is now: see `Snapshot.root`. */
  stateRoot(): Uint8Array {
    return this.snapshot.root()
  }

  /** How many chunks the settled state has with which the epoch began. */
  get chunkCount(): number {
    return this.snapshot.chunkCount
  }

  /** One of them, for a `StateImport`. */
  chunk(index: number): Uint8Array {
    return this.snapshot.chunk(index)
  }

  /** `LIMITS.summaryBuckets` digests of 32 bytes: equal where two members have settled the same. */
  summary(): Uint8Array[] {
    return this.lane.objects.summary()
  }

  /** Settled heads of a bucket: see `Objects.heads`. */
  heads(bucket: number, after: Uint8Array | null, countMax: number): Head[] {
    return this.lane.objects.heads(bucket, after, countMax)
  }

  /** What to ask for, given the settled heads of another member. */
  missing(heads: readonly Head[]): { readonly oid: Uint8Array; readonly fromVersion: number }[] {
    return heads.flatMap(({ oid, version }) => {
      const settled = this.lane.objects.get(oid)?.settled ?? 0
      return version > settled ? [{ oid, fromVersion: settled + 1 }] : []
    })
  }

  /** The newest own batch; sequence 0 for none. */
  highestBatch(): BatchMark {
    return this.lane.ballot?.newest ?? NO_BATCH
  }

  get abstaining(): boolean {
    return this.lane.abstaining
  }

  get sizes(): RegisterSizes {
    const { objects, slots, parked, ballot, count } = this.lane
    return {
      objects: objects.size,
      openSlots: slots.size,
      parkedOrders: parked.size,
      queuedVotes: ballot?.queued ?? 0,
      countedQuestions: count.size,
    }
  }

  #isOfThisEpoch({ committee }: Certificate): boolean {
    return equal(committee.cid, this.lane.committee.cid)
  }
}
