/**
 * A narrowing: how the holder of a ping passes on part of what it holds, offline, after the idea of Biscuit's blocks (without their language).
 *
 * It names the digest of what it narrows and the keys of the next holder, and is signed by the key of the holder before. File, audience, locators and status stay those of
 * the ping. Fields that a reader does not know are refused, so nothing that narrows can be overlooked. Layout and CDDL: `src/PROTOCOL.md`.
 */

import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { grantCbor, narrow, type Rights, readGrant } from './rights.ts'

/** What a holder holds: a verified presentation (`presentation.ts`) is one. */
export interface Held {
  /** 32-byte digest of the ping or narrowing that ends in its key. */
  readonly tip: Uint8Array
  readonly rights: Rights
}

/** A narrowing as it was read; neither its signature nor that it narrows is checked yet. */
export interface Narrowing {
  /** 32-byte digest of the ping or narrowing that it narrows. */
  readonly previous: Uint8Array
  /** What the next holder may do. */
  readonly rights: Rights
  /** 32 bytes that the next narrowing refers to. */
  readonly digest: Uint8Array
  /** What the signature of the holder before must cover. */
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

const VERSION = 1
/** The signature takes up the rest. */
const PAYLOAD_BYTES_MAX = LIMITS.pingNarrowingBytesMax - 128
const TITLE = 'webx v1 ping narrowing'
const VISIBLE_MAX = 2 ** 32 - 1

/** What the present holder signs to pass on `next`. Throws `narrowing-widens` for more than it holds, `bad-argument` for rights that no reader would accept. */
export function narrowingMessage(held: Held, next: Rights): Uint8Array {
  return messageOf(payloadOf(held.tip, narrow(held.rights, next)))
}

/** The bytes of a signed narrowing, signature over `narrowingMessage(held, next)`. Throws what that throws. */
export function encodeNarrowing(held: Held, next: Rights, signature: Uint8Array): Uint8Array {
  return encode([payloadOf(held.tip, narrow(held.rights, next)), signature])
}

/** Reads a narrowing. Throws `too-long`, `not-canonical`, `bad-shape` or `bad-version`. */
export function readNarrowing(bytes: Uint8Array): Narrowing {
  const fields = Fields.of('narrowing', bytes, LIMITS.pingNarrowingBytesMax)
  const payload = fields.bytesBetween('payload', 1, PAYLOAD_BYTES_MAX)
  const signature = fields.bytes('signature', 64)
  fields.end()
  const { previous, rights } = readPayload(payload)
  return { previous, rights, digest: blake3Of(TITLE, payload), message: messageOf(payload), signature }
}

function messageOf(payload: Uint8Array): Uint8Array {
  // begins unlike any COSE structure and unlike any envelope, so that a holder's key may sign those too
  return encode([TITLE, payload])
}

function payloadOf(previous: Uint8Array, rights: Rights): Uint8Array {
  const payload = encode([VERSION, previous, grantCbor(rights), rights.visible])
  try {
    readPayload(payload)
  } catch (cause) {
    throw new WebxError('bad-argument', `this narrowing cannot be made: ${(cause as Error).message}`, { cause })
  }
  return payload
}

function readPayload(payload: Uint8Array): Pick<Narrowing, 'previous' | 'rights'> {
  const fields = Fields.of('narrowing', payload, PAYLOAD_BYTES_MAX)
  const version = fields.uint('version')
  if (version !== VERSION) {
    throw new WebxError('bad-version', `narrowing: version ${version}, this runtime reads ${VERSION}`)
  }
  const previous = fields.bytes('previous', 32)
  const grant = fields.tuple('grant', readGrant)
  const visible = fields.uint('visible', VISIBLE_MAX)
  fields.end()
  return { previous, rights: { ...grant, visible } }
}
