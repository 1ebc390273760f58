/**
 * The shopper's side of a face payment: holds the templates, is asked by terminals, and alone decides whether to pay.
 *
 * Order of things (`src/PROTOCOL.md`): check-in → PROBE → ANSWER → SELECT (`asked.ts`) → the person's confirmation where the floor asks for it → PAY (`payer.ts`).
 */

import { asWebxError, WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Image } from '../../face/image.ts'
import type { FaceModel } from '../../face/model.ts'
import type { Context } from '../../kernel/context.ts'
import type { OpenGuest } from '../../kernel/guest.ts'
import type { Assets, Consent, Wallet } from '../../kernel/ports.ts'
import type { ProofKey } from '../../proof/secret.ts'
import { group } from '../../wasm/group.ts'
import type { App } from '../app.ts'
import { Asked, type AskedParts } from './asked.ts'
import { assertLifetime, CheckedIn, type StayWish } from './checked-in.ts'
import { Claims } from './claims.ts'
import { drawn } from './drawn.ts'
import {
  deleteEnrolment,
  type Enrolment,
  enrolmentOf,
  loadEnrolment,
  sealEnrolment,
  wipeEnrolment,
} from './enrolment.ts'
import { Floor } from './floor.ts'
import { Payer } from './payer.ts'
import { guestPlace, namedPlace } from './place.ts'
import { type ProbeEntry, ProbeLog } from './probe-log.ts'
import { proofKeyOfDevice, proofKeyText } from './proof-key-text.ts'

/** What a shopper's device is made of, beside its node. */
export interface DeviceOptions {
  readonly wallet: Wallet
  readonly assets: Assets
  readonly consent: Consent
  /** Up to this amount, in smallest units of any one asset, a face alone may pay; also all unconfirmed payments to one merchant together. */
  readonly floorLimit: number
  /** Makes the guest that an anonymous stay speaks as; without it a device checks in by name only. */
  readonly openGuest?: OpenGuest
}

/** Whether the terminal, and whoever listens at the broker, is told who checks in. */
export type CheckinWay = 'named' | 'anonymous'

/** A shopper's device. */
export interface Device extends App {
  readonly hasTemplate: boolean
  /** 32-byte identity of the terminal where it is checked in, or null. */
  readonly checkedInAt: Uint8Array | null
  /**
   * Makes templates of one person's photographs and stores them sealed, in the place of earlier ones. Resolves to how many there are.
   * Throws what `enrolmentOf` throws.
   */
  enrol(images: readonly Image[], model: FaceModel): Promise<number>
  /** Checks out and deletes the templates. */
  forget(): Promise<void>
  /**
   * Checks in at one terminal, leaving another; repeated by itself until the lifetime ends. Resolves to how many shoppers this one hides among; null by name.
   *
   * Throws `not-allowed` where the genesis names no such terminal or this device has no guests, `bad-argument` before enrolment or for too long a lifetime;
   * `stopped` where something else was wanted meanwhile; anonymously `not-enrolled` where the shop has not enrolled this device's proof key, `timeout` where the
   * terminal does not say whom it has enrolled, `broker-unreachable`.
   */
  checkIn(terminalId: Uint8Array, lifetimeMs?: number, way?: CheckinWay): Promise<number | null>
  checkOut(): Promise<void>
  /** What a shop of this net enrols, once and by name, so that this device may check in anonymously. */
  proofKeyText(): Promise<string>
  /** Every probe that was answered, oldest first. */
  probeLog(): readonly ProbeEntry[]
}

/** Lays the device's lane on the road of its node. */
export function createDevice(context: Context, options: DeviceOptions): Device {
  return new ShopperDevice(context, options)
}

const CHECKIN_LIFETIME_MS = 3_600_000

/** Least time between two attempts to go on with a stay on the next day. */
const GO_ON_MS = 30_000

interface Wish {
  readonly terminalId: Uint8Array
  readonly untilMs: number
}

class ShopperDevice implements Device {
  readonly name = 'facepay device'
  readonly #context: Context
  readonly #options: DeviceOptions
  readonly #log = new ProbeLog()
  readonly #claims = new Claims()
  readonly #floor: Floor
  readonly #checkedIn: CheckedIn
  readonly #asked: AskedParts
  #secret: Uint8Array | null = null
  #enrolment: Enrolment | null = null
  /** Aborts the check-in that was begun last, if it is still under way. */
  #attempt = new AbortController()
  /** Resolves when no guest waits for its place any more. */
  #guestsPlaced: Promise<unknown> = Promise.resolve()
  /** Until when to be checked in anonymously, whatever a single stay may last. */
  #wish: Wish | null = null

