/**
 * A payment from another home as it is shown, and the one order by which it can arrive here next in its lane: every field follows from the payment and from how far the lane is, so whoever knows both makes
 * the same order.
 */

import { type Order, orderBody, provingOrderEnvelope, readOrder } from '../consensus/order.ts'
import type { Register } from '../consensus/register.ts'
import { equal } from '../core/bytes.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import type { Genesis } from '../identity/genesis.ts'
import { objectId } from '../identity/objectid.ts'
import type { ObjectState } from '../ledger/account.ts'
import { importLane, importOrder, shownByImport } from '../ledger/import.ts'
import { operationOf } from '../ledger/payment.ts'
import { KEY_LOG_NONCE, NO_HEAD } from '../ledger/terms.ts'

/** A payment from abroad whose settlement nobody has looked at yet. */
export interface Shown {
  readonly order: Order
  /** Its place in the lane, from 1. */
  readonly number: number
  /** 16-byte home that it goes to. */
  readonly to: Uint8Array
  /** 32-byte id of the lane's object there. */
  readonly lane: Uint8Array
  /** What `importProof` made. */
  readonly proof: Uint8Array
}

/** Reads the payment abroad in an order; null for one that pays nobody abroad. */
export function abroadIn(netId: Uint8Array, order: Order, to: Uint8Array): Pick<Shown, 'number' | 'lane'> | null {
  const operation = operationOf(order)
  const number = 'number' in operation ? operation.number : 0
  if (number === 0 || equal(order.home, to)) return null
  return { number, lane: objectId(netId, to, importLane(order.home, order.oid), KEY_LOG_NONCE) }
}

/** Reads what is shown to a home for an import. Throws `wrong-home` where it pays nobody there from abroad, and what decoding throws; where it really goes is for the rules to check. */
export function readShown({ netId, neighborhood }: Genesis, proof: Uint8Array): Shown {
  const order = readOrder(decodeEnvelope(shownByImport(proof).order))
  const read = abroadIn(netId, order, neighborhood)
  if (!read) throw new WebxError('wrong-home', 'this order pays nobody here from abroad')
  return { order, ...read, to: neighborhood, proof }
}

/**
 * The order that lets a payment arrive, or the one that is certified for it; null where it has arrived. Throws `wrong-version` where others of the same payer have to arrive before.
 */
export function arrivingOrder(netId: Uint8Array, shown: Shown, register: Register<ObjectState>): Order | null {
  const { number, to, lane, order, proof } = shown
  const { settled = 0, certified = 0, head = NO_HEAD } = register.object(lane) ?? {}
  if (number <= settled) return null
  if (number !== certified + 1 && number !== certified)
    throw new WebxError('wrong-version', `payment ${number} of this payer comes after ${certified}`)
  const previous = number === certified ? (register.orderOf(lane, number)?.previous ?? NO_HEAD) : head
  const standing = { home: to, lane: importLane(order.home, order.oid), version: number - 1, head: previous }
  return readOrder(provingOrderEnvelope(netId, orderBody(importOrder(standing, order.od)), proof))
}
