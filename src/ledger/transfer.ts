/**
 * Further ways of money: MANY payments in one order, a REFUND, a HOLD that its payee may CAPTURE and its payer RELEASE, a payment ABROAD and its IMPORT there.
 *
 * Canonical CBOR inside an order's `op`: [6, assetId, [[amount, to, reference, memo] …]] | [7, body of the order paid back, index, amount, reference, number, memo] |
 * [8, assetId, amount, to, expiresEpoch, reference, key] | [9, payer, hold, assetId, amount, released, reference, claim] | [10, hold, assetId, amount] |
 * [11, home, assetId, amount, to, reference, number, memo] | [12, payment, whose order and settlement are attached].
 */

import type { Cbor } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'

/** One payment of a batch. */
export interface BatchedPayment {
  readonly amount: number
  readonly to: Uint8Array
  readonly reference: Uint8Array
  readonly memo: Uint8Array
}

/** Many payments of one asset out of one account: one signature, one version, all of them or none. */
export interface PayMany {
  readonly kind: 'pay-many'
  readonly assetId: Uint8Array
  /** 1 to `LIMITS.batchPaymentsMax`. */
  readonly payments: readonly BatchedPayment[]
}

/** Pays a payment to this account back, in parts or as a whole, to whoever made it. What is paid back is shown, so that nobody has to remember every credit. */
export interface Refund {
  readonly kind: 'refund'
  /** Body of the order that made the payment. */
  readonly original: Uint8Array
  /** Number of the payment in that order; 0 for an order of one. */
  readonly index: number
  readonly amount: number
  readonly reference: Uint8Array
  /** Where the payer's account has another home: number of this payment abroad, see `PayAbroad`. 0 at home. */
  readonly number: number
  readonly memo: Uint8Array
}

/** Sets money aside for a payee, who may take it until the end of an epoch. The hold is named by the digest of its order. */
export interface PlaceHold {
  readonly kind: 'hold'
  readonly assetId: Uint8Array
  readonly amount: number
  /** Account of the payee at the payer's home. */
  readonly to: Uint8Array
  /** Last epoch in which the payee may capture. */
  readonly expiresEpoch: number
  readonly reference: Uint8Array
  /** Empty where the payee may capture as it likes; else the key that signs how much it may: of a purse, or for work done. */
  readonly key: Uint8Array
}

/** By the payee: takes `amount` out of a hold, and lets `released` go back to the payer. */
export interface Capture {
  readonly kind: 'capture'
  /** Account that the hold is in. */
  readonly payer: Uint8Array
  readonly hold: Uint8Array
  readonly assetId: Uint8Array
  readonly amount: number
  readonly released: number
  readonly reference: Uint8Array
  /** Encoded purse voucher or work receipt; empty for a hold without a key. */
  readonly claim: Uint8Array
}

/** By the payer, once nobody can capture any more: takes what is left of a hold back. */
export interface ReleaseHold {
  readonly kind: 'release'
  readonly hold: Uint8Array
  readonly assetId: Uint8Array
  readonly amount: number
}

/** Moves money to an account of another home. */
export interface PayAbroad {
  readonly kind: 'pay-abroad'
  /** 16-byte id of the neighborhood that decides about `to`. */
  readonly home: Uint8Array
  readonly assetId: Uint8Array
  readonly amount: number
  readonly to: Uint8Array
  readonly reference: Uint8Array
  /** Counts the payments from this account to that home, from 1: its place in the lane of imports there. */
  readonly number: number
  readonly memo: Uint8Array
}

/** Lets a payment from abroad arrive. Order and settlement travel with it, and prove it. */
export interface ImportPayment {
  readonly kind: 'import'
  /** 32 bytes, see `paymentId`. */
  readonly payment: Uint8Array
}

export type Transfer = PayMany | Refund | PlaceHold | Capture | ReleaseHold | PayAbroad | ImportPayment

const CODE = { payMany: 6, refund: 7, hold: 8, capture: 9, release: 10, payAbroad: 11, import: 12 } as const
/** The highest number of an operation. */
export const TRANSFER_CODE_MAX = CODE.import

const KINDS: ReadonlySet<string> = new Set([
  ...['pay-many', 'refund', 'hold', 'capture', 'release', 'pay-abroad', 'import'],
])

/** True for the operations of this file. */
export function isTransfer(operation: { readonly kind: string }): operation is Transfer {
  return KINDS.has(operation.kind)
}

