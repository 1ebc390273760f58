/**
 * What is known of each slot: who proposed what, who voted how, which certificates there are, and what this member itself has said.
 *
 * A seat's first ballot of a kind stands and is counted, by bitmap; a later one that the rules forbid beside it is an offence and never counted.
 */

import { equal } from '../../core/bytes.ts'
import type { Committee } from '../committee.ts'
import { keyOf } from '../key.ts'
import { BALLOT, type Ballot, type BallotKind, type Verdict } from './ballot.ts'
import type { SignedCandidateHeader } from './candidate.ts'

/** A certificate that is held: what it is for, and the statement. */
export interface HeldCertificate {
  readonly hash: Uint8Array
  readonly bytes: Uint8Array
}

/** What this member has said in a slot, or is about to: it is never taken back, and what contradicts it is never said. */
export interface OwnWords {
  proposed: boolean
  notarize: Uint8Array | null
  skip: boolean
  finalize: Uint8Array | null
}

interface Count {
  mask: number
  weight: number
}

export class Slot {
  readonly number: number
  /** Signed headers of the leader; the second one convicts it, and there is no third. */
  readonly proposals: SignedCandidateHeader[] = []
  readonly mine: OwnWords = { proposed: false, notarize: null, skip: false, finalize: null }
  /** When the first candidate came, for the delay of votes. */
  candidateMs: number | null = null
  /** Seats that were accused here for their ballots, as bits. */
  accused = 0
  readonly #certificates: (HeldCertificate | null)[] = [null, null, null]
  readonly #ballots: (Ballot | undefined)[][] = [[], [], []]
  readonly #counts = new Map<string, Count>()

  constructor(number: number) {
    this.number = number
  }

  /** Counts a ballot; false where its seat has cast one of that kind before. */
  count(ballot: Ballot, weight: number): boolean {
    const ballots = this.#ballots[ballot.kind] as (Ballot | undefined)[]
    if (ballots[ballot.seat]) return false
    ballots[ballot.seat] = ballot
    const name = nameOf(ballot)
    const count = this.#counts.get(name) ?? { mask: 0, weight: 0 }
    count.mask |= 1 << ballot.seat
    count.weight += weight
    this.#counts.set(name, count)
    return true
  }

  weight(verdict: Verdict): number {
    return this.#counts.get(nameOf(verdict))?.weight ?? 0
  }

  ballot(kind: BallotKind, seat: number): Ballot | null {
    return this.#ballots[kind]?.[seat] ?? null
  }

  /** All counted ballots that say the same. */
  ballotsFor(verdict: Verdict): Ballot[] {
    const ballots = this.#ballots[verdict.kind] as (Ballot | undefined)[]
    return ballots.filter((ballot): ballot is Ballot => ballot !== undefined && equal(ballot.hash, verdict.hash))
  }

  ballotsOf(seat: number): Ballot[] {
    return this.#ballots.flatMap((ballots) => ballots[seat] ?? [])
  }

  /** True where this seat has said something here. */
  hasHeard(seat: number): boolean {
    return this.proposals.some(({ leader }) => leader === seat) || this.ballotsOf(seat).length > 0
  }

  /** An earlier ballot of the same seat that the rules forbid beside this one: it names another block, or one says FINALIZE and the other SKIP. */
  conflict(ballot: Ballot): Ballot | null {
    const opposed = (other: Ballot): boolean => {
      const kinds = [ballot.kind, other.kind]
      if (kinds.includes(BALLOT.skip)) return kinds.includes(BALLOT.finalize)
      return !equal(other.hash, ballot.hash)
    }
    return this.ballotsOf(ballot.seat).find(opposed) ?? null
  }

  /** Seats that voted for a block, as bits. */
  voters(hash: Uint8Array): number {
    const [notarize, finalize] = [BALLOT.notarize, BALLOT.finalize].map(
      (kind) => this.#counts.get(nameOf({ kind, slot: this.number, hash }))?.mask ?? 0,
    )
    return ((notarize ?? 0) | (finalize ?? 0)) >>> 0
  }

  certificate(kind: BallotKind): HeldCertificate | null {
    return this.#certificates[kind] ?? null
  }

  hold(kind: BallotKind, certificate: HeldCertificate): void {
    this.#certificates[kind] = certificate
  }

  /** True where something was said here by anybody. */
  get touched(): boolean {
    return this.proposals.length > 0 || this.#counts.size > 0
  }

  /** True where the lane may go on to the next slot. */
  get resolved(): boolean {
    return this.certificate(BALLOT.notarize) !== null || this.certificate(BALLOT.skip) !== null
  }

  /** Lets go of the votes of a slot that was skipped long ago: its certificate says all that is needed. */
  compact(): void {
    for (const ballots of this.#ballots) ballots.length = 0
    this.#counts.clear()
    this.proposals.length = 0
  }
}

/** The slots that are remembered. */
export class Slots {
  readonly #slots = new Map<number, Slot>()
  readonly #committee: Committee

  constructor(committee: Committee) {
    this.#committee = committee
  }

  get(number: number): Slot | null {
    return this.#slots.get(number) ?? null
  }

  ensure(number: number): Slot {
    let slot = this.#slots.get(number)
    if (!slot) {
      slot = new Slot(number)
      this.#slots.set(number, slot)
    }
    return slot
  }

  /** True where a ballot is counted for the first time. */
  count(ballot: Ballot): boolean {
    return this.ensure(ballot.slot).count(ballot, this.#committee.seats[ballot.seat]?.weight ?? 0)
  }

  isSkipped(number: number): boolean {
    return this.#slots.get(number)?.certificate(BALLOT.skip) != null
  }

  /** The block that a quorum has notarized there, or null. */
  notarized(number: number): Uint8Array | null {
    return this.#slots.get(number)?.certificate(BALLOT.notarize)?.hash ?? null
  }

  all(): Iterable<Slot> {
    return this.#slots.values()
  }

  delete(number: number): void {
    this.#slots.delete(number)
  }

  get size(): number {
    return this.#slots.size
  }
}

function nameOf({ kind, hash }: Verdict): string {
  return kind + keyOf(hash)
}
