/** Random vectors that are the same on every run. */

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
