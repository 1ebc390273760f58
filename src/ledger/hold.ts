/**
 * Holds: money of an account that is set aside for one payee.
 *
 * A hold is a number in the payer's account, under the name of the order that placed it. A capture is an order of the payee: it takes the sum out of the payee's own
 * entry of that name when it is certified – so one capture after the other is judged – and out of the payer's when it is settled. Every change is an addition, and
 * an entry of nothing vanishes: members that learn of things in another order end with the same numbers.
 *
 * Only the payee captures, one order after the other, so the sum never exceeds the hold. The payer takes back what is left once the epoch is over after which
 * no capture may be voted for, and every capture that was settled is known. Both accounts are of one home.
 */

import { compare, equal } from '../core/bytes.ts'
import type { Cbor } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'

/** What a hold was placed for. */
export interface HoldTerms {
  /** All that was set aside. */
  readonly amount: number
  /** Account of the payee. */
  readonly to: Uint8Array
  readonly expiresEpoch: number
  /** Key that signs how much may be captured; empty where the payee may capture as it likes. */
  readonly key: Uint8Array
  /** True once it is final, and may be captured. */
  readonly settled: boolean
}

/** An entry in an account. */
export interface Hold {
  /** 32-byte digest of the order that placed it. */
  readonly id: Uint8Array
  readonly assetId: Uint8Array
  /** What is left; in the payee's account, below zero, what its captures under way have taken. */
  readonly left: number
  /** Null in the payee's account, and where a capture is known before its hold. */
  readonly terms: HoldTerms | null
}

/** The entry of a hold, or null. */
export function holdOf(holds: readonly Hold[], id: Uint8Array): Hold | null {
  return holds.find((hold) => equal(hold.id, id)) ?? null
}

/** The entries with `change` (may be negative) added to one. */
export function moveHold(
  holds: readonly Hold[],
  { id, assetId, terms = null }: Omit<Hold, 'left' | 'terms'> & { readonly terms?: HoldTerms | null },
  change: number,
): readonly Hold[] {
  const before = holdOf(holds, id)
  const left = (before?.left ?? 0) + change
  if (!Number.isSafeInteger(left)) throw new WebxError('internal', 'a hold has left the range of amounts')
  const others = holds.filter((hold) => !equal(hold.id, id))
  if (left === 0) return others
  const hold = { id: id.slice(), assetId: assetId.slice(), left, terms: terms ?? before?.terms ?? null }
  return [...others, hold].sort((a, b) => compare(a.id, b.id))
}

/** The entries where one, if it is still there, is final. */
export function settleHold(holds: readonly Hold[], id: Uint8Array): readonly Hold[] {
  return holds.map((hold) => {
    return hold.terms && equal(hold.id, id) ? { ...hold, terms: { ...hold.terms, settled: true } } : hold
  })
}

/** How many holds of its own an account has. */
export function openHolds(holds: readonly Hold[]): number {
  return holds.filter(({ terms }) => terms !== null).length
}

/** The fields of an entry as it is stored. */
export function holdFields({ id, assetId, left, terms }: Hold): Cbor {
  const said: Cbor = terms ? [terms.amount, terms.to, terms.expiresEpoch, terms.key, terms.settled] : []
  return [id, assetId, Math.abs(left), left < 0, said]
}

/** Reads what `holdFields` wrote. */
export function readHold(value: Cbor): Hold {
  const fields = new Fields('hold', value)
  const id = fields.bytes('id', 32)
  const assetId = fields.bytes('assetId', 32)
  const left = fields.uint('left')
  const taken = fields.boolean('taken')
  const terms = fields.any('terms')
  fields.end()
  return { id, assetId, left: taken ? -left : left, terms: isNothing(terms) ? null : readHoldTerms(terms) }
}

function readHoldTerms(value: Cbor): HoldTerms {
  const fields = new Fields('hold terms', value)
  const terms = {
    amount: fields.uint('amount', LIMITS.amountMax),
    to: fields.bytes('to', 32),
    expiresEpoch: fields.uint('expiresEpoch'),
    key: fields.bytesBetween('key', 0, 32),
    settled: fields.boolean('settled'),
  }
  fields.end()
  return terms
}

function isNothing(value: Cbor): boolean {
  return Array.isArray(value) && value.length === 0
}
