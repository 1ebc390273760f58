/** Surroundings for a command under test: what it writes is kept, and nothing is a terminal unless said so. */

import type { Io } from '../../src/cli/io.ts'

/** An Io that records. */
export interface RecordingIo extends Io {
  readonly out: () => string
  readonly err: () => string
}

/** Records what a command writes; `changes` replaces single properties. */
export function recordingIo(changes: Partial<Io> = {}): RecordingIo {
  const out: string[] = []
  const err: string[] = []
  return {
    stdout: (text) => void out.push(text),
    stderr: (text) => void err.push(text),
    env: { PATH: process.env['PATH'] },
    workingDirectory: process.cwd(),
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    stdinIsTerminal: false,
    signal: new AbortController().signal,
    ...changes,
    out: () => out.join(''),
    err: () => err.join(''),
  }
}
