/**
 * BLAKE3 (github.com/BLAKE3-team/BLAKE3-specs) in WebAssembly: hash, keyed hash, key derivation, extended output.
 *
 * Keyed and derived calls wipe key, state and buffers in the kernel's memory before they return; plain hashes do not,
 * for what they take in is public. One instance serves any number of incremental hashers: the state of the one that is
 * not in use is put aside.
 */

import { assertArray, assertBytes, assertInteger } from './check.ts'
import { type Build, instantiate, type KernelExports, kernelBuild } from './load.ts'

interface HashExports extends KernelExports {
  readonly input: WebAssembly.Global
  readonly inputLength: WebAssembly.Global
  readonly output: WebAssembly.Global
  readonly outputLength: WebAssembly.Global
  readonly key: WebAssembly.Global
  readonly state: WebAssembly.Global
  readonly stateLength: WebAssembly.Global
  begin(mode: number): void
  update(length: number): void
  adopt(count: number, level: number): number
  finish(length: number): void
  segment(index: number): void
  hashShort(mode: number, length: number, outLength: number): void
  wipe(inputBytes: number, outputBytes: number, begun: number): void
}

/** An incremental hash. After `digest` it is spent. */
export interface Blake3 {
  /** Takes in more of the message, in pieces of any length. Throws a TypeError when spent. */
  update(part: Uint8Array): Blake3
  /**
   * Takes in subtrees of 2^`level` chunks of 1,024 bytes that were hashed elsewhere: 32 bytes of chaining value each, in
   * order. At least one more byte of the message must follow. Throws a RangeError where what came before is not a
   * multiple of a subtree.
   */
  adopt(values: Uint8Array, level: number): Blake3
  /** Ends the hash with `length` bytes (default 32, at most 65,536). Throws a TypeError when spent. */
  digest(length?: number): Uint8Array
}

/** BLAKE3 on one build of the kernel. Output lengths are 1 … 65,536 bytes. All arguments are bytes, keys 32 of them. */
export interface HashDoor {
  readonly build: Build
  hash(message: Uint8Array, length?: number): Uint8Array
  hashInto(out: Uint8Array, message: Uint8Array): void
  keyed(key: Uint8Array, message: Uint8Array, length?: number): Uint8Array
  keyedInto(out: Uint8Array, key: Uint8Array, message: Uint8Array): void
  deriveKey(context: string, material: Uint8Array, length?: number): Uint8Array
  deriveKeyInto(out: Uint8Array, context: string, material: Uint8Array): void
  /** Writes the chaining value of `segment`, the 65,536 bytes from 65,536 × `index` on of a longer plain message: for `adopt`, level 6. */
  segmentInto(out: Uint8Array, segment: Uint8Array, index: number): void
  /** An incremental hash, keyed where a key is given. */
  create(key?: Uint8Array): Blake3
}

const HASH = 0
const KEYED = 16
const CONTEXT = 32
const MATERIAL = 64
/** One chunk: the most that the kernel hashes in a single call. */
const CHUNK = 1024
/** Subtrees of 2^20 chunks are a gigabyte. */
const LEVEL_MAX = 20
const SEGMENTS_MAX = 2 ** 30
/** Contexts are constants of the program; beyond this many their keys are derived anew each time. */
const CONTEXTS_MAX = 256
const NO_KEY = new Uint8Array(0)
const utf8 = new TextEncoder()

