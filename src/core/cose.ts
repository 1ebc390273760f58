/**
 * COSE_Sign1 (RFC 9052 §4.2) with Ed25519: the form of every document that leaves the system, so that anyone's library can check it.
 *
 * Tagged (18), protected header {1: -8 (EdDSA), ? 3: content type, ? 4: key id}, empty unprotected header, payload attached. The few bytes of CBOR that our own
 * subset lacks (a tag, a map, a negative integer) are constants here; one document has one encoding. Other people's documents are read by `cose-verify.ts`.
 */

import { concat, equal } from './bytes.ts'
import { encode } from './codec.ts'
import { WebxError } from './errors.ts'
import { LIMITS } from './limits.ts'

/** What a document says about itself, all of it signed. A receipt says nothing. */
export interface Sign1Header {
  /** Media type of the payload, such as `application/webx-qnt`: 1 to 100 visible ASCII characters. */
  readonly contentType?: string
  /** Names the key that signed, 1 to 64 bytes. */
  readonly keyId?: Uint8Array
}

/** A document as it was read; its signature is not yet checked. */
export interface Sign1 {
  readonly header: Sign1Header
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  /** What the signature must cover. */
  readonly message: Uint8Array
}

/** The bytes that are signed for a payload: `Sig_structure` of RFC 9052 §4.4 with empty external data. Throws `bad-argument` for a header beyond its bounds. */
export function sign1Message(payload: Uint8Array, header: Sign1Header = {}): Uint8Array {
  // ["Signature1", protected, external_aad, payload] lies within our subset of CBOR
  return encode(['Signature1', protectedOf(header), new Uint8Array(0), payload])
}

/** The document of a payload and a signature over `sign1Message(payload, header)`. Throws `bad-argument` for a header beyond its bounds. */
export function encodeSign1(payload: Uint8Array, signature: Uint8Array, header: Sign1Header = {}): Uint8Array {
  return concat(TAGGED_ARRAY, encode(protectedOf(header)), EMPTY_MAP, encode(payload), encode(signature))
}

/** Reads a document; payload and signature are views into `bytes`. Throws `bad-shape` for any other COSE structure, algorithm or header, and for bytes left over. */
export function decodeSign1(bytes: Uint8Array): Sign1 {
  const cursor = new Cursor(bytes)
  cursor.expect(TAGGED_ARRAY)
  const header = readProtected(cursor.string(BYTES))
  cursor.expect(EMPTY_MAP)
  const payload = cursor.string(BYTES)
  const signature = cursor.string(BYTES)
  cursor.end()
  if (signature.length !== SIGNATURE_LENGTH) refuse('a signature has 64 bytes')
  return { header, payload, signature, message: sign1Message(payload, header) }
}

const SIGNATURE_LENGTH = 64
const BYTES = 2
const TEXT = 3
/** Tag 18 and an array of four. */
const TAGGED_ARRAY = Uint8Array.of(0xd2, 0x84)
const EMPTY_MAP = Uint8Array.of(0xa0)
/** `1: -8`: the algorithm is EdDSA. */
const ALGORITHM = Uint8Array.of(0x01, 0x27)
const CONTENT_TYPE = Uint8Array.of(0x03)
const KEY_ID = Uint8Array.of(0x04)
const VISIBLE_ASCII = /^[\x21-\x7e]+$/

/** The protected header as deterministic CBOR: a map whose keys stand in ascending order. */
function protectedOf({ contentType, keyId }: Sign1Header): Uint8Array {
  assertHeader(contentType, keyId)
  const entries: Uint8Array[] = [ALGORITHM]
  if (contentType !== undefined) entries.push(concat(CONTENT_TYPE, encode(contentType)))
  if (keyId !== undefined) entries.push(concat(KEY_ID, encode(keyId)))
  return concat(Uint8Array.of(0xa0 + entries.length), ...entries)
}

function assertHeader(contentType: string | undefined, keyId: Uint8Array | undefined): void {
  if (contentType !== undefined && !isContentType(contentType)) {
    const most = LIMITS.contentTypeCharactersMax
    throw new WebxError('bad-argument', `content type: expected 1 to ${most} visible ASCII characters`)
  }
  if (keyId !== undefined && !isKeyId(keyId)) {
    throw new WebxError('bad-argument', `key id: expected 1 to ${LIMITS.keyIdBytesMax} bytes`)
  }
}

function isContentType(text: string): boolean {
  return text.length <= LIMITS.contentTypeCharactersMax && VISIBLE_ASCII.test(text)
}

function isKeyId(bytes: Uint8Array): boolean {
  return bytes.length > 0 && bytes.length <= LIMITS.keyIdBytesMax
}

function readProtected(bytes: Uint8Array): Sign1Header {
  const cursor = new Cursor(bytes.subarray(1))
  cursor.expect(ALGORITHM)
  const header: { contentType?: string; keyId?: Uint8Array } = {}
  if (cursor.follows(CONTENT_TYPE)) {
    const contentType = String.fromCharCode(...cursor.string(TEXT).subarray(0, LIMITS.contentTypeCharactersMax + 1))
    if (!isContentType(contentType)) refuse('this content type')
    header.contentType = contentType
  }
  if (cursor.follows(KEY_ID)) {
    const keyId = cursor.string(BYTES)
    if (!isKeyId(keyId)) refuse('this key id')
    header.keyId = keyId.slice()
  }
  cursor.end()
  if (!equal(protectedOf(header), bytes)) refuse('this protected header')
  return header
}

/** Walks over CBOR that holds nothing but what is expected. */
class Cursor {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Steps over `part` where it comes next. */
  follows(part: Uint8Array): boolean {
    const found = equal(this.#bytes.subarray(this.#at, this.#at + part.length), part)
    if (found) this.#at += part.length
    return found
  }

  expect(part: Uint8Array): void {
    if (!this.follows(part)) refuse('not a COSE_Sign1 document signed with EdDSA')
  }

  /** The content of a definite byte or text string whose length is in its shortest form. */
  string(major: number): Uint8Array {
    const first = this.#bytes[this.#at] ?? 0
    const additional = first & 31
    const width = additional < 24 ? 0 : 2 ** (additional - 24)
    const start = this.#at + 1 + width
    if (first >> 5 !== major || width > 4 || start > this.#bytes.length) refuse('a string was expected')
    let length = width === 0 ? additional : 0
    for (let at = this.#at + 1; at < start; at++) length = length * 256 + (this.#bytes[at] as number)
    const least = width === 0 ? 0 : width === 1 ? 24 : 2 ** (4 * width)
    if (length < least || start + length > this.#bytes.length) refuse('a string is cut off or not in its shortest form')
    this.#at = start + length
    return this.#bytes.subarray(start, this.#at)
  }

  end(): void {
    if (this.#at !== this.#bytes.length) refuse('bytes after the end')
  }
}

function refuse(why: string): never {
  throw new WebxError('bad-shape', `COSE_Sign1: ${why}`)
}
