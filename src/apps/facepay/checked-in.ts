/**
 * Where this device is checked in: one terminal at a time, with a key and a pseudonym made for that stay.
 *
 * The check-in is repeated at growing intervals, since terminals keep it in memory only and a broker may lose it.
 */

import { TYPE } from '../../core/envelope.ts'
import { asWebxError, WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import type { AgreementKey } from '../../kernel/ports.ts'
import type { Decision } from '../../kernel/road.ts'
import { checkinPayload } from './checkin.ts'
import { calledOff, type Place } from './place.ts'

/** One stay. */
export interface Stay {
  readonly place: Place
  readonly terminalId: Uint8Array
  readonly pseudonym: Uint8Array
  readonly key: AgreementKey
  readonly model: string
  readonly expiresMs: number
}

/** What a stay is to be. */
export interface StayWish {
  /** 32-byte identity of the terminal. */
  readonly terminalId: Uint8Array
  readonly lifetimeMs: number
  /** Name of the face model that the templates are of. */
  readonly model: string
}

const FRAME_LIFETIME_MS = 30_000

/** Throws `bad-argument` for a lifetime that is not allowed. */
export function assertLifetime(lifetimeMs: number): void {
  if (Number.isInteger(lifetimeMs) && lifetimeMs >= 1 && lifetimeMs <= LIMITS.checkinMsMax) return
  throw new WebxError('bad-argument', `lifetimeMs: expected 1 … ${LIMITS.checkinMsMax}, got ${lifetimeMs}`)
}

export class CheckedIn {
  readonly #context: Context
  readonly #ended: () => void
  #stay: Stay | null = null
  #cancelRenewal = (): void => {}
  #cancelEnd = (): void => {}

  /** @param ended called when a stay has lasted as long as it may */
  constructor(context: Context, ended: () => void) {
    this.#context = context
    this.#ended = ended
  }

  /** The stay that lasts, or null. */
  current(nowMs: number): Stay | null {
    return this.#stay && this.#stay.expiresMs > nowMs ? this.#stay : null
  }

  /**
   * Checks in, out of any other stay; resolves when the first check-in is handed to the link. The place belongs to the stay, and is closed where this throws.
   *
   * Throws `not-enrolled`, and `stopped` where `signal` aborts before the stay has begun.
   */
  async enter(place: Place, wish: StayWish, signal: AbortSignal): Promise<void> {
    const { clock, keys, random, schedule } = this.#context
    const { terminalId, lifetimeMs, model } = wish
    try {
      await this.checkOut()
      // somebody else may have checked in meanwhile
      await this.leave()
      if (signal.aborted) throw calledOff()
    } catch (error) {
      await place.close()
      throw error
    }
    const nowMs = clock.nowMs()
    const expiresMs = Math.min(nowMs + lifetimeMs, place.begin(nowMs))
    const own = { pseudonym: random.bytes(16), key: keys.ephemeral() }
    const stay = { place, terminalId: terminalId.slice(), ...own, model, expiresMs }
    this.#stay = stay
    this.#cancelEnd = schedule.after(expiresMs - nowMs, 'facepay end of stay', async () => {
      if (this.#stay !== stay) return
      await this.leave()
      this.#ended()
    })
    try {
      await this.#announce(stay)
    } catch (error) {
      if (this.#stay === stay) await this.leave()
      throw error
    }
    if (this.#stay !== stay) return
    place.onChange(() => this.#proveAnew(stay))
    this.#renew(stay, LIMITS.checkinRenewMsMin)
  }

  /** Tells the terminal that this device leaves. */
  async checkOut(): Promise<void> {
    const stay = this.#stay
    if (stay) await stay.place.context.road.run(() => this.#decision(stay, 0)).catch(unlessStopped)
    if (this.#stay === stay) await this.leave()
  }

  /** Forgets the stay without a word. */
  async leave(): Promise<void> {
    const stay = this.#stay
    this.#stay = null
    this.#cancelRenewal()
    this.#cancelEnd()
    stay?.key.wipe()
    await stay?.place.close()
  }

  #announce(stay: Stay): Promise<void> {
    return stay.place.context.road.run(() => this.#decision(stay, stay.expiresMs - this.#context.clock.nowMs()))
  }

  #decision(stay: Stay, restMs: number): Decision {
    const { place, terminalId, pseudonym, model } = stay
    const own = { pseudonym, key: stay.key.publicKey, model }
    const lifetimeMs = Math.max(0, restMs)
    // who leaves, or never proved anything yet, needs no proof
    const ring = lifetimeMs === 0 ? null : place.prove(own)
    const payload = checkinPayload({ ...own, lifetimeMs, ring })
    const topic = place.context.topics.checkin(terminalId)
    const checkin = { topic, type: TYPE.checkin, payload, lifetimeMs: FRAME_LIFETIME_MS }
    return { emit: [...place.introduction(), checkin] }
  }

  #renew(stay: Stay, delayMs: number): void {
    this.#cancelRenewal()
    this.#cancelRenewal = stay.place.context.schedule.after(delayMs, 'facepay check-in', async () => {
      if (this.current(this.#context.clock.nowMs()) !== stay || !(await this.#repeat(stay))) return
      if (this.#stay === stay) this.#renew(stay, Math.min(2 * delayMs, LIMITS.checkinRenewMsMax))
    })
  }

  /** Soon under a new list of rings, but not for each of many that come at once: a proof takes some milliseconds. */
  #proveAnew(stay: Stay): void {
    if (this.#stay === stay) this.#renew(stay, LIMITS.checkinRenewMsMin)
  }

  /** False where the stay is over, since the device is enrolled there no more. */
  async #repeat(stay: Stay): Promise<boolean> {
    try {
      await this.#announce(stay)
      return true
    } catch (thrown) {
      const error = asWebxError(thrown)
      if (error.code !== 'not-enrolled') throw thrown
      this.#context.log.info({ error }, 'the check-in has ended')
      if (this.#stay === stay) await this.leave()
      return false
    }
  }
}

function unlessStopped(thrown: unknown): void {
  if (asWebxError(thrown).code !== 'stopped') throw thrown
}
