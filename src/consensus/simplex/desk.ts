/**
 * What this member has decided to say and has not signed yet, in its order, one statement at a time.
 *
 * A statement counts as said from the moment it is decided, so that nothing that contradicts it is ever decided beside it; nobody hears of it before it is sealed together with
 * its record. What has become useless meanwhile is left unsigned.
 */

import type { Committee } from '../committee.ts'
import { type Ballot, ballotMessage, type Verdict } from './ballot.ts'
import { type Candidate, candidateMessage } from './candidate.ts'

/** A statement that is to be signed. */
export type Wish =
  | { readonly kind: 'candidate'; readonly candidate: Omit<Candidate, 'signature'> }
  | { readonly kind: 'ballot'; readonly verdict: Verdict }

/** A statement that was signed. */
export type Said =
  | { readonly kind: 'candidate'; readonly candidate: Candidate }
  | { readonly kind: 'ballot'; readonly ballot: Ballot }

export class Desk {
  readonly #committee: Committee
  readonly #seat: number
  #wishes: Wish[] = []
  #signing: Wish | null = null

  constructor(committee: Committee, seat: number) {
    this.#committee = committee
    this.#seat = seat
  }

  get size(): number {
    return this.#wishes.length
  }

  add(wish: Wish): void {
    this.#wishes.push(wish)
  }

  /** The message to be signed next; null where there is none, or one is being signed. */
  next(isUseful: (wish: Wish) => boolean): { readonly message: Uint8Array } | null {
    if (this.#signing) return null
    let wish = this.#wishes.shift()
    while (wish && !isUseful(wish)) wish = this.#wishes.shift()
    if (!wish) return null
    this.#signing = wish
    const message =
      wish.kind === 'candidate'
        ? candidateMessage(this.#committee, wish.candidate)
        : ballotMessage(this.#committee, this.#seat, wish.verdict)
    return { message }
  }

  /** Ends what `next` began; null where it began nothing. */
  seal(signature: Uint8Array): Said | null {
    const wish = this.#signing
    this.#signing = null
    if (!wish) return null
    return wish.kind === 'candidate'
      ? { kind: 'candidate', candidate: { ...wish.candidate, signature } }
      : { kind: 'ballot', ballot: { ...wish.verdict, seat: this.#seat, signature } }
  }

  /** Gives up all that is not sealed. */
  clear(): void {
    this.#wishes = []
    this.#signing = null
  }
}
