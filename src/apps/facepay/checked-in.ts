/**
 * Where this device is checked in: one terminal at a time, with a key and a pseudonym made for that stay.
 *
 * The check-in is repeated at growing intervals, since terminals keep it in memory only and a broker may lose it.
 */

import { TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import type { AgreementKey } from '../../kernel/ports.ts'
import type { Decision } from '../../kernel/road.ts'
import { checkinPayload } from './checkin.ts'

/** One stay. */
export interface Stay {
  readonly terminalId: Uint8Array
  readonly pseudonym: Uint8Array
  readonly key: AgreementKey
  readonly model: string
  readonly expiresMs: number
}

const FRAME_LIFETIME_MS = 30_000

export class CheckedIn {
  readonly #context: Context
  #stay: Stay | null = null
  #cancel = (): void => {}

  constructor(context: Context) {
    this.#context = context
  }

  /** The stay that lasts, or null. */
  current(nowMs: number): Stay | null {
    if (this.#stay && this.#stay.expiresMs <= nowMs) this.leave()
    return this.#stay
  }

  /** Checks in; resolves when the first check-in is handed to the link. Throws `bad-argument` for a lifetime that is not allowed. */
  async enter(terminalId: Uint8Array, lifetimeMs: number, model: string): Promise<void> {
    if (!Number.isInteger(lifetimeMs) || lifetimeMs < 1 || lifetimeMs > LIMITS.checkinMsMax) {
      throw new WebxError('bad-argument', `lifetimeMs: expected 1 … ${LIMITS.checkinMsMax}, got ${lifetimeMs}`)
    }
    await this.checkOut()
    const { clock, keys, random } = this.#context
    const expiresMs = clock.nowMs() + lifetimeMs
    const stay = {
      terminalId: terminalId.slice(),
      pseudonym: random.bytes(16),
      key: keys.ephemeral(),
      model,
      expiresMs,
    }
    this.#stay = stay
    await this.#announce(stay)
    this.#renew(stay, LIMITS.checkinRenewMsMin)
  }

  /** Tells the terminal that this device leaves. */
  async checkOut(): Promise<void> {
    const stay = this.#stay
    this.leave()
    if (stay) await this.#context.road.run(() => this.#decision(stay, 0))
  }

  /** Forgets the stay without a word. */
  leave(): void {
    this.#cancel()
    this.#stay?.key.wipe()
    this.#stay = null
  }

  #announce(stay: Stay): Promise<void> {
    return this.#context.road.run(() => this.#decision(stay, stay.expiresMs - this.#context.clock.nowMs()))
  }

  #decision(stay: Stay, lifetimeMs: number): Decision {
    const { terminalId, pseudonym, key, model } = stay
    const payload = checkinPayload({ pseudonym, key: key.publicKey, lifetimeMs: Math.max(0, lifetimeMs), model })
    const topic = this.#context.topics.checkin(terminalId)
    return { emit: [{ topic, type: TYPE.checkin, payload, lifetimeMs: FRAME_LIFETIME_MS }] }
  }

  #renew(stay: Stay, delayMs: number): void {
    this.#cancel = this.#context.schedule.after(delayMs, 'facepay check-in', async () => {
      if (this.current(this.#context.clock.nowMs()) !== stay) return
      await this.#announce(stay)
      if (this.#stay === stay) this.#renew(stay, Math.min(2 * delayMs, LIMITS.checkinRenewMsMax))
    })
  }
}
