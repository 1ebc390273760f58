/**
 * Chance that is the same on every target: no function of `Math` whose last bit an engine may choose (log, cos) is used.
 */

import { uniform } from '../vectors.ts'

/** A source of numbers, bytes and vectors. */
export class Chance {
  private readonly next: () => number

  constructor(seed: number) {
    this.next = uniform(seed)
  }

  /** An integer in least … most. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  /** One of these. */
  one<T>(of: readonly T[]): T {
    return of[this.integer(0, of.length - 1)] as T
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.integer(0, 255))
  }

  /** Signed bytes −128 … 127. */
  signed(length: number): Int8Array {
    return new Int8Array(this.bytes(length).buffer)
  }

  /** About normally distributed floats: sums of twelve. */
  floats(length: number): Float32Array {
    return Float32Array.from({ length }, () => {
      let sum = -6
      for (let i = 0; i < 12; i++) sum += this.next()
      return sum
    })
  }

  /** The same bytes with one bit changed. */
  flip(bytes: Uint8Array): Uint8Array {
    const changed = bytes.slice()
    const at = this.integer(0, bytes.length - 1)
    changed[at] = (changed[at] as number) ^ (1 << this.integer(0, 7))
    return changed
  }
}
