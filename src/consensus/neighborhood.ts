/**
 * A neighborhood as one of its nodes runs it: the register lane and the Simplex lane of an epoch, and the way from each epoch to the next.
 *
 * A state machine without input or output of its own, like the lanes in it: statements go in, effects come out, `flush` says what must be on the disk before any of them
 * is published, and whoever holds the keys answers what `nextSigning` asks. Production, the simulator and tests drive this same code. A node without a seat follows, and
 * votes for nothing.
 */

import { equal } from '../core/bytes.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { LIMITS } from '../core/limits.ts'
import { type Committee, seatOf } from './committee.ts'
import { CommitteeBook } from './committee-book.ts'
import type { Effect, Records, Write } from './effects.ts'
import { Conduct } from './epoch/conduct.ts'
import { patienceMs } from './epoch/duties.ts'
import { handOverBytes } from './epoch/handover.ts'
import { committeeOfOpening, decodeOpening, encodeOpening, type Opening, openingDigest } from './epoch/opening.ts'
import type { EpochRules } from './epoch/rules.ts'
import type { EpochEvent } from './epoch/state.ts'
import { Succession, type Wanted } from './epoch/succession.ts'
import { Term } from './epoch/term.ts'
import type { Candidature } from './epoch/transaction.ts'
import type { Asked } from './epoch/voice.ts'
import { Journal } from './journal.ts'
import type { NeighborhoodEffect, NeighborhoodEvent } from './neighborhood-effects.ts'
import type { ObjectRules } from './object.ts'
import { batchKey, SPACE } from './records.ts'
import { createRegister, type Register } from './register.ts'
import type { SimplexEffect, Timing } from './simplex/effects.ts'
import type { StateImport } from './state-import.ts'

/** How often a node that is behind asks. */
const BEHIND_MS = 1_000

/** What a neighborhood is made of. */
export interface NeighborhoodOptions<S> {
  /** Opening of the first epoch, from the genesis; later ones are found in the records. */
  readonly anchor: Opening
  /** 32-byte identity of this node. */
  readonly memberId: Uint8Array
  /** Encoded inception event of this node's identity; one that founders and members of the anchor need not show. */
  readonly inception?: Uint8Array
  readonly rules: ObjectRules<S>
  readonly epochRules: EpochRules
  readonly records: Records
  /** Raw Ed25519 key of the organization that admits to this net; null where nobody does. */
  readonly organizationKey?: Uint8Array | null
  readonly tallySeed?: Uint8Array
  readonly timing?: Partial<Timing>
}

/** A neighborhood, restored from its records. Throws `store-damaged` where they contradict themselves. */
export function createNeighborhood<S>(options: NeighborhoodOptions<S>): Neighborhood<S> {
  return new Neighborhood(options)
}

export class Neighborhood<S> {
  readonly register: Register<S>
  /** Committees of this epoch and those before it. */
  readonly book = new CommitteeBook()
  readonly #options: NeighborhoodOptions<S>
  readonly #journal: Journal
  #term: Term
  #effects: NeighborhoodEffect[] = []
  readonly #erased: Write[] = []
  #nowMs = 0
  readonly #conduct: Conduct<S>
  #next: { readonly blocks: number; readonly bytes: Uint8Array; readonly digest: Uint8Array } | null = null
  #asked: 'block' | 'register' | 'voice' | null = null
  #behindMs = Number.NEGATIVE_INFINITY
  #succession = new Succession()
  /** The newest final block. */
  #last: Extract<SimplexEffect, { kind: 'final' }> | null = null

