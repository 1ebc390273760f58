/**
 * The till: every payment that a terminal began, as durable records, and what each credit to the merchant's account means for them.
 *
 * A credit closes the one payment that it is for, also long after the terminal gave up waiting. Whatever else names a payment of this till – a second credit,
 * another amount, another payer, a payment that was called off – is paid back, once: the refund's reference follows from the credit's order.
 */

import { equal, toHex } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { PaymentRequest, SettledPayment, Store, Write } from '../../kernel/ports.ts'
import { readTerms, refundReferenceOf, type Terms } from './terms.ts'

/** `asked`: probes are out; `selected`: one device may pay; `settled`: paid; `closed`: nobody may pay any more. */
export const STATES = ['asked', 'selected', 'settled', 'closed'] as const
export type TillState = (typeof STATES)[number]

/** One payment of this terminal. */
export interface TillEntry {
  /** 32 bytes. */
  readonly reference: Uint8Array
  readonly terms: Terms
  readonly termsBytes: Uint8Array
  readonly startedMs: number
  readonly state: TillState
  /** 32-byte identity of the selected device, or of its guest, and the account that it pays from; empty until one is selected. */
  readonly shopperId: Uint8Array
  readonly account: Uint8Array
  /** 32-byte digest of the order that settled it; empty until then. */
  readonly orderDigest: Uint8Array
}

/** Money that goes back. */
interface TillRefund {
  /** Reference of the payment that the credit named. */
  readonly payment: Uint8Array
  readonly request: PaymentRequest
  readonly done: boolean
}

/** What a credit means. */
export interface Ruling {
  readonly writes: Write[]
  /** The payment that it settles. */
  readonly settles?: TillEntry
  /** The payment that pays it back. */
  readonly refund?: PaymentRequest
}

const PAYMENTS = 'facepay-payment'
const REFUNDS = 'facepay-refund'
const NONE = new Uint8Array(0)

/** The records, mirrored in memory: what was decided earlier in a turn counts though it is not stored yet. */
export class Till {
  readonly #entries = new Map<string, TillEntry>()
  /** By the order that they pay back. */
  readonly #refunds = new Map<string, TillRefund>()

  load(store: Store): void {
    const entries = [...store.scan(PAYMENTS)].map(({ key, value }) => readEntry(key, value))
    entries.sort((a, b) => a.startedMs - b.startedMs)
    for (const entry of entries) this.#entries.set(toHex(entry.reference), entry)
    for (const { key, value } of store.scan(REFUNDS)) this.#refunds.set(toHex(key), readRefund(key, value))
  }

  get(reference: Uint8Array): TillEntry | null {
    return this.#entries.get(toHex(reference)) ?? null
  }

