/**
 * COSE_Sign1 documents of other people (RFC 9052 §4.2, RFC 9053 §2): EdDSA and ECDSA, any headers, external data, attached or detached payload.
 *
 * Our own documents have one form and are read by `cose.ts`. Here everything is read that the standard lets others write, except what lets two readers see different
 * things: labels that stand twice, indefinite lengths, headers marked critical. Verification is portable; signing is not needed.
 */

import { ed448 } from '@noble/curves/ed448.js'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js'
import { concat } from './bytes.ts'
import { encode } from './codec.ts'
import { ForeignCbor, type ForeignMap, type ForeignValue } from './cose-cbor.ts'
import { verifySignature } from './crypto.ts'
import { WebxError } from './errors.ts'
import { LIMITS } from './limits.ts'

/** A public key by its coordinates, as in a COSE_Key or a JWK: big-endian and of full length. */
export type ForeignKey =
  | { readonly curve: 'Ed25519' | 'Ed448'; readonly x: Uint8Array }
  | { readonly curve: 'P-256' | 'P-384' | 'P-521'; readonly x: Uint8Array; readonly y: Uint8Array }

/** What belongs to a document and is not in it. */
export interface ForeignContext {
  /** Signed beside the document. */
  readonly externalData?: Uint8Array
  /** The payload, where the document has none. */
  readonly detachedPayload?: Uint8Array
  /** `absent` where the place tells that this is a COSE_Sign1; else tag 18 is demanded. */
  readonly tag?: 'demanded' | 'absent'
}

/** A document that is read; whether its signature holds only `verifyForeignSign1` says. */
export interface ForeignSign1 {
  /** Number in IANA's COSE algorithms registry. */
  readonly algorithm: number
  /** A media type, or a number of IANA's CoAP content formats; null where the document does not say. */
  readonly contentType: string | number | null
  readonly keyId: Uint8Array | null
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  /** What the signature must cover. */
  readonly message: Uint8Array
}

/**
 * Reads a document and checks its signature.
 *
 * @throws WebxError `bad-signature`; `bad-key` for a key that is no point of its curve or does not fit the algorithm; and what `readForeignSign1` throws
 */
export function verifyForeignSign1(bytes: Uint8Array, key: ForeignKey, context: ForeignContext = {}): ForeignSign1 {
  const document = readForeignSign1(bytes, context)
  if (!holds(document, key)) throw new WebxError('bad-signature', 'COSE_Sign1: the signature is wrong')
  return document
}

/**
 * Reads a document, for one who must know its key id first.
 *
 * @throws WebxError `too-long`; `bad-shape` for anything but a COSE_Sign1, labels that stand twice, critical headers, indefinite lengths, and where payload and
 *   context do not fit; `unknown-type` for another algorithm
 */
export function readForeignSign1(bytes: Uint8Array, context: ForeignContext = {}): ForeignSign1 {
  const bytesMax = LIMITS.foreignDocumentBytesMax
  if (bytes.length > bytesMax) throw new WebxError('too-long', `${bytes.length} bytes, at most ${bytesMax} allowed`)
  const [protectedBytes, unprotected, content, signature] = partsOf(bytes, context.tag ?? 'demanded')
  const headers = headersOf(protectedBytes, unprotected)
  const payload = payloadOf(content, context.detachedPayload)
  // an empty map is signed as no bytes at all, however it was written
  const signed = headers.nothingProtected ? EMPTY : protectedBytes
  const message = encode(['Signature1', signed, context.externalData ?? EMPTY, payload])
  return { ...headers.known, payload, signature, message }
}

const SIGN1_TAG = 18
const ALGORITHM = 1
const CRITICAL = 2
const CONTENT_TYPE = 3
const KEY_ID = 4
const EMPTY = new Uint8Array(0)
/** SEC 1's mark of a point with both its coordinates. */
const UNCOMPRESSED = Uint8Array.of(4)

/** How each algorithm hashes, and the curves it goes with. */
const ALGORITHMS: ReadonlyMap<number, { curves: readonly string[]; hash?: (message: Uint8Array) => Uint8Array }> =
  new Map([
    [-7, { curves: ['P-256', 'P-384', 'P-521'], hash: sha256 }],
    [-35, { curves: ['P-256', 'P-384', 'P-521'], hash: sha384 }],
    [-36, { curves: ['P-256', 'P-384', 'P-521'], hash: sha512 }],
    [-8, { curves: ['Ed25519', 'Ed448'] }],
    // RFC 9864: the same, with the curve in the number
    [-9, { curves: ['P-256'], hash: sha256 }],
    [-51, { curves: ['P-384'], hash: sha384 }],
    [-52, { curves: ['P-521'], hash: sha512 }],
    [-19, { curves: ['Ed25519'] }],
    [-53, { curves: ['Ed448'] }],
  ])
