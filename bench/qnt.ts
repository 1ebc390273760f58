/**
 * A file sealed to one recipient and opened again, against age, whose format and npm package people would take instead.
 *
 * Every contender runs in a process of its own, so that the peak of its memory can be told, and in turns; the figure is the median over the rounds,
 * by the clock. Ours waits until the file is on the disk, age does not.
 */

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createParallelHasher } from '../src/drivers/hash-workers.ts'
import '../src/drivers/wasm-files.ts'
import { median } from './kit/measure.ts'
import { Peers } from './kit/peers.ts'
import type { Round } from './kit/qnt-child.ts'
import { digits, type Report, type Row, reportOf } from './kit/report.ts'
import type { BenchOptions } from './run.ts'

const exec = promisify(execFile)
const CHILD = fileURLToPath(new URL('kit/qnt-child.ts', import.meta.url))
const MIB = 2 ** 20
const SIZE = { bytes: 256 * MIB, rounds: 3 }
const SIZE_QUICK = { bytes: 32 * MIB, rounds: 2 }

/** Measures in fresh processes, with files in the folder for temporary ones. */
export async function run({ quick }: BenchOptions): Promise<Report> {
  const peers = await Peers.open()
  const age = await peers.load('age-encryption')
  const { bytes, rounds } = quick ? SIZE_QUICK : SIZE
  const folder = await mkdtemp(join(tmpdir(), 'webx-bench-qnt-'))
  try {
    await fill(join(folder, 'plain'), bytes)
    const names = age === null ? ['webx'] : ['webx', 'age']
    const found = new Map<string, Round[]>(names.map((name) => [name, []]))
    for (let turn = 0; turn < rounds; turn++) {
      for (const name of turn % 2 === 0 ? names : [...names].reverse()) {
        process.stderr.write(`qnt: ${name}, round ${turn + 1} of ${rounds}\n`)
        found.get(name)?.push(await round(name, folder))
      }
    }
    const sealedBytes = (await stat(join(folder, 'webx.sealed'))).size
    return reportOf('qnt', rowsOf(found, age?.name, bytes, sealedBytes), peers.unavailable)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** One round; throws where what was opened is not what was sealed. */
async function round(name: string, folder: string): Promise<Round> {
  const { stdout } = await exec(process.execPath, [CHILD, name, folder, 'plain'])
  const hasher = createParallelHasher()
  try {
    const [plain, opened] = [join(folder, 'plain'), join(folder, `${name}.opened`)]
    if (Buffer.compare(await hasher.hashFile(plain), await hasher.hashFile(opened)) !== 0) {
      throw new Error(`${name} opens to something else`)
    }
  } finally {
    await hasher.close()
  }
  return JSON.parse(stdout) as Round
}

function rowsOf(
  found: ReadonlyMap<string, readonly Round[]>,
  age: string | undefined,
  bytes: number,
  sealedBytes: number,
): Row[] {
  const ours = found.get('webx') ?? []
  const theirs = found.get('age') ?? []
  const size = `${bytes / MIB} MiB`
  const speed = (what: 'seal' | 'open'): Row => {
    const rate = (rounds: readonly Round[]): number =>
      bytes / 1000 / median(rounds.map((one) => (what === 'seal' ? one.sealMs : one.openMs)))
    const own = rate(ours)
    const peer = age === undefined ? {} : { [age]: { value: digits(rate(theirs)), ratio: digits(own / rate(theirs)) } }
    const note = 'from a file to a file, by the clock, until it is on the disk; age does not wait for that'
    return { case: `${what} ${size}`, unit: 'MB/s', ours: digits(own), peers: peer, note }
  }
  const peak = (rounds: readonly Round[]): number => Math.max(...rounds.map(({ peakBytes }) => peakBytes))
  const agePeak = age === undefined ? '' : `; ${age}: ${Math.round(peak(theirs) / 1e6)} MB`
  return [
    speed('seal'),
    speed('open'),
    {
      ...{ case: `peak memory, seal and open ${size}`, unit: 'bytes', ours: peak(ours), peers: {} },
      note: `resident set of a process that runs from source files and does both, the runtime included${agePeak}`,
    },
    { case: 'read 1 MiB out of the middle', unit: 'bytes', ours: ours[0]?.rangeBytes ?? 0, peers: {} },
    {
      ...{ case: 'overhead of 1 MiB, stored tree included', unit: 'bytes', peers: {} },
      ours: Math.ceil(((sealedBytes - bytes) / bytes) * MIB),
      note: `${sealedBytes - bytes} bytes for ${size}`,
    },
  ]
}

/** Random bytes, so that nothing on the way can compress them. */
async function fill(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w')
  try {
    for (let done = 0; done < bytes; done += MIB) await file.write(randomBytes(MIB))
    await file.sync()
  } finally {
    await file.close()
  }
}
