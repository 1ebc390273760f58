/**
 * Finds out, at start, from which length on a native cipher seals faster than the kernel, and puts it to use there.
 *
 * First the native cipher has to give the kernel's bytes, and refuse what the kernel refuses: one that does not is
 * never used. Then classes of size are timed from the largest down, for as long as it wins. Clocks being what pure
 * floors lack, one is handed in.
 */

import { type Build, kernelBuild } from './load.ts'
import { createSealDoor, type NativeSeal, type SealDoor, setSealDoor, TAG_LENGTH } from './seal.ts'

/** One class of size: the best of a few runs each. */
export interface SealTiming {
  readonly bytes: number
  readonly wasmMs: number
  readonly nativeMs: number
}

/** What a calibration found. */
export interface SealCalibration {
  /** Whether the native cipher gave the right bytes. */
  readonly isTrusted: boolean
  /** From which length of text and associated data on the native cipher is used; null: never. */
  readonly nativeFromBytes: number | null
  /** The classes that were timed, the largest first. */
  readonly timings: readonly SealTiming[]
}

const CLASSES_BYTES = [262_144, 65_536, 16_384, 4_096, 1_024]
/** Bytes that one timing takes at least, so that it is long enough for a clock of microseconds. */
const SAMPLE_BYTES = 65_536
const ROUNDS = 8
/** So many times faster after so many rounds, the native cipher has won. To lose it gets all of them. */
const CLEAR = 1.8
const CLEAR_ROUNDS = 3
/**
 * Engines replace their first, slower code while it runs, and allocators first ask the system for memory: each side
 * runs a few milliseconds before it is timed.
 */
const WARM_UP_MS = 3
const WARM_UP_RUNS = 200
/** No class is begun after this time: a bound for slow machines, a fast one needs a few milliseconds. */
const TIMING_MS = 30
/** About the edges of what the kernel takes at once, and of the pieces that native ciphers are fed. */
const COMPARED_BYTES = [0, 1, 64, 1_025, 16_385, 131_073]

/**
 * Calibrates the doors that `sealInto` and its like use, once a process: about 20 ms of work, twice that where nothing has
 * been compiled yet. Until then they use the kernel alone.
 * `nowMs` is a monotonic clock in milliseconds with fractions.
 */
export function calibrateSeal(native: NativeSeal, nowMs: () => number): SealCalibration {
  const build = kernelBuild('seal')
  const found = measure(native, nowMs, build)
  const delegate = found.nativeFromBytes === null ? undefined : { native, fromBytes: found.nativeFromBytes }
  setSealDoor(createSealDoor(build, delegate))
  return found
}

function measure(native: NativeSeal, nowMs: () => number, build: Build): SealCalibration {
  const wasm = createSealDoor(build)
  const other = createSealDoor(build, { native, fromBytes: 0 })
  if (!COMPARED_BYTES.every((bytes) => isTrusted(wasm, other, bytes))) {
    return { isTrusted: false, nativeFromBytes: null, timings: [] }
  }
  warmUp(runner(wasm, 16_384), nowMs)
  warmUp(runner(other, 262_144), nowMs)
  const timings: SealTiming[] = []
  let nativeFromBytes: number | null = null
  const startedMs = nowMs()
  for (const bytes of CLASSES_BYTES) {
    const timing = compare(wasm, other, bytes, nowMs)
    timings.push(timing)
    if (timing.nativeMs >= timing.wasmMs) break
    nativeFromBytes = bytes
    if (nowMs() - startedMs > TIMING_MS) break
  }
  return { isTrusted: true, nativeFromBytes, timings }
}

/** A cipher that throws, as OpenSSL does where ChaCha20 is forbidden, is one that is not used. */
function isTrusted(wasm: SealDoor, other: SealDoor, length: number): boolean {
  try {
    return agree(wasm, other, length)
  } catch {
    return false
  }
}

/** Whether both seal to the same bytes, open them, and refuse a changed tag. */
function agree(wasm: SealDoor, other: SealDoor, length: number): boolean {
  const key = pattern(32, 3)
  const plaintext = pattern(length, 5)
  return [12, 24].every((nonceLength) => {
    const nonce = pattern(nonceLength, 7)
    const aad = pattern(length % 100, 11)
    const sealed = pattern(length + TAG_LENGTH, 13)
    const same = pattern(length + TAG_LENGTH, 17)
    const opened = pattern(length, 19)
    wasm.sealInto(sealed, key, nonce, plaintext, aad)
    other.sealInto(same, key, nonce, plaintext, aad)
    if (!isEqual(sealed, same)) return false
    if (!other.openInto(opened, key, nonce, sealed, aad) || !isEqual(opened, plaintext)) return false
    sealed[sealed.length - 1] = (sealed[sealed.length - 1] as number) ^ 1
    return !other.openInto(opened, key, nonce, sealed, aad) && isEqual(opened, new Uint8Array(length))
  })
}

function warmUp(run: () => void, nowMs: () => number): void {
  const startedMs = nowMs()
  for (let i = 0; i < WARM_UP_RUNS && nowMs() - startedMs < WARM_UP_MS; i++) run()
}

/** Times both in turn, and takes the best of each: what else the machine does can only add. */
function compare(wasm: SealDoor, other: SealDoor, bytes: number, nowMs: () => number): SealTiming {
  const [byWasm, byOther] = [runner(wasm, bytes), runner(other, bytes)]
  const runs = Math.ceil(SAMPLE_BYTES / bytes)
  let wasmMs = Number.POSITIVE_INFINITY
  let nativeMs = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    wasmMs = Math.min(wasmMs, time(byWasm, runs, nowMs))
    nativeMs = Math.min(nativeMs, time(byOther, runs, nowMs))
    if (round + 1 >= CLEAR_ROUNDS && wasmMs > CLEAR * nativeMs) break
  }
  return { bytes, wasmMs, nativeMs }
}

function time(run: () => void, runs: number, nowMs: () => number): number {
  const startedMs = nowMs()
  for (let i = 0; i < runs; i++) run()
  return (nowMs() - startedMs) / runs
}

function runner(door: SealDoor, bytes: number): () => void {
  const [key, nonce, plaintext] = [pattern(32, 3), pattern(24, 5), pattern(bytes, 7)]
  const out = new Uint8Array(bytes + TAG_LENGTH)
  return () => door.sealInto(out, key, nonce, plaintext)
}

function pattern(length: number, step: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = i * step + 1
  return bytes
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number)
  return difference === 0
}