/** The fields of an operation as they are written. */
export function transferFields(transfer: Transfer): Cbor {
  switch (transfer.kind) {
    case 'pay-many':
      return [CODE.payMany, transfer.assetId, transfer.payments.map(paymentFields)]
    case 'refund': {
      const { original, index, amount, reference, number, memo } = transfer
      return [CODE.refund, original, index, amount, reference, number, memo]
    }
    case 'hold': {
      const { assetId, amount, to, expiresEpoch, reference, key } = transfer
      return [CODE.hold, assetId, amount, to, expiresEpoch, reference, key]
    }
    case 'capture': {
      const { payer, hold, assetId, amount, released, reference, claim } = transfer
      return [CODE.capture, payer, hold, assetId, amount, released, reference, claim]
    }
    case 'release':
      return [CODE.release, transfer.hold, transfer.assetId, transfer.amount]
    case 'pay-abroad': {
      const { home, assetId, amount, to, reference, number, memo } = transfer
      return [CODE.payAbroad, home, assetId, amount, to, reference, number, memo]
    }
    case 'import':
      return [CODE.import, transfer.payment]
  }
}

/** Reads what follows the number of an operation. Throws `bad-shape`, `bad-amount`. */
export function readTransfer(fields: Fields, code: number): Transfer {
  switch (code) {
    case CODE.payMany:
      return readPayMany(fields)
    case CODE.refund:
      return readRefund(fields)
    case CODE.hold:
      return readHold(fields)
    case CODE.capture:
      return readCapture(fields)
    case CODE.release:
      return { kind: 'release', hold: fields.bytes('hold', 32), assetId: asset(fields), amount: amountOf(fields) }
    case CODE.payAbroad:
      return readPayAbroad(fields)
    default:
      return { kind: 'import', payment: fields.bytes('payment', 32) }
  }
}

function readPayMany(fields: Fields): PayMany {
  const assetId = asset(fields)
  const payments = fields.list('payments', LIMITS.batchPaymentsMax, (item): BatchedPayment => {
    const payment = new Fields('payment', item)
    const read = {
      amount: amountOf(payment),
      to: payment.bytes('to', 32),
      reference: payment.bytes('reference', 32),
      memo: payment.bytesBetween('memo', 0, LIMITS.memoBytesMax),
    }
    payment.end()
    return read
  })
  if (payments.length === 0) throw new WebxError('bad-shape', 'operation: a batch has at least one payment')
  return { kind: 'pay-many', assetId, payments }
}

function readRefund(fields: Fields): Refund {
  return {
    kind: 'refund',
    original: fields.bytesBetween('original', 1, LIMITS.orderBytesMax),
    index: fields.uint('index', LIMITS.batchPaymentsMax - 1),
    amount: amountOf(fields),
    reference: fields.bytes('reference', 32),
    number: fields.uint('number'),
    memo: fields.bytesBetween('memo', 0, LIMITS.memoBytesMax),
  }
}

function readHold(fields: Fields): PlaceHold {
  const hold: PlaceHold = {
    kind: 'hold',
    assetId: asset(fields),
    amount: amountOf(fields),
    to: fields.bytes('to', 32),
    expiresEpoch: fields.uint('expiresEpoch'),
    reference: fields.bytes('reference', 32),
    key: fields.bytesBetween('key', 0, 32),
  }
  if (hold.key.length !== 0 && hold.key.length !== 32) {
    throw new WebxError('bad-shape', 'operation: the key of a hold has 32 bytes or none')
  }
  return hold
}

function readCapture(fields: Fields): Capture {
  const capture: Capture = {
    kind: 'capture',
    payer: fields.bytes('payer', 32),
    hold: fields.bytes('hold', 32),
    assetId: asset(fields),
    amount: fields.uint('amount', LIMITS.amountMax),
    released: fields.uint('released', LIMITS.amountMax),
    reference: fields.bytes('reference', 32),
    claim: fields.bytesBetween('claim', 0, LIMITS.claimBytesMax),
  }
  if (capture.amount + capture.released === 0) throw new WebxError('bad-amount', 'a capture moves at least one unit')
  return capture
}

function readPayAbroad(fields: Fields): PayAbroad {
  const pay: PayAbroad = {
    kind: 'pay-abroad',
    home: fields.bytes('home', 16),
    assetId: asset(fields),
    amount: amountOf(fields),
    to: fields.bytes('to', 32),
    reference: fields.bytes('reference', 32),
    number: fields.uint('number'),
    memo: fields.bytesBetween('memo', 0, LIMITS.memoBytesMax),
  }
  if (pay.number === 0) throw new WebxError('bad-shape', 'operation: payments abroad count up from 1')
  return pay
}

function paymentFields({ amount, to, reference, memo }: BatchedPayment): Cbor {
  return [amount, to, reference, memo]
}

function asset(fields: Fields): Uint8Array {
  return fields.bytes('assetId', 32)
}

function amountOf(fields: Fields): number {
  const amount = fields.uint('amount', LIMITS.amountMax)
  if (amount === 0) throw new WebxError('bad-amount', 'a payment moves at least one unit')
  return amount
}
