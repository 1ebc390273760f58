/**
 * Drives the register of this node: hands it what arrives, signs its votes once a turn, stores what it says before anything of it leaves.
 *
 * Every node has a register. A member's votes; a terminal's and a device's only watch, and adopt what a quorum settled.
 */

import type { Committee } from '../consensus/committee.ts'
import type { Effect, Event } from '../consensus/effects.ts'
import { readEvidence } from '../consensus/evidence.ts'
import { type Order, orderBytes, orderMessage } from '../consensus/order.ts'
import type { Register } from '../consensus/register.ts'
import type { SignedHeader } from '../consensus/statement.ts'
import { toHex } from '../core/bytes.ts'
import { expectKeys, type SignatureCheck, verifySignature } from '../core/crypto.ts'
import { decodeEnvelope, type Envelope, TYPE } from '../core/envelope.ts'
import { asWebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Agreed, Settling } from '../kernel/agreed.ts'
import type { Context, Service } from '../kernel/context.ts'
import { Later } from '../kernel/later.ts'
import type { Signer, Write } from '../kernel/ports.ts'
import type { Decision, Lane, Message, Outgoing } from '../kernel/road.ts'
import type { ObjectState } from '../ledger/account.ts'
import { bytesName, Intake, slotName } from './agreement-intake.ts'

/** How long a member waits for each member before it to publish what all of them hold. */
const RANK_STEP_MS = 250
/** Certificates are needed only where no settlement follows soon. */
const CERTIFICATE_PATIENCE_MS = 1_000
/** Under load votes are gathered, for as long as the turn before took but no longer than this. */
const GATHER_MS_MAX = 50
const TICK_MS = 250
const NEED_PATIENCE_MS = 2_000
const NEED_LIFETIME_MS = 10_000

/** What an agreement is made of. */
export interface AgreementParts {
  readonly committee: Committee
  readonly register: Register<ObjectState>
  /** Signs votes; null for a node that has no seat. */
  readonly voter: Signer | null
  /** Whether this node listens to single votes: members do, and terminals, who want to see an order settle at once. */
  readonly hearsVotes: boolean
}

export class Agreement implements Agreed, Service, Lane {
  readonly types: readonly number[] = [TYPE.order, TYPE.voteBatch, TYPE.certificate, TYPE.settlement, TYPE.evidence]
  readonly register: Register<ObjectState>
  readonly committee: Committee
  readonly #context: Context
  readonly #parts: AgreementParts
  readonly #later: Later
  readonly #intake: Intake
  readonly #needed = new Map<string, number>()
  readonly #settlingListeners: ((settling: Settling) => readonly Write[])[] = []
  readonly #batchListeners: ((header: SignedHeader) => void)[] = []
  readonly #lacking = new Set<string>()
  #effects: Effect[] = []
  #voting = false
  #turnBeganMs = Number.POSITIVE_INFINITY
  #gatherUntilMs = 0
  #gathering = false
  #cancelTick = (): void => {}

