/**
 * What a storm is judged by, beside the books of those who stayed: each settlement that was ever on the wire, whatever epoch it is of, who says to hold what, and when somebody voted first.
 */

import { readCertificate } from '../../src/consensus/certificate.ts'
import type { CommitteeBook } from '../../src/consensus/committee-book.ts'
import { readBallot } from '../../src/consensus/simplex/ballot.ts'
import { readVoteBatch } from '../../src/consensus/statement.ts'
import { concat, toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope, type Envelope, TYPE } from '../../src/core/envelope.ts'
import { decodeFrame } from '../../src/core/frame.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { Fields } from '../../src/core/shape.ts'

export class StormWire {
  /** Two settlements of one version. */
  readonly violations: string[] = []
  /** By object and version, `<oid>/<version>`: the order that was settled. */
  readonly settled = new Map<string, string>()
  readonly #summaries = new Map<string, string>()
  readonly #awaited = new Map<string, (nowMs: number) => void>()
  #book: CommitteeBook | null = null
  /** Settlements of committees that were not known yet when they came. */
  #unread: Envelope[] = []

  /** The committees by which statements are read. */
  readWith(book: CommitteeBook): void {
    this.#book = book
  }

  /** Takes a message as it comes in: `AddNodeOptions.onWire`. */
  hear(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const envelope = decodeEnvelope(bytes)
    const { type } = envelope
    if (type === TYPE.settlement) this.#unread.push(envelope)
    else if (type === TYPE.summary) this.#hearSummary(envelope)
    else if (this.#awaited.size > 0 && (type === TYPE.voteBatch || type === TYPE.ballot)) this.#hearVote(envelope)
  }

  /** Reads what can be read by now. */
  read(): void {
    this.#unread = this.#unread.filter((envelope) => !this.#readSettlement(envelope))
  }

  /** Settlements of committees that none of these books knows. */
  unknownTo(books: readonly CommitteeBook[]): number {
    return this.#unread.filter(({ scope }) => !books.some((book) => book.find(scope))).length
  }

  /** When the next vote of this identity is on the wire, in a seat of whatever epoch; by `performance.now`. */
  firstVoteOf(id: Uint8Array): Promise<number> {
    return new Promise((resolve) => this.#awaited.set(toHex(id), resolve))
  }

  /** Who of these said last that it has settled something else than this, in hexadecimal. */
  disagreeing(ids: readonly Uint8Array[], summary: readonly Uint8Array[]): string[] {
    const digests = toHex(concat(...summary))
    return ids.map(toHex).filter((id) => this.#summaries.get(id) !== digests)
  }

  #readSettlement(envelope: Envelope): boolean {
    const committee = this.#book?.find(envelope.scope)
    if (!committee) return false
    const { oid, version, od } = readCertificate(envelope, committee)
    const slot = `${toHex(oid)}/${version}`
    const known = this.settled.get(slot)
    if (known !== undefined && known !== toHex(od)) this.violations.push(`both ${known} and ${toHex(od)} at ${slot}`)
    this.settled.set(slot, toHex(od))
    return true
  }

  #hearSummary(envelope: Envelope): void {
    const { sender, payload } = decodeFrame(envelope)
    const fields = new Fields('summary', payload)
    fields.uint('round')
    this.#summaries.set(toHex(sender), toHex(fields.bytes('digests', LIMITS.summaryBuckets * 32)))
  }

  #hearVote(envelope: Envelope): void {
    const committee = this.#book?.find(envelope.scope)
    if (!committee) return
    const read = envelope.type === TYPE.ballot ? readBallot : readVoteBatch
    const id = committee.seats[read(envelope, committee).seat]?.memberId
    if (!id) return
    const resolve = this.#awaited.get(toHex(id))
    this.#awaited.delete(toHex(id))
    resolve?.(performance.now())
  }
}
