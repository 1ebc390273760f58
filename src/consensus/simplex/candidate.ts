/**
 * CANDIDATE: the block that the leader of a slot proposes.
 *
 * Body: [seat, slot, parentSlotPlusOne, parentHash, payloadDigest], signed with the seat's epoch key over the committee digest; the transactions, a canonical array of
 * byte strings, ride unsigned in the attachment, bound by `payloadDigest`. The block's hash is the digest of this statement.
 */

import { equal } from '../../core/bytes.ts'
import { type Cbor, decode, encode } from '../../core/codec.ts'
import type { SignatureCheck } from '../../core/crypto.ts'
import { blake3Of } from '../../core/digest.ts'
import { type Envelope, encodeEnvelope, signedBytes, statementDigest, TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Committee } from '../committee.ts'
import { assertScope } from '../statement.ts'
import { signingSeat } from './leaders.ts'
import type { Block } from './rules.ts'

/** Highest number of a slot: those above could not be named as a parent. */
export const SLOT_MAX = Number.MAX_SAFE_INTEGER - 1

/** What a leader signs. */
export interface CandidateHeader extends Omit<Block, 'transactions'> {
  /** 32 bytes. */
  readonly payloadDigest: Uint8Array
}

/** A header with its signature: enough to show what its leader proposed, without saying what is in it. */
export interface SignedCandidateHeader extends CandidateHeader {
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** A decoded candidate whose transactions are those that were signed; whether the signature holds is another matter. */
export interface Candidate extends SignedCandidateHeader, Block {}

/** The attachment that holds these transactions. Throws `too-long` or `limit` for more than a block may hold. */
export function payloadOf(transactions: readonly Uint8Array[]): Uint8Array {
  if (transactions.length > LIMITS.blockTransactionsMax) {
    throw new WebxError('limit', `${transactions.length} transactions, a block holds ${LIMITS.blockTransactionsMax}`)
  }
  const payload = encode(transactions)
  if (payload.length > LIMITS.blockBytesMax) {
    throw new WebxError('too-long', `a block of ${payload.length} bytes, at most ${LIMITS.blockBytesMax} allowed`)
  }
  return payload
}

export function payloadDigestOf(payload: Uint8Array): Uint8Array {
  return blake3Of('webx v1 block payload', payload)
}

/** A header with its hash. `parentSlot` is null for a block that stands on the beginning, whose hash is then `parentHash`. */
export function composeHeader(
  committee: Committee,
  fields: Pick<CandidateHeader, 'leader' | 'slot' | 'parentSlot' | 'parentHash' | 'payloadDigest'>,
): CandidateHeader {
  const body = headerBody(fields)
  return { ...fields, hash: statementDigest({ type: TYPE.candidate, scope: committee.cid, body }) }
}

/** Canonical body bytes of a candidate. */
export function headerBody(header: Omit<CandidateHeader, 'hash'>): Uint8Array {
  const { leader, slot, parentSlot, parentHash, payloadDigest } = header
  return encode([leader, slot, parentSlot === null ? 0 : parentSlot + 1, parentHash, payloadDigest])
}

/** What a leader signs for a candidate. */
export function candidateMessage(committee: Committee, header: Omit<CandidateHeader, 'hash'>): Uint8Array {
  return signedBytes(TYPE.candidate, committee.cid, headerBody(header))
}

/** The signature check of a candidate. Throws `unknown-sender`. */
export function candidateCheck(committee: Committee, header: SignedCandidateHeader): SignatureCheck {
  const { epochKey } = signingSeat(committee, header.leader)
  return { key: epochKey, message: candidateMessage(committee, header), signature: header.signature }
}

/** The statement of a signed candidate. */
export function candidateBytes(committee: Committee, candidate: Candidate): Uint8Array {
  return encodeEnvelope({
    type: TYPE.candidate,
    scope: committee.cid,
    body: headerBody(candidate),
    signature: candidate.signature,
    attachment: payloadOf(candidate.transactions),
  })
}

/**
 * Decodes a candidate and compares its transactions with what was signed.
 *
 * Throws `wrong-epoch` (another committee), `unknown-sender` (nobody in that seat), `tampered` (other transactions than were signed), `too-long`, `limit`, `bad-shape`,
 * `not-canonical`.
 */
export function readCandidate(envelope: Envelope, committee: Committee): Candidate {
  if (envelope.type !== TYPE.candidate) throw new WebxError('bad-shape', 'not a candidate')
  assertScope(envelope, committee)
  if (envelope.signature.length !== 64) throw new WebxError('bad-shape', 'candidate: has a signature')
  const header = readCandidateBody(envelope.body, committee)
  const { attachment, signature } = envelope
  if (attachment.length > LIMITS.blockBytesMax) {
    throw new WebxError('too-long', `a block of ${attachment.length} bytes, at most ${LIMITS.blockBytesMax} allowed`)
  }
  if (!equal(payloadDigestOf(attachment), header.payloadDigest)) {
    throw new WebxError('tampered', 'candidate: transactions are not those that were signed')
  }
  return { ...header, signature, transactions: readPayload(attachment) }
}

/** Reads a body alone. Throws `bad-shape`, `unknown-sender`, `not-canonical`. */
export function readCandidateBody(body: Uint8Array, committee: Committee): CandidateHeader {
  const fields = Fields.of('candidate', body)
  const header = readHeaderFields(fields, committee)
  fields.end()
  return header
}

/** Reads the five fields of a header. Throws `bad-shape`, `unknown-sender`. */
export function readHeaderFields(fields: Fields, committee: Committee): CandidateHeader {
  const leader = fields.uint('seat')
  const slot = fields.uint('slot', SLOT_MAX)
  const parentSlotPlusOne = fields.uint('parentSlotPlusOne', SLOT_MAX)
  const parentHash = fields.bytes('parentHash', 32)
  const payloadDigest = fields.bytes('payloadDigest', 32)
  signingSeat(committee, leader)
  if (parentSlotPlusOne > slot) throw new WebxError('bad-shape', 'candidate: a parent comes before its child')
  const parentSlot = parentSlotPlusOne === 0 ? null : parentSlotPlusOne - 1
  return composeHeader(committee, { leader, slot, parentSlot, parentHash, payloadDigest })
}

/** A signed header that does not keep the block alive that it came with. */
export function headerAlone(header: SignedCandidateHeader): SignedCandidateHeader {
  const { leader, slot, parentSlot, parentHash, hash, payloadDigest, signature } = header
  const [parent, digest, signed] = [parentHash.slice(), payloadDigest.slice(), signature.slice()]
  return { leader, slot, parentSlot, parentHash: parent, hash, payloadDigest: digest, signature: signed }
}

/** The fields of a signed header as they travel in evidence. */
export function signedHeaderFields(header: SignedCandidateHeader): Cbor[] {
  const { leader, slot, parentSlot, parentHash, payloadDigest, signature } = header
  return [leader, slot, parentSlot === null ? 0 : parentSlot + 1, parentHash, payloadDigest, signature]
}

function readPayload(payload: Uint8Array): Uint8Array[] {
  const listed = decode(payload, LIMITS.blockBytesMax)
  if (!Array.isArray(listed)) throw new WebxError('bad-shape', 'block: transactions are an array')
  if (listed.length > LIMITS.blockTransactionsMax) {
    throw new WebxError('limit', `${listed.length} transactions, a block holds ${LIMITS.blockTransactionsMax}`)
  }
  return listed.map((item) => {
    if (item instanceof Uint8Array && item.length > 0) return item
    throw new WebxError('bad-shape', 'block: a transaction is a byte string that says something')
  })
}
