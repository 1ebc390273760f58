/**
 * COSE_Sign1 (RFC 9052 §4.2) with Ed25519: the form of every document that leaves the system, so that anyone's library can check it.
 *
 * Tagged (18), protected header {1: -8} (EdDSA), empty unprotected header, payload attached. The few bytes of CBOR that our own subset lacks (a tag, a map, a negative
 * integer) are constants here; what is read must be exactly these.
 */

import { concat, equal } from './bytes.ts'
import { encode } from './codec.ts'
import { WebxError } from './errors.ts'

/** `{1: -8}`: the algorithm is EdDSA. */
const PROTECTED = Uint8Array.of(0xa1, 0x01, 0x27)
/** Tag 18, an array of four, the protected header as a byte string, an empty map. */
const HEAD = concat(Uint8Array.of(0xd2, 0x84, 0x43), PROTECTED, Uint8Array.of(0xa0))
const SIGNATURE_BYTES = 64

/** A document as it was read; its signature is not yet checked. */
export interface Sign1 {
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  /** What the signature must cover. */
  readonly message: Uint8Array
}

/** The bytes that are signed for a payload: `Sig_structure` of RFC 9052 §4.4 with empty external data. */
export function sign1Message(payload: Uint8Array): Uint8Array {
  // ["Signature1", protected, external_aad, payload] lies within our subset of CBOR
  return encode(['Signature1', PROTECTED, new Uint8Array(0), payload])
}

/** The document of a payload and a signature over `sign1Message(payload)`. */
export function encodeSign1(payload: Uint8Array, signature: Uint8Array): Uint8Array {
  return concat(HEAD, encode(payload), encode(signature))
}

/** Reads a document. Throws `bad-shape` for any other COSE structure, algorithm or header, and for bytes left over. */
export function decodeSign1(bytes: Uint8Array): Sign1 {
  const tail = encode(new Uint8Array(SIGNATURE_BYTES)).length
  const head = bytes.subarray(0, HEAD.length)
  const signatureAt = bytes.length - tail
  if (!equal(head, HEAD) || signatureAt <= HEAD.length) {
    throw new WebxError('bad-shape', 'not a COSE_Sign1 document signed with EdDSA')
  }
  const payload = byteString(bytes.subarray(HEAD.length, signatureAt))
  const signature = byteString(bytes.subarray(signatureAt))
  return { payload, signature, message: sign1Message(payload) }
}

/** The content of a definite byte string in its shortest form that fills all of `bytes`. */
function byteString(bytes: Uint8Array): Uint8Array {
  const first = bytes[0] ?? 0
  const additional = first & 31
  const headLength = additional < 24 ? 1 : additional === 24 ? 2 : additional === 25 ? 3 : 5
  const content = bytes.subarray(headLength)
  if (first >> 5 !== 2 || !equal(encode(content), bytes)) {
    throw new WebxError('bad-shape', 'COSE_Sign1: payload and signature are byte strings')
  }
  return content
}
