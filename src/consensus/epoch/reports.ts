/**
 * Reports on what was certified, collected until a quorum of them is complete: the common heart of unlocking a slot and of closing an epoch.
 *
 * A report lists versions of which its seat holds the certificate, as of after it froze. It is complete once a certificate of everything in it has been ordered, by whomever: nobody can
 * claim what is not, and nobody honest stays incomplete, since it hands in what it lists. SETTLED means that a quorum durably held the certificate *and confirmed before freezing*; any quorum of complete
 * reports shares an honest seat with that one, so what is settled is always among what complete reports list. What is only certified may be missing, and then was never final.
 */

import type { Committee } from '../committee.ts'
import { keyOf, slotName } from '../key.ts'
import { SeatSet } from './seatset.ts'
import type { Decided } from './transaction.ts'

interface Report {
  readonly parts: (readonly Decided[] | undefined)[]
  /** Entries whose certificate has not been ordered yet, by name. */
  readonly lacking: Set<string>
}

export class Reports {
  readonly #reports = new Map<number, Report>()
  readonly #proven: (name: string) => boolean
  readonly #complete: SeatSet
  readonly #listed = new Map<string, Decided>()

  /** `proven` tells whether a certificate of an entry was ordered before, by `entryName`. */
  constructor(committee: Committee, proven: (name: string) => boolean) {
    this.#complete = new SeatSet(committee)
    this.#proven = proven
  }

  /** Takes in a part of a seat's report; its first word about each part stands. */
  add(seat: number, part: number, parts: number, entries: readonly Decided[]): void {
    let report = this.#reports.get(seat)
    if (!report) {
      report = { parts: Array.from({ length: parts }, () => undefined), lacking: new Set() }
      this.#reports.set(seat, report)
    }
    if (report.parts.length !== parts || report.parts[part]) return
    report.parts[part] = entries
    for (const entry of entries) {
      const name = entryName(entry)
      if (!this.#proven(name)) report.lacking.add(name)
    }
    this.#consider(seat, report)
  }

  /** A certificate of this entry was ordered. */
  prove(name: string): void {
    for (const [seat, report] of this.#reports) if (report.lacking.delete(name)) this.#consider(seat, report)
  }

  has(seat: number): boolean {
    return this.#reports.has(seat)
  }

  /** A quorum of reports is complete. */
  get isQuorum(): boolean {
    return this.#complete.isQuorum
  }

  /** Everything that complete reports list, each entry once, in the order of objects and versions. */
  union(): Decided[] {
    return [...this.#listed].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
  }

  #consider(seat: number, { parts, lacking }: Report): void {
    if (lacking.size > 0 || parts.includes(undefined) || !this.#complete.add(seat)) return
    for (const entry of parts.flatMap((part) => part ?? [])) {
      this.#listed.set(keyOf(entry.oid) + entry.version.toString().padStart(16, '0') + keyOf(entry.od), entry)
    }
  }
}

/** One name for each order at each version of each object. */
export function entryName({ oid, version, od }: Decided): string {
  return `${slotName(keyOf(oid), version)} ${keyOf(od)}`
}
