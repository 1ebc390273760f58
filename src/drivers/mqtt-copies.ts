/**
 * Which stored (retained) copies a broker hands out too late: part of the MQTT link.
 *
 * A broker may give a new subscriber its stored copies after newer messages on the same topics. That matters where the newer one was empty, which deletes
 * the copy: whoever is gone would seem to be there.
 */

import { LIMITS } from '../core/limits.ts'

/** Looks at all messages of one connection. */
export class StoredCopies {
  /** Topics whose newest message was an empty one. */
  readonly #emptied = new Set<string>()

  /** Whether a message is such a copy, and is to be dropped. */
  isStale(topic: string, isEmpty: boolean, isCopy: boolean): boolean {
    if (isCopy && this.#emptied.has(topic)) return true
    if (!isEmpty) this.#emptied.delete(topic)
    else if (this.#emptied.size < LIMITS.brokerRetainedMax) this.#emptied.add(topic)
    return false
  }
}
