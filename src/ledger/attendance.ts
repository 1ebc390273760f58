/**
 * Attendance: who voted for which final block, and who led it, as the blocks themselves say.
 *
 * Nothing is attested by anybody for the sake of a reward: these lists are on record because blocks need votes.
 */

import { type Cbor, encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'

/** One final block. */
export interface AttendedSlot {
  readonly slot: number
  /** Number of the seat that composed the block. */
  readonly leader: number
  /** Bit i is set where seat i's vote for it is on record. */
  readonly voters: number
}

/** What one seat did in an epoch. */
export interface SeatWork {
  /** Final blocks that it voted for, and that it led. */
  readonly attended: number
  readonly led: number
}

/** 32-byte digest of an epoch's attendance, which lines of rewards name as their evidence. */
export function attendanceDigest(epoch: number, slots: readonly AttendedSlot[]): Uint8Array {
  const listed = slots.map(({ slot, leader, voters }): Cbor => [slot, leader, voters >>> 0])
  return blake3Of('webx v1 attendance', encode([epoch, listed]))
}

/** What each of `seats` seats did. Throws `bad-argument` where slots are not ascending, too many, or of seats that are none. */
export function countAttendance(slots: readonly AttendedSlot[], seats: number): SeatWork[] {
  if (slots.length > LIMITS.rewardSlotsMax) throw new WebxError('bad-argument', 'too many slots for one epoch')
  const work = Array.from({ length: seats }, () => ({ attended: 0, led: 0 }))
  let before = -1
  for (const { slot, leader, voters } of slots) {
    const own = work[leader]
    if (slot <= before || !own || voters >>> 0 >= 2 ** seats) {
      throw new WebxError('bad-argument', 'attendance: slots ascend, and only seats vote and lead')
    }
    before = slot
    own.led++
    for (const [seat, each] of work.entries()) if (hasVoted(voters, seat)) each.attended++
  }
  return work
}

/** The slots in which a seat's vote is not on record. */
export function absencesOf(slots: readonly AttendedSlot[], seat: number): number[] {
  return slots.flatMap(({ slot, voters }) => (hasVoted(voters, seat) ? [] : [slot]))
}

function hasVoted(voters: number, seat: number): boolean {
  return ((voters >>> seat) & 1) === 1
}