  /** Oldest first. */
  entries(): readonly TillEntry[] {
    return [...this.#entries.values()]
  }

  /** Refunds that are not known to have settled. */
  dueRefunds(): readonly PaymentRequest[] {
    return [...this.#refunds.values()].flatMap(({ request, done }) => (done ? [] : [request]))
  }

  /** Notes a new payment. Throws `limit` where too many are open. */
  begin(reference: Uint8Array, terms: Terms, termsBytes: Uint8Array, startedMs: number): Write[] {
    const blank = { shopperId: NONE, account: NONE, orderDigest: NONE }
    const writes: Write[] = []
    if (this.#entries.size >= LIMITS.paymentsKeptMax) {
      const oldest = this.entries().find(({ state }) => state === 'settled' || state === 'closed')
      if (!oldest) throw new WebxError('limit', `${this.#entries.size} payments of this terminal are open`)
      this.#entries.delete(toHex(oldest.reference))
      writes.push({ space: PAYMENTS, key: oldest.reference, value: null }, ...this.#pruneRefunds(oldest.reference))
    }
    writes.push(...this.#put({ reference, terms, termsBytes, startedMs, state: 'asked', ...blank }))
    return writes
  }

  /** One device may pay from now on. */
  select(reference: Uint8Array, shopperId: Uint8Array, account: Uint8Array): Write[] {
    const entry = this.get(reference)
    return entry?.state === 'asked' ? this.#put({ ...entry, state: 'selected', shopperId, account }) : []
  }

  /** Nobody may pay any more; what comes nevertheless is paid back. A settled payment stays settled. */
  close(reference: Uint8Array): Write[] {
    const entry = this.get(reference)
    return entry && entry.state !== 'settled' ? this.#put({ ...entry, state: 'closed' }) : []
  }

  /** What a settled credit means; null where it is not for this till, or known already. */
  rule(credit: SettledPayment): Ruling | null {
    const entry = this.get(credit.reference)
    if (!entry) return null
    if (equal(entry.orderDigest, credit.orderDigest) || this.#refunds.has(toHex(credit.orderDigest))) return null
    if (entry.state === 'selected' && fits(entry, credit)) {
      const settles: TillEntry = { ...entry, state: 'settled', orderDigest: credit.orderDigest }
      return { writes: this.#put(settles), settles }
    }
    const refund = refundOf(credit)
    return { writes: this.#putRefund({ payment: entry.reference, request: refund, done: false }), refund }
  }

  /** A refund has settled. It is kept as long as its payment, so that the credit is not judged anew. */
  refunded({ refundOf }: PaymentRequest): Write[] {
    const refund = this.#refunds.get(toHex(refundOf as Uint8Array))
    if (!refund) return []
    const writes = this.#putRefund({ ...refund, done: true })
    return this.get(refund.payment) ? writes : this.#pruneRefunds(refund.payment)
  }

  /** Forgets the done refunds of a payment that is not kept any more; due ones stay until they are done. */
  #pruneRefunds(payment: Uint8Array): Write[] {
    const done = [...this.#refunds.values()].filter((refund) => refund.done && equal(refund.payment, payment))
    return done.map(({ request }) => {
      const key = request.refundOf as Uint8Array
      this.#refunds.delete(toHex(key))
      return { space: REFUNDS, key, value: null }
    })
  }

  #putRefund(refund: TillRefund): Write[] {
    const key = refund.request.refundOf as Uint8Array
    this.#refunds.set(toHex(key), refund)
    return [{ space: REFUNDS, key, value: encodeRefund(refund) }]
  }

  #put(entry: TillEntry): Write[] {
    this.#entries.set(toHex(entry.reference), entry)
    return [{ space: PAYMENTS, key: entry.reference, value: encodeEntry(entry) }]
  }
}

function fits(entry: TillEntry, credit: SettledPayment): boolean {
  const { asset, amount, merchant } = entry.terms
  return (
    equal(credit.asset, asset) &&
    credit.amount === amount &&
    equal(credit.to, merchant) &&
    equal(credit.from, entry.account)
  )
}

function refundOf(credit: SettledPayment): PaymentRequest {
  const { orderDigest, asset, amount, from } = credit
  return { reference: refundReferenceOf(orderDigest), asset, amount, to: from, refundOf: orderDigest }
}

function encodeEntry(entry: TillEntry): Uint8Array {
  const { termsBytes, startedMs, state, shopperId, account, orderDigest } = entry
  return encode([termsBytes, startedMs, STATES.indexOf(state), shopperId, account, orderDigest])
}

function readEntry(key: Uint8Array, value: Uint8Array): TillEntry {
  const fields = Fields.of('payment of this terminal', value.slice())
  const termsBytes = fields.bytesBetween('terms', 1, 512)
  const entry = {
    reference: key.slice(),
    terms: readTerms(termsBytes),
    termsBytes,
    startedMs: fields.uint('startedMs'),
    state: STATES[fields.uint('state', STATES.length - 1)] as TillState,
    shopperId: fields.bytesBetween('shopperId', 0, 32),
    account: fields.bytesBetween('account', 0, 32),
    orderDigest: fields.bytesBetween('orderDigest', 0, 32),
  }
  fields.end()
  return entry
}

function encodeRefund({ payment, request, done }: TillRefund): Uint8Array {
  return encode([payment, request.asset, request.amount, request.to, done])
}

function readRefund(key: Uint8Array, value: Uint8Array): TillRefund {
  const fields = Fields.of('refund', value.slice())
  const orderDigest = key.slice()
  const payment = fields.bytes('payment', 32)
  const request = {
    reference: refundReferenceOf(orderDigest),
    asset: fields.bytes('asset', 32),
    amount: fields.uint('amount'),
    to: fields.bytes('to', 32),
    refundOf: orderDigest,
  }
  const done = fields.boolean('done')
  fields.end()
  return { payment, request, done }
}
