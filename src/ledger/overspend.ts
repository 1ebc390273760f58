/**
 * Evidence that a purse was overspent: what its device signed convicts it, before anyone.
 *
 * Vouchers of an honest device form a line: counters differ, and each sum is at least the one before it and its own payment. Where payments come to more than the purse
 * holds, some voucher says so itself, or two have one counter, or the sum of the later one leaves out a part of the earlier. So two vouchers are always enough.
 *
 * Canonical CBOR: [title, body of the order that funds the purse, voucher, other voucher or nothing].
 */

import { compare, equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { isSignedBy, readVoucher, type VoucherTerms } from './claim.ts'
import { type Purse, readPurse } from './purse.ts'

const TITLE = 'webx overspend v1'

/** What evidence proves: the key of a purse has signed away more than there is. That its owner funded it so is what the settlement of the order proves. */
export interface Overspend {
  readonly purse: Purse
  /** Two vouchers, or the one that exceeds the purse. */
  readonly vouchers: readonly VoucherTerms[]
}

/** Evidence out of encoded vouchers of a purse, all signed by its key; null where they form a line that the purse covers. */
export function findOverspend(
  netId: Uint8Array,
  orderBody: Uint8Array,
  vouchers: readonly Uint8Array[],
): Uint8Array | null {
  const purse = readPurse(netId, orderBody)
  const read = vouchers.map((bytes) => ({ bytes, terms: readVoucher(decodeEnvelope(bytes, LIMITS.claimBytesMax)) }))
  const line = read.sort((a, b) => a.terms.counter - b.terms.counter || compare(a.bytes, b.bytes))
  for (const [i, { bytes, terms }] of line.entries()) {
    if (terms.cumulative > purse.amount) return encode([TITLE, orderBody, bytes, NOTHING])
    const next = line[i + 1]
    if (next && conflict(terms, next.terms)) return encode([TITLE, orderBody, bytes, next.bytes])
  }
  return null
}

/** Verifies evidence. Throws `bad-shape` where nothing is proven, `bad-signature`, and what decoding throws. */
export function verifyOverspend(bytes: Uint8Array, netId: Uint8Array): Overspend {
  const fields = Fields.of('overspend', bytes, LIMITS.evidenceBytesMax)
  if (fields.text('title', 40) !== TITLE)
    throw new WebxError('bad-shape', 'this document is no evidence of an overspent purse')
  const purse = readPurse(netId, fields.bytesBetween('order', 1, LIMITS.orderBytesMax))
  const shown = [
    fields.bytesBetween('one', 1, LIMITS.claimBytesMax),
    fields.bytesBetween('other', 0, LIMITS.claimBytesMax),
  ]
  fields.end()
  const vouchers = shown.filter(({ length }) => length > 0).map((each) => readSigned(each, purse, netId))
  const [one, other] = vouchers as [VoucherTerms, VoucherTerms | undefined]
  if (other ? !conflict(one, other) : one.cumulative <= purse.amount) {
    throw new WebxError('bad-shape', 'overspend: an honest device may sign this')
  }
  return { purse, vouchers }
}

function readSigned(bytes: Uint8Array, purse: Purse, netId: Uint8Array): VoucherTerms {
  const envelope = decodeEnvelope(bytes, LIMITS.claimBytesMax)
  const voucher = readVoucher(envelope)
  if (!equal(envelope.scope, netId) || !equal(voucher.hold, purse.hold)) {
    throw new WebxError('bad-shape', 'overspend: a voucher of another purse')
  }
  if (!isSignedBy(envelope, purse.key)) throw new WebxError('bad-signature', 'overspend: the device did not sign this')
  return voucher
}

/** True for two vouchers, the lower counter first, that no honest device signs. */
function conflict(one: VoucherTerms, other: VoucherTerms): boolean {
  if (one.counter > other.counter) return false
  if (one.counter < other.counter) return other.cumulative < one.cumulative + other.amount
  return (
    one.cumulative !== other.cumulative ||
    one.amount !== other.amount ||
    !equal(one.nonce, other.nonce) ||
    !equal(one.merchant, other.merchant)
  )
}

const NOTHING = new Uint8Array(0)
