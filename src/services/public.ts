/**
 * The public tier at one node: orders leaves where it was drawn to, cosigns as a witness where it has a seat, keeps the whole log, and has documents logged.
 *
 * There is one log for the whole net. Runs beside the neighborhood's lanes, with the same epoch keys and on the same road: what it signs is stored with what the signature promises before it
 * leaves. Where an epoch of the log's home begins, the log begins a generation (`public-state.ts`, `public-witness.ts`).
 */

import { ForkWatch } from '../consensus/publiclog/forkwatch.ts'
import type { SimplexEffect } from '../consensus/simplex/effects.ts'
import { equal } from '../core/bytes.ts'
import type { SignatureCheck } from '../core/crypto.ts'
import { decodeEnvelope, type Envelope, TYPE } from '../core/envelope.ts'
import { LIMITS } from '../core/limits.ts'
import type { Conducted, SideLane } from '../kernel/agreed.ts'
import type { Context, Service } from '../kernel/context.ts'
import { Later } from '../kernel/later.ts'
import type { Signer, Write } from '../kernel/ports.ts'
import type { Decision, Lane, Message, Outgoing } from '../kernel/road.ts'
import { PublicCharges } from './public-charges.ts'
import { PublicDocuments } from './public-documents.ts'
import { PublicFollowing } from './public-following.ts'
import type { Generation } from './public-generation.ts'
import { PublicHearing } from './public-hearing.ts'
import { type OtherHomes, PublicHomes } from './public-homes.ts'
import { PublicIntake } from './public-intake.ts'
import type { LogNews } from './public-news.ts'
import { PublicState } from './public-state.ts'
import type { PublicWitness } from './public-witness.ts'

const TICK_MS = 500
const REPEAT_MS = 2_000
const RANK_STEP_MS = 250
/** A checkpoint that is wanted is missed after so long. */
const CHECKPOINT_MS = 10_000

/** Signs with the keys of epochs: one at a time, at the end of a turn. */
export interface EpochSigners {
  signer(epoch: number): Promise<Signer>
}

export class PublicLog implements Service, Lane {
  readonly types: readonly number[] = [TYPE.leaf, TYPE.checkpoint, TYPE.cosignature, TYPE.logQuery, TYPE.logEntries]
  readonly documents: PublicDocuments
  readonly #context: Context
  readonly #keys: EpochSigners
  readonly #homes: PublicHomes
  readonly #state: PublicState
  readonly #intake: PublicIntake
  readonly #hearing: PublicHearing
  readonly #following: PublicFollowing
  readonly #charges: PublicCharges
  readonly #later: Later
  readonly #watchers = new Set<(news: LogNews) => void>()
  #repeated: Outgoing[] = []
  #repeatedMs = 0
  #repeats = 0
  #missedMs = 0
  #cancel = (): void => {}
  readonly #uncouple: () => void
  #cancelWake = (): void => {}
  #wakeAtMs = Number.POSITIVE_INFINITY

