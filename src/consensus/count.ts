/**
 * Counts the votes on questions: "which order, at this version of this object?", asked twice, for LOCK and for CONFIRM.
 *
 * The counting is the WebAssembly tally's; kept beside it is who voted in which batch, for proofs. A seat counts once: its first vote stands, and a
 * later one for another order is an offence, never counted. The tally has room for every slot that may be open, so it never has to forget by itself.
 */

import { equal } from '../core/bytes.ts'
import { blake3Of } from '../core/digest.ts'
import { LIMITS } from '../core/limits.ts'
import { createTally, type Tally } from '../wasm/tally.ts'
import type { Committee } from './committee.ts'
import { slotKey } from './records.ts'
import type { VoteBatch, VoteEntry, VoteKind } from './statement.ts'

/** Entry number `index` of a batch. */
export interface CastVote {
  readonly batch: VoteBatch
  readonly index: number
}

/** One question and who has answered it. */
export interface Question {
  /** 32-byte digest of kind, object and version. */
  readonly key: Uint8Array
  /** By seat. */
  readonly votes: (CastVote | undefined)[]
}

/** What a vote of a batch brought about. `double`: its seat has voted for another order before. */
export interface CountEvent {
  readonly kind: 'quorum' | 'strong' | 'double'
  readonly index: number
}

const KINDS = { QUORUM: 'quorum', STRONG: 'strong', EQUIVOCATION: 'double' } as const
const ENTRY_BYTES = 64
const KEY_BYTES = 32

/** How many open slots without an order one seat may vote in. */
export function unfoundedSlotsMax(committee: Committee): number {
  return Math.max(LIMITS.batchEntriesMax, Math.floor(LIMITS.openSlotsMax / committee.seats.length))
}

export function createQuestion(kind: VoteKind, oid: Uint8Array, version: number): Question {
  const content = new Uint8Array(41)
  content[0] = kind
  content.set(slotKey(oid, version), 1)
  return { key: blake3Of('webx v1 question', content), votes: [] }
}

/** The counted votes for one order. */
export function votesFor(question: Pick<Question, 'votes'>, od: Uint8Array): CastVote[] {
  return question.votes.filter((vote) => vote !== undefined && equal(odOf(vote), od)) as CastVote[]
}

/** The digest of the order that a vote is for. */
export function odOf({ batch, index }: CastVote): Uint8Array {
  return (batch.entries[index] as VoteEntry).od
}

export class VoteCount {
  readonly #tally: Tally
  readonly #capacity: number
  readonly #packed = new Uint8Array(LIMITS.batchEntriesMax * ENTRY_BYTES)
  readonly #indexes: number[] = []

  /**
   * `seed`: see `TallyOptions`. `before`: the count of the epoch before, which must not be asked any more: its memory, megabytes of it, is taken over where it fits, and
   * nothing in it.
   */
  constructor(committee: Committee, seed?: Uint8Array, before?: VoteCount) {
    const { seats, quorum, strong } = committee
    const slots = seats.length * unfoundedSlotsMax(committee) + LIMITS.openSlotsMax + LIMITS.batchEntriesMax
    const questions = 2 * slots + LIMITS.openSlotsMax
    this.#capacity = 2 ** Math.ceil(Math.log2(questions))
    const weighed = { weights: seats.map(({ weight }) => weight), quorum, strong }
    if (before && before.#capacity === this.#capacity) {
      this.#tally = before.#tally
      this.#tally.renew(weighed)
    } else {
      this.#tally = createTally({ ...weighed, capacity: this.#capacity, ...(seed && { seed }) })
    }
  }

  /** Counts a batch. `keyOf` names the question of an entry, or null where it does not count any more. */
  add({ seat, entries }: VoteBatch, keyOf: (entry: VoteEntry, index: number) => Uint8Array | null): CountEvent[] {
    let count = 0
    for (const [index, entry] of entries.entries()) {
      const key = keyOf(entry, index)
      if (!key) continue
      this.#packed.set(key, count * ENTRY_BYTES)
      this.#packed.set(entry.od, count * ENTRY_BYTES + 32)
      this.#indexes[count++] = index
    }
    const events = this.#tally.addBatch(seat, this.#packed.subarray(0, count * ENTRY_BYTES))
    return events.flatMap(({ kind, index }) =>
      kind === 'FULL' ? [] : [{ kind: KINDS[kind], index: this.#indexes[index] as number }],
    )
  }

  /** Questions that are counted. */
  get size(): number {
    return this.#tally.size
  }

  weight(question: Pick<Question, 'key'>, od: Uint8Array): number {
    return this.#tally.weight(question.key, od)
  }

  /** How many seats have voted for one order. */
  voters(question: Pick<Question, 'key'>, od: Uint8Array): number {
    let count = 0
    for (let mask = this.#tally.mask(question.key, od); mask !== 0; mask &= mask - 1) count++
    return count
  }

  /** The most weight that any order has. */
  leadingWeight(question: Question): number {
    let most = 0
    for (const vote of question.votes) if (vote) most = Math.max(most, this.weight(question, odOf(vote)))
    return most
  }

  forget(...questions: readonly Pick<Question, 'key'>[]): void {
    for (const [i, { key }] of questions.entries()) this.#packed.set(key, KEY_BYTES * i)
    this.#tally.remove(this.#packed.subarray(0, KEY_BYTES * questions.length))
  }
}
