/**
 * TRANSACTION: what a seat puts before the neighborhood, under its epoch key. CANDIDACY: what somebody says of its own place in it, under its identity key.
 *
 * A TRANSACTION's body is [kind, seat, content…], its scope the committee digest: it counts in its epoch only. A CANDIDACY's is [kind, nid, epoch, id, content…], its scope
 * the net id, since whoever joins belongs to no committee yet. Both are ordered by the Simplex lane and mean something when they are executed. CDDL: `src/PROTOCOL.md`.
 */

import { type Cbor, encode } from '../../core/codec.ts'
import type { SignatureCheck } from '../../core/crypto.ts'
import { blake3Of } from '../../core/digest.ts'
import { type Envelope, encodeEnvelope, signedBytes, TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import { readVersions, type VersionRange } from '../../core/versions.ts'
import type { Committee } from '../committee.ts'
import { assertScope } from '../statement.ts'
import type { Offer } from './kin.ts'
import { readLender } from './loan.ts'
import { readRosterEntry, rosterFields } from './opening.ts'

/** A version of an object and the order that it is: what checkpoints list, and reports. */
export interface Decided {
  readonly oid: Uint8Array
  readonly version: number
  /** 32-byte digest of the order. */
  readonly od: Uint8Array
}

/** What a seat may put before the neighborhood. */
export type Proposal =
  /** "The epoch should end", and this seat's share of the seed of the next one: a proof of its verifiable random function. */
  | { readonly kind: 'turn'; readonly proof: Uint8Array }
  /** "I answer for this applicant." */
  | { readonly kind: 'vouch'; readonly id: Uint8Array }
  /** "This member does not answer any more." */
  | { readonly kind: 'accuse'; readonly id: Uint8Array }
  /** "This slot does not get on." */
  | { readonly kind: 'unlock'; readonly oid: Uint8Array; readonly version: number }
  /** What this seat has certified at a slot that is being unlocked, since it froze it; null for nothing. */
  | { readonly kind: 'report'; readonly oid: Uint8Array; readonly version: number; readonly od: Uint8Array | null }
  /** "Whoever is ready is ready": close the epoch. */
  | { readonly kind: 'close' }
  /** "Too few get ready": plan the seats anew without those who did not. */
  | { readonly kind: 'replan' }
  /** Part of what this seat has certified and no checkpoint covers, since it froze the lane. */
  | {
      readonly kind: 'close-report'
      readonly part: number
      readonly parts: number
      readonly entries: readonly Decided[]
    }
  /** By the leader of the block, whose signature covers it: newest settled versions of objects. Whoever votes for the block holds their settlements. */
  | { readonly kind: 'checkpoint'; readonly entries: readonly Decided[] }
  /** By the leader of the block: the end of the epoch, and the digest of what the next one begins with; where the neighborhood is divided, of what its sprout begins with, too. */
  | { readonly kind: 'final'; readonly opening: Uint8Array; readonly sprout: Uint8Array | null }
  /** By the leader of the block: people of the neighborhood's kin who may come where it has become too small. Whoever votes for the block knows the opening that is named. */
  | { readonly kind: 'offer'; readonly offer: Offer }

export interface Transaction {
  readonly seat: number
  readonly proposal: Proposal
}

/** What somebody says of its own place. */
export type Candidature =
  /** Asks to be taken in. */
  | {
      readonly kind: 'join'
      /** Encoded inception event. */
      readonly inception: Uint8Array
      readonly vrfKey: Uint8Array
      readonly organization: Uint8Array
      readonly capabilities: number
      /** 64-byte signature of the net's organization over `admissionBytes`. */
      readonly admission: Uint8Array
    }
  | { readonly kind: 'leave' }
  | {
      /** Ready to sit in the epoch after `epoch`. */
      readonly kind: 'ready'
      /** The key that it will vote with. */
      readonly epochKey: Uint8Array
      /** Inception event of somebody who was taken in during this epoch and is on no roster yet; else empty. */
      readonly inception: Uint8Array
      readonly versions: VersionRange
    }
  /** Answers those who say that it does not answer. `answers`: how often it has in this epoch before. */
  | { readonly kind: 'alive'; readonly answers: number }

export interface Candidacy {
  /** 16-byte id of the neighborhood. */
  readonly nid: Uint8Array
  /** The epoch in which this is said. */
  readonly epoch: number
  readonly id: Uint8Array
  readonly candidature: Candidature
}

const PROPOSALS = [
  'turn',
  'vouch',
  'accuse',
  'unlock',
  'report',
  'close',
  'replan',
  'close-report',
  'checkpoint',
  'final',
  'offer',
] as const satisfies readonly Proposal['kind'][]
const CANDIDATURES = ['join', 'leave', 'ready', 'alive'] as const satisfies readonly Candidature['kind'][]
const VRF_PROOF_BYTES = 80
const NOTHING = new Uint8Array(0)

/** Body bytes of a transaction, to be signed with the epoch key over `transactionSignedBytes`. */
export function transactionBody({ seat, proposal }: Transaction): Uint8Array {
  return encode([PROPOSALS.indexOf(proposal.kind), seat, ...contentOf(proposal)])
}

export function transactionSignedBytes(committee: Committee, body: Uint8Array): Uint8Array {
  return signedBytes(TYPE.transaction, committee.cid, body)
}

/** The statement of a signed transaction. */
export function transactionBytes(committee: Committee, body: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeEnvelope({ type: TYPE.transaction, scope: committee.cid, body, signature, attachment: NOTHING })
}

/** The statement of what the leader of a block puts into it. */
export function leadersBytes(committee: Committee, transaction: Transaction): Uint8Array {
  return transactionBytes(committee, transactionBody(transaction), NOTHING)
}

/** True for what the leader of a block puts into it: it has no signature of its own, and no place outside of a block. */
export function isLeaders({ kind }: Proposal): boolean {
  return kind === 'checkpoint' || kind === 'final' || kind === 'offer'
}

/** Decodes a transaction. Throws `bad-shape`, `wrong-epoch`, `unknown-sender`, `not-canonical`, `too-long`. */
export function readTransaction(envelope: Envelope, committee: Committee): Transaction {
  if (envelope.type !== TYPE.transaction) throw new WebxError('bad-shape', 'not a transaction')
  assertScope(envelope, committee)
  const fields = Fields.of('transaction', envelope.body, LIMITS.blockBytesMax)
  const kind = PROPOSALS[fields.uint('kind', PROPOSALS.length - 1)] as Proposal['kind']
  const seat = fields.uint('seat')
  if (seat >= committee.seats.length) throw new WebxError('unknown-sender', `the committee has no seat ${seat}`)
  const proposal = readProposal(kind, fields)
  fields.end()
  if (envelope.attachment.length !== 0 || envelope.signature.length !== (isLeaders(proposal) ? 0 : 64))
    throw new WebxError('bad-shape', 'transaction: signed by its seat, or else by the leader of its block')
  return { seat, proposal }
}

/** The signature that must hold for a transaction to count. */
export function transactionCheck(envelope: Envelope, { seat }: Transaction, committee: Committee): SignatureCheck {
  const key = committee.seats[seat]?.epochKey as Uint8Array
  return { key, message: transactionSignedBytes(committee, envelope.body), signature: envelope.signature }
}

/** Body bytes of a candidacy, to be signed with the identity's key over `candidacySignedBytes`. */
export function candidacyBody({ nid, epoch, id, candidature }: Candidacy): Uint8Array {
  return encode([CANDIDATURES.indexOf(candidature.kind), nid, epoch, id, ...candidatureFields(candidature)])
}

export function candidacySignedBytes(netId: Uint8Array, body: Uint8Array): Uint8Array {
  return signedBytes(TYPE.candidacy, netId, body)
}

/** The statement of a signed candidacy. */
export function candidacyBytes(netId: Uint8Array, body: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeEnvelope({ type: TYPE.candidacy, scope: netId, body, signature, attachment: NOTHING })
}

/** Decodes a candidacy; whose key must have signed it is for others to say. Throws `bad-shape`, `not-canonical`, `too-long`. */
export function readCandidacy(envelope: Envelope): Candidacy {
  if (envelope.type !== TYPE.candidacy || envelope.signature.length !== 64 || envelope.attachment.length !== 0)
    throw new WebxError('bad-shape', 'not a candidacy, signed and with nothing attached')
  const fields = Fields.of('candidacy', envelope.body, LIMITS.candidacyBytesMax)
  const kind = CANDIDATURES[fields.uint('kind', CANDIDATURES.length - 1)] as Candidature['kind']
  const nid = fields.bytes('nid', 16)
  const epoch = fields.uint('epoch')
  const id = fields.bytes('id', 32)
  const candidature = readCandidature(kind, fields)
  fields.end()
  return { nid, epoch, id, candidature }
}

/** What the organization of a net signs to let somebody apply: the applicant's identity, and the key of its verifiable random function. */
export function admissionBytes(netId: Uint8Array, id: Uint8Array, vrfKey: Uint8Array): Uint8Array {
  return signedBytes(TYPE.candidacy, netId, encode([id, vrfKey]))
}

/** 32-byte name of a transaction: a hash of all of it, signatures too. */
export function transactionDigest(bytes: Uint8Array): Uint8Array {
  return blake3Of('webx v1 transaction', bytes)
}

function contentOf(proposal: Proposal): Cbor[] {
  switch (proposal.kind) {
    case 'turn':
      return [proposal.proof]
    case 'vouch':
    case 'accuse':
      return [proposal.id]
    case 'unlock':
      return [proposal.oid, proposal.version]
    case 'report':
      return [proposal.oid, proposal.version, proposal.od ?? NOTHING]
    case 'close':
    case 'replan':
      return []
    case 'close-report':
      return [proposal.part, proposal.parts, proposal.entries.map(decidedFields)]
    case 'checkpoint':
      return [proposal.entries.map(decidedFields)]
    case 'final':
      return proposal.sprout ? [proposal.opening, proposal.sprout] : [proposal.opening]
    case 'offer': {
      const { lender, epoch, opening, entries } = proposal.offer
      return [lender, epoch, opening, entries.map(rosterFields)]
    }
  }
}

function readProposal(kind: Proposal['kind'], fields: Fields): Proposal {
  switch (kind) {
    case 'turn':
      return { kind, proof: fields.bytes('proof', VRF_PROOF_BYTES) }
    case 'vouch':
    case 'accuse':
      return { kind, id: fields.bytes('id', 32) }
    case 'unlock':
      return { kind, oid: fields.bytes('oid', 32), version: readVersion(fields) }
    case 'report': {
      const oid = fields.bytes('oid', 32)
      const version = readVersion(fields)
      const od = fields.bytesBetween('od', 0, 32)
      if (od.length !== 0 && od.length !== 32) throw new WebxError('bad-shape', 'report: an order has 32 bytes or none')
      return { kind, oid, version, od: od.length === 0 ? null : od }
    }
    case 'close':
    case 'replan':
      return { kind }
    case 'close-report': {
      const part = fields.uint('part', LIMITS.closeReportPartsMax - 1)
      const parts = fields.uint('parts', LIMITS.closeReportPartsMax)
      if (part >= parts) throw new WebxError('bad-shape', 'close report: no such part')
      return { kind, part, parts, entries: readEntries(fields) }
    }
    case 'checkpoint':
      return { kind, entries: readEntries(fields) }
    case 'final':
      return {
        kind,
        opening: fields.bytes('opening', 32),
        sprout: fields.isEmpty ? null : fields.bytes('sprout', 32),
      }
    case 'offer': {
      const entry = (item: Cbor): Offer['entries'][number] => readRosterEntry(new Fields('roster entry', item))
      return { kind, offer: { ...readLender(fields), entries: fields.list('entries', LIMITS.rosterMax, entry) } }
    }
  }
}

function candidatureFields(candidature: Candidature): Cbor[] {
  switch (candidature.kind) {
    case 'join': {
      const { inception, vrfKey, organization, capabilities, admission } = candidature
      return [inception, vrfKey, organization, capabilities, admission]
    }
    case 'leave':
      return []
    case 'alive':
      return [candidature.answers]
    case 'ready': {
      const { epochKey, inception, versions } = candidature
      return [epochKey, inception, [versions.min, versions.max]]
    }
  }
}

function readCandidature(kind: Candidature['kind'], fields: Fields): Candidature {
  switch (kind) {
    case 'join':
      return {
        kind,
        inception: fields.bytesBetween('inception', 1, 1024),
        vrfKey: fields.bytes('vrfKey', 32),
        organization: fields.bytes('organization', 32),
        capabilities: fields.uint('capabilities', 0xff),
        admission: fields.bytes('admission', 64),
      }
    case 'leave':
      return { kind }
    case 'alive':
      return { kind, answers: fields.uint('answers', LIMITS.seatsMax - 1) }
    case 'ready':
      return {
        kind,
        epochKey: fields.bytes('epochKey', 32),
        inception: fields.bytesBetween('inception', 0, 1024),
        versions: fields.tuple('versions', readVersions),
      }
  }
}

function decidedFields({ oid, version, od }: Decided): Cbor {
  return [oid, version, od]
}

/** At least one entry is no rule: an empty close report says that its seat has nothing to report. */
function readEntries(fields: Fields): Decided[] {
  return fields.list('entries', LIMITS.decidedPerTransactionMax, (item) => {
    const nested = new Fields('entry', item)
    const entry = { oid: nested.bytes('oid', 32), version: readVersion(nested), od: nested.bytes('od', 32) }
    nested.end()
    return entry
  })
}

function readVersion(fields: Fields): number {
  const version = fields.uint('version')
  if (version === 0) throw new WebxError('bad-shape', 'versions count up from 1')
  return version
}
