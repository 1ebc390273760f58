/**
 * The cashier: watches the merchant's account, closes payments with the money that is theirs, and pays back what nobody should have paid.
 *
 * What a credit means is the till's judgement (`till.ts`); this part stores it before it acts on it, and takes up again after a restart what was left open.
 */

import { equal, toHex } from '../../core/bytes.ts'
import { asWebxError, WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import type { PaymentRequest, SettledPayment, Wallet } from '../../kernel/ports.ts'
import { Till } from './till.ts'

type Heard = (settled: SettledPayment) => void

const REFUND_TIMEOUT_MS = 30_000

export class Cashier {
  readonly till = new Till()
  readonly #context: Context
  readonly #wallet: Wallet
  readonly #listeners = new Map<string, Set<Heard>>()
  readonly #refusals = new Set<(error: WebxError) => void>()
  #unsubscribe = (): void => {}
  #running = false

  constructor(context: Context, wallet: Wallet) {
    this.#context = context
    this.#wallet = wallet
  }

  /** Restores the till, looks for money that came meanwhile, and repeats refunds that are not known to have settled. */
  async start(): Promise<void> {
    this.#running = true
    this.till.load(this.#context.store)
    this.#unsubscribe = this.#wallet.onCredit((credit) => this.#credited(credit))
    for (const { reference, state } of this.till.entries()) {
      if (state === 'asked') await this.close(reference)
      const settled = state === 'selected' ? this.#wallet.settled(reference) : null
      if (settled) this.#credited(settled)
    }
    for (const refund of this.till.dueRefunds()) this.#refund(refund)
  }

  stop(): void {
    this.#running = false
    this.#unsubscribe()
    for (const refuse of [...this.#refusals]) refuse(new WebxError('stopped', 'this terminal was stopped'))
  }

  /** Calls `heard` when the payment settles, until the returned function is called. */
  onSettled(reference: Uint8Array, heard: Heard): () => void {
    const name = toHex(reference)
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(heard))
    return () => {
      listeners.delete(heard)
      if (listeners.size === 0) this.#listeners.delete(name)
    }
  }

  /** Nobody may pay any more; resolves when that is stored. */
  close(reference: Uint8Array): Promise<void> {
    return this.#context.road.run(() => ({ writes: this.till.close(reference) }))
  }

  /** The money of a payment that is settled or open. Throws `timeout`, `stopped`, `not-settled`. */
  async whenSettled(reference: Uint8Array, timeoutMs: number): Promise<SettledPayment> {
    const entry = this.till.get(reference)
    if (entry?.state === 'settled') {
      const settled = this.#wallet.settled(reference)
      if (settled && equal(settled.orderDigest, entry.orderDigest)) return settled
    }
    if (entry?.state !== 'selected') throw new WebxError('not-settled', 'no such payment is open at this terminal')
    const { promise, resolve, reject } = Promise.withResolvers<SettledPayment>()
    const forget = this.onSettled(reference, resolve)
    const late = new WebxError('timeout', `the payment has not settled within ${timeoutMs} ms`)
    const cancel = this.#context.schedule.after(timeoutMs, 'facepay late settlement', () => reject(late))
    this.#refusals.add(reject)
    try {
      return await promise
    } finally {
      cancel()
      forget()
      this.#refusals.delete(reject)
    }
  }

  #credited(credit: SettledPayment): void {
    const { road, counters, log } = this.#context
    const ruled = road.run(() => {
      const ruling = this.till.rule(credit)
      if (!ruling) return null
      const { writes, settles, refund } = ruling
      counters.count(settles ? 'facepay.settled' : 'facepay.refunds')
      return {
        writes,
        apply: () => {
          if (settles) for (const heard of [...(this.#listeners.get(toHex(credit.reference)) ?? [])]) heard(credit)
          if (refund) this.#refund(refund)
        },
      }
    })
    ruled.catch((thrown: unknown) => {
      const error = asWebxError(thrown)
      if (error.code !== 'stopped') log.error({ error }, 'a credit could not be judged')
    })
  }

  #refund(refund: PaymentRequest): void {
    this.#payBack(refund).catch((thrown: unknown) => {
      if (!this.#running) return
      const { log, schedule } = this.#context
      log.warn({ error: asWebxError(thrown), refund: toHex(refund.reference) }, 'a refund has not settled yet')
      schedule.after(LIMITS.refundRetryMs, 'facepay refund', () => {
        if (this.#running) this.#refund(refund)
      })
    })
  }

  async #payBack(refund: PaymentRequest): Promise<void> {
    await this.#wallet.pay(refund, REFUND_TIMEOUT_MS)
    await this.#context.road.run(() => ({ writes: this.till.refunded(refund) }))
  }
}