/** A door onto a new instance of the kernel. */
export function createHashDoor(build: Build = kernelBuild('hash')): HashDoor {
  const kernel = instantiate<HashExports>('hash', build)
  const bytes = new Uint8Array(kernel.memory.buffer)
  const input = kernel.input.value
  const inputLength = kernel.inputLength.value
  const output = kernel.output.value
  const outputLength = kernel.outputLength.value
  const key = kernel.key.value
  const state = kernel.state.value
  const stateLength = kernel.stateLength.value
  const digest = bytes.subarray(output, output + 32)
  const contextKeys = new Map<string, Uint8Array>()
  let active: Hasher | null = null

  function feed(message: Uint8Array): void {
    if (message.length <= inputLength) {
      bytes.set(message, input)
      kernel.update(message.length)
      return
    }
    for (let at = 0; at < message.length; at += inputLength) {
      const part = message.subarray(at, at + inputLength)
      bytes.set(part, input)
      kernel.update(part.length)
    }
  }

  /** Leaves `length` bytes of the hash at `output`. */
  function run(mode: number, secret: Uint8Array, message: Uint8Array, length: number): void {
    if (secret.length !== 0) bytes.set(secret, key)
    if (message.length <= CHUNK) {
      bytes.set(message, input)
      kernel.hashShort(mode, message.length, length)
    } else {
      putAside()
      kernel.begin(mode)
      feed(message)
      kernel.finish(length)
    }
  }

  function runInto(out: Uint8Array, mode: number, secret: Uint8Array, message: Uint8Array): void {
    run(mode, secret, message, out.length)
    out.set(out.length === 32 ? digest : bytes.subarray(output, output + out.length))
    if (mode !== HASH) kernel.wipe(message.length, out.length, message.length > CHUNK ? 1 : 0)
  }

  function runNew(mode: number, secret: Uint8Array, message: Uint8Array, length: number): Uint8Array {
    run(mode, secret, message, length)
    const out = length === 32 ? new Uint8Array(digest) : bytes.slice(output, output + length)
    if (mode !== HASH) kernel.wipe(message.length, length, message.length > CHUNK ? 1 : 0)
    return out
  }

  function putAside(): void {
    if (active === null) return
    active.saved.set(bytes.subarray(state, state + stateLength))
    active = null
  }

  class Hasher implements Blake3 {
    readonly saved: Uint8Array
    readonly secret: boolean
    spent = false

    constructor(secret: Uint8Array | undefined) {
      this.saved = new Uint8Array(stateLength)
      this.secret = secret !== undefined
      putAside()
      if (secret !== undefined) bytes.set(secret, key)
      kernel.begin(this.secret ? KEYED : HASH)
      active = this
    }

    update(part: Uint8Array): Blake3 {
      assertArray('part', part)
      this.bringBack()
      feed(part)
      return this
    }

    adopt(values: Uint8Array, level: number): Blake3 {
      assertArray('values', values)
      assertInteger('values.length', values.length, 0, inputLength)
      assertInteger('level', level, 0, LEVEL_MAX)
      this.bringBack()
      bytes.set(values, input)
      if (kernel.adopt(values.length >> 5, level) === 0) {
        throw new RangeError(`values: what came before is not a multiple of ${2 ** level} chunks`)
      }
      return this
    }

    digest(length = 32): Uint8Array {
      assertLength(length)
      this.bringBack()
      kernel.finish(length)
      const out = bytes.slice(output, output + length)
      if (this.secret) kernel.wipe(inputLength, length, 1)
      this.saved.fill(0)
      this.spent = true
      active = null
      return out
    }

    private bringBack(): void {
      if (this.spent) throw new TypeError('hasher: digest() has been called, make a new one')
      if (active === this) return
      putAside()
      bytes.set(this.saved, state)
      active = this
    }
  }

  function contextKey(context: string): Uint8Array {
    const known = contextKeys.get(context)
    if (known !== undefined) return known
    const made = runNew(CONTEXT, NO_KEY, utf8.encode(context), 32)
    if (contextKeys.size < CONTEXTS_MAX) contextKeys.set(context, made)
    return made
  }

  function assertLength(length: number): void {
    assertInteger('length', length, 1, outputLength)
  }

  const door: HashDoor = {
    build,
    hashInto(out, message) {
      assertArray('out', out)
      assertLength(out.length)
      assertArray('message', message)
      runInto(out, HASH, NO_KEY, message)
    },
    keyedInto(out, secret, message) {
      assertArray('out', out)
      assertLength(out.length)
      assertBytes('key', secret, 32)
      assertArray('message', message)
      runInto(out, KEYED, secret, message)
    },
    deriveKeyInto(out, context, material) {
      assertArray('out', out)
      assertLength(out.length)
      if (typeof context !== 'string') throw new TypeError(`context: expected a string, got ${typeof context}`)
      assertArray('material', material)
      runInto(out, MATERIAL, contextKey(context), material)
    },
    hash(message, length = 32) {
      assertArray('message', message)
      // by far the most frequent call, in one piece, which engines compile as a whole
      if (length === 32 && message.length <= CHUNK) {
        bytes.set(message, input)
        kernel.hashShort(HASH, message.length, 32)
        return new Uint8Array(digest)
      }
      assertLength(length)
      return runNew(HASH, NO_KEY, message, length)
    },
    keyed(secret, message, length = 32) {
      assertBytes('key', secret, 32)
      assertArray('message', message)
      assertLength(length)
      return runNew(KEYED, secret, message, length)
    },
    deriveKey(context, material, length = 32) {
      if (typeof context !== 'string') throw new TypeError(`context: expected a string, got ${typeof context}`)
      assertArray('material', material)
      assertLength(length)
      return runNew(MATERIAL, contextKey(context), material, length)
    },
    segmentInto(out, segment, index) {
      assertBytes('out', out, 32)
      assertBytes('segment', segment, inputLength)
      assertInteger('index', index, 0, SEGMENTS_MAX)
      bytes.set(segment, input)
      kernel.segment(index)
      out.set(digest)
    },
    create(secret) {
      if (secret !== undefined) assertBytes('key', secret, 32)
      return new Hasher(secret)
    },
  }
  return door
}

let shared: HashDoor | undefined

function defaultDoor(): HashDoor {
  shared ??= createHashDoor()
  return shared
}

/** BLAKE3 of `message`: `length` bytes (default 32). */
export function blake3(message: Uint8Array, length = 32): Uint8Array {
  return defaultDoor().hash(message, length)
}

/** BLAKE3 of `message` into all of `out`, without an allocation. */
export function blake3Into(out: Uint8Array, message: Uint8Array): void {
  defaultDoor().hashInto(out, message)
}

/** BLAKE3 keyed hash (a MAC) of `message` under a key of 32 bytes: `length` bytes (default 32). */
export function blake3Keyed(key: Uint8Array, message: Uint8Array, length = 32): Uint8Array {
  return defaultDoor().keyed(key, message, length)
}

/** BLAKE3 key derivation: `length` bytes (default 32) from `material` for the one purpose that `context` names. */
export function deriveKey(context: string, material: Uint8Array, length = 32): Uint8Array {
  return defaultDoor().deriveKey(context, material, length)
}

/** An incremental BLAKE3, keyed where a key of 32 bytes is given. */
export function createBlake3(key?: Uint8Array): Blake3 {
  return defaultDoor().create(key)
}

/** The chaining value of a segment of a longer message into `out`: see `HashDoor.segmentInto`. */
export function blake3SegmentInto(out: Uint8Array, segment: Uint8Array, index: number): void {
  defaultDoor().segmentInto(out, segment, index)
}
