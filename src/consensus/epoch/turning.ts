/**
 * How an epoch comes to its end: shares of the next seed, the plan of the next seats, who is ready for them, and the word to close.
 *
 * More than the liars must wish for the end. From the block in which that is so the shares are gathered for a fixed number of slots, and until a quorum has given its own; the seed hashes all of them, so that
 * nobody selects among them, and it stays what it is when seats are planned anew. Whoever has a place must say with which key it will vote; a place whose holder does
 * not counts in the weight all the same, or else a few who are ready would be the majority. Where the neighborhood is divided, all of this holds for either part: none of them begins that could not go on.
 */

import { compare } from '../../core/bytes.ts'
import { assertPublicKey } from '../../core/crypto.ts'
import { LIMITS } from '../../core/limits.ts'
import { speaks } from '../../core/versions.ts'
import { vrfVerify } from '../../proof/vrf.ts'
import { type Committee, type CommitteeSeat, createCommittee } from '../committee.ts'
import { keyOf } from '../key.ts'
import { beaconInput, nextSeed } from './beacon.ts'
import type { Offer } from './kin.ts'
import type { Loan } from './loan.ts'
import { type Opening, type Share, VACANT } from './opening.ts'
import type { EpochRules, RosterEntry, SeatingInput } from './rules.ts'
import { SeatSet } from './seatset.ts'
import type { Candidature } from './transaction.ts'

/** For how many slots shares of the seed are gathered. */
const GATHER_SLOTS = 4

/** Who belongs to a neighborhood in the next epoch, and who sits where. */
export interface PlannedPart {
  readonly roster: readonly RosterEntry[]
  /** By seat number; null where nobody sits. */
  readonly seats: readonly (RosterEntry | null)[]
}

/** The next epoch, as far as it is known. */
export interface Plan extends PlannedPart {
  /** 32 bytes. */
  readonly seed: Uint8Array
  /** The part that begins; null where the neighborhood stays one. */
  readonly sprout: PlannedPart | null
  /** Who of the roster comes from the kin of the neighborhood; null where nobody does. */
  readonly loan: Loan | null
}

type Ready = Pick<Extract<Candidature, { kind: 'ready' }>, 'epochKey' | 'versions'>

export class Turning {
  readonly #committee: Committee
  readonly #seed: Uint8Array
  /** Wire version of the epoch under way. */
  readonly #today: number
  readonly #rules: EpochRules
  /** Names of everyone who belongs to the neighborhood in this epoch. */
  readonly #members: ReadonlySet<string>
  readonly #turned: SeatSet
  readonly #shares = new Map<number, Uint8Array>()
  readonly #proofs = new Map<number, Uint8Array>()
  #gatherFrom: number | null = null
  #nextSeed: Uint8Array | null = null
  #plan: Plan | null = null
  #plans = 0
  #offer: Offer | null = null
  /** Everyone who belongs to the neighborhood, or to one of its parts, in the next epoch, without those who come from its kin. */
  #roster: readonly RosterEntry[] = []
  readonly #ready = new Map<string, Ready>()
  readonly #unready = new Set<string>()
  /** Worked out once for each who gets ready; null: not yet. */
  #mayClose: boolean | null = null
  #closers: SeatSet
  #replanners: SeatSet

  constructor(
    committee: Committee,
    { seed, version, roster }: Pick<Opening, 'seed' | 'version' | 'roster'>,
    rules: EpochRules,
  ) {
    this.#committee = committee
    this.#seed = seed
    this.#today = version
    this.#members = new Set(roster.map(({ id }) => keyOf(id)))
    this.#rules = rules
    this.#turned = new SeatSet(committee)
    this.#closers = new SeatSet(committee)
    this.#replanners = new SeatSet(committee)
  }

  get plan(): Plan | null {
    return this.#plan
  }

  /** Number of the plan: seats may be planned more than once. */
  get plans(): number {
    return this.#plans
  }

  hasTurned(seat: number): boolean {
    return this.#turned.has(seat)
  }

  hasClosed(seat: number): boolean {
    return this.#closers.has(seat)
  }

  hasReplanned(seat: number): boolean {
    return this.#replanners.has(seat)
  }

  isReady(id: Uint8Array): boolean {
    return this.#ready.has(keyOf(id))
  }

  /** Somebody has a seat in the next epoch. */
  hasPlace(id: Uint8Array): boolean {
    return this.#parts.some(({ seats }) => seats.some((entry) => entry && compare(entry.id, id) === 0))
  }

