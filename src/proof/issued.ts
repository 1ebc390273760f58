/**
 * A commitment counts only because somebody vouches for what it hides: an issuer's signed statement about a subject.
 *
 * `[1, issuer, subject, what, commitment, issuedAtMs, expiresAtMs]` in canonical CBOR is the payload of a COSE_Sign1 document. The issuer makes the
 * commitment, or checks its opening, before it signs; the subject keeps the opening. With `what` = `proof-key` the commitment is the subject's proof key,
 * enrolled by whoever keeps the list.
 */

import { assertBytes, equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { decodeSign1, encodeSign1, sign1Message } from '../core/cose.ts'
import { verifySignature } from '../core/crypto.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { GroupDoor } from '../wasm/group.ts'
import { readPoints } from './bases.ts'

/** What an issuer says about a subject, without the value. */
export interface IssuedCommitment {
  /** 32-byte identity of who vouches. */
  readonly issuer: Uint8Array
  /** 32-byte identity of whom it is about. */
  readonly subject: Uint8Array
  /** What is committed to, such as `birthday`, `balance` or `proof-key`. */
  readonly what: string
  /** 32 bytes of a commitment, or of a proof key. */
  readonly commitment: Uint8Array
  readonly issuedAtMs: number
  /** The first millisecond in which it no longer counts. */
  readonly expiresAtMs: number
}

/** What a document must be about for whoever checks it. */
export interface Expected {
  readonly issuer: Uint8Array
  /** 32-byte Ed25519 key with which the issuer signed, as its key log says. */
  readonly issuerKey: Uint8Array
  readonly subject: Uint8Array
  readonly what: string
  readonly nowMs: number
}

const WHAT = 'issued commitment'
const VERSION = 1
const HEADER = { contentType: 'application/webx-commitment' }

/** Canonical bytes of the statement. Throws `bad-argument` where a field is out of its bounds. */
export function issuedPayload(issued: IssuedCommitment): Uint8Array {
  const { issuer, subject, what, commitment, issuedAtMs, expiresAtMs } = issued
  assertBytes('issuer', issuer, 32)
  assertBytes('subject', subject, 32)
  assertBytes('commitment', commitment, 32)
  if (what.length === 0 || what.length > LIMITS.issuedWhatCharactersMax) {
    throw new WebxError(
      'bad-argument',
      `what is issued has a name of 1 to ${LIMITS.issuedWhatCharactersMax} characters`,
    )
  }
  if (expiresAtMs <= issuedAtMs) throw new WebxError('bad-argument', 'an issued commitment expires after it is issued')
  return encode([VERSION, issuer, subject, what, commitment, issuedAtMs, expiresAtMs])
}

/** What the issuer signs for a payload. */
export function issuedMessage(payload: Uint8Array): Uint8Array {
  return sign1Message(payload, HEADER)
}

/** The document of a payload and the issuer's signature over `issuedMessage(payload)`. */
export function encodeIssued(payload: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeSign1(payload, signature, HEADER)
}

/**
 * The statement of a document, after its signature and everything that was expected of it have been checked.
 *
 * @throws WebxError a decoder's code; `bad-signature`; `bad-key` where the issuer's key is none; `wrong-claim` for another issuer, subject or thing;
 *   `expired`, `from-the-future`; `bad-proof` where the commitment is no element of the group
 */
export function checkIssued(group: GroupDoor, document: Uint8Array, expected: Expected): IssuedCommitment {
  const { issued, signature, message } = readDocument(document)
  if (!verifySignature(expected.issuerKey, message, signature)) {
    throw new WebxError('bad-signature', `${WHAT}: not signed by that key of the issuer`)
  }
  const isExpected =
    equal(issued.issuer, expected.issuer) && equal(issued.subject, expected.subject) && issued.what === expected.what
  if (!isExpected) throw new WebxError('wrong-claim', `${WHAT}: about another issuer, subject or thing`)
  if (expected.nowMs >= issued.expiresAtMs) throw new WebxError('expired', `${WHAT}: expired`)
  if (issued.issuedAtMs > expected.nowMs + LIMITS.clockSkewMsMax) {
    throw new WebxError('from-the-future', `${WHAT}: issued after now`)
  }
  group.scope(() => readPoints(group, WHAT, [issued.commitment]))
  return issued
}

/** What a document says, unchecked: for the subject, who has it from the issuer. Throws a decoder's code. */
export function commitmentIn(document: Uint8Array): IssuedCommitment {
  return readDocument(document).issued
}

function readDocument(document: Uint8Array): {
  issued: IssuedCommitment
  signature: Uint8Array
  message: Uint8Array
} {
  if (document.length > LIMITS.issuedBytesMax) throw new WebxError('too-long', `${WHAT}: ${document.length} bytes`)
  const { header, payload, signature, message } = decodeSign1(document)
  if (header.contentType !== HEADER.contentType || header.keyId !== undefined) {
    throw new WebxError('bad-shape', `${WHAT}: the document is of another type`)
  }
  return { issued: readIssued(payload), signature, message }
}

function readIssued(payload: Uint8Array): IssuedCommitment {
  const fields = Fields.of(WHAT, payload, LIMITS.issuedBytesMax)
  const version = fields.uint('version')
  if (version !== VERSION) throw new WebxError('bad-version', `${WHAT}: version ${version} is unknown`)
  const issuer = fields.bytes('issuer', 32)
  const subject = fields.bytes('subject', 32)
  const what = fields.text('what', LIMITS.issuedWhatCharactersMax)
  const commitment = fields.bytes('commitment', 32)
  const issuedAtMs = fields.uint('issuedAtMs')
  const expiresAtMs = fields.uint('expiresAtMs')
  fields.end()
  if (what.length === 0 || expiresAtMs <= issuedAtMs)
    throw new WebxError('bad-shape', `${WHAT}: nameless or never valid`)
  return { issuer, subject, what, commitment, issuedAtMs, expiresAtMs }
}