const WEIERSTRASS = { 'P-256': p256, 'P-384': p384, 'P-521': p521 }
const COORDINATE_LENGTH = { 'P-256': 32, 'P-384': 48, 'P-521': 66, Ed25519: 32, Ed448: 57 }

function partsOf(bytes: Uint8Array, tag: 'demanded' | 'absent'): [Uint8Array, ForeignMap, ForeignValue, Uint8Array] {
  let value = ForeignCbor.read(bytes)
  const tagged = value.kind === 'tag'
  if (tagged !== (tag === 'demanded')) refuse(tagged ? 'a tag where none was expected' : 'tag 18 is missing')
  if (value.kind === 'tag') {
    if (value.tag !== SIGN1_TAG) refuse(`tag ${value.tag}, expected ${SIGN1_TAG}`)
    value = value.content
  }
  if (value.kind !== 'array' || value.items.length !== 4) return refuse('expected an array of four')
  const [first, second, third, fourth] = value.items as [ForeignValue, ForeignValue, ForeignValue, ForeignValue]
  if (first.kind !== 'bytes' || second.kind !== 'map' || fourth.kind !== 'bytes') {
    return refuse('expected protected headers, unprotected headers, payload and signature')
  }
  return [first.bytes, second.entries, third, fourth.bytes]
}

function headersOf(protectedBytes: Uint8Array, unprotected: ForeignMap) {
  const read: ForeignValue =
    protectedBytes.length === 0 ? { kind: 'map', entries: new Map() } : ForeignCbor.read(protectedBytes)
  if (read.kind !== 'map') return refuse('protected headers are a map')
  for (const label of read.entries.keys()) {
    if (unprotected.has(label)) refuse(`label ${label} stands in both headers`)
  }
  const all: ForeignMap = new Map([...read.entries, ...unprotected])
  if (all.has(CRITICAL)) refuse('headers marked critical are not understood')
  return { nothingProtected: read.entries.size === 0, known: knownOf(all, read.entries) }
}

/** A content type counts only where the signature covers it; a key id is a hint, signed or not. */
function knownOf(headers: ForeignMap, signed: ForeignMap) {
  const algorithm = headers.get(ALGORITHM)
  const contentType = headers.get(CONTENT_TYPE)
  const keyId = headers.get(KEY_ID)
  if (algorithm?.kind !== 'integer' || !ALGORITHMS.has(algorithm.value)) {
    throw new WebxError('unknown-type', 'COSE_Sign1: signed with an algorithm that is not known here')
  }
  if (contentType !== undefined && contentType.kind !== 'text' && contentType.kind !== 'integer') {
    refuse('this content type')
  }
  if (keyId !== undefined && keyId.kind !== 'bytes') refuse('a key id is bytes')
  return {
    algorithm: algorithm.value,
    contentType: signed.has(CONTENT_TYPE) ? (contentType?.value ?? null) : null,
    keyId: keyId?.bytes ?? null,
  }
}

function payloadOf(content: ForeignValue, detached: Uint8Array | undefined): Uint8Array {
  if (content.kind === 'bytes') {
    if (detached !== undefined) refuse('the payload is in the document, and another was given')
    return content.bytes
  }
  if (content.kind !== 'null') refuse('a payload is bytes or nil')
  return detached ?? refuse('the payload is not in the document and was not given')
}

function holds({ algorithm, message, signature }: ForeignSign1, key: ForeignKey): boolean {
  const rule = ALGORITHMS.get(algorithm)
  if (rule === undefined || !rule.curves.includes(key.curve)) {
    throw new WebxError('bad-key', `a key on ${key.curve} does not fit algorithm ${algorithm}`)
  }
  const length = COORDINATE_LENGTH[key.curve]
  if (key.x.length !== length || ('y' in key && key.y.length !== length)) {
    throw new WebxError('bad-key', `a coordinate on ${key.curve} has ${length} bytes`)
  }
  if (signature.length !== 2 * length) return false
  if (key.curve === 'Ed25519') return verifySignature(key.x, message, signature)
  try {
    if (!('y' in key)) return ed448.verify(signature, message, key.x)
    const curve = WEIERSTRASS[key.curve]
    const point = concat(UNCOMPRESSED, key.x, key.y)
    curve.Point.fromBytes(point).assertValidity()
    const digest = rule.hash?.(message) ?? message
    return curve.verify(signature, digest, point, { prehash: false, lowS: false, format: 'compact' })
  } catch (cause) {
    throw new WebxError('bad-key', `this key is no point of ${key.curve}`, { cause })
  }
}

function refuse(why: string): never {
  throw new WebxError('bad-shape', `COSE_Sign1: ${why}`)
}
