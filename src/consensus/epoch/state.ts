/**
 * What the final blocks of an epoch mean: one transaction after the other, the same at every member. A transaction that makes no sense where it stands is skipped.
 *
 * Nothing here votes, signs or knows which seat it runs at. What follows for those who do comes out as events.
 */

import { equal } from '../../core/bytes.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Committee } from '../committee.ts'
import { keyOf } from '../key.ts'
import { SharedBook, type SharedOutcome } from '../shared/book.ts'
import { emptyStateRoot } from '../statetree.ts'
import { divisionOf, type Openings } from './division.ts'
import type { Offer } from './kin.ts'
import { Membership } from './membership.ts'
import { committeeOfOpening, type Opening } from './opening.ts'
import type { Ordered } from './ordered.ts'
import { entryName, Reports } from './reports.ts'
import type { EpochRules, RosterEntry } from './rules.ts'
import { SeatSet } from './seatset.ts'
import type { Decided, Proposal } from './transaction.ts'
import { type PlannedPart, Turning } from './turning.ts'
import { type Place, type Unlocked, Unlocks } from './unlocks.ts'

/** What follows from a block. */
export type EpochEvent =
  /** Freeze this slot and all after it, and report. */
  | { readonly kind: 'frozen'; readonly place: Place }
  | { readonly kind: 'unlocked'; readonly outcome: Unlocked }
  | { readonly kind: 'covered'; readonly entries: readonly Decided[] }
  /** Seats of the next epoch were planned: whoever has one gets ready. */
  | { readonly kind: 'planned' }
  /** Freeze the lane and report. */
  | { readonly kind: 'closing' }
  /** What the lane ends with: apply these, forget the rest. */
  | { readonly kind: 'closed'; readonly entries: readonly Decided[] }
  | { readonly kind: 'convicted'; readonly id: Uint8Array }
  | { readonly kind: 'shared'; readonly outcome: SharedOutcome }
  | { readonly kind: 'ended' }

/** How far the epoch has come. `closed`: all that is lacking is the FINAL block. */
export type Phase = 'open' | 'planned' | 'closing' | 'closed' | 'ended'

export class EpochState {
  readonly opening: Opening
  readonly committee: Committee
  readonly membership: Membership
  readonly turning: Turning
  readonly unlocks: Unlocks
  readonly shared: SharedBook
  readonly #proven = new Set<string>()
  readonly #done = new Set<string>()
  readonly #attended: number[]
  readonly #led: number[]
  /** Who is on record for having voted for recent final blocks, by slot. */
  readonly #recent = new Map<number, { readonly hash: Uint8Array; readonly seats: SeatSet }>()
  #reports: Reports | null = null
  #phase: Phase = 'open'
  #nextDigests: Openings<Uint8Array> | null = null
  #blocks = 0

