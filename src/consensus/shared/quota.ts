/** How many changes of shared objects one block may hold: of all, of one writer, and of one object. A block that holds more is voted for by nobody. */

import { LIMITS } from '../../core/limits.ts'
import { keyOf } from '../key.ts'
import type { SharedChange } from './change.ts'

export class SharedQuota {
  readonly #counts = new Map<string, number>()

  /** Counts a change where there is room for it; false where there is not. */
  takes(change: SharedChange): boolean {
    if (!this.hasRoom(change)) return false
    this.count(change)
    return true
  }

  hasRoom(change: SharedChange): boolean {
    return sharesOf(change).every(([name, most]) => (this.#counts.get(name) ?? 0) < most)
  }

  count(change: SharedChange): void {
    for (const [name] of sharesOf(change)) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }
}

/** What a change counts against, and how much of each there may be. Those that begin an object share one room. */
function sharesOf({ writer, wish }: SharedChange): readonly (readonly [name: string, most: number])[] {
  const object = wish.kind === 'create' ? 'new' : keyOf(wish.oid)
  return [
    ['all', LIMITS.sharedPerBlockMax],
    [`object ${object}`, LIMITS.sharedPerObjectAndBlockMax],
    [`writer ${keyOf(writer)}`, LIMITS.sharedPerWriterAndBlockMax],
  ]
}
