/**
 * A gallery of embeddings in WebAssembly: the rows nearest to a probe, with their scores, by scanning all of them.
 *
 * Each gallery has a kernel instance of its own, whose memory is taken once. Both builds give bit-identical scores,
 * floats included, because they add up in the same order. The probe is wiped after every search.
 */

import { assertInteger, assertVector, type Vector } from './check.ts'
import { type Build, instantiate, type KernelExports, kernelBuild } from './load.ts'

interface GalleryExports extends KernelExports {
  readonly dimensionsMax: WebAssembly.Global
  readonly resultsMax: WebAssembly.Global
  readonly probe: WebAssembly.Global
  readonly resultRows: WebAssembly.Global
  readonly resultScores: WebAssembly.Global
  reserve(count: number, bytes: number): number
  setInt8(row: number, dimensions: number): number
  setFloat(row: number, dimensions: number): number
  scanInt8(count: number, dimensions: number, k: number, cosine: number): number
  scanFloat(count: number, dimensions: number, k: number, cosine: number): number
}

/** Element type of a gallery's rows. */
export type GalleryKind = 'int8' | 'f32'

/** How a gallery is set up. */
export interface GalleryOptions {
  readonly kind: GalleryKind
  /** Elements of a row: 16, 32, 48 … 512. */
  readonly dimensions: number
  /** Rows it can hold; its memory (rows × (row + 4) bytes) is taken at once, up to 4 GiB. */
  readonly capacity: number
  /** What a score is (default cosine). */
  readonly metric?: 'cosine' | 'dot'
  readonly build?: Build
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
  /** The `k` (1 … 64) best rows, best first; equal scores go by row. */
  search(probe: V, k: number): Found[]
  /**
   * As `search` for as many results as both arrays hold (at most 64), without an allocation. Returns how many there
   * are.
   */
  searchInto(rows: Uint32Array, scores: Float32Array, probe: V): number
}

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
  const kernel = instantiate<GalleryExports>('match', build)
  const elementBytes = kind.BYTES_PER_ELEMENT
  assertInteger('dimensions', dimensions, 16, kernel.dimensionsMax.value)
  if (dimensions % 16 !== 0) throw new RangeError(`dimensions: expected a multiple of 16, got ${dimensions}`)
  assertInteger('capacity', capacity, 1, 0xffffffff)
  const rowsAt = kernel.reserve(capacity, dimensions * elementBytes) >>> 0
  if (rowsAt === 0) throw new RangeError(`capacity: no memory for ${capacity} rows`)
  // the memory has grown for the last time, so views stay valid
  const elements = new kind(kernel.memory.buffer)
  const resultsMax = kernel.resultsMax.value
  const resultRows = new Uint32Array(kernel.memory.buffer, kernel.resultRows.value, resultsMax)
  const resultScores = new Float32Array(kernel.memory.buffer, kernel.resultScores.value, resultsMax)
  const cosine = metric === 'cosine' ? 1 : 0
  const isInt8 = elementBytes === 1
  const probeAt = kernel.probe.value / elementBytes
  const first = rowsAt / elementBytes
  let size = 0

  function put(row: number, vector: V): void {
    assertVector('row', vector, kind, dimensions, dimensions)
    elements.set(vector, probeAt)
    const accepted = isInt8 ? kernel.setInt8(row, dimensions) : kernel.setFloat(row, dimensions)
    if (accepted !== 1) throw new RangeError('row: has no direction')
  }

  function scan(probe: V, k: number): number {
    assertVector('probe', probe, kind, dimensions, dimensions)
    elements.set(probe, probeAt)
    const count = isInt8 ? kernel.scanInt8(size, dimensions, k, cosine) : kernel.scanFloat(size, dimensions, k, cosine)
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
      elements.fill(0, first, first + size * dimensions)
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
