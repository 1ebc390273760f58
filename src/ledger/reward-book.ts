/**
 * The reward book of a neighborhood: the pool, what waits in escrow, what was burned. Whatever enters it leaves it by name.
 *
 * At the end of an epoch: fees and grant come in, part of the fees is burned; whoever was convicted forfeits what waits for it, a part to whoever reported it, the rest is
 * burned; what waited long enough is paid out; the pool is the budget of this epoch's lines, and what they leave stays in it. By default there is no grant: nothing is
 * emitted, and nobody earns what nobody paid.
 */

import { compare, equal } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { percentOf, type RewardInput, rewardLines } from './reward.ts'
import { type Rewards, rewardsOf } from './reward-root.ts'

/** What was earned and is not paid out. */
export interface Escrowed {
  readonly id: Uint8Array
  /** Epoch in which it was earned. */
  readonly epoch: number
  readonly amount: number
  readonly dueEpoch: number
}

/** Money that a neighborhood keeps, of one asset. */
export interface RewardBook {
  readonly assetId: Uint8Array
  /** The first epoch that has not been closed. */
  readonly epoch: number
  readonly pool: number
  readonly burned: number
  /** Ascending by epoch, then by identity. */
  readonly escrow: readonly Escrowed[]
}

/** Somebody signed what the rules forbid. */
export interface Conviction {
  readonly guilty: Uint8Array
  readonly reporter: Uint8Array
  /** 32-byte digest of the evidence. */
  readonly evidence: Uint8Array
}

/** Money that goes to an identity's account, and why. */
export interface Payout {
  readonly id: Uint8Array
  readonly amount: number
  readonly cause: 'seat' | 'report'
  /** In which it was earned; of a report, in which it was made. */
  readonly epoch: number
  /** 32-byte digest of what convicted; empty for a seat, whose evidence is its line in that epoch's rewards. */
  readonly evidence: Uint8Array
}

/** What was earned and lost again. */
export interface Forfeit {
  readonly id: Uint8Array
  readonly amount: number
  /** In which it was earned. */
  readonly epoch: number
  readonly conviction: Conviction
}

/** What the end of an epoch brings in. */
export interface Closing extends Omit<RewardInput, 'budget' | 'convicted'> {
  /** Paid by users in this epoch. */
  readonly fees: number
  /** Handed in by whoever may issue; 0 by default. */
  readonly grant: number
  /** In their order on the chain; the first to report somebody is the one. */
  readonly convictions: readonly Conviction[]
  /** 32-byte digest of the attendance. */
  readonly evidence: Uint8Array
}

/** The end of an epoch. */
export interface Closed {
  readonly book: RewardBook
  readonly rewards: Rewards
  readonly payouts: readonly Payout[]
  readonly forfeits: readonly Forfeit[]
}

/** The book of a neighborhood that begins with an epoch. */
export function emptyBook(assetId: Uint8Array, epoch = 0): RewardBook {
  return { assetId, epoch, pool: 0, burned: 0, escrow: [] }
}

