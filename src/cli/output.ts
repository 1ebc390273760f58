/**
 * How the command line speaks: errors in one form, exit codes, JSON, progress, color.
 *
 * stdout carries only what was asked for, so that `--json` can be piped; everything said meanwhile goes to stderr.
 */

import { asWebxError, type Code, type WebxError } from '../core/errors.ts'
import type { Io } from './io.ts'

/** What a command's exit code says. */
export const EXIT = { done: 0, failed: 1, usage: 2, refused: 3, unreachable: 4 } as const

const REFUSED: ReadonlySet<Code> = new Set<Code>([
  ...(['declined', 'not-allowed', 'not-enrolled', 'ambiguous', 'no-claim', 'over-cap', 'insufficient-funds'] as const),
  ...(['no-face', 'face-unsharp', 'face-turned', 'face-small', 'wrong-home', 'double-order'] as const),
  ...(['revoked', 'expired', 'not-yet-valid', 'wrong-audience', 'wrong-purpose', 'wrong-holder'] as const),
  ...(['wrong-file', 'used-up', 'out-of-range', 'operation-not-granted', 'narrowing-widens', 'replayed'] as const),
  ...(['broken-chain', 'status-unknown', 'stale-challenge', 'denied', 'retention-over', 'wrong-owner'] as const),
  ...(['wrong-jurisdiction', 'not-certified', 'shredded', 'frozen', 'runnable-failed', 'out-of-fuel'] as const),
  'wrong-sequence',
])
const UNREACHABLE: ReadonlySet<Code> = new Set<Code>([
  ...(['unreachable', 'no-quorum', 'not-settled', 'broker-unreachable', 'timeout', 'download-failed'] as const),
])
const USAGE: ReadonlySet<Code> = new Set<Code>(['usage', 'bad-argument'])

/** The exit code of an error. */
export function exitCodeOf(error: WebxError): number {
  if (USAGE.has(error.code)) return EXIT.usage
  if (REFUSED.has(error.code)) return EXIT.refused
  if (UNREACHABLE.has(error.code)) return EXIT.unreachable
  return EXIT.failed
}

/** `code: sentence. What to do.`; a bug of ours also shows where it happened. */
export function describeError(thrown: unknown): string {
  const error = asWebxError(thrown)
  const sentence = /[.!?]$/.test(error.message) ? error.message : `${error.message}.`
  const line = `${error.code}: ${sentence}${error.hint ? ` ${error.hint}` : ''}\n`
  if (error.fault !== 'ours') return line
  const origin = error.cause instanceof Error ? error.cause : error
  return `${line}${origin.stack ?? ''}\n`
}

/** Reports an error and answers the exit code. With `json`, programs get the same as one line on stdout. */
export function reportError(thrown: unknown, io: Io, json: boolean): number {
  const error = asWebxError(thrown)
  if (json) {
    const { code, fault, message, hint } = error
    printJson(io, { ok: false, error: { code, fault, message, hint } })
  }
  io.stderr(describeError(error))
  return exitCodeOf(error)
}

/** Prints one line of JSON. */
export function printJson(io: Io, value: unknown): void {
  io.stdout(`${JSON.stringify(value)}\n`)
}

/** Colors for a terminal that wants them (https://no-color.org); plain text everywhere else. */
export type Paint = (color: 'green' | 'yellow' | 'red' | 'dim' | 'bold', text: string) => string

const SGR = { green: 32, yellow: 33, red: 31, dim: 2, bold: 1 } as const

/** Colors of stdout or stderr. */
export function painter(io: Io, stream: 'stdout' | 'stderr'): Paint {
  const terminal = stream === 'stdout' ? io.stdoutIsTerminal : io.stderrIsTerminal
  const plain = !terminal || Boolean(io.env['NO_COLOR']) || io.env['TERM'] === 'dumb'
  return (color, text) => (plain ? text : `\u001b[${SGR[color]}m${text}\u001b[0m`)
}

/** What is going on, on stderr: one line that is replaced, and nothing at all where no person looks. */
export interface Progress {
  /** Shows a text, with a share between 0 and 1 as a bar where it is known. */
  show(text: string, share?: number): void
  /** Takes the line away. */
  end(): void
}

const BAR_CHARACTERS = 24
const SHOW_EVERY_MS = 100

/** A progress line. Say what is done where it may take longer than a second. */
export function createProgress(io: Io): Progress {
  if (!io.stderrIsTerminal) return { show: () => undefined, end: () => undefined }
  const paint = painter(io, 'stderr')
  let shownMs = Number.NEGATIVE_INFINITY
  let lastText = ''
  return {
    show: (text, share) => {
      const nowMs = performance.now()
      if (text === lastText && share !== 1 && nowMs - shownMs < SHOW_EVERY_MS) return
      shownMs = nowMs
      lastText = text
      io.stderr(`\r\u001b[K${share === undefined ? '' : `${paint('dim', bar(share))} `}${text}`)
    },
    end: () => {
      if (lastText) io.stderr('\r\u001b[K')
      lastText = ''
    },
  }
}

function bar(share: number): string {
  const done = Math.round(Math.min(1, Math.max(0, share)) * BAR_CHARACTERS)
  return `[${'='.repeat(done)}${' '.repeat(BAR_CHARACTERS - done)}] ${String(Math.floor(share * 100)).padStart(3)} %`
}
