/** The ways through a gallery (bytes, floats, coarse copies, sign codes) lead to the same result, bit for bit. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createGallery, type Found, type Gallery } from '../../src/wasm/gallery.ts'
import { instantiate, type KernelExports } from '../../src/wasm/load.ts'
import { dot, gaussian, signedBytes, uniform } from '../kit/vectors.ts'
import { BUILDS, memoryOf } from '../kit/wasm.ts'

interface Kernel extends KernelExports {
  readonly probe: WebAssembly.Global
  readonly resultRows: WebAssembly.Global
  readonly resultScores: WebAssembly.Global
  reserve(capacity: number, dimensions: number, floats: number, coarse: number, most: number, vectors: number): number
  set(row: number): number
  clear(count: number): void
  search(count: number, k: number, cosine: number): number
  wordsSuit(): number
}

/** How a kernel is made to go: floats, coarse copies, candidates (0 = all rows), counting by vectors. */
type Way = readonly [floats: 0 | 1, coarse: 0 | 1, most: number, vectors: 0 | 1]

const SCAN: Way = [1, 0, 0, 0]
const COPIES: Way = [1, 1, 0, 0]

for (const build of BUILDS) {
  const test = suite(`wasm/gallery ways ${build}`)

  test('groups of rows end anywhere: 1 … 9 rows, each found, none beyond', () => {
    for (const [floats, coarse] of [
      [0, 0],
      [1, 0],
      [1, 1],
    ] as const) {
      for (let count = 1; count <= 9; count++) {
        const rows = Array.from({ length: 12 }, (_, i) => (floats ? gaussian(48, i + 1) : signedBytes(48, i + 1)))
        const kernel = filled(rows, [floats, coarse, 0, 0])
        for (let i = 0; i < count; i++) {
          const found = search(kernel, rows[i] as Float32Array, count, 64)
          assert.is(found.length, count)
          assert.is(found[0]?.row, i)
          assert.ok(found.every(({ row }) => row < count))
        }
      }
    }
  })

  test('coarse copies rule out nothing that is among the best', () => {
    for (const [name, rows] of Object.entries(families())) {
      const [scan, copies] = [filled(rows, SCAN), filled(rows, COPIES)]
      for (const cosine of [1, 0] as const) {
        for (const [i, k] of [1, 3, 10, 64].entries()) {
          const exactAsBytes = gaussian(64, i + 1).map((value) => (value < 0 ? -1 : 1))
          const near = noisy(rows[i * 7] as Float32Array, i)
          for (const probe of [gaussian(64, i + 1), exactAsBytes, near, rows[i] as Float32Array]) {
            const [a, b] = [scan, copies].map((kernel) => search(kernel, probe, rows.length, k, cosine))
            assert.equal(b, a, `${name}, k = ${k}, ${cosine ? 'cosine' : 'dot'}`)
          }
        }
      }
    }
  })

  test('what the bytes of a probe leave out is allowed for', () => {
    // as bytes, 2.495 is 2 and 2.505 is 3, which puts the row of the even elements first
    const probe = Float32Array.from({ length: 64 }, (_, i) => (i === 0 ? 127 : i % 2 ? 2.495 : 2.505))
    const even = Float32Array.from({ length: 64 }, (_, i) => (i % 2 || i === 2 ? -1 : 1))
    const odd = Float32Array.from({ length: 64 }, (_, i) => (i % 2 || i === 0 ? 1 : -1))
    assert.ok(dot(probe, odd) > dot(probe, even))
    for (const way of [SCAN, COPIES]) {
      // the copies rule out rows of later groups of four only
      assert.is(search(filled([even, even, even, even, odd], way), probe, 5, 1)[0]?.row, 4)
    }
  })

  test('coarse copies keep in step with replaced and cleared rows', () => {
    const rows = Array.from({ length: 50 }, (_, i) => gaussian(64, i))
    const [scan, copies] = [filled(rows, SCAN), filled(rows, COPIES)]
    for (const kernel of [scan, copies]) for (let i = 0; i < 50; i += 3) set(kernel, i, gaussian(64, 1000 + i), 3)
    for (let i = 0; i < 50; i += 7) {
      const probe = gaussian(64, 1000 + i)
      assert.equal(search(copies, probe, 50, 10), search(scan, probe, 50, 10))
    }
    for (const kernel of [scan, copies]) kernel.clear(50)
    for (const kernel of [scan, copies]) for (let i = 0; i < 20; i++) set(kernel, i, gaussian(64, 2000 + i))
    assert.equal(search(copies, gaussian(64, 2007), 20, 20), search(scan, gaussian(64, 2007), 20, 20))
  })

  test('a large gallery of floats goes by the copies and answers as a small one', () => {
    const [large, small] = [1024 * 1024, 500].map((capacity) =>
      createGallery({ kind: 'f32', dimensions: 16, capacity, build }),
    ) as [Gallery<Float32Array>, Gallery<Float32Array>]
    for (let i = 0; i < 500; i++) for (const gallery of [large, small]) gallery.add(gaussian(16, i))
    for (let i = 0; i < 40; i++) {
      assert.equal(large.search(gaussian(16, 900 + i), 10), small.search(gaussian(16, 900 + i), 10))
    }
  })

  test('the candidates are those whose signs differ least, equal ones by row', () => {
    for (const [dimensions, most] of [
      [16, 64],
      [128, 64],
      [144, 80],
      [512, 100],
    ] as const) {
      for (const floats of [0, 1] as const) {
        const rows = Array.from({ length: 700 }, (_, i) =>
          floats ? gaussian(dimensions, i) : signedBytes(dimensions, i),
        )
        for (let i = 0; i < 700; i += 9) rows[i] = rows[(i * 5) % 40] as Float32Array
        const probe = noisy(rows[13] as Float32Array, 7)
        const numbers = candidates(rows, probe, most)
        const these = numbers.map((number) => rows[number] as Float32Array)
        const expected = search(filled(these, [floats, 0, 0, 0]), probe, most, 64).map(({ row, score }) => {
          return { row: numbers[row] as number, score }
        })
        for (const vectors of [0, 1] as const) {
          assert.equal(search(filled(rows, [floats, 0, most, vectors]), probe, 700, 64), expected)
        }
      }
    }
  })

  test('clear leaves nothing of the rows behind', () => {
    for (const way of [[0, 0, 64, 0], COPIES, [1, 0, 64, 1]] as const) {
      const rows = Array.from({ length: 100 }, (_, i) => (way[0] ? gaussian(32, i) : signedBytes(32, i)))
      const kernel = filled(rows, way)
      search(kernel, rows[3] as Float32Array, 100, 1)
      const [first] = rows as [Float32Array]
      const start = Buffer.from(memoryOf(kernel)).indexOf(Buffer.from(first.buffer))
      assert.ok(start > 0, 'the rows lie there, with all that is made of them behind')
      kernel.clear(100)
      const left = memoryOf(kernel)
      assert.ok(left.subarray(start).every((byte) => byte === 0))
      assert.ok(left.subarray(kernel.probe.value, kernel.probe.value + 3136).every((byte) => byte === 0))
    }
  })

  test.run()

  function filled(rows: readonly (Int8Array | Float32Array)[], way: Way): Kernel {
    const kernel = instantiate<Kernel>('match', build)
    assert.is(kernel.reserve(rows.length, rows[0]?.length as number, ...way), 0)
    rows.forEach((row, i) => {
      set(kernel, i, row)
    })
    return kernel
  }
}

