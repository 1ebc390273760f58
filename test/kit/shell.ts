/** Command lines in a folder of their own, and what they said. */

import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { runCommandLine } from '../../src/cli/main.ts'
import { recordingIo } from './io.ts'
import { withTemp } from './temp.ts'

/** What a command line said. */
export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
  /** Of an error with --json: its code. */
  readonly error: string
  // biome-ignore lint/suspicious/noExplicitAny: what a command prints is looked at field by field
  readonly json: any
}

/** Runs a command line of words; `--json` is added where it is not there, and not to what starts with `~`. */
export type Run = (line: string) => Promise<Said>

/** A folder in which command lines run, and the paths of files in it. */
export type Shell = (use: (run: Run, path: (name: string) => string) => Promise<void>) => () => Promise<void>

/** Command lines as lists of words, in one folder. */
export interface Commands {
  webx(...args: string[]): Promise<{ code: number; out: string; err: string }>
  /** What must work, without a word on stderr; answers stdout. */
  done(...args: string[]): Promise<string>
  /** Exit code and error code of what must not. */
  refusal(...args: string[]): Promise<string>
}

/** Runs command lines in `directory`. */
export function commandsIn(directory: string): Commands {
  const webx: Commands['webx'] = async (...args) => {
    const io = recordingIo({ workingDirectory: directory })
    const code = await runCommandLine(args, io)
    return { code, out: io.out(), err: io.err() }
  }
  return {
    webx,
    async done(...args) {
      const { code, out, err } = await webx(...args)
      assert.is(err, '')
      assert.is(code, 0)
      return out
    },
    async refusal(...args) {
      const { code, err } = await webx(...args)
      return `${code} ${err.split(':')[0]}`
    },
  }
}

/** An empty folder, gone afterwards. */
export const withShell: Shell = (use) => () =>
  withTemp(async (directory) => {
    const run: Run = async (line) => {
      const isPlain = line.startsWith('~')
      const io = recordingIo({ workingDirectory: directory })
      const code = await runCommandLine([...line.replace('~', '').split(' '), ...(isPlain ? [] : ['--json'])], io)
      const json = isPlain ? {} : JSON.parse(io.out())
      return { code, out: io.out(), err: io.err(), error: json.error?.code ?? '', json }
    }
    await use(run, (name) => join(directory, name))
  })

/** An owner with a till that acts, recovery keys that are put away, and a daily file, which is `stolen.keys`. */
export const withAda: Shell = (use) =>
  withShell(async (run, path) => {
    await run('id create ada.keys --kind human')
    await run('id create till.keys')
    await run('id create safe.keys --kind human')
    await run('id rotate ada.keys --recovery safe.keys --delay 2d')
    await run('id delegate ada.keys --to till.keys --scopes qnt.open,pay --expires 30d --amount-per-day 500')
    await run('id daily ada.keys stolen.keys')
    await use(run, path)
  })
