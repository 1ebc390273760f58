/**
 * The inside of BLAKE3's tree (the BLAKE3 paper, §2.1 and §2.4): chaining values of parts of a longer message, and how pairs of them merge.
 *
 * The kernel of `wasm/hash.ts` answers digests of whole messages and chaining values of whole segments of 64 KiB; what lies between the two, and
 * the part of a segment that ends a message, is here. It is little (one merge a segment), so plain arithmetic is fast enough. All of it is public.
 */

import { blake3SegmentInto } from '../wasm/hash.ts'

/** Bytes of a chaining value. */
export const VALUE_BYTES = 32
/** Bytes of the longest part that `partValueInto` takes: a segment. */
export const SEGMENT_BYTES = 65_536
/** Bytes of one of BLAKE3's own chunks, the leaves of its tree. */
export const LEAF_BYTES = 1024

const BLOCK_BYTES = 64
const CHUNK_START = 1
const CHUNK_END = 2
const PARENT = 4
const ROOT = 8
const IV = Uint32Array.of(
  ...[0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19],
)
/** Which word of the message each of the 7 rounds takes in each of its 16 places. */
const SCHEDULE = schedule([2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8], 7)

const state = new Uint32Array(16)
const words = new Uint32Array(16)
const chain = new Uint32Array(8)
const leaves = new Uint8Array((SEGMENT_BYTES / LEAF_BYTES) * VALUE_BYTES)

/**
 * Writes the chaining value of `part`, 1 … 65,536 bytes of a longer message from its `firstLeaf`-th KiB on, into 32 bytes of `out`.
 *
 * The part is a subtree: it begins at a multiple of the power of two that its length, in KiB, does not exceed. A shorter one ends the message.
 */
export function partValueInto(out: Uint8Array, part: Uint8Array, firstLeaf: number): void {
  if (part.length === SEGMENT_BYTES) {
    blake3SegmentInto(out, part, firstLeaf / (SEGMENT_BYTES / LEAF_BYTES))
    return
  }
  const count = Math.ceil(part.length / LEAF_BYTES)
  for (let i = 0; i < count; i++) leafValue(part.subarray(i * LEAF_BYTES, (i + 1) * LEAF_BYTES), firstLeaf + i, i)
  mergeAll(leaves, count, false)
  out.set(leaves.subarray(0, VALUE_BYTES))
}

/**
 * Merges `count` neighbors, `values` of subtrees of one size but for the last, which may be smaller, to one: in place, the result is in the
 * first 32 bytes. With `isRoot` that is the digest of the whole message; at least two values then.
 */
export function mergeAll(values: Uint8Array, count: number, isRoot: boolean): void {
  for (let left = count; left > 1; left = mergePairs(values, left, isRoot && left === 2));
}

/** Merges the first `count` values pair by pair, in place; one that is left over stays the last. Answers how many there are then. */
export function mergePairs(values: Uint8Array, count: number, isRoot: boolean): number {
  const pairs = count >> 1
  for (let i = 0; i < pairs; i++) {
    chain.set(IV)
    compress(values, 2 * i * VALUE_BYTES, BLOCK_BYTES, 0, isRoot ? PARENT | ROOT : PARENT)
    writeChain(values, i * VALUE_BYTES)
  }
  if (count % 2 === 1) values.copyWithin(pairs * VALUE_BYTES, (count - 1) * VALUE_BYTES, count * VALUE_BYTES)
  return pairs + (count % 2)
}

/** The chaining value of one KiB, or of what there is of it, to place `at` of `leaves`. */
function leafValue(leaf: Uint8Array, index: number, at: number): void {
  chain.set(IV)
  const last = Math.max(0, Math.ceil(leaf.length / BLOCK_BYTES) - 1)
  for (let block = 0; block <= last; block++) {
    const flags = (block === 0 ? CHUNK_START : 0) | (block === last ? CHUNK_END : 0)
    const length = Math.min(BLOCK_BYTES, leaf.length - block * BLOCK_BYTES)
    compress(leaf, block * BLOCK_BYTES, length, index, flags)
  }
  writeChain(leaves, at * VALUE_BYTES)
}

/** One compression of `chain` with `length` bytes from `at` on. */
function compress(bytes: Uint8Array, at: number, length: number, counter: number, flags: number): void {
  for (let i = 0; i < 16; i++) words[i] = length === BLOCK_BYTES ? wordAt(bytes, at + 4 * i) : 0
  if (length < BLOCK_BYTES) for (let i = 0; i < length; i++) words[i >> 2]! |= bytes[at + i]! << (8 * (i & 3))
  state.set(chain)
  for (let i = 0; i < 4; i++) state[8 + i] = IV[i]!
  state[12] = counter
  state[13] = Math.floor(counter / 2 ** 32)
  state[14] = length
  state[15] = flags
  for (let round = 0; round < SCHEDULE.length; round += 16) {
    for (let i = 0; i < 4; i++) quarter(i, 4 + i, 8 + i, 12 + i, round + 2 * i)
    for (let i = 0; i < 4; i++) quarter(i, 4 + ((i + 1) & 3), 8 + ((i + 2) & 3), 12 + ((i + 3) & 3), round + 8 + 2 * i)
  }
  for (let i = 0; i < 8; i++) chain[i] = state[i]! ^ state[8 + i]!
}

function quarter(a: number, b: number, c: number, d: number, at: number): void {
  let x = (state[a]! + state[b]! + words[SCHEDULE[at]!]!) | 0
  let w = rotated(state[d]! ^ x, 16)
  let z = (state[c]! + w) | 0
  let y = rotated(state[b]! ^ z, 12)
  x = (x + y + words[SCHEDULE[at + 1]!]!) | 0
  w = rotated(w ^ x, 8)
  z = (z + w) | 0
  y = rotated(y ^ z, 7)
  state[a] = x
  state[b] = y
  state[c] = z
  state[d] = w
}

function rotated(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits))
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

function writeChain(out: Uint8Array, at: number): void {
  for (let i = 0; i < VALUE_BYTES; i++) out[at + i] = chain[i >> 2]! >>> (8 * (i & 3))
}

function schedule(permutation: readonly number[], rounds: number): Uint8Array {
  const all = new Uint8Array(16 * rounds)
  for (let i = 0; i < 16; i++) all[i] = i
  for (let i = 16; i < all.length; i++) all[i] = all[i - 16 - (i % 16) + permutation[i % 16]!]!
  return all
}
