/**
 * From one epoch to the next: what ends this one and opens that, for this node and, by its answers, for those who were not there.
 */

import { equal } from '../../core/bytes.ts'
import { decodeEnvelope } from '../../core/envelope.ts'
import { LIMITS } from '../../core/limits.ts'
import { type Committee, turnOf } from '../committee.ts'
import type { CommitteeBook } from '../committee-book.ts'
import type { Journal } from '../journal.ts'
import type { NeighborhoodEffect, NeighborhoodEvent } from '../neighborhood-effects.ts'
import { batchKey, SPACE } from '../records.ts'
import type { Register } from '../register.ts'
import type { SimplexEffect } from '../simplex/effects.ts'
import { emptyStateRoot, type SettledObject } from '../statetree.ts'
import { isSameEnd, type Openings } from './division.ts'
import { type HandOver, handOverBytes, type Passed, readHandOver, wayOf } from './handover.ts'
import { committeeOfOpening, decodeOpening, encodeOpening, openingDigest } from './opening.ts'
import { type Stand, Succession, type Wanted } from './succession.ts'
import type { Term } from './term.ts'

/** How often a node that is behind asks. */
const BEHIND_MS = 1_000
/** After so many questions it is not waited for an answer that would hold nothing. */
const VAIN_ASKS = 4

/** What the next epoch begins with, as bytes and as the digests that name them. */
interface Next {
  readonly bytes: Openings<Uint8Array>
  readonly digests: Openings<Uint8Array>
}

/** Where a walk has ended, and the objects that the epoch began with. */
export interface Arrived {
  readonly stand: Stand
  readonly objects: Iterable<SettledObject>
}

export class Passage<S> {
  readonly #register: Register<S>
  readonly #journal: Journal
  readonly #book: CommitteeBook
  #succession = new Succession()
  #next: (Next & { readonly blocks: number }) | null = null
  /** The newest final block. */
  #last: Extract<SimplexEffect, { kind: 'final' }> | null = null
  readonly #walker: Uint8Array | null
  #askedMs = Number.NEGATIVE_INFINITY

  /** @param walker whoever goes on into the sprout where it belongs there; null for one that stays with the stem */
  constructor(register: Register<S>, journal: Journal, book: CommitteeBook, walker: Uint8Array | null) {
    this.#register = register
    this.#walker = walker
    this.#journal = journal
    this.#book = book
    for (const { value } of journal.scan(SPACE.handOver)) {
      book.add(committeeOfOpening(decodeOpening(decodeEnvelope(value).attachment)))
    }
  }

  /** Another epoch has begun. */
  begin({ opening, openingBytes, committee }: Term, handOver: Uint8Array): void {
    this.#journal.clear(SPACE.epochOpening)
    this.#journal.put(SPACE.epochOpening, batchKey(opening.epoch), openingBytes)
    this.#journal.put(SPACE.handOver, batchKey(opening.epoch - 1), handOver)
    this.#book.add(committee)
    this.#succession = new Succession()
    this.#next = null
    this.#last = null
  }

  /** Where a walk along hand-overs has come to; null for a node that does not walk. */
  get stand(): Stand | null {
    return this.#succession.stand
  }

  wakeAtMs(): number | null {
    return this.#succession.wakeAtMs()
  }

  final(effect: Extract<SimplexEffect, { kind: 'final' }>): void {
    this.#last = effect
  }

