/**
 * The committees whose certificates can be read: that of this epoch, and those before it.
 *
 * A settlement proves itself to whoever knows its committee, for ever; a certificate counts inside its own epoch only. Who may be trusted to have been a committee is said by
 * the hand-overs that lead from one to the next, not here.
 */

import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Committee } from './committee.ts'
import { keyOf } from './key.ts'

export class CommitteeBook {
  /** By digest, the one that was added longest ago first. */
  readonly #committees = new Map<string, Committee>()

  constructor(...committees: readonly Committee[]) {
    for (const committee of committees) this.add(committee)
  }

  /** Adds a committee; the oldest one makes room. */
  add(committee: Committee): void {
    const key = keyOf(committee.cid)
    this.#committees.delete(key)
    this.#committees.set(key, committee)
    for (const oldest of this.#committees.keys()) {
      if (this.#committees.size <= LIMITS.committeesKnownMax) break
      this.#committees.delete(oldest)
    }
  }

  find(cid: Uint8Array): Committee | null {
    return this.#committees.get(keyOf(cid)) ?? null
  }

  /** The committee that a statement was made for: its scope. Throws `wrong-epoch` where it is unknown here. */
  of({ scope }: { readonly scope: Uint8Array }): Committee {
    const committee = this.find(scope)
    if (!committee) throw new WebxError('wrong-epoch', 'statement of a committee that is unknown here')
    return committee
  }
}
