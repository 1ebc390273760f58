/**
 * How a device is asked: the lane for PROBE and SELECT in one of its worlds, as itself or as a guest, and what it answers.
 *
 * Order of things (`src/PROTOCOL.md`): PROBE → constant-time match → log entry stored → ANSWER, at the same moment and of the same size whatever the verdict → SELECT.
 * Nothing that leaves says how alike two faces were.
 */

import { equal, toHex } from '../../core/bytes.ts'
import type { Cbor } from '../../core/codec.ts'
import { TYPE } from '../../core/envelope.ts'
import { asWebxError, WebxError } from '../../core/errors.ts'
import type { Frame } from '../../core/frame.ts'
import { LIMITS } from '../../core/limits.ts'
import { homeOf } from '../../identity/home.ts'
import type { Context } from '../../kernel/context.ts'
import type { AgreementKey, Assets, Wallet } from '../../kernel/ports.ts'
import type { Decision, Lane, Message } from '../../kernel/road.ts'
import { accountId } from '../../ledger/terms.ts'
import { prepareAnswer, readSelect, type Verdict } from './answer.ts'
import type { CheckedIn } from './checked-in.ts'
import type { Claims } from './claims.ts'
import type { Enrolment } from './enrolment.ts'
import type { Floor } from './floor.ts'
import type { Payer } from './payer.ts'
import { matchProbe, type Probe, readProbe } from './probe.ts'
import type { ProbeLog } from './probe-log.ts'
import { readTerms, referenceOf, type Terms } from './terms.ts'

/** What all worlds of one device share. */
export interface AskedParts {
  readonly wallet: Pick<Wallet, 'account'>
  readonly assets: Assets
  readonly log: ProbeLog
  readonly claims: Claims
  readonly floor: Floor
  readonly payer: Payer
  readonly checkedIn: CheckedIn
  /** What the person is recognized by, or null before enrolment. */
  readonly enrolment: () => Enrolment | null
}

const ANSWER_LIFETIME_MS = 10_000

export class Asked implements Lane {
  readonly types: readonly number[] = [TYPE.probe, TYPE.select]
  readonly #context: Context
  readonly #parts: AskedParts

  /** @param context the world in which this lane lies */
  constructor(context: Context, parts: AskedParts) {
    this.#context = context
    this.#parts = parts
  }

  /** Only terminals of the genesis may ask, and only in this world's own inbox. */
  authorize(message: Message): void {
    const { directory, topics, keys } = this.#context
    const { sender } = message.frame as Frame
    if (directory.rankOf(sender) !== 'terminal')
      throw new WebxError('not-allowed', 'only terminals of this net may ask')
    if (message.topic !== topics.to(keys.id)) throw new WebxError('wrong-topic', 'not in the inbox of this device')
  }

  decide(message: Message): Decision | null {
    const frame = message.frame as Frame
    return message.envelope.type === TYPE.probe ? this.#onProbe(frame) : this.#onSelect(frame)
  }

  #onProbe(frame: Frame): Decision {
    const { clock, keys } = this.#context
    const { log, claims, floor, wallet } = this.#parts
    const receivedMs = clock.monotonicMs()
    const nowMs = clock.nowMs()
    const probe = readProbe(frame.payload)
    const terms = readTerms(probe.terms)
    const reference = referenceOf(probe.terms)
    const enrolment = this.#admit(frame, probe, terms, reference)
    const { pseudonym, answerKey } = probe
    const binding = { reference, pseudonym }
    const answer = prepareAnswer(binding, answerKey, keys.ephemeral())
    const matched = matchProbe(probe, enrolment.key, binding, enrolment.templates, enrolment.cosineMin)
    const { terminalId } = terms
    const writes = log.note({ terminalId, reference, atMs: nowMs, outcome: matched ? 'claimed' : 'unknown' })
    if (matched) claims.add({ terms, reference, pseudonym, answerKey, world: this.#context })
    const verdict: Verdict = !matched ? 'no' : floor.mustConfirm(terms) ? 'ask' : 'claim'
    const payload = answer({ verdict, account: wallet.account })
    return { writes, apply: () => this.#answerAt(receivedMs + LIMITS.answerDelayMs, terminalId, payload) }
  }

  /** Everything that can be wrong with a probe before it is opened; gives what it is to be opened with and compared to. */
  #admit(frame: Frame, probe: Probe, terms: Terms, reference: Uint8Array): Enrolment & { key: AgreementKey } {
    const { clock, genesis, netId } = this.#context
    const { assets, log, claims } = this.#parts
    const nowMs = clock.nowMs()
    const { neighborhood } = homeOf(genesis, terms.terminalId)
    if (!equal(terms.terminalId, frame.sender)) throw new WebxError('not-allowed', 'terms of another terminal')
    // the floor counts by merchant: a terminal that could name any account would begin anew with each
    if (!equal(terms.merchant, accountId(netId, neighborhood, terms.terminalId))) {
      throw new WebxError('not-allowed', 'terms that credit another account than the terminal’s own')
    }
    if (terms.expiresMs <= nowMs) throw new WebxError('expired', `payment expired ${nowMs - terms.expiresMs} ms ago`)
    if (terms.expiresMs > nowMs + LIMITS.paymentTermsMsMax + LIMITS.clockSkewMsMax) {
      throw new WebxError('from-the-future', 'payment stays open longer than allowed')
    }
    const key = this.#keyOfStay(frame.sender, probe.pseudonym, nowMs)
    if (!assets.all.some((asset) => equal(asset.id, terms.asset))) {
      throw new WebxError('unknown-asset', 'payment in an asset that this net does not have')
    }
    log.assertUnseen(reference)
    log.assertRate(frame.sender, clock.monotonicMs())
    claims.assertRoom(nowMs)
    const enrolment = this.#parts.enrolment()
    if (!enrolment) throw new WebxError('not-allowed', 'nobody is enrolled on this device')
    return { ...enrolment, key }
  }

  /** A guest's stay answers to nothing that is asked of the device by name, nor the other way round: who it is would show. */
  #keyOfStay(terminalId: Uint8Array, pseudonym: Uint8Array, nowMs: number): AgreementKey {
    const here = this.#parts.checkedIn.current(nowMs)
    const isHere = here && equal(here.terminalId, terminalId) && equal(here.pseudonym, pseudonym)
    if (isHere && here.place.context === this.#context) return here.key
    throw new WebxError('not-allowed', 'this device is not checked in there under that pseudonym')
  }

  #onSelect(frame: Frame): Decision {
    const binding = readSelect(frame.payload)
    const claim = this.#parts.claims.take(binding, frame.sender, this.#context, this.#context.clock.nowMs())
    return this.#parts.payer.selected(claim)
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
