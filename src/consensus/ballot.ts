/**
 * The member's own votes: a queue, the batch that is being signed, and the chain of batches that were.
 *
 * A vote is cast by being sealed: its record, the batch and the index of both are written together, so that it is either wholly on the disk or was
 * never given. Only the newest `LIMITS.ownBatchesKeptMax` batches are kept.
 */

import { equal } from '../core/bytes.ts'
import { encodeEnvelope } from '../core/envelope.ts'
import { LIMITS } from '../core/limits.ts'
import type { Committee } from './committee.ts'
import type { Journal } from './journal.ts'
import {
  type BatchMark,
  batchKey,
  decodeMark,
  encodeMark,
  encodeVote,
  META,
  NO_BATCH,
  SPACE,
  slotKey,
} from './records.ts'
import { decisionOf, type Slot } from './slots.ts'
import { batchEnvelope, composeBatch, headerSignedBytes, VOTE, type VoteBatch, type VoteKind } from './statement.ts'

interface QueuedVote {
  readonly kind: VoteKind
  readonly slot: Slot
}

/** A batch that has left the queue. */
export interface SealedBatch {
  readonly batch: VoteBatch
  readonly bytes: Uint8Array
  readonly slots: readonly Slot[]
}

export class Ballot {
  readonly #committee: Committee
  readonly #seat: number
  readonly #journal: Journal
  #queue: QueuedVote[] = []
  #signing: { readonly unsigned: Omit<VoteBatch, 'signature'>; readonly votes: readonly QueuedVote[] } | null = null
  #newest: BatchMark = NO_BATCH

  constructor(committee: Committee, seat: number, journal: Journal) {
    this.#committee = committee
    this.#seat = seat
    this.#journal = journal
    const stored = journal.get(SPACE.meta, META.own)
    if (stored) this.#newest = decodeMark(stored)
  }

  /** The newest sealed batch. */
  get newest(): BatchMark {
    return this.#newest
  }

  get queued(): number {
    return this.#queue.length
  }

  /** Queues the vote that the slot holds. */
  queue(kind: VoteKind, slot: Slot): void {
    this.#queue.push({ kind, slot })
  }

  /** Gives up all votes that are not sealed. */
  clear(): void {
    this.drop(() => true)
  }

  /** Gives up the votes in these slots that are not sealed. Where one of them is being signed, that batch will not be sealed; its other votes wait for the next one. */
  drop(concerns: (slot: Slot) => boolean): void {
    const signing = this.#signing?.votes ?? []
    const waiting = signing.some(({ slot }) => concerns(slot)) ? [...signing, ...this.#queue] : this.#queue
    if (waiting !== this.#queue) this.#signing = null
    this.#queue = waiting.filter((vote) => {
      const isDropped = concerns(vote.slot)
      if (isDropped) giveUp(vote.kind, vote.slot)
      return !isDropped
    })
  }

  /** The message to be signed for the next batch, or null where there is nothing to vote, or a batch is being signed. */
  next(): { readonly message: Uint8Array } | null {
    if (this.#signing) return null
    const votes = this.#takeVotes()
    if (votes.length === 0) return null
    const entries = votes.map(({ kind, slot }) => {
      const od = (kind === VOTE.lock ? slot.lock : slot.confirm)?.od as Uint8Array
      return { kind, oid: slot.oid, version: slot.version, od }
    })
    const unsigned = composeBatch(this.#seat, this.#newest.sequence + 1, this.#newest.root, entries)
    this.#signing = { unsigned, votes }
    return { message: headerSignedBytes(this.#committee, unsigned) }
  }

  /** Ends the batch that `next` began and writes it down; null where none was begun. */
  seal(signature: Uint8Array): SealedBatch | null {
    if (!this.#signing) return null
    const { unsigned, votes } = this.#signing
    this.#signing = null
    const batch: VoteBatch = { ...unsigned, signature }
    const bytes = encodeEnvelope(batchEnvelope(this.#committee, batch))
    this.#newest = { sequence: batch.sequence, root: batch.root }
    this.#journal.put(SPACE.batch, batchKey(batch.sequence), bytes)
    if (batch.sequence > LIMITS.ownBatchesKeptMax) {
      this.#journal.put(SPACE.batch, batchKey(batch.sequence - LIMITS.ownBatchesKeptMax), null)
    }
    this.#journal.put(SPACE.meta, META.own, encodeMark(this.#newest))
    for (const { kind, slot } of votes) {
      const vote = kind === VOTE.lock ? slot.lock : slot.confirm
      if (vote) vote.sequence = batch.sequence
      this.#journal.put(SPACE.vote, slotKey(slot.oid, slot.version), encodeVoteOf(slot))
    }
    return { batch, bytes, slots: votes.map(({ slot }) => slot) }
  }

  /** True where this batch of our own seat is one that our log does not have. */
  isStranger(batch: VoteBatch): boolean {
    if (batch.sequence > this.#newest.sequence) return true
    if (batch.sequence === this.#newest.sequence) return !equal(batch.root, this.#newest.root)
    return false
  }

  #takeVotes(): QueuedVote[] {
    const votes: QueuedVote[] = []
    let taken = 0
    for (const vote of this.#queue) {
      if (votes.length === LIMITS.batchEntriesMax) break
      taken++
      if (isUseless(vote)) giveUp(vote.kind, vote.slot)
      else votes.push(vote)
    }
    this.#queue = this.#queue.slice(taken)
    return votes
  }
}

/** Nobody needs a LOCK on what is decided. A CONFIRM counts even after the settlement: towards the strong quorum. */
function isUseless({ kind, slot }: QueuedVote): boolean {
  return kind === VOTE.lock && decisionOf(slot) !== null
}

function giveUp(kind: VoteKind, slot: Slot): void {
  if (kind === VOTE.lock) slot.lock = null
  else slot.confirm = null
}

function encodeVoteOf(slot: Slot): Uint8Array {
  const lock = slot.lock && slot.lock.sequence > 0 ? slot.lock : null
  const confirm = slot.confirm && slot.confirm.sequence > 0 ? slot.confirm : null
  return encodeVote({
    lock: lock?.od ?? null,
    lockSequence: lock?.sequence ?? 0,
    confirm: confirm?.od ?? null,
    confirmSequence: confirm?.sequence ?? 0,
  })
}
