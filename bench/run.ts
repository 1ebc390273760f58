/**
 * Runs one bench by name: `npm run bench -- SUITE [--json] [--quick] [--sizes N,N] [--faces DIR] [--only SUITE] [--before FILE]`.
 *
 * A suite is a file of this folder that exports `run(options)`. It measures and answers its report; with `--json` the report is printed as one
 * line on stdout and nothing else is. What a suite has to say while it works goes to stderr.
 */

import { parseArgs } from 'node:util'
import { WebxError } from '../src/core/errors.ts'
import { isReport, textOf } from './kit/report.ts'
import { isSuite, SUITES, type SuiteName } from './kit/suites.ts'

/** What a suite is told. */
export interface BenchOptions {
  /** The report will be printed by machine; print nothing else on stdout. */
  readonly json: boolean
  /** Fewer rounds, shorter samples, and nothing that takes more than seconds. */
  readonly quick: boolean
  /** Of the numbers of nodes that a suite measures, only these. */
  readonly sizes?: readonly number[]
  /** A directory of photographs, `DIR/<person>/<photo>.jpg`, for the suites that look at faces. */
  readonly faces?: string
  /** An earlier JSON report of the settle suite, for `all` to print beside today's. */
  readonly before?: string
  /** The one suite that `all` shall run: its part of the page is made anew, the rest stays as it is. */
  readonly only?: SuiteName
}

/** A suite's door: answers its report, or nothing where it printed it itself. */
export type Run = (options: BenchOptions) => Promise<unknown>

const USAGE = `usage: npm run bench -- SUITE [--json] [--quick] [--sizes N,N] [--faces DIR] [--only SUITE] [--before FILE]
suites: ${SUITES.join(', ')}; all runs every one of them and writes bench/RESULTS.md,
or one of them with --only SUITE, whose part of the page it makes anew
--sizes: only these numbers of nodes, of those that commit and network measure
example: npm run bench -- hash --quick
`

process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  const parsed = parse(args)
  if (parsed === null) {
    process.stderr.write(USAGE)
    return 2
  }
  const { suite, options } = parsed
  if (suite === 'help') {
    process.stdout.write(USAGE)
    return 0
  }
  try {
    const file = new URL(`${suite}.ts`, import.meta.url)
    const { run } = (await import(file.href)) as { run: Run }
    const report = await run(options)
    if (report === undefined) return 0
    const text =
      isReport(report) && !options.json ? textOf(report) : `${JSON.stringify(report, null, options.json ? 0 : 2)}\n`
    process.stdout.write(text)
    return 0
  } catch (error) {
    if (!(error instanceof WebxError)) throw error
    process.stderr.write(`${error.code}: ${error.message}. ${error.hint}\n`)
    return error.code === 'download-failed' ? 4 : 1
  }
}

function parse(args: string[]): { suite: string; options: BenchOptions } | null {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        sizes: { type: 'string' },
        faces: { type: 'string' },
        before: { type: 'string' },
        only: { type: 'string' },
      },
    })
    const { json, quick, help, sizes, faces, before, only } = values
    if (only !== undefined && !isSuite(only)) return null
    const options = {
      json,
      quick,
      ...(sizes === undefined ? {} : { sizes: sizesOf(sizes) }),
      ...(faces === undefined ? {} : { faces }),
      ...(before === undefined ? {} : { before }),
      ...(only === undefined ? {} : { only }),
    }
    if (help) return { suite: 'help', options }
    const [suite] = positionals
    const isKnown = suite === 'all' || isSuite(suite ?? '')
    return suite === undefined || positionals.length !== 1 || !isKnown ? null : { suite, options }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return null
  }
}

function sizesOf(text: string): number[] {
  const sizes = text.split(',').map(Number)
  if (!sizes.every((size) => Number.isSafeInteger(size) && size > 0)) throw new Error(`--sizes ${text}: whole numbers`)
  return sizes
}
