/**
 * What a caller asks of a terminal and what comes of it.
 */

import { WebxError } from '../../core/errors.ts'
import type { Image } from '../../face/image.ts'
import { labelOf } from '../../identity/xqident.ts'
import type { SettledPayment } from '../../kernel/ports.ts'
import type { Claimed } from './attempt.ts'

/** How far a payment is. */
export type Stage = 'looking' | 'asking' | 'confirming' | 'settling'

/** What is to be paid, and who is looked at: an embedding, else a picture, else the camera. */
export interface PaymentAtTill {
  /** Smallest units, > 0. */
  readonly amount: number
  /** 32-byte asset id. */
  readonly asset: Uint8Array
  /** Unit vector of the model's length. The caller's copy is not wiped. */
  readonly embedding?: Float32Array
  readonly image?: Image
  /** Calls the payment off; should it settle nevertheless, it is paid back. */
  readonly signal?: AbortSignal
  /** Told of each stage, with the reference under which the payment can be asked for later. */
  readonly progress?: (stage: Stage, reference: Uint8Array) => void
}

/** A payment that is final. */
export interface PaymentResult {
  readonly status: 'settled'
  /** 32 bytes. */
  readonly reference: Uint8Array
  /** Identity of the shopper's device, or of its guest where it came anonymously, and its label. */
  readonly shopperId: Uint8Array
  readonly shopper: string
  readonly account: Uint8Array
  readonly amount: number
  readonly asset: Uint8Array
  readonly locks: number
  readonly confirms: number
  /** From the first frame to the embedding; from the probes to the claim; from the selection to the settlement. */
  readonly msCapture: number
  readonly msMatch: number
  readonly msSettle: number
  readonly orderDigest: Uint8Array
  /** Encoded ORDER and SETTLEMENT: the receipt. */
  readonly order: Uint8Array
  readonly settlement: Uint8Array
}

/** The result of a payment out of its parts. */
export function resultOf(
  claimed: Claimed,
  settled: SettledPayment,
  times: Pick<PaymentResult, 'msCapture' | 'msMatch' | 'msSettle'>,
): PaymentResult {
  const { reference, amount, asset, locks, confirms, orderDigest, order, settlement } = settled
  const { candidate, account } = claimed
  const shopper = { shopperId: candidate.id, shopper: labelOf(candidate.id), account }
  return {
    status: 'settled',
    reference,
    ...shopper,
    amount,
    asset,
    locks,
    confirms,
    ...times,
    orderDigest,
    order,
    settlement,
  }
}

export function noClaim(): WebxError {
  const hint = 'The shopper can check in on the device, or pay in another way.'
  return new WebxError('no-claim', 'no device that is checked in knows this face', { hint })
}

export function ambiguous(count: number): WebxError {
  const hint = 'Nobody is chosen by likeness: one of them can check out, or pay in another way.'
  return new WebxError('ambiguous', `${count} devices claim this face`, { hint })
}
