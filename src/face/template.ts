/**
 * Templates: unit vectors whose cosine says how alike two faces are, and the decision that follows from it.
 *
 * A template is as private as a photograph (it can be turned back into one), so nothing here prints or keeps one.
 * "Unknown" is a first-class answer: the nearest of many is never the person merely because nobody is nearer.
 */

import { WebxError } from '../core/errors.ts'

/** The vector at length 1, as a new array. Throws `bad-argument` where it has no direction. */
export function unit(vector: Float32Array): Float32Array {
  let square = 0
  for (const value of vector) square += value * value
  const length = Math.sqrt(square)
  if (!(length > 1e-12) || !Number.isFinite(length)) {
    throw new WebxError('bad-argument', 'template: the vector has no direction')
  }
  return vector.map((value) => value / length)
}

/** The direction between several views of one face (a face and its mirror image, or several photographs), of length 1. */
export function merge(...views: readonly Float32Array[]): Float32Array {
  const first = views[0]
  if (first === undefined) throw new WebxError('bad-argument', 'template: there are no views to merge')
  const sum = new Float32Array(first.length)
  for (const view of views) {
    sameLength(first, view)
    const direction = unit(view)
    for (let i = 0; i < sum.length; i++) sum[i]! += direction[i]!
  }
  return unit(sum)
}

/** Cosine of two unit vectors, -1..1. */
export function cosine(a: Float32Array, b: Float32Array): number {
  sameLength(a, b)
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** The best cosine of a probe to any of a person's templates, -1 where there are none. */
export function likeness(probe: Float32Array, templates: readonly Float32Array[]): number {
  let best = -1
  for (const template of templates) best = Math.max(best, cosine(probe, template))
  return best
}

/** Whether a cosine is good enough to be that person; what is not a number never is. */
export function decide(score: number, threshold: number): 'match' | 'unknown' {
  return score >= threshold ? 'match' : 'unknown'
}

function sameLength(a: Float32Array, b: Float32Array): void {
  if (a.length !== b.length) {
    throw new WebxError('bad-argument', `template: expected ${a.length} numbers, got ${b.length}`)
  }
}