const both = suite('wasm/gallery ways both builds')

both('sign codes and copies give the same bits on both builds, however bits are counted', () => {
  const rows = Array.from({ length: 400 }, (_, i) => gaussian(512, i))
  for (const [coarse, most, vectors] of [
    [1, 0, 0],
    [0, 64, 0],
    [0, 64, 1],
  ] as const) {
    const found = BUILDS.map((build) => {
      const kernel = instantiate<Kernel>('match', build)
      kernel.reserve(400, 512, 1, coarse, most, vectors)
      rows.forEach((row, i) => {
        set(kernel, i, row)
      })
      return search(kernel, noisy(rows[100] as Float32Array, 3), 400, 64)
    })
    assert.is(found[0]?.length, 64)
    assert.equal(found[0], found[1])
  }
})

both('an x86 processor counts by words, an ARM one by vectors', () => {
  const expected = new Map([
    ['x64', 1],
    ['arm64', 0],
  ]).get(process.arch)
  for (const build of BUILDS) {
    const answer = instantiate<Kernel>('match', build).wordsSuit()
    assert.is(answer, expected ?? answer)
  }
})

both.run()

/** Rows of 64 floats that are hard on a bound: many alike, of different lengths, of a few large elements. */
function families(): Record<string, Float32Array[]> {
  const make = (row: (i: number) => Float32Array): Float32Array[] => Array.from({ length: 300 }, (_, i) => row(i))
  const base = gaussian(64, 77)
  return {
    random: make((i) => gaussian(64, i)),
    alike: make((i) => base.map((value, j) => value + 1e-4 * (gaussian(64, i)[j] as number))),
    equal: make((i) => (i % 2 ? base : gaussian(64, i % 10))),
    lengths: make((i) => gaussian(64, i).map((value) => value * 10 ** ((i % 13) - 6))),
    spikes: make((i) => gaussian(64, i).map((value, j) => (j === i % 64 ? 1000 : value))),
    tiny: make((i) => gaussian(64, i).map((value) => value * 1e-13)),
    huge: make((i) => gaussian(64, i).map((value) => value * 1e12)),
    negative: make((i) => gaussian(64, i).map((value) => -Math.abs(value))),
  }
}

