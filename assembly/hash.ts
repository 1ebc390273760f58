/**
 * BLAKE3 (github.com/BLAKE3-team/BLAKE3-specs): hash, keyed hash and key derivation, any length in, any length out.
 *
 * The caller writes at `input`, calls, and reads `output`; every address and capacity is exported, nothing is
 * allocated, the memory never grows. All state between calls lies in one region, `state`, so that a caller who
 * interleaves several hashers can put one aside and bring another back; `hashShort` does without it.
 *
 * The stack of subtrees is merged lazily, as in the reference implementation: before a subtree is added, not after,
 * so that the root is never compressed as if it were an inner node, and no chunk need be held back but the first.
 */

import { chain, hashSubtree, SCRATCH_LENGTH } from './blake3/many'
import { BLOCK, CHUNK, CHUNK_BLOCKS, CHUNK_END, CHUNK_START, PARENT, ROOT } from './blake3/marks'
import { IV0, IV1, IV2, IV3, IV4, IV5, IV6, IV7 } from './blake3/rounds'
import { copy32 } from './bytes'

/** The most chunks that are hashed as one subtree. */
const SUBTREE_CHUNKS: u32 = 64

/** Bytes that `input` holds. */
export const inputLength: u32 = 65536
/** Bytes that `output` holds: the most that one call extends to. */
export const outputLength: u32 = 65536
/** Bytes of `state`. */
export const stateLength: u32 = 32 + 8 + 4 + 4 + 16 + 1024 + 56 * 32

export const input: usize = memory.data(65536, 16)
export const output: usize = memory.data(65536, 16)
/** 32 bytes that `begin` reads where its mode asks for a key. */
export const key: usize = memory.data(32, 16)
export const state: usize = memory.data(2880, 16)

// what lies where in the state
const CHAIN_KEY: usize = state
const COUNTER: usize = state + 32
const FLAGS: usize = state + 40
const BUFFERED: usize = state + 44
const DEPTH: usize = state + 48
const BUFFER: usize = state + 64
const STACK: usize = BUFFER + 1024

const IV: usize = memory.data<u32>([IV0, IV1, IV2, IV3, IV4, IV5, IV6, IV7], 16)
const CV: usize = memory.data(32, 16)
const NODE: usize = memory.data(64, 16)
const LEAVES: usize = memory.data(32 * 64, 16)
const SCRATCH: usize = memory.data(SCRATCH_LENGTH, 16)

/** Starts a hash. `flags` is the mode: 0 hash, 16 keyed, 32 a context, 64 key material; 16 and 64 take `key`. */
export function begin(flags: u32): void {
  copy32(CHAIN_KEY, keyOf(flags))
  store<u64>(COUNTER, 0)
  store<u32>(FLAGS, flags)
  store<u32>(BUFFERED, 0)
  store<u32>(DEPTH, 0)
}

/** Takes in `length` bytes of `input`. */
export function update(length: u32): void {
  let from = input
  const buffered = load<u32>(BUFFERED)
  if (buffered > 0) {
    const taken = min(CHUNK - buffered, length)
    memory.copy(BUFFER + buffered, from, taken)
    from += taken
    length -= taken
    if (length == 0) {
      store<u32>(BUFFERED, buffered + taken)
      return
    }
    addChunk(BUFFER)
    store<u32>(BUFFERED, 0)
  }
  while (length > CHUNK) {
    const count = subtreeOf(<u32>load<u64>(COUNTER), length / CHUNK)
    if (count == 1) addChunk(from)
    else addSubtree(from, count)
    from += count * CHUNK
    length -= count * CHUNK
  }
  if (length > 0) {
    memory.copy(BUFFER, from, length)
    store<u32>(BUFFERED, length)
  }
}

/**
 * Takes in `count` subtrees of 2^`level` chunks each that somebody else has hashed: their chaining values are at `input`.
 * More must follow. False where what came before is not a multiple of that many chunks: then nothing is taken in.
 */
export function adopt(count: u32, level: u32): bool {
  const chunks: u64 = (<u64>1) << level
  const counter = load<u64>(COUNTER)
  const buffered = load<u32>(BUFFERED)
  if (buffered != 0 || (counter & (chunks - 1)) != 0) return false
  for (let i: u32 = 0; i < count; i++) push(input + 32 * i, chunks)
  return true
}

/** Ends the hash: writes `length` bytes (1 … outputLength) at `output`. The state must be begun anew. */
export function finish(length: u32): void {
  const buffered = load<u32>(BUFFERED)
  const flags = load<u32>(FLAGS)
  let depth = load<u32>(DEPTH)
  if (buffered > 0 || depth == 0) {
    mergeTo(load<u64>(COUNTER))
    depth = load<u32>(DEPTH)
    finishChunk(BUFFER, buffered, load<u64>(COUNTER), CHAIN_KEY, flags, depth, length)
  } else {
    finishParents(STACK + 32 * (depth - 2), depth - 2, CHAIN_KEY, flags, length)
  }
}

/** The whole of one message of at most one chunk at `input`: the same as begin, update and finish, without the state. */
export function hashShort(flags: u32, length: u32, outLength: u32): void {
  finishChunk(input, length, 0, keyOf(flags), flags, 0, outLength)
}

