/**
 * Counts the votes on one question: "which order, at this version of this object?", asked twice, for LOCK and for CONFIRM.
 *
 * A seat counts once. Its first vote stands; a second one for another order is an offence and is handed back, never counted. Proofs are kept until
 * they are no longer needed.
 */

import { equal } from '../core/bytes.ts'
import type { VoteBatch } from './statement.ts'

/** Entry number `index` of a batch. */
export interface CastVote {
  readonly batch: VoteBatch
  readonly index: number
}

/** One answer and who gave it. */
export interface Candidate {
  /** 32-byte digest of the order. */
  readonly od: Uint8Array
  weight: number
  /** By arrival. */
  readonly votes: CastVote[]
}

/** What became of a vote. */
export type Counted =
  | { readonly kind: 'counted'; readonly candidate: Candidate }
  | { readonly kind: 'repeated' }
  /** The seat's earlier vote, for another order. */
  | { readonly kind: 'double'; readonly earlier: CastVote }

const REPEATED: Counted = { kind: 'repeated' }

/** The votes on one question. At most one candidate for each seat. */
export class Votes {
  readonly #candidates: Candidate[] = []
  #voted = 0

  /** Bit i is set where seat i has voted. */
  get voted(): number {
    return this.#voted
  }

  /** Counts a vote of `weight`. */
  add(od: Uint8Array, weight: number, batch: VoteBatch, index: number): Counted {
    const bit = 1 << batch.seat
    if ((this.#voted & bit) !== 0) return this.#again(od, batch.seat)
    this.#voted |= bit
    let candidate = this.candidate(od)
    if (!candidate) {
      candidate = { od, weight: 0, votes: [] }
      this.#candidates.push(candidate)
    }
    candidate.weight += weight
    candidate.votes.push({ batch, index })
    return { kind: 'counted', candidate }
  }

  /** Takes a seat's vote back out. */
  remove(seat: number, weight: number): void {
    if ((this.#voted & (1 << seat)) === 0) return
    this.#voted &= ~(1 << seat)
    for (const candidate of this.#candidates) {
      const at = candidate.votes.findIndex((vote) => vote.batch.seat === seat)
      if (at < 0) continue
      candidate.votes.splice(at, 1)
      candidate.weight -= weight
    }
  }

  /** The votes for one order, or undefined. */
  candidate(od: Uint8Array): Candidate | undefined {
    return this.#candidates.find((candidate) => equal(candidate.od, od))
  }

  /** The candidate with the most weight, or null. */
  get leader(): Candidate | null {
    let leader: Candidate | null = null
    for (const candidate of this.#candidates) if (!leader || candidate.weight > leader.weight) leader = candidate
    return leader
  }

  #again(od: Uint8Array, seat: number): Counted {
    for (const candidate of this.#candidates) {
      const earlier = candidate.votes.find((vote) => vote.batch.seat === seat)
      if (earlier) return equal(candidate.od, od) ? REPEATED : { kind: 'double', earlier }
    }
    return REPEATED
  }
}
