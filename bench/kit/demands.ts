/** What is demanded of the figures, and whether they meet it: each demand is a least ratio to some peers in some cases, or a bound on our own figure. */

import type { Report, Row } from './report.ts'
import type { SuiteName } from './suites.ts'

/** One demand. Cases and peers are chosen by patterns; the worst of what they choose counts. */
export interface Demand {
  readonly suite: SuiteName
  readonly text: string
  readonly cases: RegExp
  /** With `ratioMin`: which peers. */
  readonly peers?: RegExp
  readonly ratioMin?: number
  /** Bounds on our own figure, or on the recall. */
  readonly oursMin?: number
  readonly oursMax?: number
  readonly recallMin?: number
}

/** How a demand stands: the worst figure and where it was measured. */
export interface Standing {
  readonly demand: Demand
  /** Null where nothing that it asks for was measured. */
  readonly worst: { readonly value: number; readonly where: string } | null
  readonly isMet: boolean
}

const WASM = /^(hash-wasm|blake3-jit|blake3-wasm|@noble\/hashes)@/
const EXACT = /^(int8|f32) (128|512)-d, (1|100|1000|10000|100000) rows?$/
const NODE = /^node:crypto/

/** In the order of the suites. */
export const DEMANDS: readonly Demand[] = [
  ratio('hash', 'BLAKE3 ≥ 1.4 × every WASM and JavaScript peer at 64 B and 1 KiB', /^(64 B|1 KiB)$/, WASM, 1.4),
  ratio('hash', '≥ 1.0 × every one of them at 64 KiB and 1 MiB', /^(64 KiB|1 MiB)$/, WASM, 1),
  ratio('hash', '≥ 1.5 × hash-wasm and blake3-jit there', /^(64 KiB|1 MiB)$/, /^(hash-wasm|blake3-jit)@/, 1.5),
  ratio('hash', '≥ 1.8 × native BLAKE3 at ≤ 1 KiB', /^(64 B|1 KiB)$/, /^@napi-rs/, 1.8),
  ratio('hash', 'two threads on 64 MiB ≥ 0.6 × native single-threaded', /^64 MiB, two threads$/, /^@napi-rs/, 0.6),
  ratio(
    'seal',
    'XChaCha20-Poly1305 ≥ 1.5 × libsodium-wrappers from 1 KiB',
    /^(seal|sealInto) (1 KiB|64 KiB|1 MiB)$/,
    /^libsodium/,
    1.5,
  ),
  ratio('seal', '≥ 1.2 × libsodium-wrappers at 64 B', /^(seal|sealInto) 64 B$/, /^libsodium/, 1.2),
  ratio('seal', '≥ 6 × @noble/ciphers', /^(seal|sealInto) /, /^@noble/, 6),
  ratio('seal', '≥ 3 × node:crypto at 64 B', /^(seal|sealInto) 64 B$/, NODE, 3),
  ratio('seal', '≥ 1.8 × node:crypto at 1 KiB', /^(seal|sealInto) 1 KiB$/, NODE, 1.8),
  ratio(
    'seal',
    'the door itself, sealInto, ≥ 0.95 × node:crypto at 64 KiB and 1 MiB',
    /^sealInto (64 KiB|1 MiB)$/,
    NODE,
    0.95,
  ),
  ratio('verify', '25 votes ≥ 3 × node:crypto per vote', /^25 votes/, NODE, 3),
  ratio('verify', '25 votes ≥ 1.3 × sodium-native', /^25 votes/, /^sodium-native/, 1.3),
  ratio('verify', 'single ≥ 1 × node:crypto', /^single/, NODE, 1),
  ratio('match', '≥ 1.0 × usearch exact at every N, int8 and f32, 128-d and 512-d', EXACT, /^usearch/, 1),
  ratio('match', 'pre-filter at 100,000 × 512-d ≥ 4 × usearch exact i8', /pre-filter/, /^usearch/, 4),
  { suite: 'match', text: 'recall@1 ≥ 0.99 there, random', cases: /pre-filter, random/, recallMin: 0.99 },
  { suite: 'match', text: 'recall@1 ≥ 0.99 there, faces', cases: /pre-filter, faces/, recallMin: 0.99 },
  { suite: 'tally', text: '≥ 5 million votes a second', cases: /^votes/, oursMin: 5e6 },
  ratio('tally', '≥ 3 × the best JavaScript version', /^votes/, /^JavaScript/, 3),
  ratio('codec', 'encode ≥ 1.2 × plain cbor-x maps', /^encode/, /^cbor-x/, 1.2),
  ratio('codec', 'decode, check included, ≥ 1.0 × plain cbor-x maps', /^decode/, /^cbor-x/, 1),
  ratio('codec', '≥ 2 × cborg strict both ways', /^(encode|decode)/, /^cborg/, 2),
  ratio('qnt', 'seal and open a file ≥ 2 × age-encryption', /^(seal|open) /, /^age-encryption/, 2),
  { suite: 'qnt', text: 'peak memory of every process ≤ 120 MB', cases: /^peak memory/, oursMax: 120e6 },
  { suite: 'qnt', text: '1 MiB out of the middle ≤ 1.2 MiB read', cases: /^read 1 MiB/, oursMax: 1.2 * 2 ** 20 },
  {
    suite: 'qnt',
    text: 'overhead of 1 MiB with the stored tree ≤ 0.13 %',
    cases: /^overhead/,
    oursMax: 0.0013 * 2 ** 20,
  },
  { suite: 'qnt', text: 'without it ≤ 0.06 %', cases: /^overhead .* without/, oursMax: 0.0006 * 2 ** 20 },
  ratio('proof', 'range of 64 bits: prove ≤ 3 × the time of @solana/zk-sdk', /^prove 64 bits$/, /^@solana/, 1 / 3),
  ratio('proof', 'range of 64 bits: check ≤ 2 × its time', /^check 64 bits$/, /^@solana/, 1 / 2),
  { suite: 'proof', text: 'member of 25: prove and check ≤ 30 ms each', cases: /member of 25$/, oursMin: 1000 / 30 },
  { suite: 'start', text: 'all WASM ≤ 200 KB', cases: /all builds$/, oursMax: 200_000 },
  { suite: 'start', text: 'all WASM ≤ 80 KB gzip', cases: /gzip$/, oursMax: 80_000 },
  { suite: 'start', text: 'cold instantiate and self-test ≤ 60 ms', cases: /cold$/, oursMax: 60 },
  ratio('commit', 'SETTLED p50 one after the other ≤ 3 × etcd’s', /^n=4, one after/, /^etcd@/, 1 / 3),
  ratio('commit', '256 at once in owner batches ≥ etcd', /^n=4, 256 at once, one owner$/, /^etcd@/, 1),
  ratio('commit', '256 at once of 256 owners ≥ 0.4 × etcd', /^n=4, .* 256 owners$/, /^etcd@/, 0.4),
  ratio('commit', 'at n = 4 ≥ 10 × Autobase', /^n=4, (one after|256 at once, one owner)/, /^autobase@/, 10),
  ratio('commit', 'at n = 25 in owner batches ≥ etcd with 25 members', /^n=25, 256 at once/, /^etcd@/, 1),
  {
    suite: 'network',
    text: 'an idle node sends ≤ 4 messages a second',
    cases: /^idle, a second: messages sent, /,
    oursMax: 4,
  },
  {
    suite: 'network',
    text: '≤ 0.5 of these for orders, blocks and epochs',
    cases: /^idle, a second: of these /,
    oursMax: 0.5,
  },
  {
    suite: 'network',
    text: 'leaves validated by a witness within 20 % of their mean from 100 to 2,500 nodes',
    cases: /^leaves validated by a witness, furthest/,
    oursMax: 20,
  },
]

