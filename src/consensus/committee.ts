/**
 * The committee of an epoch: who votes, with what weight, and how much weight decides.
 *
 * With total weight W, any two quorums of ⌊2W/3⌋+1 share more than W/3: at least one honest vote, as long as fewer than a third lie.
 * 25 seats of weight 1 make a quorum of 17 and a strong quorum of 21.
 */

import { equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Genesis } from '../identity/genesis.ts'
import { type NamedSeat, quorumOf, type Seating, seatingDigest, seatingOf, weightOf } from '../identity/seats.ts'

/** One voting seat. Its key votes in this epoch and in no other. */
export type CommitteeSeat = NamedSeat

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
export function createCommittee(terms: Seating): Committee {
  const { netId, nid, epoch, seats } = terms
  if (seats.length === 0 || seats.length > LIMITS.seatsMax) {
    throw new WebxError('bad-argument', `a committee has 1 to ${LIMITS.seatsMax} seats, got ${seats.length}`)
  }
  const weight = weightOf(seats)
  return {
    netId,
    nid,
    epoch,
    seats,
    weight,
    faultyMax: Math.floor((weight - 1) / 3),
    quorum: quorumOf(weight),
    strong: weight - Math.floor(weight / 6),
    cid: seatingDigest(terms),
  }
}

/** The committee that a genesis names, in epoch 0: of the neighborhood that it is seen from. */
export function committeeOf(genesis: Genesis): Committee {
  return createCommittee(seatingOf(genesis))
}

/** The committee of that digest, where it is that of a founding neighborhood in epoch 0. Throws `wrong-epoch`. */
export function foundingCommittee(genesis: Genesis, cid: Uint8Array): Committee {
  for (const home of genesis.homes) {
    const committee = committeeOf({ ...genesis, ...home })
    if (equal(committee.cid, cid)) return committee
  }
  throw new WebxError('wrong-epoch', 'this was settled in an epoch that the genesis does not tell of')
}

/**
 * When it is a seat's turn to say what any of them could say: 0 now, else after so many others. Seats that nobody sits on are passed over; null for a node without a seat.
 *
 * @param first any number that spreads the turns
 */
export function turnOf({ seats }: Pick<Committee, 'seats'>, seat: number | null, first: number): number | null {
  if (seat === null) return null
  let before = 0
  let all = 0
  for (const [number, { weight }] of seats.entries()) {
    if (weight === 0) continue
    if (number < seat) before++
    all++
  }
  return (before - (first % all) + all) % all
}

/** Number of a member's seat, or null where it has none; a place for which it never named a key is none that it could vote from. */
export function seatOf(committee: Committee, memberId: Uint8Array): number | null {
  const index = committee.seats.findIndex((seat) => equal(seat.memberId, memberId))
  const seat = committee.seats[index]
  return seat?.epochKey.some((byte) => byte !== 0) ? index : null
}