  /** `shared`: the shared objects as the epoch begins with them. */
  constructor(opening: Opening, rules: EpochRules, shared = new SharedBook(opening.netId, opening.epoch)) {
    this.opening = opening
    this.shared = shared
    this.committee = committeeOfOpening(opening)
    this.membership = new Membership(this.committee, opening.roster)
    this.turning = new Turning(this.committee, opening, rules)
    this.unlocks = new Unlocks(this.committee, (name) => this.#proven.has(name))
    this.#attended = this.committee.seats.map(() => 0)
    this.#led = this.committee.seats.map(() => 0)
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Nothing has been closed yet. */
  get isOpen(): boolean {
    return this.#phase === 'open' || this.#phase === 'planned'
  }

  /** The newest block whose voters could be put on record, and how many are. */
  get unrecorded(): { readonly slot: number; readonly hash: Uint8Array; readonly recorded: number } | null {
    const newest = [...this.#recent].at(-1)
    return newest ? { slot: newest[0], hash: newest[1].hash, recorded: newest[1].seats.size } : null
  }

  /** Digests of the next openings, once the epoch has ended. */
  get nextDigests(): Openings<Uint8Array> | null {
    return this.#nextDigests
  }

  get blocks(): number {
    return this.#blocks
  }

  /** True where a transaction was ordered before, by its digest. */
  isDone(digest: Uint8Array): boolean {
    return this.#done.has(keyOf(digest))
  }

  isProven(entry: Decided): boolean {
    return this.#proven.has(entryName(entry))
  }

  hasReported(seat: number): boolean {
    return this.#reports?.has(seat) ?? false
  }

  /** How many transactions have been ordered. */
  get transactions(): number {
    return this.#done.size
  }

  /** From here on nothing is ordered that can wait for the next epoch (`canWait`). */
  get isFull(): boolean {
    return this.transactions >= LIMITS.transactionsPerEpochMax
  }

  /** Executes a final block. */
  execute(
    block: { readonly slot: number; readonly hash: Uint8Array; readonly leader: number },
    transactions: readonly Ordered[],
  ): EpochEvent[] {
    const events: EpochEvent[] = []
    for (const transaction of transactions) {
      const name = keyOf(transaction.digest)
      if (this.#done.has(name) || this.#phase === 'ended') continue
      this.#done.add(name)
      this.#apply(transaction, events)
    }
    // the last block names what was on record before it
    if (this.#phase === 'ended') return events
    this.#blocks++
    this.#led[block.leader] = (this.#led[block.leader] ?? 0) + 1
    this.#remember(block.slot, block.hash)
    if (this.#phase === 'open' && this.turning.endOfBlock(block.slot, () => this.#nextRoster())) {
      this.#phase = 'planned'
      events.push({ kind: 'planned' })
    }
    return events
  }

  /** What the next epoch begins with, once this one is closed: the same bytes at every member that has the settled state. */
  nextOpenings(stateRoot: Uint8Array): Openings<Opening> {
    const { plan } = this.turning
    const { netId, nid, epoch, roster, seed } = this.opening
    const next = { netId, nid, epoch: epoch + 1 }
    const division = plan?.sprout && divisionOf(next)
    const loan = plan?.loan
    const both = {
      ...next,
      ...(division && { division }),
      ...(loan && { loan }),
      seed: plan?.seed ?? seed,
      shares: this.turning.shares(),
      blocks: this.#blocks,
      attendance: this.committee.seats.map(({ memberId }, seat) => ({
        id: memberId,
        attended: this.#attended[seat] ?? 0,
        led: this.#led[seat] ?? 0,
      })),
      convicted: this.membership.convicted,
    }
    const own = { ...both, ...this.#opened(plan ?? { roster, seats: [] }), stateRoot }
    if (!division || !plan.sprout) return { own, sprout: null }
    const begins = { nid: division.sprout, stateRoot: emptyStateRoot() }
    return { own, sprout: { ...both, ...this.#opened(plan.sprout), ...begins } }
  }

  /** True where the next epoch would begin with too few people, and nobody has put on record yet who could come; only then may an offer be ordered while the shares of the seed are gathered. */
  wantsOffer(offer: Offer): boolean {
    return this.#phase === 'open' && this.turning.isGathering && this.turning.wantsOffer(offer, this.#nextRoster())
  }

  #opened(part: PlannedPart): Pick<Opening, 'roster' | 'seats' | 'version'> {
    const { turning, opening } = this
    return { roster: part.roster, seats: turning.seatsOf(part), version: turning.versionOf(part) ?? opening.version }
  }

  #apply(transaction: Ordered, events: EpochEvent[]): void {
    switch (transaction.kind) {
      case 'proposal':
        this.#propose(transaction.seat, transaction.proposal, events)
        return
      case 'candidacy':
        this.#candidate(transaction)
        return
      case 'certificate':
        this.#prove(transaction.entry, events)
        return
      case 'shared':
        this.#change(transaction, events)
        return
      case 'evidence':
        if (this.membership.convict(transaction.guilty)) events.push({ kind: 'convicted', id: transaction.guilty })
        return
      case 'attendance':
        this.#attend(transaction.slot, transaction.hash, transaction.seats)
    }
  }

  /** What comes after the closing is left for the next epoch: its state is what the last block names. */
  #change(transaction: Extract<Ordered, { kind: 'shared' }>, events: EpochEvent[]): void {
    if (!this.isOpen) return
    const outcome = this.shared.apply(transaction)
    if (outcome) events.push({ kind: 'shared', outcome })
  }

  #propose(seat: number, proposal: Proposal, events: EpochEvent[]): void {
    const { turning, membership, unlocks } = this
    const { isOpen } = this
    switch (proposal.kind) {
      case 'turn':
        if (this.#phase === 'open') turning.turn(seat, this.#vrfKeyOf(seat), proposal.proof)
        return
      case 'vouch':
        membership.vouch(seat, proposal.id)
        return
      case 'accuse':
        membership.accuse(seat, proposal.id)
        return
      case 'unlock':
        if (isOpen && unlocks.wish(seat, proposal)) events.push({ kind: 'frozen', place: proposal })
        return
      case 'report':
        if (isOpen) pushOutcome(unlocks.report(seat, proposal, proposal.od), events)
        return
      case 'checkpoint':
        if (isOpen) events.push({ kind: 'covered', entries: proposal.entries })
        return
      case 'close':
        if (this.#phase !== 'planned' || !turning.close(seat)) return
        this.#phase = 'closing'
        this.#reports = new Reports(this.committee, (name) => this.#proven.has(name))
        events.push({ kind: 'closing' })
        return
      case 'replan':
        if (this.#phase === 'planned' && turning.replan(seat)) events.push({ kind: 'planned' })
        return
      case 'offer':
        if (this.#phase === 'open') turning.offer(proposal.offer)
        return
      case 'close-report':
        if (this.#phase !== 'closing') return
        this.#reports?.add(seat, proposal.part, proposal.parts, proposal.entries)
        this.#considerClosing(events)
        return
      case 'final':
        // that the digests are the right ones was checked by a quorum, each before it voted for this block
        if (this.#phase !== 'closed') return
        this.#phase = 'ended'
        this.#nextDigests = { own: proposal.opening, sprout: proposal.sprout }
        events.push({ kind: 'ended' })
    }
  }

  #candidate({ id, candidature, entry }: Extract<Ordered, { kind: 'candidacy' }>): void {
    switch (candidature.kind) {
      case 'join':
        if (entry) this.membership.apply(entry)
        return
      case 'leave':
        this.membership.leave(id)
        return
      case 'alive':
        this.membership.answer(id)
        return
      case 'ready':
        if (this.#phase === 'planned') this.turning.ready(id, candidature)
    }
  }

  #prove(entry: Decided, events: EpochEvent[]): void {
    const name = entryName(entry)
    this.#proven.add(name)
    if (this.#phase === 'open' || this.#phase === 'planned') pushOutcome(this.unlocks.prove(entry, name), events)
    this.#reports?.prove(name)
    this.#considerClosing(events)
  }

  #considerClosing(events: EpochEvent[]): void {
    if (this.#phase !== 'closing' || !this.#reports?.isQuorum) return
    this.#phase = 'closed'
    events.push({ kind: 'closed', entries: this.#reports.union() })
  }

  #remember(slot: number, hash: Uint8Array): void {
    this.#recent.set(slot, { hash, seats: new SeatSet(this.committee) })
    for (const old of this.#recent.keys()) {
      if (this.#recent.size <= LIMITS.attendanceSlotsMax) break
      this.#recent.delete(old)
    }
  }

  #attend(slot: number, hash: Uint8Array, seats: readonly number[]): void {
    const recent = this.#recent.get(slot)
    if (!recent || !equal(recent.hash, hash)) return
    for (const seat of seats) {
      if (!recent.seats.add(seat)) continue
      this.#attended[seat] = (this.#attended[seat] ?? 0) + 1
    }
  }

  #nextRoster(): readonly RosterEntry[] {
    return this.membership.next(this.opening.epoch + 1)
  }

  #vrfKeyOf(seat: number): Uint8Array | null {
    const id = this.committee.seats[seat]?.memberId
    return id ? (this.membership.entryOf(id)?.vrfKey ?? null) : null
  }
}

function pushOutcome(outcome: Unlocked | null, events: EpochEvent[]): void {
  if (outcome) events.push({ kind: 'unlocked', outcome })
}
