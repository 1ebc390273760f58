/**
 * Proof that a block is final, for anyone who knows the committee: a FINALIZE certificate, of the block itself or of one that stands on it.
 *
 * [certificate, [body …]]: the statement, and the bodies of the candidates from the certified block down to the one that stands on the proven block; none where the certificate
 * is its own. Each body names the hash below it, so nothing but the certificate is signed.
 */

import { equal } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { type SignatureCheck, verifyGroups } from '../../core/crypto.ts'
import { decodeEnvelope } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Committee } from '../committee.ts'
import { BALLOT } from './ballot.ts'
import { type CandidateHeader, headerBody, readCandidateBody } from './candidate.ts'
import { blockCertificateChecks, readBlockCertificate } from './certificate.ts'

/** The place of a block in its epoch. */
export interface BlockMark {
  /** Null for the beginning of the epoch. */
  readonly slot: number | null
  /** 32 bytes. */
  readonly hash: Uint8Array
}

/** What a proof says; true only if all checks hold. */
export interface Finality extends BlockMark {
  readonly checks: readonly SignatureCheck[]
}

/** Canonical bytes of a proof; null where it would be too long. `path`: the blocks above the proven one, from the certified block down. */
export function finalityBytes(certificate: Uint8Array, path: readonly CandidateHeader[]): Uint8Array | null {
  return path.length > LIMITS.finalityPathMax ? null : encode([certificate, path.map(headerBody)])
}

/** Decodes a proof and verifies all but the signatures in `checks`. Throws `bad-certificate` where nothing is proven, and what reading a certificate throws. */
export function readFinality(bytes: Uint8Array, committee: Committee): Finality {
  const fields = Fields.of('finality', bytes)
  const envelope = decodeEnvelope(fields.bytesBetween('certificate', 1, LIMITS.certificateBytesMax))
  const path = fields.list('path', LIMITS.finalityPathMax, (item) => {
    if (item instanceof Uint8Array) return item
    throw new WebxError('bad-shape', 'finality: bodies are byte strings')
  })
  fields.end()
  const certificate = readBlockCertificate(envelope, committee)
  if (certificate.kind !== BALLOT.finalize) throw new WebxError('bad-certificate', 'finality: only a FINALIZE is final')
  let proven: BlockMark = certificate
  for (const body of path) {
    const header = readCandidateBody(body, committee)
    if (!equal(header.hash, proven.hash)) throw new WebxError('bad-certificate', 'finality: the path leads elsewhere')
    proven = { slot: header.parentSlot, hash: header.parentHash }
  }
  return { ...proven, checks: blockCertificateChecks(committee, certificate) }
}

/** Reads a proof and checks its signatures too. Throws `bad-signature`, and what `readFinality` throws. */
export function verifyFinality(bytes: Uint8Array, committee: Committee): BlockMark {
  const { slot, hash, checks } = readFinality(bytes, committee)
  if (verifyGroups([checks])[0] !== true) throw new WebxError('bad-signature', 'finality: a signature does not hold')
  return { slot, hash }
}
