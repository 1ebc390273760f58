/**
 * A gallery of embeddings in WebAssembly: the rows nearest to a probe, with their scores.
 *
 * A search looks at every row, or, with `prefilter`, at those that a scan of the rows' signs names. Each gallery has a
 * kernel instance of its own, whose memory is taken once. Every build, processor and way through the rows gives
 * bit-identical scores, floats included, because they are added in one order (`assembly/match/dot.ts`). The probe is
 * wiped after every search. Times depend on the content: for a comparison with secret templates there is `match.ts`.
 */

import { assertInteger, assertVector, type Vector } from './check.ts'
import { type Build, instantiate, type KernelExports, kernelBuild } from './load.ts'

interface GalleryExports extends KernelExports {
  readonly dimensionsMax: WebAssembly.Global
  readonly resultsMax: WebAssembly.Global
  readonly probe: WebAssembly.Global
  readonly resultRows: WebAssembly.Global
  readonly resultScores: WebAssembly.Global
  reserve(
    capacity: number,
    dimensions: number,
    floats: number,
    coarse: number,
    candidates: number,
    vectors: number,
  ): number
  set(row: number): number
  clear(count: number): void
  search(count: number, k: number, cosine: number): number
  wordsSuit(): number
}

/** Element type of a gallery's rows. */
export type GalleryKind = 'int8' | 'f32'

/** How a gallery is set up. */
export interface GalleryOptions {
  readonly kind: GalleryKind
  /** Elements of a row: 16, 32, 48 … 512. */
  readonly dimensions: number
  /**
   * Rows it can hold; their memory is taken at once, at most 4 GiB: rows × (row + 4) bytes; floats of 1 MiB or more by
   * a quarter more, unless prefiltered; prefiltered rows by an eighth of a byte for each element more.
   */
  readonly capacity: number
  /** What a score is (default cosine). */
  readonly metric?: 'cosine' | 'dot'
  /**
   * Compares signs first, one bit an element, and looks only at the rows whose signs differ least. Many times as fast
   * on 10,000 rows and more, but it can miss rows. A row at cosine c of the probe differs from it in about arccos(c) / π
   * of the signs, a stranger's in half: with the default, the best row was never missed among 100,000 (random rows, c
   * from 0.3 up; photographs of faces among strangers made by mixing such, c from 0.58 up). The places behind it, and the
   * best row of a probe of nobody, are chance and may be missed. Elements must scatter about zero, as embeddings do. A
   * gallery that holds no more rows than candidates is searched whole.
   */
  readonly prefilter?: PrefilterOptions
  readonly build?: Build
}

/** How many rows the pre-filter leaves. */
export interface PrefilterOptions {
  /** Rows that are looked at after the signs, 64 … 65,536 (default 1,024). */
  readonly candidates?: number
}

/** A row found, with its score: the cosine or the dot product, as a 32-bit float. */
export interface Found {
  readonly row: number
  readonly score: number
}

/** Rows of embeddings that can be searched. `V` is Int8Array or Float32Array. */
export interface Gallery<V> {
  readonly build: Build
  /** Rows held. */
  readonly size: number
  /**
   * Adds a row and returns its number. Throws a RangeError when full, and on a row of no direction (zero, not finite).
   */
  add(row: V): number
  /** Puts another row in the place of an existing one, which stays if the other has no direction. */
  replace(row: number, vector: V): void
  /** Forgets all rows and wipes them. */
  clear(): void
  /** The `k` (1 … 64) best rows, best first; equal ones go by row, as they compare before the last rounding of a cosine. */
  search(probe: V, k: number): Found[]
  /**
   * As `search` for as many results as both arrays hold (at most 64), without an allocation. Returns how many there
   * are.
   */
  searchInto(rows: Uint32Array, scores: Float32Array, probe: V): number
}

/** From here on, rows of floats get coarse copies: below, they stay in a cache and are as quick without. */
const COARSE_BYTES_MIN = 1024 * 1024
const CANDIDATES_MIN = 64
const CANDIDATES_MAX = 65_536
const CANDIDATES = 1_024

