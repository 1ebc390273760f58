/**
 * The committee of an epoch: who votes, with what weight, and how much weight decides.
 *
 * With total weight W, any two quorums of ⌊2W/3⌋+1 share more than W/3: at least one honest vote, as long as fewer than a third lie.
 * 25 seats of weight 1 make a quorum of 17 and a strong quorum of 21.
 */

import { equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Genesis } from '../identity/genesis.ts'

/** One voting seat. */
export interface CommitteeSeat {
  /** 32-byte identity of the member. */
  readonly memberId: Uint8Array
  /** Raw Ed25519 key that votes in this epoch and in no other. */
  readonly epochKey: Uint8Array
  readonly weight: number
}

/** Everything that a verifier of votes must know. Seats are numbered by their position. */
export interface Committee {
  /** 32 bytes. */
  readonly netId: Uint8Array
  /** 16-byte id of the neighborhood: the home whose objects it decides. */
  readonly nid: Uint8Array
  readonly epoch: number
  readonly seats: readonly CommitteeSeat[]
  /** W: the sum of all weights. */
  readonly weight: number
  /** f: the most weight that may lie: ⌊(W−1)/3⌋. */
  readonly faultyMax: number
  /** ⌊2W/3⌋+1. */
  readonly quorum: number
  /** W − ⌊W/6⌋: believed by strangers where the neighborhood was drawn at random. */
  readonly strong: number
  /** 32-byte digest of all of the above: the scope of every vote. */
  readonly cid: Uint8Array
}

/** A committee of these seats. Throws `bad-argument` without seats or with too many. */
export function createCommittee(terms: Pick<Committee, 'netId' | 'nid' | 'epoch' | 'seats'>): Committee {
  const { netId, nid, epoch, seats } = terms
  if (seats.length === 0 || seats.length > LIMITS.seatsMax) {
    throw new WebxError('bad-argument', `a committee has 1 to ${LIMITS.seatsMax} seats, got ${seats.length}`)
  }
  const weight = seats.reduce((sum, seat) => sum + seat.weight, 0)
  const listed = seats.map((seat) => [seat.memberId, seat.epochKey, seat.weight])
  const cid = blake3Of('webx v1 committee', encode([netId, nid, epoch, listed]))
  return {
    netId,
    nid,
    epoch,
    seats,
    weight,
    faultyMax: Math.floor((weight - 1) / 3),
    quorum: Math.floor((2 * weight) / 3) + 1,
    strong: weight - Math.floor(weight / 6),
    cid,
  }
}

/** The committee that a genesis names, in epoch 0. */
export function committeeOf(genesis: Genesis): Committee {
  const seats = genesis.seats.map((seat, index) => {
    const member = genesis.memberStates[index]
    if (!member) throw new WebxError('bad-argument', 'genesis: a seat without its member')
    return { memberId: member.id, epochKey: seat.epochKey, weight: seat.weight }
  })
  return createCommittee({ netId: genesis.netId, nid: genesis.neighborhood, epoch: 0, seats })
}

/** Number of a member's seat, or null where it has none. */
export function seatOf(committee: Committee, memberId: Uint8Array): number | null {
  const index = committee.seats.findIndex((seat) => equal(seat.memberId, memberId))
  return index < 0 ? null : index
}
