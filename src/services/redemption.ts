/**
 * The serving side of redeeming: challenges, judgements, answers and blocks for whoever redeems a ping at this node.
 *
 * A challenge costs this node nothing. What a grant costs is on the disk before the answer leaves; the same request again, byte for byte, gets the same answer for a while, so that
 * a lost answer costs no second use. Whoever sits between learns who asks whom and how much is sent.
 */

import { concat, toHex } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { TYPE } from '../core/envelope.ts'
import { asWebxError, WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { encodeVerdict, type RedeemVerdict, type Rule, readAsk } from '../data/redeem-answer.ts'
import {
  answerPayload,
  blockPayload,
  challengePayload,
  type RedeemRequest,
  readFetch,
  readQuery,
  readRedeem,
} from '../data/redeem-frames.ts'
import { openRequest, sealAnswer, sealBlock, type WayBack } from '../data/redeem-seal.ts'
import { challengeFor } from '../data/redemption.ts'
import { Allowance } from '../kernel/allowance.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { Decision, Lane, Message, Outgoing } from '../kernel/lane.ts'
import type { AgreementKey, Write } from '../kernel/ports.ts'
import type { Vault } from '../kernel/vault.ts'
import { type Grant, type GrantParts, grant } from './redemption-grant.ts'
import { type Judged, type JudgeParts, judge, judgeAgain, refusalOf } from './redemption-judge.ts'
import { Spent } from './redemption-spent.ts'
import { Tickets } from './redemption-tickets.ts'
import { Watches } from './redemption-watch.ts'

/** What a server needs beside its context. */
export type RedemptionParts = Pick<JudgeParts, 'vault' | 'statuses' | 'runnables'> & {
  /** Where the data is used, by all names of the place; none where that is not known. */
  readonly jurisdictions?: readonly string[]
}

const LIFETIME_MS = 30_000
const SWEEP_MS = 10_000
const NOTHING = new Uint8Array(0)
const NO_SALT = new Uint8Array(16)

/** Redeems pings that name this node. */
export class Redemptions implements Service, Lane {
  readonly types: readonly number[] = [TYPE.vaultQuery, TYPE.vaultRedeem, TYPE.vaultFetch]
  readonly #context: Context
  readonly #vault: Vault
  readonly #parts: GrantParts
  readonly #secret: Uint8Array
  readonly #sealKey: AgreementKey
  readonly #spent = new Spent()
  readonly #tickets = new Tickets()
  readonly #watches: Watches
  readonly #asking: Allowance
  readonly #fetching: Allowance
  /** By sender and request: what was answered, or null as long as it is judged. */
  readonly #answers = new Map<string, { payload: Cbor | null; readonly untilMs: number }>()
  readonly #open = new Set<Promise<void>>()
  /** Requests that are being judged. */
  #serving = 0
  /** Blocks that are being read. */
  #reading = 0
  #isStopped = false
  readonly #ends: (() => void)[] = []

  constructor(context: Context, parts: RedemptionParts) {
    const { vault, statuses, runnables, jurisdictions = [] } = parts
    this.#context = context
    this.#vault = vault
    this.#secret = context.random.bytes(32)
    this.#sealKey = context.keys.ephemeral()
    const judging = { context, vault, statuses, runnables, jurisdictions }
    const judgeParts: JudgeParts = { ...judging, spent: this.#spent, secret: this.#secret }
    this.#watches = new Watches(judgeParts)
    this.#parts = { ...judgeParts, tickets: this.#tickets, watches: this.#watches }
    this.#asking = allowance(context, LIMITS.vaultQueriesPerSecondMax)
    this.#fetching = allowance(context, LIMITS.vaultFetchesPerSecondMax)
    context.road.lay(this)
  }

  async start(): Promise<void> {
    const { link, topics, keys, road, schedule, store } = this.#context
    this.#watches.restore()
    const writes = this.#spent.restore(store)
    await road.run(() => ({ writes }))
    await link.subscribe(topics.to(keys.id))
    this.#ends.push(this.#vault.onVersion((version) => this.#watches.tell(version)))
    this.#watches.catchUp()
    this.#ends.push(schedule.every(SWEEP_MS, 'sweep redemptions', () => this.#sweep()))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    for (const end of this.#ends.splice(0)) end()
    await Promise.allSettled(this.#open)
    await this.#watches.settled()
    this.#tickets.clear()
    this.#sealKey.wipe()
    this.#secret.fill(0)
  }

  authorize(message: Message): void {
    const { topics, keys } = this.#context
    const { sender } = message.frame as NonNullable<Message['frame']>
    if (message.topic !== topics.to(keys.id)) {
      throw new WebxError('wrong-topic', 'who redeems asks in the inbox of the server')
    }
    const allowance = message.envelope.type === TYPE.vaultFetch ? this.#fetching : this.#asking
    allowance.take(sender)
  }

  decide(message: Message): Decision | null {
    if (this.#isStopped) return null
    const { sender, payload } = message.frame as NonNullable<Message['frame']>
    if (message.envelope.type === TYPE.vaultQuery) return this.#challenge(sender, readQuery(payload))
    if (message.envelope.type === TYPE.vaultRedeem) return this.#redeem(sender, readRedeem(payload), payload)
    const { ticket, at } = readFetch(payload)
    if (this.#reading >= LIMITS.vaultBlocksReadMax) this.#context.counters.count('vault.busy')
    else this.#begin(this.#sendBlock(sender, ticket, at))
    return null
  }

  #challenge(sender: Uint8Array, nonce: Uint8Array): Decision {
    const { keys, random, clock } = this.#context
    const challenge = challengeFor(keys.id, this.#secret, random.bytes(16), clock.nowMs())
    const payload = challengePayload({ nonce, challenge, sealKey: this.#sealKey.publicKey })
    return { emit: [this.#to(sender, TYPE.vaultChallenge, payload)] }
  }

  #redeem(sender: Uint8Array, request: RedeemRequest, payload: Cbor): Decision | null {
    const { counters, clock } = this.#context
    const name = toHex(blake3Of('webx v1 seen', concat(sender, encode(payload))))
    const known = this.#answers.get(name)
    if (known) return known.payload === null ? null : { emit: [this.#to(sender, TYPE.vaultAnswer, known.payload)] }
    if (this.#serving >= LIMITS.vaultRedemptionsOpenMax || !this.#makeRoom()) {
      counters.count('vault.busy')
      return null
    }
    const opened = this.#opened(sender, request)
    if (!opened) {
      const unread = answerPayload({ nonce: request.nonce, salt: NO_SALT, sealed: NOTHING })
      return { emit: [this.#to(sender, TYPE.vaultAnswer, unread)] }
    }
    this.#answers.set(name, { payload: null, untilMs: clock.nowMs() + LIMITS.vaultAnswersKeptMsMax })
    this.#begin(this.#serve(sender, name, request.nonce, opened))
    return null
  }

  /** Null where it was sealed to a key of an earlier start, or by somebody else. */
  #opened(sender: Uint8Array, request: RedeemRequest): { plaintext: Uint8Array; back: WayBack } | null {
    const { netId, keys } = this.#context
    try {
      return openRequest(request, this.#sealKey, { netId, server: keys.id, holder: sender })
    } catch (error) {
      if (asWebxError(error).fault === 'ours') throw error
      return null
    }
  }

  async #serve(
    sender: Uint8Array,
    name: string,
    nonce: Uint8Array,
    { plaintext, back }: { plaintext: Uint8Array; back: WayBack },
  ): Promise<void> {
    const { random, road, counters } = this.#context
    const payloadOf = (verdict: RedeemVerdict): Cbor => {
      const salt = random.bytes(16)
      return answerPayload({ nonce, salt, sealed: sealAnswer(encodeVerdict(verdict), back, salt) })
    }
    let rule: Rule = 'ping'
    let granted: Grant | null = null
    this.#serving++
    try {
      try {
        const judged = await judge(this.#parts, sender, readAsk(plaintext))
        rule = 'file'
        granted = await grant(this.#parts, judged, back.blockKey)
        rule = 'ping'
        await this.#handOut(sender, name, judged, granted, payloadOf)
        counters.count('vault.granted')
      } catch (error) {
        granted?.undo()
        const refusal = refusalOf(error, rule)
        counters.count(`vault.refused.${refusal.code}`)
        if (refusal.code === 'internal') this.#context.log.error({ error }, 'a redemption broke us')
        const payload = payloadOf(refusal)
        await road.run(() => this.#answer(sender, name, payload))
      }
    } finally {
      this.#serving--
      back.wipe()
    }
  }

  /** Spends, and answers once that is on the disk. Rejects with `Refused` where it would not be granted any more, with `limit` where no more can be counted. */
  #handOut(
    sender: Uint8Array,
    name: string,
    judged: Judged,
    { body, writes, apply }: Grant,
    payloadOf: (verdict: RedeemVerdict) => Cbor,
  ): Promise<void> {
    const { redemption, verdict, version, hidden } = judged
    const { manifest, digest } = version
    const payload = payloadOf({
      ...{ isGranted: true, operation: redemption.request.operation, fileVersion: manifest.fileVersion, digest },
      ...{ statusAgeMs: verdict.statusAgeMs, hidden: hidden ?? [], body },
    })
    return this.#context.road.run(() => {
      const spending = this.#spent.spend(judgeAgain(this.#parts, judged))
      const answer = this.#answer(sender, name, payload)
      return { ...answer, writes: [...spending, ...writes], apply }
    })
  }

  #answer(sender: Uint8Array, name: string, payload: Cbor): Decision {
    const kept = this.#answers.get(name)
    if (kept) kept.payload = payload
    return { emit: [this.#to(sender, TYPE.vaultAnswer, payload)] }
  }

  async #sendBlock(sender: Uint8Array, id: Uint8Array, at: number): Promise<void> {
    const { clock, road, counters } = this.#context
    const ticket = this.#tickets.find(id, sender, clock.nowMs())
    let sealed: Uint8Array = NOTHING
    if (ticket && at < ticket.source.bytes) {
      this.#reading++
      try {
        const length = Math.min(LIMITS.vaultBlockBytesMax, ticket.source.bytes - at)
        const block = await ticket.source.read(at, length)
        // by now it may have ended, and its key be wiped
        if (this.#tickets.find(id, sender, clock.nowMs()) === ticket) sealed = sealBlock(block, ticket.blockKey, at)
      } catch (error) {
        counters.count(`vault.unread.${asWebxError(error).code}`)
      } finally {
        this.#reading--
      }
    }
    const payload = blockPayload({ ticket: id, at, sealed })
    await road.run(() => ({ emit: [this.#to(sender, TYPE.vaultBlock, payload)] }))
  }

  #to(receiver: Uint8Array, type: number, payload: Cbor): Outgoing {
    return { topic: this.#context.topics.to(receiver), type, payload, lifetimeMs: LIFETIME_MS }
  }

  /** Work that `stop` waits for. */
  #begin(work: Promise<void>): void {
    const done: Promise<void> = work
      .catch((error: unknown) => {
        if (asWebxError(error).code !== 'stopped') this.#context.log.error({ error }, 'a redemption failed')
      })
      .finally(() => this.#open.delete(done))
    this.#open.add(done)
  }

  /** True where one more answer can be kept: the oldest that was given makes room, none that is still awaited. */
  #makeRoom(): boolean {
    if (this.#answers.size < LIMITS.vaultAnswersKeptMax) return true
    for (const [name, { payload }] of this.#answers) {
      if (payload === null) continue
      this.#answers.delete(name)
      return true
    }
    return false
  }

  async #sweep(): Promise<void> {
    const nowMs = this.#context.clock.nowMs()
    this.#tickets.sweep(nowMs)
    for (const [name, { payload, untilMs }] of this.#answers) {
      if (payload !== null && nowMs >= untilMs) this.#answers.delete(name)
    }
    const writes: Write[] = [...this.#spent.sweep(nowMs), ...this.#watches.sweep(nowMs)]
    if (writes.length > 0) await this.#context.road.run(() => ({ writes }))
  }
}

function allowance({ clock }: Context, perSecond: number): Allowance {
  return new Allowance(clock, { perSecond, burst: 2 * perSecond, sendersMax: LIMITS.vaultSendersMax })
}
