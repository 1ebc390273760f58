/**
 * The ways to find the ten nearest of many embeddings that the match suite compares: our gallery, and what a user could take instead.
 *
 * All use the cosine, search everything and work on one thread. A native library that compares one pair a call (simsimd) gets the same selection of the
 * best as the plain loop. Answers are the scores, best first, not the rows: equal scores may come in any order.
 */

import { createGallery, type GalleryKind } from '../src/wasm/gallery.ts'
import type { Contender } from './kit/measure.ts'
import { builtIn, type Loaded, type Peers } from './kit/peers.ts'
import { OURS } from './kit/report.ts'

/** Embeddings in one array, row after row. */
export type Flat = Int8Array | Float32Array

/** What is searched, and for what. */
export interface Task {
  readonly kind: GalleryKind
  readonly dimensions: number
  readonly count: number
  /** `count` rows of `dimensions` elements. */
  readonly flat: Flat
  /** Probes, taken in turn. */
  readonly probes: readonly Flat[]
  /** Results wanted. */
  readonly k: number
}

interface Usearch {
  readonly MetricKind: { readonly Cos: string }
  exactSearch(
    flat: Flat,
    probe: Flat,
    dimensions: number,
    k: number,
    metric: string,
    threads: number,
  ): { readonly keys: BigUint64Array; readonly distances: Float32Array }
}

interface Simsimd {
  cosine(one: Flat, other: Flat): number
}

interface BruteforceSearch {
  initIndex(rows: number): void
  addPoint(row: readonly number[], label: number): void
  searchKnn(probe: readonly number[], k: number): { readonly distances: readonly number[] }
}

interface Hnswlib {
  readonly BruteforceSearch: new (space: string, dimensions: number) => BruteforceSearch
}

/** The libraries, each null where it is not there. */
export interface Libraries {
  readonly usearch: Loaded<Usearch> | null
  readonly simsimd: Loaded<Simsimd> | null
  readonly hnswlib: Loaded<Hnswlib> | null
}

/** Loads what can be loaded. */
export async function libraries(peers: Peers): Promise<Libraries> {
  return {
    usearch: await peers.load<Usearch>('usearch'),
    simsimd: await peers.load<Simsimd>('simsimd'),
    hnswlib: await peers.load<Hnswlib>('hnswlib-node'),
  }
}

/** Beyond this many rows, what takes a call and an object a row is left out. */
const PAIRS_MAX = 100_000

/** Everybody who can do the task, ours first. */
export function contenders(task: Task, { usearch, simsimd, hnswlib }: Libraries): Contender[] {
  const found = [searchers.ours(task)]
  if (usearch !== null) found.push(searchers.usearch(task, usearch))
  if (task.count <= PAIRS_MAX) {
    if (simsimd !== null) found.push(searchers.simsimd(task, simsimd))
    if (hnswlib !== null && task.kind === 'f32') found.push(searchers.hnswlib(task, hnswlib))
  }
  found.push(searchers.loop(task))
  return found
}

/** Whether two lists of cosines are the same, but for the rounding of 32-bit floats and of reciprocal roots. */
export function sameScores(answer: unknown, expected: unknown): boolean {
  const [one, other] = [answer as readonly number[], expected as readonly number[]]
  return one.length === other.length && one.every((score, i) => Math.abs(score - other[i]!) <= 2e-4)
}

/** A contender per library. */
const searchers = {
  ours(task: Task): Contender {
    const { kind, dimensions, count, flat, probes, k } = task
    const rows = new Uint32Array(k)
    const scores = new Float32Array(k)
    const search = searchOf(kind, dimensions, count, flat)
    return turns(
      OURS,
      probes,
      (probe) => search(rows, scores, probe),
      (probe) => {
        search(rows, scores, probe)
        return [...scores]
      },
    )
  },
  usearch({ dimensions, count, flat, probes, k }: Task, { name, api }: Loaded<Usearch>): Contender {
    const rows = flat.subarray(0, count * dimensions)
    const search = (probe: Flat) => api.exactSearch(rows, probe, dimensions, k, api.MetricKind.Cos, 1)
    return turns(`${name} exactSearch`, probes, search, (probe) => [...search(probe).distances].map((far) => 1 - far))
  },
  simsimd({ dimensions, count, flat, probes, k }: Task, { name, api }: Loaded<Simsimd>): Contender {
    const rows = Array.from({ length: count }, (_, row) => flat.subarray(row * dimensions, (row + 1) * dimensions))
    const best = new Best(k)
    const search = (probe: Flat): Best => {
      best.clear()
      for (let row = 0; row < count; row++) best.offer(1 - api.cosine(probe, rows[row]!), row)
      return best
    }
    return turns(`${name} per pair`, probes, search, (probe) => [...search(probe).scores])
  },
  hnswlib({ dimensions, count, flat, probes, k }: Task, { name, api }: Loaded<Hnswlib>): Contender {
    const index = new api.BruteforceSearch('cosine', dimensions)
    index.initIndex(count)
    for (let row = 0; row < count; row++) {
      index.addPoint([...flat.subarray(row * dimensions, (row + 1) * dimensions)], row)
    }
    // It takes nothing but plain arrays.
    const plain = new Map(probes.map((probe) => [probe, [...probe]]))
    const search = (probe: Flat) => index.searchKnn(plain.get(probe)!, k)
    return turns(`${name} BruteforceSearch`, probes, search, (probe) =>
      search(probe)
        .distances.map((far) => 1 - far)
        .sort((a, b) => b - a),
    )
  },
  loop({ kind, dimensions, count, flat, probes, k }: Task): Contender {
    // One function a kind, or the engine would compile one that is slow for both.
    const dot = (kind === 'int8' ? dotInt8 : dotFloat) as (
      flat: Flat,
      at: number,
      probe: Flat,
      dimensions: number,
    ) => number
    const row = (i: number): Flat => flat.subarray(i * dimensions, (i + 1) * dimensions)
    const norms = Float64Array.from(
      { length: count },
      (_, i) => 1 / Math.sqrt(dot(flat, i * dimensions, row(i), dimensions)),
    )
    const best = new Best(k)
    const search = (probe: Flat): Best => {
      const norm = 1 / Math.sqrt(dot(probe, 0, probe, dimensions))
      best.clear()
      for (let i = 0; i < count; i++) best.offer(dot(flat, i * dimensions, probe, dimensions) * norms[i]! * norm, i)
      return best
    }
    return turns(builtIn('JavaScript loop'), probes, search, (probe) => [...search(probe).scores])
  },
}

