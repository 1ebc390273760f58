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
  update(length: number, more: number): void
  finish(length: number): void
  hashShort(mode: number, length: number, outLength: number): void
  wipe(inputBytes: number, outputBytes: number): void
}

/** An incremental hash. After `digest` it is spent. */
export interface Blake3 {
  /** Takes in more of the message, in pieces of any length. Throws a TypeError when spent. */
  update(part: Uint8Array): Blake3
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
  /** An incremental hash, keyed where a key is given. */
  create(key?: Uint8Array): Blake3
}

const HASH = 0
const KEYED = 16
const CONTEXT = 32
const MATERIAL = 64
/** One chunk: the most that the kernel hashes in a single call. */
const CHUNK = 1024
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
  const contextKeys = new Map<string, Uint8Array>()
  let active: Hasher | null = null

  function feed(message: Uint8Array, more: boolean): void {
    for (let at = 0; at < message.length; at += inputLength) {
      const end = Math.min(at + inputLength, message.length)
      bytes.set(at === 0 && end === message.length ? message : message.subarray(at, end), input)
      kernel.update(end - at, more || end < message.length ? 1 : 0)
    }
  }

  function run(out: Uint8Array, mode: number, secret: Uint8Array, message: Uint8Array): void {
    putAside()
    if (secret.length !== 0) bytes.set(secret, key)
    if (message.length <= CHUNK) {
      bytes.set(message, input)
      kernel.hashShort(mode, message.length, out.length)
    } else {
      kernel.begin(mode)
      feed(message, false)
      kernel.finish(out.length)
    }
    take(out)
    if (mode !== HASH) kernel.wipe(message.length, out.length)
  }

  function take(out: Uint8Array): void {
    if (out.length === 32) for (let i = 0; i < 32; i++) out[i] = bytes[output + i] as number
    else out.set(bytes.subarray(output, output + out.length))
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
      feed(part, false)
      return this
    }

    digest(length = 32): Uint8Array {
      assertLength(length)
      this.bringBack()
      const out = new Uint8Array(length)
      kernel.finish(length)
      take(out)
      if (this.secret) kernel.wipe(inputLength, length)
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
    const made = new Uint8Array(32)
    run(made, CONTEXT, NO_KEY, utf8.encode(context))
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
      run(out, HASH, NO_KEY, message)
    },
    keyedInto(out, secret, message) {
      assertArray('out', out)
      assertLength(out.length)
      assertBytes('key', secret, 32)
      assertArray('message', message)
      run(out, KEYED, secret, message)
    },
    deriveKeyInto(out, context, material) {
      assertArray('out', out)
      assertLength(out.length)
      if (typeof context !== 'string') throw new TypeError(`context: expected a string, got ${typeof context}`)
      assertArray('material', material)
      run(out, MATERIAL, contextKey(context), material)
    },
    hash(message, length = 32) {
      assertLength(length)
      const out = new Uint8Array(length)
      door.hashInto(out, message)
      return out
    },
    keyed(secret, message, length = 32) {
      assertLength(length)
      const out = new Uint8Array(length)
      door.keyedInto(out, secret, message)
      return out
    },
    deriveKey(context, material, length = 32) {
      assertLength(length)
      const out = new Uint8Array(length)
      door.deriveKeyInto(out, context, material)
      return out
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