  /** More than the liars wish for the end of the epoch. */
  get isWanted(): boolean {
    return this.#turned.isBelieved
  }

  /** Blocks must go on though nothing waits: the shares are being gathered. */
  get isGathering(): boolean {
    return this.#gatherFrom !== null && this.#nextSeed === null
  }

  /** The shares that made the next seed, by seat. */
  shares(): Share[] {
    const given = [...this.#proofs].sort(([a], [b]) => a - b)
    return given.map(([seat, proof]) => ({ id: this.#committee.seats[seat]?.memberId ?? VACANT.id, proof }))
  }

  /** A seat's share of the seed; one whose proof does not hold is none. */
  turn(seat: number, vrfKey: Uint8Array | null, proof: Uint8Array): void {
    if (this.#nextSeed || this.#turned.has(seat) || !vrfKey) return
    const share = vrfVerify(vrfKey, beaconInput(this.#seed, this.#committee), proof)
    if (!share) return
    this.#turned.add(seat)
    this.#shares.set(seat, share)
    this.#proofs.set(seat, proof)
  }

  /** People of the kin may come: the first offer stands. */
  offer(offer: Offer): void {
    if (!this.#nextSeed) this.#offer ??= offer
  }

  /** Whether an offer would bring somebody into a neighborhood of these people, who are told anew what may have been ordered before. */
  wantsOffer(offer: Offer, roster: readonly RosterEntry[]): boolean {
    return this.#offer === null && this.#lentBy(offer, roster, this.#seed) !== null
  }

  /** A block has been executed; true where the seats were planned with it. */
  endOfBlock(slot: number, roster: () => readonly RosterEntry[]): boolean {
    if (this.#nextSeed || !this.#turned.isBelieved) return false
    this.#gatherFrom ??= slot
    if (slot < this.#gatherFrom + GATHER_SLOTS || !this.#turned.isQuorum) return false
    this.#nextSeed = nextSeed(this.#seed, this.#shares)
    this.#roster = roster()
    this.#makePlan()
    return true
  }

  /**
   * Somebody who has a place says with which key it will vote, and which versions it speaks. Its first word stands; a key that somebody else has named is none, and
   * who does not speak the version of this epoch is not ready: otherwise a few could keep the rest from agreeing on any.
   */
  ready(id: Uint8Array, { epochKey, versions }: Ready): void {
    const name = keyOf(id)
    if (!speaks(versions, this.#today)) return
    if (!this.hasPlace(id)) return
    if (this.#ready.has(name) || !isUsable(epochKey)) return
    for (const taken of this.#ready.values()) if (compare(taken.epochKey, epochKey) === 0) return
    this.#ready.set(name, { epochKey, versions })
    this.#mayClose = null
  }

  /** A seat says: close. True where the epoch closes with it: enough say so, and a quorum of the next seats is ready. */
  close(seat: number): boolean {
    if (!this.#plan) return false
    this.#closers.add(seat)
    return this.mayClose && this.#closers.isBelieved
  }

  /** Wire version that a part speaks in the next epoch, by those who are ready; null where enough of them have none in common. */
  versionOf({ seats }: PlannedPart): number | null {
    const candidates = seats.flatMap((entry) => {
      const ready = entry && this.#ready.get(keyOf(entry.id))
      return ready ? [{ versions: ready.versions, weight: entry.weight }] : []
    })
    return this.#rules.version(candidates, this.#today)
  }

  /** A quorum of the next seats is ready, for one version; of either part, where there are two. */
  get mayClose(): boolean {
    this.#mayClose ??= this.#plan !== null && this.#parts.every((part) => this.#isQuorate(part))
    return this.#mayClose
  }

  /** Everyone who has a place is ready. */
  get isComplete(): boolean {
    return this.#plan !== null && this.#places.every(({ id }) => this.isReady(id))
  }

  /** A seat says: too few get ready. True where the seats were planned anew with it. */
  replan(seat: number): boolean {
    if (!this.#plan) return false
    this.#replanners.add(seat)
    if (!this.#replanners.isBelieved || this.isComplete) return false
    for (const { id } of this.#places) if (!this.isReady(id)) this.#unready.add(keyOf(id))
    this.#makePlan()
    return true
  }

  /** The next seats of a part: who is not ready, or does not speak what the others will, has a place, weight, and no key. */
  seatsOf(part: PlannedPart): CommitteeSeat[] {
    const version = this.versionOf(part)
    return part.seats.map((entry) => {
      if (!entry) return { memberId: VACANT.id, epochKey: VACANT.epochKey, weight: 0 }
      const { id, weight } = entry
      const ready = this.#ready.get(keyOf(id))
      const votes = ready && version !== null && speaks(ready.versions, version)
      return { memberId: id, epochKey: votes ? ready.epochKey : VACANT.epochKey, weight }
    })
  }

  /** The neighborhood, or both of its parts, the one that goes on first. */
  get #parts(): PlannedPart[] {
    if (!this.#plan) return []
    return this.#plan.sprout ? [this.#plan, this.#plan.sprout] : [this.#plan]
  }

  /** Everyone who has a place. */
  get #places(): RosterEntry[] {
    return this.#parts.flatMap(({ seats }) => seats.filter((entry) => entry !== null))
  }

  #isQuorate(part: PlannedPart): boolean {
    const next = this.seatsOf(part)
    const { quorum } = createCommittee({ ...this.#committee, epoch: this.#committee.epoch + 1, seats: next })
    const ready = next.filter(({ epochKey }) => compare(epochKey, VACANT.epochKey) !== 0)
    return ready.reduce((sum, { weight }) => sum + weight, 0) >= quorum
  }

  #makePlan(): void {
    const roster = this.#roster
    const input = {
      epoch: this.#committee.epoch + 1,
      seed: this.#nextSeed as Uint8Array,
      incumbents: this.#committee.seats.map(({ memberId }) => (compare(memberId, VACANT.id) === 0 ? null : memberId)),
    }
    const leaving = new Set(this.#rules.divide?.({ ...input, roster, ready: this.#readyOf(roster) })?.map(keyOf))
    const isDivided = leaving.size > 0
    const staying = isDivided ? roster.filter(({ id }) => !leaving.has(keyOf(id))) : roster
    this.#plan = { seed: input.seed, ...this.#planOf(staying, { ...input, isDivided }), sprout: null, loan: null }
    if (isDivided) {
      const sprouting = roster.filter(({ id }) => leaving.has(keyOf(id)))
      this.#plan = { ...this.#plan, sprout: this.#planOf(sprouting, { ...input, incumbents: [], isDivided }) }
    } else this.#plan = this.#withLent(this.#plan)
    this.#mayClose = null
    this.#plans++
    this.#closers = new SeatSet(this.#committee)
    this.#replanners = new SeatSet(this.#committee)
  }

  /** With those who come from the kin: they have no seats yet, since nobody of them follows the neighborhood who could get ready. */
  #withLent(plan: Plan): Plan {
    const lent = this.#offer && this.#lentBy(this.#offer, plan.roster, plan.seed)
    if (!this.#offer || !lent) return plan
    const { lender, epoch, opening } = this.#offer
    const roster = [...plan.roster, ...lent].sort((a, b) => compare(a.id, b.id))
    const ids = lent.map(({ id }) => id).sort(compare)
    return { ...plan, roster, loan: { lender, epoch, opening, lent: ids } }
  }

  /** Who has belonged to the neighborhood in this epoch does not come: whoever of them is gone from the roster left, died or was convicted. */
  #lentBy({ entries }: Offer, roster: readonly RosterEntry[], seed: Uint8Array): RosterEntry[] | null {
    const here = new Set([...roster.map(({ id }) => keyOf(id)), ...this.#members])
    const offered = entries.filter(({ id }) => !here.has(keyOf(id)))
    const room = LIMITS.rosterMax - roster.length
    const chosen = new Set(this.#rules.lend?.({ seed, roster, offered })?.slice(0, room).map(keyOf))
    return chosen.size > 0 ? offered.filter(({ id }) => chosen.has(keyOf(id))) : null
  }

  #planOf(roster: readonly RosterEntry[], input: Omit<SeatingInput, 'roster'>): PlannedPart {
    const chosen = this.#rules.seat({ ...input, roster: this.#readyOf(roster) })
    const byId = new Map(roster.map((entry) => [keyOf(entry.id), entry]))
    return { roster, seats: chosen.map((id) => (id ? (byId.get(keyOf(id)) ?? null) : null)) }
  }

  /** Without those who had a place and did not get ready. */
  #readyOf(roster: readonly RosterEntry[]): RosterEntry[] {
    return roster.filter(({ id }) => !this.#unready.has(keyOf(id)))
  }
}

function isUsable(key: Uint8Array): boolean {
  try {
    assertPublicKey(key)
    return true
  } catch {
    return false
  }
}
