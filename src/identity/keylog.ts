/**
 * The key event log of an identity: which keys speak for it, from the inception on.
 *
 * After KERI's pre-rotation: every event commits by hash to the keys that come next, so that a thief of today's key cannot rotate to his own.
 * This version reads inception events; rotation, delegation, revocation and recovery are further event kinds of the same log, told apart by
 * the first field, and refused by name until they are understood.
 */

import { encode } from '../core/codec.ts'
import { assertPublicKey, verifySignature } from '../core/crypto.ts'
import { blake3Of } from '../core/digest.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope, signedBytes, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { identityOf, KINDS, type Kind, labelOf } from './xqident.ts'

/** Key events belong to no net: their scope is 32 zero bytes. */
export const NO_SCOPE: Uint8Array = new Uint8Array(32)

const EVENT = { inception: 0, rotation: 1, delegation: 2, revocation: 3, recovery: 4 } as const

/** What a log says about its identity as of its newest event. */
export interface KeyState {
  /** 32 bytes. */
  readonly id: Uint8Array
  readonly label: string
  readonly kind: Kind
  /** Position of the newest event; an inception is 0. */
  readonly position: number
  /** Raw Ed25519 public keys; this version has one. */
  readonly keys: readonly Uint8Array[]
  readonly threshold: number
  /** BLAKE3 commitments to the keys that come next. */
  readonly nextKeyDigests: readonly Uint8Array[]
}

/** What a new identity starts from. Keys are raw 32-byte Ed25519 public keys; the next key stays unused until a rotation. */
export interface Inception {
  readonly kind: Kind
  readonly key: Uint8Array
  readonly nextKey: Uint8Array
  /** 16 random bytes. */
  readonly salt: Uint8Array
}

/** Body bytes of an inception event, to be signed over `signedBytes(TYPE.keyEvent, NO_SCOPE, body)` with its key. */
export function inceptionBody(inception: Inception): Uint8Array {
  const { kind, key, nextKey, salt } = inception
  return encode([EVENT.inception, 0, KINDS.indexOf(kind), [key], 1, [keyDigest(nextKey)], 1, salt])
}

/** Commitment to a key that has not been shown yet. */
export function keyDigest(key: Uint8Array): Uint8Array {
  return blake3Of('webx v1 next key', key)
}

/** Encoded envelope of a signed key event. */
export function keyEventBytes(body: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeEnvelope({ type: TYPE.keyEvent, scope: NO_SCOPE, body, signature, attachment: new Uint8Array(0) })
}

/**
 * The state after an inception event, verified: shape, keys, and the signature by its own key.
 *
 * Throws `bad-identity`, `bad-key`, `bad-signature`, `unsupported-key-event`, or what decoding throws.
 */
export function readInception(bytes: Uint8Array): KeyState {
  return verifyInception(decodeEnvelope(bytes))
}

/** The same for an envelope that is decoded already. */
export function verifyInception(envelope: Envelope): KeyState {
  if (envelope.type !== TYPE.keyEvent || envelope.scope.some((byte) => byte !== 0)) {
    throw new WebxError('bad-identity', 'not a key event')
  }
  const fields = Fields.of('key event', envelope.body)
  const event = fields.uint('event', 255)
  if (event !== EVENT.inception) {
    throw new WebxError('unsupported-key-event', `key event ${event} is not understood by this version`)
  }
  const position = fields.uint('position', 0)
  const kind = KINDS[fields.uint('kind', KINDS.length - 1)] as Kind
  const keys = fields.list('keys', LIMITS.keysPerIdentityMax, asKey)
  const threshold = fields.uint('threshold', LIMITS.keysPerIdentityMax)
  const nextKeyDigests = fields.list('nextKeyDigests', LIMITS.keysPerIdentityMax, asKey)
  const nextThreshold = fields.uint('nextThreshold', LIMITS.keysPerIdentityMax)
  fields.bytes('salt', 16)
  fields.end()
  if (keys.length !== 1 || threshold !== 1 || nextKeyDigests.length !== 1 || nextThreshold !== 1) {
    throw new WebxError('unsupported-key-event', 'identities of several keys are not understood by this version')
  }
  const [key] = keys as [Uint8Array]
  assertPublicKey(key)
  const message = signedBytes(TYPE.keyEvent, NO_SCOPE, envelope.body)
  if (!verifySignature(key, message, envelope.signature)) {
    throw new WebxError('bad-signature', 'inception event is not signed by its own key')
  }
  const id = identityOf(envelope.body)
  return { id, label: labelOf(id), kind, position, keys, threshold, nextKeyDigests }
}

function asKey(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== 32) {
    throw new WebxError('bad-shape', 'key event: keys and digests have 32 bytes')
  }
  return value
}
