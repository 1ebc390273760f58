/**
 * What seats earned in the epochs that are over, out of the hand-overs alone: who sat, who voted for and composed final blocks, who was convicted.
 *
 * Whoever holds the genesis and the hand-overs comes to the same lines, so nobody has to be believed. By default nothing is emitted and every amount is zero: then
 * the points, of which amounts are shares, still say who did what.
 */

import { isSprouts } from './consensus/epoch/division.ts'
import { encodeOpening, type Opening, openingDigest, VACANT } from './consensus/epoch/opening.ts'
import { equal, toHex } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import { seatingRulesOf } from './epochs.ts'
import type { Genesis } from './identity/genesis.ts'
import { assetTable } from './ledger/asset.ts'
import {
  REWARD_POLICY,
  type RewardLine,
  type RewardPolicy,
  rewardLines,
  type SeatHolder,
  treesOf,
} from './ledger/reward.ts'
import { type Closed, type Closing, closeEpoch, emptyBook, type RewardBook } from './ledger/reward-book.ts'
import { type Rewards, rewardsOf } from './ledger/reward-root.ts'

/** Points are counted in millionths, as shares of one are. */
export const POINT = 1_000_000

/** What a net has agreed on: all of it follows from its genesis. */
export interface RewardTerms {
  /** 32-byte asset that is paid: the first of the genesis; zeros where it names none. */
  readonly assetId: Uint8Array
  /** What an epoch adds to the pool. */
  readonly grant: number
  readonly policy: RewardPolicy
}

/** The rewards of one epoch. */
export interface EpochRewards extends Closed {
  /** What the epoch began with, and what followed from it. */
  readonly before: Opening
  readonly after: Opening
  /** The same lines with amounts in millionths of points, whatever a point is worth. */
  readonly points: Rewards
}

/** The terms of the net of a genesis. No genesis grants anything, so nothing is emitted. */
export function rewardTermsOf(genesis: Genesis): RewardTerms {
  const [asset] = assetTable(genesis.assets).values()
  const { perOrganizationMax, seats } = seatingRulesOf(genesis)
  return {
    assetId: asset?.id ?? NO_ASSET,
    grant: 0,
    policy: { ...REWARD_POLICY, organizationSeats: perOrganizationMax ?? seats },
  }
}

/** Closes one epoch after the other. */
export class RewardReplay {
  readonly #terms: RewardTerms
  #book: RewardBook
  #opening: Opening

  /** @param anchor opening of epoch 0, from the genesis */
  constructor(anchor: Opening, terms: RewardTerms) {
    this.#terms = terms
    this.#opening = anchor
    this.#book = emptyBook(terms.assetId, anchor.epoch)
  }

  /** The book as it stands after the epoch that was closed last. */
  get book(): RewardBook {
    return this.#book
  }

  /** The rewards of the epoch that this opening follows. Throws `wrong-epoch` for any other opening, `bad-argument` for one whose attendance is not that of its seats. */
  next(after: Opening): EpochRewards {
    const before = this.#opening
    if (after.epoch !== before.epoch + 1)
      throw new WebxError('wrong-epoch', `epoch ${before.epoch} is closed by another opening`)
    const closing = closingOf(before, after, this.#terms)
    const closed = closeEpoch(this.#book, closing)
    this.#opening = after
    // the pool stays where the epoch was, which pays what was earned in it
    this.#book = isSprouts(after) ? emptyBook(this.#terms.assetId, after.epoch) : closed.book
    return { ...closed, before, after, points: pointsOf(closed.rewards, closing) }
  }
}

/** What the end of an epoch brings in. Hand-overs name who was convicted and not who reported it: what is forfeited is burned. */
function closingOf(before: Opening, after: Opening, { grant, policy }: RewardTerms): Closing {
  const { seats, epoch } = before
  const { attendance, blocks } = after
  if (
    attendance.length !== seats.length ||
    attendance.some(({ id }, seat) => !equal(id, seats[seat]?.memberId ?? NO_ASSET))
  )
    throw new WebxError('bad-argument', `the attendance of epoch ${epoch} is not that of its seats`)
  const evidence = openingDigest(encodeOpening(after))
  return {
    ...{ epoch, blocks, policy, grant, evidence, fees: 0 },
    holders: holdersOf(before),
    work: attendance.map(({ attended, led }) => ({ attended, led })),
    convictions: after.convicted.map((guilty) => ({ guilty, reporter: guilty, evidence })),
  }
}

/** Entries name the founder of their tree right away, so a tree stays one though somebody in its middle has left. */
function holdersOf({ seats, roster }: Opening): (SeatHolder | null)[] {
  const trees = treesOf(roster)
  const entries = new Map(roster.map((entry) => [toHex(entry.id), entry]))
  return seats.map(({ memberId }) => {
    const entry = equal(memberId, VACANT.id) ? undefined : entries.get(toHex(memberId))
    if (!entry) return null
    const { id, organization, since } = entry
    return { id, organization, since, tree: trees.get(toHex(id)) ?? id }
  })
}

/** The lines of a budget of which every point is a whole unit. */
function pointsOf({ head }: Rewards, closing: Closing): Rewards {
  const { blocks, holders, convictions } = closing
  const budget = blocks * (holders.length + 1) * POINT
  const lines = rewardLines({ ...closing, budget, convicted: convictions.map(({ guilty }) => guilty) })
  return rewardsOf({ ...head, budget }, lines)
}

/** All that was earned by these lines. */
export function sumOf(lines: readonly Pick<RewardLine, 'amount'>[]): number {
  return lines.reduce((sum, { amount }) => sum + amount, 0)
}

const NO_ASSET = new Uint8Array(32)
