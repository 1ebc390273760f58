/**
 * The settled state of all objects as one digest, and in pieces that can be checked one by one: what an epoch begins with, and what a joiner is given.
 *
 * Objects lie in buckets by the first ten bits of their ids, in the order of their ids, each as [oid, settled, head, hasState, state] with its length in four bytes before it. The
 * bytes of a bucket are cut into parts; a Merkle tree over these, and one over all buckets, give the root. Only buckets that have changed are hashed again. Format: `src/PROTOCOL.md`.
 */

import { compare } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { LIMITS } from '../core/limits.ts'
import { type MerkleTree, merkleTree } from './merkle.ts'

/** The settled part of an object. */
export interface SettledObject {
  readonly oid: Uint8Array
  readonly settled: number
  /** Digest of the order of that version, or `voidHead`; zeros for none. */
  readonly head: Uint8Array
  /** Encoded state, or null. */
  readonly state: Uint8Array | null
}

/** How a bucket is named in the root: how many parts it has, and the root of the tree over them. */
export interface BucketMark {
  readonly parts: number
  /** 32 bytes; zeros for a bucket that holds nothing. */
  readonly root: Uint8Array
}

/** A bucket that holds nothing. */
export const EMPTY_BUCKET: BucketMark = { parts: 0, root: new Uint8Array(32) }

/** Number of the bucket that an object lies in. */
export function stateBucketOf(oid: Uint8Array): number {
  return (((oid[0] as number) << 8) | (oid[1] as number)) >> BUCKET_SHIFT
}

/** The parts of a bucket with these objects, in any order; objects that nothing has happened to are left out. */
export function bucketParts(objects: Iterable<SettledObject>): Uint8Array[] {
  const listed = [...objects].filter(({ settled, state }) => settled > 0 || state !== null)
  listed.sort((a, b) => compare(a.oid, b.oid))
  const stream = join(listed.flatMap((object) => withLength(encodeSettled(object))))
  const parts: Uint8Array[] = []
  for (let from = 0; from < stream.length; from += LIMITS.statePartBytesMax) {
    parts.push(stream.subarray(from, from + LIMITS.statePartBytesMax))
  }
  return parts
}

/** The tree over the parts of a bucket, of which there must be one. */
export function partTree(parts: readonly Uint8Array[]): MerkleTree {
  return merkleTree(parts.map(partLeaf))
}

export function partLeaf(part: Uint8Array): Uint8Array {
  return blake3Of('webx v1 state part', part)
}

export function bucketMark(parts: readonly Uint8Array[]): BucketMark {
  return parts.length === 0 ? EMPTY_BUCKET : { parts: parts.length, root: partTree(parts).root }
}

/** 32-byte root over the marks of all buckets. */
export function stateRootOf(marks: readonly BucketMark[]): Uint8Array {
  return merkleTree(marks.map(({ parts, root }) => blake3Of('webx v1 state bucket', encode([parts, root])))).root
}

/** The root where there are no objects. */
export function emptyStateRoot(): Uint8Array {
  return stateRootOf(Array.from({ length: LIMITS.stateBuckets }, () => EMPTY_BUCKET))
}

/** All of these, one after the other, however many they are. */
export function join(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    joined.set(piece, at)
    at += piece.length
  }
  return joined
}

const BUCKET_SHIFT = 16 - Math.log2(LIMITS.stateBuckets)

function encodeSettled({ oid, settled, head, state }: SettledObject): Uint8Array {
  return encode([oid, settled, head, state !== null, state ?? new Uint8Array(0)])
}

function withLength(bytes: Uint8Array): [Uint8Array, Uint8Array] {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, bytes.length)
  return [length, bytes]
}
