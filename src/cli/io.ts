/**
 * What a command sees of the world around it: where it writes, its environment, and the wish that it stop.
 *
 * Commands are handed one of these instead of `process`, so that tests can run them and look at every word.
 */

/** The surroundings of one run of a command. */
export interface Io {
  /** Writes to stdout: only what was asked for. */
  readonly stdout: (text: string) => void
  /** Writes to stderr: errors, and what helps a person meanwhile. */
  readonly stderr: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where relative paths start. */
  readonly workingDirectory: string
  /** Whether a person looks at stdout. */
  readonly stdoutIsTerminal: boolean
  /** Whether a person looks at stderr, so that progress may be shown there. */
  readonly stderrIsTerminal: boolean
  /** Whether a person can answer. */
  readonly stdinIsTerminal: boolean
  /**
   * Aborts at the first SIGINT, SIGTERM or SIGHUP. A command that reads this property takes it on itself to end then; one that never
   * does is ended by the signal as any program is.
   */
  readonly signal: AbortSignal
}

/** A command: its words are gone from `args`. Answers the exit code, or throws a WebxError. */
export type Command = (args: readonly string[], io: Io) => Promise<number>

/** How long a command may take to end after the first signal; below the 90 s of systemd. */
const GRACE_MS = 20_000
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The surroundings of this process. */
export function processIo(): Io {
  let controller: AbortController | null = null
  // A reader that went away (`webx … | head`) is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    env: process.env,
    workingDirectory: process.cwd(),
    stdoutIsTerminal: process.stdout.isTTY === true,
    stderrIsTerminal: process.stderr.isTTY === true,
    stdinIsTerminal: process.stdin.isTTY === true,
    get signal() {
      controller ??= abortOnSignals()
      return controller.signal
    },
  }
}

/** The second signal of an impatient person ends the process at once; so does time, where a command does not get to its end. */
function abortOnSignals(): AbortController {
  const controller = new AbortController()
  for (const name of SIGNALS) {
    const end = () => process.exit(name === 'SIGINT' ? 130 : name === 'SIGTERM' ? 143 : 129)
    process.on(name, () => {
      if (controller.signal.aborted) end()
      setTimeout(end, GRACE_MS).unref()
      controller.abort(name)
    })
  }
  return controller
}
