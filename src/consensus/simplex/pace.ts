/**
 * When a member loses patience: with a leader (skip timer), and with the network (standstill).
 *
 * The skip timer follows the votes: four times the delay at which they come, longer with every slot that passed since the last final block. The delay is the median of the newest ones, so
 * that a few that a partition has stretched make nobody patient: members who wait for different times pass each other by. Clocks decide when a vote is given, never whether it may be.
 */

import type { Timing } from './effects.ts'

const DELAYS = 4
/** Few enough to follow the network within a round of leaders, and enough to outvote what one partition has stretched. */
const DELAYS_KEPT = 7
const GROWTH = 1.3

export class Pace {
  readonly #timing: Timing
  /** The newest delays, in the order in which they were seen. */
  readonly #delaysMs: number[] = []
  #waitingMs: number | null = null
  #stillMs: number | null = null
  #repeats = 0

  constructor(timing: Timing) {
    this.#timing = timing
  }

  /** From a candidate to its certificate it has taken so long. */
  sample(delayMs: number): void {
    this.#delaysMs.push(delayMs)
    if (this.#delaysMs.length > DELAYS_KEPT) this.#delaysMs.shift()
  }

  /** How long a leader is waited for, `passed` slots after the last final one. */
  skipMs(passed: number): number {
    const { skipMs, skipMsMin, skipMsMax } = this.#timing
    const delayMs = medianOf(this.#delaysMs)
    const first = delayMs === null ? skipMs : Math.max(skipMsMin, DELAYS * delayMs)
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

/** The value in the middle, of an even number the lower one; null where there are none. */
function medianOf(values: readonly number[]): number | null {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null
}