/** The chaining value, at `output`, of 64 chunks at `input` that are segment `index` of a plain hash: for `adopt`, level 6. */
export function segment(index: u32): void {
  hashSubtree(input, SUBTREE_CHUNKS, 1, IV, <u64>index * SUBTREE_CHUNKS, 0, output, SCRATCH)
}

/** Wipes key, scratch, and the first bytes of `input` and `output`; the state too where a hash was begun. */
export function wipe(inputBytes: u32, outputBytes: u32, begun: bool): void {
  memory.fill(key, 0, 32)
  memory.fill(CV, 0, 32)
  if (begun) {
    memory.fill(state, 0, stateLength)
    memory.fill(NODE, 0, 64)
    memory.fill(LEAVES, 0, 32 * SUBTREE_CHUNKS)
    memory.fill(SCRATCH, 0, SCRATCH_LENGTH)
  }
  memory.fill(input, 0, min(inputBytes, inputLength))
  memory.fill(output, 0, min((outputBytes + 63) & ~63, outputLength))
}

/** Where the chaining values of this mode begin. */
@inline
function keyOf(flags: u32): usize {
  return flags == 16 || flags == 64 ? key : IV
}

/** The most chunks that may be hashed as one subtree: a power of two that divides the number of those before it. */
@inline
function subtreeOf(counter: u32, available: u32): u32 {
  const whole: u32 = min<u32>(available, SUBTREE_CHUNKS)
  const most: u32 = 1 << (31 - clz(whole))
  const aligned = counter & (SUBTREE_CHUNKS - 1)
  return aligned == 0 ? most : min<u32>(most, 1 << ctz(aligned))
}

/** Adds one whole chunk; more must follow. */
function addChunk(from: usize): void {
  chain(CHAIN_KEY, CV, from, CHUNK_BLOCKS, load<u64>(COUNTER), BLOCK, load<u32>(FLAGS), CHUNK_START, CHUNK_END, 0)
  push(CV, 1)
}

/** Adds 2 chunks or more as two halves, for their parent may be the root. */
function addSubtree(from: usize, count: u32): void {
  hashSubtree(from, count, 2, CHAIN_KEY, load<u64>(COUNTER), load<u32>(FLAGS), LEAVES, SCRATCH)
  push(LEAVES, count >> 1)
  push(LEAVES + 32, count >> 1)
}

/** Adds the chaining value of a subtree of `chunks` chunks. */
function push(cv: usize, chunks: u64): void {
  const counter = load<u64>(COUNTER)
  mergeTo(counter)
  const depth = load<u32>(DEPTH)
  copy32(STACK + 32 * depth, cv)
  store<u32>(DEPTH, depth + 1)
  store<u64>(COUNTER, counter + chunks)
}

/** Merges what is complete on the stack: `chunks` chunks are as many subtrees as that number has bits set. */
function mergeTo(chunks: u64): void {
  const target = <u32>popcnt(chunks)
  const flags = load<u32>(FLAGS) | PARENT
  let depth = load<u32>(DEPTH)
  while (depth > target) {
    depth--
    const left = STACK + 32 * (depth - 1)
    chain(CHAIN_KEY, left, left, 1, 0, BLOCK, flags, 0, 0, 0)
  }
  store<u32>(DEPTH, depth)
}

/** The last chunk, then what is above it. */
function finishChunk(
  chunk: usize, length: u32, counter: u64, start: usize, flags: u32, depth: u32, outLength: u32,
): void {
  const whole: u32 = length > 0 ? (length - 1) / BLOCK : 0
  const last = chunk + whole * BLOCK
  const lastLength = length - whole * BLOCK
  pad(last, lastLength)
  let from = start
  let mark = CHUNK_START
  if (whole > 0) {
    chain(start, CV, chunk, whole, counter, BLOCK, flags, CHUNK_START, 0, 0)
    from = CV
    mark = 0
  }
  if (depth == 0) {
    writeRoot(from, last, lastLength, flags | mark | CHUNK_END, outLength)
  } else {
    copy32(NODE, STACK + 32 * (depth - 1))
    chain(from, NODE + 32, last, 1, counter, lastLength, flags, mark, CHUNK_END, 0)
    finishParents(NODE, depth - 1, start, flags, outLength)
  }
}

/** The pair of chaining values at `node`, its parents up to the root with the `depth` subtrees on the stack, the output. */
function finishParents(node: usize, depth: u32, start: usize, flags: u32, outLength: u32): void {
  while (depth > 0) {
    depth--
    chain(start, NODE + 32, node, 1, 0, BLOCK, flags | PARENT, 0, 0, 0)
    copy32(NODE, STACK + 32 * depth)
    node = NODE
  }
  writeRoot(start, node, BLOCK, flags | PARENT, outLength)
}

/** The root, as often as the length of the output asks for. */
function writeRoot(from: usize, block: usize, length: u32, flags: u32, outLength: u32): void {
  for (let at: u32 = 0; at < outLength; at += BLOCK) {
    chain(from, NODE, block, 1, <u64>(at / BLOCK), length, flags | ROOT, 0, 0, output + at)
  }
}

/** Fills a block of which `length` bytes are message with zeros. */
function pad(block: usize, length: u32): void {
  if (length == BLOCK) return
  let at = length & ~7
  store<u64>(block + at, load<u64>(block + at) & ((1 << <u64>(8 * (length & 7))) - 1))
  for (at += 8; at < BLOCK; at += 8) store<u64>(block + at, 0)
}
