/**
 * Goes on counting CONFIRMs after a settlement, until the strong quorum is reached, and keeps who gave them: strangers ask for a settlement of that strength above a limit.
 *
 * Bounded, the oldest slot makes room. The stronger settlement is composed when somebody asks for it.
 */

import { equal } from '../core/bytes.ts'
import { encodeEnvelope } from '../core/envelope.ts'
import { LIMITS } from '../core/limits.ts'
import { certificateEnvelope } from './certificate.ts'
import type { Committee } from './committee.ts'
import { type CastVote, type VoteCount, votesFor } from './count.ts'
import { keyOf, slotName } from './key.ts'
import type { Outbox } from './outbox.ts'
import type { Slot } from './slots.ts'
import { VOTE, type VoteBatch, type VoteEntry } from './statement.ts'

interface Confirmed {
  readonly key: Uint8Array
  readonly od: Uint8Array
  /** By seat. */
  readonly votes: (CastVote | undefined)[]
  /** Nothing more is counted. */
  reached: boolean
}

export class StrongCount {
  readonly #committee: Committee
  readonly #count: VoteCount
  readonly #outbox: Outbox
  /** Slots that are settled, the oldest first. */
  readonly #slots = new Map<string, Confirmed>()

  constructor(committee: Committee, count: VoteCount, outbox: Outbox) {
    this.#committee = committee
    this.#count = count
    this.#outbox = outbox
  }

  /** Takes over a slot that is settled for `od`. */
  begin(slot: Slot, od: Uint8Array): void {
    const confirmed = { key: slot.confirms.key, od, votes: slot.confirms.votes, reached: false }
    this.#slots.set(slot.name, confirmed)
    if (this.#count.weight(confirmed, od) >= this.#committee.strong) this.#reached(slot, confirmed)
    if (this.#slots.size <= LIMITS.strongSlotsMax) return
    for (const [name, oldest] of this.#slots) {
      this.#slots.delete(name)
      if (!oldest.reached) this.#count.forget(oldest)
      break
    }
  }

  /** The question of a CONFIRM for a version that is settled here; null where nobody waits for it. */
  keyOf(entry: VoteEntry): Uint8Array | null {
    const confirmed = this.#find(entry)
    return confirmed && !confirmed.reached ? confirmed.key : null
  }

  /** A CONFIRM for a version that is settled here was counted. */
  note(batch: VoteBatch, index: number): void {
    const entry = batch.entries[index] as VoteEntry
    const confirmed = entry.kind === VOTE.confirm ? this.#find(entry) : undefined
    if (confirmed && !confirmed.reached) confirmed.votes[batch.seat] ??= { batch, index }
  }

  /** A CONFIRM brought the strong quorum. */
  reach(entry: VoteEntry): void {
    const confirmed = this.#find(entry)
    if (confirmed && !confirmed.reached && equal(confirmed.od, entry.od)) this.#reached(entry, confirmed)
  }

  /** How many seats are known to have confirmed a settled version; null where nobody keeps it in mind any more. */
  seats(slot: Pick<VoteEntry, 'oid' | 'version'>): number | null {
    const confirmed = this.#find(slot)
    return confirmed ? votesFor(confirmed, confirmed.od).length : null
  }

  /** The SETTLEMENT that shows a strong quorum, or null. */
  settlement(slot: Pick<VoteEntry, 'oid' | 'version'>): Uint8Array | null {
    const confirmed = this.#find(slot)
    if (!confirmed) return null
    const { oid, version } = slot
    const { od } = confirmed
    const votes = votesFor(confirmed, od)
    const weight = votes.reduce((sum, { batch }) => sum + (this.#committee.seats[batch.seat]?.weight ?? 0), 0)
    if (weight < this.#committee.strong) return null
    const entry = { kind: VOTE.confirm, oid, version, od }
    return encodeEnvelope(certificateEnvelope(this.#committee, entry, votes, this.#committee.strong))
  }

  #find({ oid, version }: Pick<VoteEntry, 'oid' | 'version'>): Confirmed | undefined {
    return this.#slots.get(slotName(keyOf(oid), version))
  }

  #reached({ oid, version }: Pick<VoteEntry, 'oid' | 'version'>, confirmed: Confirmed): void {
    confirmed.reached = true
    const confirms = this.#count.voters(confirmed, confirmed.od)
    this.#outbox.add({ kind: 'strong', oid, version, od: confirmed.od, confirms })
    this.#count.forget(confirmed)
  }
}
