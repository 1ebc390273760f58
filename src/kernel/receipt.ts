/**
 * A receipt: proof of a settled payment that needs nothing but the genesis to be verified, offline, by anyone.
 *
 * A COSE_Sign1 document by the payee over [title, net id, payee's inception event or key log, order, settlement, time, and of an order of many payments the number
 * of this one]. The payee vouches for having received it; that the payment is final is proven by
 * the confirmations of a quorum inside.
 */

import { checksOf, readCertificate } from '../consensus/certificate.ts'
import { type Committee, foundingCommittee } from '../consensus/committee.ts'
import { readOrder } from '../consensus/order.ts'
import { VOTE } from '../consensus/statement.ts'
import { equal, toHex } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { decodeSign1, encodeSign1, sign1Message } from '../core/cose.ts'
import { verifySignature } from '../core/crypto.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Genesis } from '../identity/genesis.ts'
import { introductionOf, readIntroduction } from '../identity/introduction.ts'
import { assetTable } from '../ledger/asset.ts'
import { creditsOf } from '../ledger/credit.ts'
import { accountId } from '../ledger/terms.ts'
import type { Keys, SettledPayment } from './ports.ts'

const TITLE = 'webx receipt v1'

/** What a verified receipt proves. */
export interface Receipt {
  /** Labels of the payer's and the payee's identity are derived from these 32-byte ids. */
  readonly payer: Uint8Array
  readonly payee: Uint8Array
  readonly code: string
  /** Smallest units, and how many decimals they have. */
  readonly amount: number
  readonly decimals: number
  readonly reference: Uint8Array
  readonly orderDigest: Uint8Array
  /** Number of the payment in an order of many; 0 for the only one. */
  readonly index: number
  /** Confirmations shown: their weight is at least the quorum. */
  readonly confirms: number
  /** When the payee signed, by its own clock. */
  readonly signedMs: number
}

/** Signs a receipt for a payment to this identity. Throws `bad-argument` where its order does not hold it, `too-long` where the key log up to the key that signs is longer than any reader takes. */
export async function signReceipt(
  genesis: Genesis,
  keys: Keys,
  payment: Pick<SettledPayment, 'order' | 'settlement' | 'orderDigest'>,
  nowMs: number,
): Promise<Uint8Array> {
  if (payment.settlement.length === 0) {
    throw new WebxError(
      'not-settled',
      'the end of an epoch settled this payment: there is no settlement that a stranger could check',
    )
  }
  const payee = introductionOf(keys.log, keys.position)
  const credits = creditsOf(readOrder(decodeEnvelope(payment.order)), genesis.netId)
  const index = credits.findIndex((credit) => equal(credit.payment, payment.orderDigest))
  if (index < 0) throw new WebxError('bad-argument', 'the order does not hold the payment that a receipt is asked for')
  const which = credits.length > 1 ? [index] : []
  const payload = encode([TITLE, genesis.netId, payee, payment.order, payment.settlement, nowMs, ...which])
  if (payload.length > LIMITS.envelopeBytesMax) {
    throw new WebxError('too-long', `receipt of ${payload.length} bytes, at most ${LIMITS.envelopeBytesMax} allowed`)
  }
  return encodeSign1(payload, await keys.sign(sign1Message(payload)))
}

/**
 * Verifies a receipt against the genesis and the committee that settled it: that of epoch 0 unless given.
 *
 * Throws `bad-shape`, `wrong-net`, `bad-signature`, `bad-certificate`, `unknown-asset`, or what decoding throws. That the order was its owner's is what a
 * quorum confirmed; the owner's signature itself is not checked again here, since his key log is not in the receipt.
 */
export function verifyReceipt(
  bytes: Uint8Array,
  genesis: Genesis,
  committeeOfDigest: (cid: Uint8Array) => Committee = (cid) => foundingCommittee(genesis, cid),
): Receipt {
  const document = decodeSign1(bytes)
  const fields = Fields.of('receipt', document.payload, LIMITS.envelopeBytesMax)
  if (fields.text('title', 40) !== TITLE) throw new WebxError('bad-shape', 'this document is not a receipt')
  if (!equal(fields.bytes('netId', 32), genesis.netId)) throw new WebxError('wrong-net', 'receipt of another net')
  const payee = readIntroduction(fields.any('payee'))
  const order = readOrder(decodeEnvelope(fields.bytesBetween('order', 1, 2 * LIMITS.orderBytesMax)))
  const settlement = decodeEnvelope(fields.bytesBetween('settlement', 1, LIMITS.envelopeBytesMax))
  const signedMs = fields.uint('signedMs')
  const credits = creditsOf(order, genesis.netId)
  const index = credits.length > 1 ? fields.uint('index', credits.length - 1) : 0
  fields.end()
  assertSigned(payee.keys[0], document.message, document.signature, 'the payee did not sign this receipt')

  const committee = committeeOfDigest(settlement.scope)
  const certificate = readCertificate(settlement, committee)
  if (certificate.kind !== VOTE.confirm || !equal(certificate.od, order.od) || !equal(certificate.oid, order.oid)) {
    throw new WebxError('bad-certificate', 'the settlement in this receipt is of another order')
  }
  for (const { key, message, signature } of checksOf(certificate, committee)) {
    assertSigned(key, message, signature, 'a confirmation in this receipt is not signed by its seat')
  }
  const credit = credits[index]
  // of a capture, which is the payee's own order, no payer has signed anything that is shown here
  if (!credit || !equal(credit.from, order.oid) || !equal(credit.to, accountId(genesis.netId, credit.home, payee.id))) {
    throw new WebxError('bad-shape', 'the order in this receipt does not pay the one who signed it')
  }
  const asset = assetTable(genesis.assets).get(toHex(credit.assetId))
  if (!asset) throw new WebxError('unknown-asset', 'the genesis names no such asset')
  const { amount, reference } = credit
  const { code, decimals } = asset
  const confirms = certificate.proofs.length
  return {
    payer: order.owner,
    payee: payee.id,
    code,
    decimals,
    amount,
    reference,
    orderDigest: order.od,
    index,
    confirms,
    signedMs,
  }
}

function assertSigned(
  key: Uint8Array | undefined,
  message: Uint8Array,
  signature: Uint8Array,
  otherwise: string,
): void {
  if (!key || !verifySignature(key, message, signature)) throw new WebxError('bad-signature', otherwise)
}
