/**
 * SETTLED STATE: shows strangers that an order is settled by the state with which an epoch began, where no settlement can: the chain of blocks settled it, or whoever had seen the strong quorum has forgotten.
 *
 * Body: [oid, parts, root, path, part, bucketPath]: the first part of the object's bucket with its paths to the root of the state (`statetree.ts`); scope: the digest of the committee of that epoch. The
 * part is read from its beginning, object by object: what an owner wrote into the state of another object is never taken for an object.
 */

import { equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { merkleVerify } from './merkle.ts'
import { bucketLeaf, partLeaf, stateBucketOf } from './statetree.ts'

/** Where the first part of an object's bucket lies. */
export interface FirstPart {
  readonly parts: number
  /** 32-byte root of the bucket. */
  readonly root: Uint8Array
  readonly path: Uint8Array
  readonly part: Uint8Array
  /** From the bucket to the root of the state. */
  readonly bucketPath: Uint8Array
}

/** How far an object had come. */
export interface ProvenHead {
  readonly oid: Uint8Array
  readonly version: number
  /** Digest of the order of that version. */
  readonly od: Uint8Array
}

/** The statement; null where the first part does not show that the newest version of the object is this one or a later one, or it is too long to travel. */
export function settledStateBytes(
  cid: Uint8Array,
  first: FirstPart,
  { oid, version }: Omit<ProvenHead, 'od'>,
): Uint8Array | null {
  const { parts, root, path, part, bucketPath } = first
  if ((objectIn(part, oid)?.version ?? 0) < version) return null
  const body = encode([oid, parts, root, path, part, bucketPath])
  const envelope = { type: TYPE.settledState, scope: cid, body, signature: NOTHING, attachment: NOTHING }
  return body.length <= LIMITS.importProofBytesMax ? encodeEnvelope(envelope) : null
}

/** Reads one and checks it against the root of the state. Throws `bad-certificate` where it does not lead there or does not show the object, `bad-shape`, `not-canonical`, `too-long`. */
export function readSettledState(envelope: Envelope, stateRoot: Uint8Array): ProvenHead {
  if (envelope.type !== TYPE.settledState || envelope.signature.length + envelope.attachment.length > 0)
    throw new WebxError('bad-shape', 'settled state: has neither signature nor attachment')
  const fields = Fields.of('settled state', envelope.body, LIMITS.envelopeBytesMax)
  const oid = fields.bytes('oid', 32)
  const parts = fields.uint('parts')
  const root = fields.bytes('root', 32)
  const path = fields.bytesBetween('path', 0, LIMITS.envelopeBytesMax)
  const part = fields.bytesBetween('part', 1, LIMITS.statePartBytesMax)
  const bucketPath = fields.bytesBetween('bucketPath', 0, LIMITS.envelopeBytesMax)
  fields.end()
  const isPart = merkleVerify(root, parts, 0, partLeaf(part), path)
  const leaf = bucketLeaf({ parts, root })
  if (!isPart || !merkleVerify(stateRoot, LIMITS.stateBuckets, stateBucketOf(oid), leaf, bucketPath))
    throw new WebxError('bad-certificate', 'settled state: does not lead to the root of the state')
  const object = objectIn(part, oid)
  if (!object || object.version === 0) throw new WebxError('bad-certificate', 'settled state: does not show the object')
  return { oid, ...object }
}

/** True for the bytes of such a statement. Throws what decoding throws. */
export function isSettledState(bytes: Uint8Array): boolean {
  return decodeEnvelope(bytes).type === TYPE.settledState
}

/** An object that lies in a part as a whole; null for any other. */
function objectIn(part: Uint8Array, oid: Uint8Array): Omit<ProvenHead, 'oid'> | null {
  const view = new DataView(part.buffer, part.byteOffset, part.length)
  for (let at = 0; at + LENGTH_BYTES <= part.length; ) {
    const from = at + LENGTH_BYTES
    at = from + view.getUint32(at)
    if (at > part.length) return null
    const fields = Fields.of('settled object', part.subarray(from, at), LIMITS.storeValueBytesMax)
    if (!equal(fields.bytes('oid', 32), oid)) continue
    return { version: fields.uint('settled'), od: fields.bytes('head', 32) }
  }
  return null
}

const LENGTH_BYTES = 4
const NOTHING = new Uint8Array(0)
