/**
 * When a leader has gathered enough, and when a member loses patience: with a leader (skip timer), and with the network (standstill).
 *
 * A leader whose slot has only begun gathers for as long as votes take, so that what comes in a crowd shares blocks; after a silence it proposes at once. The skip timer follows the votes: four times the delay at which they come, longer with every slot that passed since the last final block. Clocks decide when a vote is given, never
 * whether it may be.
 */

import type { Timing } from './effects.ts'

const DELAYS = 4
const GAIN = 1 / 8
const GROWTH = 1.3

export class Pace {
  readonly #timing: Timing
  #delayMs: number | null = null
  #waitingMs: number | null = null
  #stillMs: number | null = null
  #repeats = 0
  #slotBeganMs = Number.NEGATIVE_INFINITY

  constructor(timing: Timing) {
    this.#timing = timing
  }

  /** Votes for a candidate have taken so long to become a quorum. */
  sample(delayMs: number): void {
    this.#delayMs = this.#delayMs === null ? delayMs : this.#delayMs + GAIN * (delayMs - this.#delayMs)
  }

  /** From when on the leader of the present slot may propose. */
  get gatheredAtMs(): number {
    return this.#slotBeganMs + this.#gatherMs
  }

  get #gatherMs(): number {
    return Math.min(this.#timing.gatherMsMax, this.#delayMs ?? 0)
  }

  /** How long a leader is waited for, `passed` slots after the last final one. */
  skipMs(passed: number): number {
    const { skipMs, skipMsMin, skipMsMax } = this.#timing
    const first = this.#delayMs === null ? skipMs : Math.max(skipMsMin, DELAYS * this.#delayMs + this.#gatherMs)
    return Math.min(skipMsMax, first * GROWTH ** passed)
  }

  /** Since when something is waited for in this slot; null while there is nothing to wait for. */
  get waitingMs(): number | null {
    return this.#waitingMs
  }

  /** What holds after a step. */
  observe(nowMs: number, isWaiting: boolean, isStuck: boolean): void {
    this.#waitingMs = isWaiting ? (this.#waitingMs ?? nowMs) : null
    if (!isStuck) this.#repeats = 0
    this.#stillMs = isStuck ? (this.#stillMs ?? nowMs) : null
  }

  /** The next slot has begun. */
  nextSlot(nowMs: number): void {
    this.#slotBeganMs = nowMs
    this.#waitingMs = null
    this.progress()
  }

  progress(): void {
    this.#stillMs = null
    this.#repeats = 0
  }

  /** When to repeat oneself; null while nothing stands still. */
  get repeatAtMs(): number | null {
    const { standstillMs, standstillMsMax } = this.#timing
    return this.#stillMs === null ? null : this.#stillMs + Math.min(standstillMsMax, standstillMs * 2 ** this.#repeats)
  }

  repeated(nowMs: number): void {
    this.#stillMs = nowMs
    this.#repeats++
  }
}
