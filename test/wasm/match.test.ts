/** Templates: the comparison in constant time against a plain loop, the rotation and the quantization. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { instantiate } from '../../src/wasm/load.ts'
import { bestDot, createMatchDoor, matchesAny, quantize, rotate } from '../../src/wasm/match.ts'
import { cosine, dot, gaussian, signedBytes } from '../kit/vectors.ts'
import { BUILDS, memoryOf } from '../kit/wasm.ts'

const signs = (length: number, step = 89): Uint8Array =>
  Uint8Array.from({ length: (3 * length) / 8 }, (_, i) => (i * i * 31 + i * step + 41) & 255)

for (const build of BUILDS) {
  const test = suite(`wasm/match ${build}`)
  const door = createMatchDoor(build)

  test('the verdict and the best dot product are those of a plain loop', () => {
    const sizes = fc.constantFrom(16, 48, 128, 512)
    fc.assert(
      fc.property(
        sizes,
        fc.nat(1e6),
        fc.integer({ min: 1, max: 16 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (...args) => {
          const [length, seed, count, cosineMin] = args
          const probe = signedBytes(length, seed)
          const templates = Array.from({ length: count }, (_, i) =>
            i % 3 === 0 ? noisy(probe, seed + i) : signedBytes(length, seed + i + 1),
          )
          const cosines = templates.map((template) => cosine(probe, template))
          assert.is(
            door.matchesAny(probe, templates, cosineMin),
            cosines.some((value) => value >= cosineMin),
          )
          assert.is(door.bestDot(probe, templates), Math.max(...templates.map((template) => dot(probe, template))))
        },
      ),
      { numRuns: 150 },
    )
  })

  test('the extremes of a byte do not overflow', () => {
    const low = new Int8Array(512).fill(-128)
    const high = new Int8Array(512).fill(127)
    assert.is(door.bestDot(low, [high]), 512 * -128 * 127)
    assert.is(door.bestDot(low, [low, high]), 512 * 128 * 128)
    assert.ok(door.matchesAny(low, [low], 1))
    assert.not.ok(door.matchesAny(low, [high], 0.001))
  })

  test('the threshold is exact: at it matches, above it does not', () => {
    // (3, 4) with (4, 3): cosine 24 / 25
    const [a, b] = [
      [3, 4],
      [4, 3],
    ].map((pair) => Int8Array.from({ length: 16 }, (_, i) => pair[i] ?? 0)) as [Int8Array, Int8Array]
    assert.ok(door.matchesAny(a, [b], 0.96))
    assert.not.ok(door.matchesAny(a, [b], 0.9600001))
  })

  test('zeros and opposites never match, nor does nobody', () => {
    const zero = new Int8Array(512)
    const probe = signedBytes(512, 1)
    const opposite = probe.map((value) => -value)
    assert.not.ok(door.matchesAny(zero, [zero, probe], 1e-9))
    assert.not.ok(door.matchesAny(probe, [zero, opposite], 1e-9))
    assert.not.ok(door.matchesAny(probe, [], 1e-9))
    assert.ok(door.matchesAny(probe, [], 1) === false && door.matchesAny(probe, [opposite, probe], 1))
  })

  test('templates of an earlier call are gone', () => {
    const [probe, other] = [signedBytes(512, 1), signedBytes(512, 2)]
    assert.ok(door.matchesAny(probe, [other, probe, other], 0.9))
    assert.not.ok(door.matchesAny(probe, [other], 0.9))
  })

  test('rotation keeps length, cosine and dot product, and hides the vector', () => {
    for (let seed = 0; seed < 30; seed++) {
      const a = gaussian(512, seed)
      const b = gaussian(512, seed + 100).map((value, i) => value + (seed / 10) * (a[i] as number))
      const [ra, rb] = [a, b].map((vector) => rotated(vector, signs(512))) as [Float32Array, Float32Array]
      assert.ok(Math.abs(cosine(ra, rb) - cosine(a, b)) < 1e-6)
      assert.ok(Math.abs(dot(ra, ra) / dot(a, a) - 1) < 1e-5)
      assert.ok(Math.abs(cosine(ra, a)) < 0.25, 'unlike the original')
      assert.ok(Math.abs(cosine(ra, rotated(a, signs(512, 90)))) < 0.25, 'unlike under another key')
    }
  })

  test('rotation is what the definition says, for every power of two', () => {
    for (const length of [16, 32, 64, 128, 256, 512]) {
      const vector = gaussian(length, length)
      const expected = byDefinition(vector, signs(length))
      rotated(vector, signs(length)).forEach((value, i) => {
        assert.ok(Math.abs(value - (expected[i] as number)) < 1e-5, `${length}, element ${i}`)
      })
    }
  })

  test('quantization is a scaling, rounding and limiting, and keeps the cosine to 2e-3', () => {
    for (let seed = 0; seed < 30; seed++) {
      const [a, b] = [gaussian(512, seed), gaussian(512, seed + 50)]
      const mixed = a.map((value, i) => value + 0.8 * (b[i] as number))
      const [qa, qm] = [quantized(a), quantized(mixed)]
      const scale = 512 / Math.sqrt(dot(a, a))
      qa.forEach((value, i) => {
        assert.ok(Math.abs(value - Math.max(-127, Math.min(127, (a[i] as number) * scale))) < 0.501)
      })
      assert.ok(Math.abs(cosine(qa, qm) - cosine(a, mixed)) < 2e-3)
      assert.ok(Math.abs(Math.sqrt(dot(qa, qa)) / 512 - 1) < 2e-3)
    }
    const spike = new Float32Array(128)
    spike[5] = -3
    assert.is(quantized(spike)[5], -127)
  })

  test('the kernel keeps nothing', () => {
    const clean = memoryOf(instantiate('match', build))
    const kernel = instantiate<Kernel>('match', build)
    const memory = new Int8Array(kernel.memory.buffer)
    const fill = (): void => {
      for (const [at, length] of [
        [kernel.probe.value, 2048],
        [kernel.few.value, 512 * 16],
        [kernel.signs.value, 192],
      ] as const) {
        memory.set(signedBytes(length, at), at)
      }
    }
    for (const call of [() => kernel.anyOfFew(512, 0.2), () => kernel.bestOfFew(16, 512), () => kernel.rotate(512)]) {
      fill()
      call()
      kernel.wipe()
      assert.ok(Buffer.from(memoryOf(kernel)).equals(clean))
    }
    memory.set(signedBytes(2048, 1), kernel.probe.value)
    memory.set(signedBytes(512 * 16, 1), kernel.few.value)
    kernel.anyOfFew(512, 0.2)
    assert.ok(Buffer.from(memoryOf(kernel)).equals(clean), 'without an extra wipe')
  })

  test('misuse is refused', () => {
    const probe = signedBytes(512, 1)
    const vector = gaussian(512, 1)
    const template = signedBytes(512, 2)
    const nan = gaussian(512, 1)
    nan[511] = Number.NaN
    assert.throws(() => door.matchesAny(probe, [template], 0), /cosineMin: expected 0 < x ≤ 1, got 0/)
    assert.throws(() => door.matchesAny(probe, [template], Number.NaN), RangeError)
    assert.throws(
      () =>
        door.matchesAny(
          probe,
          Array.from({ length: 17 }, () => template),
          0.5,
        ),
      /templates.length/,
    )
    assert.throws(() => door.matchesAny(probe, [template, template.subarray(16)], 0.5), /templates\[1\]: expected 512/)
    assert.throws(() => door.matchesAny(probe.subarray(1), [], 0.5), /probe: expected a multiple of 16/)
    assert.throws(() => door.matchesAny(new Uint8Array(512) as never, [], 0.5), /probe: expected a Int8Array/)
    assert.throws(() => door.bestDot(probe, []), /templates.length: expected an integer in 1 … 16, got 0/)
    assert.throws(() => door.rotateInto(vector, vector, signs(256)), /signs: expected 192 bytes, got 96/)
    assert.throws(() => door.rotateInto(vector.subarray(0, 48), vector.subarray(0, 48), signs(48)), /power of two/)
    assert.throws(() => door.quantizeInto(new Int8Array(512), new Float32Array(512)), /no direction/)
    assert.throws(() => door.quantizeInto(new Int8Array(512), nan), /no direction/)
    assert.throws(
      () =>
        door.quantizeInto(
          new Int8Array(512),
          vector.map(() => 1e30),
        ),
      /no direction/,
    )
    assert.throws(() => door.quantizeInto(new Int8Array(128), vector), /out: expected 512 elements, got 128/)
  })

  test.run()

  function rotated(vector: Float32Array, key: Uint8Array): Float32Array {
    const out = new Float32Array(vector.length)
    door.rotateInto(out, vector, key)
    return out
  }

  function quantized(vector: Float32Array): Int8Array {
    const out = new Int8Array(vector.length)
    door.quantizeInto(out, vector)
    return out
  }
}

const both = suite('wasm/match both builds')

both('rotation and quantization are bit-identical', () => {
  const [scalar, simd] = BUILDS.map((build) => createMatchDoor(build))
  for (const length of [16, 64, 128, 512]) {
    for (let seed = 0; seed < 20; seed++) {
      const vector = gaussian(length, seed)
      const [a, b] = [scalar, simd].map((door) => {
        const turned = new Float32Array(length)
        const bytes = new Int8Array(length)
        door?.rotateInto(turned, vector, signs(length))
        door?.quantizeInto(bytes, turned)
        return Buffer.concat([Buffer.from(turned.buffer), Buffer.from(bytes.buffer)])
      })
      assert.ok(a?.equals(b as Buffer))
    }
  }
})

both('the conveniences use the default build', () => {
  const vector = gaussian(512, 5)
  const template = quantize(rotate(vector, signs(512)))
  assert.ok(matchesAny(template, [template], 1))
  assert.is(bestDot(template, [template]), dot(template, template))
})

both.run()

interface Kernel {
  readonly memory: WebAssembly.Memory
  readonly probe: WebAssembly.Global
  readonly few: WebAssembly.Global
  readonly signs: WebAssembly.Global
  bestOfFew(count: number, dimensions: number): number
  anyOfFew(dimensions: number, leastSquared: number): number
  rotate(dimensions: number): void
  wipe(): void
}

function noisy(vector: Int8Array, seed: number): Int8Array {
  const noise = signedBytes(vector.length, seed)
  return vector.map((value, i) => (value >> 1) + ((noise[i] as number) >> (1 + (seed % 3))))
}

/** Three times: flip signs, then multiply by the Hadamard matrix, whose element (i, j) is (−1)^popcount(i & j). */
function byDefinition(vector: Float32Array, key: Uint8Array): number[] {
  const length = vector.length
  let now = Array.from(vector)
  for (let round = 0; round < 3; round++) {
    const bit = (i: number): number => ((key[(round * length) / 8 + (i >> 3)] as number) >> (i & 7)) & 1
    const flipped = now.map((value, i) => (bit(i) === 1 ? -value : value))
    now = flipped.map((_, i) => {
      return flipped.reduce((sum, value, j) => sum + (parity(i & j) === 1 ? -value : value), 0) / Math.sqrt(length)
    })
  }
  return now
}

function parity(number: number): number {
  let bits = 0
  for (let rest = number; rest > 0; rest >>= 1) bits ^= rest & 1
  return bits
}
