/** The gallery: against a plain loop, ties, bounds, and the same bits from both builds. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createGallery, type Found, type Gallery } from '../../src/wasm/gallery.ts'
import { cosine, dot, gaussian, signedBytes } from '../kit/vectors.ts'
import { BUILDS } from '../kit/wasm.ts'

type Vector = Int8Array | Float32Array

/** All rows by a plain loop, best first, equal ones by number. */
function ranked(rows: readonly Vector[], probe: Vector, score: (a: Vector, b: Vector) => number): Found[] {
  return rows
    .map((row, number) => ({ row: number, score: score(row, probe) }))
    .sort((a, b) => b.score - a.score || a.row - b.row)
}

function assertNear(found: readonly Found[], expected: readonly Found[], tolerance: number): void {
  assert.is(found.length, expected.length)
  found.forEach(({ row, score }, i) => {
    assert.is(row, expected[i]?.row, `place ${i}`)
    assert.ok(Math.abs(score - (expected[i]?.score as number)) <= tolerance, `place ${i}: ${score}`)
  })
}

for (const build of BUILDS) {
  const test = suite(`wasm/gallery ${build}`)

  test('bytes: the best are those of a plain loop, at every size', () => {
    for (const dimensions of [16, 128, 144, 512]) {
      for (const metric of ['cosine', 'dot'] as const) {
        const gallery = createGallery({ kind: 'int8', dimensions, capacity: 300, metric, build })
        const rows = Array.from({ length: 300 }, (_, i) => signedBytes(dimensions, i + dimensions))
        rows.forEach((row, i) => {
          assert.is(gallery.add(row), i)
        })
        const probe = signedBytes(dimensions, 9999)
        const expected = ranked(rows, probe, metric === 'cosine' ? cosine : dot)
        for (const k of [1, 5, 64]) {
          assertNear(gallery.search(probe, k), expected.slice(0, k), metric === 'cosine' ? 1e-6 : 0)
        }
      }
    }
  })

  test('floats: the best are those of a plain loop', () => {
    for (const dimensions of [16, 128, 512]) {
      for (const metric of ['cosine', 'dot'] as const) {
        const gallery = createGallery({ kind: 'f32', dimensions, capacity: 200, metric, build })
        const rows = Array.from({ length: 200 }, (_, i) => gaussian(dimensions, i + 7 * dimensions))
        for (const row of rows) gallery.add(row)
        const probe = gaussian(dimensions, 4242)
        const expected = ranked(rows, probe, metric === 'cosine' ? cosine : dot)
        assertNear(gallery.search(probe, 10), expected.slice(0, 10), metric === 'cosine' ? 1e-6 : 1e-4)
      }
    }
  })

  test('a row finds itself with cosine 1; equal rows come in order', () => {
    const gallery = createGallery({ kind: 'int8', dimensions: 128, capacity: 10, build })
    const row = signedBytes(128, 1)
    for (const add of [signedBytes(128, 2), row, signedBytes(128, 3), row, row]) gallery.add(add)
    const found = gallery.search(row, 5)
    assert.equal(
      found.slice(0, 3).map(({ row: number }) => number),
      [1, 3, 4],
    )
    assert.ok(found.slice(0, 3).every(({ score }) => Math.abs(score - 1) < 1e-6))
  })

  test('searchInto writes what search returns; an empty gallery finds nothing', () => {
    const gallery = createGallery({ kind: 'f32', dimensions: 64, capacity: 20, build })
    const rows = new Uint32Array(8)
    const scores = new Float32Array(8)
    assert.is(gallery.searchInto(rows, scores, gaussian(64, 1)), 0)
    for (let i = 0; i < 5; i++) gallery.add(gaussian(64, i))
    assert.is(gallery.searchInto(rows, scores, gaussian(64, 3)), 5)
    const found = gallery.search(gaussian(64, 3), 8)
    assert.equal(
      [...rows.subarray(0, 5)],
      found.map(({ row }) => row),
    )
    assert.equal(
      [...scores.subarray(0, 5)],
      found.map(({ score }) => score),
    )
    assert.is(found[0]?.row, 3)
  })

  test('replace, clear, and a refused row leaves what was there', () => {
    const gallery = createGallery({ kind: 'f32', dimensions: 32, capacity: 2, build })
    gallery.add(gaussian(32, 1))
    gallery.add(gaussian(32, 2))
    assert.throws(() => gallery.add(gaussian(32, 3)), /holds its 2 rows/)
    assert.throws(() => gallery.replace(1, new Float32Array(32)), /no direction/)
    assert.is(gallery.search(gaussian(32, 2), 1)[0]?.row, 1)
    gallery.replace(1, gaussian(32, 5))
    assert.ok((gallery.search(gaussian(32, 5), 1)[0]?.score as number) > 0.999999)
    assert.throws(() => gallery.replace(2, gaussian(32, 5)), /row: expected an integer in 0 … 1, got 2/)
    gallery.clear()
    assert.is(gallery.size, 0)
    assert.equal(gallery.search(gaussian(32, 5), 3), [])
    assert.is(gallery.add(gaussian(32, 6)), 0)
  })

  test('misuse is refused', () => {
    const make = (dimensions: number, capacity: number) => () =>
      createGallery({ kind: 'int8', dimensions, capacity, build })
    assert.throws(make(8, 1), /dimensions: expected an integer in 16 … 512, got 8/)
    assert.throws(make(24, 1), /multiple of 16/)
    assert.throws(make(512, 0), /capacity/)
    assert.throws(make(512, 0xffffffff), /no memory for 4294967295 rows/)
    const gallery = make(32, 4)()
    assert.throws(() => gallery.add(signedBytes(16, 1)), /row: expected 32 elements, got 16/)
    assert.throws(() => gallery.add(gaussian(32, 1) as never), TypeError)
    assert.throws(() => gallery.add(new Int8Array(32)), /row: has no direction/)
    gallery.add(signedBytes(32, 1))
    assert.throws(() => gallery.search(new Int8Array(32), 1), /probe: has no direction/)
    assert.throws(() => gallery.search(signedBytes(32, 1), 65), /k: expected an integer in 1 … 64, got 65/)
    assert.is(gallery.size, 1)
  })

  test.run()
}

const both = suite('wasm/gallery both builds')

both('scores are bit-identical', () => {
  for (const dimensions of [16, 112, 512]) {
    const bytes = BUILDS.map((build) => createGallery({ kind: 'int8', dimensions, capacity: 100, build }))
    const floats = BUILDS.map((build) => createGallery({ kind: 'f32', dimensions, capacity: 100, build }))
    assertIdentical(bytes, (seed) => signedBytes(dimensions, seed))
    assertIdentical(floats, (seed) => gaussian(dimensions, seed))
  }
})

both.run()

function assertIdentical<V>(galleries: readonly Gallery<V>[], make: (seed: number) => V): void {
  const [a, b] = galleries.map((gallery) => {
    for (let i = 0; i < 100; i++) gallery.add(make(i))
    return gallery.search(make(1000), 64)
  })
  assert.is(a?.length, 64)
  assert.equal(a, b)
}
