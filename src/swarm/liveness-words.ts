/**
 * What a member has to tell the others, and how often it has told it already.
 *
 * A word is said again after 1, 2, 4, then every 8 seconds: an accusation as long as it stands, everything else ⌈log₂(n+1)⌉ times, which is enough
 * where each saying reaches each member with a fair chance. So what one lost message took away the next one brings.
 */

import { LIMITS } from '../core/limits.ts'
import type { Word } from './liveness-message.ts'

interface Pending {
  readonly word: Word
  said: number
  dueMs: number
}

/** The words of one member, at most one about each other. */
export class Words {
  readonly #self: string
  readonly #pending = new Map<string, Pending>()
  #newsMs = Number.NEGATIVE_INFINITY

  /** @param self a word about oneself is told by every message as it is, and only makes news due */
  constructor(self: string) {
    this.#self = self
  }

  /** Says this from now on, instead of what was said about the same member before. */
  say(word: Word, nowMs: number): void {
    this.#pending.set(word.about, { word, said: 0, dueMs: nowMs })
  }

  /** True while this is said to be unreachable. */
  accuses(about: string): boolean {
    return this.#pending.get(about)?.word.accuses ?? false
  }

  /** Drops words about those who are not wanted any more. */
  keep(isWanted: (about: string) => boolean): void {
    for (const about of this.#pending.keys()) if (!isWanted(about)) this.#pending.delete(about)
  }

  /** When the next news are due; Infinity where there is nothing to say. `localHealth`: who is slow itself says less. */
  dueMs(localHealth: number): number {
    let first = Number.POSITIVE_INFINITY
    for (const { dueMs } of this.#pending.values()) first = Math.min(first, dueMs)
    return Math.max(first, this.#newsMs + LIMITS.swimNewsMsMin * (1 + localHealth))
  }

  /** Words for a message to one member: what concerns him first, then what was said least often. */
  wordsFor(to: string): Word[] {
    return this.#chosen([...this.#pending.values()], to).map(({ word }) => word)
  }

  /** Words for everybody; counts them as said. `times`: how often those are said that accuse nobody. */
  takeNews(nowMs: number, times: number): Word[] {
    const due = [...this.#pending.values()].filter(({ dueMs }) => dueMs <= nowMs)
    const chosen = this.#chosen(due, this.#self)
    this.#newsMs = nowMs
    for (const pending of [...chosen, ...due.filter(({ word }) => word.about === this.#self)]) {
      pending.dueMs = nowMs + Math.min(LIMITS.swimNewsMsMax, LIMITS.swimNewsMsMin * 2 ** pending.said)
      pending.said++
      if (!pending.word.accuses && pending.said >= times) this.#pending.delete(pending.word.about)
    }
    return chosen.map(({ word }) => word)
  }

  #chosen(candidates: Pending[], to: string): Pending[] {
    return candidates
      .filter(({ word }) => word.about !== this.#self)
      .sort((one, other) => Number(other.word.about === to) - Number(one.word.about === to) || one.said - other.said)
      .slice(0, LIMITS.swimWordsMax)
  }
}
