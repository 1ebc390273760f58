/**
 * What a node of a large net has to do: the production engines of 25, 100, 500 and 2,500 nodes in one process each time, in virtual time, on the simulator's cheap signatures;
 * and the cost model that follows, extrapolated to a million (`kit/network-model.ts`).
 *
 * Nothing here is a race: figures are counts, the same on every machine and in every run, but for memory and the time to count cosignatures.
 */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { WebxError } from '../src/core/errors.ts'
import { type Estimate, estimate, type SizeFigures, unevenness } from './kit/network-model.ts'
import { networkPage } from './kit/network-page.ts'
import { digits, type Report, type Row, reportOf } from './kit/report.ts'
import type { BenchOptions } from './run.ts'

const CHILD = fileURLToPath(new URL('kit/network-child.ts', import.meta.url))
const SIZES: readonly number[] = [25, 100, 500, 2_500]
const SIZES_QUICK: readonly number[] = [25, 100]
/** Leaves are spread over neighborhoods where there are more than validate each. */
const SPREAD_NODES_MIN = 100
const MILLION = 1_000_000
/** Tables for votes are memory of WebAssembly, laid out and hardly touched; V8 would collect garbage for each that it sees. */
const FLAGS = ['--expose-gc', '--single-threaded-gc', '--max-semi-space-size=64', '--max-old-space-size=400000']

/** Runs one size after the other: some minutes, most of them for the largest. */
export async function run({ quick, sizes }: BenchOptions): Promise<Report> {
  const chosen = (quick && !sizes ? SIZES_QUICK : SIZES).filter((size) => sizes?.includes(size) ?? true)
  if (chosen.length === 0) {
    throw new WebxError('bad-argument', 'none of these sizes is measured', { hint: `Choose of ${SIZES.join(', ')}.` })
  }
  const figures: SizeFigures[] = []
  for (const nodes of chosen) figures.push(await measured(nodes))
  const estimates = estimate(figures, MILLION)
  const report = reportOf('network', rowsOf(figures, estimates), {})
  return { ...report, page: networkPage(figures, estimates, MILLION) }
}

function rowsOf(figures: readonly SizeFigures[], estimates: readonly Estimate[]): Row[] {
  const rows = estimates.flatMap(({ quantity: { name, unit }, values, extrapolated }): Row[] => {
    const row = (nodes: number, value: number): Row => {
      return { case: `${name}, ${nodes} nodes`, unit, ours: digits(value), peers: {} }
    }
    return [...figures.map(({ log }, i) => row(log.nodes, values[i] as number)), row(MILLION, extrapolated)]
  })
  if (!figures.some(({ log }) => log.nodes >= SPREAD_NODES_MIN)) return rows
  const name = 'leaves validated by a witness, furthest from the mean'
  return [...rows, { case: name, unit: '%', ours: digits(unevenness(figures, SPREAD_NODES_MIN)), peers: {} }]
}

/** A size in a process of its own. */
async function measured(nodes: number): Promise<SizeFigures> {
  const child = spawn(process.execPath, [...FLAGS, CHILD, String(nodes)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const end = (): void => void child.kill('SIGKILL')
  process.once('exit', end)
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  process.off('exit', end)
  if (code === 0) return JSON.parse(text) as SizeFigures
  throw new WebxError('internal', `the net of ${nodes} nodes ended with ${code}`, { hint: 'It says above why.' })
}
