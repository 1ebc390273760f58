/**
 * The money of this node's identity: its account, its payments, and what came in.
 *
 * A payment is named by its reference before it is first tried, so that asking twice pays once and returns the same receipt. Payments and credits are stored in the
 * commit that settles them.
 */

import { seatsShown } from '../consensus/certificate.ts'
import { orderBytes, readOrder } from '../consensus/order.ts'
import { isSettledState } from '../consensus/state-proof.ts'
import { concat, equal, toHex } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { objectId } from '../identity/objectid.ts'
import type { Agreed, Orders, Settling } from '../kernel/agreed.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { OtherHomes } from '../kernel/homes.ts'
import type { Assets, PaymentRequest, SettledPayment, Wallet, Write } from '../kernel/ports.ts'
import { sentTo } from '../ledger/abroad.ts'
import { balanceOf } from '../ledger/account.ts'
import { type Asset, assetNonce } from '../ledger/asset.ts'
import { type Credit, creditsOf } from '../ledger/credit.ts'
import { shownByImport } from '../ledger/import.ts'
import { type OwnOperation, operationOf } from '../ledger/payment.ts'
import { accountId, accountNonce } from '../ledger/terms.ts'

const PAYMENTS = 'payment'
/** Orders of many payments, once each; those in `PAYMENTS` point at them. */
const BATCHES = 'payment-batch'
const BY_REFERENCE = 'payment-by-reference'
const NOTHING = new Uint8Array(0)

/** The assets that a genesis names. */
export function createAssets(assets: Iterable<Asset>): Assets {
  const all = [...assets]
  return { all, byCode: (code) => all.find((asset) => asset.code === code) ?? null }
}

/** What a treasury stands on. */
export interface TreasuryParts {
  readonly agreed: Agreed
  readonly orders: Orders
  /** Whether a quorum of seats is heard of; only for saying why nothing settles. */
  readonly enoughSeats: () => boolean
  /** Where money may go. */
  readonly homes: Pick<OtherHomes, 'isHome'>
}

export class Treasury implements Wallet, Service {
  readonly account: Uint8Array
  readonly #context: Context
  readonly #agreed: Agreed
  readonly #orders: Orders
  readonly #credited = new Set<(payment: SettledPayment) => void>()
  /** Who waits for a payment, by its reference. */
  readonly #waiting = new Map<string, Set<(payment: SettledPayment) => void>>()
  /** References that were first credited in the turn under way: the store does not show them yet. */
  readonly #credits = new Set<string>()
  /** Names of the payments that an order of the turn under way has settled, by its digest. */
  readonly #settling = new Map<string, readonly Uint8Array[]>()
  readonly #enoughSeats: () => boolean
  readonly #homes: Pick<OtherHomes, 'isHome'>
  #unhear: (() => void)[] = []

