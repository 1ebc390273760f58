/**
 * EVIDENCE: two signed statements that the rules forbid together, in a form that convicts alone.
 *
 * Body: [0, order, order, ownerProof] a double order; [1, proof, vote, proof, vote] a double vote; [2, header, header] two batches under one number; [3, ballot, ballot] two
 * ballots of a seat that name different blocks of one slot; [4, candidate, candidate] two blocks of a leader for one slot; [5, ballot, ballot] a FINALIZE and a SKIP. Scope: the
 * committee digest. The two sides are sorted, so that everybody who notices makes the same bytes. `ownerProof` is the owner's inception event, or, where the key
 * was shown later, a list of events: the key log up to the one that showed it. Two key events for one place are no matter of this file: `identity/keylog-fork.ts`.
 */

import { compare, equal } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { type SignatureCheck, verifySignature } from '../core/crypto.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { introductionOf, readIntroduction } from '../identity/introduction.ts'
import { proofFields, proves, readProof, type VoteProof } from './certificate.ts'
import type { Committee } from './committee.ts'
import { type Order, orderBytes, orderMessage, provesItself, readOrder } from './order.ts'
import { voidHead } from './records.ts'
import { BALLOT, type Ballot, ballotCheck, readBallotFields } from './simplex/ballot.ts'
import {
  candidateCheck,
  readHeaderFields,
  type SignedCandidateHeader,
  signedHeaderFields,
} from './simplex/candidate.ts'
import { signingSeat } from './simplex/leaders.ts'
import { assertScope, headerCheck, readEntry, readHeader, type SignedHeader, type VoteEntry } from './statement.ts'

export type EvidenceKind =
  | 'double-order'
  | 'double-vote'
  | 'double-batch'
  | 'double-ballot'
  | 'double-candidate'
  | 'final-and-skip'

const KINDS: readonly EvidenceKind[] = [
  'double-order',
  'double-vote',
  'double-batch',
  'double-ballot',
  'double-candidate',
  'final-and-skip',
]
const NOTHING = new Uint8Array(0)
const PART_HEAD_BYTES = 5

/** What a piece of evidence says; true only if all checks hold. */
export interface Evidence {
  readonly kind: EvidenceKind
  /** 32-byte identity. */
  readonly guilty: Uint8Array
  readonly checks: readonly SignatureCheck[]
}

/** A vote with its proof. */
export interface ProvenVote {
  readonly entry: VoteEntry
  readonly proof: VoteProof
}

/** Evidence of two orders for one version. `ownerProof`: the owner's key log up to the event that showed the key of both, the inception first. */
export function doubleOrderEvidence(
  committee: Committee,
  one: Order,
  other: Order,
  ownerProof: readonly Uint8Array[],
): Uint8Array {
  const [first, second] = compare(one.od, other.od) < 0 ? [one, other] : [other, one]
  const proof = introductionOf(ownerProof, ownerProof.length - 1)
  return evidenceBytes(committee, [0, orderBytes(first), orderBytes(second), proof])
}

/** Whether evidence made of these parts can be sent: the key log of somebody who was flooded with delegations may be too long. */
export function fitsEvidence(parts: readonly Uint8Array[]): boolean {
  return (
    parts.reduce((sum, { length }) => sum + length + PART_HEAD_BYTES, 0) <= LIMITS.evidenceBytesMax - PART_HEAD_BYTES
  )
}

/** Evidence of two votes of one seat. */
export function doubleVoteEvidence(committee: Committee, one: ProvenVote, other: ProvenVote): Uint8Array {
  const [first, second] = compare(one.entry.od, other.entry.od) < 0 ? [one, other] : [other, one]
  const fields = [first, second].flatMap(({ proof, entry }): Cbor[] => [
    proofFields(proof),
    [entry.kind, entry.oid, entry.version, entry.od],
  ])
  return evidenceBytes(committee, [1, ...fields])
}

/** Evidence of two batches of one seat under one number. */
export function doubleBatchEvidence(committee: Committee, one: SignedHeader, other: SignedHeader): Uint8Array {
  const [first, second] = compare(one.root, other.root) < 0 ? [one, other] : [other, one]
  return evidenceBytes(committee, [2, headerFields(first), headerFields(second)])
}

/** Evidence of two ballots of one seat in one slot: for different blocks, or a FINALIZE and a SKIP. */
export function doubleBallotEvidence(committee: Committee, one: Ballot, other: Ballot): Uint8Array {
  const [first, second] = compareBallots(one, other) < 0 ? [one, other] : [other, one]
  const kind = [one.kind, other.kind].includes(BALLOT.skip) ? 5 : 3
  return evidenceBytes(committee, [kind, ballotFields(first), ballotFields(second)])
}

