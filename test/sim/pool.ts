/** Worker processes of the simulator: asked one job at a time, ended when they have grown too large, killed when they do not come to an end. */

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Done, Job } from './worker.ts'

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url))
const HOOK = new URL('./hook.ts', import.meta.url).href
const FLAGS = ['--max-semi-space-size=32', '--single-threaded-gc', '--disable-warning=ExperimentalWarning']
const RESIDENT_BYTES_MAX = 1_200_000_000

/** A process that may be replaced by a fresh one between two jobs. */
export class Worker {
  readonly #mutant: string | null
  #child: ChildProcess | null = null

  constructor(mutant: string | null = null) {
    this.#mutant = mutant
  }

  /** Runs a job; null where it took longer than `timeoutMs`, and the process is gone. Rejects where the process dies by itself. */
  async run(job: Job, timeoutMs: number): Promise<Done | null> {
    this.#child ??= this.#fork()
    const child = this.#child
    const done = await new Promise<Done | null>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.stop()
        resolve(null)
      }, timeoutMs)
      const end = (settle: () => void) => {
        clearTimeout(timer)
        child.removeAllListeners()
        settle()
      }
      child.once('message', (answer) => end(() => resolve(answer as Done)))
      child.once('exit', (code, signal) => end(() => reject(new Error(`a worker ended: ${signal ?? code}`))))
      child.send(job)
    })
    if (done && done.residentBytes > RESIDENT_BYTES_MAX) this.stop()
    return done
  }

  stop(): void {
    this.#child?.removeAllListeners()
    this.#child?.kill('SIGKILL')
    this.#child = null
  }

  #fork(): ChildProcess {
    const execArgv = this.#mutant === null ? FLAGS : [...FLAGS, '--import', HOOK]
    return fork(WORKER, this.#mutant === null ? [] : [this.#mutant], { execArgv, serialization: 'advanced' })
  }
}
