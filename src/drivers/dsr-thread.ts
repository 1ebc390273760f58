/** The thread that `dsr-worker.ts` starts: executes one runnable after the other and gives back what is in its memory. */

import { parentPort } from 'node:worker_threads'
import { asWebxError } from '../core/errors.ts'
import { type Execution, execute, type Runnable } from '../data/dsr-run.ts'

/** One run. */
export interface Job {
  readonly runnable: Runnable
  readonly request: Uint8Array
  readonly fuel: number
}

/** What came of it; null: the thread is ready for the first one. */
export type Report = { readonly execution: Execution } | { readonly error: string } | null

parentPort?.on('message', ({ runnable, request, fuel }: Job) =>
  parentPort?.postMessage(report(runnable, request, fuel)),
)
parentPort?.postMessage(null satisfies Report)

function report(runnable: Runnable, request: Uint8Array, fuel: number): Report {
  try {
    return { execution: execute(runnable, request, fuel) }
  } catch (error) {
    return { error: asWebxError(error).message }
  }
}
