/**
 * The blocks of an epoch: what this member would put into one, what it thinks of another's, and what becomes of a final one.
 *
 * Transactions wait in the pool and are taken in the order in which they came. Three kinds have no signature of their own, because they are the leader's: a checkpoint, an offer, and the end of the epoch.
 */

import { LIMITS } from '../../core/limits.ts'
import { keyOf } from '../key.ts'
import { SharedQuota } from '../shared/quota.ts'
import type { Block, BlockRules, FinalBlock, Opinion } from '../simplex/rules.ts'
import { isSameEnd, type Openings } from './division.ts'
import type { Kin } from './kin.ts'
import { canWait, type Ordered, type OrderedContext, openOrdered } from './ordered.ts'
import type { Pool } from './pool.ts'
import type { EpochState } from './state.ts'
import { type Decided, leadersBytes, type Proposal } from './transaction.ts'

/** Room for what frames a block and its transactions. */
const FRAME_BYTES = 1_024
const PER_TRANSACTION_BYTES = 5

/** What is known at this member beside the blocks. */
export interface BlockKnowledge {
  /** The settled versions that a checkpoint should list now; null where none is due. */
  checkpoint(): readonly Decided[] | null
  /** This member holds the settlement of that order. */
  holdsSettled(entry: Decided): boolean
  /** Digests of the next openings; null while the epoch is not closed, or this member lacks something of the settled state. */
  nextOpening(): Openings<Uint8Array> | null
  /** What is known here of the kin of the neighborhood; null where it has none. */
  readonly kin: Kin | null
  /** A certificate of a final block that puts on record who voted for it; null where none is lacking. */
  attendance(): Uint8Array | null
  executed(block: FinalBlock, transactions: readonly Ordered[]): void
}

export interface BlocksParts {
  readonly state: EpochState
  readonly pool: Pool
  readonly context: OrderedContext
  readonly seat: number | null
  readonly known: BlockKnowledge
}

export class Blocks implements BlockRules {
  readonly #parts: BlocksParts
  /** Decoded transactions of blocks that are not final yet, by hash. */
  readonly #decoded = new Map<string, readonly Ordered[] | null>()

  /** This member has proposed an offer: it does so once in an epoch, or blocks that others cannot judge would keep it from ending. */
  #hasOffered = false

  constructor(parts: BlocksParts) {
    this.#parts = parts
  }

  wantsAtMs(): number | null {
    const { state, pool, known, context } = this.#parts
    if (state.phase === 'ended') return null
    if (state.phase === 'closed' || state.turning.isGathering || known.checkpoint() !== null) return 0
    if (state.isFull && [...pool.all()].every(({ ordered }) => canWait(ordered))) return null
    return pool.dueAtMs(context.committee.seats.length)
  }

