/**
 * The wish of a person that a command stop (Ctrl-C), as an error that the command ends with once it has cleaned up.
 */

import { WebxError } from '../core/errors.ts'

/** Throws `stopped` once the signal has aborted. */
export function assertWanted(signal: AbortSignal): void {
  if (signal.aborted) throw stopped()
}

/** The promise's outcome, or `stopped` as soon as the signal aborts; what was promised may still end after that. */
export async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const stop = (): void => aborted.reject(stopped())
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function stopped(): WebxError {
  return new WebxError('stopped', 'it was asked to stop')
}
