/**
 * ORDER: what an owner wants done to one of its objects, signed once and never changed.
 *
 * An order may prove itself instead: then it has no signature, and something is attached to it that its operation names by a digest. Whether that proves
 * anything is the business of `ObjectRules`.
 *
 * Body: [home, owner, keyPosition, nonce, version, previous, maxEpoch, idem, op]; scope: the net id. Layout and CDDL: `src/PROTOCOL.md`.
 * Orders of one object form a chain: each names its version and the digest of the order before it. What `op` means is the business of `ObjectRules`.
 */

import { encode } from '../core/codec.ts'
import { type Envelope, encodeEnvelope, signedBytes, statementDigest, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { objectId } from '../identity/objectid.ts'

const NOTHING = new Uint8Array(0)

/** What the owner decides. */
export interface OrderTerms {
  /** 16-byte id of the neighborhood that decides about the object. */
  readonly home: Uint8Array
  /** 32-byte identity. */
  readonly owner: Uint8Array
  /** Position in the owner's key log of the key that signs. */
  readonly keyPosition: number
  /** 16 bytes that tell the owner's objects apart. */
  readonly nonce: Uint8Array
  /** Counts up from 1. */
  readonly version: number
  /** 32-byte digest of the order of the version before; zeros for version 1. */
  readonly previous: Uint8Array
  /** Last epoch in which the order may be voted for. */
  readonly maxEpoch: number
  /** 16 bytes, fixed before the first attempt: what makes two attempts the same wish. */
  readonly idem: Uint8Array
  /** Canonical CBOR, opaque to consensus. */
  readonly op: Uint8Array
}

/** A decoded order; whether its signature holds is another matter. */
export interface Order extends OrderTerms {
  /** 32-byte id of the object. */
  readonly oid: Uint8Array
  /** 32-byte digest of the order: what members vote for. */
  readonly od: Uint8Array
  /** What an order without a signature proves itself by; empty for all others. */
  readonly attached: Uint8Array
  readonly envelope: Envelope
}

/** Body bytes, to be signed by the owner over `orderSignedBytes(netId, body)`. */
export function orderBody(terms: OrderTerms): Uint8Array {
  const { home, owner, keyPosition, nonce, version, previous, maxEpoch, idem, op } = terms
  return encode([home, owner, keyPosition, nonce, version, previous, maxEpoch, idem, op])
}

/** What the owner signs. */
export function orderSignedBytes(netId: Uint8Array, body: Uint8Array): Uint8Array {
  return signedBytes(TYPE.order, netId, body)
}

/** The statement of a signed order. Throws `too-long`. */
export function orderEnvelope(netId: Uint8Array, body: Uint8Array, signature: Uint8Array): Envelope {
  if (body.length > LIMITS.orderBytesMax) {
    throw new WebxError('too-long', `order of ${body.length} bytes, at most ${LIMITS.orderBytesMax} allowed`)
  }
  return { type: TYPE.order, scope: netId, body, signature, attachment: NOTHING }
}

/** The statement of an order that proves itself by what is attached to it. */
export function provingOrderEnvelope(netId: Uint8Array, body: Uint8Array, attachment: Uint8Array): Envelope {
  return { ...orderEnvelope(netId, body, NOTHING), attachment }
}

/** True for an order that has no signature of its own. */
export function provesItself(order: Order): boolean {
  return order.attached.length > 0
}

/** Decodes an order. Throws `bad-shape`, `too-long`, `not-canonical`; looks at neither its signature nor its meaning. */
export function readOrder(envelope: Envelope): Order {
  if (envelope.type !== TYPE.order) throw new WebxError('bad-shape', 'not an order')
  const { signature, attachment } = envelope
  if ((signature.length === 64) === attachment.length > 0) {
    throw new WebxError('bad-shape', 'order: has a signature, or else something attached that proves it')
  }
  // what proves itself by less is held to less by `ObjectRules`
  if (attachment.length > LIMITS.importProofBytesMax)
    throw new WebxError('too-long', 'order: too much is attached to it')
  const fields = Fields.of('order', envelope.body, LIMITS.orderBytesMax)
  const terms: OrderTerms = {
    home: fields.bytes('home', 16),
    owner: fields.bytes('owner', 32),
    keyPosition: fields.uint('keyPosition'),
    nonce: fields.bytes('nonce', 16),
    version: fields.uint('version'),
    previous: fields.bytes('previous', 32),
    maxEpoch: fields.uint('maxEpoch'),
    idem: fields.bytes('idem', 16),
    op: fields.bytesBetween('op', 1, LIMITS.orderBytesMax),
  }
  fields.end()
  if (terms.version === 0) throw new WebxError('bad-shape', 'order: versions count up from 1')
  if (terms.version === 1 && terms.previous.some((byte) => byte !== 0)) {
    throw new WebxError('bad-shape', 'order: version 1 follows nothing')
  }
  const oid = objectId(envelope.scope, terms.home, terms.owner, terms.nonce)
  return { ...terms, oid, od: statementDigest(envelope), attached: attachment, envelope }
}

/** The bytes of an order as they travel and are stored. */
export function orderBytes(order: Order): Uint8Array {
  return encodeEnvelope(order.envelope)
}

/** The message that the owner's signature covers. */
export function orderMessage(order: Order): Uint8Array {
  return signedBytes(TYPE.order, order.envelope.scope, order.envelope.body)
}
