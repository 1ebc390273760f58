/**
 * Runs one bench by name: `npm run bench -- SUITE [--json] [--faces DIR]`.
 *
 * A suite is a file of this folder that exports `run(options)`. It measures and answers its report, whose shape is its own; with `--json` the
 * report is printed as one line on stdout and nothing else is.
 */

import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'

/** What a suite is told. */
export interface BenchOptions {
  /** The report will be printed by machine; print nothing else on stdout. */
  readonly json: boolean
  /** A directory of photographs, `DIR/<person>/<photo>.jpg`, for the suites that look at faces. */
  readonly faces?: string
}

/** A suite's door: answers its report, or nothing where it printed it itself. */
export type Run = (options: BenchOptions) => Promise<unknown>

const here = new URL('.', import.meta.url)
const suites = readdirSync(here)
  .filter((file) => file.endsWith('.ts') && file !== 'run.ts')
  .map((file) => file.slice(0, -3))
  .sort()

process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, faces: { type: 'string' } },
  })
  const [suite] = positionals
  if (suite === undefined || positionals.length !== 1 || !/^[a-z-]+$/.test(suite) || !suites.includes(suite)) {
    process.stderr.write(`usage: npm run bench -- SUITE [--json]. Suites: ${suites.join(', ') || 'none'}.\n`)
    return 2
  }
  const file = new URL(`${suite}.ts`, here)
  const { run } = (await import(file.href)) as { run: Run }
  const report = await run({ json: values.json, ...(values.faces === undefined ? {} : { faces: values.faces }) })
  if (report !== undefined) process.stdout.write(`${JSON.stringify(report, null, values.json ? 0 : 2)}\n`)
  return 0
}
