/**
 * The merchant's side of a face payment: fixes the terms, looks once, asks the devices that are checked in, selects the one that claims, and waits for the money.
 *
 * It holds no templates and learns no scores. No claim, and more than one, end the payment; nobody is ever chosen by likeness. What is owed to shoppers and what is still
 * open is durable (`till.ts`); frames, embeddings and probes are not, and embeddings and probes are wiped.
 */

import { equal, toHex } from '../../core/bytes.ts'
import { TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import type { Frame } from '../../core/frame.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Camera, FaceModel } from '../../face/model.ts'
import type { Context } from '../../kernel/context.ts'
import type { Assets, SettledPayment, Wallet } from '../../kernel/ports.ts'
import type { Decision, Message, Outgoing } from '../../kernel/road.ts'
import type { App } from '../app.ts'
import { readAnswer, selectPayload } from './answer.ts'
import { Attempt, type Claimed } from './attempt.ts'
import { type Captured, captureCamera, captureImage } from './capture.ts'
import { Cashier } from './cashier.ts'
import type { Candidate } from './checkin.ts'
import { CheckinDesk, type CheckinMode } from './checkin-desk.ts'
import { EnrolledShoppers } from './enrolled.ts'
import { ambiguous, noClaim, type PaymentAtTill, type PaymentResult, resultOf } from './payment.ts'
import { EMBEDDING_LENGTH, probePayload, sealProbe } from './probe.ts'
import type { Terms } from './terms.ts'
import type { TillEntry } from './till.ts'

/** What a terminal is made of, beside its node. */
export interface TerminalOptions {
  /** Of this terminal's own identity: its account is credited, and refunds are paid from it. */
  readonly wallet: Wallet
  readonly assets: Assets
  readonly model: FaceModel
  /** Not needed where every payment comes with its own picture. */
  readonly camera?: Camera
  /** Which check-ins are taken; by name where nothing is said. */
  readonly checkin?: CheckinMode
  /** How many seats are heard of now, and how many it takes. */
  readonly presence: () => { readonly seatsUp: number; readonly quorum: number }
}

/** A merchant's terminal. */
export interface Terminal extends App {
  /** Devices that are checked in. */
  checkins(): readonly Candidate[]
  /** Who may check in anonymously: started and stopped with the terminal. */
  readonly enrolled: Pick<EnrolledShoppers, 'add' | 'remove' | 'list' | 'rings'>
  /**
   * Takes one payment; resolves when it is SETTLED. Throws:
   * - `bad-amount`, `unknown-asset`, `limit` (too many at once), `stopped` (called off)
   * - `no-face`, `face-small`, `face-turned`, `face-unsharp`, `camera-failed`
   * - `no-claim`, `ambiguous`, `declined`: nobody is selected any more
   * - `no-quorum`, `not-settled`: the payment stays open, and a late settlement closes it
   */
  takePayment(payment: PaymentAtTill): Promise<PaymentResult>
  /** What is known of a payment of this terminal, or null. */
  payment(reference: Uint8Array): TillEntry | null
  /** All payments that are kept, oldest first. */
  payments(): readonly TillEntry[]
  /**
   * Resolves with the money of a payment that is settled or still open. Throws `timeout`, `stopped` (also where `signal` aborts), `not-settled` for one that
   * is neither.
   */
  whenSettled(reference: Uint8Array, timeoutMs: number, signal?: AbortSignal): Promise<SettledPayment>
  /** Gives an open payment up, also one that is being taken: should it settle nevertheless, it is paid back. */
  giveUp(reference: Uint8Array): Promise<void>
}

/** Lays the terminal's lane on the road of its node. */
export function createTerminal(context: Context, options: TerminalOptions): Terminal {
  return new TillTerminal(context, options)
}

const FRAME_LIFETIME_MS = 10_000

class TillTerminal implements Terminal {
  readonly name = 'facepay terminal'
  readonly #context: Context
  readonly #options: TerminalOptions
  readonly #cashier: Cashier
  readonly enrolled: EnrolledShoppers
  readonly #desk: CheckinDesk
  readonly #attempts = new Map<string, Attempt>()

  constructor(context: Context, options: TerminalOptions) {
    this.#context = context
    this.#options = options
    this.#cashier = new Cashier(context, options.wallet)
    this.enrolled = new EnrolledShoppers(context, () => this.#desk.ringsChanged())
    this.#desk = new CheckinDesk(context, options.checkin ?? 'named', options.model.name, this.enrolled)
    context.road.lay({ types: [TYPE.checkin, TYPE.answer], decide: (message) => this.#decide(message) })
  }

  async start(): Promise<void> {
    const { directory, keys, link, topics } = this.#context
    if (directory.rankOf(keys.id) !== 'terminal') {
      throw new WebxError('not-allowed', 'this node is no terminal of the net', {
        hint: 'Name its identity among the terminals of the genesis.',
      })
    }
    if (this.#options.model.templateLength !== EMBEDDING_LENGTH) {
      throw new WebxError(
        'bad-argument',
        `face model "${this.#options.model.name}" does not have ${EMBEDDING_LENGTH} numbers`,
      )
    }
    await this.#cashier.start()
    await this.enrolled.start((this.#options.checkin ?? 'named') !== 'named')
    await link.subscribe(topics.to(keys.id))
    await link.subscribe(topics.checkin(keys.id))
  }

  async stop(): Promise<void> {
    for (const attempt of this.#attempts.values()) attempt.giveUp(new WebxError('stopped', 'this terminal was stopped'))
    this.#cashier.stop()
    this.#desk.stop()
    this.enrolled.stop()
  }

  checkins(): readonly Candidate[] {
    return this.#desk.candidates()
  }

  payment(reference: Uint8Array): TillEntry | null {
    return this.#cashier.till.get(reference)
  }

  payments(): readonly TillEntry[] {
    return this.#cashier.till.entries()
  }

  whenSettled(reference: Uint8Array, timeoutMs: number, signal?: AbortSignal): Promise<SettledPayment> {
    return this.#cashier.whenSettled(reference, timeoutMs, signal)
  }

  giveUp(reference: Uint8Array): Promise<void> {
    this.#attempts.get(toHex(reference))?.callOff()
    return this.#cashier.close(reference)
  }

  async takePayment(payment: PaymentAtTill): Promise<PaymentResult> {
    const { clock } = this.#context
    const attempt = this.#attempt(payment)
    const callOff = (): void => attempt.callOff()
    payment.signal?.addEventListener('abort', callOff, { once: true })
    try {
      payment.progress?.('looking', attempt.reference)
      const { embedding, msCapture } = await this.#look(payment)
      payment.progress?.('asking', attempt.reference)
      const askedMs = clock.monotonicMs()
      await this.#ask(attempt, embedding)
      const claimed = await this.#oneClaim(attempt)
      const selectedMs = clock.monotonicMs()
      payment.progress?.(claimed.verdict === 'ask' ? 'confirming' : 'settling', attempt.reference)
      const settled = await this.#settle(attempt, claimed, askedMs)
      const times = { msCapture, msMatch: selectedMs - askedMs, msSettle: clock.monotonicMs() - selectedMs }
      return resultOf(claimed, settled, times)
    } finally {
      payment.signal?.removeEventListener('abort', callOff)
      this.#attempts.delete(toHex(attempt.reference))
      attempt.wipe()
    }
  }

  /** Fixes the terms, before anybody is looked at. */
  #attempt({ amount, asset, signal }: PaymentAtTill): Attempt {
    const { clock, keys, random } = this.#context
    if (signal?.aborted) throw new WebxError('stopped', 'the payment was called off')
    if (!Number.isSafeInteger(amount) || amount < 1) {
      throw new WebxError('bad-amount', `amount: expected a whole number of smallest units above 0, got ${amount}`)
    }
    if (!this.#options.assets.all.some(({ id }) => equal(id, asset))) {
      throw new WebxError('unknown-asset', 'this net has no such asset')
    }
    if (this.#attempts.size >= LIMITS.openPaymentsMax) throw new WebxError('limit', 'too many payments at once')
    const terms: Terms = {
      terminalId: keys.id,
      merchant: this.#options.wallet.account,
      asset: asset.slice(),
      amount,
      nonce: random.bytes(16),
      expiresMs: clock.nowMs() + LIMITS.paymentTermsMsMax,
    }
    const attempt = new Attempt(terms, keys.ephemeral())
    this.#attempts.set(toHex(attempt.reference), attempt)
    return attempt
  }

  async #look({ embedding, image, signal }: PaymentAtTill): Promise<Captured> {
    const { model, camera } = this.#options
    if (embedding) return { embedding: embedding.slice(), msCapture: 0 }
    if (image) return captureImage(image, model, this.#context.clock)
    if (!camera) throw new WebxError('camera-failed', 'this terminal has no camera and was given no picture')
    return captureCamera(camera, model, this.#context, signal ?? new AbortController().signal)
  }

  /** Sends every device a probe of its own, once the payment is noted; wipes the embedding. */
  async #ask(attempt: Attempt, embedding: Float32Array): Promise<void> {
    const { clock, road, keys, topics } = this.#context
    const { reference, terms, termsBytes, answerKey } = attempt
    try {
      if (attempt.refusal) throw attempt.refusal
      const candidates = this.checkins().slice(0, LIMITS.candidatesPerPaymentMax)
      if (candidates.length === 0) throw new WebxError('no-claim', 'no device is checked in at this terminal')
      const emit = candidates.map((candidate): Outgoing => {
        attempt.ask(candidate)
        const { pseudonym } = candidate
        const sealed = sealProbe(embedding, candidate.key, keys.ephemeral(), { reference, pseudonym })
        const payload = probePayload({ terms: termsBytes, pseudonym, answerKey: answerKey.publicKey, ...sealed })
        return { topic: topics.to(candidate.id), type: TYPE.probe, payload, lifetimeMs: FRAME_LIFETIME_MS }
      })
      const startedMs = clock.nowMs()
      await road.run(() => ({ writes: this.#cashier.till.begin(reference, terms, termsBytes, startedMs), emit }))
    } finally {
      embedding.fill(0)
    }
  }

  /** Waits until everyone has answered or the window has passed. Anything but one claim ends the payment. */
  async #oneClaim(attempt: Attempt): Promise<Claimed> {
    const { schedule } = this.#context
    const cancel = schedule.after(LIMITS.claimWindowMs, 'facepay claims', () => attempt.answered.resolve())
    try {
      await attempt.answered.promise
    } finally {
      cancel()
    }
    const claims = attempt.claims()
    const [claimed] = claims
    if (claims.length === 1 && claimed && !attempt.refusal) return claimed
    await this.#cashier.close(attempt.reference)
    throw attempt.refusal ?? (claimed ? ambiguous(claims.length) : noClaim())
  }

  /** Selects the one device and waits for its payment. */
  async #settle(attempt: Attempt, claimed: Claimed, askedMs: number): Promise<SettledPayment> {
    const { clock, road, schedule, topics } = this.#context
    const { reference } = attempt
    const { candidate, account, verdict } = claimed
    const forget = this.#cashier.onSettled(reference, (settled) => attempt.end.resolve({ settled }))
    const confirmMs = verdict === 'ask' ? LIMITS.consentMsMax : 0
    const waitMs = Math.max(0, LIMITS.settleWaitMs + confirmMs - (clock.monotonicMs() - askedMs))
    const cancel = schedule.after(waitMs, 'facepay settlement', () => attempt.giveUp(this.#unsettled(reference)))
    const payload = selectPayload({ reference, pseudonym: candidate.pseudonym })
    const topic = topics.to(candidate.id)
    try {
      attempt.select(claimed)
      await road.run(() => ({
        writes: this.#cashier.till.select(reference, candidate.id, account),
        emit: [{ topic, type: TYPE.select, payload, lifetimeMs: FRAME_LIFETIME_MS }],
      }))
      const end = await attempt.end.promise
      if ('settled' in end) return end.settled
      if (end.refused.code === 'declined' || attempt.calledOff) {
        await this.#cashier.close(reference)
        // what came before nobody might pay any more is a payment
        if (this.payment(reference)?.state === 'settled') return await this.whenSettled(reference, 0)
      }
      throw end.refused
    } finally {
      cancel()
      forget()
    }
  }

  #unsettled(reference: Uint8Array): WebxError {
    const name = toHex(reference)
    const hint = `It stays open and may still settle: see webx payment show ${name}, or webx payment await or cancel with that reference.`
    const { seatsUp, quorum } = this.#options.presence()
    if (seatsUp >= quorum) return new WebxError('not-settled', 'the payment has not settled in time', { hint })
    return new WebxError('no-quorum', `${seatsUp} seats are heard of, ${quorum} are needed`, { hint })
  }

  #decide(message: Message): Decision | null {
    const frame = message.frame as Frame
    const { keys, topics } = this.#context
    if (message.envelope.type === TYPE.checkin) {
      if (message.topic !== topics.checkin(keys.id))
        throw new WebxError('wrong-topic', 'a check-in at another terminal')
      this.#desk.take(frame)
      return null
    }
    if (message.topic !== topics.to(keys.id)) throw new WebxError('wrong-topic', 'an answer to someone else')
    const answer = readAnswer(frame.payload)
    const attempt = this.#attempts.get(toHex(answer.reference))
    if (!attempt) throw new WebxError('expired', 'an answer about a payment that is over')
    attempt.answer(frame.sender, answer)
    return null
  }
}
