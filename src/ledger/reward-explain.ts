/**
 * Why did I earn this, why did I not: every unit between the most a seat could earn and what its holder has, with its cause.
 */

import { equal } from '../core/bytes.ts'
import { type AttendedSlot, absencesOf } from './attendance.ts'
import type { Reduction, RewardLine, RewardPolicy } from './reward.ts'
import type { Conviction, Forfeit, Payout, RewardBook } from './reward-book.ts'
import type { Rewards } from './reward-root.ts'

/** One reason, with the evidence for it. */
export type Reason =
  /** Had no seat in that epoch. */
  | { readonly cause: 'no seat' }
  /** Could have earned so much: its share of the budget, by a vote in every block. */
  | {
      readonly cause: 'seat'
      readonly amount: number
      readonly attended: number
      readonly led: number
      readonly blocks: number
    }
  /** `slots`: those without a vote, where the list of attendance is at hand. */
  | { readonly cause: 'absent'; readonly amount: number; readonly slots: readonly number[] }
  /** What is shared, by 32-byte name, and with which other seats. */
  | {
      readonly cause: 'voucher tree' | 'organization'
      readonly amount: number
      readonly name: Uint8Array
      readonly seats: readonly number[]
    }
  /** Until the epoch `until`. */
  | { readonly cause: 'probation'; readonly amount: number; readonly until: number }
  | { readonly cause: 'convicted'; readonly amount: number }
  /** Earned, and paid out at the end of the epoch `until`. */
  | { readonly cause: 'escrow'; readonly amount: number; readonly until: number }
  /** Lost, since its holder was convicted before it was due. */
  | { readonly cause: 'forfeited'; readonly amount: number; readonly conviction: Conviction }
  /** Paid out. */
  | { readonly cause: 'paid'; readonly amount: number; readonly payout: Payout }

/** What an identity earned in an epoch, and why. */
export interface Explanation {
  readonly id: Uint8Array
  readonly epoch: number
  /** 32 bytes each: what was agreed, and what it follows from. */
  readonly root: Uint8Array
  readonly evidence: Uint8Array
  /** In the order in which they apply. */
  readonly reasons: readonly Reason[]
}

/** What is known about an epoch. */
export interface Known {
  readonly rewards: Rewards
  readonly policy: RewardPolicy
  /** Of that epoch; empty where it is not at hand. */
  readonly slots: readonly AttendedSlot[]
  /** As it stands now. */
  readonly book: RewardBook
  /** Made since, as far as they are at hand. */
  readonly payouts: readonly Payout[]
  readonly forfeits: readonly Forfeit[]
}

/** Says why an identity earned what it did in the epoch of these rewards. */
export function explain(id: Uint8Array, known: Known): Explanation {
  const { head, lines, root } = known.rewards
  const isMeant = (each: { readonly id: Uint8Array; readonly epoch: number }): boolean =>
    equal(each.id, id) && each.epoch === head.epoch
  const line = lines.find((each) => equal(each.id, id))
  const later: Reason[] = [
    ...known.book.escrow.filter(isMeant).map(({ amount, dueEpoch }): Reason => {
      return { cause: 'escrow', amount, until: dueEpoch }
    }),
    ...known.payouts.filter(isMeant).map((payout): Reason => ({ cause: 'paid', amount: payout.amount, payout })),
    ...known.forfeits.filter(isMeant).map(({ amount, conviction }): Reason => {
      return { cause: 'forfeited', amount, conviction }
    }),
  ]
  const now = line ? [seatOf(line, known), ...line.reductions.map((taken) => reasonOf(taken, line, known))] : []
  const reasons: readonly Reason[] = line ? [...now, ...later] : [{ cause: 'no seat' }, ...later]
  return { id, epoch: head.epoch, root, evidence: head.evidence, reasons }
}

function seatOf({ most, attended, led }: RewardLine, { rewards }: Known): Reason {
  return { cause: 'seat', amount: most, attended, led, blocks: rewards.head.blocks }
}

function reasonOf({ cause, amount }: Reduction, line: RewardLine, { rewards, policy, slots }: Known): Reason {
  const shared = (by: 'tree' | 'organization') => {
    const others = rewards.lines.filter((each) => each.seat !== line.seat && equal(each[by], line[by]))
    return { amount, name: line[by], seats: others.map(({ seat }) => seat) }
  }
  switch (cause) {
    case 'absent':
      return { cause, amount, slots: absencesOf(slots, line.seat) }
    case 'voucher tree':
      return { cause, ...shared('tree') }
    case 'organization':
      return { cause, ...shared('organization') }
    case 'probation':
      return { cause, amount, until: line.since + policy.probationEpochs }
    case 'convicted':
      return { cause, amount }
  }
}
