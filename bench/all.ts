/**
 * Runs every suite, each in a process of its own, one after the other, and writes `bench/RESULTS.md`; with `--only SUITE` that one, whose part of the page is made anew.
 *
 * A suite that fails is listed as such and the rest runs. With `--before FILE`, an earlier `npm run bench -- settle --json`, the settle suite's
 * figures are printed as before → now.
 */

import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { WebxError } from '../src/core/errors.ts'
import { isReport } from './kit/report.ts'
import { type Outcome, page, type Results, type SettleReport, unmet } from './kit/results.ts'
import { merged } from './kit/results-merge.ts'
import { SUITES } from './kit/suites.ts'
import type { BenchOptions } from './run.ts'

const RUN = fileURLToPath(new URL('run.ts', import.meta.url))
const PAGE = fileURLToPath(new URL('RESULTS.md', import.meta.url))
const OUTPUT_BYTES_MAX = 2 ** 24

/** What all suites gave, in short. */
export interface Summary {
  readonly page: string
  readonly ran: readonly string[]
  readonly failed: Readonly<Record<string, string>>
  readonly unmet: readonly string[]
}

/** Runs them all, or the one that is asked for. */
export async function run(options: BenchOptions): Promise<Summary> {
  const before = options.before === undefined ? undefined : await earlier(options.before)
  const outcomes = new Map<string, Outcome>()
  for (const suite of options.only === undefined ? SUITES : [options.only]) {
    process.stderr.write(`all: ${suite}\n`)
    outcomes.set(suite, await outcomeOf(suite, options))
  }
  const results: Results = {
    date: new Date().toISOString().slice(0, 10),
    quick: options.quick,
    outcomes,
    ...(before === undefined ? {} : { before }),
  }
  const { only } = options
  await writeFile(PAGE, only === undefined ? page(results) : merged(await readFile(PAGE, 'utf8'), only, results))
  const failed = [...outcomes].flatMap(([suite, outcome]) => ('failure' in outcome ? [[suite, outcome.failure]] : []))
  return {
    page: PAGE,
    ran: [...outcomes].filter(([, outcome]) => 'report' in outcome).map(([suite]) => suite),
    failed: Object.fromEntries(failed),
    unmet: unmet(results, only),
  }
}

async function outcomeOf(suite: string, { quick, faces, sizes }: BenchOptions): Promise<Outcome> {
  const args = [suite, '--json', ...(quick ? ['--quick'] : [])]
  if (faces !== undefined) args.push('--faces', faces)
  if (sizes !== undefined) args.push('--sizes', sizes.join())
  const { code, stdout, stderr } = await child(args)
  if (code !== 0)
    return {
      failure:
        stderr
          .trim()
          .split('\n')
          .find((line) => /error|:/i.test(line)) ?? `exit code ${code}`,
    }
  try {
    return { report: JSON.parse(stdout) as unknown }
  } catch {
    return { failure: 'printed something else than one report' }
  }
}

function child(args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const running = spawn(process.execPath, [RUN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    running.stdout.on('data', (chunk: Buffer) => {
      if (stdout.length < OUTPUT_BYTES_MAX) stdout += chunk.toString()
    })
    running.stderr.on('data', (chunk: Buffer) => {
      process.stderr.write(chunk)
      stderr = (stderr + chunk.toString()).slice(-4_096)
    })
    running.on('error', reject)
    running.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

async function earlier(file: string): Promise<SettleReport> {
  const hint = 'Make it with npm run --silent bench -- settle --json > FILE.'
  try {
    const report = JSON.parse(await readFile(file, 'utf8')) as SettleReport
    if (!isReport(report) && Array.isArray(report.rows)) return report
  } catch (cause) {
    throw new WebxError('bad-argument', `${file} cannot be read as JSON`, { hint, cause })
  }
  throw new WebxError('bad-argument', `${file} is not a report of the settle suite`, { hint })
}
