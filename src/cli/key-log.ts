/**
 * Key logs as people hand them on: a text, a file that holds it, the log beside a key file, or an inception alone. And how old such a thing is.
 *
 * Who verifies offline knows what the log said when it was written and nothing since: so every command that believes a log says where it ends and how old it is.
 */

import { existsSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { equal, fromBase64url, toBase64url } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { describeKeyFile } from '../drivers/key-file.ts'
import { keyLogFileBytes, keyLogPath, readKeyLogFile } from '../drivers/key-file-log.ts'
import { believing, type KeyHistory, readKeyHistory } from '../identity/keylog-history.ts'
import type { Io } from './io.ts'

/** A key log that somebody named. */
export interface GivenLog {
  /** Encoded events, the inception first. */
  readonly events: readonly Uint8Array[]
  readonly history: KeyHistory
  /** When its file was changed last, in milliseconds since 1970; null for a text. */
  readonly fileMs: number | null
}

const MARK = keyLogFileBytes([]).subarray(0, 14)
/** What key files begin with behind the head of their array. */
const KEY_FILES = ['webx key file', 'webx sealed key file'].map((mark) => encode(mark))
const TEXT_CHARACTERS_MAX = Math.ceil((LIMITS.keyLogFileBytesMax * 4) / 3) + 2
const MINUTE_MS = 60_000
const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', MINUTE_MS],
] as const

/** A key log as text: base64url of what a key log file holds. */
export function keyLogText(events: readonly Uint8Array[]): string {
  return toBase64url(keyLogFileBytes(events))
}

/**
 * The log that is meant: a text, or a file with a text, a key log or a key file in it.
 *
 * Throws `file-unreadable`, `too-long`, `bad-argument` where it is nothing of that, and the code of the rule that the log breaks: what a stranger's log says is not believed without its
 * witnesses, so one that goes on after a recovery is `recovery-pending`.
 *
 * @param what names the option or operand in errors
 * @param isBelieved for a log of the own identity, whose owner knows what became of its recoveries
 */
export async function givenLog(named: string, io: Io, what: string, isBelieved = false): Promise<GivenLog> {
  const path = resolve(io.workingDirectory, named)
  const read = (events: readonly Uint8Array[], fileMs: number | null): GivenLog => {
    const history = readKeyHistory(events, isBelieved ? believing(events, false) : {})
    return { events, history, fileMs }
  }
  if (!existsSync(path)) return read(eventsOfText(named.trim(), `${what} ${shortened(named)}`), null)
  const { size, mtimeMs } = statSync(path)
  if (size > TEXT_CHARACTERS_MAX) throw new WebxError('too-long', `${named} has ${size} bytes`)
  const bytes = await readBytes(path, named)

  const fileMs = Math.floor(mtimeMs)
  if (equal(bytes.subarray(0, MARK.length), MARK)) return read(readKeyLogFile(named, bytes), fileMs)
  if (!KEY_FILES.some((mark) => equal(bytes.subarray(1, 1 + mark.length), mark))) {
    return read(eventsOfText(new TextDecoder().decode(bytes).trim(), `${what} ${named}`), fileMs)
  }
  const { log, history } = await describeKeyFile(path)
  return { events: log, history, fileMs: (await keyLogChangedMs(path)) ?? fileMs }
}

/** When the log beside a key file was changed last; null where there is none. */
export async function keyLogChangedMs(path: string): Promise<number | null> {
  const log = await keyLogPath(path)
  return existsSync(log) ? Math.floor(statSync(log).mtimeMs) : null
}

/** `3 days old`; what is less than a minute old is `new`, and nothing is known of what was changed later than now. */
export function ageOf(fileMs: number | null, nowMs: number): string {
  if (fileMs === null || fileMs > nowMs + MINUTE_MS) return 'of unknown age'
  for (const [unit, ms] of UNITS) {
    const count = Math.floor((nowMs - fileMs) / ms)
    if (count >= 1) return `${count} ${unit}${count === 1 ? '' : 's'} old`
  }
  return 'new'
}

async function readBytes(path: string, named: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    throw new WebxError('file-unreadable', `${named} cannot be read`, { hint: 'Check the name and its rights.', cause })
  }
}

function eventsOfText(text: string, what: string): readonly Uint8Array[] {
  const hint = 'webx id log prints a key log where the identity is, webx id show an inception.'
  const refused = (cause: unknown): WebxError =>
    new WebxError('bad-argument', `${what} is no key log and no inception`, { hint, cause })
  let bytes: Uint8Array
  try {
    bytes = fromBase64url(text)
  } catch (cause) {
    throw refused(cause)
  }
  if (equal(bytes.subarray(0, MARK.length), MARK)) return readKeyLogFile('the text', bytes)
  try {
    readKeyHistory([bytes])
    return [bytes]
  } catch (cause) {
    throw refused(cause)
  }
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
