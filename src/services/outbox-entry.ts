/**
 * A wish of this node's identity as it waits in the store: what is wanted, and the order that was signed for it, if it was its turn.
 */

import { type Order, orderBytes, readOrder } from '../consensus/order.ts'
import { equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Wish } from '../kernel/agreed.ts'
import type { Write } from '../kernel/ports.ts'
import { decodeOperation, encodeOperation, type OwnOperation } from '../ledger/payment.ts'

/** Where wishes are stored, by their reference. */
export const OUTBOX = 'outbox'

export interface Entry extends Wish {
  /** Order of arrival. */
  readonly number: number
  /** 16 bytes, fixed with the wish. */
  readonly idem: Uint8Array
  /** Signed, once it is this wish's turn. */
  order: Order | null
}

/** True where two wishes want the same done to the same object. */
export function sameWish(one: Wish, other: Wish): boolean {
  return equal(one.nonce, other.nonce) && equal(encodeOperation(one.operation), encodeOperation(other.operation))
}

/** Stores a wish. */
export function writeOf(entry: Entry): Write {
  const order = entry.order ? orderBytes(entry.order) : new Uint8Array(0)
  const operation = encodeOperation(entry.operation)
  return {
    space: OUTBOX,
    key: entry.reference,
    value: encode([entry.number, entry.nonce, entry.idem, operation, order]),
  }
}

/** Reads what `writeOf` stored. Throws `bad-shape`, and what decoding throws. */
export function decodeEntry(reference: Uint8Array, value: Uint8Array): Entry {
  const fields = Fields.of('outbox entry', value)
  const number = fields.uint('number')
  const nonce = fields.bytes('nonce', 16)
  const idem = fields.bytes('idem', 16)
  const operation = decodeOperation(fields.bytesBetween('operation', 1, LIMITS.orderBytesMax)) as OwnOperation
  const order = fields.bytesBetween('order', 0, 2 * LIMITS.orderBytesMax)
  fields.end()
  return {
    reference,
    number,
    nonce,
    idem,
    operation,
    order: order.length > 0 ? readOrder(decodeEnvelope(order)) : null,
  }
}