/** An empty gallery of signed bytes or floats, in a new instance of the kernel. */
export function createGallery(options: GalleryOptions & { kind: 'int8' }): Gallery<Int8Array>
export function createGallery(options: GalleryOptions & { kind: 'f32' }): Gallery<Float32Array>
export function createGallery(options: GalleryOptions): Gallery<Int8Array> | Gallery<Float32Array> {
  return options.kind === 'int8' ? galleryOf(options, Int8Array) : galleryOf(options, Float32Array)
}

type VectorClass<V extends Vector> = {
  new (buffer: ArrayBuffer): V
  readonly name: string
  readonly BYTES_PER_ELEMENT: number
}

function galleryOf<V extends Vector>(options: GalleryOptions, kind: VectorClass<V>): Gallery<V> {
  const { dimensions, capacity, metric = 'cosine', build = kernelBuild('match') } = options
  const kernel = reserved(options, build)
  // the memory has grown for the last time, so views stay valid
  const elements = new kind(kernel.memory.buffer)
  const resultsMax = kernel.resultsMax.value
  const resultRows = new Uint32Array(kernel.memory.buffer, kernel.resultRows.value, resultsMax)
  const resultScores = new Float32Array(kernel.memory.buffer, kernel.resultScores.value, resultsMax)
  const cosine = metric === 'cosine' ? 1 : 0
  const probeAt = kernel.probe.value / kind.BYTES_PER_ELEMENT
  let size = 0

  function put(row: number, vector: V): void {
    assertVector('row', vector, kind, dimensions, dimensions)
    elements.set(vector, probeAt)
    if (kernel.set(row) !== 1) throw new RangeError('row: has no direction')
  }

  function scan(probe: V, k: number): number {
    assertVector('probe', probe, kind, dimensions, dimensions)
    elements.set(probe, probeAt)
    const count = kernel.search(size, k, cosine)
    if (count < 0) throw new RangeError('probe: has no direction')
    return count
  }

  return {
    build,
    get size() {
      return size
    },
    add(row) {
      if (size === capacity) throw new RangeError(`row: the gallery holds its ${capacity} rows`)
      put(size, row)
      return size++
    },
    replace(row, vector) {
      assertInteger('row', row, 0, size - 1)
      put(row, vector)
    },
    clear() {
      kernel.clear(size)
      size = 0
    },
    search(probe, k) {
      assertInteger('k', k, 1, resultsMax)
      const count = scan(probe, k)
      return Array.from({ length: count }, (_, i) => {
        return { row: resultRows[i] as number, score: resultScores[i] as number }
      })
    },
    searchInto(rows, scores, probe) {
      const k = Math.min(rows.length, scores.length)
      assertInteger('rows.length, scores.length', k, 1, resultsMax)
      const count = scan(probe, k)
      for (let i = 0; i < count; i++) {
        rows[i] = resultRows[i] as number
        scores[i] = resultScores[i] as number
      }
      return count
    },
  }
}

/** A kernel with room for the rows. */
function reserved({ kind, dimensions, capacity, prefilter }: GalleryOptions, build: Build): GalleryExports {
  const kernel = instantiate<GalleryExports>('match', build)
  assertInteger('dimensions', dimensions, 16, kernel.dimensionsMax.value)
  if (dimensions % 16 !== 0) throw new RangeError(`dimensions: expected a multiple of 16, got ${dimensions}`)
  assertInteger('capacity', capacity, 1, 0xffffffff)
  const { candidates = CANDIDATES } = prefilter ?? {}
  assertInteger('prefilter.candidates', candidates, CANDIDATES_MIN, CANDIDATES_MAX)
  const floats = kind === 'f32'
  const failed = kernel.reserve(
    capacity,
    dimensions,
    Number(floats),
    Number(floats && prefilter === undefined && 4 * dimensions * capacity >= COARSE_BYTES_MIN),
    prefilter === undefined ? 0 : candidates,
    Number(build === 'simd' && kernel.wordsSuit() === 0),
  )
  if (failed === 1) throw new RangeError(`capacity: no memory for ${capacity} rows: more than 4 GiB`)
  if (failed === 2) throw new RangeError(`capacity: no memory for ${capacity} rows: the system grants no more`)
  return kernel
}
