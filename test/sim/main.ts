/**
 * `npm run sim`: tries to break the protocol, with the production engines in virtual time.
 *
 *     npm run sim -- --minutes 5 --json      a campaign: corpus, mutants, as many seeds as fit
 *     npm run sim -- --seed 17 --n 4         one seed, told in full; what a failure asks to be replayed with
 *     npm run sim -- --mutants               the mutation gate alone
 *     npm run sim -- --replay file.json      the seeds of a corpus
 *     npm run sim -- --patience 300          how far skip timers differ after partitions, over so many seeds
 */

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import '../kit/wasm.ts'
import { patienceOf, patienceReport } from '../consensus/simplex-patience.ts'
import { hasPassed, type Plan, type Report, readCorpus, runCampaign } from './campaign.ts'
import { judgeMutant, rememberCatches, staleMutants, type Verdict } from './gate.ts'
import { MUTANTS } from './mutants.ts'
import { Worker } from './pool.ts'
import type { Result } from './run.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    n: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    replay: { type: 'string' },
    patience: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const SEED_MS_MAX = 300_000
const usage =
  'npm run sim -- [--minutes M] [--seed S] [--n 4|25] [--mutants] [--json] [--replay file] [--patience seeds]'

function say(line: string): void {
  if (!values.json) console.error(line)
}

function wholeNumber(name: 'seed' | 'n' | 'patience', fallback: number): number {
  const value = Number(values[name] ?? fallback)
  if (Number.isSafeInteger(value) && value > 0) return value
  console.error(`usage: --${name} is a number from 1 on. ${usage}`)
  process.exit(2)
}

async function main(): Promise<boolean> {
  if (values.help) {
    console.log(usage)
    return true
  }
  if (values.patience) return patience(wholeNumber('patience', 300))
  if (values.mutants && !values.minutes) return gate()
  if (values.replay) return replay(readCorpus(values.replay))
  if (values.seed && !values.minutes) return replay([{ n: wholeNumber('n', 4), seed: wholeNumber('seed', 1) }])
  const sizes = values.n ? [wholeNumber('n', 4)] : [4, 25]
  const minutes = Number(values.minutes ?? 1)
  const cores = Math.max(1, Math.min(availableParallelism(), 8))
  const plan: Plan = { minutes, seed: wholeNumber('seed', 1), sizes, mutants: true, cores, say }
  const report = await runCampaign(plan)
  console.log(values.json ? JSON.stringify(report, null, 2) : summary(report))
  return hasPassed(report)
}

/** The mutants alone. */
async function gate(): Promise<boolean> {
  const stale = staleMutants()
  const verdicts: Verdict[] = []
  const left = stale.length > 0 ? [] : [...MUTANTS]
  const lane = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      const verdict = await judgeMutant(next)
      verdicts.push(verdict)
      say(
        `${verdict.caught ? 'caught' : 'NOT CAUGHT'}: ${verdict.name} – ${verdict.seed}, ${verdict.oracle}: ${verdict.what}`,
      )
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, Math.min(availableParallelism(), 8)) }, lane))
  rememberCatches(verdicts)
  const caught = verdicts.filter((verdict) => verdict.caught).length
  if (values.json) console.log(JSON.stringify({ mutants: verdicts, staleMutants: stale }, null, 2))
  else console.log([...stale, `${caught} of ${MUTANTS.length} mutants caught`].join('\n'))
  return caught === MUTANTS.length
}

/** Measures; there is nothing to fail but the oracles of the net, which throw. */
function patience(seeds: number): boolean {
  const results = Array.from({ length: seeds }, (_, i) => patienceOf(i + 1))
  console.log(values.json ? JSON.stringify(results, null, 2) : patienceReport(results))
  return true
}

/** Some seeds, each told in full. */
async function replay(seeds: readonly { readonly n: number; readonly seed: number }[]): Promise<boolean> {
  const worker = new Worker()
  const results: Result[] = []
  for (const { n, seed } of seeds) {
    const done = await worker.run({ n, from: seed, count: 1, stopsAtViolation: true }, SEED_MS_MAX)
    if (done) results.push(...done.results)
  }
  worker.stop()
  if (values.json) console.log(JSON.stringify(results, null, 2))
  else for (const result of results) console.log(told(result))
  return results.length === seeds.length && results.every(({ violations }) => violations.length === 0)
}

function told({ n, seed, hash, events, virtualMs, settled, healedMs, violations }: Result): string {
  const head = `n ${n} seed ${seed}: ${events} events in ${virtualMs} ms of virtual time, ${settled} settlements, trace ${hash}`
  const end = healedMs === null ? 'not final' : `final ${healedMs} ms after the last fault`
  return [head, end, ...violations.map(({ oracle, what }) => `VIOLATION of "${oracle}": ${what}`)].join('\n  ')
}

function summary(report: Report): string {
  const { seeds, virtualSeconds, events, settled, violations, mutants, traceCheck, seconds, healedMsMax } = report
  const counts = Object.entries(seeds).map(([size, count]) => `${count} at ${size}`)
  return [
    `seeds: ${counts.join(', ')}; ${virtualSeconds} s of virtual time in ${seconds} s; ${events} events, ${settled} settlements`,
    `slowest healing: ${healedMsMax} ms`,
    `violations: ${violations.length}`,
    ...violations.map(({ oracle, what, replay: command }) => `  ${oracle}: ${what}\n    ${command}`),
    `mutants caught: ${mutants.filter(({ caught }) => caught).length} of ${MUTANTS.length}`,
    ...report.staleMutants.map((line) => `  stale: ${line}`),
    ...mutants.filter(({ caught }) => !caught).map(({ name }) => `  not caught: ${name}`),
    `trace of seed ${traceCheck.seed}: ${traceCheck.hashOne} and ${traceCheck.hashTwo}`,
  ].join('\n')
}

process.exit((await main()) ? 0 : 1)
