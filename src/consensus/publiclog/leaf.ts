/**
 * LEAF: one line of the public log, and what proves that it belongs there.
 *
 * Body: [0, home, epoch, oid, version, od] a settled order, with the SETTLEMENT in the attachment and no signature of its own; or [1, owner, keyPosition, digest, note]
 * a document that somebody makes known, signed by the owner's key at that place of its key log. Scope: the net id. What the log hashes is the body alone: a leaf is
 * the same whoever proves it with whichever votes.
 */

import { equal } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import type { SignatureCheck } from '../../core/crypto.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope, signedBytes, TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import { checksOf, readCertificate } from '../certificate.ts'
import type { Committee } from '../committee.ts'
import { leafHash } from './proof.ts'

/** An order that a neighborhood has settled. */
export interface SettledLeaf {
  readonly kind: 'settled'
  /** 16-byte id of the neighborhood. */
  readonly home: Uint8Array
  readonly epoch: number
  readonly oid: Uint8Array
  readonly version: number
  /** Digest of the order. */
  readonly od: Uint8Array
}

/** A document that its owner makes known. */
export interface DocumentLeaf {
  readonly kind: 'document'
  /** 32-byte identity. */
  readonly owner: Uint8Array
  /** Position in the owner's key log of the event that showed the key that signs. */
  readonly keyPosition: number
  /** 32 bytes; of what, is the owner's business. */
  readonly digest: Uint8Array
  /** Up to 200 characters. */
  readonly note: string
}

export type Leaf = SettledLeaf | DocumentLeaf

/** A leaf with all that proves it, except that its signatures were checked. */
export interface ProvenLeaf {
  readonly leaf: Leaf
  /** What stands in the log. */
  readonly body: Uint8Array
  /** 32-byte RFC 9162 leaf hash of the body. */
  readonly hash: Uint8Array
  /** All must hold. */
  readonly checks: readonly SignatureCheck[]
}

/** Who is who, for those who judge leaves. */
export interface LeafJudge {
  readonly netId: Uint8Array
  /** The committee with this digest, and whether its members were drawn at random; null where it is not known here. */
  committee(cid: Uint8Array): { readonly committee: Committee; readonly drawn: boolean } | null
  /** The key that spoke at a position of an identity's key log; null where it is not known here. */
  keyAt(owner: Uint8Array, position: number): Uint8Array | null
}

const NOTHING = new Uint8Array(0)

/** What the log hashes. */
export function leafBody(leaf: Leaf): Uint8Array {
  if (leaf.kind === 'settled') return encode([0, leaf.home, leaf.epoch, leaf.oid, leaf.version, leaf.od])
  return encode([1, leaf.owner, leaf.keyPosition, leaf.digest, leaf.note])
}

/** What the owner of a document leaf signs. */
export function documentSignedBytes(netId: Uint8Array, leaf: DocumentLeaf): Uint8Array {
  return signedBytes(TYPE.leaf, netId, leafBody(leaf))
}

/** The statement of a document that its owner has signed. */
export function documentEnvelope(netId: Uint8Array, leaf: DocumentLeaf, signature: Uint8Array): Envelope {
  return { type: TYPE.leaf, scope: netId, body: leafBody(leaf), signature, attachment: NOTHING }
}

/** The statement of a settled order; `settlement` is the encoded SETTLEMENT of this home and epoch. */
export function settledEnvelope(netId: Uint8Array, leaf: SettledLeaf, settlement: Uint8Array): Envelope {
  return { type: TYPE.leaf, scope: netId, body: leafBody(leaf), signature: NOTHING, attachment: settlement }
}

/** A line of the log, without what proves it. Throws `too-long`, `not-canonical`, `bad-shape`. */
export function readLeafBody(body: Uint8Array): Leaf {
  const fields = Fields.of('leaf', body, LIMITS.logLeafBytesMax)
  const leaf: Leaf =
    fields.uint('class', 1) === 0
      ? {
          kind: 'settled',
          home: fields.bytes('home', 16),
          epoch: fields.uint('epoch'),
          oid: fields.bytes('oid', 32),
          version: fields.uint('version'),
          od: fields.bytes('od', 32),
        }
      : {
          kind: 'document',
          owner: fields.bytes('owner', 32),
          keyPosition: fields.uint('keyPosition'),
          digest: fields.bytes('digest', 32),
          note: fields.text('note', LIMITS.logNoteCharactersMax),
        }
  fields.end()
  return leaf
}

/**
 * Verifies a leaf but for the signatures in `checks`.
 *
 * Throws `wrong-net`, `unknown-sender` (a committee or key that is not known here), `bad-certificate` (not a settlement of this order, or not a strong one where the
 * neighborhood was drawn at random), and what decoding throws.
 */
export function readLeaf(envelope: Envelope, judge: LeafJudge): ProvenLeaf {
  const { type, scope, body } = envelope
  if (type !== TYPE.leaf) throw new WebxError('bad-shape', 'not a leaf')
  if (!equal(scope, judge.netId)) throw new WebxError('wrong-net', 'leaf of another net')
  const leaf = readLeafBody(body)
  const checks = leaf.kind === 'settled' ? settledChecks(envelope, leaf, judge) : documentChecks(envelope, leaf, judge)
  return { leaf, body, hash: leafHash(body), checks }
}

/** `readLeaf` of encoded bytes. */
export function decodeLeaf(bytes: Uint8Array, judge: LeafJudge): ProvenLeaf {
  return readLeaf(decodeEnvelope(bytes), judge)
}

/** Encoded bytes of a leaf statement. */
export function leafBytes(envelope: Envelope): Uint8Array {
  return encodeEnvelope(envelope)
}

function settledChecks({ signature, attachment }: Envelope, leaf: SettledLeaf, judge: LeafJudge): SignatureCheck[] {
  if (signature.length !== 0) throw new WebxError('bad-shape', 'leaf: a settled order has no signature of its own')
  const settlement = decodeEnvelope(attachment)
  if (settlement.type !== TYPE.settlement) throw new WebxError('bad-certificate', 'leaf: not proven by a settlement')
  const known = judge.committee(settlement.scope)
  if (!known) throw new WebxError('unknown-sender', 'leaf: settled by a committee that is not known here')
  const { committee, drawn } = known
  const certificate = readCertificate(settlement, committee)
  const isOfHome = equal(committee.nid, leaf.home) && committee.epoch === leaf.epoch
  const isOfOrder = equal(certificate.oid, leaf.oid) && certificate.version === leaf.version
  if (!isOfHome || !isOfOrder || !equal(certificate.od, leaf.od)) {
    throw new WebxError('bad-certificate', 'leaf: the settlement is of another order, home or epoch')
  }
  const needed = drawn ? committee.strong : committee.quorum
  if (certificate.weight < needed) {
    throw new WebxError('bad-certificate', `leaf: weight ${certificate.weight}, strangers believe ${needed}`)
  }
  return checksOf(certificate, committee)
}

function documentChecks({ body, signature, attachment }: Envelope, leaf: DocumentLeaf, judge: LeafJudge) {
  if (signature.length !== 64 || attachment.length !== 0) {
    throw new WebxError('bad-shape', 'leaf: a document has a signature and nothing attached')
  }
  const key = judge.keyAt(leaf.owner, leaf.keyPosition)
  if (!key) throw new WebxError('unknown-sender', 'leaf: the key of its owner is not known here')
  return [{ key, message: signedBytes(TYPE.leaf, judge.netId, body), signature }]
}
