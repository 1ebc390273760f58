/**
 * Proofs of the public log's Merkle tree (RFC 9162 §2.1, SHA-256): what a stranger needs to check that an entry is in it, and that it only ever grew.
 *
 * Written down recursively, as the RFC defines the proofs; the tests hold it against the RFC's own loops. SHA-256 and not BLAKE3, because C2SP's witnesses, tiles
 * and COSE receipts ask for it.
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { equal } from '../../core/bytes.ts'
import { LIMITS } from '../../core/limits.ts'

export const HASH_BYTES = 32

/** The size and root of a tree: all that a proof is held against. */
export interface TreeHead {
  readonly size: number
  /** 32 bytes. */
  readonly root: Uint8Array
}

/** Head of the tree without leaves. */
export const EMPTY_TREE: TreeHead = { size: 0, root: sha256(new Uint8Array(0)) }

/** Hash of an entry as a leaf. */
export function leafHash(entry: Uint8Array): Uint8Array {
  const content = new Uint8Array(1 + entry.length)
  content.set(entry, 1)
  return sha256(content)
}

/** Hash of two neighbors. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const content = new Uint8Array(1 + 2 * HASH_BYTES)
  content[0] = 1
  content.set(left, 1)
  content.set(right, 1 + HASH_BYTES)
  return sha256(content)
}

/** Leaves left of the first split of a tree of `size` > 1: the largest power of two below `size`. */
export function splitOf(size: number): number {
  let split = 1
  while (2 * split < size) split *= 2
  return split
}

/** True where `leaf` is number `index` of the tree. */
export function verifyInclusion(head: TreeHead, index: number, leaf: Uint8Array, path: readonly Uint8Array[]): boolean {
  const root = rootOfInclusion(head.size, index, leaf, path)
  return root !== null && equal(root, head.root)
}

/** The root that an inclusion proof leads to; null where the path has not the length that index and size demand. */
export function rootOfInclusion(
  size: number,
  index: number,
  leaf: Uint8Array,
  path: readonly Uint8Array[],
): Uint8Array | null {
  if (!isPlace(index, size) || index >= size || !areHashes(path) || leaf.length !== HASH_BYTES) return null
  return climb(path.length, index, size)

  /** Root of the `count` leaves around the leaf, out of the first `used` hashes. */
  function climb(used: number, at: number, count: number): Uint8Array | null {
    if (count === 1) return used === 0 ? leaf : null
    const sibling = path[used - 1]
    if (!sibling) return null
    const split = splitOf(count)
    const isLeft = at < split
    const inner = isLeft ? climb(used - 1, at, split) : climb(used - 1, at - split, count - split)
    if (!inner) return null
    return isLeft ? nodeHash(inner, sibling) : nodeHash(sibling, inner)
  }
}

/** True where the first `old.size` leaves of `head` are those of `old`. Everything extends the empty tree, and a tree itself, with an empty proof. */
export function verifyConsistency(old: TreeHead, head: TreeHead, proof: readonly Uint8Array[]): boolean {
  if (!isPlace(old.size, head.size) || !areHashes(proof)) return false
  if (old.size === 0) return proof.length === 0 && equal(old.root, EMPTY_TREE.root)
  if (old.size === head.size) return proof.length === 0 && equal(old.root, head.root)
  const roots = climb(proof.length, old.size, head.size, true)
  return roots !== null && equal(roots[0], old.root) && equal(roots[1], head.root)

  /** Roots of the old and of the new leaves of a subtree with `count` leaves of which `kept` are old. `whole`: the old root itself stands for them. */
  function climb(used: number, kept: number, count: number, whole: boolean): [Uint8Array, Uint8Array] | null {
    if (kept === count) {
      const root = whole ? old.root : proof[used - 1]
      return root && used === (whole ? 0 : 1) ? [root, root] : null
    }
    const sibling = proof[used - 1]
    if (!sibling) return null
    const split = splitOf(count)
    if (kept <= split) {
      const left = climb(used - 1, kept, split, whole)
      return left && [left[0], nodeHash(left[1], sibling)]
    }
    const right = climb(used - 1, kept - split, count - split, false)
    return right && [nodeHash(sibling, right[0]), nodeHash(sibling, right[1])]
  }
}

function isPlace(at: number, size: number): boolean {
  return Number.isSafeInteger(at) && Number.isSafeInteger(size) && at >= 0 && at <= size && size <= LIMITS.logLeavesMax
}

function areHashes(hashes: readonly Uint8Array[]): boolean {
  return hashes.length <= LIMITS.logPathMax && hashes.every(({ length }) => length === HASH_BYTES)
}