/** Evidence of two blocks of one leader for one slot. */
export function doubleCandidateEvidence(
  committee: Committee,
  one: SignedCandidateHeader,
  other: SignedCandidateHeader,
): Uint8Array {
  const [first, second] = compare(one.hash, other.hash) < 0 ? [one, other] : [other, one]
  return evidenceBytes(committee, [4, signedHeaderFields(first), signedHeaderFields(second)])
}

/** Decodes evidence and verifies all but the signatures in `checks`. Throws `bad-shape` where nothing is proven, `wrong-epoch`, and what decoding throws. */
export function readEvidence(envelope: Envelope, committee: Committee): Evidence {
  if (envelope.type !== TYPE.evidence) throw new WebxError('bad-shape', 'not evidence')
  assertScope(envelope, committee)
  if (envelope.signature.length !== 0 || envelope.attachment.length !== 0) {
    throw new WebxError('bad-shape', 'evidence: has neither signature nor attachment of its own')
  }
  const fields = Fields.of('evidence', envelope.body, LIMITS.evidenceBytesMax)
  const kind = KINDS[fields.uint('kind', KINDS.length - 1)] as EvidenceKind
  const read = {
    'double-order': readDoubleOrder,
    'double-vote': readDoubleVote,
    'double-batch': readDoubleBatch,
    'double-ballot': readDoubleBallot,
    'double-candidate': readDoubleCandidate,
    'final-and-skip': readFinalAndSkip,
  }[kind]
  const evidence = read(fields, committee)
  fields.end()
  return { kind, ...evidence }
}

/** Reads evidence and checks its signatures too. Throws `bad-signature`, `bad-key`, and what `readEvidence` throws. */
export function verifyEvidence(bytes: Uint8Array, committee: Committee): Evidence {
  const evidence = readEvidence(decodeEnvelope(bytes), committee)
  for (const { key, message, signature } of evidence.checks) {
    if (!verifySignature(key, message, signature)) {
      throw new WebxError('bad-signature', 'evidence: a signature in it does not hold')
    }
  }
  return evidence
}

type Findings = Omit<Evidence, 'kind'>

function readDoubleOrder(fields: Fields, committee: Committee): Findings {
  const one = readOrder(decodeEnvelope(fields.bytesBetween('one', 1, 2 * LIMITS.orderBytesMax)))
  const other = readOrder(decodeEnvelope(fields.bytesBetween('other', 1, 2 * LIMITS.orderBytesMax)))
  const owner = readIntroduction(fields.any('ownerProof'))
  for (const order of [one, other]) {
    if (!equal(order.envelope.scope, committee.netId) || !equal(order.owner, owner.id)) {
      throw new WebxError('bad-shape', 'evidence: an order of another net or owner')
    }
    if (provesItself(order)) throw new WebxError('bad-shape', 'evidence: key events are no orders that anybody signed')
    if (order.keyPosition !== owner.position) {
      throw new WebxError('bad-shape', 'evidence: the shown key event is not the one that the order names')
    }
  }
  const isAnew = [one, other].map(
    ({ oid, version, previous }) => version > 1 && equal(previous, voidHead(oid, version - 1)),
  )
  if (isAnew[0] !== isAnew[1]) {
    throw new WebxError(
      'bad-shape',
      'evidence: an order that goes on after a version that was consumed by nothing excludes none before it',
    )
  }
  if (!equal(one.oid, other.oid) || one.version !== other.version) {
    throw new WebxError('bad-shape', 'evidence: orders of different slots are no offence')
  }
  assertOrdered(one.od, other.od)
  const key = owner.keys[0] as Uint8Array
  const checks = [one, other].map((order) => ({
    key,
    message: orderMessage(order),
    signature: order.envelope.signature,
  }))
  return { guilty: owner.id, checks }
}

function readDoubleVote(fields: Fields, committee: Committee): Findings {
  const one = readProvenVote(fields, committee)
  const other = readProvenVote(fields, committee)
  const same =
    one.proof.seat === other.proof.seat &&
    one.entry.kind === other.entry.kind &&
    one.entry.version === other.entry.version &&
    equal(one.entry.oid, other.entry.oid)
  if (!same) throw new WebxError('bad-shape', 'evidence: votes of different seats or slots are no offence')
  assertOrdered(one.entry.od, other.entry.od)
  return offenceOfSeat(committee, one.proof, other.proof)
}

function readDoubleBatch(fields: Fields, committee: Committee): Findings {
  const one = fields.tuple('one', (nested) => readSignedHeader(nested, committee))
  const other = fields.tuple('other', (nested) => readSignedHeader(nested, committee))
  if (one.seat !== other.seat || one.sequence !== other.sequence) {
    throw new WebxError('bad-shape', 'evidence: batches of different seats or numbers are no offence')
  }
  assertOrdered(one.root, other.root)
  return offenceOfSeat(committee, one, other)
}

