/** Bitmaps of nodes against loops over bits, on both builds, up to the greatest number of nodes and the greatest weights. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Bitmaps, createBitmaps } from '../../src/wasm/bitmap.ts'
import { BUILDS } from '../kit/wasm.ts'

function bitmapOf(nodes: Iterable<number>, bytes: number): Uint8Array {
  const bitmap = new Uint8Array(bytes)
  for (const node of nodes) bitmap[node >> 3] = (bitmap[node >> 3] as number) | (1 << (node & 7))
  return bitmap
}

function assertSums(bitmaps: Bitmaps, weights: readonly number[], nodes: ReadonlySet<number>): void {
  const bitmap = bitmapOf(nodes, bitmaps.bytes)
  let weight = 0n
  for (const node of nodes) weight += BigInt(weights[node] as number)
  assert.is(bitmaps.count(bitmap), nodes.size)
  assert.is(BigInt(bitmaps.weightOf(bitmap)), weight)
}

for (const build of BUILDS) {
  const test = suite(`wasm/bitmap ${build}`)

  test('any nodes with any weights: united, counted, weighed', () => {
    const weight = fc.oneof(fc.nat(3), fc.integer({ min: 0xfffffff0, max: 0xffffffff }), fc.nat(0xffffffff))
    const nodes = fc.uniqueArray(fc.nat(599), { maxLength: 600 })
    fc.assert(
      fc.property(fc.array(weight, { minLength: 1, maxLength: 600 }), nodes, nodes, (weights, some, others) => {
        const bitmaps = createBitmaps({ weights, build })
        assert.is(bitmaps.bytes, 4 * Math.ceil(weights.length / 32))
        const [a, b] = [some, others].map((list) => new Set(list.filter((node) => node < weights.length))) as [
          Set<number>,
          Set<number>,
        ]
        assertSums(bitmaps, weights, a)
        const into = bitmapOf(a, bitmaps.bytes)
        const other = bitmapOf(b, bitmaps.bytes)
        bitmaps.orBitmap(into, other)
        assert.equal(into, bitmapOf(new Set([...a, ...b]), bitmaps.bytes))
        assert.equal(other, bitmapOf(b, bitmaps.bytes), 'the other one stays')
        assertSums(bitmaps, weights, new Set([...a, ...b]))
      }),
      { numRuns: 150 },
    )
  })

  test('65,536 nodes of the greatest weight: an exact sum', () => {
    const weights = new Uint32Array(65_536).fill(0xffffffff)
    const bitmaps = createBitmaps({ weights, build })
    const all = new Uint8Array(bitmaps.bytes).fill(255)
    assert.is(bitmaps.bytes, 8192)
    assert.is(bitmaps.weightOf(all), 65_536 * 0xffffffff)
    assert.is(bitmaps.total, 65_536 * 0xffffffff)
    assert.is(bitmaps.count(all), 65_536)
    all[8191] = 0x7f
    assert.is(bitmaps.weightOf(all), 65_535 * 0xffffffff)
  })

  test('every node by itself has its own weight', () => {
    const weights = Array.from({ length: 300 }, (_, node) => 7 * node + 1)
    const bitmaps = createBitmaps({ weights, build })
    for (let node = 0; node < 300; node++) assertSums(bitmaps, weights, new Set([node]))
    assertSums(bitmaps, weights, new Set())
  })

  test('two sets of nodes do not meet', () => {
    const one = createBitmaps({ weights: [1, 2, 3], build })
    const two = createBitmaps({ weights: [10, 20, 30], build })
    const bitmap = bitmapOf([0, 2], 4)
    assert.is(one.weightOf(bitmap), 4)
    assert.is(two.weightOf(bitmap), 40)
  })

  test('misuse is refused', () => {
    assert.throws(
      () => createBitmaps({ weights: [], build }),
      /weights.length: expected an integer in 1 … 65536, got 0/,
    )
    assert.throws(() => createBitmaps({ weights: new Uint32Array(65_537), build }), RangeError)
    assert.throws(() => createBitmaps({ weights: [1, -1], build }), /weights\[1\]/)
    assert.throws(() => createBitmaps({ weights: [1, 2 ** 32], build }), /weights\[1\]/)
    const bitmaps = createBitmaps({ weights: Array.from({ length: 40 }, () => 1), build })
    const right = new Uint8Array(8)
    assert.throws(() => bitmaps.weightOf(new Uint8Array(5)), /bitmap: expected 8 bytes, got 5/)
    assert.throws(() => bitmaps.count('x' as unknown as Uint8Array), TypeError)
    assert.throws(() => bitmaps.orBitmap(right, new Uint8Array(12)), /other: expected 8 bytes/)
    assert.throws(() => bitmaps.orBitmap(new Uint8Array(4), right), /into: expected 8 bytes/)
    for (const node of [40, 47, 63]) {
      assert.throws(() => bitmaps.count(bitmapOf([node], 8)), /bitmap: has a bit of none of 40 nodes/)
    }
    assert.is(bitmaps.count(bitmapOf([39], 8)), 1)
  })

  test.run()
}