  constructor(options: NeighborhoodOptions<S>) {
    this.#options = options
    const { anchor, records, rules, tallySeed } = options
    this.#journal = new Journal(records)
    let openingBytes = encodeOpening(anchor)
    for (const { value } of records.scan(SPACE.epochOpening)) openingBytes = value
    this.#term = this.#openTerm(openingBytes)
    const { committee, seat } = this.#term
    this.book.add(committeeOfOpening(anchor))
    this.register = createRegister({ committee, seat, rules, records, ...(tallySeed && { tallySeed }) })
    this.#conduct = new Conduct(this.register, options.memberId, options.inception ?? new Uint8Array(0))
    for (const { value } of records.scan(SPACE.handOver)) this.#book(value)
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
        this.#fromBlocks(this.#term.step(event.event))
        break
      case 'transaction':
        if (event.also) this.#fromRegister(this.register.step(event.also, nowMs))
        if (this.#term.add(event.bytes)) this.#fromBlocks(this.#term.step({ kind: 'tick' }))
        break
      case 'hand-over':
        this.#succession.step(event.handOver, event.bytes, nowMs)
        break
      case 'asked':
        this.#answer(event)
        break
      case 'chunk': {
        const state = this.#succession.take(event.epoch, event.index, event.bytes)
        if (state) this.#skipTo(state)
      }
    }
    return this.#settle()
  }

