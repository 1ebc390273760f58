/**
 * The shopper's side of a face payment: holds the templates, is asked by terminals, and alone decides whether to pay.
 *
 * Order of things (`src/PROTOCOL.md`): check-in → PROBE → constant-time match → log entry stored → ANSWER, at the same moment and of the same size whatever the verdict →
 * SELECT → the person's confirmation where the floor asks for it → PAY. Nothing that leaves says how alike two faces were.
 */

import { equal, toHex } from '../../core/bytes.ts'
import type { Cbor } from '../../core/codec.ts'
import { TYPE } from '../../core/envelope.ts'
import { asWebxError, WebxError } from '../../core/errors.ts'
import type { Frame } from '../../core/frame.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Image } from '../../face/image.ts'
import type { FaceModel } from '../../face/model.ts'
import type { Context } from '../../kernel/context.ts'
import type { AgreementKey, Assets, Consent, Wallet } from '../../kernel/ports.ts'
import type { Decision, Message } from '../../kernel/road.ts'
import { accountId } from '../../ledger/terms.ts'
import type { App } from '../app.ts'
import { prepareAnswer, readSelect, type Verdict } from './answer.ts'
import { CheckedIn } from './checked-in.ts'
import { Claims } from './claims.ts'
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
import { matchProbe, type Probe, readProbe } from './probe.ts'
import { type ProbeEntry, ProbeLog } from './probe-log.ts'
import { readTerms, referenceOf, type Terms } from './terms.ts'

/** What a shopper's device is made of, beside its node. */
export interface DeviceOptions {
  readonly wallet: Wallet
  readonly assets: Assets
  readonly consent: Consent
  /** Up to this amount, in smallest units of any one asset, a face alone may pay; also all unconfirmed payments to one merchant together. */
  readonly floorLimit: number
}

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
   * Checks in at one terminal, leaving another; repeated by itself until the lifetime ends. Throws `not-allowed` where the genesis names no such terminal,
   * `bad-argument` before enrolment or for too long a lifetime.
   */
  checkIn(terminalId: Uint8Array, lifetimeMs?: number): Promise<void>
  checkOut(): Promise<void>
  /** Every probe that was answered, oldest first. */
  probeLog(): readonly ProbeEntry[]
}

/** Lays the device's lane on the road of its node. */
export function createDevice(context: Context, options: DeviceOptions): Device {
  return new ShopperDevice(context, options)
}

const CHECKIN_LIFETIME_MS = 3_600_000
const ANSWER_LIFETIME_MS = 10_000

class ShopperDevice implements Device {
  readonly name = 'facepay device'
  readonly #context: Context
  readonly #options: DeviceOptions
  readonly #log = new ProbeLog()
  readonly #claims = new Claims()
  readonly #floor: Floor
  readonly #payer: Payer
  readonly #checkedIn: CheckedIn
  #secret: Uint8Array | null = null
  #enrolment: Enrolment | null = null

  constructor(context: Context, options: DeviceOptions) {
    this.#context = context
    this.#options = options
    this.#floor = new Floor(options.floorLimit)
    this.#checkedIn = new CheckedIn(context)
    this.#payer = new Payer(context, { ...options, floor: this.#floor, log: this.#log })
    context.road.lay({
      types: [TYPE.probe, TYPE.select],
      authorize: (message) => this.#authorize(message),
      decide: (message) => this.#decide(message),
    })
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
    this.#checkedIn.leave()
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
    return enrolment.templates.length
  }

  async forget(): Promise<void> {
    await this.checkOut()
    wipeEnrolment(this.#enrolment)
    this.#enrolment = null
    await this.#context.road.run(() => ({ writes: [deleteEnrolment()] }))
  }

  async checkIn(terminalId: Uint8Array, lifetimeMs = CHECKIN_LIFETIME_MS): Promise<void> {
    if (this.#context.directory.rankOf(terminalId) !== 'terminal') {
      throw new WebxError('not-allowed', 'this net has no such terminal')
    }
    if (!this.#enrolment) throw new WebxError('bad-argument', 'nobody is enrolled on this device')
    await this.#options.wallet.introduce()
    await this.#checkedIn.enter(terminalId, lifetimeMs, this.#enrolment.model)
  }

  async checkOut(): Promise<void> {
    await this.#checkedIn.checkOut()
  }

  probeLog(): readonly ProbeEntry[] {
    return this.#log.entries()
  }

  /** Only terminals of the genesis may ask, and only in this device's own inbox. */
  #authorize(message: Message): void {
    const { directory, topics, keys } = this.#context
    const { sender } = message.frame as Frame
    if (directory.rankOf(sender) !== 'terminal')
      throw new WebxError('not-allowed', 'only terminals of this net may ask')
    if (message.topic !== topics.to(keys.id)) throw new WebxError('wrong-topic', 'not in the inbox of this device')
  }

  #decide(message: Message): Decision | null {
    const frame = message.frame as Frame
    return message.envelope.type === TYPE.probe ? this.#onProbe(frame) : this.#onSelect(frame)
  }

