/**
 * What a subject keeps of an issued commitment: the issuer's document and the opening that only the subject has, in one file.
 *
 * `["webx credential", 1, document, value, blinding]` in canonical CBOR. The file is a secret: who has it can say what the issuer vouched for, and answer questions in
 * the subject's name. The document alone is not.
 */

import { equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { GroupDoor } from '../wasm/group.ts'
import { commit, type Opening } from './commitment.ts'
import { commitmentIn, type IssuedCommitment } from './issued.ts'
import { readScalar, SCALAR_BYTES } from './scalar.ts'

/** A credential as it was read; who signed the document is not checked. */
export interface Credential {
  /** The issued document (`issued.ts`). */
  readonly document: Uint8Array
  readonly issued: IssuedCommitment
  /** Opens the commitment in the document. */
  readonly opening: Opening
}

const FORMAT = 'webx credential'
const VERSION = 1
const VALUE_BYTES = 8
const VALUES = 2n ** 64n

/** Bytes of a credential. Throws `bad-argument` for a value beyond 2^64 − 1. */
export function encodeCredential(document: Uint8Array, { value, blinding }: Opening): Uint8Array {
  if (value < 0n || value >= VALUES) throw new WebxError('bad-argument', 'the value of a credential is 0 … 2^64 − 1')
  const valueBytes = new Uint8Array(VALUE_BYTES)
  new DataView(valueBytes.buffer).setBigUint64(0, value)
  return encode([FORMAT, VERSION, document, valueBytes, blinding])
}

/**
 * Reads a credential. What is in it is copied, so that the bytes can be wiped.
 *
 * @throws WebxError `too-long`, `not-canonical`, `bad-version`, `bad-shape`; `tampered` where the opening is not that of the document
 */
export function readCredential(group: GroupDoor, bytes: Uint8Array): Credential {
  const fields = Fields.of('credential', bytes, LIMITS.credentialBytesMax)
  if (fields.text('format', FORMAT.length) !== FORMAT) throw new WebxError('bad-shape', 'this is no credential')
  const version = fields.uint('version')
  if (version !== VERSION) throw new WebxError('bad-version', `credential: version ${version} is unknown`)
  const document = fields.bytesBetween('document', 1, LIMITS.issuedBytesMax).slice()
  const valueBytes = fields.bytes('value', VALUE_BYTES)
  const blinding = fields.bytes('blinding', SCALAR_BYTES).slice()
  fields.end()
  if (readScalar(blinding) === null) throw new WebxError('bad-shape', 'credential: its blinding is not below the order')
  const value = new DataView(valueBytes.buffer, valueBytes.byteOffset).getBigUint64(0)
  const issued = commitmentIn(document)
  const opening = { value, blinding }
  if (!equal(commit(group, opening), issued.commitment)) {
    throw new WebxError('tampered', 'credential: its value is not the one that the issuer vouched for')
  }
  return { document, issued, opening }
}
