/**
 * The pre-filtered search of 100,000 rows of 512 bytes: how fast, and how often its best row is the exact search's best row (recall@1).
 *
 * Twice: on random rows, where a probe is a row turned away to the cosine of two photographs of one person (the nearest row to mere noise means
 * nothing), and on real faces. Of these there are five people with eleven photographs each; the rest of the gallery is a crowd drawn from
 * their distribution (`kit/crowd.ts`). Every photograph and every worse version of it is searched for in a gallery without that photograph.
 */

import { createGallery, type Gallery } from '../src/wasm/gallery.ts'
import { quantize } from '../src/wasm/match.ts'
import { uniform } from '../test/kit/vectors.ts'
import { type CrowdFit, crowdOf } from './kit/crowd.ts'
import { type Contender, race } from './kit/measure.ts'
import type { Peers } from './kit/peers.ts'
import { type Photograph, photographs } from './kit/photographs.ts'
import { normal, perturbed } from './kit/random.ts'
import { OURS, type Row, rowOf } from './kit/report.ts'
import { contenders, type Libraries, sameScores } from './match-rivals.ts'
import type { BenchOptions } from './run.ts'

const DIMENSIONS = 512
const COUNT = 100_000
const COSINE = 0.65
const PHOTOS_PER_STRANGER = 10
const FACES = 'photographs of faces'

/** A probe, and the row that must not be found because it is of the same photograph. */
interface Query {
  readonly probe: Int8Array
  readonly hidden?: number
}

interface Scene {
  readonly name: string
  readonly flat: Int8Array
  readonly queries: readonly Query[]
  readonly note: string
}

/** Measures both; where photographs or the model cannot be had, that is noted among the unavailable. */
export async function prefilter(options: BenchOptions, peers: Peers, libraries: Libraries): Promise<Row[]> {
  const rows = [await measure(randomScene(options.quick ? 200 : 1_000), libraries, options.quick)]
  let found: Photograph[]
  try {
    process.stderr.write('match: describing the photographs\n')
    found = await photographs(options.faces, options.quick ? 1 : 4)
  } catch (error) {
    peers.unavailable[FACES] = error instanceof Error ? error.message : String(error)
    return rows
  }
  rows.push(await measure(faceScene(found), libraries, options.quick))
  return rows
}

async function measure({ name, flat, queries, note }: Scene, libraries: Libraries, quick: boolean): Promise<Row> {
  const title = `int8 512-d, ${COUNT} rows, pre-filter, ${name}`
  process.stderr.write(`match: ${title}\n`)
  const exact = createGallery({ kind: 'int8', dimensions: DIMENSIONS, capacity: COUNT })
  const coarse = createGallery({ kind: 'int8', dimensions: DIMENSIONS, capacity: COUNT, prefilter: {} })
  for (let row = 0; row < COUNT; row++) {
    exact.add(rowAt(flat, row))
    coarse.add(rowAt(flat, row))
  }
  const recallAt1 = Math.round(1e4 * recall(exact, coarse, flat, queries)) / 1e4
  const probes = queries.slice(0, 64).map(({ probe }) => probe)
  const task = { kind: 'int8', dimensions: DIMENSIONS, count: COUNT, flat, probes, k: 10 } as const
  const reference = whole(exact, probes)
  const others = contenders(task, { ...libraries, simsimd: null, hnswlib: null })
    .filter(({ name: who }) => who.startsWith('usearch'))
    .map((other): Contender => ({ ...other, expected: reference.expected }))
  const all = [filtered(coarse, probes, flat), reference, ...others]
  const rates = await race(all, { quick, same: sameScores })
  return rowOf(title, 'ops/s', rates, 1, {
    recallAt1,
    note: `${queries.length} probes, as many candidates as by default; ${note}`,
  })
}

/** Share of queries whose best score is that of the exact search, the hidden rows put out of sight for their queries. */
function recall(
  exact: Gallery<Int8Array>,
  coarse: Gallery<Int8Array>,
  flat: Int8Array,
  queries: readonly Query[],
): number {
  let found = 0
  for (const { probe, hidden } of queries) {
    if (hidden !== undefined)
      for (const gallery of [exact, coarse])
        gallery.replace(
          hidden,
          probe.map((x) => -x),
        )
    if (exact.search(probe, 1)[0]?.score === coarse.search(probe, 1)[0]?.score) found++
    if (hidden !== undefined) for (const gallery of [exact, coarse]) gallery.replace(hidden, rowAt(flat, hidden))
  }
  return found / queries.length
}

