/**
 * How long the way to each peer takes: a smoothed mean and what nineteen of twenty answers keep to.
 *
 * The mean is that of RFC 6298 (α = 1/8); the rest is counted out of the newest 64 round trips. It serves timers and the placement of spares, relays and copies; no
 * vote, no seat and nothing else that nodes must agree on may depend on it.
 */

import { LIMITS } from '../core/limits.ts'

/** Round trips to one peer. */
export interface RoundTrips {
  readonly meanMs: number
  /** 95 of 100 took no longer. */
  readonly p95Ms: number
  /** How many of the newest ones that was counted from. */
  readonly samples: number
}

const ALPHA = 1 / 8
const SHARE = 0.95

interface Measured {
  meanMs: number
  readonly newestMs: number[]
  next: number
}

export class Latency {
  /** The one measured longest ago first. */
  readonly #peers = new Map<string, Measured>()

  /** Notes one round trip. Throws nothing: what is no time is passed over. */
  note(peer: string, ms: number): void {
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) return
    const measured = this.#peers.get(peer) ?? { meanMs: ms, newestMs: [], next: 0 }
    measured.meanMs += ALPHA * (ms - measured.meanMs)
    measured.newestMs[measured.next] = ms
    measured.next = (measured.next + 1) % LIMITS.latencySamplesMax
    this.#peers.delete(peer)
    this.#peers.set(peer, measured)
    if (this.#peers.size <= LIMITS.latencyPeersMax) return
    for (const oldest of this.#peers.keys()) {
      this.#peers.delete(oldest)
      break
    }
  }

  /** Null for somebody who was not measured, or too long ago. */
  of(peer: string): RoundTrips | null {
    const measured = this.#peers.get(peer)
    if (!measured) return null
    const { meanMs, newestMs } = measured
    return { meanMs, p95Ms: shareOf(newestMs), samples: newestMs.length }
  }

  /** Within what time `count` of these peers answer, by the p95 of each; null where fewer were measured. What a timer that waits for a quorum starts from. */
  reachMs(peers: readonly string[], count: number): number | null {
    const times = peers.flatMap((peer) => this.of(peer)?.p95Ms ?? []).sort((a, b) => a - b)
    return times[count - 1] ?? null
  }
}

function shareOf(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b)
  return sorted[Math.ceil(SHARE * sorted.length) - 1] as number
}
