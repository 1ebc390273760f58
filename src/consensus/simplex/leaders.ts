/**
 * Who may propose: every seat that can sign leads once in a round of slots, in an order that the seed of the epoch draws anew for each round.
 *
 * A vacant seat has an epoch key of zeros: it keeps its weight in the quorum, signs nothing and leads nothing.
 */

import { compare } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { blake3Of } from '../../core/digest.ts'
import { WebxError } from '../../core/errors.ts'
import type { Committee, CommitteeSeat } from '../committee.ts'

const ROUNDS_KEPT = 4

/** True where nobody holds the key of a seat. */
export function isVacant(seat: CommitteeSeat): boolean {
  return seat.epochKey.every((byte) => byte === 0)
}

/** A seat whose signature can hold. Throws `unknown-sender` where there is no such seat, or nobody in it. */
export function signingSeat(committee: Committee, number: number): CommitteeSeat {
  const seat = committee.seats[number]
  if (!seat || isVacant(seat)) throw new WebxError('unknown-sender', `nobody signs for seat ${number}`)
  return seat
}

export class Leaders {
  readonly #seats: readonly number[]
  readonly #seed: Uint8Array
  /** Orders of the rounds that were asked for last. */
  readonly #rounds = new Map<number, readonly number[]>()

  /** @param seed 32 bytes that nobody could choose. Throws `bad-argument` for a committee in which nobody can lead. */
  constructor(committee: Committee, seed: Uint8Array) {
    this.#seats = [...committee.seats.entries()].flatMap(([number, seat]) =>
      seat.weight > 0 && !isVacant(seat) ? [number] : [],
    )
    this.#seed = seed
    if (this.#seats.length === 0) throw new WebxError('bad-argument', 'a committee in which nobody can lead')
  }

  /** Number of the seat that leads a slot. */
  of(slot: number): number {
    const count = this.#seats.length
    return this.#round(Math.floor(slot / count))[slot % count] as number
  }

  #round(round: number): readonly number[] {
    const known = this.#rounds.get(round)
    if (known) return known
    if (this.#rounds.size >= ROUNDS_KEPT) this.#rounds.clear()
    const order = this.#seats
      .map((seat) => ({ seat, lot: blake3Of('webx v1 leader lot', encode([this.#seed, round, seat])) }))
      .sort((one, other) => compare(one.lot, other.lot))
      .map(({ seat }) => seat)
    this.#rounds.set(round, order)
    return order
  }
}
