/**
 * The parts of a Simplex lane, as its rules share them.
 */

import type { Committee } from '../committee.ts'
import { type Chain, numberOf } from './chain.ts'
import type { Desk } from './desk.ts'
import type { Timing } from './effects.ts'
import type { BlockMark } from './finality.ts'
import type { Leaders } from './leaders.ts'
import type { Outbox } from './outbox.ts'
import type { Pace } from './pace.ts'
import type { LaneLog } from './records.ts'
import type { BlockRules } from './rules.ts'
import type { Slots } from './slots.ts'

/** The newest block that a quorum has finalized, executed here or not. */
export interface FinalMark {
  readonly slot: number
  readonly hash: Uint8Array
  /** The FINALIZE certificate. */
  readonly bytes: Uint8Array
}

export interface Lane {
  readonly committee: Committee
  readonly seat: number | null
  readonly rules: BlockRules
  readonly timing: Timing
  readonly leaders: Leaders
  readonly log: LaneLog
  readonly slots: Slots
  readonly chain: Chain
  readonly outbox: Outbox
  readonly pace: Pace
  /** Null for an observer. */
  readonly desk: Desk | null
  /** Slots above the final one in which a block is notarized. */
  readonly notarized: Set<number>
  /** Slots that have candidates this member may still vote for. */
  readonly undecided: Set<number>
  final: FinalMark | null
  /** F: the first slot that is neither notarized nor skipped nor below a final one. */
  current: number
  /** The highest slot that a certificate was seen of. */
  highest: number
  abstaining: boolean
  /** Something has changed that the rules may follow from. */
  changed: boolean
  /** Time of the newest event; paces the lane and nothing else. */
  nowMs: number
}

/** The desk while this member may sign, else null: nothing is signed after the epoch has ended, or without a complete log. */
export function signingDesk({ desk, abstaining, chain }: Lane): Desk | null {
  return abstaining || chain.executed.ended ? null : desk
}

/** The newest final block, or the beginning. */
export function finalMark({ final, chain }: Lane): BlockMark {
  return final ?? chain.executed
}

/** Number of the newest final slot; -1 where only the beginning is final. */
export function finalSlot(lane: Lane): number {
  return numberOf(finalMark(lane))
}

/** True where a notarized block waits to be final, for which another one may have to follow it. */
export function isUnfinished({ notarized }: Lane): boolean {
  return notarized.size > 0
}

/** True where something is to be ordered by now. */
export function wantsNow({ rules, nowMs }: Lane): boolean {
  const fromMs = rules.wantsAtMs()
  return fromMs !== null && fromMs <= nowMs
}