  constructor(context: Context, parts: AgreementParts) {
    this.#context = context
    this.#parts = parts
    this.register = parts.register
    this.committee = parts.committee
    this.#later = new Later(context)
    this.#intake = new Intake(context, parts, this.#later)
    context.road.lay(this)
    context.road.atEndOfTurn(() => this.#endOfTurn())
  }

  async start(): Promise<void> {
    const { link, topics, schedule } = this.#context
    expectKeys(this.committee.seats.map(({ epochKey }) => epochKey))
    const kinds = [...(this.#parts.hearsVotes ? ['vote', 'certificate'] : []), 'settlement', 'evidence']
    await link.subscribe(topics.order)
    for (const kind of kinds) await link.subscribe(topics.committee(this.committee.cid, kind))
    this.#cancelTick = schedule.every(TICK_MS, 'register tick', () => {
      this.#step({ kind: 'tick' })
      this.#intake.takeLeftover()
      if (this.#effects.length > 0) this.#context.road.poke()
    })
  }

  async stop(): Promise<void> {
    this.#cancelTick()
    this.#later.cancelAll()
  }

  /** Whether this node's votes are sent: not before it knows that its vote log is whole. */
  get voting(): boolean {
    return this.#voting && this.#parts.voter !== null && !this.register.abstaining
  }

  beginVoting(): void {
    this.#voting = true
    this.#context.road.poke()
  }

  takeUpVotesOf(seat: number): boolean {
    return this.#intake.takeUpVotesOf(seat)
  }

  onBatch(listen: (header: SignedHeader) => void): void {
    this.#batchListeners.push(listen)
  }

  onSettling(join: (settling: Settling) => readonly Write[]): void {
    this.#settlingListeners.push(join)
  }

  need(oid: Uint8Array, fromVersion: number): Outgoing | null {
    const { clock, topics, counters } = this.#context
    const name = toHex(oid)
    const now = clock.monotonicMs()
    if (now - (this.#needed.get(name) ?? Number.NEGATIVE_INFINITY) < LIMITS.needIntervalMs) return null
    if (this.#needed.size >= LIMITS.openSlotsMax) this.#needed.clear()
    this.#needed.set(name, now)
    counters.count('need.sent')
    return { topic: topics.sync, type: TYPE.need, payload: [oid, fromVersion], lifetimeMs: NEED_LIFETIME_MS }
  }

  answerNeed(oid: Uint8Array, fromVersion: number): void {
    this.#step({ kind: 'need', oid, fromVersion })
  }

  topicOf(envelope: Envelope): string {
    return this.#context.topics.ofStatement(envelope)
  }

  checks(message: Message): readonly SignatureCheck[] | null {
    this.#turnBeganMs = Math.min(this.#turnBeganMs, this.#context.clock.monotonicMs())
    return this.#intake.checks(message)
  }

  decide(message: Message): Decision | null {
    const decoded = this.#intake.decoded(message)
    if (!decoded) return null
    switch (decoded.kind) {
      case 'order':
        if (decoded.verified) this.#intake.heardBytes(message.bytes)
        this.#step(decoded)
        break
      case 'votes':
        this.#intake.taken(message.bytes)
        this.#step(decoded)
        for (const listen of this.#batchListeners) listen(decoded.batch)
        break
      case 'certificate':
        this.#intake.heardProof(message.envelope.type, decoded.certificate.oid, decoded.certificate.version)
        this.#step({ ...decoded, bytes: message.bytes })
        break
      case 'evidence':
        this.#intake.taken(message.bytes)
        this.#heardEvidence(message)
    }
    return null
  }

  submit(order: Order): void {
    this.#step({ kind: 'order', order, verified: this.register.keyOf(order) !== null })
  }

  #heardEvidence(message: Message): void {
    const { guilty, kind } = readEvidence(message.envelope, this.committee)
    this.#effects.push({ kind: 'evidence', guilty, of: kind, bytes: message.bytes })
  }

  #step(event: Event): void {
    this.#effects.push(...this.register.step(event, this.#context.clock.monotonicMs()))
  }

  /** Seals one batch of votes, and turns all effects of the turn into one decision. */
  async #endOfTurn(): Promise<Decision | null> {
    await this.#sealVotes()
    const effects = this.#effects
    this.#effects = []
    const writes: Write[] = this.register.flush()
    for (const effect of effects) {
      if (effect.kind === 'settled') for (const join of this.#settlingListeners) writes.push(...join(effect))
    }
    if (effects.length === 0 && writes.length === 0) return null
    const emit = effects.flatMap((effect) => this.#outgoing(effect))
    return { writes, emit, apply: () => this.#applyAll(effects) }
  }

  /** One batch of votes for all that the turn brought; under load, for what several turns brought. */
  async #sealVotes(): Promise<void> {
    const { clock, road, schedule } = this.#context
    const { voter } = this.#parts
    const nowMs = clock.monotonicMs()
    const turnMs = Math.max(0, nowMs - this.#turnBeganMs)
    this.#turnBeganMs = Number.POSITIVE_INFINITY
    if (!voter || !this.voting || this.register.sizes.queuedVotes === 0) return
    if (nowMs < this.#gatherUntilMs) {
      if (this.#gathering) return
      this.#gathering = true
      schedule.after(this.#gatherUntilMs - nowMs, 'gather votes', () => {
        this.#gathering = false
        road.poke()
      })
      return
    }
    const batch = this.register.nextBatch()
    if (batch) this.#effects.push(...this.register.sealBatch(await voter.sign(batch.message)))
    this.#gatherUntilMs = clock.monotonicMs() + Math.min(turnMs, GATHER_MS_MAX)
    if (this.register.sizes.queuedVotes > 0) road.poke()
  }

  #outgoing(effect: Effect): Outgoing[] {
    if (effect.kind === 'publish' && delayOf(effect) === 0) return [this.#statement(effect.bytes)]
    return []
  }

  #statement(bytes: Uint8Array): Outgoing {
    const envelope = decodeEnvelope(bytes)
    if (envelope.type !== TYPE.order) this.#intake.taken(bytes)
    return { topic: this.#context.topics.ofStatement(envelope), bytes }
  }

  #applyAll(effects: readonly Effect[]): void {
    for (const effect of effects) this.#apply(effect)
  }

  #apply(effect: Effect): void {
    const { events, counters, log } = this.#context
    switch (effect.kind) {
      case 'publish':
        if (delayOf(effect) > 0) this.#publishLater(effect)
        return
      case 'certified':
        counters.count('certified')
        events.emit('certified', { orderDigest: effect.order.od })
        return
      case 'settled': {
        counters.count('settled')
        const { order, settlement, locks, confirms } = effect
        this.#intake.heardProof(TYPE.certificate, order.oid, order.version)
        events.emit('settled', { order: orderBytes(order), settlement, orderDigest: order.od, locks, confirms })
        return
      }
      case 'evidence': {
        counters.count('evidence')
        const { guilty, of, bytes } = effect
        log.warn({ guilty: toHex(guilty), kind: of }, 'somebody signed what the rules forbid')
        events.emit('evidence', { guilty, kind: of, bytes })
        return
      }
      case 'refused':
      case 'parked':
        counters.count(`order.${effect.kind}.${effect.code}`)
        events.emit(effect.kind, { orderDigest: effect.od, code: effect.code })
        return
      case 'duplicity':
        counters.count('duplicity')
        events.emit('duplicity', { one: effect.one.attached, other: effect.other.attached })
        return
      case 'need':
        this.#needLater(effect.oid, effect.fromVersion)
        return
      case 'verify':
        this.#verifyLater(effect.order)
        return
      case 'log-lost':
        log.error(
          { sequence: effect.sequence },
          'the network shows a vote of ours that our log lacks: abstaining for this epoch',
        )
        counters.count('abstaining')
        return
      default:
        counters.count(`register.${effect.kind}`)
    }
  }

  /** Waits for the members before us to publish, and publishes unless somebody did. */
  #publishLater(effect: Extract<Effect, { kind: 'publish' }>): void {
    const { type } = decodeEnvelope(effect.bytes)
    const isProof = type === TYPE.certificate || type === TYPE.settlement
    const name = isProof && effect.oid ? slotName(type, effect.oid, effect.version) : bytesName(effect.bytes)
    this.#later.publish(name, delayOf(effect), this.#statement(effect.bytes))
  }

  /** What is lacking is mostly on its way: asks only for what has not come a little later. */
  #needLater(oid: Uint8Array, fromVersion: number): void {
    const { schedule, road } = this.#context
    const name = toHex(oid)
    if (this.#lacking.has(name) || this.#lacking.size >= LIMITS.openSlotsMax) return
    this.#lacking.add(name)
    schedule.after(NEED_PATIENCE_MS, 'need', async () => {
      this.#lacking.delete(name)
      if ((this.register.object(oid)?.settled ?? 0) >= fromVersion) return
      const outgoing = this.need(oid, fromVersion)
      if (outgoing) await road.run(() => ({ emit: [outgoing] }))
    })
  }

  /** The owner of an order that waited became known. */
  #verifyLater(order: Order): void {
    const { road, counters } = this.#context
    const owner = this.register.keyOf(order)
    if (!owner) return
    if (owner.key && !verifySignature(owner.key, orderMessage(order), order.envelope.signature)) {
      counters.count('refused.bad-signature')
      return
    }
    const run = road.run(() => {
      this.#step({ kind: 'order', order, verified: true })
      return null
    })
    run.catch((error: unknown) => counters.count(`refused.${asWebxError(error).code}`))
  }
}

/** Members publish what all of them hold in the order of their ranks; 0 means now. */
function delayOf(effect: Extract<Effect, { kind: 'publish' }>): number {
  const patienceMs = effect.what === 'certificate' ? CERTIFICATE_PATIENCE_MS : 0
  return patienceMs + effect.rank * RANK_STEP_MS
}
