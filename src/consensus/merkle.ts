/**
 * A BLAKE3 Merkle tree over the votes of one batch, so that one signature covers them all and each can be shown alone.
 *
 * Leaves and nodes are hashed under contexts of their own. A last node without a partner moves up unchanged; as the number of leaves is signed with
 * the root, the length of every path is known, and no tree can be read as another.
 */

import { equal } from '../core/bytes.ts'
import { blake3Of } from '../core/digest.ts'

const HASH_BYTES = 32

/** A tree with all its levels. */
export interface MerkleTree {
  readonly count: number
  /** 32 bytes. */
  readonly root: Uint8Array
  /** Level by level from the leaves up, each a run of 32-byte hashes. */
  readonly levels: readonly Uint8Array[]
}

/** The tree over leaf hashes, of which there must be at least one. */
export function merkleTree(leaves: readonly Uint8Array[]): MerkleTree {
  const levels: Uint8Array[] = [join(leaves)]
  let level = levels[0] as Uint8Array
  while (level.length > HASH_BYTES) {
    level = levelAbove(level)
    levels.push(level)
  }
  return { count: leaves.length, root: level, levels }
}

/** The hashes beside the way from a leaf to the root, one after the other. */
export function merklePath(tree: MerkleTree, index: number): Uint8Array {
  const path = new Uint8Array((tree.levels.length - 1) * HASH_BYTES)
  let used = 0
  let at = index
  for (const level of tree.levels) {
    const sibling = (at ^ 1) * HASH_BYTES
    if (level.length > HASH_BYTES && sibling < level.length) {
      for (let i = 0; i < HASH_BYTES; i++) path[used++] = level[sibling + i] as number
    }
    at >>= 1
  }
  return path.subarray(0, used)
}

/** True where `leaf` is number `index` of `count` leaves under `root`. */
export function merkleVerify(
  root: Uint8Array,
  count: number,
  index: number,
  leaf: Uint8Array,
  path: Uint8Array,
): boolean {
  if (index >= count) return false
  let hash = leaf
  let used = 0
  for (let at = index, width = count; width > 1; at >>= 1, width = (width + 1) >> 1) {
    if ((at ^ 1) >= width) continue
    const sibling = path.subarray(used, used + HASH_BYTES)
    if (sibling.length !== HASH_BYTES) return false
    hash = (at & 1) === 0 ? nodeHash(hash, sibling) : nodeHash(sibling, hash)
    used += HASH_BYTES
  }
  return used === path.length && equal(hash, root)
}

/** Hash of a leaf's content. */
export function leafHash(content: Uint8Array): Uint8Array {
  return blake3Of('webx v1 vote leaf', content)
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const pair = new Uint8Array(2 * HASH_BYTES)
  pair.set(left)
  pair.set(right, HASH_BYTES)
  return blake3Of('webx v1 vote node', pair)
}

function levelAbove(level: Uint8Array): Uint8Array {
  const pairBytes = 2 * HASH_BYTES
  const above = new Uint8Array(Math.ceil(level.length / pairBytes) * HASH_BYTES)
  for (let from = 0, to = 0; from < level.length; from += pairBytes, to += HASH_BYTES) {
    const pair = level.subarray(from, from + pairBytes)
    above.set(pair.length === pairBytes ? blake3Of('webx v1 vote node', pair) : pair, to)
  }
  return above
}

function join(leaves: readonly Uint8Array[]): Uint8Array {
  const level = new Uint8Array(leaves.length * HASH_BYTES)
  for (const [index, leaf] of leaves.entries()) level.set(leaf, index * HASH_BYTES)
  return level
}