/** The `most` rows with the fewest different signs, equal ones by number, in ascending order, by a plain loop. */
function candidates(rows: readonly ArrayLike<number>[], probe: ArrayLike<number>, most: number): number[] {
  const ranked = rows
    .map((row, number) => {
      let bits = 0
      for (let i = 0; i < probe.length; i++) if ((row[i] as number) < 0 !== (probe[i] as number) < 0) bits++
      return { number, bits }
    })
    .sort((a, b) => a.bits - b.bits || a.number - b.number)
  return ranked
    .slice(0, most)
    .map(({ number }) => number)
    .sort((a, b) => a - b)
}

function noisy<V extends Int8Array | Float32Array>(vector: V, seed: number): V {
  const next = uniform(seed)
  return vector.map((value) => value * (0.4 + next()) * (next() < 0.1 ? -1 : 1)) as V
}

function write(kernel: Kernel, vector: Int8Array | Float32Array): void {
  const at = kernel.probe.value / vector.BYTES_PER_ELEMENT
  if (vector instanceof Int8Array) new Int8Array(kernel.memory.buffer).set(vector, at)
  else new Float32Array(kernel.memory.buffer).set(vector, at)
}

function set(kernel: Kernel, row: number, vector: Int8Array | Float32Array, factor = 1): void {
  write(kernel, factor === 1 ? vector : vector.map((value) => value * factor))
  assert.is(kernel.set(row), 1)
}

function search(kernel: Kernel, probe: Int8Array | Float32Array, count: number, k: number, cosine = 1): Found[] {
  write(kernel, probe)
  const found = kernel.search(count, k, cosine)
  const rows = new Uint32Array(kernel.memory.buffer, kernel.resultRows.value, 64)
  const scores = new Float32Array(kernel.memory.buffer, kernel.resultScores.value, 64)
  return Array.from({ length: found }, (_, i) => ({ row: rows[i] as number, score: scores[i] as number }))
}
