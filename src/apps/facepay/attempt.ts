/**
 * One payment under way at a terminal: who was asked, who claimed, and the promises that takePayment waits for. In memory only.
 *
 * Two claims are never weighed against each other: there is nothing to weigh, since no score leaves a device.
 */

import { equal, toHex } from '../../core/bytes.ts'
import { WebxError } from '../../core/errors.ts'
import type { AgreementKey, SettledPayment } from '../../kernel/ports.ts'
import { type Answer, openAnswer, type Said } from './answer.ts'
import type { Candidate } from './checkin.ts'
import { encodeTerms, referenceOf, type Terms } from './terms.ts'

/** A device that says: it is me. */
export interface Claimed extends Said {
  readonly candidate: Candidate
}

/** How the waiting for money ended. */
export type End = { readonly settled: SettledPayment } | { readonly refused: WebxError }

export class Attempt {
  readonly terms: Terms
  readonly termsBytes: Uint8Array
  readonly reference: Uint8Array
  readonly answerKey: AgreementKey
  /** Settled, declined, or given up. */
  readonly end = Promise.withResolvers<End>()
  /** Everyone has answered, or nobody waits any longer. */
  readonly answered = Promise.withResolvers<void>()
  readonly #asked = new Map<string, { readonly candidate: Candidate; said: Said | null }>()
  #refusal: WebxError | null = null
  #calledOff = false
  #selected = ''
  #collecting = true

  /** @param answerKey made for this payment; `wipe` ends it */
  constructor(terms: Terms, answerKey: AgreementKey) {
    this.terms = terms
    this.termsBytes = encodeTerms(terms)
    this.reference = referenceOf(this.termsBytes)
    this.answerKey = answerKey
  }

  /** Why it was given up, or null. */
  get refusal(): WebxError | null {
    return this.#refusal
  }

  /** Whether somebody said that it is not wanted any more. */
  get calledOff(): boolean {
    return this.#calledOff
  }

  ask(candidate: Candidate): void {
    this.#asked.set(toHex(candidate.id), { candidate, said: null })
  }

  /**
   * Takes in an answer, the first of each device; later only the withdrawal of the selected one counts. Throws `not-allowed` for one who was not asked or under another
   * pseudonym, `replayed` for a second answer, `expired` for one that comes too late, `tampered`.
   */
  answer(sender: Uint8Array, answer: Answer): void {
    const name = toHex(sender)
    const asked = this.#asked.get(name)
    if (!asked || !equal(asked.candidate.pseudonym, answer.pseudonym)) {
      throw new WebxError('not-allowed', 'an answer of someone who was not asked')
    }
    if (!this.#collecting && name !== this.#selected) throw new WebxError('expired', 'an answer that came too late')
    if (this.#collecting && asked.said) throw new WebxError('replayed', 'a second answer of one device')
    const said = openAnswer(answer, this.answerKey)
    if (this.#collecting) {
      asked.said = said
      if ([...this.#asked.values()].every((each) => each.said)) this.answered.resolve()
    } else if (said.verdict === 'no') {
      this.end.resolve({ refused: new WebxError('declined', 'the shopper did not pay') })
    }
  }

  /** Ends the collecting of answers; everyone who claimed. */
  claims(): readonly Claimed[] {
    this.#collecting = false
    return [...this.#asked.values()].flatMap(({ candidate, said }) =>
      said && said.verdict !== 'no' ? [{ ...said, candidate }] : [],
    )
  }

  /** From now on a “no” of this device ends the attempt. */
  select(claimed: Claimed): void {
    this.#selected = toHex(claimed.candidate.id)
  }

  /** Gives up whatever is being waited for. */
  giveUp(error: WebxError): void {
    this.#refusal ??= error
    this.end.resolve({ refused: error })
    this.answered.resolve()
  }

  /** Gives up for good: nobody is to pay any more. */
  callOff(): void {
    this.#calledOff = true
    this.giveUp(new WebxError('stopped', 'the payment was called off'))
  }

  wipe(): void {
    this.answerKey.wipe()
  }
}
