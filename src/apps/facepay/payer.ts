/**
 * What a device does once its claim is selected: asks the person where the floor wants it, then signs the payment.
 *
 * A payment that is declined, or that cannot be made, is withdrawn by an answer that looks like any “no”; the terminal is not told why.
 */

import { equal } from '../../core/bytes.ts'
import { TYPE } from '../../core/envelope.ts'
import { asWebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { homeOf } from '../../identity/home.ts'
import { labelOf } from '../../identity/xqident.ts'
import type { Context } from '../../kernel/context.ts'
import type { Assets, Consent, Wallet } from '../../kernel/ports.ts'
import type { Decision } from '../../kernel/road.ts'
import { prepareAnswer } from './answer.ts'
import type { Claim } from './claims.ts'
import type { Floor } from './floor.ts'
import type { ProbeLog } from './probe-log.ts'
import type { Terms } from './terms.ts'

export interface PayerOptions {
  readonly wallet: Wallet
  readonly assets: Assets
  readonly consent: Consent
  readonly floor: Floor
  readonly log: ProbeLog
}

const ANSWER_LIFETIME_MS = 10_000
const PAY_TIMEOUT_MS = 30_000
/** Refusals after which the order may still settle: nothing is withdrawn. */
const STILL_OPEN: readonly string[] = ['no-quorum', 'not-settled', 'timeout', 'stopped']

export class Payer {
  readonly #context: Context
  readonly #options: PayerOptions

  constructor(context: Context, options: PayerOptions) {
    this.#context = context
    this.#options = options
  }

  /** Takes the selection in: noted and, where nobody is asked, counted against the floor, before anything is signed. */
  selected(claim: Claim): Decision {
    const { floor, log } = this.#options
    const mustConfirm = floor.mustConfirm(claim.terms)
    const writes = log.became(claim.reference, 'selected')
    if (!mustConfirm) writes.push(...floor.unconfirmed(claim.terms))
    return { writes, apply: () => this.#begin(claim, mustConfirm) }
  }

  #begin(claim: Claim, mustConfirm: boolean): void {
    this.#proceed(claim, mustConfirm).catch((thrown: unknown) => {
      const error = asWebxError(thrown)
      if (error.code !== 'stopped') this.#context.log.error({ error }, 'a selected payment failed')
    })
  }

  async #proceed(claim: Claim, mustConfirm: boolean): Promise<void> {
    const { clock, road } = this.#context
    if (mustConfirm) {
      const agreed = await this.#ask(claim.terms)
      if (!agreed || claim.terms.expiresMs <= clock.nowMs()) return this.#withdraw(claim)
      await road.run(() => ({ writes: this.#options.floor.confirmed(claim.terms) }))
    }
    const { asset, amount, merchant: to, terminalId } = claim.terms
    const { neighborhood: home } = homeOf(this.#context.genesis, terminalId)
    try {
      await this.#options.wallet.pay({ reference: claim.reference, asset, amount, to, home }, PAY_TIMEOUT_MS)
    } catch (thrown) {
      const error = asWebxError(thrown)
      this.#context.log.info({ error }, 'a payment did not settle')
      if (!STILL_OPEN.includes(error.code)) await this.#withdraw(claim)
    }
  }

  /** The person's word; silence, and a question that cannot be asked, are a no. */
  async #ask(terms: Terms): Promise<boolean> {
    const timeoutMs = Math.min(LIMITS.consentMsMax, terms.expiresMs - this.#context.clock.nowMs())
    const text = `Pay ${amountText(terms, this.#options.assets)} at terminal ${labelOf(terms.terminalId)}?`
    const silence = Promise.withResolvers<boolean>()
    const cancel = this.#context.schedule.after(timeoutMs, 'facepay consent', () => silence.resolve(false))
    try {
      return (await Promise.race([this.#options.consent.ask({ text, timeoutMs }), silence.promise])) === true
    } catch (thrown) {
      this.#context.log.warn({ error: asWebxError(thrown) }, 'the person could not be asked')
      return false
    } finally {
      cancel()
    }
  }

  async #withdraw(claim: Claim): Promise<void> {
    const { terms, reference, pseudonym, answerKey, world } = claim
    const answer = prepareAnswer({ reference, pseudonym }, answerKey, world.keys.ephemeral())
    const payload = answer({ verdict: 'no', account: this.#options.wallet.account })
    const topic = world.topics.to(terms.terminalId)
    await this.#context.road.run(() => ({ writes: this.#options.log.became(reference, 'declined') }))
    await world.road.run(() => ({ emit: [{ topic, type: TYPE.answer, payload, lifetimeMs: ANSWER_LIFETIME_MS }] }))
  }
}

/** Such as `12.50 EUR`. */
function amountText(terms: Terms, assets: Assets): string {
  const asset = assets.all.find(({ id }) => equal(id, terms.asset))
  if (!asset) return `${terms.amount} of an unknown asset`
  const digits = terms.amount.toString().padStart(asset.decimals + 1, '0')
  const whole = digits.slice(0, digits.length - asset.decimals)
  const rest = digits.slice(digits.length - asset.decimals)
  return `${whole}${rest ? `.${rest}` : ''} ${asset.code}`
}
