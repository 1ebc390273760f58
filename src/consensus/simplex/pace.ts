/**
 * When a member loses patience: with a leader (skip timer), and with the network (standstill).
 *
 * The skip timer follows the votes: four times the delay at which they come, longer with every slot that passed since the last final block. Clocks decide when a vote is given, never
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

  constructor(timing: Timing) {
    this.#timing = timing
  }

  /** Votes for a candidate have taken so long to become a quorum. */
  sample(delayMs: number): void {
    this.#delayMs = this.#delayMs === null ? delayMs : this.#delayMs + GAIN * (delayMs - this.#delayMs)
  }

  /** How long a leader is waited for, `passed` slots after the last final one. */
  skipMs(passed: number): number {
    const { skipMs, skipMsMin, skipMsMax } = this.#timing
    const first = this.#delayMs === null ? skipMs : Math.max(skipMsMin, DELAYS * this.#delayMs)
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
  nextSlot(): void {
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
