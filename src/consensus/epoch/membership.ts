/**
 * Who comes, goes, stays away or lies during an epoch. It takes effect with the next one.
 */

import { equal } from '../../core/bytes.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Committee } from '../committee.ts'
import { keyOf } from '../key.ts'
import type { RosterEntry } from './rules.ts'
import { SeatSet } from './seatset.ts'

/** How many seats must answer for an applicant. */
export const VOUCHERS_MIN = 2

/** Somebody who asks to be taken in. */
export interface Applicant {
  readonly entry: Omit<RosterEntry, 'voucher'>
  /** In the order in which all applied in this epoch, the first one 0. */
  readonly place: number
  /** Numbers of the seats that answer for it, the first one first. */
  readonly vouchers: readonly number[]
}

export class Membership {
  readonly #committee: Committee
  readonly #roster: ReadonlyMap<string, RosterEntry>
  readonly #applicants = new Map<string, { entry: Applicant['entry']; place: number; vouchers: number[] }>()
  readonly #vouched: SeatSet
  readonly #leaving = new Set<string>()
  readonly #accused = new Map<string, SeatSet>()
  readonly #answers = new Map<string, number>()
  readonly #convicted = new Map<string, Uint8Array>()

  constructor(committee: Committee, roster: readonly RosterEntry[]) {
    this.#committee = committee
    this.#roster = new Map(roster.map((entry) => [keyOf(entry.id), entry]))
    this.#vouched = new SeatSet(committee)
  }

  entryOf(id: Uint8Array): RosterEntry | null {
    return this.#roster.get(keyOf(id)) ?? null
  }

  /** Takes in an applicant; false where it belongs to the neighborhood already, or too many apply in one epoch. */
  apply(entry: Applicant['entry']): boolean {
    const name = keyOf(entry.id)
    if (this.#roster.has(name) || this.#applicants.has(name)) return false
    if (this.#applicants.size >= LIMITS.applicantsPerEpochMax) return false
    const others = [...this.#roster.values(), ...[...this.#applicants.values()].map((applicant) => applicant.entry)]
    if (others.some(({ vrfKey }) => equal(vrfKey, entry.vrfKey))) return false
    this.#applicants.set(name, { entry, place: this.#applicants.size, vouchers: [] })
    return true
  }

  /** A seat answers for an applicant: once in an epoch. */
  vouch(seat: number, id: Uint8Array): void {
    const applicant = this.#applicants.get(keyOf(id))
    if (!applicant || this.#vouched.has(seat)) return
    this.#vouched.add(seat)
    applicant.vouchers.push(seat)
  }

  /** Applicants whom too few have answered for yet, in the order in which they applied. */
  waiting(): Applicant[] {
    return [...this.#applicants.values()].filter(({ vouchers }) => vouchers.length < this.#needed)
  }

  hasVouched(seat: number): boolean {
    return this.#vouched.has(seat)
  }

  leave(id: Uint8Array): void {
    if (this.#roster.has(keyOf(id))) this.#leaving.add(keyOf(id))
  }

  /** A seat says that a member does not answer. */
  accuse(seat: number, id: Uint8Array): void {
    const name = keyOf(id)
    if (!this.#roster.has(name)) return
    let accusers = this.#accused.get(name)
    if (!accusers) {
      accusers = new SeatSet(this.#committee)
      this.#accused.set(name, accusers)
    }
    accusers.add(seat)
  }

  hasAccused(seat: number, id: Uint8Array): boolean {
    return this.#accused.get(keyOf(id))?.has(seat) ?? false
  }

  /** The accused answers: what was said against it is void. */
  answer(id: Uint8Array): void {
    if (this.#accused.delete(keyOf(id))) this.#answers.set(keyOf(id), this.answersOf(id) + 1)
  }

  /** How often it has answered: no more often than there are seats, for each accuses once in an epoch. */
  answersOf(id: Uint8Array): number {
    return this.#answers.get(keyOf(id)) ?? 0
  }

  isAccused(id: Uint8Array): boolean {
    return this.#accused.has(keyOf(id))
  }

  /** Evidence against a member was ordered. False where it is none, or was convicted before. */
  convict(id: Uint8Array): boolean {
    if (!this.mayConvict(id)) return false
    this.#convicted.set(keyOf(id), id.slice())
    return true
  }

  /** Whether evidence against somebody would change anything. */
  mayConvict(id: Uint8Array): boolean {
    const name = keyOf(id)
    return this.#roster.has(name) && !this.#convicted.has(name)
  }

  get convicted(): Uint8Array[] {
    return [...this.#convicted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, id]) => id)
  }

  /** True where the next epoch would begin with other people than this one. */
  get hasChanged(): boolean {
    if (this.#applicants.size + this.#leaving.size + this.#accused.size + this.#convicted.size === 0) return false
    const next = this.next(0)
    return next.length !== this.#roster.size || next.some(({ id }) => !this.#roster.has(keyOf(id)))
  }

  /**
   * Everyone who belongs to the neighborhood from the epoch `since` on, sorted by identity. Newcomers come last in line for a place on the roster.
   *
   * Of those who have seats no more than an eighth leave at once, and the dead only where spares stand by: a seat that is given up takes its weight from the quorum, and whoever could have many
   * honest seats given up in one epoch would be the majority of what is left. Who was convicted goes at once.
   */
  next(since: number): RosterEntry[] {
    const gone = this.#gone()
    const staying = [...this.#roster.values()].filter(({ id }) => !gone.has(keyOf(id)))
    const admitted = [...this.#applicants.values()].filter(({ vouchers }) => vouchers.length >= this.#needed)
    const entries = admitted.map(({ entry, vouchers }): RosterEntry => {
      return { ...entry, voucher: this.#rootOf(this.#committee.seats[vouchers[0] as number]?.memberId), since }
    })
    const roster = [...staying, ...entries].slice(0, LIMITS.rosterMax)
    return roster.sort((a, b) => (keyOf(a.id) < keyOf(b.id) ? -1 : 1))
  }

  /** Whoever stands at the root of a voucher's own tree: so that a tree does not fall apart when one in its middle leaves. */
  #rootOf(voucher: Uint8Array | undefined): Uint8Array {
    const entry = voucher && this.entryOf(voucher)
    if (!entry) return NOBODY
    return entry.voucher.some((byte) => byte !== 0) ? entry.voucher : entry.id
  }

  get #needed(): number {
    return Math.min(VOUCHERS_MIN, this.#committee.seats.length)
  }

  /** Names of those who go with this epoch. */
  #gone(): Set<string> {
    const seated = new Set(
      this.#committee.seats.flatMap(({ memberId, weight }) => (weight > 0 ? [keyOf(memberId)] : [])),
    )
    const dead = [...this.#accused].flatMap(([name, accusers]) => (accusers.isBelieved ? [name] : []))
    const gone = new Set(this.#convicted.keys())
    for (const name of [...this.#leaving, ...dead]) if (!seated.has(name)) gone.add(name)
    let spares = [...this.#roster.keys()].filter((name) => !seated.has(name) && !gone.has(name)).length
    let left = Math.max(1, Math.floor(seated.size / 8))
    for (const name of [...this.#leaving, ...dead]) {
      if (gone.has(name) || left === 0 || (spares === 0 && !this.#leaving.has(name))) continue
      gone.add(name)
      left--
      spares = Math.max(0, spares - 1)
    }
    return gone
  }
}

const NOBODY = new Uint8Array(32)
