/** A fingerprint of all that happened in a run: the same seed must give the same one, today and on every machine. */

import { createHash } from 'node:crypto'

const NUMBERS_MAX = 1024

export class Trace {
  readonly #hash = createHash('sha256')
  readonly #numbers = new Float64Array(NUMBERS_MAX)
  #used = 0

  /** Something happened at a time to somebody. */
  note(atMs: number, who: number, what: number): void {
    if (this.#used + 3 > NUMBERS_MAX) this.#spill()
    this.#numbers[this.#used++] = atMs
    this.#numbers[this.#used++] = who
    this.#numbers[this.#used++] = what
  }

  /** What was said, byte for byte. */
  bytes(bytes: Uint8Array): void {
    this.#spill()
    this.#hash.update(bytes)
  }

  /** Ends the trace. */
  digest(): string {
    this.#spill()
    return this.#hash.digest('hex').slice(0, 32)
  }

  #spill(): void {
    if (this.#used === 0) return
    this.#hash.update(new Uint8Array(this.#numbers.buffer, 0, 8 * this.#used))
    this.#used = 0
  }
}