function readDoubleBallot(fields: Fields, committee: Committee): Findings {
  const [one, other] = readBallotPair(fields, committee)
  if (one.kind === BALLOT.skip || other.kind === BALLOT.skip || equal(one.hash, other.hash)) {
    throw new WebxError('bad-shape', 'evidence: ballots that do not name different blocks are no offence')
  }
  return offenceOfBallots(committee, one, other)
}

function readFinalAndSkip(fields: Fields, committee: Committee): Findings {
  const [skip, final] = readBallotPair(fields, committee)
  if (skip.kind !== BALLOT.skip || final.kind !== BALLOT.finalize) {
    throw new WebxError('bad-shape', 'evidence: only a SKIP beside a FINALIZE is an offence')
  }
  return offenceOfBallots(committee, skip, final)
}

function readBallotPair(fields: Fields, committee: Committee): [Ballot, Ballot] {
  const one = fields.tuple('one', (nested) => readSignedBallot(nested, committee))
  const other = fields.tuple('other', (nested) => readSignedBallot(nested, committee))
  if (one.seat !== other.seat || one.slot !== other.slot) {
    throw new WebxError('bad-shape', 'evidence: ballots of different seats or slots are no offence')
  }
  if (compareBallots(one, other) >= 0) {
    throw new WebxError('bad-shape', 'evidence: the two sides must differ and be sorted')
  }
  return [one, other]
}

function readSignedBallot(fields: Fields, committee: Committee): Ballot {
  return { ...readBallotFields(fields, committee), signature: fields.bytes('signature', 64) }
}

function ballotFields({ seat, kind, slot, hash, signature }: Ballot): Cbor {
  return [seat, kind, slot, hash, signature]
}

/** By kind, then by hash. */
function compareBallots(one: Ballot, other: Ballot): number {
  return one.kind - other.kind || compare(one.hash, other.hash)
}

function offenceOfBallots(committee: Committee, one: Ballot, other: Ballot): Findings {
  const { memberId } = signingSeat(committee, one.seat)
  return { guilty: memberId, checks: [ballotCheck(committee, one), ballotCheck(committee, other)] }
}

function readDoubleCandidate(fields: Fields, committee: Committee): Findings {
  const [one, other] = ['one', 'other'].map((name) =>
    fields.tuple(name, (nested) => {
      const header = readHeaderFields(nested, committee)
      return { ...header, signature: nested.bytes('signature', 64) }
    }),
  ) as [SignedCandidateHeader, SignedCandidateHeader]
  if (one.leader !== other.leader || one.slot !== other.slot) {
    throw new WebxError('bad-shape', 'evidence: blocks of different leaders or slots are no offence')
  }
  assertOrdered(one.hash, other.hash)
  const { memberId } = signingSeat(committee, one.leader)
  return { guilty: memberId, checks: [candidateCheck(committee, one), candidateCheck(committee, other)] }
}

function readProvenVote(fields: Fields, committee: Committee): ProvenVote {
  const proof = readProof(new Fields('vote proof', fields.any('proof')), committee)
  const entry = readEntry(new Fields('vote', fields.any('vote')))
  if (!proves(proof, entry)) throw new WebxError('bad-shape', 'evidence: a vote is not what its seat signed')
  return { proof, entry }
}

function readSignedHeader(fields: Fields, committee: Committee): SignedHeader {
  const header = readHeader(fields, committee)
  return { ...header, signature: fields.bytes('signature', 64) }
}

function offenceOfSeat(committee: Committee, one: SignedHeader, other: SignedHeader): Findings {
  const seat = committee.seats[one.seat]
  if (!seat) throw new WebxError('unknown-sender', `the committee has no seat ${one.seat}`)
  return { guilty: seat.memberId, checks: [headerCheck(committee, one), headerCheck(committee, other)] }
}

/** Also says that the two differ. */
function assertOrdered(one: Uint8Array, other: Uint8Array): void {
  if (compare(one, other) >= 0) throw new WebxError('bad-shape', 'evidence: the two sides must differ and be sorted')
}

function headerFields(header: SignedHeader): Cbor {
  const { seat, sequence, previousRoot, count, root, signature } = header
  return [seat, sequence, previousRoot, count, root, signature]
}

function evidenceBytes(committee: Committee, fields: Cbor): Uint8Array {
  const body = encode(fields)
  return encodeEnvelope({ type: TYPE.evidence, scope: committee.cid, body, signature: NOTHING, attachment: NOTHING })
}
