/**
 * One generation of the public log at one node: the log itself, and the lane of blocks that orders its leaves.
 *
 * Everybody follows the lane; those who were drawn vote in it. Whoever lacks leaves from before the generation takes part once they are here.
 */

import { seatOf } from '../consensus/committee.ts'
import type { Records, Write } from '../consensus/effects.ts'
import type { Opening } from '../consensus/epoch/opening.ts'
import type { LogTerm } from '../consensus/publiclog/checkpoint.ts'
import type { LeafJudge } from '../consensus/publiclog/leaf.ts'
import type { TreeHead } from '../consensus/publiclog/proof.ts'
import { Sequencer } from '../consensus/publiclog/sequencer.ts'
import { logBeginning, logTermOf } from '../consensus/publiclog/term.ts'
import type { SimplexEffect, SimplexEvent } from '../consensus/simplex/effects.ts'
import { createSimplex, type Simplex } from '../consensus/simplex/simplex.ts'

/** What a generation is made of. */
export interface GenerationParts {
  /** Of the epoch. */
  readonly opening: Opening
  readonly generation: number
  /** What it goes on from. */
  readonly base: TreeHead
  /** 32-byte identity of this node. */
  readonly memberId: Uint8Array
  readonly judge: LeafJudge
  readonly records: Records
}

export class Generation {
  readonly term: LogTerm
  readonly base: TreeHead
  readonly sequencer: Sequencer
  /** This node's seat among the MasterNodes, or null. */
  readonly seat: number | null
  readonly #parts: GenerationParts
  #simplex: Simplex | null = null

  /** Throws `inconsistent-log` where the log on the disk is another than was agreed. */
  constructor(parts: GenerationParts) {
    const { opening, generation, base, memberId, judge, records } = parts
    this.#parts = parts
    this.term = logTermOf(opening, generation)
    this.base = base
    this.seat = seatOf(this.term.masterNodes, memberId)
    this.sequencer = new Sequencer({ ...this.term, seat: this.seat, base, network: base.size, judge, records })
  }

  /** The lane; null while leaves are lacking. */
  get simplex(): Simplex | null {
    if (!this.#simplex && this.sequencer.lacks === 0) {
      const { masterNodes: committee, seed } = this.term
      const { records, base } = this.#parts
      const beginning = logBeginning(this.term, base)
      this.#simplex = createSimplex({ committee, seat: this.seat, beginning, seed, records, rules: this.sequencer })
    }
    return this.#simplex
  }

  step(event: SimplexEvent, nowMs: number): SimplexEffect[] {
    return this.simplex?.step(event, nowMs) ?? []
  }

  /** What blocks and log have changed; stored together, for the one must never be ahead of the other. */
  takeWrites(logWrites: readonly Write[]): Write[] {
    return [...(this.#simplex?.flush() ?? []), ...logWrites]
  }
}
