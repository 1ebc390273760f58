/**
 * A crowd of embeddings that look to a search like those of real people, out of the embeddings of a few.
 *
 * Galleries of 100,000 photographs are not to be had freely, and random directions would be too easy: real embeddings keep to a part of the space.
 * So strangers are drawn from the real ones: a random Gaussian mixture of the centered real embeddings, plus as much noise in all directions as
 * makes their cosines with the real ones spread as those of real strangers do, plus the mean direction that makes the cosines' mean theirs.
 * Each stranger has several photographs: his own embedding plus a mixture of the real differences between photographs of one person,
 * weighted so that two of them have the cosine that two photographs of one real person have on average.
 */

import { normal, unit } from './random.ts'

/** The embeddings of one person: unit vectors. */
export type Person = readonly Float32Array[]

/** What the crowd was fitted to, and how it came out. */
export interface CrowdFit {
  readonly genuineMean: number
  readonly strangerMean: number
  readonly strangerDeviation: number
  /** The same of a sample of the crowd against the real people. */
  readonly crowdMean: number
  readonly crowdDeviation: number
  /** Share of a stranger's direction that lies among the real embeddings, 0..1. */
  readonly inside: number
}

/** Draws strangers. */
export interface Crowd {
  readonly fit: CrowdFit
  /** Embeddings of `photos` photographs of somebody new. */
  stranger(random: () => number, photos: number): Float32Array[]
}

const FIT_SAMPLE = 200
const FIT_STEPS = 16

/** A crowd fitted to real people: at least two, with at least two embeddings each. */
export function crowdOf(people: readonly Person[], random: () => number): Crowd {
  if (people.length < 2 || people.some((person) => person.length < 2)) {
    throw new RangeError('people: expected at least two, with two embeddings each')
  }
  const all = people.flat()
  const center = meanOf(all)
  const centered = all.map((one) => minus(one, center))
  const residuals = people.flatMap((person) => {
    const own = meanOf(person)
    return person.map((one) => minus(one, own))
  })
  const genuine = people.flatMap((person) => pairs(person, person))
  const strangers = people.flatMap((person, i) => people.slice(0, i).flatMap((other) => cosines(person, other)))
  const [genuineMean] = moments(genuine)
  const [strangerMean, strangerDeviation] = moments(strangers)
  const toward = unit(center)

  /** Somebody new: `inside` of the direction among the real ones, `shift` of the mean direction added. */
  const identity = (chance: () => number, inside: number, shift: number): Float32Array => {
    const within = unit(mixed(chance, centered))
    const anywhere = unit(normal(chance, center.length))
    return unit(within.map((x, i) => Math.sqrt(inside) * x + Math.sqrt(1 - inside) * anywhere[i]! + shift * toward[i]!))
  }
  const spread = (inside: number, shift: number): readonly [number, number] =>
    moments(
      Array.from({ length: FIT_SAMPLE }, () => identity(random, inside, shift)).flatMap((one) => cosines([one], all)),
    )

  const { inside, shift } = fitted(spread, strangerMean, strangerDeviation)
  const [crowdMean, crowdDeviation] = spread(inside, shift)
  return {
    fit: { genuineMean, strangerMean, strangerDeviation, crowdMean, crowdDeviation, inside },
    stranger(chance, photos) {
      const own = identity(chance, inside, shift)
      return Array.from({ length: photos }, () => {
        const difference = unit(mixed(chance, residuals))
        return unit(own.map((x, i) => Math.sqrt(genuineMean) * x + Math.sqrt(1 - genuineMean) * difference[i]!))
      })
    },
  }
}

/** Mean and standard deviation. */
export function moments(values: readonly number[]): readonly [number, number] {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length
  return [mean, Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length)]
}

/** Halves, in turn, the range of the share inside (by the deviation) and of the shift (by the mean). */
function fitted(
  spread: (inside: number, shift: number) => readonly [number, number],
  mean: number,
  deviation: number,
): { inside: number; shift: number } {
  let inside = { low: 0, high: 1 }
  let shift = { low: -2, high: 2 }
  const middle = ({ low, high }: { low: number; high: number }): number => (low + high) / 2
  for (let step = 0; step < FIT_STEPS; step++) {
    const [, wide] = spread(middle(inside), middle(shift))
    inside = wide > deviation ? { ...inside, high: middle(inside) } : { ...inside, low: middle(inside) }
    const [near] = spread(middle(inside), middle(shift))
    shift = near > mean ? { ...shift, high: middle(shift) } : { ...shift, low: middle(shift) }
  }
  return { inside: middle(inside), shift: middle(shift) }
}

/** A mixture of the vectors with independent normal weights. */
function mixed(random: () => number, vectors: readonly Float32Array[]): Float32Array {
  const weights = normal(random, vectors.length + (vectors.length & 1))
  const sum = new Float32Array(vectors[0]!.length)
  vectors.forEach((vector, v) => {
    const weight = weights[v]!
    for (let i = 0; i < sum.length; i++) sum[i]! += weight * vector[i]!
  })
  return sum
}

function meanOf(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]!.length)
  for (const vector of vectors) for (let i = 0; i < sum.length; i++) sum[i]! += vector[i]! / vectors.length
  return sum
}

function minus(one: Float32Array, other: Float32Array): Float32Array {
  return one.map((x, i) => x - other[i]!)
}

/** Cosines of all of one with all of another; of unit vectors. */
function cosines(ones: readonly Float32Array[], others: readonly Float32Array[]): number[] {
  return ones.flatMap((one) => others.map((other) => one.reduce((sum, x, i) => sum + x * other[i]!, 0)))
}

/** Cosines of every two different ones. */
function pairs(ones: readonly Float32Array[], same: readonly Float32Array[]): number[] {
  return ones.flatMap((one, i) => cosines([one], same.slice(0, i)))
}
