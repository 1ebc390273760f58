/**
 * How often each sender may ask for something that costs: a bucket of tokens each, in a bounded number of senders.
 */

import { toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import type { Clock } from './ports.ts'

/** Buckets by sender: `perSecond` flow in, at most `burst` are kept. */
export class Allowance {
  readonly #clock: Clock
  readonly #perSecond: number
  readonly #burst: number
  readonly #sendersMax: number
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>()

  constructor(
    clock: Clock,
    bounds: { readonly perSecond: number; readonly burst: number; readonly sendersMax: number },
  ) {
    this.#clock = clock
    this.#perSecond = bounds.perSecond
    this.#burst = bounds.burst
    this.#sendersMax = bounds.sendersMax
  }

  /** Takes one token of a sender. Throws `flooding` where there is none. The sender that asked least recently makes room for a new one. */
  take(sender: Uint8Array): void {
    const name = toHex(sender)
    const nowMs = this.#clock.monotonicMs()
    const bucket = this.#buckets.get(name) ?? { tokens: this.#burst, atMs: nowMs }
    this.#buckets.delete(name)
    this.#buckets.set(name, bucket)
    if (this.#buckets.size > this.#sendersMax) {
      const [oldest] = this.#buckets.keys()
      this.#buckets.delete(oldest as string)
    }
    bucket.tokens = Math.min(this.#burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * this.#perSecond)
    bucket.atMs = nowMs
    if (bucket.tokens < 1) throw new WebxError('flooding', `more than ${this.#perSecond} a second of one sender`)
    bucket.tokens--
  }

  /** Gives back a token: what was asked for has cost nothing. */
  giveBack(sender: Uint8Array): void {
    const bucket = this.#buckets.get(toHex(sender))
    if (bucket) bucket.tokens = Math.min(this.#burst, bucket.tokens + 1)
  }
}
