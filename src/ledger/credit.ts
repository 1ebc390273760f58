/**
 * Credits: what an order brings to others, payment by payment.
 *
 * An order may hold one payment or hundreds. Each is a payment of its own to its payee – with a reference, a receipt, a refund – and has a name of 32 bytes: the
 * only payment of an order is named by the order's digest, one of a batch by H([order's digest, number in the batch]).
 */

import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { type Operation, operationOf } from './payment.ts'
import { readShownOrder } from './shown.ts'
import type { OrderView } from './terms.ts'
import type { Refund } from './transfer.ts'

/** One payment, as its payee sees it. */
export interface Credit {
  /** 32 bytes: its name. */
  readonly payment: Uint8Array
  /** Number in its batch; 0 for the only payment of an order. */
  readonly index: number
  /** Accounts. */
  readonly from: Uint8Array
  readonly to: Uint8Array
  /** 16-byte home of the account `to`. */
  readonly home: Uint8Array
  readonly assetId: Uint8Array
  readonly amount: number
  readonly reference: Uint8Array
  /** Name of the payment that this pays back, or empty. */
  readonly refundOf: Uint8Array
  readonly memo: Uint8Array
}

/** A payment that is paid back. */
export interface Refunded extends Credit {
  /** 16-byte home of whoever paid. */
  readonly payerHome: Uint8Array
  /** Last epoch in which it could be voted for. */
  readonly maxEpoch: number
}

/** The parts of an order that its credits follow from. */
export type Crediting = Pick<OrderView, 'oid' | 'od' | 'home' | 'op'>

/** What an order of a net brings. Throws what reading its operation, or that of the order it pays back, throws. */
export function creditsOf(order: Crediting, netId: Uint8Array): Credit[] {
  const operation = operationOf(order)
  const only = { payment: order.od, index: 0, from: order.oid, home: order.home, refundOf: NOTHING, memo: NOTHING }
  switch (operation.kind) {
    case 'pay': {
      const { to, assetId, amount, reference, refundOf, memo } = operation
      return [{ ...only, to, assetId, amount, reference, refundOf, memo }]
    }
    case 'pay-abroad': {
      const { home, to, assetId, amount, reference, memo } = operation
      return [{ ...only, home, to, assetId, amount, reference, memo }]
    }
    case 'pay-many': {
      const { assetId, payments } = operation
      return payments.map((each, index) => {
        return { ...only, ...each, payment: batchedPaymentId(order.od, index), index, assetId }
      })
    }
    case 'refund': {
      const { amount, reference, memo } = operation
      const { from: to, payerHome: home, assetId, payment: refundOf } = refundedBy(operation, netId)
      return [{ ...only, to, home, assetId, amount, reference, refundOf, memo }]
    }
    case 'capture': {
      const { payer, assetId, amount, reference } = operation
      return amount === 0 ? [] : [{ ...only, from: payer, to: order.oid, assetId, amount, reference }]
    }
    default:
      return []
  }
}

/** What an operation takes out of the account that orders it, of one asset; null where it takes nothing. */
export function outlayOf(operation: Operation, netId: Uint8Array): Pick<Credit, 'assetId' | 'amount'> | null {
  switch (operation.kind) {
    case 'pay':
    case 'pay-abroad':
    case 'hold':
      return operation
    case 'pay-many':
      return { assetId: operation.assetId, amount: operation.payments.reduce((sum, { amount }) => sum + amount, 0) }
    case 'refund':
      return { assetId: refundedBy(operation, netId).assetId, amount: operation.amount }
    default:
      return null
  }
}

/** The other home that an operation pays to; null where it pays at home, or nobody. */
export function paysAbroad(operation: Operation, netId: Uint8Array): Uint8Array | null {
  if (operation.kind === 'pay-abroad') return operation.home
  return operation.kind === 'refund' && operation.number > 0 ? refundedBy(operation, netId).payerHome : null
}

/** The payment that a refund pays back. Throws `bad-shape` where it shows none. */
export function refundedBy({ original, index }: Pick<Refund, 'original' | 'index'>, netId: Uint8Array): Refunded {
  const order = readShownOrder(netId, original)
  const operation = operationOf(order)
  // what pays back is no payment that could be paid back itself: it would be shown inside what is shown, without end
  const credit = operation.kind === 'refund' ? undefined : creditsOf(order, netId)[index]
  if (!credit) throw new WebxError('bad-shape', 'a refund shows the payment that it pays back')
  return { ...credit, payerHome: order.home, maxEpoch: order.maxEpoch }
}

function batchedPaymentId(od: Uint8Array, index: number): Uint8Array {
  return blake3Of('webx v1 batched payment', encode([od, index]))
}

const NOTHING = new Uint8Array(0)
