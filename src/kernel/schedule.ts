/**
 * Timers of one node, on the Clock port: a node that stops leaves none behind, and a simulator can own time.
 */

import type { Clock, Log } from './ports.ts'

/** Named timers that end together. */
export class Schedule {
  readonly #clock: Clock
  readonly #log: Log
  readonly #cancels = new Set<() => void>()
  #stopped = false

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  /** Calls `action` once after `delayMs`, unless cancelled or stopped before. */
  after(delayMs: number, name: string, action: () => void | Promise<void>): () => void {
    if (this.#stopped) return () => {}
    const cancelTimer = this.#clock.after(delayMs, () => {
      this.#cancels.delete(cancel)
      this.#run(name, action)
    })
    const cancel = (): void => {
      cancelTimer()
      this.#cancels.delete(cancel)
    }
    this.#cancels.add(cancel)
    return cancel
  }

  /** Calls `action` every `intervalMs`, counted from the end of the call before. */
  every(intervalMs: number, name: string, action: () => void | Promise<void>): () => void {
    let cancel = (): void => {}
    let cancelled = false
    const next = (): void => {
      if (cancelled) return
      cancel = this.after(intervalMs, name, async () => {
        try {
          await action()
        } finally {
          next()
        }
      })
    }
    next()
    return () => {
      cancelled = true
      cancel()
    }
  }

  /** Cancels everything; nothing can be scheduled after. */
  stop(): void {
    this.#stopped = true
    for (const cancel of [...this.#cancels]) cancel()
  }

  #run(name: string, action: () => void | Promise<void>): void {
    Promise.resolve()
      .then(action)
      .catch((error: unknown) => this.#log.error({ timer: name, error }, 'a timer failed'))
  }
}
