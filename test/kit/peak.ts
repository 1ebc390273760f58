/**
 * Runs one command line in this process and prints as JSON how it ended and how much memory the process took at most.
 *
 *     node test/kit/peak.ts DIRECTORY qnt seal …
 */

import { readFileSync } from 'node:fs'
import type { Io } from '../../src/cli/io.ts'
import { runCommandLine } from '../../src/cli/main.ts'

/** What is printed. */
export interface Peak {
  readonly code: number
  /** What the command wrote to stderr. */
  readonly err: string
  /** Largest resident set, the runtime included. */
  readonly peakBytes: number
}

if (import.meta.main) {
  const [workingDirectory = '', ...args] = process.argv.slice(2)
  let err = ''
  const io: Io = {
    ...{ stdout: () => undefined, env: {}, workingDirectory, signal: new AbortController().signal },
    ...{ stdoutIsTerminal: false, stderrIsTerminal: false, stdinIsTerminal: false },
    stderr: (text) => {
      err += text
    },
  }
  const code = await runCommandLine(args, io)
  const peak: Peak = { code, err, peakBytes: peakOfThisProcess() }
  process.stdout.write(JSON.stringify(peak))
}

/** Largest resident set of this process in bytes. Not `resourceUsage().maxRSS`: Linux carries that of the process that started this one across `exec`. */
export function peakOfThisProcess(): number {
  const [, kib] = readFileSync('/proc/self/status', 'utf8').match(/^VmHWM:\s+(\d+) kB$/m) ?? []
  return Number(kib) * 1024
}
