/**
 * A witness of the wire: hears every vote, certificate and settlement as it comes, believes nobody, and names each breach of the rules.
 *
 * It keeps its own books in plain maps, apart from the register and its tally, so that a mistake there cannot hide itself here.
 */

import { type Certificate, checksOf, readCertificate } from '../../src/consensus/certificate.ts'
import type { Committee } from '../../src/consensus/committee.ts'
import { verifyEvidence } from '../../src/consensus/evidence.ts'
import { headerCheck, readVoteBatch, type SignedHeader, VOTE, type VoteBatch } from '../../src/consensus/statement.ts'
import { concat, equal, toHex } from '../../src/core/bytes.ts'
import { verifySignature } from '../../src/core/crypto.ts'
import { decodeEnvelope, type Envelope, TYPE } from '../../src/core/envelope.ts'
import { decodeFrame } from '../../src/core/frame.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { Fields } from '../../src/core/shape.ts'

/** Called with each batch that was not heard before. */
type Listener = (batch: VoteBatch) => void

const VERBS = ['locked', 'confirmed'] as const

export class Witness {
  /** Breaches of the rules, in the order in which they were seen; empty as long as all is well. */
  readonly violations: string[] = []
  readonly #committee: Committee
  /** By seat and sequence: the root that the seat signed. */
  readonly #roots = new Map<string, Uint8Array>()
  /** By seat, kind and slot: the order that the seat voted for. */
  readonly #votes = new Map<string, string>()
  /** By kind and slot: the order that a quorum voted for. */
  readonly #proven = new Map<string, string>()
  /** Batches that came as such, with their entries: seat and sequence. */
  readonly #heard = new Set<string>()
  readonly #evidence = new Set<string>()
  /** By seat: the digests of all that it says it has settled. */
  readonly #summaries = new Map<number, string>()
  readonly #listeners = new Set<Listener>()

  constructor(committee: Committee) {
    this.#committee = committee
  }

  /** Takes a message as it comes in: `NodeOptions.onWire`. Never throws: what cannot be read is a breach, too. */
  hear(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    try {
      this.#hear(bytes)
    } catch (error) {
      this.#breach(`a message breaks its own rules: ${(error as Error).message}`)
    }
  }

  onBatch(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** How many different batches were heard. */
  get batches(): number {
    return this.#heard.size
  }

  /** How many double orders were proven on the wire. */
  get doubleOrders(): number {
    return this.#evidence.size
  }

  /** Every batch number of a seat that was heard, alone or inside a proof, with its root. */
  rootsOf(seat: number): { readonly sequence: number; readonly root: Uint8Array }[] {
    return [...this.#roots].flatMap(([name, root]) => {
      const [of, sequence] = name.split('/').map(Number)
      return of === seat ? [{ sequence: sequence as number, root }] : []
    })
  }

  /** The order that was settled for a version, hexadecimal, or null. */
  settled(oid: Uint8Array, version: number): string | null {
    return this.#proven.get(`${VOTE.confirm}/${toHex(oid)}/${version}`) ?? null
  }

  /** How many seats said last that they have settled exactly this. */
  agreeing(summary: readonly Uint8Array[]): number {
    const name = toHex(concat(...summary))
    return [...this.#summaries.values()].filter((known) => known === name).length
  }

  #hear(bytes: Uint8Array): void {
    const envelope = decodeEnvelope(bytes)
    if (envelope.type === TYPE.voteBatch) this.#hearBatch(readVoteBatch(envelope, this.#committee))
    else if (envelope.type === TYPE.certificate || envelope.type === TYPE.settlement) this.#hearProof(envelope)
    else if (envelope.type === TYPE.evidence) this.#hearEvidence(bytes)
    else if (envelope.type === TYPE.summary) this.#hearSummary(envelope)
  }

  #hearBatch(batch: VoteBatch): void {
    const name = `${batch.seat}/${batch.sequence}`
    const known = this.#roots.get(name)
    if (known && equal(known, batch.root) && this.#heard.has(name)) return
    const { key, message, signature } = headerCheck(this.#committee, batch)
    if (!verifySignature(key, message, signature)) {
      this.#breach(`seat ${batch.seat}: batch ${batch.sequence} has a signature that does not hold`)
      return
    }
    this.#heard.add(name)
    this.#noteRoot(batch)
    for (const { kind, oid, version, od } of batch.entries) this.#noteVote(batch.seat, kind, oid, version, od)
    for (const listener of [...this.#listeners]) listener(batch)
  }

  #noteRoot({ seat, sequence, root, previousRoot }: SignedHeader): void {
    const name = `${seat}/${sequence}`
    const known = this.#roots.get(name)
    if (!known) this.#roots.set(name, root.slice())
    else if (!equal(known, root)) this.#breach(`seat ${seat} signed two batches under number ${sequence}`)
    const before = this.#roots.get(`${seat}/${sequence - 1}`)
    if (before && !equal(before, previousRoot)) {
      this.#breach(`seat ${seat}: batch ${sequence} does not follow the batch ${sequence - 1} that was on the wire`)
    }
  }

  #noteVote(seat: number, kind: number, oid: Uint8Array, version: number, od: Uint8Array): void {
    const slot = `${toHex(oid)}/${version}`
    const name = `${seat}/${kind}/${slot}`
    const order = toHex(od)
    const known = this.#votes.get(name)
    if (known === undefined) this.#votes.set(name, order)
    else if (known !== order) this.#breach(`seat ${seat} ${VERBS[kind]} both ${known} and ${order} at ${slot}`)
  }

  #hearProof(envelope: Envelope): void {
    const proof = readCertificate(envelope, this.#committee)
    const { kind, oid, version } = proof
    const slot = `${toHex(oid)}/${version}`
    const order = toHex(proof.od)
    const known = this.#proven.get(`${kind}/${slot}`)
    if (known === order) return
    if (!this.#holds(proof)) {
      this.#breach(`a proof for ${order} at ${slot} has a signature that does not hold`)
      return
    }
    for (const header of proof.proofs) {
      this.#noteRoot(header)
      this.#noteVote(header.seat, kind, oid, version, proof.od)
    }
    if (known !== undefined) this.#breach(`a quorum ${VERBS[kind]} both ${known} and ${order} at ${slot}`)
    this.#proven.set(`${kind}/${slot}`, order)
  }

  #holds(proof: Certificate): boolean {
    return checksOf(proof, this.#committee).every(({ key, message, signature }) =>
      verifySignature(key, message, signature),
    )
  }

  /** An owner may be caught; a member never. */
  #hearEvidence(bytes: Uint8Array): void {
    const { kind, guilty } = verifyEvidence(bytes, this.#committee)
    if (kind === 'double-order') this.#evidence.add(toHex(bytes))
    else this.#breach(`evidence of a ${kind} by ${toHex(guilty).slice(0, 8)}`)
  }

  #hearSummary(envelope: Envelope): void {
    const { sender, payload } = decodeFrame(envelope)
    const seat = this.#committee.seats.findIndex(({ memberId }) => equal(memberId, sender))
    if (seat < 0) return
    const fields = new Fields('summary', payload)
    fields.uint('round')
    this.#summaries.set(seat, toHex(fields.bytes('digests', LIMITS.summaryBuckets * 32)))
  }

  #breach(what: string): void {
    if (!this.violations.includes(what)) this.violations.push(what)
  }
}
