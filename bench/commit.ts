/**
 * What a committed write takes, side by side with etcd and Autobase: 4 and 25 members, each a process, all stores on one disk and synced.
 *
 * A value of theirs has 256 bytes; one of ours is a payment, signed by its owner, checked and SETTLED by a quorum that holds although some lie, which etcd's does
 * not. All systems of a size stand at the same time and are driven in turns, so that a slow minute of the machine falls on all of them; ratios are of medians
 * over the rounds. A latency is given as the writes that fit into a second at that latency, one after the other.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebxError } from '../src/core/errors.ts'
import { openAutobase } from './kit/commit-autobase.ts'
import { type Etcd3Package, openEtcd } from './kit/commit-etcd.ts'
import { drive, medianOf, type Sample } from './kit/commit-load.ts'
import { MANY, openWebx } from './kit/commit-webx.ts'
import { Peers } from './kit/peers.ts'
import { type Programs, versionOf } from './kit/programs.ts'
import { digits, OURS, type Report, type Row, reportOf } from './kit/report.ts'
import type { BenchOptions } from './run.ts'

/** Members of each system. */
const SIZES: readonly number[] = [4, 25]
/** How long a system is driven in each turn, and how often it is its turn, after it was warmed up under each load. */
const PLAN = { rounds: 3, warmUpMs: 8_000, spanMs: 3_000 }
const PLAN_QUICK = { rounds: 1, warmUpMs: 2_000, spanMs: 1_000 }
/**
 * Between two turns all systems run for so long, or one that is held meets clocks that have gone on without it: connections that were silent for too long are closed by the
 * other side (MQTT after 45 s, etcd's members each other's after 5), and what it then does first is to find itself again.
 */
const BREATH_MS = 2_000
/** What is under way of the others is over. */
const REST_MS = 200

/** One system under one load, driven once a round. */
interface Turn {
  readonly system: string
  readonly load: 'one' | 'many' | 'each'
  readonly programs: Programs
  readonly drive: (spanMs: number) => Promise<Sample>
}

/** Medians over the rounds, by load and system. */
type Found = ReadonlyMap<string, Sample>

/** The systems of one size as they stand. */
interface Stand {
  readonly turns: readonly Turn[]
  readonly orderBytes: { readonly one: number; readonly many: number }
  close(): Promise<void>
}

/** What the systems beside ours are called, and made of. */
interface Rivals {
  readonly etcd: string
  readonly api: Etcd3Package
  readonly autobase: string
}

