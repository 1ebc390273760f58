/**
 * Refunds: never more goes back than came.
 *
 * A refund shows the order that it pays back, so that an account need not remember what it was ever paid – a list that strangers could fill. It remembers only
 * what it has paid back itself, up to `LIMITS.refundsOpenMax` payments. Where the list is full, its oldest payment is dropped – by the last epoch in which it
 * could be voted for, then by name – and with it all payments are closed that are as old or older: none of them is refundable any more. So what was dropped
 * can never be refunded anew, no clock is read, and the list follows from the account's own orders alone, which all members apply in one order.
 *
 * Whether the original was settled is not asked here: the payee knows what it got, and gives nothing but its own money.
 */

import { compare, equal } from '../core/bytes.ts'
import type { Cbor } from '../core/codec.ts'
import type { Code } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'

/** A payment and its age. */
export interface Aged {
  /** 32-byte name of the payment. */
  readonly payment: Uint8Array
  /** Last epoch in which it could be voted for. */
  readonly maxEpoch: number
}

/** A payment that is to be paid back. */
export interface Original extends Aged {
  /** Account that was paid. */
  readonly to: Uint8Array
  readonly amount: number
}

/** So much was paid back of a payment. */
export interface RefundedPart extends Aged {
  readonly amount: number
}

/** What an account has paid back. */
export interface Refunds {
  /** Nothing as old as this, or older, is refundable any more; null where nothing was dropped. */
  readonly closed: Aged | null
  /** Oldest first. */
  readonly parts: readonly RefundedPart[]
}

/** An account that has paid nothing back. */
export const NO_REFUNDS: Refunds = { closed: null, parts: [] }

/** Who pays back, how much, and until when that may be voted for. */
export interface RefundTerms {
  /** 32 bytes. */
  readonly account: Uint8Array
  readonly amount: number
  readonly maxEpoch: number
}

/**
 * Why an account may not pay a payment back; null where it may: it is not the one that was paid (`not-allowed`), too long ago (`expired`), more than is left
 * (`over-refund`). `out-of-range`: the payment could be voted for much longer than the refund; else payers could choose whose entries are dropped.
 */
export function refundRefusal(refunds: Refunds, original: Original, terms: RefundTerms): Code | null {
  if (!equal(original.to, terms.account)) return 'not-allowed'
  if (original.maxEpoch - terms.maxEpoch > LIMITS.refundEpochsMax) return 'out-of-range'
  if (refunds.closed && byAge(original, refunds.closed) <= 0) return 'expired'
  return partOf(refunds, original.payment) + terms.amount > original.amount ? 'over-refund' : null
}

/** With `amount` more paid back of a payment. */
export function withRefund(refunds: Refunds, original: Aged, amount: number): Refunds {
  const { maxEpoch } = original
  const payment = original.payment.slice()
  const part = { payment, amount: partOf(refunds, payment) + amount, maxEpoch }
  const others = refunds.parts.filter((each) => !equal(each.payment, payment))
  const parts = [...others, part].sort(byAge)
  const [oldest, ...rest] = parts
  if (!oldest || parts.length <= LIMITS.refundsOpenMax) return { closed: refunds.closed, parts }
  return { closed: { payment: oldest.payment, maxEpoch: oldest.maxEpoch }, parts: rest }
}

/** How much of a payment was paid back, as far as that is remembered. */
export function partOf(refunds: Refunds, payment: Uint8Array): number {
  return refunds.parts.find((part) => equal(part.payment, payment))?.amount ?? 0
}

/** The fields of refunds as they are stored. */
export function refundsFields({ closed, parts }: Refunds): Cbor {
  const listed = parts.map(({ payment, maxEpoch, amount }): Cbor => [payment, maxEpoch, amount])
  return [closed ? [closed.payment, closed.maxEpoch] : [], listed]
}

/** Reads what `refundsFields` wrote. */
export function readRefunds(fields: Fields): Refunds {
  const closed = fields.any('closed')
  return {
    closed: Array.isArray(closed) && closed.length === 0 ? null : whole('closed', closed, readAged),
    parts: fields.list('parts', LIMITS.refundsOpenMax, (item) =>
      whole('refunded part', item, (part) => ({ ...readAged(part), amount: part.uint('amount') })),
    ),
  }
}

function readAged(fields: Fields): Aged {
  return { payment: fields.bytes('payment', 32), maxEpoch: fields.uint('maxEpoch') }
}

function whole<T>(what: string, value: Cbor, read: (fields: Fields) => T): T {
  const fields = new Fields(what, value)
  const result = read(fields)
  fields.end()
  return result
}

function byAge(a: Aged, b: Aged): number {
  return a.maxEpoch - b.maxEpoch || compare(a.payment, b.payment)
}
