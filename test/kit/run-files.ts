/** Runs uvu over the files that are named, in this process: the part of `run.ts` that is started anew for each share of them. */

import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const { run } = (await import(
  pathToFileURL(join(import.meta.dirname, '../../node_modules/uvu/run/index.mjs')).href
)) as { run: (suites: { name: string; file: string }[], options: { bail: boolean }) => Promise<void> }

const STILL_OPEN_MS = 5_000
const files = process.argv.slice(2)
await run(
  files.map((file) => ({ name: join(basename(dirname(file)), basename(file)), file })),
  { bail: false },
)

// says what keeps this process alive, to whoever is about to end it
setTimeout(() => {
  process.stderr.write(`tests: still open: ${process.getActiveResourcesInfo().join(', ')}\n`)
}, STILL_OPEN_MS).unref()
