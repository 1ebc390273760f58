/**
 * Claims: how much of a hold its payee may take, signed by the key that the hold names. Of an offline purse it is a voucher, for work done it is a receipt.
 *
 * Both say a sum since the beginning, so that the newest one is enough, and one that is lost costs nothing. They move the payer's own money and nobody else's.
 *
 * PURSE VOUCHER, body: [hold, counter, cumulative, amount, merchant, nonce]; WORK RECEIPT, body: [payer, payee, channel, kind, units, cumulative, epoch], where
 * the channel is the hold; scope: the net id. Layout and CDDL: `src/PROTOCOL.md` §30, §31.
 */

import { equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { type SignatureCheck, verifySignature } from '../core/crypto.ts'
import { decodeEnvelope, type Envelope, signedBytes, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'

/** What a purse pays at a till. */
export interface VoucherTerms {
  /** 32-byte name of the hold that backs it. */
  readonly hold: Uint8Array
  /** Counts the payments of the purse, from 1. */
  readonly counter: number
  /** All that the purse has paid, this payment included. */
  readonly cumulative: number
  /** What it pays this time. */
  readonly amount: number
  /** Account of the merchant. */
  readonly merchant: Uint8Array
  /** 32 bytes of the till's choice, drawn or derived for this payment alone: no voucher serves twice. */
  readonly nonce: Uint8Array
}

/** What work is paid for. */
export const WORK = ['relay', 'storage'] as const
export type WorkKind = (typeof WORK)[number]

/** What a payer owes for work, all in all. */
export interface WorkReceiptTerms {
  /** Accounts. */
  readonly payer: Uint8Array
  readonly payee: Uint8Array
  /** 32-byte name of the hold that it is paid from. */
  readonly channel: Uint8Array
  readonly kind: WorkKind
  /** Bytes relayed, or byte-epochs stored, since the channel began. */
  readonly units: number
  readonly cumulative: number
  /** In which it was signed. */
  readonly epoch: number
}

/** A claim as a hold sees it. */
export interface Claim {
  readonly hold: Uint8Array
  /** Account of who may take it. */
  readonly payee: Uint8Array
  /** Account that the hold must be in; null where it does not say. */
  readonly payer: Uint8Array | null
  readonly cumulative: number
  readonly envelope: Envelope
}

/** Body of a voucher, to be signed by the key of the hold over `signedBytes(TYPE.purseVoucher, netId, body)`. */
export function voucherBody({ hold, counter, cumulative, amount, merchant, nonce }: VoucherTerms): Uint8Array {
  return encode([hold, counter, cumulative, amount, merchant, nonce])
}

/** Body of a receipt, to be signed by the key of the hold over `signedBytes(TYPE.workReceipt, netId, body)`. */
export function workReceiptBody(terms: WorkReceiptTerms): Uint8Array {
  const { payer, payee, channel, kind, units, cumulative, epoch } = terms
  return encode([payer, payee, channel, WORK.indexOf(kind), units, cumulative, epoch])
}

/** Reads a voucher; its signature is another matter. Throws `bad-shape`, `bad-amount`, `not-canonical`. */
export function readVoucher(envelope: Envelope): VoucherTerms {
  const fields = bodyOf('purse voucher', envelope, TYPE.purseVoucher)
  const terms = {
    hold: fields.bytes('hold', 32),
    counter: fields.uint('counter'),
    cumulative: fields.uint('cumulative', LIMITS.amountMax),
    amount: fields.uint('amount', LIMITS.amountMax),
    merchant: fields.bytes('merchant', 32),
    nonce: fields.bytes('nonce', 32),
  }
  fields.end()
  if (terms.counter === 0) throw new WebxError('bad-shape', 'purse voucher: payments count up from 1')
  if (terms.amount === 0 || terms.cumulative < terms.amount) {
    throw new WebxError('bad-amount', 'purse voucher: pays at least one unit, and that is part of all it has paid')
  }
  return terms
}

/** Reads a receipt; its signature is another matter. Throws `bad-shape`, `not-canonical`. */
export function readWorkReceipt(envelope: Envelope): WorkReceiptTerms {
  const fields = bodyOf('work receipt', envelope, TYPE.workReceipt)
  const terms = {
    payer: fields.bytes('payer', 32),
    payee: fields.bytes('payee', 32),
    channel: fields.bytes('channel', 32),
    kind: WORK[fields.uint('kind', WORK.length - 1)] as WorkKind,
    units: fields.uint('units'),
    cumulative: fields.uint('cumulative', LIMITS.amountMax),
    epoch: fields.uint('epoch'),
  }
  fields.end()
  return terms
}

/** Reads a claim of either kind. Throws `bad-shape`, `bad-amount`, `wrong-net`, and what decoding throws. */
export function readClaim(bytes: Uint8Array, netId: Uint8Array): Claim {
  const envelope = decodeEnvelope(bytes, LIMITS.claimBytesMax)
  if (!equal(envelope.scope, netId)) throw new WebxError('wrong-net', 'this claim belongs to another net')
  if (envelope.type === TYPE.purseVoucher) {
    const { hold, merchant, cumulative } = readVoucher(envelope)
    return { hold, payee: merchant, payer: null, cumulative, envelope }
  }
  const { channel, payee, payer, cumulative } = readWorkReceipt(envelope)
  return { hold: channel, payee, payer, cumulative, envelope }
}

/** The signature that must hold for a claim to count. */
export function claimCheck({ type, scope, body, signature }: Envelope, key: Uint8Array): SignatureCheck {
  return { key, message: signedBytes(type, scope, body), signature }
}

/** True where the key of a hold has signed this claim. Throws `bad-key`. */
export function isSignedBy(envelope: Envelope, key: Uint8Array): boolean {
  const { message, signature } = claimCheck(envelope, key)
  return verifySignature(key, message, signature)
}

function bodyOf(what: string, envelope: Envelope, type: number): Fields {
  if (envelope.type !== type) throw new WebxError('bad-shape', `not a ${what}`)
  if (envelope.signature.length !== 64 || envelope.attachment.length !== 0) {
    throw new WebxError('bad-shape', `${what}: has a signature and nothing attached`)
  }
  return Fields.of(what, envelope.body, LIMITS.claimBytesMax)
}
