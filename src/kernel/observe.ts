/**
 * Counters and structured logs: how a node shows what it did and what it refused.
 *
 * Logs are JSON lines on stderr by pino, so that stdout stays free for what a command was asked to print.
 */

import { pino } from 'pino'
import { WebxError } from '../core/errors.ts'
import type { Counters, Log } from './ports.ts'

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug'

/** A log that writes JSON lines to a file descriptor (stderr unless told otherwise). */
export function createLog(level: LogLevel, fields: Record<string, unknown> = {}, fileDescriptor = 2): Log {
  const sink = pino.destination({ dest: fileDescriptor, sync: true })
  const logger = pino({ level, base: fields, serializers: { error: describe } }, sink)
  return logger as unknown as Log
}

/** Counts by name. A name that is counted for the first time appears then. */
export function createCounters(): Counters {
  const counts = new Map<string, number>()
  return {
    count: (name, by = 1) => void counts.set(name, (counts.get(name) ?? 0) + by),
    read: () => Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
  }
}

function describe(error: unknown): unknown {
  if (error instanceof WebxError)
    return { code: error.code, fault: error.fault, message: error.message, hint: error.hint }
  if (error instanceof Error) return { message: error.message, stack: error.stack }
  return error
}
