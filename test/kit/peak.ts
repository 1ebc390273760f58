/**
 * Runs one command line in this process and prints as JSON how it ended and how much memory the process took at most.
 *
 *     node test/kit/peak.ts DIRECTORY qnt seal …
 */

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
  const peak: Peak = { code, err, peakBytes: process.resourceUsage().maxRSS * 1024 }
  process.stdout.write(JSON.stringify(peak))
}
