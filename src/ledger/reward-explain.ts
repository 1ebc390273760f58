/**
 * Why did I earn this, why did I not: every unit between the most a seat could earn and what its holder has, with its cause.
 */

import { equal } from '../core/bytes.ts'
import { type AttendedSlot, absencesOf } from './attendance.ts'
import type { Cause, RewardPolicy } from './reward.ts'
import type { Escrowed, Payout, RewardBook } from './reward-book.ts'
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
  | { readonly cause: Cause & 'absent'; readonly amount: number; readonly slots: readonly number[] }
  /** What is shared, by 32-byte name, and with which other seats. */
  | {
      readonly cause: Cause & ('voucher tree' | 'organization')
      readonly amount: number
      readonly name: Uint8Array
      readonly seats: readonly number[]
    }
  /** Until the epoch `until`. */
  | { readonly cause: Cause & 'probation'; readonly amount: number; readonly until: number }
  | { readonly cause: Cause & 'convicted'; readonly amount: number }
  /** Earned, and paid out at the end of the epoch `until`. */
  | { readonly cause: 'escrow'; readonly amount: number; readonly until: number }
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
  /** Made since. */
  readonly payouts: readonly Payout[]
}

/** Says why an identity earned what it did in the epoch of these rewards. */
export function explain(id: Uint8Array, { rewards, policy, slots, book, payouts }: Known): Explanation {
  const { head, root } = rewards
  const said = { id, epoch: head.epoch, root, evidence: head.evidence }
  const paid = payouts.filter((payout) => equal(payout.id, id) && payout.epoch === head.epoch)
  const after = paid.map((payout): Reason => ({ cause: 'paid', amount: payout.amount, payout }))
  const line = rewards.lines.find((each) => equal(each.id, id))
  if (!line) return { ...said, reasons: [{ cause: 'no seat' }, ...after] }
  const { seat, attended, led, most, since } = line
  const sharing = (name: 'tree' | 'organization'): { readonly name: Uint8Array; readonly seats: readonly number[] } => {
    const others = rewards.lines.filter((each) => each.seat !== seat && equal(each[name], line[name]))
    return { name: line[name], seats: others.map((each) => each.seat) }
  }
  const reasons = line.reductions.map(({ cause, amount }): Reason => {
    switch (cause) {
      case 'absent':
        return { cause, amount, slots: absencesOf(slots, seat) }
      case 'voucher tree':
        return { cause, amount, ...sharing('tree') }
      case 'organization':
        return { cause, amount, ...sharing('organization') }
      case 'probation':
        return { cause, amount, until: since + policy.probationEpochs }
      case 'convicted':
        return { cause, amount }
    }
  })
  const waiting = book.escrow.filter((each: Escrowed) => equal(each.id, id) && each.epoch === head.epoch)
  return {
    ...said,
    reasons: [
      { cause: 'seat', amount: most, attended, led, blocks: head.blocks },
      ...reasons,
      ...waiting.map(({ amount, dueEpoch }): Reason => ({ cause: 'escrow', amount, until: dueEpoch })),
      ...after,
      ...forfeited(line.amount, waiting, paid),
    ],
  }
}

/** What was earned and neither waits nor was paid is lost to a conviction since. */
function forfeited(earned: number, waiting: readonly Escrowed[], paid: readonly Payout[]): Reason[] {
  const seats = paid.filter(({ cause }) => cause === 'seat')
  const rest = [...waiting, ...seats].reduce((left, { amount }) => left - amount, earned)
  return rest > 0 ? [{ cause: 'convicted', amount: rest }] : []
}
