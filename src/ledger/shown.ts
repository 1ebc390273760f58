/**
 * An order that is shown inside another: what is paid back, what comes from abroad.
 *
 * Its body alone says what was ordered, and its digest follows from the body. That it was settled is another matter.
 */

import { statementDigest, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { objectId } from '../identity/objectid.ts'
import type { OrderView } from './terms.ts'

/** Such an order, and the digest of the one before it. */
export interface ShownOrder extends OrderView {
  readonly previous: Uint8Array
}

/** Reads the body of an order of this net (`src/PROTOCOL.md` §8). Throws `bad-shape`, `not-canonical`, `too-long`. */
export function readShownOrder(netId: Uint8Array, body: Uint8Array): ShownOrder {
  const fields = Fields.of('shown order', body, LIMITS.orderBytesMax)
  const home = fields.bytes('home', 16)
  const owner = fields.bytes('owner', 32)
  const keyPosition = fields.uint('keyPosition')
  const nonce = fields.bytes('nonce', 16)
  const version = fields.uint('version')
  const previous = fields.bytes('previous', 32)
  const maxEpoch = fields.uint('maxEpoch')
  const idem = fields.bytes('idem', 16)
  const op = fields.bytesBetween('op', 1, LIMITS.orderBytesMax)
  fields.end()
  if (version === 0) throw new WebxError('bad-shape', 'shown order: versions count up from 1')
  const oid = objectId(netId, home, owner, nonce)
  const od = statementDigest({ type: TYPE.order, scope: netId, body })
  return { oid, od, home, owner, keyPosition, nonce, version, previous, maxEpoch, idem, op, attached: NOTHING }
}

const NOTHING = new Uint8Array(0)
