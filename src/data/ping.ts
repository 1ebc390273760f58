/**
 * A ping: a light, signed reference to a .qnt that grants narrow access to one holder and discloses chosen fields, never the data and never a key.
 *
 * A COSE_Sign1 document (RFC 9052) by the issuer over a positional array, in the shape of SD-CWT (draft-ietf-spice-sd-cwt): fields are in it as salted digests among
 * decoys, the same as in the file's manifest; what opens them travels beside it. Layout and CDDL: `src/PROTOCOL.md`.
 */

import { compare, equal } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { decodeSign1, encodeSign1, type Sign1Header, sign1Message } from '../core/cose.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { allFields, type Grant, grantCbor, type Rights, readGrant } from './rights.ts'

/** The media type in the header of a ping. */
export const PING_CONTENT_TYPE = 'application/webx-ping'

/** Where the issuer says whether a ping still counts: bit `index` of its status list `listId` (16 bytes). */
export interface StatusEntry {
  readonly listId: Uint8Array
  readonly index: number
}

/** What an issuer states in a ping. */
export interface PingTerms {
  /** 16 random bytes. */
  readonly id: Uint8Array
  /** 32-byte identity of the owner, and the position in its key log at which its signing key is found. */
  readonly issuer: Uint8Array
  readonly issuerPosition: number
  /** 32-byte id of the .qnt, and its earliest version that the ping is for. */
  readonly dataId: Uint8Array
  readonly fileVersionFrom: number
  /** 32-byte identity of the one server that redeems the ping and counts its uses. */
  readonly audience: Uint8Array
  readonly grant: Grant
  /** Null for a ping that ends by its time only. */
  readonly status: StatusEntry | null
  /** 32-byte digests of fields and decoys (`metadata.ts`), of which no two are the same. */
  readonly fieldDigests: readonly Uint8Array[]
  /** Hints where the server is found. */
  readonly locators: readonly string[]
}

/** A ping as it was read; its signature is not yet checked. */
export interface Ping extends PingTerms {
  /** What the first holder may do. */
  readonly rights: Rights
  /** 32 bytes that a narrowing refers to. */
  readonly digest: Uint8Array
  /** What the issuer's signature must cover. */
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

const VERSION = 1
/** Header and signature take up the rest. */
const PAYLOAD_BYTES_MAX = LIMITS.pingBytesMax - 256

/** What the issuer signs. Throws `bad-argument` for terms that no reader would accept. */
export function pingMessage(terms: PingTerms): Uint8Array {
  return sign1Message(payloadOf(terms), headerOf(terms.issuer))
}

/** The document of a signed ping, signature over `pingMessage(terms)`. Throws `bad-argument` for terms that no reader would accept. */
export function encodePing(terms: PingTerms, signature: Uint8Array): Uint8Array {
  return encodeSign1(payloadOf(terms), signature, headerOf(terms.issuer))
}

/** Reads a ping; whether its signature holds is another matter. Throws `too-long`, `bad-shape`, `bad-version` or `not-canonical`. */
export function readPing(bytes: Uint8Array): Ping {
  if (bytes.length > LIMITS.pingBytesMax) {
    throw new WebxError('too-long', `ping: ${bytes.length} bytes, at most ${LIMITS.pingBytesMax} allowed`)
  }
  const { header, payload, message, signature } = decodeSign1(bytes)
  const terms = readTerms(payload)
  const { contentType, keyId } = header
  if (contentType !== PING_CONTENT_TYPE || !keyId || !equal(keyId, terms.issuer)) {
    throw new WebxError('bad-shape', 'this document is not a ping of the issuer that it names')
  }
  const rights = { ...terms.grant, visible: allFields(terms.fieldDigests.length) }
  return { ...terms, rights, digest: blake3Of('webx v1 ping', payload), message, signature }
}

function headerOf(issuer: Uint8Array): Sign1Header {
  return { contentType: PING_CONTENT_TYPE, keyId: issuer }
}

function payloadOf(terms: PingTerms): Uint8Array {
  const { id, issuer, issuerPosition, dataId, fileVersionFrom, audience, grant, status, locators } = terms
  // sorted, so that the order does not tell fields from decoys
  const digests = [...terms.fieldDigests].sort(compare)
  const payload = encode([
    VERSION,
    id,
    issuer,
    issuerPosition,
    dataId,
    fileVersionFrom,
    audience,
    grantCbor(grant),
    status === null ? [] : [status.listId, status.index],
    digests,
    locators,
  ])
  try {
    readTerms(payload)
  } catch (cause) {
    throw new WebxError('bad-argument', `this ping cannot be made: ${(cause as Error).message}`, { cause })
  }
  return payload
}

function readTerms(payload: Uint8Array): PingTerms {
  const fields = Fields.of('ping', payload, PAYLOAD_BYTES_MAX)
  const version = fields.uint('version')
  if (version !== VERSION) throw new WebxError('bad-version', `ping: version ${version}, this runtime reads ${VERSION}`)
  const terms: PingTerms = {
    id: fields.bytes('id', 16),
    issuer: fields.bytes('issuer', 32),
    issuerPosition: fields.uint('issuerPosition'),
    dataId: fields.bytes('dataId', 32),
    fileVersionFrom: fields.uint('fileVersionFrom'),
    audience: fields.bytes('audience', 32),
    grant: fields.tuple('grant', readGrant),
    status: readStatus(fields.any('status')),
    fieldDigests: fields.list('fieldDigests', LIMITS.pingFieldsMax, readDigest),
    locators: fields.list('locators', LIMITS.pingLocatorsMax, readLocator),
  }
  fields.end()
  for (const [i, digest] of terms.fieldDigests.entries()) {
    if (i > 0 && compare(terms.fieldDigests[i - 1] as Uint8Array, digest) >= 0) {
      throw new WebxError('bad-shape', 'ping: field digests are out of order or twice')
    }
  }
  return terms
}

function readStatus(value: Cbor): StatusEntry | null {
  if (Array.isArray(value) && value.length === 0) return null
  const fields = new Fields('ping.status', value)
  const status = { listId: fields.bytes('listId', 16), index: fields.uint('index', LIMITS.statusListBitsMax - 1) }
  fields.end()
  return status
}

function readDigest(value: Cbor): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== 32) {
    throw new WebxError('bad-shape', 'ping: a field digest has 32 bytes')
  }
  return value
}

function readLocator(value: Cbor): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > LIMITS.pingLocatorCharactersMax) {
    throw new WebxError('bad-shape', `ping: a locator is a text of 1 to ${LIMITS.pingLocatorCharactersMax} characters`)
  }
  return value
}
