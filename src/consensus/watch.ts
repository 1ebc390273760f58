/**
 * Notices what the rules forbid and turns it into evidence: double orders, double votes, two batches under one number.
 *
 * Also remembers the newest batches of every seat, so that a signature that was checked once need not be checked again inside a certificate.
 */

import { equal } from '../core/bytes.ts'
import { verifySignature } from '../core/crypto.ts'
import { blake3Of } from '../core/digest.ts'
import { LIMITS } from '../core/limits.ts'
import { proofOf } from './certificate.ts'
import type { CastVote } from './count.ts'
import {
  doubleBatchEvidence,
  doubleOrderEvidence,
  doubleVoteEvidence,
  type EvidenceKind,
  fitsEvidence,
} from './evidence.ts'
import { keyOf } from './key.ts'
import type { Lane } from './lane.ts'
import type { OwnerKey } from './object.ts'
import { type Order, orderBytes, orderMessage, provesItself } from './order.ts'
import { SPACE, voidHead } from './records.ts'
import type { Slot } from './slots.ts'
import { type SignedHeader, VOTE, type VoteBatch, type VoteEntry } from './statement.ts'

export class Watch<S> {
  readonly #lane: Lane<S>
  /** By seat: verified headers by sequence, the oldest first. */
  readonly #headers: Map<number, SignedHeader>[]
  readonly #accusations = new Map<string, number>()

  constructor(lane: Lane<S>) {
    this.#lane = lane
    this.#headers = lane.committee.seats.map(() => new Map())
  }

  /** True where exactly this header, with this signature, was verified before. */
  isKnown(header: SignedHeader): boolean {
    const known = this.#headers[header.seat]?.get(header.sequence)
    return (
      known !== undefined &&
      known.count === header.count &&
      equal(known.root, header.root) &&
      equal(known.previousRoot, header.previousRoot) &&
      equal(known.signature, header.signature)
    )
  }

  /** Notes a verified batch. */
  note(batch: VoteBatch): void {
    const headers = this.#headers[batch.seat]
    if (!headers) return
    const known = headers.get(batch.sequence)
    if (known) {
      if (!equal(known.root, batch.root))
        this.#accuseSeat(batch.seat, 'double-batch', doubleBatchEvidence(this.#lane.committee, known, batch))
      return
    }
    const { seat, sequence, count } = batch
    // copies: the fields of a batch are views that would keep all of its bytes alive
    const [previousRoot, root, signature] = [batch.previousRoot.slice(), batch.root.slice(), batch.signature.slice()]
    headers.set(sequence, { seat, sequence, previousRoot, count, root, signature })
    if (headers.size <= LIMITS.batchHeadersPerSeatMax) return
    for (const oldest of headers.keys()) {
      headers.delete(oldest)
      break
    }
  }

  /** A seat has voted for two orders in one slot. Accused once for each kind of vote. */
  doubleVote(slot: Slot, entry: VoteEntry, earlier: CastVote, later: CastVote): void {
    const { seat } = later.batch
    const bit = 1 << seat
    const accused = entry.kind === VOTE.lock ? slot.accusedLocks : slot.accusedConfirms
    const before = earlier.batch.entries[earlier.index]
    if ((accused & bit) !== 0 || !before) return
    if (entry.kind === VOTE.lock) slot.accusedLocks |= bit
    else slot.accusedConfirms |= bit
    const one = { entry: before, proof: proofOf(earlier.batch, earlier.index) }
    const other = { entry, proof: proofOf(later.batch, later.index) }
    this.#accuseSeat(seat, 'double-vote', doubleVoteEvidence(this.#lane.committee, one, other))
  }

  /** An owner has signed two orders for one slot. */
  doubleOrder(one: Order, other: Order): void {
    const { committee, rules, objects } = this.#lane
    if ([one, other].some((order) => mayBeReplaced(order, committee.epoch))) return
    if (provesItself(one) || provesItself(other)) {
      // two key events for one place: evidence of that is a matter of key logs
      this.#lane.outbox.add({ kind: 'duplicity', one, other })
      return
    }
    // an order that names another key than the one shown convicts nobody, nor one that was taken unlooked at since a quorum had decided for it
    const owner = rules.ownerKey(one, objects)
    if (!owner || owner.contested || ![one, other].every((order) => isSignedBy(owner, order))) return
    const proof = rules.ownerProof(one, objects)
    if (!proof || !fitsEvidence([...proof, orderBytes(one), orderBytes(other)])) return
    this.#accuse(one.owner, 'double-order', doubleOrderEvidence(committee, one, other, proof))
  }

  #accuseSeat(seat: number, of: EvidenceKind, bytes: Uint8Array): void {
    const member = this.#lane.committee.seats[seat]?.memberId
    if (member) this.#accuse(member, of, bytes)
  }

  #accuse(guilty: Uint8Array, of: EvidenceKind, bytes: Uint8Array): void {
    const { journal, outbox } = this.#lane
    const digest = blake3Of('webx v1 evidence', bytes)
    const name = keyOf(guilty)
    const count = this.#accusations.get(name) ?? 0
    if (count >= LIMITS.evidencePerGuiltyMax || journal.get(SPACE.evidence, digest)) return
    if (this.#accusations.size >= LIMITS.objectsMax) this.#accusations.clear()
    this.#accusations.set(name, count + 1)
    journal.put(SPACE.evidence, digest, bytes)
    outbox.add({ kind: 'evidence', guilty, of, bytes })
    outbox.publishRanked('evidence', bytes, { oid: digest, version: 0 }, digest)
  }
}

/** Who signs anew after its order has expired, or after the version before was consumed by nothing, does no wrong. */
function mayBeReplaced({ oid, version, previous, maxEpoch }: Order, epoch: number): boolean {
  return maxEpoch < epoch || (version > 1 && equal(previous, voidHead(oid, version - 1)))
}

function isSignedBy({ key, position }: OwnerKey, order: Order): boolean {
  if (key === null || order.keyPosition !== position) return false
  return verifySignature(key, orderMessage(order), order.envelope.signature)
}
