/**
 * Ed25519 (RFC 8032) in WebAssembly, under the ONE acceptance rule of the network.
 *
 * A signature (R, s) of key A over m is valid if and only if: A and R are canonical encodings of points, A is not of
 * small order, s < L, and 8·s·B = 8·R + 8·k·A with k = SHA-512(R ‖ A ‖ m) mod L (the cofactored equation of RFC 8032,
 * section 5.1.7). Common libraries disagree about crafted signatures; nodes that judged one vote by different rules
 * would split the network.
 *
 * Everything here is public, so time and memory access vary with it on purpose: never use this with a secret.
 */

import { assertArray, assertBytes, assertInteger } from './check.ts'
import { type Build, instantiate, type KernelExports, kernelBuild } from './load.ts'

interface VerifyExports extends KernelExports {
  readonly data: WebAssembly.Global
  readonly dataLength: WebAssembly.Global
  readonly key: WebAssembly.Global
  readonly signature: WebAssembly.Global
  readonly coefficients: WebAssembly.Global
  readonly batchMax: WebAssembly.Global
  readonly keysMax: WebAssembly.Global
  reserve(keys: number): number
  isKey(): number
  pin(): number
  unpin(): void
  begin(): void
  add(length: number): void
  open(): void
  absorb(length: number): void
  close(): void
  prepare(): void
  isRefused(index: number): number
  check(first: number, count: number): number
}

