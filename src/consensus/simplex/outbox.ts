/**
 * Effects of a step. What any member can say is sent by the member of rank 0 at once; the others wait their turn and stay silent if they saw it. Ranks rotate with
 * the slot. An observer publishes nothing.
 */

import { type Committee, turnOf } from '../committee.ts'
import { type Ballot, ballotBytes } from './ballot.ts'
import type { SimplexEffect } from './effects.ts'

type Published = Extract<SimplexEffect, { kind: 'publish' }>['what']

export class Outbox {
  readonly #committee: Committee
  readonly #seat: number | null
  #effects: SimplexEffect[] = []

  constructor(committee: Committee, seat: number | null) {
    this.#committee = committee
    this.#seat = seat
  }

  add(effect: SimplexEffect): void {
    this.#effects.push(effect)
  }

  /** Publishes what only this member can say. */
  own(what: Published, bytes: Uint8Array, slot: number): void {
    if (this.#seat !== null) this.#effects.push({ kind: 'publish', what, bytes, rank: 0, slot })
  }

  ballot(ballot: Ballot): void {
    this.own('ballot', ballotBytes(this.#committee, ballot), ballot.slot)
  }

  /** Publishes in turn what others can say as well; `turn` says whose turn is first. */
  ranked(what: Published, bytes: Uint8Array, slot: number | null, turn: number): void {
    const rank = turnOf(this.#committee, this.#seat, turn)
    if (rank !== null) this.#effects.push({ kind: 'publish', what, bytes, rank, slot })
  }

  /** All effects since the last call. */
  take(): SimplexEffect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }
}
