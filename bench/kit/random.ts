/** Random vectors that are the same on every run. */

/** Numbers in [0, 1) by the 32-bit generator `mulberry32`, from a seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A vector of independent standard normal numbers, by the method of Box and Muller. `length` is even. */
export function normal(random: () => number, length: number): Float32Array {
  const vector = new Float32Array(length)
  for (let i = 0; i < length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()))
    const angle = 2 * Math.PI * random()
    vector[i] = radius * Math.cos(angle)
    vector[i + 1] = radius * Math.sin(angle)
  }
  return vector
}

/** A unit vector in the direction of `vector`. */
export function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0))
  return vector.map((x) => x / length)
}

/** A unit vector whose cosine with `vector` is `cosine`, in an otherwise random direction. */
export function perturbed(random: () => number, vector: Float32Array, cosine: number): Float32Array {
  const center = unit(vector)
  const noise = normal(random, vector.length)
  const along = noise.reduce((sum, x, i) => sum + x * center[i]!, 0)
  const across = unit(noise.map((x, i) => x - along * center[i]!))
  const sine = Math.sqrt(1 - cosine * cosine)
  return center.map((x, i) => cosine * x + sine * across[i]!)
}
