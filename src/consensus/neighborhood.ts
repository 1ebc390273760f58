/**
 * A neighborhood as one of its nodes runs it: the register lane and the Simplex lane of an epoch, and the way from each epoch to the next.
 *
 * A state machine without input or output of its own, like the lanes in it: statements go in, effects come out, `flush` says what must be on the disk before any of them
 * is published, and whoever holds the keys answers what `nextSigning` asks. Production, the simulator and tests drive this same code. A node without a seat follows, and votes for nothing.
 */

import { equal } from '../core/bytes.ts'
import { SPOKEN } from '../core/versions.ts'
import { type Committee, turnOf } from './committee.ts'
import { CommitteeBook } from './committee-book.ts'
import type { Effect, Write } from './effects.ts'
import { Conduct, type Self } from './epoch/conduct.ts'
import { patienceMs } from './epoch/duties.ts'
import type { Passed } from './epoch/handover.ts'
import { committeeOfOpening, decodeOpening, encodeOpening } from './epoch/opening.ts'
import { type Arrived, isPassed, Passage, standingOf } from './epoch/passage.ts'
import type { EpochEvent } from './epoch/state.ts'
import { seatIn, Term } from './epoch/term.ts'
import type { Candidature } from './epoch/transaction.ts'
import type { Asked } from './epoch/voice.ts'
import { Journal } from './journal.ts'
import type { NeighborhoodEffect, NeighborhoodEvent } from './neighborhood-effects.ts'
import type { NeighborhoodOptions } from './neighborhood-options.ts'
import type { ObjectRules } from './object.ts'
import { SPACE } from './records.ts'
import { createRegister, type Register } from './register.ts'
import { SharedShelf } from './shared/shelf.ts'
import type { SimplexEffect } from './simplex/effects.ts'
import type { SettledObject } from './statetree.ts'

/** A neighborhood, restored from its records. Throws `store-damaged` where they contradict themselves. */
export function createNeighborhood<S>(options: NeighborhoodOptions<S>): Neighborhood<S> {
  return new Neighborhood(options)
}

export class Neighborhood<S> {
  readonly register: Register<S>
  /** Committees of this epoch and those before it. */
  readonly book = new CommitteeBook()
  readonly #options: NeighborhoodOptions<S>
  readonly #self: Self
  readonly #journal: Journal
  readonly #shelf: SharedShelf
  #term: Term
  #effects: NeighborhoodEffect[] = []
  readonly #erased: Write[] = []
  #nowMs = 0
  readonly #conduct: Conduct<S>
  readonly #passage: Passage<S>
  #asked: 'block' | 'register' | 'voice' | null = null

