/**
 * Matching on any target: verdicts and ranks against plain loops, and every bit of every score and template in the
 * digest, because nodes that round differently would not find the same person.
 */

import { createGallery, type Found, type Gallery } from '../../../src/wasm/gallery.ts'
import type { Build } from '../../../src/wasm/load.ts'
import { createMatchDoor, type MatchDoor } from '../../../src/wasm/match.ts'
import { cosine, dot } from '../vectors.ts'
import { Chance } from './chance.ts'
import type { Extent, Ledger } from './ledger.ts'

type Vector = Int8Array | Float32Array
const DIMENSIONS = [16, 48, 128, 144, 512]

/** Asks one build everything about matching. */
export function matchVectors(ledger: Ledger, build: Build, extent: Extent): void {
  const door = createMatchDoor(build)
  verdicts(ledger, door, extent)
  templates(ledger, door, extent)
  large(ledger, build, extent)
  for (const metric of ['cosine', 'dot'] as const) {
    for (const dimensions of DIMENSIONS) {
      const rows = extent === 'all' ? 130 : 70
      const options = { dimensions, capacity: rows, metric, build }
      const chance = new Chance(31 + dimensions)
      const bytes = createGallery({ kind: 'int8', ...options })
      ranks(ledger, `${metric} of ${dimensions} bytes`, bytes, metric, rows, () => chance.signed(dimensions))
      const floats = createGallery({ kind: 'f32', ...options })
      ranks(ledger, `${metric} of ${dimensions} floats`, floats, metric, rows, () => chance.floats(dimensions))
    }
  }
}

function verdicts(ledger: Ledger, door: MatchDoor, extent: Extent): void {
  const chance = new Chance(32)
  for (let i = 0; i < (extent === 'all' ? 1200 : 100); i++) {
    const length = chance.one(DIMENSIONS)
    const probe = chance.signed(length)
    const few = Array.from({ length: chance.integer(1, 16) }, () => near(probe, chance))
    // a threshold of few digits, and an exact one: that of a template itself
    const cosines = few.map((template) => cosine(probe, template))
    const cosineMin = chance.integer(1, 100) / 100
    const expected = cosines.some((value) => value >= cosineMin)
    ledger.answer(`verdict ${i}`, door.matchesAny(probe, few, cosineMin), expected)
    const best = Math.max(...few.map((template) => dot(probe, template)))
    ledger.answer(`best ${i}`, door.bestDot(probe, few), best)
  }
  const [low, high] = [new Int8Array(512).fill(-128), new Int8Array(512).fill(127)]
  ledger.answer('least product', door.bestDot(low, [high]), 512 * -128 * 127)
  ledger.answer('greatest product', door.bestDot(low, [high, low]), 512 * 128 * 128)
  ledger.answer('nobody', door.matchesAny(low, [], 0.01), false)
  ledger.answer('zeros', door.matchesAny(new Int8Array(512), [low, new Int8Array(512)], 1e-9), false)
  // cosine 24 / 25: at the threshold, and a hair above it
  const [a, b] = [Int8Array.of(3, 4, ...new Array(14).fill(0)), Int8Array.of(4, 3, ...new Array(14).fill(0))]
  ledger.answer('at the threshold', door.matchesAny(a, [b], 0.96), true)
  ledger.answer('above the threshold', door.matchesAny(a, [b], 0.9600001), false)
}

/** Rotation and quantization: the bits, and that they keep the cosine. */
function templates(ledger: Ledger, door: MatchDoor, extent: Extent): void {
  const chance = new Chance(33)
  for (let i = 0; i < (extent === 'all' ? 300 : 30); i++) {
    const length = chance.one([16, 32, 64, 128, 256, 512])
    const signs = chance.bytes((3 * length) / 8)
    const one = chance.floats(length)
    const other = chance.floats(length).map((value, at) => value + (one[at] as number))
    const [a, b] = [one, other].map((vector) => {
      const turned = new Float32Array(length)
      const quantized = new Int8Array(length)
      door.rotateInto(turned, vector, signs)
      door.quantizeInto(quantized, turned)
      ledger.sound(`rotated ${i}`, bits(turned), Math.abs(dot(turned, turned) / dot(vector, vector) - 1) < 1e-5)
      ledger.sound(`quantized ${i}`, bits(quantized), cosine(turned, quantized) > 0.999)
      return quantized
    }) as [Int8Array, Int8Array]
    ledger.sound(`kept ${i}`, dot(a, b), Math.abs(cosine(a, b) - cosine(one, other)) < 0.02)
  }
}

