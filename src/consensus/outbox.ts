/**
 * Effects of a step, and the rank that keeps 25 members from all sending the same bytes.
 *
 * What any member can send (a certificate, a settlement, somebody's order) is sent by the member of rank 0 at once; the others wait their turn and stay silent if
 * they saw it. Ranks rotate with the first byte of the order's digest. An observer sends nothing.
 */

import { type Committee, turnOf } from './committee.ts'
import type { Effect, Statement } from './effects.ts'

/** The slot that a statement is about. */
export interface SlotName {
  readonly oid: Uint8Array
  readonly version: number
}

export class Outbox {
  readonly #committee: Committee
  readonly #seat: number | null
  readonly #sent = new Set<string>()
  #effects: Effect[] = []

  constructor(committee: Committee, seat: number | null) {
    this.#committee = committee
    this.#seat = seat
  }

  add(effect: Effect): void {
    this.#effects.push(effect)
  }

  /** Publishes in turn what others can say as well. */
  publishRanked(what: Statement, bytes: Uint8Array, slot: SlotName, od: Uint8Array): void {
    const rank = turnOf(this.#committee, this.#seat, od[0] as number)
    if (rank !== null) this.#publish(what, bytes, slot, rank)
  }

  /** Publishes an own batch, once a step however many slots ask for it. */
  publishBatch(sequence: number, bytes: Uint8Array, slot: SlotName | null): void {
    const name = `batch ${sequence}`
    if (this.#sent.has(name)) return
    this.#sent.add(name)
    this.#publish('batch', bytes, slot, 0)
  }

  /** All effects since the last call. */
  take(): Effect[] {
    const effects = this.#effects
    this.#effects = []
    this.#sent.clear()
    return effects
  }

  #publish(what: Statement, bytes: Uint8Array, slot: SlotName | null, rank: number): void {
    if (this.#seat === null) return
    this.#effects.push({
      kind: 'publish',
      what,
      bytes,
      rank,
      oid: slot?.oid ?? null,
      version: slot?.version ?? 0,
    })
  }
}
