/** The pre-filter of a gallery: what it finds, that it keeps in step with the rows, and a gallery of a million rows. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createGallery, type Gallery } from '../../src/wasm/gallery.ts'
import { createMatchDoor } from '../../src/wasm/match.ts'
import { gaussian, signedBytes, uniform } from '../kit/vectors.ts'
import { BUILDS } from '../kit/wasm.ts'

for (const build of BUILDS) {
  const test = suite(`wasm/gallery prefilter ${build}`)
  const door = createMatchDoor(build)

  test('with as many candidates as rows, it is the exact search', () => {
    for (const kind of ['int8', 'f32'] as const) {
      const make = kind === 'int8' ? signedBytes : gaussian
      const [exact, filtered] = [undefined, { candidates: 200 }].map((prefilter) => {
        const gallery = createGallery({
          kind: kind as 'f32',
          dimensions: 64,
          capacity: 300,
          build,
          ...(prefilter && { prefilter }),
        })
        for (let i = 0; i < 200; i++) gallery.add(make(64, i) as Float32Array)
        return gallery
      }) as [Gallery<Float32Array>, Gallery<Float32Array>]
      for (let i = 0; i < 10; i++) {
        const probe = make(64, 500 + i) as Float32Array
        assert.equal(filtered.search(probe, 64), exact.search(probe, 64))
      }
    }
  })

  test('people are found among strangers who resemble each other; a gallery of bytes and one of floats agree', () => {
    const { rows, probes } = crowd(4_000, 60)
    const bytes = gallery(rows.map(quantized), 64)
    const floats = gallery(rows, 64)
    const whole = gallery(rows, 65_536)
    let found = 0
    for (const probe of probes) {
      const best = whole.search(probe, 1)[0]?.row
      if (bytes.search(quantized(probe), 1)[0]?.row === best && floats.search(probe, 1)[0]?.row === best) found++
    }
    assert.is(found, probes.length)
  })

  test('a filter that is too narrow does miss rows, so that the tests above can fail', () => {
    const rows = Array.from({ length: 5_000 }, (_, i) => gaussian(16, i))
    const [narrow, whole] = [gallery(rows, 64), gallery(rows, 65_536)]
    const same = Array.from({ length: 20 }, (_, i) => {
      const probe = gaussian(16, 9_000 + i)
      return narrow.search(probe, 1)[0]?.row === whole.search(probe, 1)[0]?.row
    })
    assert.ok(same.includes(false))
  })

  test('signs keep in step with replaced and cleared rows', () => {
    const rows = Array.from({ length: 500 }, (_, i) => gaussian(128, i))
    const filtered = gallery(rows, 64)
    filtered.replace(499, gaussian(128, 7_000))
    assert.is(filtered.search(gaussian(128, 7_000), 1)[0]?.row, 499)
    assert.ok((filtered.search(gaussian(128, 499), 1)[0]?.score as number) < 0.9, 'the old row is gone')
    assert.throws(() => filtered.replace(499, new Float32Array(128)), /no direction/)
    assert.is(filtered.search(gaussian(128, 7_000), 1)[0]?.row, 499)
    filtered.clear()
    assert.equal(filtered.search(gaussian(128, 1), 5), [])
    for (let i = 0; i < 100; i++) filtered.add(gaussian(128, 8_000 + i))
    assert.is(filtered.search(gaussian(128, 8_042), 64)[0]?.row, 42)
  })

  test('misuse is refused', () => {
    const make = (candidates: number) => () =>
      createGallery({ kind: 'int8', dimensions: 32, capacity: 10, build, prefilter: { candidates } })
    assert.throws(make(63), /prefilter.candidates: expected an integer in 64 … 65536, got 63/)
    assert.throws(make(65_537), /prefilter.candidates/)
    assert.throws(make(100.5), /prefilter.candidates/)
    assert.is(createGallery({ kind: 'int8', dimensions: 32, capacity: 10, build, prefilter: {} }).size, 0)
    const tooLarge = (): unknown => createGallery({ kind: 'f32', dimensions: 512, capacity: 2_100_000, build })
    assert.throws(tooLarge, /capacity: no memory for 2100000 rows: more than 4 GiB/)
  })

  test.run()

  function gallery<V extends Int8Array | Float32Array>(rows: readonly V[], candidates: number): Gallery<V> {
    const made = createGallery({
      kind: (rows[0] instanceof Int8Array ? 'int8' : 'f32') as 'f32',
      dimensions: rows[0]?.length as number,
      capacity: rows.length,
      build,
      prefilter: { candidates },
    }) as unknown as Gallery<V>
    for (const row of rows) made.add(row)
    return made
  }

  function quantized(vector: Float32Array): Int8Array {
    const out = new Int8Array(vector.length)
    door.quantizeInto(out, vector)
    return out
  }
}

const whole = suite('wasm/gallery whole')

whole('a million rows, one of them the probe', () => {
  for (const prefilter of [undefined, { candidates: 64 }]) {
    const gallery = createGallery({
      kind: 'int8',
      dimensions: 16,
      capacity: 1_000_000,
      ...(prefilter && { prefilter }),
    })
    const next = uniform(1)
    const row = new Int8Array(16)
    for (let i = 0; i < 1_000_000; i++) {
      for (let j = 0; j < 16; j += 4) {
        const value = Math.floor(2 ** 32 * next())
        row[j] = value
        row[j + 1] = value >> 8
        row[j + 2] = value >> 16
        row[j + 3] = (value >> 24) | 1
      }
      gallery.add(i === 999_998 ? sought() : row)
    }
    assert.throws(() => gallery.add(row), /holds its 1000000 rows/)
    const [best] = gallery.search(sought(), 10)
    assert.is(best?.row, 999_998)
    assert.ok(Math.abs((best?.score as number) - 1) < 1e-6)
  }
})

whole('searchInto leaves no garbage', () => {
  const gallery = createGallery({ kind: 'int8', dimensions: 128, capacity: 4 })
  gallery.add(signedBytes(128, 1))
  const [rows, scores, probe] = [new Uint32Array(4), new Float32Array(4), signedBytes(128, 2)]
  const search = (times: number): void => {
    for (let i = 0; i < times; i++) gallery.searchInto(rows, scores, probe)
  }
  search(30_000)
  const grown = Array.from({ length: 5 }, () => {
    const before = process.memoryUsage().heapUsed
    search(50_000)
    return process.memoryUsage().heapUsed - before
  })
  // an object per call would be two megabytes or more; a collection in between only makes it less
  assert.ok(Math.max(...grown.sort((a, b) => a - b).slice(0, 3)) < 500_000, `${grown}`)
})

whole.run()

function sought(): Int8Array {
  return Int8Array.from({ length: 16 }, (_, i) => (i % 2 ? 127 : -120) >> (i % 5))
}

/**
 * `count` embeddings of 512 floats that lie about 40 directions, so that strangers come to cosines of up to 0.7, and
 * probes of `people` of them that have a cosine of about 0.75 with their row.
 */
function crowd(count: number, people: number): { rows: Float32Array[]; probes: Float32Array[] } {
  const directions = Array.from({ length: 40 }, (_, i) => gaussian(512, 50_000 + i))
  const rows = Array.from({ length: count }, (_, i) => {
    const weights = gaussian(40, i)
    const row = gaussian(512, 100_000 + i).map((value) => 4 * value)
    directions.forEach((direction, d) => {
      for (let j = 0; j < 512; j++) row[j] = (row[j] as number) + (weights[d] as number) * (direction[j] as number)
    })
    return row
  })
  const probes = Array.from({ length: people }, (_, i) => {
    const noise = gaussian(512, 200_000 + i)
    return (rows[i * 61] as Float32Array).map((value, j) => value + 6.5 * (noise[j] as number))
  })
  return { rows, probes }
}
