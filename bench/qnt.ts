/**
 * A file sealed to one recipient and opened again, against age, whose format and npm package people would take instead.
 *
 * Every contender runs in a process of its own for every direction, so that the peak of its memory can be told, and in turns; the figure is the median over the
 * rounds, by the clock. Ours waits until the file is on the disk, age does not. The commands of webx are run beside that, for their memory, with a key file that is
 * sealed by a passphrase.
 */

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { chunkLayout } from '../src/data/stream.ts'
import { treeLayout } from '../src/data/tree.ts'
import { createParallelHasher } from '../src/drivers/hash-workers.ts'
import { createKeyFile } from '../src/drivers/key-file.ts'
import '../src/drivers/wasm-files.ts'
import { median } from './kit/measure.ts'
import { Peers } from './kit/peers.ts'
import type { Step } from './kit/qnt-child.ts'
import { digits, type Report, type Row, reportOf } from './kit/report.ts'
import type { BenchOptions } from './run.ts'

/** What one contender took for both directions. */
interface Round {
  readonly seal: Step
  readonly open: Step
}

const exec = promisify(execFile)
const CHILD = fileURLToPath(new URL('kit/qnt-child.ts', import.meta.url))
const MIB = 2 ** 20
const SIZE = { bytes: 1024 * MIB, rounds: 3 }
const SIZE_QUICK = { bytes: 32 * MIB, rounds: 2 }

/** Measures in fresh processes, with files in the folder for temporary ones: some 5 GiB, or 200 MB where it is to be quick. */
export async function run({ quick }: BenchOptions): Promise<Report> {
  const peers = await Peers.open()
  const age = await peers.load('age-encryption')
  const { bytes, rounds } = quick ? SIZE_QUICK : SIZE
  const folder = await mkdtemp(join(tmpdir(), 'webx-bench-qnt-'))
  try {
    await fill(join(folder, 'plain'), bytes)
    await writeFile(join(folder, 'passphrase'), 'of a bench\n')
    await createKeyFile(join(folder, 'command.key'), 'human', { passphrase: 'of a bench' })
    const names = age === null ? ['webx'] : ['webx', 'age']
    const found = new Map<string, Round[]>([...names, 'command'].map((name) => [name, []]))
    for (let turn = 0; turn < rounds; turn++) {
      for (const name of turn % 2 === 0 ? names : [...names].reverse()) {
        process.stderr.write(`qnt: ${name}, round ${turn + 1} of ${rounds}\n`)
        found.get(name)?.push(await round(name, folder))
      }
    }
    found.get('command')?.push(await round('command', folder))
    const sealedBytes = (await stat(join(folder, 'webx.sealed'))).size
    const ageBytes = age === null ? 0 : (await stat(join(folder, 'age.sealed'))).size
    return reportOf('qnt', rowsOf(found, age?.name, { bytes, sealedBytes, ageBytes }), peers.unavailable)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Both directions; throws where what was opened is not what was sealed. */
async function round(name: string, folder: string): Promise<Round> {
  for (const made of ['sealed', 'opened']) await rm(join(folder, `${name}.${made}`), { force: true })
  const seal = await step(name, 'seal', folder)
  const opened = await step(name, 'open', folder)
  const hasher = createParallelHasher()
  try {
    const [one, other] = [join(folder, 'plain'), join(folder, `${name}.opened`)]
    if (Buffer.compare(await hasher.hashFile(one), await hasher.hashFile(other)) !== 0) {
      throw new Error(`${name} opens to something else`)
    }
  } finally {
    await hasher.close()
  }
  return { seal, open: opened }
}

async function step(name: string, what: 'seal' | 'open', folder: string): Promise<Step> {
  const { stdout } = await exec(process.execPath, [CHILD, name, what, folder, 'plain'])
  return JSON.parse(stdout) as Step
}

function rowsOf(
  found: ReadonlyMap<string, readonly Round[]>,
  age: string | undefined,
  { bytes, sealedBytes, ageBytes }: { readonly bytes: number; readonly sealedBytes: number; readonly ageBytes: number },
): Row[] {
  const of = (name: string): readonly Round[] => found.get(name) ?? []
  const size = `${bytes / MIB} MiB`
  const speed = (what: 'seal' | 'open'): Row => {
    const rate = (name: string): number => bytes / 1000 / median(of(name).map((one) => one[what].ms))
    const own = rate('webx')
    const peer = age === undefined ? {} : { [age]: { value: digits(rate('age')), ratio: digits(own / rate('age')) } }
    const note = 'from a file to a file, by the clock, until it is on the disk; age does not wait for that'
    return { case: `${what} ${size}`, unit: 'MB/s', ours: digits(own), peers: peer, note }
  }
  const peak = (name: string, what: 'seal' | 'open'): number => Math.max(...of(name).map((one) => one[what].peakBytes))
  const memory = (what: 'seal' | 'open'): Row => {
    const agePeak = age === undefined ? '' : `; ${age}: ${Math.round(peak('age', what) / 1e6)} MB`
    const note = `resident set of a process that runs from source files, the runtime included${agePeak}`
    return { case: `peak memory, ${what} ${size}`, unit: 'bytes', ours: peak('webx', what), peers: {}, note }
  }
  const command = (what: 'seal' | 'open'): Row => {
    const note = 'the command as people call it, from source files, with a key file that is sealed by a passphrase'
    return {
      case: `peak memory, webx qnt ${what} ${size}`,
      unit: 'bytes',
      ours: peak('command', what),
      peers: {},
      note,
    }
  }
  const overhead = (name: string, more: number): Row => ({
    ...{ case: `overhead of 1 MiB, ${name}`, unit: 'bytes', ours: Math.ceil((more / bytes) * MIB), peers: {} },
    note: `${more} bytes for ${size}: ${((100 * more) / bytes).toFixed(4)} %${age === undefined ? '' : `; ${age}: ${ageBytes - bytes} bytes`}`,
  })
  const treeBytes = treeLayout(chunkLayout(bytes).chunks).bytes
  return [
    ...[speed('seal'), speed('open'), memory('seal'), memory('open'), command('seal'), command('open')],
    ...[
      {
        case: 'read 1 MiB out of the middle',
        unit: 'bytes',
        ours: of('webx')[0]?.open.rangeBytes ?? 0,
        peers: {},
      } as const,
    ],
    overhead('stored tree included', sealedBytes - bytes),
    overhead('without the tree', sealedBytes - bytes - treeBytes),
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
