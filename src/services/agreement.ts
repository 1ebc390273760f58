/**
 * Drives the neighborhood of this node: hands it what arrives, signs what it has to say once a turn, stores what it says before anything of it leaves.
 *
 * Every node has one. A member's votes; a terminal's and a device's only follow, and adopt what a quorum settled.
 */

import type { Committee } from '../consensus/committee.ts'
import type { Event } from '../consensus/effects.ts'
import { readEvidence } from '../consensus/evidence.ts'
import type { Neighborhood } from '../consensus/neighborhood.ts'
import type { NeighborhoodEffect, NeighborhoodEvent } from '../consensus/neighborhood-effects.ts'
import { HEARD } from '../consensus/neighborhood-open.ts'
import { type Order, orderMessage } from '../consensus/order.ts'
import type { Register } from '../consensus/register.ts'
import type { SignedHeader } from '../consensus/statement.ts'
import { toHex } from '../core/bytes.ts'
import { expectKeys, type SignatureCheck, verifySignature } from '../core/crypto.ts'
import { type Envelope, TYPE } from '../core/envelope.ts'
import { asWebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Conducted, Settling, SideLane } from '../kernel/agreed.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { Write } from '../kernel/ports.ts'
import type { Decision, Lane, Message, Outgoing } from '../kernel/road.ts'
import type { ObjectState } from '../ledger/account.ts'
import { promisesNothing, Reporter, settlingOf } from './agreement-effects.ts'
import { Gathering } from './agreement-gathering.ts'
import { Intake } from './agreement-intake.ts'
import type { EpochKeys } from './agreement-keys.ts'

const TICK_MS = 250
const NEED_LIFETIME_MS = 10_000

/** What an agreement is made of. */
export interface AgreementParts {
  readonly hood: Neighborhood<ObjectState>
  /** Signs for this node. */
  readonly keys: EpochKeys
  /** Whether this node listens to single votes where it has no seat: terminals do, who want to see an order settle at once. */
  readonly hearsVotes: boolean
}

export class Agreement implements Conducted, Service, Lane {
  readonly types: readonly number[] = HEARD
  readonly #context: Context
  readonly #parts: AgreementParts
  readonly #intake: Intake
  readonly #reporter: Reporter
  readonly #needed = new Map<string, number>()
  readonly #settlingListeners: ((settling: Settling) => readonly Write[])[] = []
  readonly #batchListeners: ((header: SignedHeader) => void)[] = []
  readonly #followers: ((effect: NeighborhoodEffect) => void)[] = []
  readonly #sideLanes: SideLane[] = []
  #effects: NeighborhoodEffect[] = []
  #voting = false
  /** The epoch for which it is known whether this node holds the key of its seat. */
  #checkedEpoch = -1
  readonly #gathering = new Gathering()
  #cancelTick = (): void => {}
  #cancelWake = (): void => {}
  #wakeAtMs = Number.POSITIVE_INFINITY