function ranks<V extends Vector>(
  ledger: Ledger,
  name: string,
  gallery: Gallery<V>,
  metric: 'cosine' | 'dot',
  count: number,
  make: () => V,
): void {
  const rows = Array.from({ length: count }, make)
  // equal rows, which must come in order
  for (let i = 10; i + 3 < count; i += 10) rows[i + 3] = rows[i] as V
  const score = metric === 'cosine' ? cosine : dot
  const probes = [make(), rows[0] as V, rows[10] as V]
  rows.forEach((row, i) => {
    gallery.add(row)
    if (i < 5 || i === 32 || i === count - 1) {
      for (const probe of probes) {
        const expected = rows.slice(0, i + 1).map((one) => score(one, probe))
        for (const k of [1, 10, 64]) {
          const found = gallery.search(probe, k)
          ledger.sound(`${name}, ${k} of ${i + 1}`, toBytes(found), sameRanks(found, expected, k))
        }
      }
    }
  })
}

/** Enough rows for every way through them: coarse copies of floats, and signs first. */
function large(ledger: Ledger, build: Build, extent: Extent): void {
  for (const dimensions of [128, 512]) {
    const options = { capacity: extent === 'all' && dimensions === 128 ? 2_200 : 600, build }
    for (const filter of [{}, { prefilter: { candidates: 64 } }]) {
      const bytes = createGallery({ kind: 'int8', dimensions, ...options, ...filter })
      known(ledger, bytes, dimensions, options.capacity, filter, (row) => row)
      const floats = createGallery({ kind: 'f32', dimensions, ...options, ...filter })
      // a division that leaves no bit of a float idle
      const make = (row: Int8Array) => Float32Array.from(row, (value) => value / 37)
      known(ledger, floats, dimensions, options.capacity, filter, make)
    }
  }
}

/** A gallery finds rows by probes like them; unless pre-filtered, all that come next, too. */
function known<V extends Vector>(
  ledger: Ledger,
  gallery: Gallery<V>,
  dimensions: number,
  count: number,
  filter: object,
  make: (row: Int8Array) => V,
): void {
  const chance = new Chance(34 + dimensions)
  const rows = Array.from({ length: count }, () => chance.signed(dimensions))
  const vectors = rows.map(make)
  for (const vector of vectors) gallery.add(vector)
  for (const wanted of [0, 99, 599]) {
    const probe = make(near(rows[wanted] as Int8Array, chance, 2))
    const scores = vectors.map((vector) => cosine(vector, probe))
    const found = gallery.search(probe, 64)
    const areScores = found.every(({ row, score }) => Math.abs(score - (scores[row] as number)) < 1e-5)
    const right = 'prefilter' in filter ? areScores && found.length === 64 : sameRanks(found, scores, 64)
    const name = `${probe.constructor.name} of ${dimensions}, ${count} rows, ${JSON.stringify(filter)}`
    ledger.sound(name, toBytes(found), right && found[0]?.row === wanted)
  }
}

/**
 * Whether scores fall, are those of their rows, are the greatest there are, and equal ones come in the order of rows.
 *
 * @param expected scores of all rows, in double precision
 * @param k results asked for
 */
export function sameRanks(found: readonly Found[], expected: readonly number[], k: number): boolean {
  const best = Float64Array.from(expected).sort().reverse()
  const right = found.every(({ row, score }, i) => {
    const tolerance = 1e-5 * Math.max(1, Math.abs(score))
    const before = found[i - 1]
    return (
      Math.abs(score - (expected[row] as number)) <= tolerance &&
      Math.abs(score - (best[i] as number)) <= tolerance &&
      (before === undefined || before.score > score || (before.score === score && before.row < row))
    )
  })
  return right && found.length === Math.min(k, expected.length)
}

/** Every bit of what was found. */
function toBytes(found: readonly Found[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * found.length))
  found.forEach(({ row, score }, i) => {
    view.setUint32(8 * i, row)
    view.setFloat32(8 * i + 4, score)
  })
  return new Uint8Array(view.buffer)
}

/** Something between a copy and noise, the less of that the greater `shift` is. */
export function near(probe: Int8Array, chance: Chance, shift = chance.integer(0, 8)): Int8Array {
  const noise = chance.signed(probe.length)
  return probe.map((value, i) => (value >> 1) + ((noise[i] as number) >> shift))
}

function bits(vector: Vector): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
}
