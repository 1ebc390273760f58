/**
 * Runs runnables for a node: short ones at once, long ones in a thread behind a fence of wall-clock time.
 *
 * Fuel bounds a run the same way on every node; the fence only keeps a slow machine alive. A run that hits it has no outcome, so it throws and never denies. The thread
 * starts with the first long run, does not keep the process alive while it has nothing to do, and ends with `close`.
 */

import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { readRequest } from '../data/dsr-abi.ts'
import {
  assertFuel,
  type Execution,
  type Outcome,
  outcomeOf,
  prepareRunnable,
  type Runnable,
  runnableDigest,
  runRunnable,
} from '../data/dsr-run.ts'
import { selfTestRunnables } from '../data/dsr-self-test.ts'
import type { Job, Report } from './dsr-thread.ts'

/** Asks runnables. */
export interface RunnableHost {
  /**
   * What a module says to a request with that much fuel.
   *
   * @param module bytes as its author made them
   * @param request bytes of `encodeRequest`
   * @throws WebxError `too-long`, `runnable-refused`, what `readRequest` throws, `bad-argument`; `timeout` behind the fence, `limit` where too many wait, `stopped`, `internal`
   */
  run(module: Uint8Array, request: Uint8Array, fuel: number): Promise<Outcome>
  /** Ends the thread; what runs or waits rejects with `stopped`. */
  close(): Promise<void>
}

let isTested = false

/**
 * A host. The first one of a process asks the known answer of `selfTestRunnables`, and throws what that throws.
 *
 * @param options.fenceMs longest run in the thread, default and at most `LIMITS.runnableRunMsMax`
 */
export function createRunnableHost(options: { readonly fenceMs?: number } = {}): RunnableHost {
  if (!isTested) selfTestRunnables()
  isTested = true
  return new Host(Math.min(options.fenceMs ?? LIMITS.runnableRunMsMax, LIMITS.runnableRunMsMax))
}

const THREAD = new URL(`dsr-thread${extname(fileURLToPath(import.meta.url))}`, import.meta.url)

interface Waiting extends Job {
  readonly resolve: (execution: Execution) => void
  readonly reject: (error: WebxError) => void
}

class Host implements RunnableHost {
  readonly #fenceMs: number
  readonly #prepared = new Map<string, Runnable>()
  readonly #waiting: Waiting[] = []
  #running: Waiting | null = null
  #fence: NodeJS.Timeout | undefined
  #worker: Worker | null = null
  #isReady = false
  #isClosed = false

  constructor(fenceMs: number) {
    this.#fenceMs = fenceMs
  }

  async run(module: Uint8Array, request: Uint8Array, fuel: number): Promise<Outcome> {
    if (this.#isClosed) throw new WebxError('stopped', 'no runnables run here any more')
    assertFuel(fuel)
    const runnable = this.#prepare(module)
    if (fuel <= LIMITS.runnableFuelInThreadMax) return runRunnable(runnable, request, fuel)
    const { hook, fields } = readRequest(request)
    if (this.#waiting.length >= LIMITS.runnablesWaitingMax) {
      throw new WebxError('limit', `${LIMITS.runnablesWaitingMax} runnables wait already`)
    }
    const execution = await new Promise<Execution>((resolve, reject) => {
      this.#waiting.push({ runnable, request, fuel, resolve, reject })
      this.#next()
    })
    return outcomeOf(execution, hook, fields.length, fuel)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const error = new WebxError('stopped', 'no runnables run here any more')
    for (const { reject } of this.#waiting.splice(0)) reject(error)
    await this.#end(error)
  }

  /** The compiled form, kept for the modules that were asked last. */
  #prepare(module: Uint8Array): Runnable {
    const name = toHex(runnableDigest(module))
    const runnable = this.#prepared.get(name) ?? prepareRunnable(module)
    this.#prepared.delete(name)
    this.#prepared.set(name, runnable)
    if (this.#prepared.size > LIMITS.runnablesPreparedMax) {
      const [oldest] = this.#prepared.keys()
      this.#prepared.delete(oldest as string)
    }
    return runnable
  }

  #next(): void {
    if (this.#running !== null || this.#waiting.length === 0) return
    this.#worker ??= this.#spawn()
    if (!this.#isReady) return
    const job = this.#waiting.shift() as Waiting
    this.#running = job
    this.#worker.ref()
    const late = new WebxError('timeout', `a runnable was stopped after ${this.#fenceMs} ms`, {
      hint: 'Give it less fuel, or run it on a faster machine.',
    })
    this.#fence = setTimeout(() => void this.#end(late), this.#fenceMs)
    const { runnable, request, fuel } = job
    this.#worker.postMessage({ runnable, request, fuel } satisfies Job)
  }

  #spawn(): Worker {
    const worker = new Worker(THREAD, { name: 'webx-dsr', execArgv: [] })
    worker.on('message', (report: Report) => this.#take(worker, report))
    worker.on('error', (cause) => this.#fail(worker, cause))
    worker.on('exit', (code) => this.#fail(worker, new Error(`the thread ended with code ${code}`)))
    return worker
  }

  #take(worker: Worker, report: Report): void {
    if (worker !== this.#worker) return
    const job = this.#running
    this.#running = null
    this.#isReady = true
    clearTimeout(this.#fence)
    worker.unref()
    if (report !== null && 'execution' in report) job?.resolve(report.execution)
    else if (report !== null) job?.reject(new WebxError('internal', report.error))
    this.#next()
  }

  #fail(worker: Worker, cause: Error): void {
    if (worker !== this.#worker) return
    const error = new WebxError('internal', 'the thread of the runnables failed', { cause })
    if (!this.#isReady) for (const { reject } of this.#waiting.splice(0)) reject(error)
    void this.#end(error)
  }

  /** Ends the thread and what runs in it; what waits gets a new one. */
  async #end(error: WebxError): Promise<void> {
    const worker = this.#worker
    const job = this.#running
    this.#worker = null
    this.#running = null
    this.#isReady = false
    clearTimeout(this.#fence)
    job?.reject(error)
    if (!this.#isClosed) this.#next()
    await worker?.terminate()
  }
}
