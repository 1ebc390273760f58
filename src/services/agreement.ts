/**
 * Drives the register of this node: hands it what arrives, signs its votes once a turn, stores what it says before anything of it leaves.
 *
 * Every node has a register. A member's votes; a terminal's and a device's only watch, and adopt what a quorum settled.
 */

import { type Certificate, readCertificate } from '../consensus/certificate.ts'
import type { Committee } from '../consensus/committee.ts'
import type { Effect, Event } from '../consensus/effects.ts'
import { readEvidence } from '../consensus/evidence.ts'
import { type Order, orderBytes, orderMessage, readOrder } from '../consensus/order.ts'
import type { Register } from '../consensus/register.ts'
import { headerCheck, readVoteBatch, type SignedHeader, type VoteBatch } from '../consensus/statement.ts'
import { toHex } from '../core/bytes.ts'
import { verifySignature } from '../core/crypto.ts'
import { decodeEnvelope, type Envelope, TYPE } from '../core/envelope.ts'
import { asWebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Agreed, Settling } from '../kernel/agreed.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { Signer, Write } from '../kernel/ports.ts'
import type { Decision, Lane, Message, Outgoing, SignatureCheck } from '../kernel/road.ts'
import { Seen } from '../kernel/seen.ts'
import type { ObjectState } from '../ledger/account.ts'

/** How long a member waits for each member before it to publish what all of them hold. */
const RANK_STEP_MS = 250
const TICK_MS = 250
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

type Decoded =
  | { readonly kind: 'order'; readonly order: Order; readonly verified: boolean }
  | { readonly kind: 'votes'; readonly batch: VoteBatch }
  | { readonly kind: 'certificate'; readonly certificate: Certificate }
  | { readonly kind: 'evidence' }

export class Agreement implements Agreed, Service, Lane {
  readonly types: readonly number[] = [TYPE.order, TYPE.voteBatch, TYPE.certificate, TYPE.settlement, TYPE.evidence]
  readonly register: Register<ObjectState>
  readonly committee: Committee
  readonly #context: Context
  readonly #parts: AgreementParts
  readonly #decoded = new WeakMap<Message, Decoded>()
  readonly #seen = new Seen()
  readonly #delayed = new Map<string, () => void>()
  readonly #needed = new Map<string, number>()
  readonly #settlingListeners: ((settling: Settling) => readonly Write[])[] = []
  readonly #batchListeners: ((header: SignedHeader) => void)[] = []
  #effects: Effect[] = []
  #voting = false
  #cancelTick = (): void => {}

  constructor(context: Context, parts: AgreementParts) {
    this.#context = context
    this.#parts = parts
    this.register = parts.register
    this.committee = parts.committee
    context.road.lay(this)
    context.road.atEndOfTurn(() => this.#endOfTurn())
  }

  async start(): Promise<void> {
    const { link, topics, schedule } = this.#context
    const kinds = this.#parts.hearsVotes ? ['+'] : ['settlement', 'evidence']
    await link.subscribe(topics.order)
    for (const kind of kinds) await link.subscribe(topics.committee(this.committee.cid, kind))
    this.#cancelTick = schedule.every(TICK_MS, 'register tick', () => {
      this.#step({ kind: 'tick' })
      if (this.#effects.length > 0) this.#context.road.poke()
    })
  }

  async stop(): Promise<void> {
    this.#cancelTick()
    for (const cancel of this.#delayed.values()) cancel()
    this.#delayed.clear()
  }

  /** Whether this node's votes are sent: not before it knows that its vote log is whole. */
  get voting(): boolean {
    return this.#voting && this.#parts.voter !== null && !this.register.abstaining
  }

  beginVoting(): void {
    this.#voting = true
    this.#context.road.poke()
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
    switch (message.envelope.type) {
      case TYPE.order:
        return this.#checksOfOrder(message)
      case TYPE.voteBatch:
        return this.#checksOfVotes(message)
      case TYPE.evidence:
        return this.#checksOfEvidence(message)
      default:
        return this.#checksOfCertificate(message)
    }
  }

  decide(message: Message): Decision | null {
    const decoded = this.#decoded.get(message)
    if (!decoded) return null
    if (decoded.kind !== 'order') this.#seen.add(message.bytes)
    if (decoded.kind === 'certificate') this.#step({ ...decoded, bytes: message.bytes })
    else if (decoded.kind === 'evidence') this.#heardEvidence(message)
    else this.#step(decoded)
    if (decoded.kind === 'votes') for (const listen of this.#batchListeners) listen(decoded.batch)
    return null
  }

  submit(order: Order): void {
    this.#step({ kind: 'order', order, verified: this.register.keyOf(order) !== null })
  }

  #checksOfOrder(message: Message): readonly SignatureCheck[] {
    const order = readOrder(message.envelope)
    const owner = this.register.keyOf(order)
    this.#decoded.set(message, { kind: 'order', order, verified: owner !== null })
    return owner ? [{ key: owner.key, message: orderMessage(order), signature: order.envelope.signature }] : []
  }

  #checksOfVotes(message: Message): readonly SignatureCheck[] | null {
    if (this.#seen.has(message.bytes)) return null
    const batch = readVoteBatch(message.envelope, this.committee)
    this.#decoded.set(message, { kind: 'votes', batch })
    return [headerCheck(this.committee, batch)]
  }

  #checksOfCertificate(message: Message): readonly SignatureCheck[] | null {
    const certificate = readCertificate(message.envelope, this.committee)
    this.#heardOf(message.envelope.type, certificate.oid, certificate.version)
    const checks = this.register.checksFor(certificate)
    if (checks) this.#decoded.set(message, { kind: 'certificate', certificate })
    return checks
  }

