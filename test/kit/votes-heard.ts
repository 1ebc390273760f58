/** Listens to what seats say with their votes, of any committee that is known by now, and notes whoever says two things where one is allowed. */

import type { Committee } from '../../src/consensus/committee.ts'
import { readBallot } from '../../src/consensus/simplex/ballot.ts'
import { readVoteBatch } from '../../src/consensus/statement.ts'
import { toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope, type Envelope, TYPE } from '../../src/core/envelope.ts'

export class VotesHeard {
  /** Who said what twice. */
  readonly violations: string[] = []
  /** Batches and ballots that were read, by neighborhood in hexadecimal. */
  readonly counts = new Map<string, number>()
  readonly #committees = new Map<string, Committee>()
  readonly #said = new Map<string, string>()
  #unread: Envelope[] = []

  know(committee: Committee): void {
    this.#committees.set(toHex(committee.cid), committee)
  }

  hear(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const envelope = decodeEnvelope(bytes)
    if (envelope.type === TYPE.voteBatch || envelope.type === TYPE.ballot) this.#unread.push(envelope)
  }

  /** Reads what can be read by now; returns how much could not. */
  read(): number {
    this.#unread = this.#unread.filter((envelope) => {
      const committee = this.#committees.get(toHex(envelope.scope))
      if (!committee) return true
      if (envelope.type === TYPE.ballot) this.#ballot(envelope, committee)
      else this.#batch(envelope, committee)
      const nid = toHex(committee.nid)
      this.counts.set(nid, (this.counts.get(nid) ?? 0) + 1)
      return false
    })
    return this.#unread.length
  }

  #batch(envelope: Envelope, committee: Committee): void {
    const { seat, sequence, root, entries } = readVoteBatch(envelope, committee)
    const voter = `${toHex(committee.cid)}/${seat}`
    this.#note(`${voter} batch ${sequence}`, toHex(root))
    for (const { kind, oid, version, od } of entries) this.#note(`${voter} ${kind} ${toHex(oid)}/${version}`, toHex(od))
  }

  /** Of a slot a seat accepts one block, and makes final one. */
  #ballot(envelope: Envelope, committee: Committee): void {
    const { seat, kind, slot, hash } = readBallot(envelope, committee)
    this.#note(`${toHex(committee.cid)}/${seat} ${kind} in slot ${slot}`, toHex(hash))
  }

  #note(what: string, value: string): void {
    const known = this.#said.get(what)
    if (known !== undefined && known !== value) this.violations.push(`${what}: ${known} and ${value}`)
    this.#said.set(what, value)
  }
}