  compose(ancestors: readonly Block[]): readonly Uint8Array[] | null {
    const { state, seat, known, pool } = this.#parts
    if (seat === null || state.phase === 'ended' || ancestors.some((block) => this.#ends(block))) return null
    if (state.phase === 'closed') {
      const opening = ancestors.length === 0 ? known.nextOpening() : null
      return opening ? [this.#leaders({ kind: 'final', opening: opening.own, sprout: opening.sprout })] : null
    }
    const taken = new Set(
      ancestors.flatMap((block) => (this.#orderedOf(block) ?? []).map(({ digest }) => keyOf(digest))),
    )
    const chosen: Uint8Array[] = []
    let room = LIMITS.blockBytesMax - FRAME_BYTES
    const take = (bytes: Uint8Array): boolean => {
      if (bytes.length + PER_TRANSACTION_BYTES > room || chosen.length >= LIMITS.blockTransactionsMax) return false
      room -= bytes.length + PER_TRANSACTION_BYTES
      chosen.push(bytes)
      return true
    }
    const isFull = this.#isFullAfter(ancestors)
    const waiting = [...pool.all()].filter(
      ({ ordered }) => !taken.has(keyOf(ordered.digest)) && !(isFull && canWait(ordered)),
    )
    for (const { bytes, ordered } of waiting) if (ordered.kind !== 'shared') take(bytes)
    const entries = ancestors.some((block) => this.#hasCheckpoint(block)) ? null : known.checkpoint()
    if (entries) take(this.#leaders({ kind: 'checkpoint', entries }))
    const offer = this.#hasOffered ? null : (known.kin?.offer() ?? null)
    if (offer && state.wantsOffer(offer)) this.#hasOffered = take(this.#leaders({ kind: 'offer', offer }))
    // last, so that they take no room from what ends an epoch
    const quota = new SharedQuota()
    for (const { bytes, ordered } of waiting) {
      if (ordered.kind === 'shared' && quota.hasRoom(ordered.change) && take(bytes)) quota.count(ordered.change)
    }
    if (chosen.length === 0) return state.turning.isGathering ? [] : null
    const attendance = known.attendance()
    if (attendance) take(attendance)
    return chosen
  }

  opinion(block: Block, ancestors: readonly Block[]): Opinion {
    const { state, known } = this.#parts
    const transactions = this.#orderedOf(block)
    if (!transactions || state.phase === 'ended') return 'no'
    // what stands on the last block of an epoch is there to make it final, and holds nothing
    if (ancestors.some((ancestor) => this.#ends(ancestor))) return transactions.length === 0 ? 'yes' : 'no'
    // an empty block goes on gathering shares, or makes the one final that it stands on
    if (transactions.length === 0) return state.turning.isGathering || ancestors.length > 0 ? 'yes' : 'later'
    if (transactions.some(canWait) && this.#isFullAfter(ancestors)) return 'no'
    const quota = new SharedQuota()
    for (const transaction of transactions) {
      if (transaction.kind === 'shared' && !quota.takes(transaction.change)) return 'no'
      if (transaction.kind !== 'proposal') continue
      const { seat, proposal } = transaction
      if (proposal.kind === 'checkpoint') {
        if (seat !== block.leader) return 'no'
        if (!proposal.entries.every((entry) => known.holdsSettled(entry))) return 'later'
      }
      if (proposal.kind === 'offer') {
        const opinion = seat === block.leader ? (known.kin?.opinion(proposal.offer) ?? 'no') : 'no'
        if (opinion !== 'yes') return opinion
      }
      if (proposal.kind === 'final') {
        if (seat !== block.leader || transactions.length > 1) return 'no'
        if (ancestors.length > 0 || state.phase !== 'closed') return 'later'
        const opening = known.nextOpening()
        if (!opening) return 'later'
        if (!isSameEnd(proposal, opening)) return 'no'
      }
    }
    return 'yes'
  }

  execute(block: FinalBlock): boolean {
    const { state, pool, known } = this.#parts
    const transactions = this.#orderedOf(block) ?? []
    this.#decoded.delete(keyOf(block.hash))
    known.executed(block, transactions)
    for (const { digest } of transactions) pool.delete(digest)
    return state.phase === 'ended'
  }

  /** The transactions of a block, decoded once; null where one of them is none. */
  #orderedOf(block: Block): readonly Ordered[] | null {
    const name = keyOf(block.hash)
    let transactions = this.#decoded.get(name)
    if (transactions === undefined) {
      transactions = decodeAll(block.transactions, this.#parts.context)
      this.#decoded.set(name, transactions)
      if (this.#decoded.size > LIMITS.decodedBlocksMax) {
        for (const oldest of this.#decoded.keys()) {
          this.#decoded.delete(oldest)
          break
        }
      }
    }
    return transactions
  }

  /** Whether the epoch is full once these blocks are final: the same at every member, whichever of them are so there already. */
  #isFullAfter(ancestors: readonly Block[]): boolean {
    const { state } = this.#parts
    const after = ancestors.flatMap((block) => this.#orderedOf(block) ?? [])
    if (state.isFull || state.transactions + after.length < LIMITS.transactionsPerEpochMax) return state.isFull
    const fresh = new Set(after.filter(({ digest }) => !state.isDone(digest)).map(({ digest }) => keyOf(digest)))
    return state.transactions + fresh.size >= LIMITS.transactionsPerEpochMax
  }

  #hasCheckpoint(block: Block): boolean {
    return (this.#orderedOf(block) ?? []).some(
      (transaction) => transaction.kind === 'proposal' && transaction.proposal.kind === 'checkpoint',
    )
  }

  #ends(block: Block): boolean {
    const [only] = this.#orderedOf(block) ?? []
    return only?.kind === 'proposal' && only.proposal.kind === 'final'
  }

  #leaders(proposal: Proposal): Uint8Array {
    const { context, seat } = this.#parts
    return leadersBytes(context.committee, { seat: seat as number, proposal })
  }
}

/** All of a block's transactions; null where one of them cannot be read. */
export function decodeAll(transactions: readonly Uint8Array[], context: OrderedContext): readonly Ordered[] | null {
  try {
    return transactions.map((bytes) => openOrdered(bytes, context).ordered)
  } catch {
    return null
  }
}
