/** A set of seats with its weight: who has said something. */

import type { Committee } from '../committee.ts'

export class SeatSet {
  readonly #committee: Committee
  #bits = 0
  #weight = 0

  constructor(committee: Committee) {
    this.#committee = committee
  }

  /** False where the seat is in already. */
  add(seat: number): boolean {
    if (this.has(seat)) return false
    this.#bits |= 1 << seat
    this.#weight += this.#committee.seats[seat]?.weight ?? 0
    return true
  }

  has(seat: number): boolean {
    return (this.#bits & (1 << seat)) !== 0
  }

  get size(): number {
    let size = 0
    for (let bits = this.#bits; bits !== 0; bits &= bits - 1) size++
    return size
  }

  get weight(): number {
    return this.#weight
  }

  /** At least one honest seat is among them. */
  get isBelieved(): boolean {
    return this.#weight > this.#committee.faultyMax
  }

  get isQuorum(): boolean {
    return this.#weight >= this.#committee.quorum
  }
}
