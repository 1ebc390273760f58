/**
 * Rewards of seats for one epoch: a fixed share of a fixed budget for each, out of which only what was done is paid.
 *
 * With B the budget, S blocks and n seats, a point is B / (S·(n+1)): one for each final block that a seat voted for, one for each that it led. The divisor does not
 * depend on who was there, so nobody earns more by another's absence, and more identities never make more money. What one organization or one tree of vouchers
 * earns is capped by what its best seats alone would: ten identities that one answered for earn no more than one.
 *
 * All arithmetic is in integers, rounded down; what nobody earned stays in the pool. Pure: whoever has the attendance, the roster and the policy gets the same lines.
 */

import { equal, toHex } from '../core/bytes.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import type { SeatWork } from './attendance.ts'

/** What is fixed for a net. Percentages are integers. */
export interface RewardPolicy {
  /** Of fees, what is burned. */
  readonly burnPercent: number
  /** For so many epochs after it was admitted a member earns so much. */
  readonly probationEpochs: number
  readonly probationPercent: number
  /** How many epochs what was earned waits for evidence. */
  readonly escrowEpochs: number
  /** Of what a convicted member forfeits, what goes to whoever reported it; the rest is burned. */
  readonly reporterPercent: number
  /** How many seats' worth an organization, and a tree of vouchers, may earn. */
  readonly organizationSeats: number
  readonly treeSeats: number
}

/** The default: 5 % burned, 15 epochs at 10 %, two epochs of escrow. A BranchNet of one organization sets `organizationSeats` to all its seats. */
export const REWARD_POLICY: RewardPolicy = {
  burnPercent: 5,
  probationEpochs: 15,
  probationPercent: 10,
  escrowEpochs: 2,
  reporterPercent: 10,
  organizationSeats: 8,
  treeSeats: 1,
}

/** Who sits in a seat. */
export interface SeatHolder {
  /** 32-byte identity. */
  readonly id: Uint8Array
  readonly organization: Uint8Array
  /** Its tree of vouchers, see `treesOf`. */
  readonly tree: Uint8Array
  /** Epoch in which it was admitted. */
  readonly since: number
}

/** What rewards of an epoch follow from. */
export interface RewardInput {
  readonly epoch: number
  readonly budget: number
  /** Final blocks of the epoch. */
  readonly blocks: number
  /** By seat number; null for a vacant seat, whose share nobody earns. */
  readonly holders: readonly (SeatHolder | null)[]
  /** By seat number. */
  readonly work: readonly SeatWork[]
  /** Identities that were convicted of something in this epoch. */
  readonly convicted: readonly Uint8Array[]
  readonly policy: RewardPolicy
}

/** Why a seat earned less than the most it could, in the order in which it is taken off. */
export const CAUSES = ['absent', 'voucher tree', 'organization', 'probation', 'convicted'] as const
export type Cause = (typeof CAUSES)[number]

/** What was taken off. */
export interface Reduction {
  readonly cause: Cause
  /** At least 1. */
  readonly amount: number
}

/** What one seat earned, and why. `most` less all reductions is `amount`. */
export interface RewardLine extends SeatHolder, SeatWork {
  readonly seat: number
  /** What it would have earned for a vote in every block. */
  readonly most: number
  readonly reductions: readonly Reduction[]
  readonly amount: number
  /** Epoch at whose end it is paid out, if nobody is convicted until then. */
  readonly dueEpoch: number
}