/** Ours. Its answer is whether the scores that it gives are the cosines of the rows that it names; what it finds is a matter of recall. */
function filtered(gallery: Gallery<Int8Array>, probes: readonly Int8Array[], flat: Int8Array): Contender {
  const scores = probes.slice(0, 4).flatMap((probe) => gallery.search(probe, 10).map(({ score }) => score))
  return {
    ...searching(OURS, gallery, probes),
    answer: () => scores,
    expected: probes
      .slice(0, 4)
      .flatMap((probe) => gallery.search(probe, 10).map(({ row }) => cosine(probe, rowAt(flat, row)))),
  }
}

/** Our own exact search, the reference of the others' answers. */
function whole(gallery: Gallery<Int8Array>, probes: readonly Int8Array[]): Contender {
  const scores = probes.slice(0, 4).flatMap((probe) => gallery.search(probe, 10).map(({ score }) => score))
  return { ...searching(`${OURS} exact`, gallery, probes), answer: () => scores, expected: scores }
}

function searching(name: string, gallery: Gallery<Int8Array>, probes: readonly Int8Array[]): Omit<Contender, 'answer'> {
  const rows = new Uint32Array(10)
  const scores = new Float32Array(10)
  let turn = 0
  return {
    name,
    run() {
      turn = turn === probes.length - 1 ? 0 : turn + 1
      return gallery.searchInto(rows, scores, probes[turn]!)
    },
  }
}

function randomScene(count: number): Scene {
  const random = uniform(512)
  const flat = new Int8Array(COUNT * DIMENSIONS)
  for (let row = 0; row < COUNT; row++) flat.set(quantize(normal(random, DIMENSIONS)), row * DIMENSIONS)
  const queries = Array.from({ length: count }, (_, i) => {
    const row = rowAt(flat, Math.floor((i * COUNT) / count))
    return { probe: quantize(perturbed(random, Float32Array.from(row), COSINE)) }
  })
  return { name: 'random', flat, queries, note: `normally distributed rows, probes at cosine ${COSINE} of one of them` }
}

function faceScene(found: readonly Photograph[]): Scene {
  const people = [...new Set(found.map(({ person }) => person))].map((person) =>
    found.filter((photo) => photo.person === person).map(({ original }) => original),
  )
  const random = uniform(55)
  const crowd = crowdOf(people, random)
  const flat = new Int8Array(COUNT * DIMENSIONS)
  found.forEach(({ original }, row) => {
    flat.set(quantize(original), row * DIMENSIONS)
  })
  for (let row = found.length; row < COUNT; row += PHOTOS_PER_STRANGER) {
    const photos = crowd.stranger(random, Math.min(PHOTOS_PER_STRANGER, COUNT - row))
    photos.forEach((photo, i) => {
      flat.set(quantize(photo), (row + i) * DIMENSIONS)
    })
  }
  const queries = found.flatMap(({ original, worse }, hidden) =>
    [original, ...worse].map((probe) => ({ probe: quantize(probe), hidden })),
  )
  return { name: 'faces', flat, queries, note: crowdNote(found.length, people.length, crowd.fit) }
}

function crowdNote(photos: number, people: number, fit: CrowdFit): string {
  const two = (x: number): string => x.toFixed(2)
  return (
    `${photos} photographs of ${people} real people, as they are and made smaller and darker, each searched for without itself; the other rows are ` +
    `strangers drawn from their distribution, ${PHOTOS_PER_STRANGER} photographs each: cosine with a real face ${two(fit.crowdMean)} ± ${two(fit.crowdDeviation)} ` +
    `(real strangers ${two(fit.strangerMean)} ± ${two(fit.strangerDeviation)}), between photographs of one ${two(fit.genuineMean)}`
  )
}

function rowAt(flat: Int8Array, row: number): Int8Array {
  return flat.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS)
}

function cosine(one: Int8Array, other: Int8Array): number {
  const dot = (a: Int8Array, b: Int8Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0)
  return dot(one, other) / Math.sqrt(dot(one, one) * dot(other, other))
}
