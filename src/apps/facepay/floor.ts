/**
 * The floor: up to which amount a face alone may pay. Above it, and where many small payments to one merchant add up to more than it, the person confirms by hand.
 */

import { concat, toHex } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Store, Write } from '../../kernel/ports.ts'
import type { Terms } from './terms.ts'

const SPACE = 'facepay-unconfirmed'

/** What was paid to each merchant since the person last confirmed one of his payments; durable, and mirrored in memory within a turn. */
export class Floor {
  readonly #limit: number
  readonly #sums = new Map<string, number>()

  /** @param limit smallest units of any one asset; 0 asks for every payment */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Reads what is stored. */
  load(store: Store): void {
    for (const { key, value } of store.scan(SPACE)) {
      const fields = Fields.of('unconfirmed sum', value)
      this.#sums.set(toHex(key), fields.uint('sum'))
      fields.end()
    }
  }

  /** Whether this payment needs the person's word. */
  mustConfirm(terms: Pick<Terms, 'merchant' | 'asset' | 'amount'>): boolean {
    const name = toHex(keyOf(terms))
    if (!this.#sums.has(name) && this.#sums.size >= LIMITS.unconfirmedMerchantsMax) return true
    return (this.#sums.get(name) ?? 0) + terms.amount > this.#limit
  }

  /** Adds a payment that nobody confirmed. */
  unconfirmed(terms: Pick<Terms, 'merchant' | 'asset' | 'amount'>): Write[] {
    const key = keyOf(terms)
    const sum = (this.#sums.get(toHex(key)) ?? 0) + terms.amount
    this.#sums.set(toHex(key), sum)
    return [{ space: SPACE, key, value: encode([sum]) }]
  }

  /** Begins anew: the person confirmed a payment to this merchant. */
  confirmed(terms: Pick<Terms, 'merchant' | 'asset'>): Write[] {
    const key = keyOf(terms)
    return this.#sums.delete(toHex(key)) ? [{ space: SPACE, key, value: null }] : []
  }
}

function keyOf(terms: Pick<Terms, 'merchant' | 'asset'>): Uint8Array {
  return concat(terms.merchant, terms.asset)
}
