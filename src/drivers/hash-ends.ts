/**
 * A long message in ordinary memory, taken from both its ends: the threads' ring is filled from the front, and in the
 * time between the filling thread hashes segments from the back itself, which then need not be copied for the others.
 */

import { type Blake3, blake3SegmentInto } from '../wasm/hash.ts'
import { SEGMENT, SEGMENT_LEVEL } from '../wasm/hash-shared.ts'

/** Segments hashed before other events have their turn: a quarter of a millisecond. */
const SEGMENTS_AT_ONCE = 8
/** Chaining values that a hasher adopts at once. */
const VALUES_AT_ONCE = 2048

/** See the header. The message is longer than a segment and must not change until `finish`. */
export class MessageEnds {
  readonly #message: Uint8Array
  readonly #copy: (into: Uint8Array, part: Uint8Array) => void
  /** Whole segments that are followed by at least a byte. */
  readonly #segments: number
  readonly #values: Uint8Array
  #front = 0
  #back: number

  constructor(message: Uint8Array, copy: (into: Uint8Array, part: Uint8Array) => void) {
    this.#message = message
    this.#copy = copy
    this.#segments = Math.ceil(message.length / SEGMENT) - 1
    this.#values = new Uint8Array(32 * this.#segments)
    this.#back = this.#segments
  }

  /** Copies the next segments to the beginning of `into`, which holds whole ones; answers how many bytes, 0 where the ends have met. */
  fill(into: Uint8Array): number {
    const start = this.#front * SEGMENT
    const part = this.#message.subarray(start, Math.min(start + into.length, this.#back * SEGMENT))
    this.#copy(into, part)
    this.#front += part.length / SEGMENT
    return part.length
  }

  /** Hashes a few segments from the back; false where the ends have met. */
  help(): boolean {
    for (let done = 0; done < SEGMENTS_AT_ONCE; done++) {
      if (this.#back === this.#front) return done > 0
      const at = --this.#back
      const value = this.#values.subarray(32 * at, 32 * at + 32)
      blake3SegmentInto(value, this.#message.subarray(at * SEGMENT, (at + 1) * SEGMENT), at)
    }
    return true
  }

  /** The digest, from a hasher that has taken in all that `fill` gave. */
  finish(root: Blake3): Uint8Array {
    for (let at = this.#back; at < this.#segments; at += VALUES_AT_ONCE) {
      const end = Math.min(at + VALUES_AT_ONCE, this.#segments)
      root.adopt(this.#values.subarray(32 * at, 32 * end), SEGMENT_LEVEL)
    }
    return root.update(this.#message.subarray(this.#segments * SEGMENT)).digest()
  }
}
