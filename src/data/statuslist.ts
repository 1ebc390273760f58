/**
 * The status list of an issuer: one bit for each ping, set once the ping is revoked, after W3C's Bitstring Status List.
 *
 * A COSE_Sign1 document that anyone may hand on: it counts up, so that an old copy cannot pass for the newest one that a server has seen, and a bit once set stays set, so that
 * whoever steals the issuer's key cannot bring back what was revoked. How old a list is, is shown to those who decide by it. Layout and CDDL: `src/PROTOCOL.md`.
 */

import { equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { decodeSign1, encodeSign1, type Sign1Header, sign1Message } from '../core/cose.ts'
import { verifySignature } from '../core/crypto.ts'
import { type Envelope, encodeEnvelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'

/** The media type in the header of a status list. */
export const STATUS_CONTENT_TYPE = 'application/webx-status'

/** What an issuer states. */
export interface StatusTerms {
  /** 32-byte identity, and the position in its key log at which the signing key is found. */
  readonly issuer: Uint8Array
  readonly issuerPosition: number
  /** 16 bytes, the same for all editions of a list. */
  readonly listId: Uint8Array
  /** Counts up with each edition of one key. */
  readonly sequence: number
  readonly issuedMs: number
  /** Bit `index & 7`, from the least significant one, of byte `index >> 3`: the ping is revoked. At least one byte. */
  readonly bits: Uint8Array
}

/** A status list as it was read; its signature is not yet checked. */
export interface StatusList extends StatusTerms {
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

const VERSION = 1
const BYTES_MAX = LIMITS.statusListBitsMax / 8

/** What the issuer signs. Throws `bad-argument` for terms that no reader would accept. */
export function statusMessage(terms: StatusTerms): Uint8Array {
  return sign1Message(payloadOf(terms), headerOf(terms.issuer))
}

/** The document of a signed status list, signature over `statusMessage(terms)`. Throws `bad-argument` for terms that no reader would accept. */
export function encodeStatusList(terms: StatusTerms, signature: Uint8Array): Uint8Array {
  return encodeSign1(payloadOf(terms), signature, headerOf(terms.issuer))
}

/** Reads a status list, so that the issuer's key can be looked up. Throws `too-long`, `not-canonical`, `bad-shape` or `bad-version`. */
export function readStatusList(bytes: Uint8Array): StatusList {
  if (bytes.length > LIMITS.statusListFileBytesMax) {
    throw new WebxError('too-long', `status list: ${bytes.length} bytes, at most ${LIMITS.statusListFileBytesMax}`)
  }
  const { header, payload, message, signature } = decodeSign1(bytes)
  const terms = readTerms(payload)
  const { contentType, keyId } = header
  if (contentType !== STATUS_CONTENT_TYPE || !keyId || !equal(keyId, terms.issuer)) {
    throw new WebxError('bad-shape', 'this document is not a status list of the issuer that it names')
  }
  return { ...terms, message, signature }
}

/**
 * The list to hold from now on: `next`, if it is signed and a later edition of `held` (null: none is held yet). A later key of the issuer's log begins to count anew,
 * so that a thief of today's key, who signs the highest number there is, has the last word no longer than until the next rotation.
 *
 * @param issuerKey the issuer's Ed25519 key at `next.issuerPosition` of its key log, 32 bytes
 * @throws WebxError `bad-signature`, `wrong-version` (an older edition, or another one under the same number), `tampered` (not an edition of the same list, or a ping is no longer revoked)
 */
export function acceptStatusList(held: StatusList | null, next: StatusList, issuerKey: Uint8Array): StatusList {
  if (!verifySignature(issuerKey, next.message, next.signature)) {
    throw new WebxError('bad-signature', 'the status list is not signed by its issuer')
  }
  if (held === null || equal(held.message, next.message)) return next
  if (!equal(held.issuer, next.issuer) || !equal(held.listId, next.listId)) {
    throw new WebxError('tampered', 'this is not an edition of the status list that is held')
  }
  if (!isLater(held, next)) {
    throw new WebxError('wrong-version', `status list: edition ${next.sequence} came after ${held.sequence}`)
  }
  if (next.bits.length < held.bits.length || held.bits.some((byte, i) => (byte & ~(next.bits[i] as number)) !== 0)) {
    throw new WebxError('tampered', 'this status list takes back a revocation')
  }
  return next
}

/** True where the ping at `index` is revoked. Throws `status-unknown` for an index beyond the list. */
export function isRevoked({ bits }: Pick<StatusTerms, 'bits'>, index: number): boolean {
  const byte = bits[index >> 3]
  if (byte === undefined) throw new WebxError('status-unknown', `the status list has no entry ${index}`)
  return (byte & (1 << (index & 7))) !== 0
}

/** The bits with one more ping revoked. Throws `bad-argument` for an index beyond them. */
export function revoke(bits: Uint8Array, index: number): Uint8Array {
  if (!Number.isInteger(index) || index < 0 || index >= 8 * bits.length) {
    throw new WebxError('bad-argument', `status index: expected 0 to ${8 * bits.length - 1}, got ${index}`)
  }
  const next = bits.slice()
  next[index >> 3] = (next[index >> 3] as number) | (1 << (index & 7))
  return next
}

/** The statement in which an edition travels in a net: nothing but the document, which signs itself. */
export function statusStatement(netId: Uint8Array, document: Uint8Array): Uint8Array {
  return encodeEnvelope({ type: TYPE.status, scope: netId, body: document, signature: NOTHING, attachment: NOTHING })
}

/** Reads the edition in a statement. Throws `bad-shape` where anything is beside it, and as `readStatusList`. */
export function readStatusStatement({ type, body, signature, attachment }: Envelope): StatusList {
  if (type !== TYPE.status || signature.length + attachment.length > 0) {
    throw new WebxError('bad-shape', 'this statement is not an edition of a status list, and nothing else')
  }
  return readStatusList(body)
}

const NOTHING = new Uint8Array(0)

/** By its place in the key log first, then by number and time, neither of which may go back. */
function isLater(held: StatusList, next: StatusList): boolean {
  if (next.issuerPosition !== held.issuerPosition) return next.issuerPosition > held.issuerPosition
  return next.sequence > held.sequence && next.issuedMs >= held.issuedMs
}

function headerOf(issuer: Uint8Array): Sign1Header {
  return { contentType: STATUS_CONTENT_TYPE, keyId: issuer }
}

function payloadOf({ issuer, issuerPosition, listId, sequence, issuedMs, bits }: StatusTerms): Uint8Array {
  const payload = encode([VERSION, issuer, issuerPosition, listId, sequence, issuedMs, bits])
  try {
    readTerms(payload)
  } catch (cause) {
    throw new WebxError('bad-argument', `this status list cannot be made: ${(cause as Error).message}`, { cause })
  }
  return payload
}

function readTerms(payload: Uint8Array): StatusTerms {
  const fields = Fields.of('status list', payload, LIMITS.statusListFileBytesMax)
  const version = fields.uint('version')
  if (version !== VERSION) {
    throw new WebxError('bad-version', `status list: version ${version}, this runtime reads ${VERSION}`)
  }
  const terms: StatusTerms = {
    issuer: fields.bytes('issuer', 32),
    issuerPosition: fields.uint('issuerPosition'),
    listId: fields.bytes('listId', 16),
    sequence: fields.uint('sequence'),
    issuedMs: fields.uint('issuedMs'),
    bits: fields.bytesBetween('bits', 1, BYTES_MAX),
  }
  fields.end()
  return terms
}
