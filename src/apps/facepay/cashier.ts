/**
 * The cashier: watches the merchant's account, closes payments with the money that is theirs, and pays back what nobody should have paid.
 *
 * What a credit means is the till's judgement (`till.ts`); this part stores it before it acts on it, and takes up again after a restart what was left open.
 */

import { equal, toHex } from '../../core/bytes.ts'
import { asWebxError, WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import type { PaymentRequest, SettledPayment, Wallet, Write } from '../../kernel/ports.ts'
import { Till, type TillEntry } from './till.ts'

type Heard = (settled: SettledPayment) => void

const REFUND_TIMEOUT_MS = 30_000

export class Cashier {
  readonly till = new Till()
  readonly #context: Context
  readonly #wallet: Wallet
  readonly #listeners = new Map<string, Set<Heard>>()
  /** How to end the waiting for a payment, with its reference. */
  readonly #refusals = new Map<(error: WebxError) => void, string>()
  #unsubscribe = (): void => {}
  #running = false

  constructor(context: Context, wallet: Wallet) {
    this.#context = context
    this.#wallet = wallet
  }

  /** Restores the till, judges all money that ever came – nobody may have listened when it did –, and repeats refunds that are not known to have settled. */
  async start(): Promise<void> {
    this.#running = true
    this.till.load(this.#context.store)
    const due = this.till.dueRefunds()
    this.#unsubscribe = this.#wallet.onCredit((credit) => this.#credited(credit))
    for (const { reference, state } of this.till.entries()) if (state === 'asked') await this.close(reference)
    // a till that is years old must not hold up its node: some at a time, and what comes meanwhile is heard of
    for (const credits of batchesOf(this.#wallet.credits(), LIMITS.turnMessagesMax)) await this.#judge(credits)
    for (const refund of due) this.#refund(refund)
  }

  stop(): void {
    this.#running = false
    this.#unsubscribe()
    for (const refuse of [...this.#refusals.keys()]) refuse(new WebxError('stopped', 'this terminal was stopped'))
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
    return this.#context.road.run(() => {
      const writes = this.till.close(reference)
      return writes.length === 0 ? null : { writes, apply: () => this.#refuse(reference) }
    })
  }

  /** The money of a payment that is settled or open. Throws `timeout`, `stopped` (also where `signal` aborts or it is closed), `not-settled`. */
  async whenSettled(reference: Uint8Array, timeoutMs: number, signal?: AbortSignal): Promise<SettledPayment> {
    const entry = this.till.get(reference)
    if (entry?.state === 'settled') return this.#moneyOf(entry)
    if (entry?.state !== 'selected') throw new WebxError('not-settled', 'no such payment is open at this terminal')
    if (signal?.aborted) throw new WebxError('stopped', 'nobody waits for this payment any more')
    const { promise, resolve, reject } = Promise.withResolvers<SettledPayment>()
    const forget = this.onSettled(reference, resolve)
    const late = new WebxError('timeout', `the payment has not settled within ${timeoutMs} ms`)
    const cancel = this.#context.schedule.after(timeoutMs, 'facepay late settlement', () => reject(late))
    const leave = (): void => reject(new WebxError('stopped', 'nobody waits for this payment any more'))
    signal?.addEventListener('abort', leave, { once: true })
    this.#refusals.set(reject, toHex(reference))
    try {
      return await promise
    } finally {
      cancel()
      forget()
      this.#refusals.delete(reject)
      signal?.removeEventListener('abort', leave)
    }
  }

  #refuse(reference: Uint8Array): void {
    const name = toHex(reference)
    for (const [refuse, waitingFor] of [...this.#refusals]) {
      if (waitingFor === name) refuse(new WebxError('stopped', 'the payment was called off'))
    }
  }

  /** A stranger may have paid under the same reference before: the order tells whose money it is. */
  #moneyOf({ reference, orderDigest }: TillEntry): SettledPayment {
    const first = this.#wallet.settled(reference)
    if (first && equal(first.orderDigest, orderDigest)) return first
    for (const credit of this.#wallet.credits()) if (equal(credit.orderDigest, orderDigest)) return credit
    throw new WebxError('internal', 'the till was paid and the wallet knows nothing of it')
  }

  #credited(credit: SettledPayment): void {
    this.#judge([credit]).catch((thrown: unknown) => {
      const error = asWebxError(thrown)
      if (error.code !== 'stopped') this.#context.log.error({ error }, 'a credit could not be judged')
    })
  }

  /** Stores what credits mean, in one turn, before anything is done about them. Those that were judged before mean nothing new. */
  #judge(credits: readonly SettledPayment[]): Promise<void> {
    const { road, counters } = this.#context
    return road.run(() => {
      const decisions: { readonly writes: readonly Write[]; readonly apply: () => void }[] = []
      for (const credit of credits) {
        const ruling = this.till.rule(credit)
        if (!ruling) continue
        const { writes, settles, refund } = ruling
        counters.count(settles ? 'facepay.settled' : 'facepay.refunds')
        const apply = (): void => {
          if (settles) for (const heard of [...(this.#listeners.get(toHex(credit.reference)) ?? [])]) heard(credit)
          if (refund) this.#refund(refund)
        }
        decisions.push({ writes, apply })
      }
      if (decisions.length === 0) return null
      return {
        writes: decisions.flatMap(({ writes }) => writes),
        apply: () => {
          for (const { apply } of decisions) apply()
        },
      }
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

function* batchesOf<T>(items: Iterable<T>, size: number): Iterable<readonly T[]> {
  let batch: T[] = []
  for (const item of items) {
    batch.push(item)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
