/**
 * The public tier at one node: orders leaves where it was drawn to, cosigns as a witness where it has a seat, keeps the whole log, and has documents logged.
 *
 * Runs beside the neighborhood's lanes, with the same epoch keys and on the same road: what it signs is stored with what the signature promises before it leaves. Where an epoch
 * begins, the log begins a generation (`public-witness.ts`).
 */

import type { Committee } from '../consensus/committee.ts'
import type { Opening } from '../consensus/epoch/opening.ts'
import { type Checkpoint, readCheckpoint } from '../consensus/publiclog/checkpoint.ts'
import { ForkWatch } from '../consensus/publiclog/forkwatch.ts'
import { badEntryEvidence } from '../consensus/publiclog/fork.ts'
import { type LeafJudge, readLeaf } from '../consensus/publiclog/leaf.ts'
import type { Standing } from '../consensus/publiclog/network.ts'
import { EMPTY_TREE, leafHash } from '../consensus/publiclog/proof.ts'
import { Patience } from '../consensus/publiclog/redraw.ts'
import type { SimplexEffect, SimplexEvent } from '../consensus/simplex/effects.ts'
import { forgetLane } from '../consensus/simplex/records.ts'
import { toHex } from '../core/bytes.ts'
import type { SignatureCheck } from '../core/crypto.ts'
import { decodeEnvelope, type Envelope, TYPE } from '../core/envelope.ts'
import { asWebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Conducted, SideLane } from '../kernel/agreed.ts'
import type { Context, Service } from '../kernel/context.ts'
import { Later } from '../kernel/later.ts'
import type { Signer, Write } from '../kernel/ports.ts'
import type { Decision, Lane, Message, Outgoing } from '../kernel/road.ts'
import { PublicDocuments } from './public-documents.ts'
import { PublicFollowing } from './public-following.ts'
import { Generation } from './public-generation.ts'
import { type Heard, PublicIntake } from './public-intake.ts'
import { type Beginning, PublicRecords } from './public-records.ts'
import { PublicWitness } from './public-witness.ts'

const TICK_MS = 500
const REPEAT_MS = 2_000
const RANK_STEP_MS = 250
/** A checkpoint that is wanted is missed after so long. */
const CHECKPOINT_MS = 10_000

/** Signs with the keys of epochs: one at a time, at the end of a turn. */
export interface EpochSigners {
  signer(epoch: number): Promise<Signer>
}

/** What a watcher of the log is told, in order. */
export type LogNews =
  | { readonly kind: 'leaf'; readonly index: number; readonly body: Uint8Array }
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint }
  | { readonly kind: 'cosigned'; readonly checkpoint: Checkpoint; readonly standing: Standing; readonly total: number }
  | { readonly kind: 'generation'; readonly generation: number; readonly epoch: number; readonly size: number }
  | { readonly kind: 'fork'; readonly guilty: Uint8Array; readonly offence: string; readonly bytes: Uint8Array }

export class PublicLog implements Service, Lane {
  readonly types: readonly number[] = [TYPE.leaf, TYPE.checkpoint, TYPE.cosignature, TYPE.logQuery, TYPE.logEntries]
  readonly documents: PublicDocuments
  readonly #context: Context
  readonly #agreement: Conducted
  readonly #keys: EpochSigners
  readonly #openingOf: (epoch: number) => Opening | null
  readonly #judge: LeafJudge
  readonly #records: PublicRecords
  readonly #intake: PublicIntake
  readonly #following: PublicFollowing
  readonly #later: Later
  readonly #watchers = new Set<(news: LogNews) => void>()
  readonly #forks = new ForkWatch()
  readonly #patience = new Patience()
  #witness: PublicWitness
  #generation: Generation | null = null
  #filters: string[] = []
  #next: Beginning | null = null
  #epochBegan = false
  #effects: SimplexEffect[] = []
  #news: LogNews[] = []
  #emit: Outgoing[] = []
  #writes: Write[] = []
  #repeatedMs = 0
  #missedMs = 0
  #cancel = (): void => {}
  #cancelWake = (): void => {}
  #wakeAtMs = Number.POSITIVE_INFINITY