/** A message, who is said to have signed it (32 bytes), and the signature (64 bytes). */
export interface Signed {
  readonly key: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Returns that many bytes that nobody can foresee. They weigh the signatures of a batch against each other: were they
 * known, two invalid ones could be made to cancel.
 */
export type RandomSource = (length: number) => Uint8Array

/** How a door is set up. */
export interface VerifyOptions {
  readonly build?: Build
  /** Default is what `provideRandom` was given. Null, or neither: a batch is checked one by one. */
  readonly random?: RandomSource | null
  /** Keys whose tables are kept, 10 KiB each; 1 … 1,024, default 64. */
  readonly keys?: number
}

/** Verification on one build of the kernel. A key that does not have 32 bytes is a RangeError. */
export interface VerifyDoor {
  readonly build: Build
  /** Whether the key is a canonical encoding of a point that is not of small order: else nothing it signs is valid. */
  isKey(key: Uint8Array): boolean
  /** Whether the signature is valid. One that does not have 64 bytes is not. */
  verify(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /**
   * The same verdict for each of the items, several times faster for many: an invalid one is taken for valid with a
   * probability below 2^−120, a valid one for invalid never.
   */
  verifyBatch(items: readonly Signed[]): boolean[]
  /** Whether all of the items are valid, with that chance of error. Does not find out which are not, so bad ones cost no more than good ones. */
  verifyAll(items: readonly Signed[]): boolean
  /**
   * Keeps the tables of these keys, and no longer those pinned before: the members of the present epoch. Other keys
   * are kept while they are used. Returns how many are pinned: what is no key is not, nor what exceeds the room.
   */
  pin(keys: readonly Uint8Array[]): number
}

const KEYS = 64
/** So many signatures of a failed batch, or fewer, are looked at one by one. */
const SINGLY = 4
/** A batch is split until ranges of so many times its length have failed: a flood of invalid ones gains little. */
const SPLITS = 2

/** A door onto a new instance of the kernel. Throws a RangeError where an option is out of its bounds. */
export function createVerifyDoor(options: VerifyOptions = {}): VerifyDoor {
  const { build = kernelBuild('verify'), random, keys = KEYS } = options
  const kernel = instantiate<VerifyExports>('verify', build)
  assertInteger('keys', keys, 1, kernel.keysMax.value)
  if (kernel.reserve(keys) !== 1) throw new RangeError(`keys: no memory for ${keys} keys`)
  // the memory has grown for the last time, so the view stays valid
  const bytes = new Uint8Array(kernel.memory.buffer)
  const data = kernel.data.value
  const dataLength = kernel.dataLength.value
  const keyAt = kernel.key.value
  const signatureAt = kernel.signature.value
  const coefficients = kernel.coefficients.value
  const batchMax = kernel.batchMax.value
  let spare = 0

  function add(key: Uint8Array, message: Uint8Array, signature: Uint8Array): void {
    bytes.set(key, keyAt)
    bytes.set(signature, signatureAt)
    if (message.length <= dataLength) {
      bytes.set(message, data)
      kernel.add(message.length)
      return
    }
    kernel.open()
    for (let at = 0; at < message.length; at += dataLength) {
      const part = message.subarray(at, at + dataLength)
      bytes.set(part, data)
      kernel.absorb(part.length)
    }
    kernel.close()
  }

  /** Begins a batch of these items, with signatures of 64 bytes; false where they can only be checked one by one. */
  function load(items: readonly Signed[]): boolean {
    const source = random === undefined ? provided : random
    const chance = source !== null && items.length > 1 ? source(16 * items.length) : null
    if (chance !== null) assertBytes('random()', chance, 16 * items.length)
    kernel.begin()
    for (const { key, message, signature } of items) add(key, message, signature)
    if (chance !== null) bytes.set(chance, coefficients)
    kernel.prepare()
    return source !== null
  }

  /** Marks the valid ones among the signatures first … first + count − 1 of the batch; true if all are. */
  function judge(valid: Uint8Array, first: number, count: number, isBad: boolean): boolean {
    if (!isBad) {
      if (kernel.check(first, count) === 1) {
        valid.fill(1, first, first + count)
        return true
      }
      spare -= count
    }
    if (count === 1) return false
    if (count <= SINGLY || spare < 0) {
      for (let i = first; i < first + count; i++) judge(valid, i, 1, false)
      return false
    }
    const half = count >>> 1
    // where the first half is good, the second must be what is bad
    const isGood = judge(valid, first, half, false)
    judge(valid, first + half, count - half, isGood)
    return false
  }

  function verifySome(items: readonly Signed[]): boolean[] {
    const isBatch = load(items)
    const valid = new Uint8Array(items.length)
    spare = SPLITS * items.length
    if (isBatch) judge(valid, 0, items.length, false)
    else for (let i = 0; i < items.length; i++) judge(valid, i, 1, false)
    return items.map((_, i) => valid[i] === 1 && kernel.isRefused(i) === 0)
  }

  function holdTogether(items: readonly Signed[]): boolean {
    const isBatch = load(items)
    if (items.some((_, i) => kernel.isRefused(i) === 1)) return false
    return isBatch ? kernel.check(0, items.length) === 1 : items.every((_, i) => kernel.check(i, 1) === 1)
  }

  return {
    build,
    isKey(key) {
      assertBytes('key', key, 32)
      bytes.set(key, keyAt)
      return kernel.isKey() === 1
    },
    verify(key, message, signature) {
      assertSigned(key, message, signature)
      if (signature.length !== 64) return false
      kernel.begin()
      add(key, message, signature)
      kernel.prepare()
      return kernel.isRefused(0) === 0 && kernel.check(0, 1) === 1
    },
    verifyBatch(items) {
      for (const { key, message, signature } of items) assertSigned(key, message, signature)
      const complete = items.filter((item) => item.signature.length === 64)
      const verdicts: boolean[] = []
      for (let at = 0; at < complete.length; at += batchMax) {
        verdicts.push(...verifySome(complete.slice(at, at + batchMax)))
      }
      if (complete.length === items.length) return verdicts
      let next = 0
      return items.map((item) => item.signature.length === 64 && verdicts[next++] === true)
    },
    verifyAll(items) {
      for (const { key, message, signature } of items) assertSigned(key, message, signature)
      if (items.some((item) => item.signature.length !== 64)) return false
      for (let at = 0; at < items.length; at += batchMax) {
        if (!holdTogether(items.slice(at, at + batchMax))) return false
      }
      return true
    },
    pin(pinned) {
      for (const key of pinned) assertBytes('key', key, 32)
      kernel.unpin()
      let count = 0
      for (const key of pinned) {
        bytes.set(key, keyAt)
        count += kernel.pin()
      }
      return count
    },
  }
}

function assertSigned(key: unknown, message: unknown, signature: unknown): void {
  assertBytes('key', key, 32)
  assertArray('message', message)
  assertArray('signature', signature)
}

let provided: RandomSource | null = null

/** Hands in the host's source of randomness, once for all doors; what was provided before stays. */
export function provideRandom(random: RandomSource): void {
  provided ??= random
}

let shared: VerifyDoor | undefined

function defaultDoor(): VerifyDoor {
  shared ??= createVerifyDoor()
  return shared
}

/** Whether the 32 bytes are a canonical encoding of a point that is not of small order. */
export function isKey(key: Uint8Array): boolean {
  return defaultDoor().isKey(key)
}

/** Whether the signature (64 bytes, else it is not) of that key (32 bytes) over the message is valid. */
export function verify(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return defaultDoor().verify(key, message, signature)
}

/** The verdict on each of the items, several times faster for many; chance of error below 2^−120. */
export function verifyBatch(items: readonly Signed[]): boolean[] {
  return defaultDoor().verifyBatch(items)
}

/** Whether all of the items are valid; bad ones cost no more than good ones. Chance of error below 2^−120. */
export function verifyAll(items: readonly Signed[]): boolean {
  return defaultDoor().verifyAll(items)
}

/** Keeps the tables of these keys, the members of the present epoch, instead of those pinned before. */
export function pinKeys(keys: readonly Uint8Array[]): number {
  return defaultDoor().pin(keys)
}
