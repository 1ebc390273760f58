/**
 * S6: what a quorum has FINALIZEd is final with all that it stands on, and is executed in order, as soon as all of it is held here.
 *
 * A member that was away learns of a block far above its own and walks down to where it stopped; what it lacks on the way it asks for.
 */

import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { numberOf, sameBlock, type Walk } from './chain.ts'
import { finalityBytes } from './finality.ts'
import type { FinalMark, Lane } from './lane.ts'

export class Executor {
  readonly #lane: Lane
  #walk: Walk | null = null

  constructor(lane: Lane) {
    this.#lane = lane
  }

  /** The block that keeps what is final from being executed; null where none does. `isFirst`: it is the newest one, which may be on its way. */
  get missing(): { readonly slot: number; readonly hash: Uint8Array; readonly isFirst: boolean } | null {
    const missing = this.#walk && this.#lane.chain.missing(this.#walk)
    return missing ? { ...missing, isFirst: this.#walk?.path.length === 0 } : null
  }

  /** True where something is final and not executed. */
  get isBehind(): boolean {
    const { final, chain } = this.#lane
    return final !== null && !chain.executed.ended && final.slot > numberOf(chain.executed)
  }

  /** Executes what can be, up to `LIMITS.blocksPerStepMax` blocks; true where more is left. */
  run(): boolean {
    const { chain, final } = this.#lane
    if (!final || !this.isBehind) return false
    if (!this.#walk || !sameBlock(this.#walk.from, final)) this.#walk = chain.walk(final)
    else chain.resume(this.#walk)
    const walk = this.#walk
    if (!chain.isComplete(walk)) {
      if (!chain.missing(walk))
        throw new WebxError('internal', `the final block of slot ${final.slot} stands elsewhere`)
      return false
    }
    for (let i = 0; i < LIMITS.blocksPerStepMax && walk.path.length > 0 && !chain.executed.ended; i++) {
      this.#execute(walk, final)
    }
    this.#lane.changed = true
    return this.isBehind
  }

  #execute(walk: Walk, { bytes }: FinalMark): void {
    const { chain, rules, slots, outbox } = this.#lane
    const entry = walk.path.pop()
    if (!entry) return
    const { leader, slot, parentSlot, parentHash, hash, transactions } = chain.load(entry)
    const voters = slots.get(slot)?.voters(hash) ?? 0
    const block = { leader, slot, parentSlot, parentHash, hash, transactions, voters }
    chain.advance(entry, rules.execute(block))
    walk.next = { slot, hash }
    outbox.add({
      kind: 'final',
      block,
      finality: finalityBytes(
        bytes,
        walk.path.map(({ header }) => header),
      ),
    })
  }
}