  constructor(context: Context, { agreed, orders, enoughSeats, homes }: TreasuryParts) {
    this.#context = context
    this.#agreed = agreed
    this.#orders = orders
    this.#enoughSeats = enoughSeats
    this.#homes = homes
    this.account = accountId(context.netId, context.genesis.neighborhood, context.keys.id)
    agreed.onSettling((settling) => this.#record(settling))
  }

  async start(): Promise<void> {
    const { events } = this.#context
    this.#unhear = [events.on('settled', ({ orderDigest }) => this.#announce(orderDigest))]
  }

  async stop(): Promise<void> {
    for (const unhear of this.#unhear) unhear()
  }

  balance(asset: Uint8Array): number {
    return balanceOf(this.#agreed.register.object(this.account)?.state ?? null, asset)
  }

  introduce(): Promise<void> {
    return this.#orders.introduce()
  }

  async pay(request: PaymentRequest, timeoutMs: number): Promise<SettledPayment> {
    const paid = this.#find('out', request.reference)
    if (paid) {
      assertSame(paid, request)
      return paid
    }
    this.assertFunds(request)
    const operation = this.#operationOf(request)
    const { reference } = request
    const settled = this.#untilSettled(reference, timeoutMs)
    // the timer must not outlive a wish that could not be placed
    settled.promise.catch(() => {})
    try {
      await this.#orders.place({ reference, nonce: accountNonce(), operation })
    } catch (error) {
      settled.cancel()
      throw error
    }
    return settled.promise
  }

  /** A refund shows the order that it pays back. Throws `bad-argument` where this account knows of no such credit. */
  #operationOf({ asset, amount, to, home, reference, refundOf }: PaymentRequest): OwnOperation {
    const { neighborhood } = this.#context.genesis
    const payment = { assetId: asset, amount, to, reference, memo: NOTHING }
    if (!refundOf && home && !equal(home, neighborhood)) {
      if (!this.#homes.isHome(home)) throw new WebxError('wrong-home', 'no such neighborhood of this net is known here')
      return { kind: 'pay-abroad', home, ...payment, number: this.nextTo(home, reference) }
    }
    if (!refundOf) return { kind: 'pay', ...payment, refundOf: NOTHING }
    const credit = this.#read(refundOf)
    if (!credit || !equal(credit.from, to) || !equal(credit.asset, asset)) {
      throw new WebxError('bad-argument', 'a refund pays back a payment that came, to whoever made it')
    }
    const order = readOrder(decodeEnvelope(credit.order))
    const index = creditsOf(order, this.#context.netId).findIndex(({ payment }) => equal(payment, refundOf))
    const number = equal(order.home, this.#context.genesis.neighborhood) ? 0 : this.nextTo(order.home, reference)
    return { kind: 'refund', original: order.envelope.body, index, amount, reference, number, memo: NOTHING }
  }

  /** Number that a payment to another home has: the next one, unless it waits already. */
  nextTo(home: Uint8Array, reference: Uint8Array): number {
    const waiting = this.#orders.find(reference)?.operation
    if (waiting && 'number' in waiting) return waiting.number
    const sent = this.#agreed.register.object(this.account)?.state?.sent ?? []
    return sentTo(sent, home) + this.#orders.leaving(home) + 1
  }

  /**
   * Issues `amount` more of an asset of this identity's own, to the object `to`. Resolves when the order is stored; the credit arrives when it is settled.
   *
   * Throws `not-allowed` for somebody else's asset, `over-cap`, `bad-amount`.
   */
  async issue(asset: Asset, amount: number, to: Uint8Array): Promise<void> {
    if (!equal(asset.issuer, this.#context.keys.id)) {
      throw new WebxError('not-allowed', `${asset.code} is issued by somebody else`)
    }
    if (!Number.isSafeInteger(amount) || amount < 1) throw new WebxError('bad-amount', `cannot issue ${amount}`)
    const nonce = assetNonce(asset.id)
    const cumulative = this.#issued(nonce) + amount
    if (cumulative > asset.cap) throw new WebxError('over-cap', `${asset.code} is capped at ${asset.cap}`)
    const reference = concat(asset.id.subarray(0, 24), uint64(cumulative))
    await this.#orders.place({ reference, nonce, operation: { kind: 'mint', assetId: asset.id, cumulative, to } })
  }

  /** All that has been issued, or was ordered to be, by an asset's object. */
  #issued(nonce: Uint8Array): number {
    const { netId, genesis, keys } = this.#context
    const waiting = this.#orders.newest(nonce)?.operation
    if (waiting?.kind === 'mint') return waiting.cumulative
    return this.#agreed.register.object(objectId(netId, genesis.neighborhood, keys.id, nonce))?.state?.issued ?? 0
  }

  onCredit(credited: (payment: SettledPayment) => void): () => void {
    this.#credited.add(credited)
    return () => this.#credited.delete(credited)
  }

  *credits(): Iterable<SettledPayment> {
    for (const { key, value } of this.#context.store.scan(PAYMENTS)) {
      const payment = this.#readFrom(key.slice(), value.slice())
      if (equal(payment.to, this.account)) yield payment
    }
  }

  settled(reference: Uint8Array): SettledPayment | null {
    return this.#find('in', reference) ?? this.#find('out', reference)
  }

  /** Throws `bad-amount`, and `insufficient-funds` where waiting orders have spoken for what would be paid. */
  assertFunds(request: Pick<PaymentRequest, 'reference' | 'asset' | 'amount'>): void {
    if (!Number.isSafeInteger(request.amount) || request.amount < 1) {
      throw new WebxError('bad-amount', `cannot pay ${request.amount}`)
    }
    if (this.#orders.has(request.reference)) return
    const free = this.balance(request.asset) - this.#orders.reserved(request.asset)
    if (free < request.amount) {
      throw new WebxError('insufficient-funds', `${request.amount} wanted, ${Math.max(free, 0)} free`)
    }
  }

  #untilSettled(reference: Uint8Array, timeoutMs: number): { promise: Promise<SettledPayment>; cancel: () => void } {
    const name = toHex(reference)
    const waiting = this.#waiting.get(name) ?? new Set()
    this.#waiting.set(name, waiting)
    const { promise, resolve, reject } = Promise.withResolvers<SettledPayment>()
    const cancelTimer = this.#context.schedule.after(timeoutMs, 'payment', () => {
      forget()
      reject(this.#late(timeoutMs))
    })
    const forget = (): void => {
      cancelTimer()
      waiting.delete(settle)
      if (waiting.size === 0) this.#waiting.delete(name)
    }
    const settle = (payment: SettledPayment): void => {
      forget()
      resolve(payment)
    }
    waiting.add(settle)
    return { promise, cancel: forget }
  }

  #late(timeoutMs: number): WebxError {
    const hint = 'The order is kept and sent again; asking for the same payment later returns its receipt.'
    return !this.#enoughSeats()
      ? new WebxError('no-quorum', `too few seats answer to settle anything; waited ${timeoutMs} ms`, { hint })
      : new WebxError('not-settled', `not settled within ${timeoutMs} ms`, { hint })
  }

  /** Payments from and to this account are stored with the turn that settles them. */
  #record(settling: Settling): readonly Write[] {
    const { order, settlement, locks, confirms } = arrivalIn(settling)
    const credits = creditsOf(order, this.#context.netId)
    const own = credits.filter(({ from, to }) => equal(from, this.account) || equal(to, this.account))
    if (own.length === 0) return []
    this.#settling.set(
      toHex(settling.order.od),
      own.map(({ payment }) => payment),
    )
    const value = encode([orderBytes(order), settlement, locks, confirms])
    const isBatch = !equal((own[0] as Credit).payment, order.od)
    const writes = own.flatMap((credit) => this.#writesOf(credit, isBatch ? encode([order.od, credit.index]) : value))
    return isBatch ? [{ space: BATCHES, key: order.od, value }, ...writes] : writes
  }

  #writesOf({ payment, from, to, reference }: Credit, value: Uint8Array): Write[] {
    const writes: Write[] = [{ space: PAYMENTS, key: payment, value }]
    if (equal(from, this.account)) {
      writes.push({ space: BY_REFERENCE, key: referenceKey('out', reference), value: payment })
    }
    if (equal(to, this.account) && this.#isFirstCredit(reference)) {
      writes.push({ space: BY_REFERENCE, key: referenceKey('in', reference), value: payment })
    }
    return writes
  }

  /** The first credit of a reference keeps it; what comes after is announced and can be paid back. */
  #isFirstCredit(reference: Uint8Array): boolean {
    const name = toHex(reference)
    if (this.#credits.has(name) || this.#find('in', reference)) return false
    this.#credits.add(name)
    return true
  }

  #announce(orderDigest: Uint8Array): void {
    const name = toHex(orderDigest)
    const payments = this.#settling.get(name) ?? []
    this.#settling.delete(name)
    for (const name of payments) this.#announcePayment(name)
  }

  #announcePayment(name: Uint8Array): void {
    const payment = this.#read(name)
    if (!payment) return
    this.#credits.delete(toHex(payment.reference))
    if (equal(payment.to, this.account)) for (const credited of [...this.#credited]) credited(payment)
    if (equal(payment.from, this.account)) {
      for (const settle of [...(this.#waiting.get(toHex(payment.reference)) ?? [])]) settle(payment)
    }
  }

  #find(direction: Direction, reference: Uint8Array): SettledPayment | null {
    const name = this.#context.store.get(BY_REFERENCE, referenceKey(direction, reference))
    return name ? this.#read(name) : null
  }

  /** By the name of a payment: of the only one in an order that is the order's digest. */
  #read(name: Uint8Array): SettledPayment | null {
    const value = this.#context.store.get(PAYMENTS, name)
    return value && this.#readFrom(name, value)
  }

  #readFrom(name: Uint8Array, value: Uint8Array): SettledPayment {
    const { store, netId } = this.#context
    const fields = Fields.of('payment', value)
    const first = fields.bytesBetween('order', 1, 2 * LIMITS.orderBytesMax)
    if (first.length !== 32) return paymentOf(name, value, 0, netId)
    const index = fields.uint('index', LIMITS.batchPaymentsMax - 1)
    fields.end()
    const batch = store.get(BATCHES, first)
    if (!batch) throw new WebxError('store-damaged', 'a payment is stored without the order that made it')
    return paymentOf(name, batch, index, netId)
  }
}

/** The payment of that name out of the stored order that made it. */
function paymentOf(name: Uint8Array, value: Uint8Array, index: number, netId: Uint8Array): SettledPayment {
  const fields = Fields.of('payment', value)
  const bytes = fields.bytesBetween('order', 1, 2 * LIMITS.orderBytesMax)
  const settlement = fields.bytesBetween('settlement', 0, LIMITS.envelopeBytesMax)
  const votes = { locks: fields.uint('locks'), confirms: fields.uint('confirms') }
  fields.end()
  const credit = creditsOf(readOrder(decodeEnvelope(bytes)), netId)[index]
  if (!credit) throw new WebxError('store-damaged', 'a stored order does not hold the payment that it is kept for')
  const { reference, assetId: asset, amount, from, to } = credit
  return { reference, asset, amount, from, to, orderDigest: name, order: bytes, settlement, ...votes }
}

/** What an import lets arrive, as the other home has settled it; anything else as it is. */
function arrivalIn(settling: Settling): Settling {
  const { order } = settling
  if (order.attached.length === 0 || operationOf(order).kind !== 'import') return settling
  const shown = shownByImport(order.attached)
  const arrived = { order: readOrder(decodeEnvelope(shown.order)), locks: 0 }
  // a state shows no confirmations that a receipt could hold, nor does the settlement of a later order
  if (shown.later.length > 0 || isSettledState(shown.settlement))
    return { ...arrived, settlement: NOTHING, confirms: 0 }
  const confirms = seatsShown(decodeEnvelope(shown.settlement))
  return { ...arrived, settlement: shown.settlement, confirms }
}

type Direction = 'in' | 'out'

function referenceKey(direction: Direction, reference: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(direction === 'in' ? 0 : 1), reference)
}

function assertSame(paid: SettledPayment, request: PaymentRequest): void {
  if (equal(paid.asset, request.asset) && paid.amount === request.amount && equal(paid.to, request.to)) return
  throw new WebxError('bad-argument', 'this reference already names another payment')
}

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return bytes
}
