/**
 * What one check of `webx doctor` found, and the small tools that checks share.
 */

import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { asWebxError } from '../core/errors.ts'
import type { Io } from './io.ts'

/** `skip`: there was nothing to look at, because the profile does not ask for it. */
export type State = 'ok' | 'warn' | 'fail' | 'skip'

/** One line of the doctor's. */
export interface Finding {
  readonly check: string
  readonly state: State
  /** What is, in one sentence without a full stop. */
  readonly found: string
  /** What to do about it; '' where nothing is wrong. */
  readonly remedy: string
}

/** A check answers one finding; it does not throw for what it looks for. */
export type Check = () => Promise<Finding>

/** A finding of a thing in order, or of a thing that is not asked for. */
export function fine(check: string, found: string, state: 'ok' | 'skip' = 'ok'): Finding {
  return { check, state, found, remedy: '' }
}

/** A finding of an error: its message is the cause, its hint the remedy. */
export function broken(check: string, thrown: unknown, remedy = '', state: 'warn' | 'fail' = 'fail'): Finding {
  const error = asWebxError(thrown)
  return { check, state, found: error.message, remedy: error.hint || remedy }
}

/** Path of a program as a shell would find it, or null. */
export function findProgram(program: string, io: Io): string | null {
  const places = program.includes('/')
    ? [isAbsolute(program) ? program : join(io.workingDirectory, program)]
    : (io.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder || '.', program))
  return places.find(isExecutable) ?? null
}

/** Whether this process may read a path. */
export function mayRead(path: string): boolean {
  return may(path, constants.R_OK)
}

function isExecutable(path: string): boolean {
  return may(path, constants.X_OK) && statSync(path).isFile()
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}
