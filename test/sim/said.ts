/**
 * What a message says, decoded once for all who get it.
 *
 * Decoding is a pure function of the bytes, and what it gives is never changed: so oracles and members may share it, and the simulator saves what would be most of its time.
 */

import { type Certificate, readCertificate } from '../../src/consensus/certificate.ts'
import type { Committee } from '../../src/consensus/committee.ts'
import { keyOf } from '../../src/consensus/key.ts'
import { type Order, readOrder } from '../../src/consensus/order.ts'
import { type Ballot, ballotCheck, readBallot } from '../../src/consensus/simplex/ballot.ts'
import { type Candidate, candidateCheck, readCandidate } from '../../src/consensus/simplex/candidate.ts'
import { type BlockCertificate, readBlockCertificate } from '../../src/consensus/simplex/certificate.ts'
import { headerCheck, readVoteBatch, type VoteBatch, type VoteEntry } from '../../src/consensus/statement.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { decodeEnvelope, type Envelope, TYPE } from '../../src/core/envelope.ts'
import { WebxError } from '../../src/core/errors.ts'
import type { Stage } from './stage.ts'

/** What a vote is about, as texts that are cheap to compare: `kind oid version`, and the digest of the order. */
export interface Named {
  readonly slot: string
  readonly od: string
}

/** A decoded message. `signed`: its signature holds. `rubbish` is refused by everybody. */
export type Said =
  | { readonly kind: 'order'; readonly order: Order }
  | {
      readonly kind: 'votes'
      readonly batch: VoteBatch
      readonly committee: Committee
      readonly signed: boolean
      readonly names: readonly Named[]
    }
  | {
      readonly kind: 'certificate'
      readonly certificate: Certificate
      readonly committee: Committee
      readonly type: number
      readonly name: Named
    }
  | {
      readonly kind: 'candidate'
      readonly candidate: Candidate
      readonly committee: Committee
      readonly signed: boolean
    }
  | { readonly kind: 'ballot'; readonly ballot: Ballot; readonly committee: Committee; readonly signed: boolean }
  | { readonly kind: 'block-certificate'; readonly certificate: BlockCertificate; readonly committee: Committee }
  | { readonly kind: 'evidence' }
  /** A statement that no oracle looks into: of the epoch lane. */
  | { readonly kind: 'other'; readonly type: number }
  /** What the services around the engines say to each other. */
  | { readonly kind: 'frame'; readonly fields: readonly Cbor[] }
  | { readonly kind: 'rubbish'; readonly error: WebxError }

/** First byte of an envelope: an array of seven. Frames of the simulation are shorter ones. */
const ENVELOPE = 0x87

const known = new WeakMap<Uint8Array, Said>()
const envelopes = new WeakMap<Uint8Array, Envelope>()
const frames = new WeakMap<Uint8Array, readonly Cbor[]>()
const names = new WeakMap<Uint8Array, string>()

/** What these very bytes say. */
export function saidBy(bytes: Uint8Array, stage: Stage): Said {
  const before = known.get(bytes)
  if (before) return before
  const said = tryRead(bytes, stage)
  known.set(bytes, said)
  return said
}

/** The envelope of a statement, decoded once. Throws what decoding throws. */
export function envelopeOf(bytes: Uint8Array): Envelope {
  const before = envelopes.get(bytes)
  if (before) return before
  const envelope = decodeEnvelope(bytes)
  envelopes.set(bytes, envelope)
  return envelope
}

/** The fields of a frame; null for a statement. */
export function frameFields(bytes: Uint8Array): readonly Cbor[] | null {
  if (bytes[0] === ENVELOPE) return null
  const before = frames.get(bytes)
  if (before) return before
  const fields = decode(bytes) as readonly Cbor[]
  frames.set(bytes, fields)
  return fields
}

/** A name that two messages share only if they are equal. */
export function saidName(bytes: Uint8Array): string {
  const before = names.get(bytes)
  if (before !== undefined) return before
  const name = keyOf(bytes)
  names.set(bytes, name)
  return name
}

/** A frame: who is meant and what is asked is up to its kind. */
export function frame(...fields: readonly Cbor[]): Uint8Array {
  return encode([...fields])
}

/** Slot and order of a vote at hand. */
export function nameOf({ kind, oid, version, od }: VoteEntry): Named {
  return { slot: `${kind}${keyOf(oid)}${version}`, od: keyOf(od) }
}

function tryRead(bytes: Uint8Array, stage: Stage): Said {
  const fields = frameFields(bytes)
  if (fields) return { kind: 'frame', fields }
  try {
    return read(envelopeOf(bytes), stage)
  } catch (error) {
    if (error instanceof WebxError && error.code !== 'internal') return { kind: 'rubbish', error }
    throw error
  }
}

function read(envelope: Envelope, stage: Stage): Said {
  switch (envelope.type) {
    case TYPE.order:
      return { kind: 'order', order: readOrder(envelope) }
    case TYPE.voteBatch: {
      const committee = stage.committeeOf(envelope)
      const batch = readVoteBatch(envelope, committee)
      const signed = stage.holds(headerCheck(committee, batch))
      return { kind: 'votes', batch, committee, signed, names: batch.entries.map(nameOf) }
    }
    case TYPE.certificate:
    case TYPE.settlement: {
      const committee = stage.committeeOf(envelope)
      const certificate = readCertificate(envelope, committee)
      return { kind: 'certificate', certificate, committee, type: envelope.type, name: nameOf(certificate) }
    }
    case TYPE.candidate: {
      const committee = stage.committeeOf(envelope)
      const candidate = readCandidate(envelope, committee)
      return { kind: 'candidate', candidate, committee, signed: stage.holds(candidateCheck(committee, candidate)) }
    }
    case TYPE.ballot: {
      const committee = stage.committeeOf(envelope)
      const ballot = readBallot(envelope, committee)
      return { kind: 'ballot', ballot, committee, signed: stage.holds(ballotCheck(committee, ballot)) }
    }
    case TYPE.blockCertificate: {
      const committee = stage.committeeOf(envelope)
      return { kind: 'block-certificate', certificate: readBlockCertificate(envelope, committee), committee }
    }
    case TYPE.evidence:
      return { kind: 'evidence' }
    default:
      return { kind: 'other', type: envelope.type }
  }
}
