/**
 * Further ways of money of this node's identity: many payments at once, holds with their captures and releases, payments to other homes and from there.
 *
 * What an owner orders here waits in the outbox as any payment does. What neighborhoods would refuse for a while – a capture of what is not final, a release before its time –
 * is refused here at once, since an order that waits keeps all behind it waiting.
 */

import { orderBytes, readOrder } from '../consensus/order.ts'
import { equal } from '../core/bytes.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Agreed, Orders, Settling, Standings } from '../kernel/agreed.ts'
import { arrivingOrder, readShown } from '../kernel/arriving.ts'
import type { Context } from '../kernel/context.ts'
import type { PaymentRequest, SettledPayment, Write } from '../kernel/ports.ts'
import { type Hold, holdOf } from '../ledger/hold.ts'
import { importProof } from '../ledger/import.ts'
import { encodeOperation, type OwnOperation, operationOf } from '../ledger/payment.ts'
import { accountNonce, NO_HEAD } from '../ledger/terms.ts'
import type { Treasury } from './treasury.ts'

const HOLDS = 'hold-by-reference'
const NOTHING = new Uint8Array(0)

/** What transfers stand on. */
export interface TransferParts {
  readonly agreed: Agreed
  readonly orders: Orders
  readonly wallet: Treasury
  readonly standings: Standings
}

/** Many payments of one asset, all of them or none. */
export interface ManyRequest {
  /** 32 bytes, of the batch; each payment has one of its own. */
  readonly reference: Uint8Array
  readonly asset: Uint8Array
  /** 1 to `LIMITS.batchPaymentsMax`. */
  readonly payments: readonly Pick<PaymentRequest, 'reference' | 'amount' | 'to'>[]
}

/** Money set aside for a payee until the end of an epoch. */
export interface HoldRequest extends Omit<PaymentRequest, 'refundOf'> {
  /** Last epoch in which the payee may capture. */
  readonly expiresEpoch: number
  /** Key that signs how much may be captured; absent where the payee may capture as it likes. */
  readonly key?: Uint8Array
}

/** Takes `amount` out of somebody's hold, and lets `released` go back at once. */
export interface CaptureRequest {
  readonly reference: Uint8Array
  /** 32-byte account that the hold is in. */
  readonly payer: Uint8Array
  readonly hold: Uint8Array
  readonly amount: number
  readonly released: number
  /** Encoded purse voucher or work receipt, where the hold names a key. */
  readonly claim?: Uint8Array
}

/** A payment to an account of another home. */
export interface AbroadRequest extends Omit<PaymentRequest, 'refundOf'> {
  /** 16 bytes. */
  readonly home: Uint8Array
}

/** All of them resolve once settled and reject with `not-settled` after `timeoutMs`; the order is kept then, and settles later. The same reference again is the same wish. */
export class Transfers {
  readonly #context: Context
  readonly #parts: TransferParts