  constructor(options: NeighborhoodOptions<S>) {
    this.#options = options
    this.#self = { inception: new Uint8Array(0), versions: SPOKEN, ...options }
    const { anchor, records, tallySeed } = options
    this.#journal = new Journal(records)
    let openingBytes = encodeOpening(anchor)
    for (const { value } of records.scan(SPACE.epochOpening)) openingBytes = value
    this.#shelf = new SharedShelf(this.#journal)
    const committee = committeeOfOpening(decodeOpening(openingBytes))
    const seat = seatIn(committee, openingBytes, this.#self)
    this.book.add(committeeOfOpening(anchor))
    const shared = (): Term['state']['shared'] => this.#term.state.shared
    const beside = { settled: () => shared().settled(), opened: () => shared().opened() }
    const lane = { committee, seat, rules: this.#rulesOf(committee.nid), records, beside }
    this.register = createRegister({ ...lane, ...(tallySeed && { tallySeed }) })
    this.#term = this.#openTerm(openingBytes)
    this.#conduct = new Conduct(this.register, this.#self)
    this.#passage = new Passage(this.register, this.#journal, this.book, options.staysHome ? null : options.memberId)
  }

  /** The epoch under way: its opening, committee, state, blocks. */
  get term(): Term {
    return this.#term
  }

  /** Takes in what happened. `nowMs` paces repetition and patience; no vote depends on it. */
  step(event: NeighborhoodEvent, nowMs: number): NeighborhoodEffect[] {
    this.#at(nowMs)
    switch (event.kind) {
      case 'register':
        this.#fromRegister(this.register.step(event.event, nowMs))
        break
      case 'block':
        if (equal(event.cid, this.#term.committee.cid)) this.#fromBlocks(this.#term.step(event.event))
        break
      case 'transaction':
        if (event.also) this.#fromRegister(this.register.step(event.also, nowMs))
        if (equal(event.cid, this.#term.committee.cid) && this.#term.add(event.bytes))
          this.#fromBlocks(this.#term.step({ kind: 'tick' }))
        break
      case 'hand-over':
        if (equal(event.cid, this.standing.cid)) this.#passage.walk(this.#term, event.handOver, event.bytes, nowMs)
        break
      case 'asked':
        this.#effects.push(...this.#passage.answer(this.#term, event))
        break
      case 'chunk':
        this.#arrive(this.#passage.arrive(event))
    }
    return this.#settle()
  }

  /** Time has passed. */
  tick(nowMs: number): NeighborhoodEffect[] {
    this.#at(nowMs)
    this.#fromRegister(this.register.step({ kind: 'tick' }, nowMs))
    this.#conduct.considerCheckpoint(this.#term, nowMs)
    for (const bytes of this.#term.repeated()) this.#say(bytes)
    for (const bytes of this.#term.heldLong()) this.#say(bytes, turnOf(this.#term.committee, this.#term.seat, 0) ?? 0)
    this.#fromBlocks(this.#term.step({ kind: 'tick' }))
    this.#effects.push(...this.#passage.wanted(nowMs))
    this.#arrive(this.#passage.unanswered())
    return this.#settle()
  }

  /** When to tick next, beside the register's steady beat; null where nothing waits. */
  wakeAtMs(): number | null {
    const { state, plannedMs, simplex } = this.#term
    const due = [
      simplex.wakeAtMs(),
      patienceMs(state, plannedMs, this.#nowMs),
      this.#conduct.nextCheckpointMs(this.#nowMs),
      this.#passage.wakeAtMs(),
    ]
    const times = due.filter((ms) => ms !== null)
    return times.length > 0 ? Math.min(...times) : null
  }

  /** This node wishes for the end of the epoch. */
  wantTurn(): NeighborhoodEffect[] {
    this.#conduct.wantTurn()
    return this.#settle()
  }

  /** A member does not answer this node any more; or does again. */
  suspect(id: Uint8Array, isDead: boolean): NeighborhoodEffect[] {
    this.#conduct.suspect(id, isDead)
    return this.#settle()
  }

  /** Says something of this node's own place: that it wants in, or out. */
  declare(candidature: Candidature): NeighborhoodEffect[] {
    const { nid, epoch } = this.#term.opening
    const { memberId } = this.#options
    this.#term.voice.candidate(candidature.kind, { nid, epoch, id: memberId, candidature })
    return this.#settle()
  }

  /** This node belongs to the neighborhood, with a seat or as a spare. */
  get isMember(): boolean {
    return this.#term.opening.roster.some(({ id }) => equal(id, this.#options.memberId))
  }

  /** Something waits to be signed, beside votes on orders. */
  get isSpeaking(): boolean {
    return this.#term.voice.isWaiting || this.#term.simplex.sizes.queued > 0
  }

  /** What was asked last is a signature under votes on orders. */
  get isVoting(): boolean {
    return this.#asked === 'register'
  }

  /** What somebody who holds the keys must answer next; null where nothing is asked, or an answer is awaited. `withVotes`: votes on orders, too. */
  nextSigning(withVotes = true): Asked | null {
    if (this.#asked) return null
    const { simplex, committee, voice, state } = this.#term
    const epoch = committee.epoch
    const block = simplex.nextSigning()
    if (block) {
      this.#asked = 'block'
      return { with: 'epoch-key', epoch, message: block.message }
    }
    const isOpen = state.phase === 'open' || state.phase === 'planned'
    const votes = isOpen && withVotes ? this.register.nextBatch() : null
    if (votes) {
      this.#asked = 'register'
      return { with: 'epoch-key', epoch, message: votes.message }
    }
    const word = voice.next()
    if (word) this.#asked = 'voice'
    return word
  }

  /** The answer to what `nextSigning` asked: a signature, a proof, a public key. */
  seal(answer: Uint8Array): NeighborhoodEffect[] {
    const asked = this.#asked
    this.#asked = null
    if (asked === 'block') this.#fromBlocks(this.#term.simplex.seal(answer))
    if (asked === 'register') this.#fromRegister(this.register.sealBatch(answer))
    if (asked === 'voice') this.#term.voice.answer(answer)
    return this.#settle()
  }

  /** All changes since the last call, to be stored together before anything that came out meanwhile is published. */
  flush(): Write[] {
    return [
      ...this.#erased.splice(0),
      ...this.#journal.flush(),
      ...this.register.flush(),
      ...this.#term.simplex.flush(),
    ]
  }

  /** Statements of an epoch that is not known here were heard, or might have been: asks the others, now and then. */
  hearUnknownEpoch(nowMs: number): NeighborhoodEffect[] {
    this.#at(nowMs)
    this.#effects.push(...this.#passage.lacks(this.#term, nowMs))
    return this.#settle()
  }

  /** The committee whose hand-over leads on from here: that of the epoch under way, or the one that a walk has come to. */
  get standing(): Committee {
    return standingOf(this.#term, this.#passage.stand)
  }

  #at(nowMs: number): void {
    this.#nowMs = nowMs
    this.#term.nowMs = nowMs
  }

  #rulesOf(nid: Uint8Array): ObjectRules<S> {
    const { rules } = this.#options
    return typeof rules === 'function' ? rules(nid) : rules
  }

  #openTerm(openingBytes: Uint8Array): Term {
    const { organizationKey, epochRules, timing, kin } = this.#options
    const opening = decodeOpening(openingBytes)
    return new Term({
      openingBytes,
      ...this.#self,
      organizationKey: organizationKey ?? null,
      epochRules,
      shared: this.#shelf.open(opening),
      ownerAtOpening: (owner) => this.register.ownerAtOpening(owner),
      ...(timing && { timing }),
      journal: this.#journal,
      records: this.#journal.records,
      known: {
        checkpoint: () => this.#conduct.checkpoint(this.#nowMs),
        holdsSettled: ({ oid, version, od }) => this.register.holdsSettled(oid, version, od),
        nextOpening: () => this.#passage.nextOpening(this.#term)?.digests ?? null,
        kin: kin?.(opening.nid) ?? null,
      },
      follow: (events) => this.#obey(events),
    })
  }

  /** Does what final blocks ask for. */
  #obey(events: readonly EpochEvent[]): void {
    for (const event of events) {
      switch (event.kind) {
        case 'frozen':
          this.register.freeze(event.place.oid, event.place.version)
          break
        case 'unlocked': {
          const { oid, version, od } = event.outcome
          this.#conduct.unlocked(event.outcome)
          this.#fromRegister(this.register.resolve(oid, version, od ? { od } : 'void'))
          break
        }
        case 'covered':
          this.#conduct.covered(this.#nowMs)
          for (const { oid, version, od } of event.entries) this.#fromRegister(this.register.cover(oid, version, od))
          break
        case 'closing':
          this.register.freezeAll()
          break
        case 'closed':
          this.#fromRegister(this.register.close(event.entries))
          break
        case 'convicted':
        case 'shared':
          this.#effects.push(event)
      }
    }
  }

  /** Everything that follows from what was taken in: words that are due, words that were signed, the next epoch. */
  #settle(): NeighborhoodEffect[] {
    this.#conduct.speak(this.#term)
    const words = this.#term.words()
    for (const bytes of words) this.#say(bytes)
    if (words.length > 0) this.#fromBlocks(this.#term.step({ kind: 'tick' }))
    this.#considerEnd()
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** The last block is final: begins the next epoch where its opening is known here. */
  #considerEnd(): void {
    const passed = this.#passage.passed(this.#term, this.#nowMs)
    if (!isPassed(passed)) return void this.#effects.push(...passed)
    const { committee, seat, opening } = this.#term
    const rank = turnOf(committee, seat, opening.epoch)
    if (rank !== null) this.#effects.push({ kind: 'say', what: 'hand-over', bytes: passed.handOver, rank })
    // a sprout begins with no objects
    this.#begin(passed, equal(passed.opening.nid, opening.nid) ? null : [], false)
  }

  /** All of the state with which the newest epoch began is here: goes on from there. */
  #arrive(arrived: Arrived | null): void {
    if (arrived) this.#begin(arrived.stand, arrived.objects, true)
  }

  /** Another epoch begins. `objects`: those that it begins with, where they are not the ones that are here. */
  #begin({ opening, openingBytes, handOver }: Passed, objects: Iterable<SettledObject> | null, skipped: boolean): void {
    const ended = this.#term.committee
    const committee = committeeOfOpening(opening)
    const seat = seatIn(committee, openingBytes, this.#self)
    if (!objects) {
      this.#shelf.turn(this.#term.state.shared)
      this.#fromRegister(this.register.enterEpoch(committee, seat))
    } else {
      const own = this.#shelf.replace(objects)
      this.#fromRegister(this.register.enterEpochWith(committee, seat, own, this.#rulesOf(opening.nid)))
    }
    this.#erased.push(...this.#term.erase())
    this.#term = this.#openTerm(openingBytes)
    this.#passage.begin(this.#term, handOver)
    this.#conduct.begin()
    this.#at(this.#nowMs)
    this.#asked = null
    this.#effects.push({ kind: 'epoch', opening, committee, ended, skipped })
  }

  #fromRegister(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'stuck') this.#conduct.stuck(effect)
      this.#effects.push({ kind: 'register', effect })
    }
  }

  #fromBlocks(effects: readonly SimplexEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'final') this.#passage.final(effect)
      this.#effects.push({ kind: 'block', effect })
    }
  }

  #say(bytes: Uint8Array, rank = 0): void {
    this.#effects.push({ kind: 'say', what: 'transaction', bytes, rank })
  }
}