  /** Time has passed. */
  tick(nowMs: number): NeighborhoodEffect[] {
    this.#at(nowMs)
    this.#fromRegister(this.register.step({ kind: 'tick' }, nowMs))
    this.#conduct.considerCheckpoint(this.#term, nowMs)
    for (const bytes of this.#term.repeated()) this.#say(bytes)
    this.#fromBlocks(this.#term.step({ kind: 'tick' }))
    this.#ask()
    return this.#settle()
  }

  /** When to tick next, beside the register's steady beat; null where nothing waits. */
  wakeAtMs(): number | null {
    const { state, plannedMs, simplex } = this.#term
    const due = [
      simplex.wakeAtMs(),
      patienceMs(state, plannedMs, this.#nowMs),
      this.#conduct.checkpointFromMs,
      this.#succession.wakeAtMs(),
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

  /** Statements of an epoch that is not known here were heard. */
  hearUnknownEpoch(nowMs: number): NeighborhoodEffect[] {
    this.#at(nowMs)
    this.#askForHandOver()
    return this.#settle()
  }

  /** The committee whose hand-over leads on from here: that of the epoch under way, or the one that a walk has come to. */
  get standing(): Committee {
    return this.#succession.stand?.committee ?? this.#term.committee
  }

  #at(nowMs: number): void {
    this.#nowMs = nowMs
    this.#term.nowMs = nowMs
  }

  get #isClosed(): boolean {
    return this.#term.state.phase === 'closed' || this.#term.state.phase === 'ended'
  }

  #openTerm(openingBytes: Uint8Array): Term {
    const { memberId, organizationKey, epochRules, timing } = this.#options
    const journal = this.#journal
    const records: Records = {
      get: (space, key) => journal.get(space as never, key),
      scan: (space) => journal.scan(space as never),
    }
    return new Term({
      openingBytes,
      memberId,
      organizationKey: organizationKey ?? null,
      epochRules,
      ...(timing && { timing }),
      journal,
      records,
      known: {
        checkpoint: () => this.#conduct.checkpoint(this.#nowMs),
        holdsSettled: ({ oid, version, od }) => this.register.holdsSettled(oid, version, od),
        nextOpening: () => this.#nextOpening()?.digest ?? null,
        attendance: () => null,
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
          this.#effects.push({ kind: 'convicted', id: event.id })
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

  /** The next opening, once the epoch is closed and the settled state is whole here. */
  #nextOpening(): { readonly bytes: Uint8Array; readonly digest: Uint8Array } | null {
    const { state } = this.#term
    if (!this.#isClosed || this.register.lacking().length > 0) return null
    if (this.#next?.blocks !== state.blocks) {
      const bytes = encodeOpening(state.nextOpening(this.register.stateRoot()))
      this.#next = { blocks: state.blocks, bytes, digest: openingDigest(bytes) }
    }
    return this.#next
  }

  /** The last block is final: begins the next epoch where its opening is known here. */
  #considerEnd(): void {
    const { state } = this.#term
    if (state.phase !== 'ended' || !state.nextDigest) return
    const next = this.#nextOpening()
    if (!next || !equal(next.digest, state.nextDigest)) {
      this.#askForHandOver()
      return
    }
    if (!this.#last?.finality) {
      this.#askForHandOver()
      return
    }
    const { block, finality } = this.#last
    const bytes = handOverBytes(this.#term.committee, block, finality, next.bytes)
    this.#effects.push({ kind: 'say', what: 'hand-over', bytes, rank: this.#rank(state.opening.epoch) })
    const committee = state.nextCommittee()
    const seat = seatOf(committee, this.#options.memberId)
    this.#fromRegister(this.register.enterEpoch(committee, seat))
    this.#begin(next.bytes, bytes, false)
  }

  /** Answers a node that is behind, in turn with the others. */
  #answer({ epoch, chunks, attempt }: Wanted): void {
    const bytes = this.#journal.get(SPACE.handOver, batchKey(epoch))
    const { opening, seat, committee } = this.#term
    if (bytes) this.#effects.push({ kind: 'say', what: 'hand-over', bytes, rank: this.#rank(epoch + attempt) })
    if (epoch !== opening.epoch || seat === null || chunks.length === 0) return
    const count = this.register.chunkCount
    for (const index of chunks.slice(0, LIMITS.stateChunksPerAskMax)) {
      if (index >= count || (index + attempt) % committee.seats.length !== seat) continue
      this.#effects.push({ kind: 'chunk', epoch, index, bytes: this.register.chunk(index) })
    }
  }

  #ask(): void {
    const wanted = this.#succession.wanted(this.#nowMs)
    if (wanted) this.#effects.push({ kind: 'ask', ...wanted })
  }

  /** Everything of the newest epoch's beginning is here: goes on from there. */
  #skipTo(state: StateImport): void {
    const { stands } = this.#succession
    const newest = stands.at(-1)
    if (!newest) return
    for (const { opening, handOver, committee } of stands) {
      this.#journal.put(SPACE.handOver, batchKey(opening.epoch - 1), handOver)
      this.book.add(committee)
    }
    const { committee, openingBytes, handOver } = newest
    const seat = seatOf(committee, this.#options.memberId)
    this.#fromRegister(this.register.enterEpochWith(committee, seat, state))
    this.#begin(openingBytes, handOver, true)
  }

  #begin(openingBytes: Uint8Array, handOver: Uint8Array, skipped: boolean): void {
    const ended = this.#term.committee
    this.#journal.clear(SPACE.epochOpening)
    this.#erased.push(...this.#term.erase())
    this.#term = this.#openTerm(openingBytes)
    const { epoch } = this.#term.opening
    this.#journal.put(SPACE.epochOpening, batchKey(epoch), openingBytes)
    this.#journal.put(SPACE.handOver, batchKey(epoch - 1), handOver)
    this.#succession = new Succession()
    this.#last = null
    this.book.add(this.#term.committee)
    this.#at(this.#nowMs)
    this.#asked = null
    this.#next = null
    this.#conduct.begin()
    const { opening, committee } = this.#term
    this.#effects.push({ kind: 'epoch', opening, committee, ended, skipped })
  }

  #askForHandOver(): void {
    if (this.#nowMs - this.#behindMs < BEHIND_MS) return
    this.#behindMs = this.#nowMs
    const epoch = this.#succession.stand?.opening.epoch ?? this.#term.opening.epoch
    this.#effects.push({ kind: 'ask', epoch, chunks: [], attempt: Math.floor(this.#nowMs / BEHIND_MS) })
  }

  #fromRegister(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'stuck') this.#conduct.stuck(effect)
      this.#effects.push({ kind: 'register', effect })
    }
  }

  #fromBlocks(effects: readonly SimplexEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'final') this.#last = effect
      this.#effects.push({ kind: 'block', effect })
    }
  }

  #say(bytes: Uint8Array): void {
    this.#effects.push({ kind: 'say', what: 'transaction', bytes, rank: 0 })
  }

  /** Settlements of earlier epochs can be read. */
  #book(handOver: Uint8Array): void {
    const { attachment } = decodeEnvelope(handOver)
    this.book.add(committeeOfOpening(decodeOpening(attachment)))
  }

  #rank(turn: number): number {
    const { seat, committee } = this.#term
    const seats = committee.seats.length
    return seat === null ? seats : (seat - (turn % seats) + seats) % seats
  }
}
