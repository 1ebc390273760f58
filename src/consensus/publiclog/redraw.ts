/**
 * New MasterNodes for the public log, where the drawn ones stall or show two views: who asks for them, who they are, and where they go on.
 *
 * A vote is [generation, seed, size, root], cosigned by members as kind 1 of a bundle (`cosignature.ts`); more than two thirds of the weight of the home in which the log is seated
 * over one vote decide, and all others follow. The base (size, root) is the newest head that a voter has seen carried (`homes-count.ts`). A voter votes once for a number, durably, and cosigns nothing of a lower one
 * any more: so a number has one decision. Where the votes for it split, the next number is voted for. Any leaf that was
 * final had two thirds hold the proof of a head above it before they cosigned, so every decision for a higher number has an honest voter whose base covers it: what is final stays.
 * What was cosigned and not yet final may go, which is why the new generation's log has a name of its own.
 *
 * Each draw has 25 seats: MasterNodes are trusted for liveness only, so a captured draw costs one more draw and nothing else.
 */

import { compare, concat } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { blake3Of } from '../../core/digest.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import { SUBJECT, type Subject } from './cosignature.ts'
import type { TreeHead } from './proof.ts'

/** Seats of a draw. */
export const MASTER_NODES = 25

/** What is voted for. */
export interface RedrawVote {
  /** The generation that begins. */
  readonly generation: number
  /** 32-byte seed of the draw. */
  readonly seed: Uint8Array
  /** What the new generation's log begins with. */
  readonly base: TreeHead
}

export function redrawSubject({ generation, seed, base }: RedrawVote): Subject {
  return { kind: SUBJECT.redraw, content: encode([generation, seed, base.size, base.root]) }
}

/** Throws `bad-shape`, `not-canonical`. */
export function readRedraw({ kind, content }: Subject): RedrawVote {
  if (kind !== SUBJECT.redraw) throw new WebxError('bad-shape', 'not a vote to draw anew')
  const fields = Fields.of('redraw', content, LIMITS.logTextBytesMax)
  const generation = fields.uint('generation')
  const seed = fields.bytes('seed', 32)
  const base = { size: fields.uint('size', LIMITS.logLeavesMax), root: fields.bytes('root', 32) }
  fields.end()
  if (generation === 0) throw new WebxError('bad-shape', 'redraw: the first generation is not drawn anew')
  return { generation, seed, base }
}

/** The seed with which a generation is drawn, out of the public epoch's: nobody chooses it. */
export function redrawSeed(seed: Uint8Array, generation: number): Uint8Array {
  return blake3Of('webx v1 redraw', encode([seed, generation]))
}

/** Identities of the MasterNodes of a seed: those with the lowest hashes among the capable, in that order. */
export function drawMasterNodes(
  seed: Uint8Array,
  capable: readonly Uint8Array[],
  seats: number = MASTER_NODES,
): Uint8Array[] {
  return capable
    .map((id) => ({ id, rank: blake3Of('webx v1 masternode', concat(seed, id)) }))
    .sort((a, b) => compare(a.rank, b.rank))
    .slice(0, seats)
    .map(({ id }) => id)
}

/** Counts missed checkpoints, in ticks that somebody with a clock hands in. */
export class Patience {
  readonly #missedMax: number
  #missed = 0

  constructor(missedMax: number = LIMITS.logMissedCheckpointsMax) {
    this.#missedMax = missedMax
  }

  /** A checkpoint came that this node has cosigned. */
  relieved(): void {
    this.#missed = 0
  }

  /** A checkpoint's time has passed; `wanted`: something waited for it. True where it is time to draw anew. */
  tick(wanted: boolean): boolean {
    if (wanted) this.#missed++
    return this.exhausted
  }

  /** There is evidence that the drawn have shown two views. */
  forked(): void {
    this.#missed = this.#missedMax
  }

  get exhausted(): boolean {
    return this.#missed >= this.#missedMax
  }
}
