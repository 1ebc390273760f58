/**
 * VOTEBATCH: all that a member votes for in one turn, under one signature.
 *
 * Body: [seat, sequence, previousRoot, count, root], signed with the member's epoch key over the committee digest; the entries
 * [[kind, oid, version, od] …] ride unsigned in the attachment, bound by the Merkle root. Batches of a seat form a chain; a gap in it never delays counting.
 */

import { equal } from '../core/bytes.ts'
import { decode, encode } from '../core/codec.ts'
import type { SignatureCheck } from '../core/crypto.ts'
import { type Envelope, signedBytes, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Committee } from './committee.ts'
import { leafHash, type MerkleTree, merkleTree } from './merkle.ts'

/** LOCK: "I vote for no other order at this version". CONFIRM: "I durably hold the certificate of this order". */
export const VOTE = { lock: 0, confirm: 1 } as const
export type VoteKind = (typeof VOTE)[keyof typeof VOTE]

/** One vote: for the order with digest `od` (32 bytes) at `version` of the object `oid` (32 bytes). */
export interface VoteEntry {
  readonly kind: VoteKind
  readonly oid: Uint8Array
  readonly version: number
  readonly od: Uint8Array
}

/** What a member signs. */
export interface BatchHeader {
  readonly seat: number
  /** Counts up from 1 within the epoch. */
  readonly sequence: number
  /** 32-byte root of the batch before; zeros for the first. */
  readonly previousRoot: Uint8Array
  readonly count: number
  /** 32-byte Merkle root over the entries. */
  readonly root: Uint8Array
}

/** A header with its signature: enough to prove what it covers. */
export interface SignedHeader extends BatchHeader {
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** A decoded batch whose entries match its root; whether its signature holds is another matter. */
export interface VoteBatch extends SignedHeader {
  /** 32-byte digest of the committee whose batch was read; left out of what is composed here. */
  readonly cid?: Uint8Array
  readonly entries: readonly VoteEntry[]
  readonly tree: MerkleTree
}

/** Canonical body bytes of a header. */
export function headerBody(header: BatchHeader): Uint8Array {
  return encode([header.seat, header.sequence, header.previousRoot, header.count, header.root])
}

/** What a member signs for a batch. */
export function headerSignedBytes(committee: Committee, header: BatchHeader): Uint8Array {
  return signedBytes(TYPE.voteBatch, committee.cid, headerBody(header))
}

/** The signature check of a header. Throws `unknown-sender` for a seat that the committee does not have. */
export function headerCheck(committee: Committee, header: SignedHeader): SignatureCheck {
  const seat = committee.seats[header.seat]
  if (!seat) throw new WebxError('unknown-sender', `the committee has no seat ${header.seat}`)
  return { key: seat.epochKey, message: headerSignedBytes(committee, header), signature: header.signature }
}

/** The hash of a vote as a leaf of its batch. */
export function entryLeaf(entry: VoteEntry): Uint8Array {
  const content = new Uint8Array(73)
  content[0] = entry.kind
  content.set(entry.oid, 1)
  new DataView(content.buffer).setBigUint64(33, BigInt(entry.version))
  content.set(entry.od, 41)
  return leafHash(content)
}

/** The unsigned batch of a member's next votes, 1 to `LIMITS.batchEntriesMax` of them. */
export function composeBatch(
  seat: number,
  sequence: number,
  previousRoot: Uint8Array,
  entries: readonly VoteEntry[],
): Omit<VoteBatch, 'signature'> {
  const tree = merkleTree(entries.map(entryLeaf))
  return { seat, sequence, previousRoot, count: entries.length, root: tree.root, entries, tree }
}

/** The statement of a signed batch. */
export function batchEnvelope(committee: Committee, batch: VoteBatch): Envelope {
  const attachment = encode(batch.entries.map((entry) => [entry.kind, entry.oid, entry.version, entry.od]))
  const { signature } = batch
  return { type: TYPE.voteBatch, scope: committee.cid, body: headerBody(batch), signature, attachment }
}

/**
 * Decodes a batch and recomputes its root.
 *
 * Throws `wrong-epoch` (another committee), `unknown-sender` (no such seat), `tampered` (entries that do not match the root), `bad-shape`, `not-canonical`.
 */
export function readVoteBatch(envelope: Envelope, committee: Committee): VoteBatch {
  if (envelope.type !== TYPE.voteBatch) throw new WebxError('bad-shape', 'not a vote batch')
  assertScope(envelope, committee)
  if (envelope.signature.length !== 64) throw new WebxError('bad-shape', 'vote batch: has a signature')
  const fields = Fields.of('vote batch', envelope.body)
  const header = readHeader(fields, committee)
  fields.end()
  const listed = decode(envelope.attachment)
  if (!Array.isArray(listed) || listed.length !== header.count) {
    throw new WebxError('tampered', 'vote batch: not as many entries as were signed')
  }
  const entries = listed.map((item) => readEntry(new Fields('vote', item)))
  const tree = merkleTree(entries.map(entryLeaf))
  if (!equal(tree.root, header.root))
    throw new WebxError('tampered', 'vote batch: entries are not those that were signed')
  return { ...header, cid: committee.cid, signature: envelope.signature, entries, tree }
}

/** Throws `wrong-epoch` unless the statement was made for this committee. */
export function assertScope(envelope: Envelope, committee: Committee): void {
  if (!equal(envelope.scope, committee.cid)) {
    throw new WebxError('wrong-epoch', 'statement of another committee or epoch')
  }
}

/** Reads the five fields of a header. Throws `bad-shape`, `unknown-sender`. */
export function readHeader(fields: Fields, committee: Committee): BatchHeader {
  const header = {
    seat: fields.uint('seat'),
    sequence: fields.uint('sequence'),
    previousRoot: fields.bytes('previousRoot', 32),
    count: fields.uint('count', LIMITS.batchEntriesMax),
    root: fields.bytes('root', 32),
  }
  if (header.seat >= committee.seats.length) {
    throw new WebxError('unknown-sender', `the committee has no seat ${header.seat}`)
  }
  if (header.sequence === 0 || header.count === 0) {
    throw new WebxError('bad-shape', 'vote batch: sequences and counts begin at 1')
  }
  return header
}

/** Reads the four fields of a vote. Throws `bad-shape`. */
export function readEntry(fields: Fields): VoteEntry {
  const entry = {
    kind: fields.uint('kind', VOTE.confirm) as VoteKind,
    oid: fields.bytes('oid', 32),
    version: fields.uint('version'),
    od: fields.bytes('od', 32),
  }
  fields.end()
  if (entry.version === 0) throw new WebxError('bad-shape', 'vote: versions count up from 1')
  return entry
}
