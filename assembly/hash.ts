/**
 * BLAKE3 (github.com/BLAKE3-team/BLAKE3-specs): hash, keyed hash and key derivation, any length in, any length out.
 *
 * The caller writes at `input`, calls, and reads `output`; every address and capacity is exported, nothing is
 * allocated, the memory never grows. All state between calls lies in one region, `state`, so that a caller who
 * interleaves several hashers can put one aside and bring another back.
 */

import { chain, hashMany, wipeMany } from './blake3/many'
import { IV0, IV1, IV2, IV3, IV4, IV5, IV6, IV7 } from './blake3/rounds'

const CHUNK_START: u32 = 1, CHUNK_END: u32 = 2, PARENT: u32 = 4, ROOT: u32 = 8
const BLOCK: u32 = 64
const CHUNK: u32 = 1024
/** Chunks that are hashed as one aligned subtree. */
const SUBTREE_LEVEL: u32 = 4
const SUBTREE_CHUNKS: u32 = 1 << SUBTREE_LEVEL

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

const CV: usize = memory.data(32, 16)
const TAIL: usize = memory.data(64, 16)
const NODE: usize = memory.data(64, 16)
const LEAVES: usize = memory.data(32 * 16, 16)

/** Starts a hash. `flags` is the mode: 0 hash, 16 keyed, 32 a context, 64 key material; 16 and 64 take `key`. */
export function begin(flags: u32): void {
  if (flags == 16 || flags == 64) {
    memory.copy(CHAIN_KEY, key, 32)
  } else {
    store<u32>(CHAIN_KEY, IV0); store<u32>(CHAIN_KEY, IV1, 4); store<u32>(CHAIN_KEY, IV2, 8)
    store<u32>(CHAIN_KEY, IV3, 12); store<u32>(CHAIN_KEY, IV4, 16); store<u32>(CHAIN_KEY, IV5, 20)
    store<u32>(CHAIN_KEY, IV6, 24); store<u32>(CHAIN_KEY, IV7, 28)
  }
  store<u64>(COUNTER, 0)
  store<u32>(FLAGS, flags)
  store<u32>(BUFFERED, 0)
  store<u32>(DEPTH, 0)
}

/**
 * Takes in `length` bytes of `input`. `more`: further input is certain, so that the last chunk need not be held back.
 */
export function update(length: u32, more: bool): void {
  let from = input
  const buffered = load<u32>(BUFFERED)
  const spare: u32 = more ? 0 : 1
  if (buffered > 0) {
    const taken = min(CHUNK - buffered, length)
    memory.copy(BUFFER + buffered, from, taken)
    from += taken
    length -= taken
    if (buffered + taken < CHUNK || length < spare) {
      store<u32>(BUFFERED, buffered + taken)
      return
    }
    pushChunks(BUFFER, 1)
    store<u32>(BUFFERED, 0)
  }
  while (length >= CHUNK + spare) {
    const aligned = (<u32>load<u64>(COUNTER) & (SUBTREE_CHUNKS - 1)) == 0
    let count: u32 = min((length - spare) / CHUNK, SUBTREE_CHUNKS)
    if (!aligned || count < SUBTREE_CHUNKS) count = count >= 4 ? 4 : 1
    pushChunks(from, count)
    from += count * CHUNK
    length -= count * CHUNK
  }
  memory.copy(BUFFER, from, length)
  store<u32>(BUFFERED, length)
}

/** Ends the hash: writes `length` bytes (1 … outputLength) at `output`. The state must be begun anew. */
export function finish(length: u32): void {
  finishFrom(BUFFER, load<u32>(BUFFERED), length)
}

/** The whole of one message of at most one chunk at `input`: the same as begin, update, finish without a copy. */
export function hashShort(flags: u32, length: u32, outLength: u32): void {
  begin(flags)
  finishFrom(input, length, outLength)
}

/** Wipes key, state, scratch and the first bytes of `input` and `output`. */
export function wipe(inputBytes: u32, outputBytes: u32): void {
  memory.fill(key, 0, 32)
  memory.fill(state, 0, stateLength)
  memory.fill(CV, 0, 32)
  memory.fill(TAIL, 0, 64)
  memory.fill(NODE, 0, 64)
  memory.fill(LEAVES, 0, 32 * 16)
  wipeMany()
  memory.fill(input, 0, min(inputBytes, inputLength))
  memory.fill(output, 0, min(outputBytes, outputLength))
}

/** Hashes `count` (1, 4 or an aligned 16) whole chunks and adds them to the tree; more input must follow. */
function pushChunks(from: usize, count: u32): void {
  const flags = load<u32>(FLAGS)
  const counter = load<u64>(COUNTER)
  hashMany(from, count, CHUNK / BLOCK, CHAIN_KEY, counter, 1, flags, CHUNK_START, CHUNK_END, LEAVES)
  if (count == SUBTREE_CHUNKS) {
    for (let width = SUBTREE_CHUNKS >> 1; width > 0; width >>= 1) {
      hashMany(LEAVES, width, 1, CHAIN_KEY, 0, 0, flags | PARENT, 0, 0, LEAVES)
    }
    push(LEAVES, SUBTREE_LEVEL)
  } else {
    for (let i: u32 = 0; i < count; i++) push(LEAVES + 32 * i, 0)
  }
}

/** Adds the chaining value of a subtree of 2^level chunks, merging every pair that is complete. */
function push(cv: usize, level: u32): void {
  const total = load<u64>(COUNTER) + (1 << <u64>level)
  const flags = load<u32>(FLAGS) | PARENT
  let depth = load<u32>(DEPTH)
  memory.copy(STACK + 32 * depth, cv, 32)
  depth++
  for (let rest = total >> level; (rest & 1) == 0; rest >>= 1) {
    depth--
    const left = STACK + 32 * (depth - 1)
    hashMany(left, 1, 1, CHAIN_KEY, 0, 0, flags, 0, 0, left)
  }
  store<u64>(COUNTER, total)
  store<u32>(DEPTH, depth)
}

/** The last chunk, then the parents up to the root, then the root's output. */
function finishFrom(chunk: usize, length: u32, outLength: u32): void {
  let flags = load<u32>(FLAGS)
  let counter = load<u64>(COUNTER)
  let depth = load<u32>(DEPTH)
  const whole: u32 = length > 0 ? (length - 1) / BLOCK : 0
  memory.copy(CV, CHAIN_KEY, 32)
  if (whole > 0) chain(CV, chunk, whole, counter, BLOCK, flags, CHUNK_START, 0, 0)
  let blockLength = length - whole * BLOCK
  memory.fill(TAIL, 0, 64)
  memory.copy(TAIL, chunk + whole * BLOCK, blockLength)
  let mark = CHUNK_END | (whole > 0 ? 0 : CHUNK_START)
  while (depth > 0) {
    depth--
    chain(CV, TAIL, 1, counter, blockLength, flags, mark, 0, 0)
    memory.copy(TAIL, STACK + 32 * depth, 32)
    memory.copy(TAIL + 32, CV, 32)
    memory.copy(CV, CHAIN_KEY, 32)
    blockLength = BLOCK
    counter = 0
    mark = PARENT
  }
  mark |= ROOT
  for (let at: u32 = 0; at < outLength; at += 64) {
    memory.copy(NODE, CV, 32)
    chain(NODE, TAIL, 1, <u64>(at / 64), blockLength, flags, mark, 0, output + at)
  }
}
