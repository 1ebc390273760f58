/**
 * S8: asks for blocks and certificates that this member lacks, each ever more seldom until it is here.
 *
 * A block that was just certified is mostly on its way, so the first question waits a little; one further down is asked for at once.
 */

import { keyOf } from '../key.ts'
import { NO_BLOCK } from './ballot.ts'
import { numberOf } from './chain.ts'
import type { Executor } from './executor.ts'
import type { Lane } from './lane.ts'

interface Want {
  readonly slot: number
  readonly hash: Uint8Array
  readonly isBelow: boolean
  askAtMs: number
  pauseMs: number
}

export class Fetcher {
  readonly #lane: Lane
  readonly #executor: Executor
  #wants = new Map<string, Want>()
  /** When a block below another was asked for last: what it stands on comes with it. */
  #belowMs = Number.NEGATIVE_INFINITY

  constructor(lane: Lane, executor: Executor) {
    this.#lane = lane
    this.#executor = executor
  }

  get size(): number {
    return this.#wants.size
  }

  isWanted(slot: number, hash: Uint8Array): boolean {
    return this.#wants.has(nameOf(slot, hash))
  }

  /** When to ask next; null where nothing is lacking. */
  get askAtMs(): number | null {
    let askAtMs: number | null = null
    for (const want of this.#wants.values()) askAtMs = Math.min(askAtMs ?? want.askAtMs, want.askAtMs)
    return askAtMs
  }

  /** Finds out anew what is lacking. */
  look(): void {
    const { notarized, slots, chain, current, highest } = this.#lane
    const before = this.#wants
    this.#wants = new Map()
    const missing = this.#executor.missing
    if (missing) this.#want(before, missing.slot, missing.hash, !missing.isFirst)
    if (highest > current) this.#want(before, current, NO_BLOCK, false)
    if (this.#executor.isBehind) return
    for (const slot of notarized) {
      const lacking = chain.missing(chain.walk({ slot, hash: slots.notarized(slot) as Uint8Array }))
      if (lacking) this.#want(before, lacking.slot, lacking.hash, lacking.slot !== slot)
    }
  }

  /** Asks for what is due. */
  tick(): void {
    const { nowMs, timing } = this.#lane
    for (const want of this.#wants.values()) {
      if (want.askAtMs > nowMs) continue
      if (want.isBelow) this.#belowMs = nowMs
      this.ask(want.slot, want.hash)
      want.askAtMs = nowMs + want.pauseMs
      want.pauseMs = Math.min(2 * want.pauseMs, timing.askMsMax)
    }
  }

  ask(slot: number, hash: Uint8Array): void {
    const fromSlot = numberOf(this.#lane.chain.executed) + 1
    this.#lane.outbox.add({ kind: 'ask', slot, hash, fromSlot })
  }

  #want(before: ReadonlyMap<string, Want>, slot: number, hash: Uint8Array, isBelow: boolean): void {
    const { nowMs, timing } = this.#lane
    const name = nameOf(slot, hash)
    const askAtMs = isBelow ? Math.max(nowMs, this.#belowMs + timing.askMs) : nowMs + timing.askMs
    this.#wants.set(name, before.get(name) ?? { slot, hash, isBelow, askAtMs, pauseMs: timing.askMs })
  }
}

function nameOf(slot: number, hash: Uint8Array): string {
  return slot + keyOf(hash)
}
