/**
 * Who accuses whom, and what follows from it.
 *
 * Nobody is held for dead on hearsay. A member is *suspect* while anybody accuses him. He is *dead* once this node cannot reach him itself, members of three
 * rows say the same, and he has not been heard for the time of suspicion since. So liars can slow a verdict down, but kill nobody whom the others hear.
 */

import { LIMITS } from '../core/limits.ts'
import { NOWHERE, type Surroundings } from './surroundings.ts'

export type Status = 'alive' | 'suspect' | 'dead'

/** What has become of a member. */
export interface Change {
  readonly about: string
  readonly status: Status
  /** Who accuses him at the moment. */
  readonly accusers: readonly string[]
}

interface Accusation {
  readonly incarnation: number
  readonly atMs: number
}

interface Record {
  /** The newest incarnation that he himself told. */
  incarnation: number
  heardMs: number
  status: Status
  /** Since when enough rows and this node itself accuse him. */
  condemnedMs: number | null
  readonly accusations: Map<string, Accusation>
}

/** What one member knows of the others. */
export class Suspects {
  readonly #self: string
  readonly #records = new Map<string, Record>()
  #surroundings: Surroundings = NOWHERE

  constructor(self: string) {
    this.#self = self
  }

  /** Takes over other surroundings; what is known of those who stay is kept. */
  surround(surroundings: Surroundings): void {
    const members = new Set(surroundings.members)
    members.delete(this.#self)
    this.#surroundings = surroundings
    for (const name of this.#records.keys()) if (!members.has(name)) this.#records.delete(name)
    for (const name of members) {
      if (!this.#records.has(name)) this.#records.set(name, newRecord())
    }
    for (const { accusations } of this.#records.values()) {
      for (const name of accusations.keys()) if (name !== this.#self && !members.has(name)) accusations.delete(name)
    }
  }

  /** True for a member other than this one. */
  has(name: string): boolean {
    return this.#records.has(name)
  }

  statusOf(name: string): Status | null {
    return this.#records.get(name)?.status ?? null
  }

  incarnationOf(name: string): number {
    return this.#records.get(name)?.incarnation ?? 0
  }

  /** When he was last heard himself. */
  heardMsOf(name: string): number {
    return this.#records.get(name)?.heardMs ?? Number.NEGATIVE_INFINITY
  }

  /** Notes that he was heard himself: what this node held against him is over, and what others did before he told a higher incarnation. */
  hear(name: string, incarnation: number, nowMs: number): void {
    const record = this.#records.get(name)
    if (!record) return
    record.heardMs = nowMs
    record.incarnation = Math.max(record.incarnation, incarnation)
    record.accusations.delete(this.#self)
    for (const [accuser, accusation] of record.accusations) {
      if (accusation.incarnation < record.incarnation) record.accusations.delete(accuser)
    }
  }

  /** True while this node itself accuses him. */
  accuses(about: string): boolean {
    return this.#records.get(about)?.accusations.has(this.#self) ?? false
  }

  /** True while others accuse him in as many rows as it takes. */
  isProven(about: string): boolean {
    const others = [...(this.#records.get(about)?.accusations.keys() ?? [])].filter((name) => name !== this.#self)
    return this.#rowsOf(others) >= this.#rowsNeeded(about)
  }

  /** Notes an accusation by a member, unless its target has answered it already. */
  accuse(accuser: string, about: string, incarnation: number, nowMs: number): void {
    const record = this.#records.get(about)
    if (!record || accuser === about || incarnation < record.incarnation) return
    record.accusations.set(accuser, { incarnation, atMs: nowMs })
  }

  withdraw(accuser: string, about: string): void {
    this.#records.get(about)?.accusations.delete(accuser)
  }

  /** When a verdict is due; Infinity where none is. */
  dueMs(suspicionMs: number): number {
    let first = Number.POSITIVE_INFINITY
    for (const { condemnedMs, status } of this.#records.values()) {
      if (condemnedMs !== null && status !== 'dead') first = Math.min(first, condemnedMs + suspicionMs)
    }
    return first
  }

  /** What has changed up to now. */
  review(nowMs: number, suspicionMs: number): Change[] {
    const changes: Change[] = []
    for (const [about, record] of this.#records) {
      if (record.accusations.size === 0 && record.status === 'alive') continue
      const status = this.#judge(about, record, nowMs, suspicionMs)
      if (status === record.status) continue
      record.status = status
      changes.push({ about, status, accusers: [...record.accusations.keys()] })
    }
    return changes
  }

  #judge(about: string, record: Record, nowMs: number, suspicionMs: number): Status {
    const { accusations } = record
    for (const [accuser, { atMs }] of accusations) {
      // one's own stands until he is heard
      if (accuser !== this.#self && nowMs - atMs >= LIMITS.swimAccusationMsMax) accusations.delete(accuser)
    }
    if (accusations.size === 0) record.condemnedMs = null
    if (accusations.size === 0) return 'alive'
    // the dead stay dead until they are heard
    if (record.status === 'dead' && accusations.has(this.#self)) return 'dead'
    if (!accusations.has(this.#self) || this.#rowsOf(accusations.keys()) < this.#rowsNeeded(about)) {
      record.condemnedMs = null
      return 'suspect'
    }
    record.condemnedMs ??= nowMs
    return nowMs - record.condemnedMs >= suspicionMs ? 'dead' : 'suspect'
  }

  #rowsOf(names: Iterable<string>): number {
    const rows = new Set<number>()
    for (const name of names) {
      const row = this.#surroundings.row(name)
      if (row !== null) rows.add(row)
    }
    return rows.size
  }

  /** Three rows, or as many as there are without him. */
  #rowsNeeded(about: string): number {
    const others = this.#surroundings.members.filter((name) => name !== about)
    return Math.min(LIMITS.swimAccusingRowsMin, this.#rowsOf(others))
  }
}

function newRecord(): Record {
  return {
    incarnation: 0,
    heardMs: Number.NEGATIVE_INFINITY,
    status: 'alive',
    condemnedMs: null,
    accusations: new Map(),
  }
}