/** Closes the next epoch of a book. Throws `wrong-epoch` for any other, `bad-amount`, `limit`, `bad-argument`. */
export function closeEpoch(book: RewardBook, closing: Closing): Closed {
  const { epoch, fees, grant, policy, holders, blocks, evidence } = closing
  if (epoch !== book.epoch) throw new WebxError('wrong-epoch', `epoch ${epoch} of a book that stands at ${book.epoch}`)
  if (![fees, grant].every((amount) => Number.isSafeInteger(amount) && amount >= 0)) {
    throw new WebxError('bad-amount', 'fees and grant are amounts')
  }
  const burnedFees = percentOf(fees, policy.burnPercent)
  const budget = book.pool + fees - burnedFees + grant
  if (!Number.isSafeInteger(budget)) throw new WebxError('bad-amount', 'the pool has left the range of amounts')
  const judged = forfeit(book.escrow, closing)
  const due = judged.escrow.filter(({ dueEpoch }) => dueEpoch <= epoch)
  const convicted = closing.convictions.map(({ guilty }) => guilty)
  const lines = rewardLines({ ...closing, budget, convicted })
  const earned = lines.flatMap(({ id, amount, dueEpoch }) => (amount > 0 ? [{ id, epoch, amount, dueEpoch }] : []))
  const escrow = [...judged.escrow.filter(({ dueEpoch }) => dueEpoch > epoch), ...earned].sort(byEpoch)
  if (escrow.length > LIMITS.rewardEscrowMax) throw new WebxError('limit', 'too much waits in escrow')
  const paid = due.map(({ id, amount, epoch }): Payout => ({ id, amount, cause: 'seat', epoch, evidence: NOTHING }))
  return {
    book: {
      assetId: book.assetId,
      epoch: epoch + 1,
      pool: budget - sumOf(earned),
      burned: book.burned + burnedFees + judged.burned,
      escrow,
    },
    rewards: rewardsOf({ assetId: book.assetId, epoch, budget, blocks, seats: holders.length, evidence }, lines),
    payouts: [...judged.payouts, ...paid],
    forfeits: judged.forfeits,
  }
}

/** All that is in a book: what accounts do not hold. */
export function stockOf({ assetId, pool, burned, escrow }: RewardBook): { assetId: Uint8Array; amount: number } {
  return { assetId, amount: pool + burned + sumOf(escrow) }
}

/** Bytes of a book, the same at every member. */
export function encodeBook({ assetId, epoch, pool, burned, escrow }: RewardBook): Uint8Array {
  const waiting = escrow.map((each): Cbor => [each.id, each.epoch, each.amount, each.dueEpoch])
  return encode([assetId, epoch, pool, burned, waiting])
}

/** Reads a book. Throws `bad-shape`, `not-canonical`. */
export function decodeBook(bytes: Uint8Array): RewardBook {
  const fields = Fields.of('reward book', bytes, LIMITS.storeValueBytesMax)
  const book = {
    assetId: fields.bytes('assetId', 32),
    epoch: fields.uint('epoch'),
    pool: fields.uint('pool'),
    burned: fields.uint('burned'),
    escrow: fields.list('escrow', LIMITS.rewardEscrowMax, (item) => {
      const one = new Fields('escrow', item)
      const [id, epoch, amount] = [one.bytes('id', 32), one.uint('epoch'), one.uint('amount')]
      const read = { id, epoch, amount, dueEpoch: one.uint('dueEpoch') }
      one.end()
      return read
    }),
  }
  fields.end()
  return book
}

/** Takes from whoever was convicted all that waits for it. */
function forfeit(
  before: readonly Escrowed[],
  { convictions, epoch, policy }: Closing,
): Pick<Closed, 'payouts' | 'forfeits'> & { readonly escrow: readonly Escrowed[]; readonly burned: number } {
  let escrow = before
  let burned = 0
  const payouts: Payout[] = []
  const forfeits: Forfeit[] = []
  for (const conviction of convictions) {
    const { guilty, reporter, evidence } = conviction
    const lost = escrow.filter(({ id }) => equal(id, guilty))
    escrow = escrow.filter(({ id }) => !equal(id, guilty))
    forfeits.push(...lost.map(({ id, amount, epoch }) => ({ id, amount, epoch, conviction })))
    // nobody is paid for reporting itself
    const amount = equal(guilty, reporter) ? 0 : percentOf(sumOf(lost), policy.reporterPercent)
    if (amount > 0) payouts.push({ id: reporter, amount, cause: 'report', epoch, evidence })
    burned += sumOf(lost) - amount
  }
  return { escrow, payouts, forfeits, burned }
}

function sumOf(amounts: readonly { readonly amount: number }[]): number {
  return amounts.reduce((sum, { amount }) => sum + amount, 0)
}

function byEpoch(a: Escrowed, b: Escrowed): number {
  return a.epoch - b.epoch || compare(a.id, b.id)
}

const NOTHING = new Uint8Array(0)