  constructor(context: Context, options: DeviceOptions) {
    this.#context = context
    this.#options = options
    this.#floor = new Floor(options.floorLimit)
    this.#checkedIn = new CheckedIn(context, () => this.#stayEnded())
    const shared = { floor: this.#floor, log: this.#log }
    const payer = new Payer(context, { ...options, ...shared })
    const { wallet, assets } = options
    const own = { claims: this.#claims, checkedIn: this.#checkedIn, enrolment: () => this.#enrolment }
    this.#asked = { wallet, assets, payer, ...shared, ...own }
    context.road.lay(new Asked(context, this.#asked))
  }

  get hasTemplate(): boolean {
    return this.#enrolment !== null
  }

  get checkedInAt(): Uint8Array | null {
    return this.#checkedIn.current(this.#context.clock.nowMs())?.terminalId ?? null
  }

  async start(): Promise<void> {
    const { store, keys, link, topics } = this.#context
    this.#secret = await keys.deriveSecret('facepay template')
    this.#enrolment = loadEnrolment(store, this.#secret)
    this.#log.load(store)
    this.#floor.load(store)
    await link.subscribe(topics.to(keys.id))
  }

  async stop(): Promise<void> {
    this.#begin()
    await this.#guestsPlaced
    await this.#checkedIn.leave()
    this.#claims.clear()
    wipeEnrolment(this.#enrolment)
    this.#enrolment = null
    this.#secret?.fill(0)
    this.#secret = null
  }

  async enrol(images: readonly Image[], model: FaceModel): Promise<number> {
    const enrolment = await enrolmentOf(images, model)
    if (!this.#secret) throw new WebxError('stopped', 'this device is not started')
    const write = sealEnrolment(enrolment, this.#secret, this.#context.random.bytes(24))
    await this.#context.road.run(() => ({ writes: [write] }))
    wipeEnrolment(this.#enrolment)
    this.#enrolment = enrolment
    const stay = this.#checkedIn.current(this.#context.clock.nowMs())
    if (stay && stay.model !== enrolment.model) await this.checkOut()
    // long before an anonymous stay, so that the two cannot be told to belong together by their time
    await this.#options.wallet.introduce()
    return enrolment.templates.length
  }

  async forget(): Promise<void> {
    await this.checkOut()
    wipeEnrolment(this.#enrolment)
    this.#enrolment = null
    await this.#context.road.run(() => ({ writes: [deleteEnrolment()] }))
  }

  async checkIn(
    terminalId: Uint8Array,
    lifetimeMs = CHECKIN_LIFETIME_MS,
    way: CheckinWay = 'named',
  ): Promise<number | null> {
    const { directory, clock } = this.#context
    if (directory.rankOf(terminalId) !== 'terminal') {
      throw new WebxError('not-allowed', 'this net has no such terminal')
    }
    assertLifetime(lifetimeMs)
    if (!this.#enrolment) throw new WebxError('bad-argument', 'nobody is enrolled on this device')
    const { model } = this.#enrolment
    const signal = this.#begin()
    const wish = { terminalId: terminalId.slice(), lifetimeMs, model }
    if (way === 'named') {
      await this.#options.wallet.introduce()
      await this.#checkedIn.enter(namedPlace(this.#context), wish, signal)
      return null
    }
    const untilMs = clock.nowMs() + lifetimeMs
    const entering = this.#enterAsGuest(wish, signal)
    this.#guestsPlaced = Promise.allSettled([this.#guestsPlaced, entering]).then(() => undefined)
    const ringSize = await entering
    if (!signal.aborted) this.#wish = { terminalId: wish.terminalId, untilMs }
    return ringSize
  }

  async checkOut(): Promise<void> {
    this.#begin()
    await this.#checkedIn.checkOut()
  }

  async proofKeyText(): Promise<string> {
    const { genesis, random } = this.#context
    return proofKeyText(group(), await this.#proofKey(), genesis, (length) => random.bytes(length))
  }

  probeLog(): readonly ProbeEntry[] {
    return this.#log.entries()
  }

  /** The person's newest word: calls off what was begun before it. */
  #begin(): AbortSignal {
    this.#wish = null
    this.#attempt.abort()
    this.#attempt = new AbortController()
    return this.#attempt.signal
  }

  async #enterAsGuest(wish: StayWish, signal: AbortSignal): Promise<number | null> {
    const { openGuest } = this.#options
    if (!openGuest) throw new WebxError('not-allowed', 'this device checks in by name only')
    const key = await this.#proofKey()
    const guest = await openGuest()
    guest.context.road.lay(new Asked(guest.context, this.#asked))
    const place = await guestPlace(guest, wish.terminalId, key, signal)
    await this.#checkedIn.enter(place, wish, signal)
    return place.ringSize
  }

  #proofKey(): Promise<ProofKey> {
    return proofKeyOfDevice(group(), this.#context.keys)
  }

  /** An anonymous stay ends with its day; the next one begins as another guest. */
  #stayEnded(): void {
    if (this.#wish) this.#goOn(this.#wish, 0)
  }

  /**
   * After a drawn while, so that the end of one guest does not tell the beginning of the next. Its own end is drawn too, from the last quarter of what is left: the
   * lifetime that it says would tell to the millisecond when the first one came.
   */
  #goOn(wish: Wish, leastMs: number): void {
    const { clock, schedule, random, log } = this.#context
    schedule.after(leastMs + drawn(random, LIMITS.checkinNightMsMax), 'facepay next day', async () => {
      const restMs = wish.untilMs - clock.nowMs()
      if (this.#wish !== wish || restMs < 1) return
      const entering = this.checkIn(wish.terminalId, restMs - drawn(random, restMs / 4), 'anonymous')
      const { signal } = this.#attempt
      try {
        await entering
      } catch (thrown) {
        const error = asWebxError(thrown)
        if (signal.aborted) return
        log.warn({ error }, 'a check-in could not be continued on the next day')
        if (error.code !== 'timeout' && error.code !== 'broker-unreachable') return
        this.#wish = wish
        this.#goOn(wish, GO_ON_MS)
      }
    })
  }
}
