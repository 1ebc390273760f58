/**
 * WITNESS: what one seat says about one recovery, on its way to the other members. Body: [identity, recovery, seat, first-seen, now, signature]; scope: the committee
 * digest. The envelope has no signature of its own: the one inside is what an enforcement shows, and it must mean the same without the envelope.
 */

import { equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { type Envelope, encodeEnvelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { readWitness, type Witness, witnessFields } from '../ledger/keylog-witness.ts'

/** A statement as it was read; its signature is not checked. */
export interface WitnessStatement {
  /** 32 bytes: whose recovery it is. */
  readonly identity: Uint8Array
  /** 32-byte digest of the recovery event. */
  readonly recovery: Uint8Array
  readonly witness: Witness
}

const NOTHING = new Uint8Array(0)

/** Encoded envelope of a statement. */
export function witnessStatement(cid: Uint8Array, { identity, recovery, witness }: WitnessStatement): Uint8Array {
  const body = encode([identity, recovery, ...witnessFields(witness)])
  return encodeEnvelope({ type: TYPE.witness, scope: cid, body, signature: NOTHING, attachment: NOTHING })
}

/** Reads a statement. Throws `wrong-epoch` for another committee, `too-long`, `not-canonical`, `bad-shape`. */
export function readWitnessStatement(envelope: Envelope, cid: Uint8Array): WitnessStatement {
  if (!equal(envelope.scope, cid)) throw new WebxError('wrong-epoch', 'witness of another committee')
  if (envelope.signature.length !== 0 || envelope.attachment.length !== 0) {
    throw new WebxError('bad-shape', 'witness: has neither signature nor attachment of its own')
  }
  const fields = Fields.of('witness', envelope.body, LIMITS.witnessBytesMax)
  const statement = {
    identity: fields.bytes('identity', 32),
    recovery: fields.bytes('recovery', 32),
    witness: readWitness(fields),
  }
  fields.end()
  return statement
}
