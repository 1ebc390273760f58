/**
 * The claims that this device has made and that a terminal may still select, each at most once.
 *
 * In memory only: after a restart nothing can be selected, so a lost claim costs a payment that must be tried again, and never money.
 */

import { equal, toHex } from '../../core/bytes.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import type { ProbeBinding } from './probe.ts'
import type { Terms } from './terms.ts'

/** “It is me”, said to one terminal about one payment. */
export interface Claim extends ProbeBinding {
  readonly terms: Terms
  /** 32-byte key of the terminal that answers about this payment are sealed to. */
  readonly answerKey: Uint8Array
  /** The world in which it was said, and in which more is said about it. */
  readonly world: Context
}

export class Claims {
  readonly #open = new Map<string, { readonly claim: Claim; taken: boolean }>()

  /** Throws `limit` where too many are open: asked before a face is compared, so that the answer does not depend on the verdict. */
  assertRoom(nowMs: number): void {
    for (const [name, entry] of this.#open) if (entry.claim.terms.expiresMs <= nowMs) this.#open.delete(name)
    if (this.#open.size >= LIMITS.openClaimsMax) throw new WebxError('limit', 'too many claims are open')
  }

  add(claim: Claim): void {
    this.#open.set(toHex(claim.reference), { claim, taken: false })
  }

  /**
   * The claim that a terminal selects, in the world that it speaks to. Throws `not-allowed` where this device has not claimed that payment to that terminal under
   * that pseudonym in that world, `expired`, or `replayed` where it was selected before.
   */
  take(binding: ProbeBinding, terminalId: Uint8Array, world: Context, nowMs: number): Claim {
    const entry = this.#open.get(toHex(binding.reference))
    if (
      !entry ||
      entry.claim.world !== world ||
      !equal(entry.claim.terms.terminalId, terminalId) ||
      !equal(entry.claim.pseudonym, binding.pseudonym)
    ) {
      throw new WebxError('not-allowed', 'this device has not claimed that payment')
    }
    if (entry.claim.terms.expiresMs <= nowMs) throw new WebxError('expired', 'the payment has expired')
    if (entry.taken) throw new WebxError('replayed', 'this claim was selected before')
    entry.taken = true
    return entry.claim
  }

  clear(): void {
    this.#open.clear()
  }
}
