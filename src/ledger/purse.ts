/**
 * The offline purse, as a merchant's till sees it: a hold that names a device's key, and vouchers that this key signs while nobody can ask the neighborhood.
 *
 * Online the payer sets X aside for one merchant until an epoch. Offline its device pays at that merchant's tills by vouchers that count up: each says what it pays,
 * and what all have paid. The merchant redeems the newest by a capture (`claim.ts`). A device that is honest cannot overspend; one that is not can, at tills that do not
 * know of each other, and its own signatures convict it (`overspend.ts`). Until then the merchant bears what it allowed: the floor, the number of payments in a
 * row and their sum are its choice, as with payment cards. To prevent it takes hardware that its holder cannot open.
 *
 * One merchant, as many tills as it likes: a sum that several payees draw on at once needs an order among them all, which single-owner objects do not have.
 */

import { equal } from '../core/bytes.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { type Code, WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { isSignedBy, readVoucher, type VoucherTerms } from './claim.ts'
import { operationOf } from './payment.ts'
import { readShownOrder } from './shown.ts'
import type { Capture } from './transfer.ts'

/** A purse, as the order that funds it says. That this order is settled is verified apart, once, while online. */
export interface Purse {
  /** 32-byte name of the hold. */
  readonly hold: Uint8Array
  readonly payer: Uint8Array
  readonly merchant: Uint8Array
  readonly assetId: Uint8Array
  /** All that it can ever pay. */
  readonly amount: number
  readonly expiresEpoch: number
  /** Of the device. */
  readonly key: Uint8Array
}

/** What a till takes offline. */
export interface PursePolicy {
  /** Most that one payment may be. */
  readonly floorAmount: number
  /** Most that may be paid since the merchant last redeemed. */
  readonly openAmountMax: number
  /** Payments in a row since then: beyond `lower` the till should ask online where it can, beyond `upper` it must. */
  readonly lowerInARow: number
  readonly upperInARow: number
  /** Epochs that must be left for redeeming. */
  readonly epochsLeftMin: number
}

/** How far a purse has come, as a till knows it. */
export interface PurseMark {
  readonly counter: number
  readonly cumulative: number
}

/** What is asked of a purse, and what is known when it answers. */
export interface PurseQuestion {
  readonly amount: number
  /** 32 bytes that the till made for this payment alone. */
  readonly nonce: Uint8Array
  /** The newest voucher that this till has seen; zeros for none. */
  readonly seen: PurseMark
  /** The newest that is redeemed, as of when the till was last online; zeros for none. */
  readonly redeemed: PurseMark
  /** The epoch, as well as the till knows. */
  readonly epoch: number
}

/** Take it; take it, but ask online first where that is possible; do not take it while offline. */
export type PurseVerdict =
  | { readonly kind: 'accept' | 'ask-online'; readonly voucher: VoucherTerms }
  | { readonly kind: 'refuse'; readonly code: Code }

/** No voucher yet. */
export const NO_MARK: PurseMark = { counter: 0, cumulative: 0 }

/** Reads a purse out of the body of the order that funds it. Throws `bad-shape` where it funds none. */
export function readPurse(netId: Uint8Array, body: Uint8Array): Purse {
  const order = readShownOrder(netId, body)
  const operation = operationOf(order)
  if (operation.kind !== 'hold' || operation.key.length === 0) {
    throw new WebxError('bad-shape', 'an order that funds a purse is a hold that names a key')
  }
  const { assetId, amount, to: merchant, expiresEpoch, key } = operation
  return { hold: order.od, payer: order.oid, merchant, assetId, amount, expiresEpoch, key }
}

/**
 * Judges an encoded voucher that a device answers with. Pure: the till stores its terms, before it hands out goods, as what it has seen.
 *
 * Refused are: what is not signed by the purse's device, or is for another purse, merchant, payment or net; a counter or sum that goes back (`replayed`);
 * more than the purse holds (`insufficient-funds`); too much, too often or too late to be risked offline (`used-up`, `expired`).
 */
export function judgeVoucher(bytes: Uint8Array, { netId, purse, policy, question }: VoucherContext): PurseVerdict {
  const envelope = decodeEnvelope(bytes, LIMITS.claimBytesMax)
  const voucher = readVoucher(envelope)
  const refused = (code: Code): PurseVerdict => ({ kind: 'refuse', code })
  if (!equal(envelope.scope, netId)) return refused('wrong-net')
  if (!isSignedBy(envelope, purse.key)) return refused('bad-signature')
  const { counter, cumulative, amount } = voucher
  const isMeant = equal(voucher.hold, purse.hold) && equal(voucher.merchant, purse.merchant)
  if (!isMeant || !equal(voucher.nonce, question.nonce) || amount !== question.amount) return refused('wrong-audience')
  const { seen, redeemed } = question
  for (const mark of [seen, redeemed]) {
    if (counter <= mark.counter || cumulative < mark.cumulative + amount) return refused('replayed')
  }
  if (cumulative > purse.amount) return refused('insufficient-funds')
  if (question.epoch + policy.epochsLeftMin > purse.expiresEpoch) return refused('expired')
  const inARow = counter - redeemed.counter
  const open = cumulative - redeemed.cumulative
  if (amount > policy.floorAmount || open > policy.openAmountMax || inARow > policy.upperInARow)
    return refused('used-up')
  return { kind: inARow > policy.lowerInARow ? 'ask-online' : 'accept', voucher }
}

/** Where a voucher is shown. */
export interface VoucherContext {
  readonly netId: Uint8Array
  readonly purse: Purse
  readonly policy: PursePolicy
  readonly question: PurseQuestion
}

/**
 * What the merchant orders to redeem the newest voucher; null where nothing is left to redeem.
 *
 * @param used what captures of this purse have taken or released before
 * @param release whether what is left goes back to the payer: nothing more is redeemed then
 */
export function redemption(
  purse: Purse,
  { claim, used, release }: { readonly claim: Uint8Array; readonly used: number; readonly release: boolean },
  reference: Uint8Array,
): Capture | null {
  const { cumulative } = readVoucher(decodeEnvelope(claim, LIMITS.claimBytesMax))
  const amount = Math.max(0, Math.min(cumulative, purse.amount) - used)
  const released = release ? purse.amount - used - amount : 0
  if (amount + released === 0) return null
  const { payer, hold, assetId } = purse
  return { kind: 'capture', payer, hold, assetId, amount, released, reference, claim: amount > 0 ? claim : NOTHING }
}

const NOTHING = new Uint8Array(0)
