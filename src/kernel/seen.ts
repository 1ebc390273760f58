/**
 * A bounded memory of what was seen: the oldest entry makes room for the newest.
 */

import { toHex } from '../core/bytes.ts'
import { blake3Of } from '../core/digest.ts'
import { LIMITS } from '../core/limits.ts'

/** Remembers messages by their digest. */
export class Seen {
  readonly #names = new Set<string>()
  readonly #max: number

  constructor(max: number = LIMITS.seenDigestsMax) {
    this.#max = max
  }

  has(bytes: Uint8Array): boolean {
    return this.#names.has(nameOf(bytes))
  }

  add(bytes: Uint8Array): void {
    this.#names.add(nameOf(bytes))
    if (this.#names.size <= this.#max) return
    for (const oldest of this.#names) {
      this.#names.delete(oldest)
      break
    }
  }
}

function nameOf(bytes: Uint8Array): string {
  return toHex(blake3Of('webx v1 seen', bytes))
}
