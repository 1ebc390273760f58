/**
 * One epoch of a neighborhood at one node: its state, the blocks, the words that this node says in it.
 *
 * Made from the opening and from what earlier lives have stored of the epoch: final blocks are executed again, words are known again.
 */

import { equal } from '../../core/bytes.ts'
import { decodeEnvelope } from '../../core/envelope.ts'
import { type Code, WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { speaks, type VersionRange } from '../../core/versions.ts'
import { type Committee, seatOf } from '../committee.ts'
import type { Records, Write } from '../effects.ts'
import type { Journal } from '../journal.ts'
import { keyOf } from '../key.ts'
import { SPACE } from '../records.ts'
import type { OrderedChange, SharedBook } from '../shared/book.ts'
import { readCandidate } from '../simplex/candidate.ts'
import type { SimplexEffect, SimplexEvent, Timing } from '../simplex/effects.ts'
import { forgetLane, SIMPLEX_SPACE } from '../simplex/records.ts'
import type { FinalBlock } from '../simplex/rules.ts'
import { createSimplex, type Simplex } from '../simplex/simplex.ts'
import { type BlockKnowledge, Blocks, decodeAll } from './blocks.ts'
import { beginningOf, decodeOpening, type Opening } from './opening.ts'
import { type Ordered, type OrderedContext, openOrdered } from './ordered.ts'
import { Pool } from './pool.ts'
import type { EpochRules } from './rules.ts'
import { type EpochEvent, EpochState } from './state.ts'
import { type Decided, isLeaders, transactionDigest } from './transaction.ts'
import { Voice } from './voice.ts'

/** A word that was not ordered is said again after so long, then after pauses that double: where many wait, all of them repeating themselves would make it longer. */
const REPEAT_MS = 2_000
const REPEAT_MS_MAX = 8_000
/** After how long a member says again what somebody else has said and nobody has ordered. */
const HELD_LONG_MS = 4_000

/** What a term is made of. */
export interface TermParts {
  readonly openingBytes: Uint8Array
  readonly memberId: Uint8Array
  /** Wire versions that this node speaks: in an epoch of another it has no seat. */
  readonly versions: VersionRange
  readonly organizationKey: Uint8Array | null
  readonly epochRules: EpochRules
  readonly timing?: Partial<Timing>
  readonly journal: Journal
  readonly records: Records
  /** Shared objects as the epoch began with them. */
  readonly shared: SharedBook
  /** What the register knows. */
  readonly known: Omit<BlockKnowledge, 'executed' | 'attendance'>
  /** See `OrderedContext`. */
  readonly ownerAtOpening: OrderedContext['ownerAtOpening']
  /** Called with what follows from each final block, in order. Not called for blocks of earlier lives. */
  readonly follow: (events: readonly EpochEvent[]) => void
}

/** A node's seat in an epoch; none where it does not speak its version. */
export function seatIn(
  committee: Committee,
  openingBytes: Uint8Array,
  { memberId, versions }: Pick<TermParts, 'memberId' | 'versions'>,
): number | null {
  return speaks(versions, decodeOpening(openingBytes).version) ? seatOf(committee, memberId) : null
}

export class Term {
  readonly openingBytes: Uint8Array
  readonly opening: Opening
  readonly committee: Committee
  readonly seat: number | null
  readonly state: EpochState
  readonly pool = new Pool()
  readonly voice: Voice
  readonly simplex: Simplex
  readonly context: OrderedContext
  /** When the seats were planned, in this node's time; 0 where that was in an earlier life. */
  plannedMs = 0
  readonly #journal: Journal
  readonly #records: Records
  readonly #repeats = new Map<string, { readonly pauseMs: number; readonly nextMs: number }>()
  readonly #fresh: Uint8Array[] = []
  /** By digest: since when a change of a shared object waits here, or was said again. */
  readonly #heldSinceMs = new Map<string, number>()
  nowMs = 0

  constructor(parts: TermParts) {
    const { openingBytes, memberId, versions, organizationKey, epochRules, timing, journal, records, known, follow } =
      parts
    const { shared, ownerAtOpening } = parts
    this.openingBytes = openingBytes
    this.opening = decodeOpening(openingBytes)
    this.state = new EpochState(this.opening, epochRules, shared)
    this.committee = this.state.committee
    this.seat = seatIn(this.committee, openingBytes, { memberId, versions })
    this.context = { committee: this.committee, opening: this.opening, organizationKey, ownerAtOpening }
    this.#journal = journal
    this.#records = records
    this.#replay()
    this.voice = new Voice(this.committee, journal, records.scan(SPACE.said))
    for (const bytes of this.voice.said()) this.add(bytes)
    const executed = (block: FinalBlock, transactions: readonly Ordered[]): void => {
      const events = this.state.execute(block, transactions)
      if (events.some(({ kind }) => kind === 'planned')) this.plannedMs = this.nowMs
      follow(events)
    }
    const { state, pool, context, seat } = this
    this.simplex = createSimplex({
      committee: this.committee,
      seat,
      beginning: beginningOf(openingBytes),
      seed: this.opening.seed,
      records,
      rules: new Blocks({
        state,
        pool,
        context,
        seat,
        known: { ...known, executed, attendance: () => this.#attendance() },
      }),
      ...(timing && { timing }),
    })
  }

  /** Takes in a transaction whose signatures hold, from anyone; false where it tells nothing new. */
  add(bytes: Uint8Array): boolean {
    const digest = transactionDigest(bytes)
    if (this.state.isDone(digest) || this.pool.has(digest) || this.state.phase === 'ended') return false
    const { ordered } = openOrdered(bytes, this.context)
    if (ordered.kind === 'proposal' && isLeaders(ordered.proposal))
      throw new WebxError('bad-transaction', 'only the leader of a block says this, in it')
    if (ordered.kind === 'evidence' && !this.state.membership.mayConvict(ordered.guilty)) return false
    if (ordered.kind === 'attendance') throw new WebxError('bad-transaction', 'only in a block')
    if (ordered.kind === 'shared' && this.refusalOf(ordered) !== null) return false
    if (!this.pool.add({ bytes, ordered }, this.nowMs)) return false
    if (ordered.kind === 'shared') this.#heldSinceMs.set(keyOf(digest), this.nowMs)
    return true
  }

  /** Why a change of a shared object is not taken in now; null where it is. */
  refusalOf({ change, isKnown }: Pick<OrderedChange, 'change' | 'isKnown'>): Code | null {
    return this.state.isOpen ? this.state.shared.refusalOf(change, isKnown) : 'frozen'
  }

  step(event: SimplexEvent): SimplexEffect[] {
    return this.simplex.step(event, this.nowMs)
  }

  /** What this node has said lately, and what it said and was not ordered for a while: to be sent to all. */
  words(): Uint8Array[] {
    const fresh = [...this.#fresh.splice(0), ...this.voice.take()]
    for (const bytes of fresh) {
      this.add(bytes)
      this.#repeats.set(nameOf(bytes), { pauseMs: REPEAT_MS, nextMs: this.nowMs + REPEAT_MS })
    }
    return fresh
  }

  /** Words that were not ordered for a while. */
  repeated(): Uint8Array[] {
    const due: Uint8Array[] = []
    for (const bytes of this.voice.said()) {
      const name = nameOf(bytes)
      if (this.state.isDone(transactionDigest(bytes))) continue
      const said = this.#repeats.get(name)
      if (said && this.nowMs < said.nextMs) continue
      const pauseMs = said ? Math.min(REPEAT_MS_MAX, 2 * said.pauseMs) : REPEAT_MS
      this.#repeats.set(name, { pauseMs, nextMs: this.nowMs + pauseMs })
      this.add(bytes)
      due.push(bytes)
    }
    return due
  }

  /** Changes of others that were not ordered for a while: a few of them, which a leader may have missed. */
  heldLong(): Uint8Array[] {
    const due: Uint8Array[] = []
    if (this.seat === null) return due
    for (const [name, sinceMs] of this.#heldSinceMs) {
      const pending = this.pool.find(name)
      if (!pending) this.#heldSinceMs.delete(name)
      else if (this.nowMs - sinceMs >= HELD_LONG_MS && due.length < LIMITS.sharedRepeatedPerTickMax) {
        this.#heldSinceMs.set(name, this.nowMs)
        due.push(pending.bytes)
      }
    }
    return due
  }

  /** Hands in what needs no signature of this node: a certificate that proves an entry of a report. */
  offer(bytes: Uint8Array): void {
    if (this.add(bytes)) this.#fresh.push(bytes)
  }

  /** True for a certificate that may complete somebody's report. */
  wantsProof(entry: Decided): boolean {
    const { phase, unlocks } = this.state
    if (this.state.isProven(entry)) return false
    return phase === 'closing' || ((phase === 'open' || phase === 'planned') && unlocks.isFrozen(entry))
  }

  /** Forgets all that is stored of the epoch: what is to be written for that. */
  erase(): Write[] {
    this.#journal.clear(SPACE.said)
    this.simplex.flush()
    return [...forgetLane(this.#records, this.committee.cid)]
  }

  /** Puts on record who voted for the newest final block, where more did than is known of. */
  #attendance(): Uint8Array | null {
    const { unrecorded } = this.state
    if (!unrecorded || unrecorded.recorded > 0) return null
    return this.simplex.attendanceOf(unrecorded.slot, unrecorded.hash)
  }

  /** Executes again what earlier lives have executed. */
  #replay(): void {
    for (const { key, value } of this.#records.scan(SIMPLEX_SPACE.block)) {
      if (!equal(key.subarray(0, this.committee.cid.length), this.committee.cid)) continue
      const block = readCandidate(decodeEnvelope(value), this.committee)
      this.state.execute(block, decodeAll(block.transactions, this.context) ?? [])
    }
  }
}

function nameOf(bytes: Uint8Array): string {
  return keyOf(transactionDigest(bytes))
}
