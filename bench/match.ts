/**
 * The ten nearest of 1 … 1,000,000 embeddings, 128 or 512 numbers each, signed bytes or floats, against exact searches of other libraries; and the
 * pre-filtered search of 100,000 × 512 bytes, with how often it finds what the exact one finds.
 *
 * Ours searches into arrays that are there; the others answer as they do.
 */

import '../src/drivers/wasm-files.ts'
import type { GalleryKind } from '../src/wasm/gallery.ts'
import { quantize } from '../src/wasm/match.ts'
import { uniform } from '../test/kit/vectors.ts'
import { race } from './kit/measure.ts'
import { Peers } from './kit/peers.ts'
import { normal, perturbed } from './kit/random.ts'
import { type Report, type Row, reportOf, rowOf } from './kit/report.ts'
import { prefilter } from './match-prefilter.ts'
import { contenders, type Flat, type Libraries, libraries, sameScores, type Task } from './match-rivals.ts'
import type { BenchOptions } from './run.ts'

const COUNTS = [1, 100, 1_000, 10_000, 100_000] as const
const MILLION = 1_000_000
const K = 10
const PROBES = 16
/** The cosine of a probe with the row it was made of: that of two photographs of one person. */
const COSINE = 0.65

/** Measures everything. */
export async function run(options: BenchOptions): Promise<Report> {
  const peers = await Peers.open()
  const rivals = await libraries(peers)
  const rows: Row[] = []
  for (const dimensions of [128, 512]) {
    for (const kind of ['int8', 'f32'] as const) {
      const most = kind === 'int8' && dimensions === 128 && !options.quick ? MILLION : COUNTS.at(-1)!
      const counts = most === MILLION ? [...COUNTS, MILLION] : COUNTS
      const sample = sampleOf(kind, dimensions, most)
      for (const count of counts) rows.push(await measure(sample, count, rivals, options.quick))
    }
  }
  rows.push(...(await prefilter(options, peers, rivals)))
  return reportOf('match', rows, peers.unavailable)
}

async function measure(sample: Task, count: number, rivals: Libraries, quick: boolean): Promise<Row> {
  const { kind, dimensions } = sample
  const name = `${kind} ${dimensions}-d, ${count} row${count === 1 ? '' : 's'}`
  process.stderr.write(`match: ${name}\n`)
  const task = { ...sample, count, k: Math.min(K, count), probes: probesOf(sample, count) }
  const rates = await race(contenders(task, rivals), { quick, same: sameScores })
  return rowOf(name, 'ops/s', rates, 1)
}

/** Normally distributed rows. */
function sampleOf(kind: GalleryKind, dimensions: number, count: number): Task {
  const random = uniform(dimensions)
  const flat = kind === 'int8' ? new Int8Array(count * dimensions) : new Float32Array(count * dimensions)
  for (let row = 0; row < count; row++) {
    const vector = normal(random, dimensions)
    flat.set(kind === 'int8' ? quantize(vector) : vector, row * dimensions)
  }
  return { kind, dimensions, count, flat, probes: [], k: K }
}

/** Probes near to some of the first `count` rows. */
function probesOf({ kind, dimensions, flat }: Task, count: number): Flat[] {
  const random = uniform(count)
  return Array.from({ length: PROBES }, (_, i) => {
    const row = Math.floor((i * count) / PROBES)
    const near = perturbed(random, Float32Array.from(flat.subarray(row * dimensions, (row + 1) * dimensions)), COSINE)
    return kind === 'int8' ? quantize(near) : near
  })
}
