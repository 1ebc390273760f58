/**
 * Transactions that wait to be ordered: signed by their seats or identities, and known to hold. Bounded, and nobody can take more than a share of the room.
 */

import { LIMITS } from '../../core/limits.ts'
import { keyOf } from '../key.ts'
import type { Ordered } from './ordered.ts'

/**
 * For so long words of members wait for the others' words, in milliseconds: all of them have the same to say at the same time, and one block for each of them is one vote of everybody for each.
 * What an owner waits for does not wait for anybody.
 */
const GATHER_MS = 200

/** A transaction as it travels, and what it says. */
export interface Pending {
  readonly bytes: Uint8Array
  readonly ordered: Ordered
}

export class Pool {
  readonly #pending = new Map<string, Pending & { readonly sender: string; readonly sinceMs: number }>()
  readonly #perSender = new Map<string, number>()
  #shared = 0

  /** Takes in a transaction whose signatures hold, at a time of the lane's clock; false where it waits already, or its sender has used up its room. */
  add(pending: Pending, nowMs: number): boolean {
    const name = keyOf(pending.ordered.digest)
    if (this.#pending.has(name) || this.#pending.size >= LIMITS.pendingTransactionsMax) return false
    const sender = senderOf(pending.ordered)
    const count = this.#perSender.get(sender) ?? 0
    const most = ROOM[pending.ordered.kind] ?? LIMITS.pendingTransactionsPerSenderMax
    if (count >= most || (pending.ordered.kind === 'shared' && this.#shared >= LIMITS.sharedPendingMax)) return false
    if (pending.ordered.kind === 'shared') this.#shared++
    this.#pending.set(name, { ...pending, sender, sinceMs: nowMs })
    this.#perSender.set(sender, count + 1)
    return true
  }

  /** A transaction by `keyOf` its digest. */
  find(name: string): Pending | null {
    return this.#pending.get(name) ?? null
  }

  has(digest: Uint8Array): boolean {
    return this.#pending.has(keyOf(digest))
  }

  delete(digest: Uint8Array): void {
    const name = keyOf(digest)
    const pending = this.#pending.get(name)
    if (!pending) return
    this.#pending.delete(name)
    if (pending.ordered.kind === 'shared') this.#shared--
    const left = (this.#perSender.get(pending.sender) ?? 1) - 1
    if (left === 0) this.#perSender.delete(pending.sender)
    else this.#perSender.set(pending.sender, left)
  }

  all(): Iterable<Pending> {
    return this.#pending.values()
  }

  /** From when on a block is worth its votes, on the lane's clock, where `members` have a say; null where nothing waits. */
  dueAtMs(members: number): number | null {
    const [oldest] = this.#pending.values()
    if (!oldest) return null
    return this.#shared > 0 || this.#pending.size >= members ? 0 : oldest.sinceMs + GATHER_MS
  }

  get size(): number {
    return this.#pending.size
  }
}

/** Transactions of one sender that may wait, where these are not as many as of others; one piece of evidence convicts. */
const ROOM: Readonly<Partial<Record<Ordered['kind'], number>>> = {
  certificate: LIMITS.pendingProofsMax,
  evidence: 1,
  shared: LIMITS.sharedPendingPerWriterMax,
}

/**
 * Whose room a transaction takes. Certificates are nobody's: all share one room, and what is worth ordering is handed in again. Evidence takes room of the guilty, who alone
 * can make any.
 */
function senderOf(ordered: Ordered): string {
  if (ordered.kind === 'proposal') return `seat ${ordered.seat}`
  if (ordered.kind === 'candidacy') return `id ${keyOf(ordered.id)}`
  if (ordered.kind === 'shared') return `writer ${keyOf(ordered.change.writer)}`
  if (ordered.kind === 'evidence') return `guilty ${keyOf(ordered.guilty)}`
  return ordered.kind
}