/** How every demand on the suites of these reports stands. */
export function standings(reports: readonly Report[], demands: readonly Demand[] = DEMANDS): Standing[] {
  return demands.map((demand) => {
    const rows = reports.filter(({ suite }) => suite === demand.suite).flatMap(({ rows: all }) => all)
    return standing(
      demand,
      rows.filter(({ case: name }) => demand.cases.test(name)),
    )
  })
}

/** The figure that is demanded, as text. */
export function demanded({ ratioMin, oursMin, oursMax, recallMin }: Demand): string {
  if (ratioMin !== undefined) return `≥ ${ratioMin} ×`
  if (recallMin !== undefined) return `≥ ${recallMin}`
  return oursMin === undefined ? `≤ ${oursMax}` : `≥ ${oursMin}`
}

function ratio(suite: SuiteName, text: string, cases: RegExp, peers: RegExp, ratioMin: number): Demand {
  return { suite, text, cases, peers, ratioMin }
}

function standing(demand: Demand, rows: readonly Row[]): Standing {
  const figures = rows.flatMap((row) => figuresOf(demand, row))
  const [first] = figures
  if (first === undefined) return { demand, worst: null, isMet: false }
  const isCeiling = demand.oursMax !== undefined
  const worst = figures.reduce((a, b) => ((isCeiling ? b.value > a.value : b.value < a.value) ? b : a), first)
  const { ratioMin, oursMin, recallMin, oursMax } = demand
  const isMet = isCeiling ? worst.value <= oursMax! : worst.value >= (ratioMin ?? recallMin ?? oursMin)!
  return { demand, worst, isMet }
}

function figuresOf({ peers, recallMin }: Demand, row: Row): { value: number; where: string }[] {
  if (peers !== undefined) {
    return Object.entries(row.peers)
      .filter(([name]) => peers.test(name))
      .map(([name, { ratio: value }]) => ({ value, where: `${row.case}: ${name}` }))
  }
  if (recallMin === undefined) return [{ value: row.ours, where: row.case }]
  return row.recallAt1 === undefined ? [] : [{ value: row.recallAt1, where: row.case }]
}
