/**
 * The blocks that are held, and the way from any of them down to what was executed last.
 *
 * Candidates lie in the store from the moment they came, because whoever votes for a block must be able to give it to others; in memory are the newest ones and the headers
 * of the rest. Nothing above the newest executed block is ever let go.
 */

import { equal } from '../../core/bytes.ts'
import { decodeEnvelope } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Committee } from '../committee.ts'
import { keyOf } from '../key.ts'
import { type Candidate, type CandidateHeader, headerAlone, readCandidate } from './candidate.ts'
import type { BlockMark } from './finality.ts'
import {
  candidateKey,
  type ExecutedRecord,
  encodeExecuted,
  type LaneLog,
  SIMPLEX_META,
  SIMPLEX_SPACE,
  slotKey,
} from './records.ts'

/** A block above the last executed one. */
export interface Entry {
  readonly header: CandidateHeader
  /** Null where it must be read from the store. */
  candidate: Candidate | null
  /** This member will never vote for it. */
  refused: boolean
}

/** A way down from a block. */
export interface Walk {
  /** Where it began. */
  readonly from: BlockMark
  /** The blocks on it, the newest first. */
  readonly path: Entry[]
  /** The block it has come to: the last executed one where it is complete, else one that is missing here, or one that does not lead there. */
  next: BlockMark
}

/** The number of a mark's slot; -1 for the beginning. */
export function numberOf({ slot }: BlockMark): number {
  return slot ?? -1
}

export function sameBlock(one: BlockMark, other: BlockMark): boolean {
  return one.slot === other.slot && equal(one.hash, other.hash)
}

export class Chain {
  readonly #committee: Committee
  readonly #log: LaneLog
  readonly #entries = new Map<number, Map<string, Entry>>()
  #executed: ExecutedRecord
  #size = 0
  #loaded = 0

  constructor(committee: Committee, log: LaneLog, executed: ExecutedRecord) {
    this.#committee = committee
    this.#log = log
    this.#executed = executed
  }

  /** The newest executed block. */
  get executed(): ExecutedRecord {
    return this.#executed
  }

  /** Blocks above it. */
  get size(): number {
    return this.#size
  }

  /** The blocks of a slot. */
  at(slot: number): Entry[] {
    return [...(this.#entries.get(slot)?.values() ?? [])]
  }

  has(slot: number, hash: Uint8Array): boolean {
    return this.#entries.get(slot)?.has(keyOf(hash)) ?? false
  }

  /** Takes in a candidate. `bytes` is null for one that lies in the store. */
  add(candidate: Candidate, bytes: Uint8Array | null): void {
    const { slot, hash } = candidate
    if (this.has(slot, hash)) return
    const entries = this.#entries.get(slot) ?? new Map<string, Entry>()
    this.#entries.set(slot, entries)
    const isKept = this.#loaded < LIMITS.blocksInMemoryMax
    if (isKept) this.#loaded++
    // of one that is not kept in memory the header must not keep the bytes alive
    entries.set(keyOf(hash), {
      header: isKept ? candidate : headerAlone(candidate),
      candidate: isKept ? candidate : null,
      refused: false,
    })
    this.#size++
    if (bytes) this.#log.put(SIMPLEX_SPACE.candidate, candidateKey(candidate), bytes)
  }

  /** The block of an entry. Throws `store-damaged` where it is gone. */
  load({ header, candidate }: Entry): Candidate {
    if (candidate) return candidate
    const bytes = this.#log.get(SIMPLEX_SPACE.candidate, candidateKey(header))
    if (!bytes) throw new WebxError('store-damaged', `the block of slot ${header.slot} is missing from the store`)
    return readCandidate(decodeEnvelope(bytes), this.#committee)
  }

  /** The CANDIDATE statement of a block, executed or not; null where it is not held. */
  bytesOf(slot: number, hash: Uint8Array): Uint8Array | null {
    const open = this.#log.get(SIMPLEX_SPACE.candidate, candidateKey({ slot, hash }))
    if (open) return open
    const final = this.#log.get(SIMPLEX_SPACE.block, slotKey(slot))
    return final && equal(readCandidate(decodeEnvelope(final), this.#committee).hash, hash) ? final : null
  }

  blockOf(slot: number, hash: Uint8Array): Candidate | null {
    const entry = this.#entries.get(slot)?.get(keyOf(hash))
    if (entry) return this.load(entry)
    const bytes = this.bytesOf(slot, hash)
    return bytes && readCandidate(decodeEnvelope(bytes), this.#committee)
  }

  /** Begins a way down. */
  walk(from: BlockMark): Walk {
    const walk = { from, path: [], next: from }
    this.resume(walk)
    return walk
  }

  /** Goes on as far as blocks are held. */
  resume(walk: Walk): void {
    while (numberOf(walk.next) > numberOf(this.#executed)) {
      const { slot, hash } = walk.next
      const entry = this.#entries.get(slot as number)?.get(keyOf(hash))
      if (!entry) return
      walk.path.push(entry)
      walk.next = { slot: entry.header.parentSlot, hash: entry.header.parentHash }
    }
  }

  isComplete(walk: Walk): boolean {
    return sameBlock(walk.next, this.#executed)
  }

  /** The block that a way lacks; null where it is complete or leads elsewhere. */
  missing({ next }: Walk): { readonly slot: number; readonly hash: Uint8Array } | null {
    return next.slot !== null && next.slot > numberOf(this.#executed) ? { slot: next.slot, hash: next.hash } : null
  }

  /** The next block in order has been executed: it moves to where final blocks lie, and its rivals go. */
  advance(entry: Entry, ended: boolean): void {
    const { slot, hash, parentSlot, parentHash } = entry.header
    if (!sameBlock({ slot: parentSlot, hash: parentHash }, this.#executed)) {
      throw new WebxError('internal', `the block of slot ${slot} does not stand on the last one`)
    }
    const bytes = this.bytesOf(slot, hash)
    if (!bytes) throw new WebxError('store-damaged', `the block of slot ${slot} is missing from the store`)
    this.#log.put(SIMPLEX_SPACE.block, slotKey(slot), bytes)
    const before = numberOf(this.#executed)
    for (let old = before + 1; old <= slot; old++) {
      this.#drop(old)
      const outdated = old - LIMITS.blocksKeptMax
      if (outdated >= 0) this.#log.put(SIMPLEX_SPACE.block, slotKey(outdated), null)
    }
    this.#executed = { slot, hash, ended }
    this.#log.put(SIMPLEX_SPACE.meta, SIMPLEX_META.executed, encodeExecuted(this.#executed))
  }

  #drop(slot: number): void {
    for (const { header, candidate } of this.at(slot)) {
      if (candidate) this.#loaded--
      this.#size--
      this.#log.put(SIMPLEX_SPACE.candidate, candidateKey(header), null)
    }
    this.#entries.delete(slot)
  }
}