/** Measures in the folder for temporary files: some minutes. Throws `bad-config` where a program or library that it takes is not installed. */
export async function run({ quick, sizes = SIZES }: BenchOptions): Promise<Report> {
  const version = versionOf('etcd', ['--version'], 'apt-get install etcd-server')
  versionOf('mosquitto', ['-h'], 'apt-get install mosquitto')
  const peers = await Peers.open()
  const { api } = await peers.needed<Etcd3Package>('etcd3')
  const { name: autobase } = await peers.needed('autobase')
  const rivals = { etcd: `etcd@${version}`, api, autobase }
  const folder = await mkdtemp(join(tmpdir(), 'webx-bench-commit-'))
  try {
    const rows: Row[] = []
    for (const memberCount of SIZES.filter((size) => sizes.includes(size))) {
      say(`n=${memberCount}: starting`)
      const stand = await setUp(memberCount, rivals, join(folder, String(memberCount)))
      try {
        const found = await inTurns(`n=${memberCount}`, stand.turns, quick ? PLAN_QUICK : PLAN)
        rows.push(...rowsOf(memberCount, found, stand.orderBytes))
      } finally {
        await stand.close()
      }
    }
    return reportOf('commit', rows, {})
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Starts what is compared at this size, one after the other: Autobase at 4 only, it does not come to signatures with 25. */
async function setUp(memberCount: number, rivals: Rivals, folder: string): Promise<Stand> {
  const open: { close(): Promise<void> }[] = []
  const close = async (): Promise<void> => {
    for (const one of open.splice(0).reverse()) await one.close()
  }
  const kept = <T extends { close(): Promise<void> }>(one: T): T => {
    open.push(one)
    return one
  }
  try {
    const few = memberCount === 4
    const webx = kept(await openWebx(memberCount, few ? MANY : 0, join(folder, 'webx')))
    const etcd = kept(await openEtcd(rivals.api, memberCount, join(folder, 'etcd')))
    const autobase = few ? kept(await openAutobase(memberCount, join(folder, 'autobase'))) : null
    const turns: Turn[] = []
    for (const [load, count] of [
      ['one', 1],
      ['many', MANY],
    ] as const) {
      turns.push({ system: OURS, load, programs: webx.programs, drive: (spanMs) => drive(webx[load], spanMs) })
      const puts = etcd.load(count)
      turns.push({ system: rivals.etcd, load, programs: etcd.programs, drive: (spanMs) => drive(puts, spanMs) })
      if (!autobase) continue
      const appends = { lanes: 1, valuesPerWrite: count }
      const { programs } = autobase
      turns.push({ system: rivals.autobase, load, programs, drive: (spanMs) => autobase.drive(appends, spanMs) })
    }
    const { programs, orderBytes } = webx
    if (few) turns.push({ system: OURS, load: 'each', programs, drive: (spanMs) => drive(webx.each, spanMs) })
    return { turns, orderBytes, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Who is not driven is held, and takes no time from who is. */
async function inTurns(name: string, turns: readonly Turn[], plan: typeof PLAN): Promise<Found> {
  const all = new Set(turns.map(({ programs }) => programs))
  const samples = turns.map((): Sample[] => [])
  try {
    for (let round = 0; round <= plan.rounds; round++) {
      for (const [i, turn] of turns.entries()) {
        const what = `${name}, round ${round} of ${plan.rounds}: ${turn.system} ${turn.load}`
        const sample = await driven(turn, all, round === 0 ? plan.warmUpMs : plan.spanMs, what)
        if (round > 0) samples[i]?.push(sample)
        say(`${what}: ${textOf(sample)}`)
      }
    }
  } finally {
    // nobody takes leave of a broker that is held
    for (const programs of all) programs.let('run')
  }
  return new Map(turns.map(({ system, load }, i) => [`${load} ${system}`, medianOf(samples[i] as Sample[])]))
}

async function driven(
  { programs, drive }: Turn,
  all: ReadonlySet<Programs>,
  spanMs: number,
  what: string,
): Promise<Sample> {
  for (const one of all) one.let('run')
  await rest(BREATH_MS)
  for (const one of all) if (one !== programs) one.let('hold')
  await rest(REST_MS)
  try {
    return await drive(spanMs)
  } catch (cause) {
    const hint = 'Is the machine busy with other things?'
    throw new WebxError('timeout', `${what}: ${String(cause)}`, { hint, cause })
  }
}

function rest(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms))
}

function rowsOf(memberCount: number, found: Found, orderBytes: Stand['orderBytes']): Row[] {
  const n = `n=${memberCount}`
  const peer = 'values of 256 bytes; etcd by npm etcd3 at the leader'
  const rows = [
    rowOf(`${n}, one after the other`, found, 'one', 'one', (sample) => 1000 / sample.p50Ms, {
      note: `by the median; an order of ${orderBytes.one} bytes, SETTLED at the client; ${peer}`,
    }),
    rowOf(`${n}, 256 at once, one owner`, found, 'many', 'many', (sample) => sample.valuesPerSecond, {
      note: `256 payments in one order of ${orderBytes.many} bytes, one order under way; ${peer}, 256 writes under way; Autobase: 256 values in one append`,
    }),
  ]
  if (!found.has(`each ${OURS}`)) return rows
  return [
    ...rows,
    rowOf(`${n}, 256 at once, 256 owners`, found, 'each', 'many', (sample) => sample.valuesPerSecond, {
      note: 'each owner signs itself and has one order under way; all hand in through one client',
    }),
  ]
}

/** Our figure under `load` beside those of the others under `theirLoad`. Times of single writes are told, too. */
function rowOf(
  name: string,
  found: Found,
  load: Turn['load'],
  theirLoad: Turn['load'],
  figure: (sample: Sample) => number,
  { note }: { readonly note: string },
): Row {
  const own = found.get(`${load} ${OURS}`) as Sample
  const others = [...found].filter(([key]) => key.startsWith(`${theirLoad} `) && key !== `${theirLoad} ${OURS}`)
  const peers = others.map(([key, sample]) => {
    const value = figure(sample)
    return [key.slice(theirLoad.length + 1), { value: digits(value), ratio: digits(figure(own) / value) }] as const
  })
  const times = [[`${load} ${OURS}`, own] as const, ...others].map(
    ([key, { p50Ms, p99Ms }]) => `${key.split(' ')[1]} ${digits(p50Ms)} / ${digits(p99Ms)}`,
  )
  return {
    ...{ case: name, unit: 'ops/s', ours: digits(figure(own)), peers: Object.fromEntries(peers) },
    note: `${note}; p50 / p99 of a write in ms: ${times.join(', ')}`,
  }
}

function textOf({ p50Ms, p99Ms, valuesPerSecond }: Sample): string {
  return `p50 ${digits(p50Ms)} ms, p99 ${digits(p99Ms)} ms, ${digits(valuesPerSecond)} a second`
}

function say(line: string): void {
  process.stderr.write(`commit: ${line}\n`)
}