  /** The next openings, once the epoch is closed and the settled state is whole here. */
  nextOpening({ state }: Term): Next | null {
    const isClosed = state.phase === 'closed' || state.phase === 'ended'
    if (!isClosed || this.#register.lacking().length > 0) return null
    if (this.#next?.blocks !== state.blocks) {
      const { own, sprout } = state.nextOpenings(this.#register.stateRoot())
      const bytes = { own: encodeOpening(own), sprout: sprout && encodeOpening(sprout) }
      const digests = { own: openingDigest(bytes.own), sprout: bytes.sprout && openingDigest(bytes.sprout) }
      this.#next = { blocks: state.blocks, bytes, digests }
    }
    return this.#next
  }

  /** What opens the next epoch, where the last block is final and this node can tell; asks the others where it cannot. */
  passed(term: Term, nowMs: number): Passed | NeighborhoodEffect[] {
    const { state, committee } = term
    if (state.phase !== 'ended' || !state.nextDigests) return []
    const next = this.nextOpening(term)
    const { own, sprout } = state.nextDigests
    if (!next || !isSameEnd({ opening: own, sprout }, next.digests) || !this.#last?.finality)
      return this.lacks(term, nowMs)
    const { block, finality } = this.#last
    const handOver = handOverBytes(committee, block, finality, next.bytes.own, next.bytes.sprout)
    return wayOf(readHandOver(decodeEnvelope(handOver), committee), handOver, this.#walker)
  }

  /** This node is behind: a question to the others, now and then. */
  lacks({ opening }: Term, nowMs: number): NeighborhoodEffect[] {
    if (nowMs - this.#askedMs < BEHIND_MS) return []
    this.#askedMs = nowMs
    const { nid, epoch } = this.#succession.stand?.opening ?? opening
    return [{ kind: 'ask', nid, epoch, chunks: [], attempt: Math.floor(nowMs / BEHIND_MS) }]
  }

  /** A verified hand-over came, from the epoch under way or from where a walk has come to. A node that has seen a block of the epoch under way may come to its end by itself. */
  walk({ state }: Term, handOver: HandOver, bytes: Uint8Array, nowMs: number): void {
    this.#succession.step(wayOf(handOver, bytes, this.#walker), nowMs, state.blocks > 0)
  }

  /** What begins with no objects is come to though nobody answers: where all who belong there are on their way nobody can. */
  unanswered(): Arrived | null {
    const { stand, asks } = this.#succession
    const isDue = stand && asks >= VAIN_ASKS && equal(stand.opening.stateRoot, emptyStateRoot())
    return isDue ? this.#arrived(stand, []) : null
  }

  /** What a walk wants to know next. */
  wanted(nowMs: number): NeighborhoodEffect[] {
    const { stand } = this.#succession
    const wanted = this.#succession.wanted(nowMs)
    return stand && wanted ? [{ kind: 'ask', nid: stand.opening.nid, ...wanted }] : []
  }

  /** Takes in a chunk of a state; where it was the last one, the walk is at its end. */
  arrive({ epoch, index, bytes }: Extract<NeighborhoodEvent, { kind: 'chunk' }>): Arrived | null {
    const state = this.#succession.take(epoch, index, bytes)
    const { stand } = this.#succession
    return state && stand && this.#arrived(stand, state.objects())
  }

  /** Writes down all that leads to where the walk has come to. */
  #arrived(stand: Stand, objects: Arrived['objects']): Arrived {
    for (const { opening, handOver, committee } of this.#succession.stands) {
      this.#journal.put(SPACE.handOver, batchKey(opening.epoch - 1), handOver)
      this.#book.add(committee)
    }
    return { stand, objects }
  }

  /** Answers a node that is behind, in turn with the others. */
  answer({ opening, seat, committee }: Term, { epoch, chunks, attempt }: Wanted): NeighborhoodEffect[] {
    const effects: NeighborhoodEffect[] = []
    const bytes = this.#journal.get(SPACE.handOver, batchKey(epoch))
    const rank = turnOf(committee, seat, epoch + attempt)
    if (bytes && rank !== null) effects.push({ kind: 'say', what: 'hand-over', bytes, rank })
    if (epoch !== opening.epoch || seat === null) return effects
    const count = this.#register.chunkCount
    for (const index of chunks.slice(0, LIMITS.stateChunksPerAskMax)) {
      if (index >= count || turnOf(committee, seat, index + attempt) !== 0) continue
      effects.push({ kind: 'chunk', epoch, index, bytes: this.#register.chunk(index) })
    }
    return effects
  }
}

/** True for what `passed` returns where another epoch begins. */
export function isPassed(answer: Passed | NeighborhoodEffect[]): answer is Passed {
  return !Array.isArray(answer)
}

/** The committee whose hand-over leads on from here. */
export function standingOf(term: Term, stand: Stand | null): Committee {
  return stand?.committee ?? term.committee
}
