/**
 * Where the public log stands at this node: the generation under way, the node's witness, and how one generation follows the other.
 *
 * A generation begins with the genesis, and then with each decision of the home in which the log is seated; whoever is at home elsewhere follows. Leaves that the one before had logged
 * behind what was agreed on are handed in again.
 */

import type { Committee } from '../consensus/committee.ts'
import type { LogTerm } from '../consensus/publiclog/checkpoint.ts'
import { type LeafJudge, readLeaf } from '../consensus/publiclog/leaf.ts'
import { EMPTY_TREE, leafHash } from '../consensus/publiclog/proof.ts'
import { Patience } from '../consensus/publiclog/redraw.ts'
import { logHomeOf, logHomesOf, logTermOf } from '../consensus/publiclog/term.ts'
import type { SimplexEffect, SimplexEvent } from '../consensus/simplex/effects.ts'
import { forgetLane } from '../consensus/simplex/records.ts'
import { equal } from '../core/bytes.ts'
import { decodeEnvelope, TYPE } from '../core/envelope.ts'
import { asWebxError } from '../core/errors.ts'
import type { Conducted } from '../kernel/agreed.ts'
import type { Context } from '../kernel/context.ts'
import type { Write } from '../kernel/ports.ts'
import { Generation } from './public-generation.ts'
import type { PublicHomes } from './public-homes.ts'
import type { LogNews } from './public-news.ts'
import { type Beginning, PublicRecords } from './public-records.ts'
import { Standings } from './public-standing.ts'
import { PublicWitness } from './public-witness.ts'

const FIRST: Beginning = { generation: 0, epoch: 0, base: EMPTY_TREE, votes: [] }

export class PublicState {
  readonly records: PublicRecords
  readonly judge: LeafJudge
  readonly patience = new Patience()
  /** What the lane wants done, and what is new: for the end of the turn. */
  readonly effects: SimplexEffect[] = []
  readonly news: LogNews[] = []
  readonly #context: Context
  readonly #agreement: Conducted
  readonly #homes: PublicHomes
  #witness: PublicWitness
  #generation: Generation | null = null
  #filters: string[] = []
  #next: Beginning | null = null
  #writes: Write[] = []
  #isGivenUp = false
  /** A generation begins whose lane is followed. */
  onGeneration: (masterNodes: Committee) => void = () => {}

  constructor(context: Context, agreement: Conducted, homes: PublicHomes) {
    this.#context = context
    this.#agreement = agreement
    this.#homes = homes
    const { directory, netId } = context
    this.judge = {
      netId,
      committee: (cid) => {
        const committee = homes.committee(cid)
        // the neighborhoods of today sit as the genesis says, and as their epochs decided: nobody was drawn into them by lot
        return committee && { committee, drawn: false }
      },
      keyAt: (owner, position) => directory.keyAt(owner, position),
    }
    this.records = new PublicRecords(context.store)
    this.#witness = this.#beginEpoch(null)
  }

  /** The generation under way; null between two. */
  get generation(): Generation | null {
    return this.#generation
  }

  get witness(): PublicWitness {
    return this.#witness
  }

  /** Whether this node signs anything here: it votes in its neighborhood, and has lost nothing that it signed for the log. */
  get maySign(): boolean {
    const { committee, seat } = this.#witness.place
    return seat !== null && this.#agreement.voting && !this.records.isLost(committee.epoch)
  }

  /** MasterNodes have shown two views, or more nodes than may lie want others: nothing that still comes of this generation changes that. */
  giveUp(): void {
    this.#isGivenUp = true
  }

  /** The next generation is to be voted for; who has no say in that goes on with this one until it is told. */
  get isOver(): boolean {
    return !this.#generation || (this.#homes.isSeat && (this.#isGivenUp || this.patience.exhausted))
  }

  /** Goes on where an earlier life ended, or with the genesis. */
  begin(): void {
    const { epoch } = this.#witness.place.opening
    const beginning = this.records.beginning ?? FIRST
    if (beginning.epoch === epoch) this.#open(beginning)
  }

