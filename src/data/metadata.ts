/**
 * Blinded metadata: what a .qnt says about itself stands in its manifest as salted digests, and whoever is given a disclosure can check one field against them.
 *
 * In the shape of SD-CWT (draft-ietf-spice-sd-cwt): a disclosure is `[salt, name, value]` in canonical CBOR, its digest is BLAKE3 of those bytes. Decoys look the same, and
 * digests are sorted, so that neither the number of fields nor their order shows.
 */

import { assertBytes, compare, equal } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'

/** What a field can hold: an unsigned integer, text, bytes, true or false. */
export type FieldValue = number | string | boolean | Uint8Array

/** One field of metadata in the clear. */
export interface Field {
  readonly name: string
  readonly value: FieldValue
}

/** Metadata in both its forms: what goes into the manifest, and what the owner keeps to disclose. */
export interface BlindedFields {
  /** 32-byte digests of fields and decoys, ascending. */
  readonly digests: readonly Uint8Array[]
  /** Disclosures in the order of the fields; secret until they are handed out. */
  readonly disclosures: readonly Uint8Array[]
}

/**
 * Blinds fields and adds `decoys` digests that hide nothing.
 *
 * @param random makes so many random bytes
 * @throws WebxError `bad-argument` for two fields of one name, a name or value out of bounds, or too many fields and decoys
 */
export function blindFields(
  fields: readonly Field[],
  decoys: number,
  random: (length: number) => Uint8Array,
): BlindedFields {
  if (!Number.isInteger(decoys) || decoys < 0 || fields.length + decoys > LIMITS.qntFieldsMax) {
    throw new WebxError('bad-argument', `fields and decoys: expected at most ${LIMITS.qntFieldsMax}`)
  }
  if (new Set(fields.map((field) => field.name)).size !== fields.length) {
    throw new WebxError('bad-argument', 'fields: two of them have one name')
  }
  const disclosures = fields.map((field) => disclose(random(SALT_LENGTH), field))
  const digests = disclosures.map(fieldDigest)
  for (let i = 0; i < decoys; i++) digests.push(fieldDigest(random(DIGEST_LENGTH)))
  return { digests: digests.sort(compare), disclosures }
}

/** The disclosure of a field under a random salt of 16 bytes. Throws `bad-argument` for a name or value out of bounds. */
export function disclose(salt: Uint8Array, field: Field): Uint8Array {
  assertBytes('salt', salt, SALT_LENGTH)
  if (!isName(field.name) || !isValue(field.value))
    throw new WebxError('bad-argument', `field "${field.name}": ${RULE}`)
  return encode([salt, field.name, field.value])
}

/** The 32 bytes that stand for a disclosure in a manifest or a ping. */
export function fieldDigest(disclosure: Uint8Array): Uint8Array {
  return blake3Of('webx v1 field', disclosure)
}

/**
 * The field that a disclosure shows, where one of `digests` stands for it; null where none does.
 *
 * @throws WebxError `too-long`, `not-canonical` or `bad-shape` for what one of `digests` stands for and yet is no field
 */
export function checkDisclosure(disclosure: Uint8Array, digests: readonly Uint8Array[]): Field | null {
  const digest = fieldDigest(disclosure)
  return digests.some((one) => equal(one, digest)) ? readDisclosure(disclosure) : null
}

/** Reads a disclosure without asking whether anything stands for it. Throws `too-long`, `not-canonical` or `bad-shape`. */
export function readDisclosure(disclosure: Uint8Array): Field {
  const fields = Fields.of('disclosure', disclosure, LIMITS.qntDisclosureBytesMax)
  fields.bytes('salt', SALT_LENGTH)
  const name = fields.text('name', LIMITS.qntFieldNameCharactersMax)
  const value = fields.any('value')
  fields.end()
  if (!isName(name) || !isValue(value)) throw new WebxError('bad-shape', `disclosure: ${RULE}`)
  return { name, value }
}

const SALT_LENGTH = 16
const DIGEST_LENGTH = 32
const RULE = `a name has 1 to ${LIMITS.qntFieldNameCharactersMax} characters, a value is an integer, text, bytes or a truth value of up to ${LIMITS.qntFieldValueBytesMax} bytes`

function isName(name: string): boolean {
  return name.length > 0 && name.length <= LIMITS.qntFieldNameCharactersMax && name.isWellFormed()
}

function isValue(value: Cbor): value is FieldValue {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0
  if (typeof value === 'boolean') return true
  if (typeof value === 'string') return value.isWellFormed() && encode(value).length <= LIMITS.qntFieldValueBytesMax
  return value instanceof Uint8Array && value.length <= LIMITS.qntFieldValueBytesMax
}