  #checksOfEvidence(message: Message): readonly SignatureCheck[] | null {
    if (this.#seen.has(message.bytes)) return null
    const evidence = readEvidence(message.envelope, this.committee)
    this.#decoded.set(message, { kind: 'evidence' })
    return evidence.checks
  }

  #heardEvidence(message: Message): void {
    const { guilty } = readEvidence(message.envelope, this.committee)
    this.#effects.push({ kind: 'evidence', guilty, bytes: message.bytes })
  }

  #step(event: Event): void {
    this.#effects.push(...this.register.step(event, this.#context.clock.monotonicMs()))
  }

  /** Seals one batch of votes, and turns all effects of the turn into one decision. */
  async #endOfTurn(): Promise<Decision | null> {
    const { voter } = this.#parts
    if (voter && this.voting) {
      const batch = this.register.nextBatch()
      if (batch) this.#effects.push(...this.register.sealBatch(await voter.sign(batch.message)))
      if (this.register.sizes.queuedVotes > 0) this.#context.road.poke()
    }
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

  #outgoing(effect: Effect): Outgoing[] {
    if (effect.kind === 'publish' && effect.rank === 0) return [this.#statement(effect.bytes)]
    if (effect.kind === 'need') {
      const outgoing = this.need(effect.oid, effect.fromVersion)
      return outgoing ? [outgoing] : []
    }
    return []
  }

  #statement(bytes: Uint8Array): Outgoing {
    const envelope = decodeEnvelope(bytes)
    if (envelope.type !== TYPE.order) this.#seen.add(bytes)
    return { topic: this.#context.topics.ofStatement(envelope), bytes }
  }

  #applyAll(effects: readonly Effect[]): void {
    for (const effect of effects) this.#apply(effect)
  }

  #apply(effect: Effect): void {
    const { events, counters, log } = this.#context
    switch (effect.kind) {
      case 'publish':
        if (effect.rank > 0) this.#publishLater(effect)
        return
      case 'certified':
        counters.count('certified')
        events.emit('certified', { orderDigest: effect.order.od })
        return
      case 'settled': {
        counters.count('settled')
        const { order, settlement, locks, confirms } = effect
        this.#heardOf(TYPE.certificate, order.oid, order.version)
        events.emit('settled', { order: orderBytes(order), settlement, orderDigest: order.od, locks, confirms })
        return
      }
      case 'evidence': {
        counters.count('evidence')
        const { kind } = readEvidence(decodeEnvelope(effect.bytes), this.committee)
        log.warn({ guilty: toHex(effect.guilty), kind }, 'somebody signed what the rules forbid')
        events.emit('evidence', { guilty: effect.guilty, kind, bytes: effect.bytes })
        return
      }
      case 'refused':
      case 'parked':
        counters.count(`order.${effect.kind}.${effect.code}`)
        events.emit(effect.kind, { orderDigest: effect.od, code: effect.code })
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
    const { schedule, road, counters } = this.#context
    const outgoing = this.#statement(effect.bytes)
    const { type } = decodeEnvelope(effect.bytes)
    const name = slotName(type, effect.oid ?? effect.bytes.subarray(0, 32), effect.version)
    if (this.#delayed.has(name)) return
    if (this.#delayed.size >= LIMITS.openSlotsMax) {
      counters.count('delayed.full')
      return
    }
    const cancel = schedule.after(effect.rank * RANK_STEP_MS, 'publish later', async () => {
      this.#delayed.delete(name)
      await road.run(() => ({ emit: [outgoing] }))
    })
    this.#delayed.set(name, cancel)
  }

  /** Somebody published this slot's certificate or settlement: ours need not be. */
  #heardOf(type: number, oid: Uint8Array, version: number): void {
    const types = type === TYPE.settlement ? [TYPE.certificate, TYPE.settlement] : [type]
    for (const each of types) {
      const name = slotName(each, oid, version)
      this.#delayed.get(name)?.()
      this.#delayed.delete(name)
    }
  }

  /** The owner of an order that waited became known. */
  #verifyLater(order: Order): void {
    const { road, counters } = this.#context
    const owner = this.register.keyOf(order)
    if (!owner) return
    verifySignature(owner.key, orderMessage(order), order.envelope.signature)
      .then((valid) => {
        if (!valid) return counters.count('refused.bad-signature')
        return road.run(() => {
          this.#step({ kind: 'order', order, verified: true })
          return null
        })
      })
      .catch((error: unknown) => counters.count(`refused.${asWebxError(error).code}`))
  }
}

function slotName(type: number, oid: Uint8Array, version: number): string {
  return `${type}/${toHex(oid)}/${version}`
}
