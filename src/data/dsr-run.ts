/**
 * Runs a Decentralized Smart Runnable: checked, metered, in a fresh instance each time, so that every node comes to the same outcome.
 *
 * Whatever goes wrong inside is a verdict: deny. A trap, exhausted fuel and a malformed answer are told apart, and cost all the fuel there was. What of the memory a trap
 * leaves behind is not defined to the last byte on every processor, so only a completed run has a digest of its memory.
 */

import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { encodeVerdict, type Hook, readRequest, readVerdict, type Verdict } from './dsr-abi.ts'
import { FUEL_EXPORT, meter, STOPPED } from './dsr-meter.ts'
import { checkModule } from './dsr-module.ts'

/** A runnable that may run. */
export interface Runnable {
  /** Digest of the module as its author made it. */
  readonly digest: Uint8Array
  readonly pages: number
  readonly requestAddress: number
  /** The metered module, compiled. */
  readonly module: WebAssembly.Module
}

/** Why there is no verdict of the runnable's own; the number is what travels. */
export const FAILURES = ['none', 'runnable-failed', 'out-of-fuel', 'bad-verdict'] as const
export type Failure = (typeof FAILURES)[number]

/** What came of a run; equal on all nodes. */
export interface Outcome {
  readonly verdict: Verdict
  /** `none`, or why the verdict is the runtime's: to deny, reason 0. */
  readonly failure: Failure
  readonly fuelUsed: number
  /** BLAKE3 of the memory at the end of a completed run; empty for one that failed or ran out of fuel. */
  readonly memoryDigest: Uint8Array
}

/** 32-byte digest of a module, by which manifests and overrides name it. */
export function runnableDigest(bytes: Uint8Array): Uint8Array {
  return blake3Of('webx v1 runnable', bytes)
}

/** Checks, meters and compiles a module. Throws `too-long` and `runnable-refused`. */
export function prepareRunnable(bytes: Uint8Array): Runnable {
  const checked = checkModule(bytes)
  const metered = meter(checked)
  if (!WebAssembly.validate(metered)) throw new WebxError('internal', 'the metered runnable is not valid')
  const { pages, requestAddress } = checked
  return { digest: runnableDigest(bytes), pages, requestAddress, module: new WebAssembly.Module(metered) }
}

/**
 * Asks a runnable. It holds the thread for as long as the fuel lasts: about a millisecond for a million on a fast machine.
 *
 * @param request bytes of `encodeRequest`
 * @param fuel 1 … `LIMITS.runnableFuelMax`
 * @throws WebxError what `readRequest` throws; `bad-argument`; `internal` where the machine lacks memory or stack, which is no outcome
 */
export function runRunnable(runnable: Runnable, request: Uint8Array, fuel: number): Outcome {
  const { hook, fields } = readRequest(request)
  return outcomeOf(execute(runnable, request, fuel), hook, fields.length, fuel)
}

/** What an execution comes to, for a request with that hook and so many fields. */
export function outcomeOf(execution: Execution, hook: Hook, fieldsAsked: number, fuel: number): Outcome {
  const { answer, fuelLeft, memory } = execution
  if (answer === null) return failed(fuelLeft === STOPPED ? 'out-of-fuel' : 'runnable-failed', fuel)
  if (fuelLeft < 0) return failed('out-of-fuel', fuel)
  const memoryDigest = blake3Of('webx v1 runnable memory', memory)
  const [address, length] = [Number(answer >> 32n), Number(answer & 0xffff_ffffn)]
  const fuelUsed = fuel - fuelLeft
  try {
    if (address + length > memory.length) throw new WebxError('bad-shape', 'the verdict lies outside the memory')
    const verdict = readVerdict(memory.subarray(address, address + length), hook, fieldsAsked)
    return { verdict, failure: 'none', fuelUsed, memoryDigest }
  } catch (error) {
    if (!(error instanceof WebxError)) throw error
    return { verdict: DENIED, failure: 'bad-verdict', fuelUsed, memoryDigest }
  }
}

/** The bytes of a run, before anything is made of them. */
export interface Execution {
  /** What `run` returned, as an unsigned integer: address · 2^32 + length; null where it trapped. */
  readonly answer: bigint | null
  /** Below zero where the fuel was exhausted, `STOPPED` where the meter ended the run; of no meaning where it trapped by itself. */
  readonly fuelLeft: number
  /** All of the memory, a view. */
  readonly memory: Uint8Array
}

/** Puts a request into a fresh instance and calls `run`. Throws `bad-argument` and `internal`. */
export function execute(runnable: Runnable, request: Uint8Array, fuel: number): Execution {
  assertFuel(fuel)
  const { exports } = new WebAssembly.Instance(runnable.module)
  const { memory, run } = exports as { memory: WebAssembly.Memory; run: (length: number) => bigint }
  const counter = exports[FUEL_EXPORT] as WebAssembly.Global
  new Uint8Array(memory.buffer).set(request, runnable.requestAddress)
  counter.value = fuel
  const answer = answerOrTrap(() => run(request.length))
  return { answer, fuelLeft: counter.value, memory: new Uint8Array(memory.buffer) }
}

/** Throws `bad-argument` unless a run may have that much fuel. */
export function assertFuel(fuel: number): void {
  if (!Number.isInteger(fuel) || fuel < 1 || fuel > LIMITS.runnableFuelMax) {
    throw new WebxError('bad-argument', `fuel: expected 1 to ${LIMITS.runnableFuelMax}, got ${fuel}`)
  }
}

/** 32 bytes that are equal if and only if two nodes asked the same module the same and came to the same outcome. */
export function outcomeDigest(runnable: Runnable, request: Uint8Array, fuel: number, outcome: Outcome): Uint8Array {
  const { verdict, failure, fuelUsed, memoryDigest } = outcome
  const said = [FAILURES.indexOf(failure), encodeVerdict(verdict), fuelUsed, memoryDigest]
  return blake3Of('webx v1 runnable outcome', encode([1, runnable.digest, request, fuel, ...said]))
}

const DENIED: Verdict = { kind: 'deny', reason: 0, fields: [], payload: new Uint8Array(0) }

function failed(failure: Failure, fuel: number): Outcome {
  return { verdict: DENIED, failure, fuelUsed: fuel, memoryDigest: new Uint8Array(0) }
}

/** A trap is an outcome; a machine without stack or memory is none. */
function answerOrTrap(run: () => bigint): bigint | null {
  try {
    return BigInt.asUintN(64, run())
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'RuntimeError') return null
    throw new WebxError('internal', 'a runnable could not be run here', { cause })
  }
}
