/**
 * The way of a node that was not there: from hand-over to hand-over up to the newest epoch, and then the settled state with which that one began, chunk by chunk.
 *
 * Nobody is believed: each hand-over is signed by a quorum of the seats that the one before named, and the state root stands in the last of them. A member that is only a moment behind gets
 * on by itself before this begins to fetch anything.
 */

import { asWebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Committee } from '../committee.ts'
import { StateImport } from '../state-import.ts'
import type { Passed } from './handover.ts'
import { committeeOfOpening } from './opening.ts'

/** How long a node that is a moment behind may take to get on by itself. */
const GRACE_MS = 1_500
/** How long an answer is waited for; and how soon more is asked for once all of it has come, which nobody takes for flooding. */
const ASK_MS = 500
const NEXT_ASK_MS = 2 * LIMITS.followingIntervalMsMin

/** Where the walk has come to. */
export interface Stand extends Passed {
  readonly committee: Committee
}

/** What is to be asked: the hand-over that ended an epoch, and chunks of the state with which it began. `attempt` changes who is to answer. */
export interface Wanted {
  readonly epoch: number
  readonly chunks: readonly number[]
  readonly attempt: number
}

export class Succession {
  readonly #stands: Stand[] = []
  #import: StateImport | null = null
  #fromMs = 0
  #askedMs = Number.NEGATIVE_INFINITY
  /** Chunks that were asked for last and have not come. */
  readonly #awaited = new Set<number>()
  #attempt = 0
  #asks = 0

  /** The newest epoch that the walk has come to; null before the first step. */
  get stand(): Stand | null {
    return this.#stands.at(-1) ?? null
  }

  /** All steps of the walk, the first one first. */
  get stands(): readonly Stand[] {
    return this.#stands
  }

  /** How often was asked for what the newest stand began with. */
  get asks(): number {
    return this.#asks
  }

  /** A verified step, from the newest stand or from the epoch under way. `mayGetOn`: this node has followed the epoch under way, and may come to its end by itself. */
  step({ opening, openingBytes, handOver }: Passed, nowMs: number, mayGetOn: boolean): void {
    if (this.#stands.length === 0) this.#fromMs = mayGetOn ? nowMs + GRACE_MS : nowMs
    if (this.#stands.length >= LIMITS.successionStepsMax) this.#stands.shift()
    this.#stands.push({ opening, openingBytes, handOver, committee: committeeOfOpening(opening) })
    this.#import = new StateImport(opening.stateRoot)
    this.#awaited.clear()
    this.#asks = 0
  }

  /** What to ask now; null for nothing. */
  wanted(nowMs: number): Wanted | null {
    const { stand } = this
    if (!stand || !this.#import || nowMs < this.#nextMs) return null
    this.#askedMs = nowMs
    this.#attempt++
    this.#asks++
    const chunks = this.#import.missing(LIMITS.stateChunksPerAskMax)
    this.#awaited.clear()
    for (const index of chunks) this.#awaited.add(index)
    return { epoch: stand.opening.epoch, chunks, attempt: this.#attempt }
  }

  wakeAtMs(): number | null {
    return this.#import ? this.#nextMs : null
  }

  get #nextMs(): number {
    return Math.max(this.#fromMs, this.#askedMs + (this.#awaited.size > 0 ? ASK_MS : NEXT_ASK_MS))
  }

  /** Takes in a chunk; one that is not what the root names is nothing. Returns the whole state where this was the last. */
  take(epoch: number, index: number, bytes: Uint8Array): StateImport | null {
    if (!this.#import || this.stand?.opening.epoch !== epoch) return null
    try {
      this.#import.take(index, bytes)
    } catch (error) {
      if (asWebxError(error).fault === 'ours') throw error
      return null
    }
    this.#awaited.delete(index)
    if (this.#import.missing(1).length > 0) return null
    return this.#import
  }
}