  constructor(context: Context, parts: AgreementParts) {
    this.#context = context
    this.#parts = parts
    this.#reporter = new Reporter(context, {
      verify: (order) => this.#verifyLater(order),
      lacks: (oid, fromVersion) => (this.register.object(oid)?.settled ?? 0) < fromVersion,
      need: (oid, fromVersion) => this.need(oid, fromVersion),
    })
    this.#intake = new Intake(context, parts.hood, this.#reporter.later)
    context.road.lay(this)
    context.road.atEndOfTurn(() => this.#endOfTurn())
  }

  get register(): Register<ObjectState> {
    return this.#parts.hood.register
  }

  get committee(): Committee {
    return this.#parts.hood.term.committee
  }

  get seat(): number | null {
    return this.#parts.hood.term.seat
  }

  /** For reading; what changes it goes through `act`. */
  get hood(): Neighborhood<ObjectState> {
    return this.#parts.hood
  }

  async start(): Promise<void> {
    const { link, topics, schedule } = this.#context
    expectKeys(this.committee.seats.map(({ epochKey }) => epochKey))
    for (const topic of [topics.order, topics.candidacy, topics.shared, topics.handOver]) await link.subscribe(topic)
    for (const filter of this.#filters(this.committee)) await link.subscribe(filter)
    this.#cancelTick = schedule.every(TICK_MS, 'neighborhood tick', () => {
      this.#take(this.hood.tick(this.#context.clock.monotonicMs()))
      this.#intake.takeLeftover()
      if (this.#effects.length > 0 || this.hood.isSpeaking) this.#context.road.poke()
    })
  }

  async stop(): Promise<void> {
    this.#cancelTick()
    this.#cancelWake()
    this.#reporter.later.cancelAll()
  }

  /** Whether this node's votes are sent: not before it knows that its vote log is whole. */
  get voting(): boolean {
    return this.#voting && this.seat !== null && !this.register.abstaining
  }

  beginVoting(): void {
    this.#voting = true
    this.#context.road.poke()
  }

  /** Signs nothing until `beginVoting` is called again. */
  holdVotes(): void {
    this.#voting = false
  }

  /** Newest ballots that were seen of a seat, encoded: for a member that asks what it has signed. */
  ballotsOf(seat: number): Uint8Array[] {
    const id = this.committee.seats[seat]?.memberId
    const besides = id ? this.#sideLanes.flatMap((lane) => lane.shownOf(id)) : []
    return [...this.hood.term.simplex.newestOf(seat), ...besides]
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

  /** Calls `follow` with every effect of the neighborhood once it is stored. */
  onEffect(follow: (effect: NeighborhoodEffect) => void): void {
    this.#followers.push(follow)
  }

  alsoHear(lane: SideLane): void {
    this.#sideLanes.push(lane)
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

  /** Has the neighborhood do something; what follows is sent at the end of this turn. Call within a decision, or poke the road. */
  act(action: (hood: Neighborhood<ObjectState>, nowMs: number) => NeighborhoodEffect[]): void {
    this.#take(action(this.hood, this.#context.clock.monotonicMs()))
  }

  topicOf(envelope: Envelope): string {
    return this.#context.topics.ofStatement(envelope)
  }

  checks(message: Message): readonly SignatureCheck[] | null {
    const beside = this.#sideLaneOf(message)
    if (beside) return beside.checks(message)
    this.#gathering.turnBegins(this.#context.clock.monotonicMs())
    try {
      return this.#intake.checks(message)
    } catch (error) {
      if (asWebxError(error).code === 'wrong-epoch') this.act((hood, nowMs) => hood.hearUnknownEpoch(nowMs))
      throw error
    }
  }

  decide(message: Message): Decision | null {
    const beside = this.#sideLaneOf(message)
    if (beside) return beside.decide(message)
    const event = this.#intake.decoded(message)
    if (!event) return null
    const { type } = message.envelope
    if (event.kind === 'register' && event.event.kind === 'votes') {
      this.#intake.taken(message.bytes)
      for (const listen of this.#batchListeners) listen(event.event.batch)
    }
    if (type === TYPE.evidence) this.#heardEvidence(message)
    this.#intake.heard(message, event)
    this.#stepHood(event)
    return null
  }

  submit(order: Order): void {
    this.#step({ kind: 'order', order, verified: this.register.keyOf(order) !== null })
  }

  #sideLaneOf({ envelope }: Message): SideLane | undefined {
    return this.#sideLanes.find((lane) => lane.owns(envelope))
  }

  #heardEvidence(message: Message): void {
    const { guilty, kind } = readEvidence(message.envelope, this.committee)
    this.#take([{ kind: 'register', effect: { kind: 'evidence', guilty, of: kind, bytes: message.bytes } }])
  }

  #step(event: Event): void {
    this.#stepHood({ kind: 'register', event })
  }

  #stepHood(event: NeighborhoodEvent): void {
    this.#take(this.hood.step(event, this.#context.clock.monotonicMs()))
  }

  #take(effects: readonly NeighborhoodEffect[]): void {
    this.#effects.push(...effects)
  }

  /** Signs what is to be said, and turns all effects of the turn into one decision. */
  async #endOfTurn(): Promise<Decision | null> {
    const hasSaid = await this.#speak()
    const effects = this.#effects
    this.#effects = []
    const besides = this.#parts.keys.takeWrites(this.committee.nid)
    for (const effect of effects) {
      const settling = settlingOf(effect)
      if (settling) for (const join of this.#settlingListeners) besides.push(...join(settling))
    }
    const writes: Write[] = [...besides, ...this.hood.flush()]
    // a member's own words are all that others rely on; who has no seat tells its people what is settled
    const mayWait = this.seat !== null && !hasSaid && besides.length === 0 && effects.every(promisesNothing)
    this.#scheduleWake()
    if (effects.length === 0 && writes.length === 0) return null
    const emit = effects.flatMap((effect) => this.#reporter.outgoing(effect))
    for (const outgoing of emit) if ('bytes' in outgoing) this.#intake.taken(outgoing.bytes)
    return { writes, emit, apply: () => this.#applyAll(effects), mayWait }
  }

  /** Answers what the neighborhood asks for, true where it asked; votes are gathered under load, one batch for what several turns brought. */
  async #speak(): Promise<boolean> {
    const { clock, road, schedule } = this.#context
    const nowMs = clock.monotonicMs()
    const withVotes = this.#gathering.turnEnds(nowMs)
    if (!this.#voting || !(await this.#holdsKey())) return false
    const { queuedVotes } = this.register.sizes
    if (!withVotes && queuedVotes > 0) this.#gathering.wait(schedule, nowMs, () => road.poke())
    let batches = 0
    let said = 0
    for (; said < LIMITS.signingsPerTurnMax; said++) {
      const asked = this.hood.nextSigning(withVotes && batches === 0)
      if (!asked) break
      if (this.hood.isVoting) batches++
      this.#take(this.hood.seal(await this.#parts.keys.answer(asked)))
    }
    if (batches > 0) this.#gathering.signed(queuedVotes, clock.monotonicMs())
    if (this.hood.isSpeaking || (this.register.sizes.queuedVotes > 0 && withVotes)) road.poke()
    return said > 0
  }

  /** A node whose seat was given to another key than it has (its disk was lost, or put back) says nothing in this epoch. */
  async #holdsKey(): Promise<boolean> {
    const { hood } = this
    const { seat, committee } = hood.term
    if (seat === null || this.#checkedEpoch === committee.epoch) return true
    this.#checkedEpoch = committee.epoch
    const epochKey = committee.seats[seat]?.epochKey
    if (epochKey && (await this.#parts.keys.holds(committee.epoch, epochKey))) return true
    this.#context.log.error({ epoch: committee.epoch }, 'the key of our seat in this epoch is not here: abstaining')
    this.#context.counters.count('abstaining')
    hood.register.abstain()
    hood.term.simplex.abstain()
    return true
  }

  #applyAll(effects: readonly NeighborhoodEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'epoch') this.#onEpoch(effect)
      this.#reporter.apply(effect)
      // whoever was told of the epoch has said by now where this node votes in it
      if (effect.kind === 'epoch') this.#parts.keys.forgetBefore(effect.committee.nid, effect.committee.epoch)
      const settling = settlingOf(effect)
      if (settling) this.#intake.heardProof(TYPE.certificate, settling.order.oid, settling.order.version)
      for (const follow of this.#followers) follow(effect)
    }
  }

  /** Listens to the new committee, and to the old one no more. */
  #onEpoch({ committee, ended }: Extract<NeighborhoodEffect, { kind: 'epoch' }>): void {
    const { link, counters } = this.#context
    expectKeys(committee.seats.map(({ epochKey }) => epochKey))
    const failed = (error: unknown): void => counters.count(`unsent.${asWebxError(error).code}`)
    for (const filter of this.#filters(committee)) link.subscribe(filter).catch(failed)
    for (const filter of this.#filters(ended, true)) link.unsubscribe(filter).catch(failed)
    this.#context.road.poke()
  }

  /** What is listened to of a committee; with `hearsVotes`, single votes too. */
  #filters({ cid }: Committee, hearsVotes = this.#parts.hearsVotes || this.seat !== null): string[] {
    const kinds = ['settlement', 'evidence', 'block', 'proof', 'transaction']
    if (hearsVotes) kinds.push('vote', 'certificate', 'ballot')
    return kinds.map((kind) => this.#context.topics.committee(cid, kind))
  }

  #scheduleWake(): void {
    const { schedule, clock, road } = this.#context
    const atMs = this.hood.wakeAtMs() ?? Number.POSITIVE_INFINITY
    if (atMs === this.#wakeAtMs) return
    this.#cancelWake()
    this.#cancelWake = (): void => {}
    this.#wakeAtMs = atMs
    if (atMs === Number.POSITIVE_INFINITY) return
    this.#cancelWake = schedule.after(Math.max(1, atMs - clock.monotonicMs()), 'neighborhood', () => {
      this.#wakeAtMs = Number.POSITIVE_INFINITY
      this.#take(this.hood.tick(clock.monotonicMs()))
      road.poke()
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