/** The line of every seat that is taken, by seat number. Throws `bad-argument` where the input contradicts itself. */
export function rewardLines(input: RewardInput): RewardLine[] {
  const { epoch, holders, work, policy } = input
  if (work.length !== holders.length || !Number.isSafeInteger(input.budget) || input.budget < 0) {
    throw new WebxError('bad-argument', 'rewards: a budget, and work for each seat')
  }
  const seats = holders.flatMap((holder, seat): Seat[] => {
    const { attended, led } = work[seat] as SeatWork
    if (attended > input.blocks || led > input.blocks) throw new WebxError('bad-argument', 'more work than blocks')
    return holder ? [{ ...holder, seat, attended, led, shares: BigInt(attended + led) * POINT }] : []
  })
  const capped = cap(seats, ({ tree }) => tree, policy.treeSeats)
  const final = cap(capped, ({ organization }) => organization, policy.organizationSeats)
  return seats.map((seat, i) => {
    const worth = (of: Seat | undefined): number => sharesWorth(input, (of as Seat).shares)
    const most = pointsWorth(input, input.blocks + seat.led)
    const earned = worth(final[i])
    const isNew = epoch - seat.since < policy.probationEpochs
    const settled = isNew ? percentOf(earned, policy.probationPercent) : earned
    const isConvicted = input.convicted.some((id) => equal(id, seat.id))
    const amount = isConvicted ? 0 : settled
    const steps = [most, worth(seat), worth(capped[i]), earned, settled, amount]
    const reductions = CAUSES.flatMap((cause, at): Reduction[] => {
      const taken = (steps[at] as number) - (steps[at + 1] as number)
      return taken > 0 ? [{ cause, amount: taken }] : []
    })
    const { shares: _, ...line } = seat
    return { ...line, most, reductions, amount, dueEpoch: epoch + policy.escrowEpochs }
  })
}

/** What so many points are worth: ⌊B·points / (S·(n+1))⌋. A share of a point is counted in millionths. */
export function pointsWorth(of: WorthOf, points: number): number {
  return sharesWorth(of, BigInt(points) * POINT)
}

/** What a point's worth follows from. */
export interface WorthOf extends Pick<RewardInput, 'budget' | 'blocks'> {
  readonly holders: { readonly length: number }
}

const POINT = 1_000_000n

function sharesWorth({ budget, blocks, holders }: WorthOf, shares: bigint): number {
  if (blocks === 0) return 0
  return Number((BigInt(budget) * shares) / (BigInt(blocks) * BigInt(holders.length + 1) * POINT))
}

/** ⌊amount·percent / 100⌋. */
export function percentOf(amount: number, percent: number): number {
  return Number((BigInt(amount) * BigInt(percent)) / 100n)
}

/**
 * Tree of vouchers of everybody, by hexadecimal identity: 32 bytes, the same for all for whom one founder answers, at first hand or through others. A founder, for
 * whom nobody answers, stands apart from those it answers for, or nobody would.
 *
 * @param admitted everybody who was ever admitted; `voucher` is zeros for founders. Those who left belong here, or a tree falls apart into several
 */
export function treesOf(
  admitted: readonly { readonly id: Uint8Array; readonly voucher: Uint8Array }[],
): ReadonlyMap<string, Uint8Array> {
  const vouchers = new Map(admitted.map(({ id, voucher }) => [toHex(id), voucher]))
  const trees = new Map<string, Uint8Array>()
  for (const { id, voucher } of admitted) {
    let root = voucher
    const seen = new Set<string>()
    for (let name = toHex(root); !seen.has(name); name = toHex(root)) {
      seen.add(name)
      const above = vouchers.get(name)
      if (above && !isNobody(above)) root = above
    }
    trees.set(toHex(id), isNobody(voucher) ? id : blake3Of('webx v1 voucher tree', root))
  }
  return trees
}

interface Seat extends SeatHolder, SeatWork {
  readonly seat: number
  /** Millionths of points. */
  readonly shares: bigint
}

/** Seats where no group has more than its best `seatsMax` seats have; a group that has shares that in proportion. */
function cap(seats: readonly Seat[], groupOf: (seat: Seat) => Uint8Array, seatsMax: number): Seat[] {
  const groups = Map.groupBy(seats, (seat) => toHex(groupOf(seat)))
  return seats.map((seat) => {
    const group = groups.get(toHex(groupOf(seat))) as Seat[]
    const descending = group.map(({ shares }) => shares).sort((a, b) => (a < b ? 1 : a > b ? -1 : 0))
    const sum = add(descending)
    const best = add(descending.slice(0, seatsMax))
    return sum > best ? { ...seat, shares: (seat.shares * best) / sum } : seat
  })
}

function add(numbers: readonly bigint[]): bigint {
  return numbers.reduce((sum, each) => sum + each, 0n)
}

function isNobody(id: Uint8Array): boolean {
  return id.every((byte) => byte === 0)
}
