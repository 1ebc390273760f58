/**
 * How a proof travels: `[1, points and scalars]`, canonical CBOR, 32 bytes each without heads of their own.
 *
 * The statement is not in it: whoever checks a proof knows what must be proven.
 */

import { concat } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { readScalar } from './scalar.ts'

/** Version of all proof formats. */
export const PROOF_VERSION = 1
const PART_BYTES = 32

/** The bytes of a proof of these 32-byte parts. */
export function encodeProof(parts: readonly Uint8Array[]): Uint8Array {
  return encode([PROOF_VERSION, concat(...parts)])
}

/**
 * The 32-byte parts of a proof that must have `count` of them.
 *
 * @throws WebxError `too-long`, `not-canonical`, `bad-version` or `bad-shape`
 */
export function decodeProof(what: string, bytes: Uint8Array, count: number): Uint8Array[] {
  const fields = Fields.of(what, bytes, LIMITS.proofBytesMax)
  const version = fields.uint('version')
  if (version !== PROOF_VERSION) throw new WebxError('bad-version', `${what}: version ${version} is unknown`)
  const body = fields.bytes('body', PART_BYTES * count)
  fields.end()
  return Array.from({ length: count }, (_, i) => body.subarray(PART_BYTES * i, PART_BYTES * (i + 1)))
}

/** The scalars of 32-byte parts. Throws `bad-proof` where one is not below L. */
export function readScalars(what: string, parts: readonly Uint8Array[]): bigint[] {
  return parts.map((part) => {
    const scalar = readScalar(part)
    if (scalar === null) throw new WebxError('bad-proof', `${what}: a scalar is not below the order`)
    return scalar
  })
}
