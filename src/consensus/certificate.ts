/**
 * CERT and SETTLEMENT: proof that a quorum voted LOCK, or CONFIRM, for one order.
 *
 * Body: [oid, version, od, [[seat, sequence, previousRoot, count, root, signature, index, path] …]], sorted by seat; scope: the committee digest; no
 * signature of its own. A CERT (locks) counts inside its committee only and credits nobody; a SETTLEMENT (confirmations) is final and proves itself to anyone
 * who knows the committee.
 */

import { type Cbor, encode } from '../core/codec.ts'
import type { SignatureCheck } from '../core/crypto.ts'
import { type Envelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Committee } from './committee.ts'
import { merklePath, merkleVerify } from './merkle.ts'
import {
  assertScope,
  entryLeaf,
  headerCheck,
  readHeader,
  type SignedHeader,
  VOTE,
  type VoteBatch,
  type VoteEntry,
  type VoteKind,
} from './statement.ts'

const PATH_BYTES_MAX = 32 * Math.ceil(Math.log2(LIMITS.batchEntriesMax))

/** One vote, shown alone: a signed header and the way from the vote to its root. */
export interface VoteProof extends SignedHeader {
  readonly index: number
  /** 32-byte hashes from the leaf's neighbor up, one after the other. */
  readonly path: Uint8Array
}

/** A quorum of votes for one order. */
export interface Certificate extends VoteEntry {
  /** Whose members voted. */
  readonly committee: Committee
  /** Sorted by seat, one per seat. */
  readonly proofs: readonly VoteProof[]
  /** Weight of the seats that voted; at least the quorum. */
  readonly weight: number
}

/** Number `index` of a batch, shown alone. */
export function proofOf(batch: VoteBatch, index: number): VoteProof {
  const { seat, sequence, previousRoot, count, root, signature } = batch
  return { seat, sequence, previousRoot, count, root, signature, index, path: merklePath(batch.tree, index) }
}

/** The statement made of these votes, in any order; seats beyond `needed` weight are left out. Throws `no-quorum` where the weight does not suffice. */
export function certificateEnvelope(
  committee: Committee,
  entry: VoteEntry,
  votes: readonly { readonly batch: VoteBatch; readonly index: number }[],
  needed: number = committee.quorum,
): Envelope {
  const chosen: VoteProof[] = []
  let weight = 0
  for (const { batch, index } of [...votes].sort((a, b) => a.batch.seat - b.batch.seat)) {
    if (weight >= needed) break
    weight += committee.seats[batch.seat]?.weight ?? 0
    chosen.push(proofOf(batch, index))
  }
  if (weight < needed) throw new WebxError('no-quorum', `weight ${weight} of ${needed}`)
  const body = certificateBody(entry, chosen)
  return { type: typeOf(entry.kind), scope: committee.cid, body, signature: NOTHING, attachment: NOTHING }
}

/**
 * Decodes a certificate or settlement and verifies all but the signatures, which `checksOf` lists.
 *
 * Throws `bad-certificate` (seats unsorted or repeated, a path that does not lead to its root, too little weight), `wrong-epoch`, `unknown-sender`,
 * `bad-shape`, `not-canonical`, `too-long`.
 */
export function readCertificate(envelope: Envelope, committee: Committee): Certificate {
  const kind = envelope.type === TYPE.certificate ? VOTE.lock : VOTE.confirm
  if (envelope.type !== typeOf(kind)) throw new WebxError('bad-shape', 'neither a certificate nor a settlement')
  assertScope(envelope, committee)
  if (envelope.signature.length !== 0 || envelope.attachment.length !== 0) {
    throw new WebxError('bad-shape', 'certificate: has neither signature nor attachment of its own')
  }
  const fields = Fields.of('certificate', envelope.body, LIMITS.certificateBytesMax)
  const entry: VoteEntry = {
    kind,
    oid: fields.bytes('oid', 32),
    version: fields.uint('version'),
    od: fields.bytes('od', 32),
  }
  const proofs = fields.list('proofs', LIMITS.seatsMax, (item) => readProof(new Fields('vote proof', item), committee))
  fields.end()
  return { ...entry, committee, proofs, weight: verifiedWeight(committee, entry, proofs) }
}

/** What a certificate or settlement is about, without a look at its proofs. Throws `bad-shape`, `not-canonical`. */
export function peekCertificate(envelope: Envelope): VoteEntry {
  const fields = Fields.of('certificate', envelope.body, LIMITS.certificateBytesMax)
  return {
    kind: envelope.type === TYPE.certificate ? VOTE.lock : VOTE.confirm,
    oid: fields.bytes('oid', 32),
    version: fields.uint('version'),
    od: fields.bytes('od', 32),
  }
}

/** How many seats a stored certificate or settlement shows. */
export function seatsShown(envelope: Envelope): number {
  const fields = Fields.of('certificate', envelope.body, LIMITS.certificateBytesMax)
  fields.bytes('oid', 32)
  fields.uint('version')
  fields.bytes('od', 32)
  return fields.list('proofs', LIMITS.seatsMax, (item) => item).length
}

/** The signatures that must hold for a certificate to count; `known` says which headers were verified before. */
export function checksOf(
  certificate: Certificate,
  committee: Committee,
  known: (header: SignedHeader) => boolean = never,
): SignatureCheck[] {
  return certificate.proofs.filter((proof) => !known(proof)).map((proof) => headerCheck(committee, proof))
}

/** The same bytes as `encode([oid, version, od, proofs.map(proofFields)])`. */
export function certificateBody({ oid, version, od }: VoteEntry, proofs: readonly VoteProof[]): Uint8Array {
  return encode([oid, version, od, proofs.map(proofFields)])
}

/** The fields of a vote proof as they travel. */
export function proofFields(proof: VoteProof): Cbor {
  const { seat, sequence, previousRoot, count, root, signature, index, path } = proof
  return [seat, sequence, previousRoot, count, root, signature, index, path]
}

/** Reads a vote proof; whether its path fits is `proves`' business. Throws `bad-shape`, `unknown-sender`. */
export function readProof(fields: Fields, committee: Committee): VoteProof {
  const header = readHeader(fields, committee)
  const proof = {
    ...header,
    signature: fields.bytes('signature', 64),
    index: fields.uint('index', LIMITS.batchEntriesMax),
    path: fields.bytesBetween('path', 0, PATH_BYTES_MAX),
  }
  fields.end()
  return proof
}

/** True where the vote lies under the signed root. */
export function proves(proof: VoteProof, entry: VoteEntry): boolean {
  return merkleVerify(proof.root, proof.count, proof.index, entryLeaf(entry), proof.path)
}

function verifiedWeight(committee: Committee, entry: VoteEntry, proofs: readonly VoteProof[]): number {
  if (entry.version === 0) throw new WebxError('bad-certificate', 'versions count up from 1')
  let weight = 0
  let seatBefore = -1
  for (const proof of proofs) {
    if (proof.seat <= seatBefore) throw new WebxError('bad-certificate', 'seats are not sorted, or repeated')
    if (!proves(proof, entry))
      throw new WebxError('bad-certificate', `the vote of seat ${proof.seat} is not what it signed`)
    seatBefore = proof.seat
    weight += committee.seats[proof.seat]?.weight ?? 0
  }
  if (weight < committee.quorum) {
    throw new WebxError('bad-certificate', `weight ${weight}, a quorum is ${committee.quorum}`)
  }
  return weight
}

function typeOf(kind: VoteKind): number {
  return kind === VOTE.lock ? TYPE.certificate : TYPE.settlement
}

function never(): boolean {
  return false
}

const NOTHING = new Uint8Array(0)