  /** `openingOf`: how an epoch began, as far as the hand-overs are here. */
  constructor(
    context: Context,
    agreement: Conducted,
    keys: EpochSigners,
    openingOf: (epoch: number) => Opening | null,
  ) {
    this.#context = context
    this.#agreement = agreement
    this.#keys = keys
    this.#openingOf = openingOf
    const { directory, netId } = context
    this.#judge = {
      netId,
      committee: (cid) => {
        const committee = agreement.hood.book.find(cid)
        return committee && { committee, drawn: false }
      },
      keyAt: (owner, position) => directory.keyAt(owner, position),
    }
    this.#records = new PublicRecords(context.store)
    this.#later = new Later(context)
    this.#witness = this.#openWitness()
    this.#intake = new PublicIntake({
      judge: this.#judge,
      later: this.#later,
      now: () => ({ generation: this.#generation, witness: this.#witness }),
      masterNodes: (cid) => this.#masterNodesOf(cid),
      neighborhood: (cid) => agreement.hood.book.find(cid),
    })
    this.#following = new PublicFollowing(context, agreement, {
      now: () => ({ generation: this.#generation, witness: this.#witness }),
      ask: (event) => this.#step(event),
      beginning: () => this.#records.beginning,
    })
    this.documents = new PublicDocuments(context, {
      records: this.#records,
      now: () => ({ generation: this.#generation, witness: this.#witness }),
      submit: (bytes) => this.#submit(bytes),
      openingOf,
      watch: (listen) => this.watch(listen),
    })
    context.road.lay(this)
    agreement.alsoHear(this.#sideLane())
    agreement.onEffect((effect) => {
      if (effect.kind === 'epoch') this.#onEpoch()
    })
    context.road.atEndOfTurn(() => this.#endOfTurn())
  }

  /** The generation under way; null between two. For reading. */
  get generation(): Generation | null {
    return this.#generation
  }

  /** For reading. */
  get witness(): PublicWitness {
    return this.#witness
  }

  async start(): Promise<void> {
    const { link, topics, schedule } = this.#context
    for (const kind of ['leaf', 'checkpoint', 'cosignature']) await link.subscribe(topics.log(kind))
    await link.subscribe(topics.to(this.#context.keys.id))
    const stored = this.#records.beginning
    const isFirst = this.#witness.place.opening.epoch === 0 && !stored
    const first: Beginning = { generation: 0, epoch: 0, base: EMPTY_TREE, votes: [] }
    const beginning = isFirst ? first : stored
    if (beginning?.epoch === this.#witness.place.opening.epoch) this.#open(beginning)
    await this.#intake.recall(this.#records)
    this.#cancel = schedule.every(TICK_MS, 'public log', () => this.#tick())
    this.#context.road.poke()
  }

  async stop(): Promise<void> {
    this.#cancel()
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
    if (heard) this.#hear(heard, message)
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

  #hear(heard: Heard, message: Message): void {
    switch (heard.kind) {
      case 'leaf':
        this.#generation?.sequencer.submit(heard.leaf, message.bytes)
        this.#step({ kind: 'tick' })
        break
      case 'checkpoint':
        this.#hearCheckpoint(heard.checkpoint, heard.masterNodes)
        break
      case 'cosignatures': {
        const { bundle, committee } = heard
        this.#convict(this.#forks.cosignatures(committee, bundle))
        if (this.#witness.shownOwn(bundle, committee)) this.#lose()
        this.#cosigned(this.#witness.cosignatures(bundle, committee))
        break
      }
      case 'votes':
        if (this.#witness.shownOwn(heard.bundle, heard.committee)) this.#lose()
        this.#decided(this.#witness.votes(heard.bundle, heard.committee))
        break
      case 'block':
        this.#step(heard.event)
        break
      case 'evidence':
        this.#convictOne(heard.guilty, heard.offence, message.bytes)
    }
  }

  #hearCheckpoint(checkpoint: Checkpoint, masterNodes: Committee): void {
    this.#convict(this.#forks.checkpoint(masterNodes, checkpoint))
    const generation = this.#generation
    const isCurrent = generation !== null && masterNodes === generation.term.masterNodes
    if (isCurrent) generation.sequencer.share(checkpoint)
    if (checkpoint.weight >= masterNodes.quorum) this.#whole(checkpoint, masterNodes)
  }

  #whole(checkpoint: Checkpoint, masterNodes: Committee): void {
    this.#witness.remember(checkpoint, masterNodes)
    if (!this.#witness.whole(checkpoint)) return
    this.#intake.early(checkpoint)
    this.#news.push({ kind: 'checkpoint', checkpoint })
  }

  /** The network has cosigned a checkpoint. */
  #cosigned(checkpoint: Checkpoint | null): void {
    if (!checkpoint) return
    this.#patience.relieved()
    this.#generation?.sequencer.cosigned(checkpoint)
    this.#step({ kind: 'tick' })
    const standings = this.#witness.standingsOf(checkpoint.epoch)
    const { total } = standings
    this.#news.push({ kind: 'cosigned', checkpoint, standing: { weight: 0, reached: true }, total })
  }

  #decided(beginning: Beginning | null): void {
    const now = this.#generation?.term.generation ?? this.#records.beginning?.generation ?? -1
    if (!beginning || beginning.generation <= now || (this.#next?.generation ?? -1) >= beginning.generation) return
    this.#next = beginning
    this.#witness.adopt(beginning)
    this.#records.keepBeginning(beginning)
  }

  #convict(evidence: readonly Uint8Array[]): void {
    for (const bytes of evidence) {
      this.#emit.push({ topic: this.#context.topics.ofStatement(decodeEnvelope(bytes)), bytes })
      const { guilty, offence } = this.#intake.readEvidence(bytes)
      this.#convictOne(guilty, offence, bytes)
    }
  }

  #convictOne(guilty: Uint8Array, offence: string, bytes: Uint8Array): void {
    const { log, counters, events } = this.#context
    log.error({ guilty: toHex(guilty), offence }, 'somebody has shown two views of the public log')
    counters.count('public.evidence')
    if (offence !== 'double-cosignature') this.#patience.forked()
    this.#news.push({ kind: 'fork', guilty, offence, bytes })
    events.emit('evidence', { guilty, kind: offence, bytes })
  }

  /** The network shows something of ours that is not on the disk: signs nothing here before the next epoch. */
  #lose(): void {
    const { epoch } = this.#witness.place.opening
    if (this.#records.isLost(epoch)) return
    this.#context.log.error({ epoch }, 'the network shows what this node signed for the public log, and its disk does not')
    this.#context.counters.count('public.abstaining')
    this.#records.lose(epoch)
  }

  get #maySign(): boolean {
    const { opening, seat } = this.#witness.place
    return seat !== null && this.#agreement.voting && !this.#records.isLost(opening.epoch)
  }

  #step(event: SimplexEvent): void {
    this.#effects.push(...(this.#generation?.step(event, this.#context.clock.monotonicMs()) ?? []))
  }

  #submit(bytes: Uint8Array): void {
    this.#generation?.sequencer.submit(readLeaf(decodeEnvelope(bytes), this.#judge), bytes)
    this.#step({ kind: 'tick' })
  }

  async #endOfTurn(): Promise<Decision | null> {
    this.#consider()
    if (this.#maySign) await this.#sign()
    const generation = this.#generation
    const effects = this.#effects
    this.#effects = []
    for (const effect of effects) if (effect.kind === 'final') this.#keepStatements(effect.block.transactions)
    const emit = this.#emit.splice(0)
    const writes: Write[] = this.#writes.splice(0)
    if (generation) {
      this.#indexNews(generation)
      const flushed = generation.sequencer.flush()
      writes.push(...generation.takeWrites(flushed.writes))
      for (const { checkpoint, bytes } of flushed.complete) {
        this.#whole(checkpoint, generation.term.masterNodes)
        this.#later.publish(checkpoint.text, (1 + (generation.seat ?? 0)) * RANK_STEP_MS, this.#statement(bytes))
        this.#context.road.poke()
      }
      for (const bytes of flushed.publish) {
        this.#records.keepShare(bytes)
        emit.push(this.#statement(bytes))
      }
    }
    const cosigned = this.#witness.witness?.flush()
    writes.push(...(cosigned?.writes ?? []), ...this.#records.take())
    for (const bytes of cosigned?.publish ?? []) emit.push(this.#statement(bytes))
    for (const effect of effects) if (effect.kind === 'publish' && effect.rank === 0) emit.push(this.#statement(effect.bytes))
    emit.push(...this.#following.take(effects))
    this.#scheduleWake()
    const news = this.#news.splice(0)
    if (writes.length + emit.length + effects.length + news.length === 0 && !this.#next && !this.#epochBegan) return null
    return { writes, emit, apply: () => this.#apply(effects, news) }
  }

  /** Looks at the newest whole checkpoint as a witness. */
  #consider(): void {
    const generation = this.#generation
    const verdict = generation && this.#maySign ? this.#witness.consider(generation) : null
    if (!generation || !verdict || verdict.kind === 'cosign') return
    this.#context.counters.count(`public.${verdict.kind}.${verdict.code}`)
    if (verdict.kind !== 'fraud') return
    const { newest } = this.#witness.standings
    const { tree } = generation.sequencer.book
    const entry = generation.sequencer.book.entry(verdict.index)
    if (!newest || !entry) return
    const bad = { index: verdict.index, entry, path: tree.inclusion(verdict.index, newest.size) }
    this.#convict(badEntryEvidence(generation.term.masterNodes, newest, bad))
  }

  async #sign(): Promise<void> {
    const { opening } = this.#witness.place
    const signer = await this.#keys.signer(opening.epoch)
    const { clock, road } = this.#context
    const generation = this.#generation
    for (let signed = 0; signed < LIMITS.signingsPerTurnMax; signed++) {
      const block = generation?.simplex?.nextSigning()
      if (block) {
        this.#effects.push(...(generation?.simplex?.seal(await signer.sign(block.message)) ?? []))
        continue
      }
      const draft = generation?.sequencer.next()
      if (draft && generation) {
        generation.sequencer.seal(draft, await signer.sign(draft.message))
        continue
      }
      this.#consider()
      const signable = this.#witness.witness?.next(Math.floor(clock.nowMs() / 1000))
      if (!signable) return
      this.#witness.witness?.seal(signable, await signer.sign(signable.message))
    }
    road.poke()
  }

  #keepStatements(transactions: readonly Uint8Array[]): void {
    const book = this.#generation?.sequencer.book
    for (const bytes of transactions) {
      const { type, body } = decodeEnvelope(bytes)
      const index = type === TYPE.leaf ? book?.indexOf(leafHash(body)) : null
      if (index != null && !this.#records.statement(index)) this.#records.keepStatement(index, bytes)
    }
  }

  /** What has been appended since the last turn. */
  #indexNews({ sequencer: { book } }: Generation): void {
    for (const index of this.#records.index(book)) {
      const body = book.entry(index)
      if (body) this.#news.push({ kind: 'leaf', index, body })
    }
  }

  #apply(effects: readonly SimplexEffect[], news: readonly LogNews[]): void {
    for (const effect of effects) {
      if (effect.kind === 'publish' && effect.rank > 0)
        this.#later.publish(this.#intake.nameOf(effect.bytes), effect.rank * RANK_STEP_MS, this.#statement(effect.bytes))
      if (effect.kind === 'final') this.#context.counters.count('public.blocks')
      if (effect.kind === 'evidence') this.#convictOne(effect.guilty, effect.of, effect.bytes)
      if (effect.kind === 'log-lost') this.#lose()
    }
    if (this.#epochBegan) {
      this.#epochBegan = false
      this.#forget()
      this.#witness = this.#openWitness()
      this.#next = null
    }
    if (this.#next) this.#open(this.#next)
    this.#next = null
    for (const one of news) for (const listen of this.#watchers) listen(one)
  }

  /** The neighborhood has turned: the generation is over, and the next one is voted for. Heard as the epoch's first turn is stored. */
  #onEpoch(): void {
    this.#epochBegan = true
    this.#context.road.poke()
  }

  #openWitness(): PublicWitness {
    const { hood, committee, seat } = this.#agreement
    const { opening } = hood.term
    const before = opening.epoch > 0 ? this.#openingOf(opening.epoch - 1) : null
    const place = { opening, committee, seat, neighborhoods: 1 }
    return new PublicWitness(place, { records: this.#records, store: this.#context.store, judge: this.#judge, before })
  }

  /** Begins a generation; leaves that the one before logged behind what was agreed on are handed in again. */
  #open(beginning: Beginning): void {
    const { opening } = this.#witness.place
    const { keys, store, link, topics, counters, log } = this.#context
    const again = this.#statementsFrom(beginning.base.size)
    this.#forget()
    this.#witness.adopt(beginning)
    const parts = { opening, memberId: keys.id, judge: this.#judge, records: store }
    try {
      const generation = new Generation({ ...parts, generation: beginning.generation, base: beginning.base })
      this.#generation = generation
    } catch (error) {
      log.error({ error }, 'the public log on this disk is another than was agreed on: this node takes no part in it')
      counters.count('public.inconsistent')
      return
    }
    this.#patience.relieved()
    this.#filters = this.#filtersOf(this.#generation.term.masterNodes)
    const failed = (error: unknown): void => counters.count(`unsent.${asWebxError(error).code}`)
    for (const filter of this.#filters) link.subscribe(filter).catch(failed)
    const { generation, epoch } = this.#generation.term
    this.#news.push({ kind: 'generation', generation, epoch, size: beginning.base.size })
    for (const bytes of again) this.#submit(bytes)
    this.#context.road.poke()
  }

  #statementsFrom(size: number): Uint8Array[] {
    const tree = this.#generation?.sequencer.book.tree
    const statements: Uint8Array[] = []
    for (let index = size; index < (tree?.size ?? 0); index++) {
      const bytes = this.#records.statement(index)
      if (bytes) statements.push(bytes)
      this.#records.dropStatement(index)
    }
    return statements
  }

  /** Ends a generation: its lane is forgotten, its log is not. */
  #forget(): void {
    if (!this.#generation) return
    const { link } = this.#context
    for (const filter of this.#filters) link.unsubscribe(filter).catch(() => {})
    this.#writes.push(...forgetLane(this.#context.store, this.#generation.term.masterNodes.cid))
    this.#generation = null
  }

  #filtersOf({ cid }: Committee): string[] {
    const kinds = ['block', 'proof', 'evidence']
    if (this.#witness.place.seat !== null) kinds.push('ballot')
    return kinds.map((kind) => this.#context.topics.committee(cid, kind))
  }

  /** MasterNodes by the digest of their committee, of this epoch or the one before. */
  #masterNodesOf(cid: Uint8Array): Committee | null {
    return this.#intake.masterNodesAmong(cid, this.#witness.place.opening, this.#openingOf)
  }

  #tick(): void {
    const { clock, road } = this.#context
    const nowMs = clock.monotonicMs()
    const generation = this.#generation
    if (generation) this.#step({ kind: 'tick' })
    if (generation && nowMs - this.#missedMs >= CHECKPOINT_MS) {
      this.#missedMs = nowMs
      this.#patience.tick(generation.sequencer.wants())
    }
    if (this.#maySign && (!generation || this.#patience.exhausted)) this.#witness.vote()
    this.#following.tick()
    this.documents.tick()
    if (nowMs - this.#repeatedMs >= REPEAT_MS) {
      this.#repeatedMs = nowMs
      for (const bytes of this.#unfinished()) this.#emit.push(this.#statement(bytes))
    }
    road.poke()
  }

  /** What is said again: votes while nothing is decided, shares of a checkpoint that is not whole, cosignatures that do not suffice. */
  #unfinished(): Uint8Array[] {
    const { standings, voted, place } = this.#witness
    if (place.seat === null) return []
    const isVoting = voted !== null && !this.#generation
    const said = this.#witness.unfinished(isVoting)
    if (voted) said.push(...standings.statements(voted))
    const share = this.#generation && this.#records.share
    if (!share) return said
    const text = this.#intake.textOf(share)
    const statement = this.#generation?.sequencer.statementOf(text)
    if (statement && !standings.checkpoint(text)) said.push(statement)
    return said
  }

  #scheduleWake(): void {
    const { schedule, clock, road } = this.#context
    const atMs = this.#generation?.simplex?.wakeAtMs() ?? Number.POSITIVE_INFINITY
    if (atMs === this.#wakeAtMs) return
    this.#cancelWake()
    this.#cancelWake = (): void => {}
    this.#wakeAtMs = atMs
    if (atMs === Number.POSITIVE_INFINITY) return
    this.#cancelWake = schedule.after(Math.max(1, atMs - clock.monotonicMs()), 'public log', () => {
      this.#wakeAtMs = Number.POSITIVE_INFINITY
      this.#step({ kind: 'tick' })
      road.poke()
    })
  }

  #statement(bytes: Uint8Array): Outgoing {
    return { topic: this.#context.topics.ofStatement(decodeEnvelope(bytes)), bytes }
  }
}
