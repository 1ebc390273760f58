/**
 * How commands ask the node that runs on this machine: through the socket in its data folder.
 */

import { join } from 'node:path'
import { callControl } from '../drivers/control-socket.ts'
import { hostClock } from '../drivers/host.ts'
import { CONTROL_SOCKET } from '../station.ts'
import type { Arguments } from './arguments.ts'
import type { Io } from './io.ts'
import { createProgress } from './output.ts'
import { settingsOf } from './settings.ts'

const TIMEOUT_MS = 10_000

/** One question. */
export interface Question {
  readonly method: string
  readonly params?: object
  /** How long an answer may take; 10 s where nothing is said. */
  readonly timeoutMs?: number
  /** What is shown meanwhile to a person. */
  readonly waiting?: string
  /** Turns what the node says on the way into what is shown. */
  readonly progressOf?: (value: unknown) => string
  /** Hangs up when it aborts, which calls off what was asked for. */
  readonly signal?: AbortSignal
}

/** Asks the node whose data folder the arguments name. Throws `unreachable`, `timeout`, `stopped`, `bad-config`, and what the node answers. */
export async function askStation<Answer>(given: Arguments, io: Io, question: Question): Promise<Answer> {
  const { method, params = {}, timeoutMs = TIMEOUT_MS, waiting, progressOf, signal } = question
  const path = join(settingsOf(given, io).profile.data.dir, CONTROL_SOCKET)
  const progress = createProgress(io)
  if (waiting !== undefined) progress.show(waiting)
  const onProgress = (value: unknown): void => {
    if (progressOf) progress.show(progressOf(value))
  }
  try {
    const call = { path, method, params, timeoutMs, clock: hostClock(), onProgress, ...(signal && { signal }) }
    return (await callControl(call)) as Answer
  } finally {
    progress.end()
  }
}
