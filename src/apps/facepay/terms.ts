/**
 * The terms of one payment: what the terminal fixes before anybody is looked at.
 *
 * Probe, claim, selection, order and receipt all name the digest of the terms, so none of them can be used for another payment. The challenge is what a shopper
 * would be asked to act out before the camera; gestures are not in this version, so it is only echoed in the claim.
 */

import { encode } from '../../core/codec.ts'
import { blake3Of } from '../../core/digest.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'

/** What is to be paid, to whom, and until when. */
export interface Terms {
  /** 32-byte identity of the terminal. */
  readonly terminalId: Uint8Array
  /** 32-byte account that is to be credited: the terminal's own, number 0. */
  readonly merchant: Uint8Array
  /** 32-byte asset id. */
  readonly asset: Uint8Array
  /** Smallest units, > 0. */
  readonly amount: number
  /** 16 random bytes. */
  readonly nonce: Uint8Array
  /** Milliseconds since 1970. */
  readonly expiresMs: number
}

/** Most bytes that encoded terms can have. */
export const TERMS_BYTES_MAX = 160

/** Canonical bytes of the terms. */
export function encodeTerms(terms: Terms): Uint8Array {
  const { terminalId, merchant, asset, amount, nonce, expiresMs } = terms
  return encode([terminalId, merchant, asset, amount, nonce, expiresMs])
}

/** Throws `too-long`, `not-canonical`, `bad-shape`; `bad-amount` where nothing is to be paid. */
export function readTerms(bytes: Uint8Array): Terms {
  const fields = Fields.of('payment terms', bytes, TERMS_BYTES_MAX)
  const terms = {
    terminalId: fields.bytes('terminalId', 32),
    merchant: fields.bytes('merchant', 32),
    asset: fields.bytes('asset', 32),
    amount: fields.uint('amount', LIMITS.amountMax),
    nonce: fields.bytes('nonce', 16),
    expiresMs: fields.uint('expiresMs'),
  }
  fields.end()
  if (terms.amount === 0) throw new WebxError('bad-amount', 'payment terms: the amount must be at least 1')
  return terms
}

/** 32-byte digest of encoded terms: the reference of the payment from the first probe to the receipt. */
export function referenceOf(termsBytes: Uint8Array): Uint8Array {
  return blake3Of('webx v1 payment terms', termsBytes)
}

/** 32-byte challenge that a claim must echo. */
export function challengeOf(reference: Uint8Array): Uint8Array {
  return blake3Of('webx v1 payment challenge', reference)
}

/** Reference of the payment that pays a credit back: one order, one refund, however often it is tried. */
export function refundReferenceOf(orderDigest: Uint8Array): Uint8Array {
  return blake3Of('webx v1 refund', orderDigest)
}
