/**
 * What the seat of this node owes the neighborhood: its share of a seed, reports, words for newcomers and against the dead. Said once in an epoch each, written down before it is sent.
 *
 * Given the state of the epoch and what is known here alone, this says which words are due; saying them (signing, storing, sending) is `voice.ts`.
 */

import { LIMITS } from '../../core/limits.ts'
import { keyOf, slotName } from '../key.ts'
import { VOUCHERS_MIN } from './membership.ts'
import type { EpochState } from './state.ts'
import type { Decided, Proposal } from './transaction.ts'
import type { Place } from './unlocks.ts'

/** How long a seat waits for the last of the next seats to get ready before it says: close. */
const CLOSE_PATIENCE_MS = 2_000
/** And how long for a quorum of them before it says: plan anew. */
const REPLAN_PATIENCE_MS = 10_000

/** How long the seats whose turn it is to answer for an applicant have before the next ones do. */
const VOUCH_PATIENCE_MS = 1_000

/** What this node knows beside what was ordered. */
export interface Knowledge {
  readonly seat: number
  readonly nowMs: number
  /** This node wishes for the end of the epoch. */
  readonly wantsTurn: boolean
  /** When the seats were planned, in this node's time. */
  readonly plannedMs: number
  readonly suspects: readonly Uint8Array[]
  readonly stuck: readonly Place[]
  /** For how long the first of those who apply has been the first in line, as far as this node saw. */
  readonly waitedMs: number
  /** Whether a word of that name was said. */
  hasSaid(name: string): boolean
  /** Certified here: what a report lists. */
  certifiedAt(place: Place): Uint8Array | null
  openProofs(): readonly Decided[]
}

/** A word that is due. `name` tells it apart from all others of the epoch. */
export type Duty =
  | { readonly name: string; readonly say: Proposal }
  /** The share of the seed needs the verifiable random function first. */
  | { readonly name: string; readonly say: 'turn' }

/** Everything that is due now; what was said before is among it until it is ordered. */
export function dutiesOf(state: EpochState, known: Knowledge): Duty[] {
  const { seat } = known
  const { phase, turning, membership, unlocks } = state
  const duties: Duty[] = []
  const say = (name: string, proposal: Proposal): void => void duties.push({ name, say: proposal })
  if (phase === 'open' && (known.wantsTurn || turning.isWanted) && !turning.hasTurned(seat))
    duties.push({ name: 'turn', say: 'turn' })
  if (phase === 'open' || phase === 'planned') {
    for (const place of known.stuck) {
      if (!unlocks.hasWished(seat, place)) say(`unlock ${nameOf(place)}`, { ...place, kind: 'unlock' })
    }
    for (const place of unlocks.unreported(seat)) {
      say(`report ${nameOf(place)}`, { ...place, kind: 'report', od: known.certifiedAt(place) })
    }
  }
  for (const id of known.suspects) {
    if (!membership.hasAccused(seat, id)) say(`accuse ${keyOf(id)}`, { kind: 'accuse', id })
  }
  const applicant = applicantFor(state, known)
  if (applicant) say('vouch', { kind: 'vouch', id: applicant })
  if (phase === 'planned') {
    const waitedMs = known.nowMs - known.plannedMs
    if (turning.mayClose && !turning.hasClosed(seat) && (turning.isComplete || waitedMs >= CLOSE_PATIENCE_MS))
      say(`close ${turning.plans}`, { kind: 'close' })
    if (!turning.mayClose && !turning.hasReplanned(seat) && waitedMs >= REPLAN_PATIENCE_MS)
      say(`replan ${turning.plans}`, { kind: 'replan' })
  }
  if (phase === 'closing' && !state.hasReported(seat) && !known.hasSaid(reportName(0)))
    duties.push(...closeReports(known.openProofs()))
  return duties
}

/** When patience runs out next, in the time of `nowMs`; null where nothing waits for it. */
export function patienceMs(state: EpochState, plannedMs: number, nowMs: number): number | null {
  if (state.phase !== 'planned') return null
  const due = [plannedMs + CLOSE_PATIENCE_MS, plannedMs + REPLAN_PATIENCE_MS].filter((ms) => ms > nowMs)
  return due.length > 0 ? Math.min(...due) : null
}

/**
 * The first in line is answered for by as many seats as it takes, the next by others: none can answer twice in an epoch, and all at once would be used up by the first who comes. Where those
 * whose turn it is do not, the next ones step in; only then is it the next one's turn, or few seats would answer for many, and for none of them enough.
 */
function applicantFor({ membership, committee }: EpochState, { seat, waitedMs }: Knowledge): Uint8Array | null {
  const [first] = membership.waiting()
  if (!first || membership.hasVouched(seat)) return null
  const count = committee.seats.length
  const distance = (seat + count - ((VOUCHERS_MIN * first.place) % count)) % count
  return waitedMs >= Math.floor(distance / VOUCHERS_MIN) * VOUCH_PATIENCE_MS ? first.entry.id : null
}

function reportName(part: number): string {
  return `close report ${part}`
}

function closeReports(proofs: readonly Decided[]): Duty[] {
  const size = LIMITS.decidedPerTransactionMax
  const parts = Math.max(1, Math.ceil(proofs.length / size))
  return Array.from({ length: parts }, (_, part) => {
    const entries = proofs.slice(part * size, (part + 1) * size).map(({ oid, version, od }) => ({ oid, version, od }))
    return { name: reportName(part), say: { kind: 'close-report', part, parts, entries } }
  })
}

function nameOf({ oid, version }: Place): string {
  return slotName(keyOf(oid), version)
}

/** True for a member that has a place in the next epoch and has not said with which key it will vote. */
export function owesReadiness({ phase, turning }: EpochState, id: Uint8Array): boolean {
  return phase === 'planned' && !turning.isReady(id) && turning.hasPlace(id)
}