  constructor(context: Context, agreement: Conducted, keys: EpochSigners, others: OtherHomes) {
    this.#context = context
    this.#keys = keys
    this.#later = new Later(context)
    const homes = new PublicHomes(context, agreement, others)
    this.#homes = homes
    const state = new PublicState(context, agreement, homes)
    this.#state = state
    const { judge, records } = state
    const forks = new ForkWatch()
    const charges = new PublicCharges(agreement)
    this.#charges = charges
    this.#intake = new PublicIntake({
      ...{ judge, later: this.#later, road: context.road, now: () => state },
      forks,
      charges,
      term: (cid) => state.termOf(cid),
      homes,
    })
    state.onGeneration = (masterNodes) => this.#intake.follow(masterNodes)
    this.#hearing = new PublicHearing(context, homes, state, this.#intake, { forks, charges })
    this.#following = new PublicFollowing(context, agreement, {
      now: () => state,
      ask: (event) => state.step(event),
      beginning: () => records.beginning,
      filled: () => state.step({ kind: 'tick' }),
    })
    this.documents = new PublicDocuments(context, {
      records,
      homes,
      now: () => state,
      submit: (bytes) => state.submit(bytes),
    })
    context.road.lay(this)
    agreement.alsoHear(this.#sideLane())
    agreement.onEffect((effect) => {
      if (effect.kind === 'epoch') this.#turn(homes.own)
    })
    this.#uncouple = context.events.on('home', ({ nid }) => this.#turn(nid))
    context.road.atEndOfTurn(() => this.#endOfTurn())
  }

  /** The generation under way; null between two. For reading. */
  get generation(): Generation | null {
    return this.#state.generation
  }

  /** For reading. */
  get witness(): PublicWitness {
    return this.#state.witness
  }

  async start(): Promise<void> {
    const { link, topics, schedule, keys } = this.#context
    for (const kind of ['leaf', 'checkpoint', 'cosignature']) await link.subscribe(topics.log(kind))
    await link.subscribe(topics.to(keys.id))
    this.#state.begin()
    this.#hearing.recall()
    this.#cancel = schedule.every(TICK_MS, 'public log', () => this.#tick())
    this.#context.road.poke()
  }

  async stop(): Promise<void> {
    this.#cancel()
    this.#uncouple()
    this.#cancelWake()
    this.#later.cancelAll()
    this.documents.stop()
  }

  /** Calls `listen` with everything new in the log, once it is stored, until the returned function is called. */
  watch(listen: (news: LogNews) => void): () => void {
    this.#watchers.add(listen)
    return () => this.#watchers.delete(listen)
  }

  topicOf(envelope: Envelope): string {
    return this.#context.topics.ofStatement(envelope)
  }

  checks(message: Message): readonly SignatureCheck[] | null {
    return this.#intake.checks(message)
  }

  authorize(message: Message): void {
    if (message.frame) this.#following.authorize(message)
  }

  decide(message: Message): Decision | null {
    if (message.frame) return this.#following.decide(message)
    const heard = this.#intake.decoded(message)
    if (heard) this.#hearing.hear(heard, message)
    return null
  }

  /** Statements of other lanes' types that are about the log. */
  #sideLane(): SideLane {
    return {
      owns: (envelope) => this.#intake.owns(envelope),
      checks: (message) => this.#intake.checks(message),
      decide: (message) => this.decide(message),
      shownOf: (id) => this.#intake.shownOf(id),
    }
  }

  async #endOfTurn(): Promise<Decision | null> {
    this.#hearing.consider()
    if (this.#state.maySign) await this.#sign()
    const { generation } = this.#state
    const effects = this.#state.effects.splice(0)
    for (const effect of effects) if (effect.kind === 'final') this.#state.keepStatements(effect.block.transactions)
    const emit = this.#repeated.splice(0)
    const writes: Write[] = []
    if (generation) {
      this.#state.indexNews()
      const flushed = generation.sequencer.flush()
      writes.push(...generation.takeWrites(flushed.writes))
      for (const { checkpoint, bytes } of flushed.complete) {
        this.#hearing.whole(checkpoint, generation.term.masterNodes)
        this.#later.publish(checkpoint.text, (1 + (generation.seat ?? 0)) * RANK_STEP_MS, () => this.#statement(bytes))
        this.#context.road.poke()
      }
      for (const bytes of flushed.publish) {
        this.#state.records.keepShare(bytes)
        emit.push(this.#statement(bytes))
      }
    }
    const cosigned = this.#state.witness.witness?.flush()
    writes.push(...(cosigned?.writes ?? []), ...this.#state.takeWrites())
    for (const bytes of cosigned?.publish ?? []) emit.push(this.#statement(bytes))
    for (const effect of effects)
      if (effect.kind === 'publish' && effect.rank === 0) emit.push(this.#statement(effect.bytes))
    emit.push(...this.#hearing.takeEvidence().map((bytes) => this.#statement(bytes)), ...this.#following.take(effects))
    this.#scheduleWake()
    const news = this.#state.news.splice(0)
    if (writes.length + emit.length + effects.length + news.length === 0 && !this.#state.isDue) return null
    return { writes, emit, apply: () => this.#apply(effects, news) }
  }

  async #sign(): Promise<void> {
    const { committee } = this.#state.witness.place
    const signer = await this.#keys.signer(committee.epoch)
    const { clock, road } = this.#context
    const { generation } = this.#state
    for (let signed = 0; signed < LIMITS.signingsPerTurnMax; signed++) {
      const block = generation?.simplex?.nextSigning()
      if (block) {
        this.#state.effects.push(...(generation?.simplex?.seal(await signer.sign(block.message)) ?? []))
        continue
      }
      const draft = generation?.sequencer.next()
      if (draft && generation) {
        generation.sequencer.seal(draft, await signer.sign(draft.message))
        continue
      }
      this.#hearing.consider()
      const signable = this.#state.witness.witness?.next(Math.floor(clock.nowMs() / 1000))
      if (!signable) return
      this.#state.witness.witness?.seal(signable, await signer.sign(signable.message))
    }
    road.poke()
  }

  #apply(effects: readonly SimplexEffect[], news: readonly LogNews[]): void {
    for (const effect of effects) {
      if (effect.kind === 'publish' && effect.rank > 0)
        this.#later.publish(this.#intake.nameOf(effect.bytes), effect.rank * RANK_STEP_MS, () =>
          this.#statement(effect.bytes),
        )
      if (effect.kind === 'final') this.#context.counters.count('public.blocks')
      if (effect.kind === 'evidence') this.#hearing.convictOne(effect.guilty, effect.of, effect.bytes)
      if (effect.kind === 'log-lost') this.#state.lose()
    }
    this.#state.enter()
    this.documents.look()
    for (const one of news) for (const listen of this.#watchers) listen(one)
  }

  /** A home of the net has begun an epoch. */
  #turn(nid: Uint8Array): void {
    this.#state.turn(nid)
    const { own, seat } = this.#homes
    if (equal(nid, own) || equal(nid, seat)) {
      this.#charges.clear()
      this.#hearing.recall()
    }
    this.#context.road.poke()
  }

  #tick(): void {
    const { clock, road } = this.#context
    const nowMs = clock.monotonicMs()
    const { generation } = this.#state
    if (generation) this.#state.step({ kind: 'tick' })
    if (generation && nowMs - this.#missedMs >= CHECKPOINT_MS) {
      this.#missedMs = nowMs
      this.#state.patience.tick(generation.sequencer.wantsAtMs() !== null)
    }
    if (this.#state.maySign && this.#state.isOver && this.#state.witness.vote())
      this.#repeatedMs = Number.NEGATIVE_INFINITY
    this.#state.forgetFinal()
    this.#following.tick()
    this.documents.tick()
    if (nowMs - this.#repeatedMs >= REPEAT_MS) {
      this.#repeatedMs = nowMs
      for (const bytes of [...this.#charges.due(), ...this.#unfinished()]) this.#repeated.push(this.#statement(bytes))
    }
    road.poke()
  }

  /** What is said again: votes while nothing is decided, shares of a checkpoint that is not whole, cosignatures that do not suffice. */
  #unfinished(): Uint8Array[] {
    const { standings, voted, place } = this.#state.witness
    if (place.seat === null) return []
    const said = this.#state.witness.unfinished(this.#state.isOver, this.#repeats++)
    if (voted) said.push(...standings.votes.statements(voted))
    const share = this.#state.generation && this.#state.records.share
    if (!share) return said
    const text = this.#intake.textOf(share)
    const statement = this.#state.generation?.sequencer.statementOf(text)
    if (statement && !standings.checkpoint(text)) said.push(statement)
    return said
  }

  #scheduleWake(): void {
    const { schedule, clock, road } = this.#context
    const atMs = this.#state.generation?.simplex?.wakeAtMs() ?? Number.POSITIVE_INFINITY
    if (atMs === this.#wakeAtMs) return
    this.#cancelWake()
    this.#cancelWake = (): void => {}
    this.#wakeAtMs = atMs
    if (atMs === Number.POSITIVE_INFINITY) return
    this.#cancelWake = schedule.after(Math.max(1, atMs - clock.monotonicMs()), 'public log', () => {
      this.#wakeAtMs = Number.POSITIVE_INFINITY
      this.#state.step({ kind: 'tick' })
      road.poke()
    })
  }

  #statement(bytes: Uint8Array): Outgoing {
    return { topic: this.#context.topics.ofStatement(decodeEnvelope(bytes)), bytes }
  }
}
