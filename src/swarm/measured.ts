/**
 * Whom to ask first to relay, to stand by or to keep a copy, by what was measured: the topology of traffic.
 *
 * Each node orders the others for itself, by its own measurements, and nobody has to agree. Who votes is never decided by it (`seating.ts`).
 */

import { compare } from '../core/bytes.ts'
import { CAPABILITY } from './roles.ts'

/** What one node knows of another. */
export interface Measured {
  /** 32-byte identity. */
  readonly id: Uint8Array
  /** Bits of `CAPABILITY`. */
  readonly capabilities: number
  /** Time to it and back, smoothed; null where it was never measured. */
  readonly roundTripMs: number | null
  /** How busy it says it is, in percent. */
  readonly load: number
}

/** From here on somebody is asked only when all others have been. */
const BUSY_PERCENT = 90
/** A time this short is as good as none. */
const NEAR_MS = 2

/**
 * The best first: who has time before who is busy, who offers itself as a relay before who does not, then the nearer, the less loaded, the lower identity.
 *
 * Times count by powers of two, or else the order would change with every measurement, and with it what flows where.
 */
export function relayOrder(peers: readonly Measured[]): Measured[] {
  return peers.toSorted(
    (a, b) =>
      Number(a.load >= BUSY_PERCENT) - Number(b.load >= BUSY_PERCENT) ||
      (b.capabilities & CAPABILITY.relay) - (a.capabilities & CAPABILITY.relay) ||
      distance(a) - distance(b) ||
      a.load - b.load ||
      compare(a.id, b.id),
  )
}

/** Powers of two of the round trip; what was never measured is farthest, but not infinitely far, so that differences are numbers. */
function distance({ roundTripMs }: Measured): number {
  return roundTripMs === null ? 64 : Math.floor(Math.log2(Math.max(roundTripMs, NEAR_MS)))
}
