/**
 * HAND-OVER: the last block of an epoch with the proof that it is final, and the opening of the next epoch that it names.
 *
 * Whoever holds the opening of an epoch walks on from it by hand-overs, each signed by a quorum of the seats that the one before named. Body: [header, transaction, finality]: the body of the
 * block's candidate, its only transaction, and the proof; attachment: the next opening, bound by its digest in the transaction. Scope: the digest of the committee that ends.
 */

import { equal } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import type { SignatureCheck } from '../../core/crypto.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope, TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Committee } from '../committee.ts'
import { headerBody, payloadDigestOf, payloadOf, readCandidateBody } from '../simplex/candidate.ts'
import { readFinality } from '../simplex/finality.ts'
import type { Block } from '../simplex/rules.ts'
import { decodeOpening, type Opening, openingDigest } from './opening.ts'
import { readTransaction } from './transaction.ts'

/** A hand-over whose shape holds; true only if all checks hold. */
export interface HandOver {
  readonly opening: Opening
  readonly openingBytes: Uint8Array
  readonly checks: readonly SignatureCheck[]
}

/** The statement. `block`: the last of the epoch; `finality`: the proof that it is final. Throws `bad-hand-over` for a block that ends no epoch. */
export function handOverBytes(
  committee: Committee,
  block: Block,
  finality: Uint8Array,
  openingBytes: Uint8Array,
): Uint8Array {
  const [transaction, another] = block.transactions
  if (!transaction || another) throw new WebxError('bad-hand-over', 'the last block of an epoch holds one transaction')
  const header = headerBody({ ...block, payloadDigest: payloadDigestOf(payloadOf(block.transactions)) })
  const body = encode([header, transaction, finality])
  const envelope = { type: TYPE.handOver, scope: committee.cid, body, signature: NOTHING, attachment: openingBytes }
  return encodeEnvelope(envelope)
}

/** Reads the hand-over of a committee. Throws `bad-hand-over` where it does not hang together, `wrong-epoch`, and what decoding throws. */
export function readHandOver(envelope: Envelope, committee: Committee): HandOver {
  if (envelope.type !== TYPE.handOver || envelope.signature.length !== 0)
    throw new WebxError('bad-shape', 'not a hand-over')
  if (!equal(envelope.scope, committee.cid)) throw new WebxError('wrong-epoch', 'hand-over of another committee')
  const fields = Fields.of('hand-over', envelope.body, LIMITS.envelopeBytesMax)
  const header = readCandidateBody(fields.bytesBetween('header', 1, LIMITS.envelopeBytesMax), committee)
  const transaction = fields.bytesBetween('transaction', 1, LIMITS.candidacyBytesMax)
  const finality = readFinality(fields.bytesBetween('finality', 1, LIMITS.envelopeBytesMax), committee)
  fields.end()
  if (finality.slot !== header.slot || !equal(finality.hash, header.hash))
    throw new WebxError('bad-hand-over', 'hand-over: another block is final')
  if (!equal(payloadDigestOf(payloadOf([transaction])), header.payloadDigest))
    throw new WebxError('bad-hand-over', 'hand-over: the block holds something else')
  const { proposal } = readTransaction(decodeEnvelope(transaction), committee)
  const openingBytes = envelope.attachment
  if (proposal.kind !== 'final' || !equal(proposal.opening, openingDigest(openingBytes)))
    throw new WebxError('bad-hand-over', 'hand-over: the block does not name this opening')
  const opening = decodeOpening(openingBytes)
  const isNext = opening.epoch === committee.epoch + 1 && equal(opening.nid, committee.nid)
  if (!isNext || !equal(opening.netId, committee.netId))
    throw new WebxError('bad-hand-over', 'hand-over: the opening is not that of the epoch after')
  return { opening, openingBytes, checks: finality.checks }
}

/** 16-byte id of the neighborhood that a hand-over says to be of: that of its opening, which whoever believes it has checked. Throws what decoding throws. */
export function homeOfHandOver({ attachment }: Pick<Envelope, 'attachment'>): Uint8Array {
  return decodeOpening(attachment).nid
}

const NOTHING = new Uint8Array(0)
