/**
 * EVIDENCE as the chain of a neighborhood takes it: whoever it convicts is on no roster that follows.
 *
 * What was signed for the neighborhood itself, its votes, blocks and cosignatures, stands under its own digest. What was signed as a MasterNode of the public log stands under
 * the digest of a generation; who sat there follows from the opening of the epoch and the generation that the signed text names. So whoever has the opening judges alike.
 */

import type { SignatureCheck } from '../../core/crypto.ts'
import type { Envelope } from '../../core/envelope.ts'
import type { Committee } from '../committee.ts'
import { readEvidence } from '../evidence.ts'
import { accusedGeneration, isLogEvidence, readLogEvidence } from '../publiclog/fork.ts'
import { logTermOf } from '../publiclog/term.ts'
import type { Opening } from './opening.ts'

/** Who is guilty, if all checks hold. */
export interface Charge {
  /** 32-byte identity. */
  readonly guilty: Uint8Array
  readonly checks: readonly SignatureCheck[]
}

/** Decodes evidence that counts in this epoch. Throws `bad-shape` where nothing is proven, `wrong-epoch`, and what decoding throws. */
export function readCharge(
  envelope: Envelope,
  { committee, opening }: { readonly committee: Committee; readonly opening: Opening },
): Charge {
  if (!isLogEvidence(envelope)) return readEvidence(envelope, committee)
  const generation = accusedGeneration(envelope, opening.netId)
  const accused = generation === null ? committee : logTermOf(opening, generation).masterNodes
  return readLogEvidence(envelope, accused)
}
