/**
 * What a start costs: compiling and instantiating all kernels and asking them their known answers, in a process that has never seen them; and how
 * large the compiled kernels are. Here less is better.
 */

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { median } from './kit/measure.ts'
import { digits, type Report, type Row, reportOf } from './kit/report.ts'
import type { BenchOptions } from './run.ts'

const exec = promisify(execFile)
const BUILD = new URL('../build/', import.meta.url)
const ROUNDS = 9
const ROUNDS_QUICK = 3

/**
 * Run in a fresh process, prints the milliseconds of compiling, instantiating and asking: by the clock or, where that is less because other processes
 * held the processor, by processor time. The modules of the runtime itself are loaded before.
 */
const COLD = `
await import(${JSON.stringify(new URL('../src/drivers/wasm-files.ts', import.meta.url).href)})
const { selfTest } = await import(${JSON.stringify(new URL('../src/wasm/self-test.ts', import.meta.url).href)})
const startMs = performance.now()
const start = process.cpuUsage()
selfTest()
const { user, system } = process.cpuUsage(start)
console.log(Math.min(performance.now() - startMs, (user + system) / 1000))
`

/** Measures in fresh processes. */
export async function run({ quick }: BenchOptions): Promise<Report> {
  const spent: number[] = []
  for (let round = 0; round < (quick ? ROUNDS_QUICK : ROUNDS); round++) {
    const { stdout } = await exec(process.execPath, ['--input-type=module', '-e', COLD], { cwd: fileURLToPath(BUILD) })
    spent.push(Number(stdout))
  }
  const rows: Row[] = [
    {
      case: 'compile, instantiate and self-test all kernels, cold',
      unit: 'ms',
      ours: digits(median(spent)),
      peers: {},
      note: `SIMD builds, a fresh process each time, median of ${spent.length}; reading the source files of the runtime not counted`,
    },
    ...sizes(),
  ]
  return reportOf('start', rows, {})
}

/** Bytes of all builds of all kernels, as they are and compressed one by one. */
function sizes(): Row[] {
  const files = readdirSync(BUILD).filter((file) => file.endsWith('.wasm'))
  const bytes = files.map((file) => readFileSync(new URL(file, BUILD)))
  const sum = (lengths: readonly number[]): number => lengths.reduce((total, length) => total + length, 0)
  const note = files.map((file, i) => `${file} ${bytes[i]!.length}`).join(', ')
  return [
    { case: 'all kernels, all builds', unit: 'bytes', ours: sum(bytes.map(({ length }) => length)), peers: {}, note },
    {
      case: 'all kernels, all builds, gzip',
      unit: 'bytes',
      ours: sum(bytes.map((content) => gzipSync(content, { level: 9 }).length)),
      peers: {},
    },
  ]
}
