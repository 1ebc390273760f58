/**
 * When votes are signed, part of the agreement: at once where few wait; under load they are gathered, for as long as the turn before took but no longer than
 * `GATHER_MS_MAX`, and one batch says what several turns brought.
 */

import type { Schedule } from '../kernel/schedule.ts'

const GATHER_MS_MAX = 50
/** A batch of no more votes than so many is no load. */
const FEW_VOTES = 2

export class Gathering {
  #turnBeganMs = Number.POSITIVE_INFINITY
  #turnMs = 0
  #untilMs = 0
  #waiting = false

  /** A message is looked at: with the first one the turn begins. */
  turnBegins(nowMs: number): void {
    this.#turnBeganMs = Math.min(this.#turnBeganMs, nowMs)
  }

  /** The turn ends. True where the votes that wait are to be signed now. */
  turnEnds(nowMs: number): boolean {
    this.#turnMs = Math.max(0, nowMs - this.#turnBeganMs)
    this.#turnBeganMs = Number.POSITIVE_INFINITY
    return nowMs >= this.#untilMs
  }

  /** A batch of so many votes was signed. */
  signed(votes: number, nowMs: number): void {
    if (votes > FEW_VOTES) this.#untilMs = nowMs + Math.min(this.#turnMs, GATHER_MS_MAX)
  }

  /** Calls `over` when the votes that wait are to be signed. */
  wait(schedule: Schedule, nowMs: number, over: () => void): void {
    if (this.#waiting) return
    this.#waiting = true
    schedule.after(this.#untilMs - nowMs, 'gather votes', () => {
      this.#waiting = false
      over()
    })
  }
}