  constructor(context: Context, parts: TransferParts) {
    this.#context = context
    this.#parts = parts
    parts.agreed.onSettling((settling) => this.#record(settling))
  }

  /** Throws `insufficient-funds`, `bad-amount`, `bad-argument` for no payments or too many. */
  async payMany({ reference, asset, payments }: ManyRequest, timeoutMs: number): Promise<SettledPayment[]> {
    const { wallet } = this.#parts
    const [first] = payments
    if (!first || payments.length > LIMITS.batchPaymentsMax)
      throw new WebxError('bad-argument', `a batch has 1 to ${LIMITS.batchPaymentsMax} payments`)
    const all = (): SettledPayment[] => payments.flatMap((each) => wallet.settled(each.reference) ?? [])
    if (wallet.settled(first.reference)) return all()
    for (const { amount } of payments) wallet.assertFunds({ reference, asset, amount })
    wallet.assertFunds({ reference, asset, amount: payments.reduce((sum, { amount }) => sum + amount, 0) })
    const listed = payments.map(({ amount, to, reference }) => ({ amount, to, reference, memo: NOTHING }))
    await this.#order(reference, { kind: 'pay-many', assetId: asset, payments: listed }, timeoutMs)
    return all()
  }

  /** The 32-byte name of the hold. Throws `insufficient-funds`, `bad-amount`. */
  async hold(request: HoldRequest, timeoutMs: number): Promise<Uint8Array> {
    const { reference, asset: assetId, amount, to, expiresEpoch, key = NOTHING } = request
    const known = this.#context.store.get(HOLDS, reference)
    if (known) return known
    this.#parts.wallet.assertFunds(request)
    return this.#order(reference, { kind: 'hold', assetId, amount, to, expiresEpoch, reference, key }, timeoutMs)
  }

  /** What this account has set aside. */
  holds(): readonly Hold[] {
    return this.#holdsOf(this.#parts.wallet.account).filter(({ terms }) => terms !== null)
  }

  /** Throws `not-settled` for a hold that is not final here, `expired`, `insufficient-funds` where less is left, `not-allowed` for somebody else's. */
  async capture(request: CaptureRequest, timeoutMs: number): Promise<void> {
    const { reference, payer, hold: id, amount, released, claim = NOTHING } = request
    const { wallet, orders, agreed } = this.#parts
    if (wallet.settled(reference)) return
    if (!orders.has(reference)) {
      const hold = holdOf(this.#holdsOf(payer), id)
      if (!hold?.terms?.settled) throw new WebxError('not-settled', 'this hold is not final here')
      if (!equal(hold.terms.to, wallet.account)) throw new WebxError('not-allowed', 'this hold is for somebody else')
      if (agreed.committee.epoch > hold.terms.expiresEpoch) throw new WebxError('expired', 'this hold is over')
      if (amount + released > hold.left) throw new WebxError('insufficient-funds', `${hold.left} is left in this hold`)
    }
    const assetId = holdOf(this.#holdsOf(payer), id)?.assetId ?? NO_HEAD
    const operation = { kind: 'capture', payer, hold: id, assetId, amount, released, reference, claim } as const
    await this.#order(reference, operation, timeoutMs)
  }

  /** Takes back what is left of a hold of this account; nothing, where nothing is. Throws `not-yet-valid` as long as it may be captured. */
  async release(reference: Uint8Array, id: Uint8Array, timeoutMs: number): Promise<void> {
    const hold = holdOf(this.holds(), id)
    if (!hold?.terms || hold.left === 0) return
    if (this.#parts.agreed.committee.epoch <= hold.terms.expiresEpoch)
      throw new WebxError('not-yet-valid', `this hold may be captured until epoch ${hold.terms.expiresEpoch} is over`)
    const { assetId, left: amount } = hold
    await this.#order(reference, { kind: 'release', hold: id, assetId, amount }, timeoutMs)
  }

  /** Throws `insufficient-funds`, `bad-amount`. It arrives when somebody hands it in there. */
  async abroad(request: AbroadRequest, timeoutMs: number): Promise<SettledPayment> {
    const { reference, home, asset: assetId, amount, to } = request
    const { wallet } = this.#parts
    const paid = wallet.settled(reference)
    if (paid) return paid
    wallet.assertFunds(request)
    const number = wallet.nextTo(home, reference)
    const operation = { kind: 'pay-abroad', home, assetId, amount, to, reference, number, memo: NOTHING } as const
    await this.#order(reference, operation, timeoutMs)
    return wallet.settled(reference) as SettledPayment
  }

  /**
   * Hands in a payment that another home has settled, for whomever it is. Throws `wrong-home` where it goes elsewhere, `wrong-version` where others of the same payer have to
   * arrive first, and what decoding throws.
   *
   * @param order encoded ORDER of the other home
   * @param settlement its encoded SETTLEMENT; above `LIMITS.importPlainAmountMax` one that shows a strong quorum
   */
  async bring(order: Uint8Array, settlement: Uint8Array, timeoutMs: number): Promise<void> {
    const { agreed, standings } = this.#parts
    const { netId, genesis, schedule, topics, road } = this.#context
    const shown = readShown(genesis, importProof(order, settlement))
    await standings.upToDate(shown.lane)
    const arriving = arrivingOrder(netId, shown, agreed.register)
    if (!arriving) return
    const send = (): Promise<void> =>
      road.run(() => {
        agreed.submit(arriving)
        return { emit: [{ topic: topics.order, bytes: orderBytes(arriving) }] }
      })
    const done = this.#untilSettled((digest) => equal(digest, arriving.od), timeoutMs)
    const cancel = schedule.every(LIMITS.orderRetryMsMin * 4, 'import again', () => void send())
    await send()
    await done.finally(cancel)
  }

  #holdsOf(account: Uint8Array): readonly Hold[] {
    return this.#parts.agreed.register.object(account)?.state?.holds ?? []
  }

  /** Places a wish for this account; resolves with the digest of the order that settled it. */
  async #order(reference: Uint8Array, operation: OwnOperation, timeoutMs: number): Promise<Uint8Array> {
    const op = encodeOperation(operation)
    const isOwn = (_: Uint8Array, bytes: Uint8Array): boolean => {
      const order = readOrder(decodeEnvelope(bytes))
      return equal(order.owner, this.#context.keys.id) && equal(order.op, op)
    }
    const { orders } = this.#parts
    const placed = orders.place({ reference, nonce: accountNonce(), operation })
    const settled = this.#untilSettled(isOwn, timeoutMs)
    // what could not be placed is what is told of
    settled.catch(() => {})
    await placed
    return settled
  }

  /** Digest of the first order that settles and is meant. */
  #untilSettled(isMeant: (digest: Uint8Array, order: Uint8Array) => boolean, timeoutMs: number): Promise<Uint8Array> {
    const { events, schedule } = this.#context
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
    const unhear = events.on('settled', ({ order, orderDigest }) => {
      if (isMeant(orderDigest, order)) resolve(orderDigest)
    })
    const cancel = schedule.after(timeoutMs, 'transfer', () =>
      reject(new WebxError('not-settled', `not settled within ${timeoutMs} ms`, { hint: 'Ask for the same later.' })),
    )
    return promise.finally(() => {
      unhear()
      cancel()
    })
  }

  /** Whoever placed a hold finds it by its reference. */
  #record({ order }: Settling): readonly Write[] {
    if (!equal(order.oid, this.#parts.wallet.account)) return []
    const operation = operationOf(order)
    return operation.kind === 'hold' ? [{ space: HOLDS, key: operation.reference, value: order.od }] : []
  }
}