  #onProbe(frame: Frame): Decision {
    const { clock } = this.#context
    const receivedMs = clock.monotonicMs()
    const nowMs = clock.nowMs()
    const probe = readProbe(frame.payload)
    const terms = readTerms(probe.terms)
    const reference = referenceOf(probe.terms)
    const enrolment = this.#admit(frame, probe, terms, reference)
    const { pseudonym, answerKey } = probe
    const binding = { reference, pseudonym }
    const answer = prepareAnswer(binding, answerKey, this.#context.keys.ephemeral())
    const matched = matchProbe(probe, enrolment.key, binding, enrolment.templates, enrolment.cosineMin)
    const { terminalId } = terms
    const writes = this.#log.note({ terminalId, reference, atMs: nowMs, outcome: matched ? 'claimed' : 'unknown' })
    if (matched) this.#claims.add({ terms, reference, pseudonym, answerKey })
    const verdict: Verdict = !matched ? 'no' : this.#floor.mustConfirm(terms) ? 'ask' : 'claim'
    const payload = answer({ verdict, account: this.#options.wallet.account })
    return { writes, apply: () => this.#answerAt(receivedMs + LIMITS.answerDelayMs, terminalId, payload) }
  }

  /** Everything that can be wrong with a probe before it is opened; gives what it is to be opened with and compared to. */
  #admit(frame: Frame, probe: Probe, terms: Terms, reference: Uint8Array): Enrolment & { key: AgreementKey } {
    const { clock, genesis, netId } = this.#context
    const nowMs = clock.nowMs()
    if (!equal(terms.terminalId, frame.sender)) throw new WebxError('not-allowed', 'terms of another terminal')
    // the floor counts by merchant: a terminal that could name any account would begin anew with each
    if (!equal(terms.merchant, accountId(netId, genesis.neighborhood, terms.terminalId))) {
      throw new WebxError('not-allowed', 'terms that credit another account than the terminal’s own')
    }
    if (terms.expiresMs <= nowMs) throw new WebxError('expired', `payment expired ${nowMs - terms.expiresMs} ms ago`)
    if (terms.expiresMs > nowMs + LIMITS.paymentTermsMsMax + LIMITS.clockSkewMsMax) {
      throw new WebxError('from-the-future', 'payment stays open longer than allowed')
    }
    const here = this.#checkedIn.current(nowMs)
    if (!here || !equal(here.terminalId, frame.sender) || !equal(here.pseudonym, probe.pseudonym)) {
      throw new WebxError('not-allowed', 'this device is not checked in there under that pseudonym')
    }
    if (!this.#options.assets.all.some((asset) => equal(asset.id, terms.asset))) {
      throw new WebxError('unknown-asset', 'payment in an asset that this net does not have')
    }
    this.#log.assertUnseen(reference)
    this.#log.assertRate(frame.sender, clock.monotonicMs())
    this.#claims.assertRoom(nowMs)
    if (!this.#enrolment) throw new WebxError('not-allowed', 'nobody is enrolled on this device')
    return { ...this.#enrolment, key: here.key }
  }

  #onSelect(frame: Frame): Decision {
    const binding = readSelect(frame.payload)
    const claim = this.#claims.take(binding, frame.sender, this.#context.clock.nowMs())
    return this.#payer.selected(claim)
  }

  #answerAt(monotonicMs: number, terminalId: Uint8Array, payload: Cbor): void {
    const { clock, schedule, road, topics, log } = this.#context
    const outgoing = { topic: topics.to(terminalId), type: TYPE.answer, payload, lifetimeMs: ANSWER_LIFETIME_MS }
    schedule.after(Math.max(0, monotonicMs - clock.monotonicMs()), 'facepay answer', async () => {
      try {
        await road.run(() => ({ emit: [outgoing] }))
      } catch (thrown) {
        const error = asWebxError(thrown)
        if (error.code !== 'stopped') log.warn({ terminal: toHex(terminalId), error }, 'an answer was not sent')
      }
    })
  }
}