/** A gallery of these rows, as its allocation-free search. */
export function searchOf(
  kind: GalleryKind,
  dimensions: number,
  count: number,
  flat: Flat,
): (rows: Uint32Array, scores: Float32Array, probe: Flat) => number {
  if (kind === 'int8') {
    const gallery = createGallery({ kind, dimensions, capacity: count })
    for (let row = 0; row < count; row++)
      gallery.add((flat as Int8Array).subarray(row * dimensions, (row + 1) * dimensions))
    return (rows, scores, probe) => gallery.searchInto(rows, scores, probe as Int8Array)
  }
  const gallery = createGallery({ kind, dimensions, capacity: count })
  for (let row = 0; row < count; row++)
    gallery.add((flat as Float32Array).subarray(row * dimensions, (row + 1) * dimensions))
  return (rows, scores, probe) => gallery.searchInto(rows, scores, probe as Float32Array)
}

/** The best scores and their rows, best first; unfilled places hold −∞. */
export class Best {
  readonly scores: Float64Array
  readonly rows: Uint32Array

  constructor(k: number) {
    this.scores = new Float64Array(k).fill(Number.NEGATIVE_INFINITY)
    this.rows = new Uint32Array(k)
  }

  clear(): void {
    this.scores.fill(Number.NEGATIVE_INFINITY)
  }

  offer(score: number, row: number): void {
    const { scores, rows } = this
    let at = scores.length - 1
    if (score <= scores[at]!) return
    for (; at > 0 && score > scores[at - 1]!; at--) {
      scores[at] = scores[at - 1]!
      rows[at] = rows[at - 1]!
    }
    scores[at] = score
    rows[at] = row
  }
}

function turns(
  name: string,
  probes: readonly Flat[],
  search: (probe: Flat) => unknown,
  scores: (probe: Flat) => number[],
): Contender {
  let turn = 0
  return {
    name,
    run() {
      turn = turn === probes.length - 1 ? 0 : turn + 1
      return search(probes[turn]!)
    },
    answer: () => probes.slice(0, 4).flatMap(scores),
  }
}

/** The dot product in four sums: the fastest form that plain JavaScript was seen to have. Dimensions are a multiple of 4. */
function dotFloat(flat: Float32Array, at: number, probe: Float32Array, dimensions: number): number {
  let [a, b, c, d] = [0, 0, 0, 0]
  for (let i = 0; i < dimensions; i += 4) {
    a += flat[at + i]! * probe[i]!
    b += flat[at + i + 1]! * probe[i + 1]!
    c += flat[at + i + 2]! * probe[i + 2]!
    d += flat[at + i + 3]! * probe[i + 3]!
  }
  return a + b + (c + d)
}

/** The same for signed bytes, in integers. */
function dotInt8(flat: Int8Array, at: number, probe: Int8Array, dimensions: number): number {
  let [a, b, c, d] = [0, 0, 0, 0]
  for (let i = 0; i < dimensions; i += 4) {
    a = (a + Math.imul(flat[at + i]!, probe[i]!)) | 0
    b = (b + Math.imul(flat[at + i + 1]!, probe[i + 1]!)) | 0
    c = (c + Math.imul(flat[at + i + 2]!, probe[i + 2]!)) | 0
    d = (d + Math.imul(flat[at + i + 3]!, probe[i + 3]!)) | 0
  }
  return a + b + (c + d)
}
