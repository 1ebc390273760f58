/**
 * One person's templates in WebAssembly: a comparison in constant time of a probe with a few of them, and the keyed
 * rotation and quantization that make them. (One probe against many rows is `gallery.ts`.)
 *
 * Dimensions are multiples of 16, at most 512. Everything is wiped from the kernel's memory before a call returns. Both
 * builds give bit-identical results, floats included.
 */

import { assertBytes, assertInteger, assertVector } from './check.ts'
import { type Build, instantiate, type KernelExports, kernelBuild } from './load.ts'

interface MatchExports extends KernelExports {
  readonly dimensionsMax: WebAssembly.Global
  readonly templatesMax: WebAssembly.Global
  readonly probe: WebAssembly.Global
  readonly few: WebAssembly.Global
  readonly signs: WebAssembly.Global
  bestOfFew(count: number, dimensions: number): number
  anyOfFew(dimensions: number, leastSquared: number): number
  rotate(dimensions: number): void
  quantize(dimensions: number, length: number): number
  wipe(): void
}

/** One-to-few matching and the making of templates, on one build of the kernel. */
export interface MatchDoor {
  readonly build: Build
  /**
   * Whether the cosine of `probe` with any of 0 … 16 templates is at least `cosineMin` (0 < cosineMin ≤ 1). The time
   * taken depends on the dimensions alone: not on the content, not on the verdict; all 16 places are filled and compared however
   * many templates there are. Integers are multiplied and summed; only the bound, with `cosineMin` squared, is rounded, the same way everywhere. A probe of
   * zeros matches nothing.
   */
  matchesAny(probe: Int8Array, templates: readonly Int8Array[], cosineMin: number): boolean
  /** Greatest dot product of `probe` with 1 … 16 templates, in constant time like `matchesAny`. */
  bestDot(probe: Int8Array, templates: readonly Int8Array[]): number
  /**
   * Rotates `vector` (16, 32, … 512 floats, a power of two) by a key into `out`, which may be `vector`: three rounds
   * of sign flips and orthonormal Walsh–Hadamard transforms. Dot products and cosines of vectors rotated by one key
   * are what they were, to about 1e-6. `signs` is 3 × length / 8 bytes expanded from a secret seed; bit j of byte i
   * flips element 8i + j.
   */
  rotateInto(out: Float32Array, vector: Float32Array, signs: Uint8Array): void
  /**
   * Quantizes `vector` (16 … 512 floats, any length but zero) into `out`: it is scaled to the length √(512 ×
   * dimensions), which makes the root mean square of an element 22.6, rounded half to even and limited to ±127 (5.6 of
   * those). So the cosine of two results, dot / (|a||b|), is that of the vectors to about 1e-3, and |a| ≈ |b| ≈ √(512
   * × dimensions). Throws a RangeError if the vector has no direction (zero, not finite).
   */
  quantizeInto(out: Int8Array, vector: Float32Array): void
}

/** A door onto a new instance of the kernel. */
export function createMatchDoor(build: Build = kernelBuild('match')): MatchDoor {
  const kernel = instantiate<MatchExports>('match', build)
  const bytes = new Int8Array(kernel.memory.buffer)
  const floats = new Float32Array(kernel.memory.buffer)
  const probeAt = kernel.probe.value
  const few = kernel.few.value
  const dimensionsMax = kernel.dimensionsMax.value
  const templatesMax = kernel.templatesMax.value
  const zeros = new Int8Array(dimensionsMax)

  function set(probe: Int8Array, templates: readonly Int8Array[], least: number): void {
    assertVector('probe', probe, Int8Array, dimensionsMax)
    assertInteger('templates.length', templates.length, least, templatesMax)
    templates.forEach((template, i) => {
      assertVector(`templates[${i}]`, template, Int8Array, dimensionsMax)
      if (template.length !== probe.length) {
        throw new RangeError(`templates[${i}]: expected ${probe.length} elements, got ${template.length}`)
      }
    })
    bytes.set(probe, probeAt)
    const nothing = zeros.subarray(0, probe.length)
    for (let i = 0; i < templatesMax; i++) bytes.set(templates[i] ?? nothing, few + i * probe.length)
  }

  return {
    build,
    matchesAny(probe, templates, cosineMin) {
      if (!(cosineMin > 0 && cosineMin <= 1)) throw new RangeError(`cosineMin: expected 0 < x ≤ 1, got ${cosineMin}`)
      set(probe, templates, 0)
      return kernel.anyOfFew(probe.length, cosineMin * cosineMin) === 1
    },
    bestDot(probe, templates) {
      set(probe, templates, 1)
      return kernel.bestOfFew(templates.length, probe.length)
    },
    rotateInto(out, vector, signs) {
      assertVector('vector', vector, Float32Array, dimensionsMax)
      const count = vector.length
      if ((count & (count - 1)) !== 0) throw new RangeError(`vector: expected a power of two elements, got ${count}`)
      assertVector('out', out, Float32Array, dimensionsMax, count)
      assertBytes('signs', signs, (3 * count) / 8)
      floats.set(vector, probeAt / 4)
      bytes.set(signs, kernel.signs.value)
      kernel.rotate(count)
      out.set(floats.subarray(probeAt / 4, probeAt / 4 + count))
      kernel.wipe()
    },
    quantizeInto(out, vector) {
      assertVector('vector', vector, Float32Array, dimensionsMax)
      const count = vector.length
      assertVector('out', out, Int8Array, dimensionsMax, count)
      floats.set(vector, probeAt / 4)
      const done = kernel.quantize(count, Math.sqrt(512 * count))
      if (done === 1) out.set(bytes.subarray(few, few + count))
      kernel.wipe()
      if (done !== 1) throw new RangeError('vector: has no direction')
    },
  }
}

let shared: MatchDoor | undefined

function defaultDoor(): MatchDoor {
  shared ??= createMatchDoor()
  return shared
}

/** As `MatchDoor.matchesAny`. */
export function matchesAny(probe: Int8Array, templates: readonly Int8Array[], cosineMin: number): boolean {
  return defaultDoor().matchesAny(probe, templates, cosineMin)
}

/** As `MatchDoor.bestDot`. */
export function bestDot(probe: Int8Array, templates: readonly Int8Array[]): number {
  return defaultDoor().bestDot(probe, templates)
}

/** As `MatchDoor.rotateInto`, into a new array. */
export function rotate(vector: Float32Array, signs: Uint8Array): Float32Array {
  const out = new Float32Array(vector.length)
  defaultDoor().rotateInto(out, vector, signs)
  return out
}

/** As `MatchDoor.quantizeInto`, into a new array. */
export function quantize(vector: Float32Array): Int8Array {
  const out = new Int8Array(vector.length)
  defaultDoor().quantizeInto(out, vector)
  return out
}
