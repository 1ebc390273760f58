/**
 * Whom this node knows to have lied about the public log in the epoch under way: one piece of evidence against each, handed to the neighborhood's blocks and said again until it
 * is convicted there.
 */

import { readCharge } from '../consensus/epoch/charge.ts'
import { toHex } from '../core/bytes.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { LIMITS } from '../core/limits.ts'
import type { Conducted } from '../kernel/agreed.ts'

export class PublicCharges {
  readonly #agreement: Conducted
  readonly #charges = new Map<string, { readonly guilty: Uint8Array; readonly bytes: Uint8Array }>()
  /** Who has cost a generation of the log in this epoch. */
  readonly #costly = new Set<string>()

  constructor(agreement: Conducted) {
    this.#agreement = agreement
  }

  /** Another epoch has begun: what was signed in the one before convicts nobody any more. */
  clear(): void {
    this.#charges.clear()
    this.#costly.clear()
  }

  /** Evidence against somebody is known here that the neighborhood's blocks may hold: more of it changes nothing. */
  has(guilty: Uint8Array): boolean {
    return this.#charges.has(toHex(guilty))
  }

  /** Takes evidence that holds, and hands it in where blocks may hold it; call within a turn. */
  add(guilty: Uint8Array, bytes: Uint8Array): void {
    if (this.has(guilty) || this.#charges.size >= LIMITS.rosterMax || !this.#counts(bytes)) return
    this.#charges.set(toHex(guilty), { guilty, bytes })
    this.#handIn(bytes)
  }

  /** True once for each liar: nobody ends generation after generation by lying alone. */
  endsGeneration(guilty: Uint8Array): boolean {
    const name = toHex(guilty)
    if (this.#costly.has(name) || this.#costly.size >= LIMITS.rosterMax) return false
    this.#costly.add(name)
    return true
  }

  /** What is not convicted yet: handed in again, and to be said again. */
  due(): Uint8Array[] {
    const { membership } = this.#agreement.hood.term.state
    const open = [...this.#charges.values()].filter(
      ({ guilty, bytes }) => membership.mayConvict(guilty) && this.#counts(bytes),
    )
    for (const { bytes } of open) this.#handIn(bytes)
    return open.map(({ bytes }) => bytes)
  }

  #counts(bytes: Uint8Array): boolean {
    try {
      readCharge(decodeEnvelope(bytes), this.#agreement.hood.term)
      return true
    } catch {
      return false
    }
  }

  #handIn(bytes: Uint8Array): void {
    this.#agreement.act((hood, nowMs) => {
      return hood.step({ kind: 'transaction', cid: hood.term.committee.cid, bytes, also: null }, nowMs)
    })
  }
}
