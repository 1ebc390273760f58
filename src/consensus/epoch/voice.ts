/**
 * Says what is due: has it signed, writes it down, and says the same bytes again when asked, also after a restart.
 *
 * A word is asked for by name; what has a name was said, or is being said, and is never made anew. Signing is an answer of somebody who holds the keys: one at a time.
 */

import { fromText } from '../../core/bytes.ts'
import { decode, encode } from '../../core/codec.ts'
import { WebxError } from '../../core/errors.ts'
import type { Committee } from '../committee.ts'
import type { Journal } from '../journal.ts'
import { SPACE } from '../records.ts'
import {
  type Candidacy,
  candidacyBody,
  candidacyBytes,
  candidacySignedBytes,
  type Proposal,
  transactionBody,
  transactionBytes,
  transactionSignedBytes,
} from './transaction.ts'

/** What somebody who holds the keys is asked for. */
export type Asked =
  /** A signature with the key of an epoch. */
  | { readonly with: 'epoch-key'; readonly epoch: number; readonly message: Uint8Array }
  /** A signature with the identity's key. */
  | { readonly with: 'identity-key'; readonly message: Uint8Array }
  /** A proof of the identity's verifiable random function for this input. */
  | { readonly with: 'vrf-key'; readonly message: Uint8Array }
  /** The public key that the identity will vote with in an epoch. */
  | { readonly with: 'nothing'; readonly epoch: number }

interface Wish {
  readonly ask: Asked
  readonly answered: (answer: Uint8Array) => void
}

export class Voice {
  readonly #committee: Committee
  readonly #journal: Journal
  readonly #said = new Map<string, Uint8Array | null>()
  readonly #wishes: Wish[] = []
  #asked: Wish | null = null
  #fresh: Uint8Array[] = []

  /** Knows again what earlier lives have said in this epoch. */
  constructor(committee: Committee, journal: Journal, records: Iterable<{ key: Uint8Array; value: Uint8Array }>) {
    this.#committee = committee
    this.#journal = journal
    for (const { value } of records) {
      const [name, bytes] = decode(value) as [string, Uint8Array]
      this.#said.set(name, bytes)
    }
  }

  /** Everything that was said in this epoch. */
  *said(): Iterable<Uint8Array> {
    for (const bytes of this.#said.values()) if (bytes) yield bytes
  }

  has(name: string): boolean {
    return this.#said.has(name)
  }

  /** Says what a seat puts before the neighborhood, unless this was said. */
  propose(name: string, seat: number, proposal: Proposal): void {
    if (this.#said.has(name)) return
    this.#said.set(name, null)
    const body = transactionBody({ seat, proposal })
    const message = transactionSignedBytes(this.#committee, body)
    const ask: Asked = { with: 'epoch-key', epoch: this.#committee.epoch, message }
    this.#ask(ask, (signature) => this.#say(name, transactionBytes(this.#committee, body, signature)))
  }

  /** Says what somebody says of its own place, unless this was said. */
  candidate(name: string, candidacy: Candidacy): void {
    if (this.#said.has(name)) return
    this.#said.set(name, null)
    const { netId } = this.#committee
    const body = candidacyBody(candidacy)
    const ask: Asked = { with: 'identity-key', message: candidacySignedBytes(netId, body) }
    this.#ask(ask, (signature) => this.#say(name, candidacyBytes(netId, body, signature)))
  }

  /** Asks once for something that a word is made of, by the name of the word. */
  prepare(name: string, ask: Asked, then: (answer: Uint8Array) => void): void {
    const step = `before ${name}`
    if (this.#said.has(name) || this.#said.has(step)) return
    this.#said.set(step, null)
    this.#ask(ask, then)
  }

  /** What is to be answered next; null where nothing is, or an answer is awaited. */
  next(): Asked | null {
    if (this.#asked) return null
    this.#asked = this.#wishes.shift() ?? null
    return this.#asked?.ask ?? null
  }

  /** Something waits for an answer. */
  get isWaiting(): boolean {
    return this.#wishes.length > 0
  }

  /** The answer to what `next` asked. */
  answer(answer: Uint8Array): void {
    const asked = this.#asked
    this.#asked = null
    if (!asked) throw new WebxError('internal', 'an answer to nothing')
    asked.answered(answer)
  }

  /** What was said since the last call. */
  take(): Uint8Array[] {
    const fresh = this.#fresh
    this.#fresh = []
    return fresh
  }

  #ask(ask: Asked, answered: (answer: Uint8Array) => void): void {
    this.#wishes.push({ ask, answered })
  }

  #say(name: string, bytes: Uint8Array): void {
    this.#said.set(name, bytes)
    this.#journal.put(SPACE.said, fromText(name), encode([name, bytes]))
    this.#fresh.push(bytes)
  }
}
