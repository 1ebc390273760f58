/**
 * The points that proofs reckon over: nobody knows a logarithm of one to another, since each is a digest mapped into the group.
 *
 * They are pinned in the kernel once per door, with tables that make sums over them faster.
 */

import { concat } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import type { GroupDoor, Point } from '../wasm/group.ts'
import { deriveKey } from '../wasm/hash.ts'

/** Points that are known to everybody, and how they are named in a conversation. */
export interface Bases {
  /** G: commits to the value; the base point of RFC 9496. */
  readonly value: Point
  /** H: blinds it. */
  readonly blinding: Point
  /** G and H. */
  readonly encodings: readonly Uint8Array[]
}

/** A base for each bit on the left and on the right of an inner product. */
export interface RangeBases {
  readonly left: readonly Point[]
  readonly right: readonly Point[]
  /** BLAKE3 digest of all of them. */
  readonly digest: Uint8Array
}

const ENCODING_BYTES = 32
const known = new WeakMap<GroupDoor, Bases>()
const knownRanges = new WeakMap<GroupDoor, Map<number, RangeBases>>()

/** G and H of Pedersen commitments. */
export function basesOf(group: GroupDoor): Bases {
  const found = known.get(group)
  if (found !== undefined) return found
  const made = group.scope(() => {
    const blinding = group.pin(hashToGroup(group, 'webx v1 pedersen H', new Uint8Array(0)))
    return { value: group.base, blinding, encodings: group.encodeAll([group.base, blinding]) }
  })
  known.set(group, made)
  return made
}

/** The first `count` bases of range proofs on both sides. */
export function rangeBasesOf(group: GroupDoor, count: number): RangeBases {
  const perCount = knownRanges.get(group) ?? new Map<number, RangeBases>()
  knownRanges.set(group, perCount)
  const found = perCount.get(count)
  if (found !== undefined) return found
  const made = group.scope(() => {
    const side = (context: string): Point[] =>
      Array.from({ length: count }, (_, i) => group.pin(hashToGroup(group, context, encode([i]))))
    const [left, right] = [side('webx v1 range left'), side('webx v1 range right')]
    const digest = blake3Of('webx v1 range bases', concat(...group.encodeAll([...left, ...right])))
    return { left, right, digest }
  })
  perCount.set(count, made)
  return made
}

/** The point that bytes are mapped to under a context; nobody knows its logarithm. */
export function hashToGroup(group: GroupDoor, context: string, bytes: Uint8Array): Point {
  return group.fromUniform(deriveKey(context, bytes, 64))
}

/** The points of encodings that somebody else sent. Throws `bad-proof` where one is no canonical encoding, or the neutral element. */
export function readPoints(group: GroupDoor, what: string, encodings: readonly Uint8Array[]): Point[] {
  const areLong = encodings.every((encoding) => encoding.length === ENCODING_BYTES)
  const points = areLong ? group.decodeAll(encodings) : null
  if (points === null || points.some((point) => group.isIdentity(point))) {
    throw new WebxError('bad-proof', `${what}: not an element of the group, or the neutral one`)
  }
  return points
}
