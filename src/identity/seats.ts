/**
 * What seats decide together: how much of their weight, and under which name.
 *
 * Stands here because whoever counts votes and whoever judges witnesses of a recovery must mean the same seats, and neither of the two knows the other.
 */

import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import type { Genesis } from './genesis.ts'

/** A seat as it is named in the digest of its committee. */
export interface NamedSeat {
  /** 32-byte identity of the member. */
  readonly memberId: Uint8Array
  /** Raw Ed25519 key that speaks for the seat in one epoch. */
  readonly epochKey: Uint8Array
  readonly weight: number
}

/** The seats of an epoch, which are numbered by their position. */
export interface Seating {
  readonly netId: Uint8Array
  /** 16-byte id of the neighborhood. */
  readonly nid: Uint8Array
  readonly epoch: number
  readonly seats: readonly NamedSeat[]
}

/** The seats that a genesis names, in epoch 0. */
export function seatingOf({ netId, neighborhood: nid, seats, memberStates }: Genesis): Seating {
  const named = seats.map(({ epochKey, weight }, i) => {
    const { id } = memberStates[i] as Genesis['memberStates'][number]
    return { memberId: id, epochKey, weight }
  })
  return { netId, nid, epoch: 0, seats: named }
}

/** The committee digest, *cid*: 32 bytes that name net, neighborhood, epoch and every seat. */
export function seatingDigest({ netId, nid, epoch, seats }: Seating): Uint8Array {
  const listed = seats.map(({ memberId, epochKey, weight }) => [memberId, epochKey, weight])
  return blake3Of('webx v1 committee', encode([netId, nid, epoch, listed]))
}

export function weightOf(seats: readonly Pick<NamedSeat, 'weight'>[]): number {
  return seats.reduce((sum, seat) => sum + seat.weight, 0)
}

/** ⌊2W/3⌋+1: two such quorums share more than a third of the weight. */
export function quorumOf(weight: number): number {
  return Math.floor((2 * weight) / 3) + 1
}