  /**
   * A home of the net has begun an epoch. Where the log is seated there, the generation is over, and the next one is voted for; otherwise its members cosign with other keys. Call when
   * the turn is stored in which this happened, so nothing of the old one waits.
   */
  turn(nid: Uint8Array): void {
    if (equal(nid, this.#homes.seat)) {
      this.#forget()
      this.#witness = this.#beginEpoch(this.#witness)
      this.#next = null
      return
    }
    const { standings } = this.#witness
    standings.recount(this.#homes.others.map(logHomeOf))
    if (!equal(nid, this.#homes.own)) return
    this.#witness = this.#openWitness(standings, this.#witness.before)
    if (this.#generation)
      this.#witness.adopt({ generation: this.#generation.term.generation, base: this.#generation.base })
  }

  /** The network has decided; the generation begins with `enter`. */
  decided(beginning: Beginning | null): void {
    const now = this.#generation?.term.generation ?? this.records.beginning?.generation ?? -1
    if (!beginning || beginning.generation <= now || (this.#next?.generation ?? -1) >= beginning.generation) return
    this.#next = beginning
    this.#witness.adopt(beginning)
    this.records.keepBeginning(beginning)
  }

  /** Begins what was decided in the turn that has just been stored. */
  enter(): void {
    if (this.#next) this.#open(this.#next)
    this.#next = null
  }

  /** Something was decided and is not begun. */
  get isDue(): boolean {
    return this.#next !== null
  }

  /** The network shows something of ours that is not on the disk: signs nothing here before the next epoch. */
  lose(): void {
    const { epoch } = this.#witness.place.committee
    if (this.records.isLost(epoch)) return
    this.#context.log.error(
      { epoch },
      'the network shows what this node signed for the public log, and its disk does not',
    )
    this.#context.counters.count('public.abstaining')
    this.records.lose(epoch)
  }

  step(event: SimplexEvent): void {
    this.effects.push(...(this.#generation?.step(event, this.#context.clock.monotonicMs()) ?? []))
  }

  /** Hands in a leaf whose signatures hold. */
  submit(bytes: Uint8Array): void {
    this.#generation?.sequencer.submit(readLeaf(decodeEnvelope(bytes), this.judge), bytes)
    this.step({ kind: 'tick' })
  }

  /** Whose MasterNodes have this digest: the term of this generation, or, while the next one is voted for, of the one before. */
  termOf(cid: Uint8Array): LogTerm | null {
    const current = this.#generation?.term ?? this.#termBefore()
    return current && equal(current.masterNodes.cid, cid) ? current : null
  }

  /** Statements that prove leaves are kept from the blocks that hold them. */
  keepStatements(transactions: readonly Uint8Array[]): void {
    const book = this.#generation?.sequencer.book
    for (const bytes of transactions) {
      const { type, body } = decodeEnvelope(bytes)
      const index = type === TYPE.leaf ? book?.indexOf(leafHash(body)) : null
      if (index != null && !this.records.statement(index)) this.records.keepStatement(index, bytes)
    }
  }

  /** What proves a leaf is kept until it is final, so that no generation begins below it, and this node's witness has looked at it. */
  forgetFinal(): void {
    const { standings, witness } = this.#witness
    const leaves = standings.carried?.network ?? 0
    this.records.forgetStatements(Math.min(leaves, witness?.state.head.size ?? leaves))
  }

  /** What has been appended since the last turn. */
  indexNews(): void {
    const book = this.#generation?.sequencer.book
    if (!book) return
    for (const index of this.records.index(book)) {
      const body = book.entry(index)
      if (body) this.news.push({ kind: 'leaf', index, body })
    }
  }

  /** What is to be stored beside what generation and witness say. */
  takeWrites(): Write[] {
    return [...this.#writes.splice(0), ...this.records.take()]
  }

  /** The public epoch as it is counted, and that of the last generation: what was carried there is the base of the next one. */
  #beginEpoch(last: PublicWitness | null): PublicWitness {
    const { opening, others } = this.#homes
    const standings = new Standings(logHomesOf(opening, others))
    const { epoch } = this.records.beginning ?? FIRST
    const past = epoch < opening.epoch ? epoch : opening.epoch - 1
    const known = [last?.standings, last?.before].find((each) => each?.epoch === past)
    const before = known ? null : past >= 0 && this.#homes.openingOf(past)
    return this.#openWitness(standings, known ?? (before ? new Standings(logHomesOf(before, others)) : null))
  }

  #openWitness(standings: Standings, before: Standings | null): PublicWitness {
    const { committee, seat } = this.#agreement
    const { opening, nids, isSeat } = this.#homes
    const place = { opening, committee, seat, neighborhoods: nids.length, isSeat }
    const { records, judge } = this
    return new PublicWitness(place, { records, store: this.#context.store, judge, standings, before })
  }

  /** Begins a generation; leaves that the one before logged behind what was agreed on are handed in again. */
  #open(beginning: Beginning): void {
    const { opening } = this.#witness.place
    const { keys, store, link, counters, log } = this.#context
    this.#forget()
    this.#witness.adopt(beginning)
    const parts = { opening, memberId: keys.id, judge: this.judge, records: store }
    try {
      const generation = new Generation({ ...parts, generation: beginning.generation, base: beginning.base })
      this.#generation = generation
    } catch (error) {
      log.error({ error }, 'the public log on this disk is another than was agreed on: this node takes no part in it')
      counters.count('public.inconsistent')
      return
    }
    this.patience.relieved()
    this.#isGivenUp = false
    this.onGeneration(this.#generation.term.masterNodes)
    this.#filters = this.#filtersOf(this.#generation.term.masterNodes)
    const failed = (error: unknown): void => counters.count(`unsent.${asWebxError(error).code}`)
    for (const filter of this.#filters) link.subscribe(filter).catch(failed)
    const { generation, epoch } = this.#generation.term
    this.news.push({ kind: 'generation', generation, epoch, size: beginning.base.size })
    if (this.#generation.sequencer.isNew)
      for (const bytes of this.#statementsFrom(beginning.base.size)) this.#submitAgain(bytes)
    this.#context.road.poke()
  }

  /** One that does not hold any more, or not here, takes none of those behind it along. */
  #submitAgain(bytes: Uint8Array): void {
    try {
      this.submit(bytes)
    } catch (error) {
      const { log, counters } = this.#context
      log.warn({ error }, 'a leaf of the generation before was refused when it was handed in again')
      counters.count(`public.refused-again.${asWebxError(error).code}`)
    }
  }

  #statementsFrom(size: number): Uint8Array[] {
    const statements: Uint8Array[] = []
    for (let index = size; ; index++) {
      const bytes = this.records.statement(index)
      if (!bytes) return statements
      statements.push(bytes)
      this.records.keepStatement(index, null)
    }
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
    if (this.#homes.isSeat && this.#witness.place.seat !== null) kinds.push('ballot')
    return kinds.map((kind) => this.#context.topics.committee(cid, kind))
  }

  #termBefore(): LogTerm | null {
    const beginning = this.records.beginning ?? FIRST
    const opening = this.#homes.openingOf(beginning.epoch)
    return opening && logTermOf(opening, beginning.generation)
  }
}
