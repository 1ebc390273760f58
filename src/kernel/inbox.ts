/**
 * The bounded queues that messages wait in, by class, so that a flood of one class cannot starve another.
 */

import { TYPE } from '../core/envelope.ts'
import { LIMITS } from '../core/limits.ts'
import type { Counters } from './ports.ts'

/** One message as it came in. */
export interface Arrival {
  readonly topic: string
  readonly bytes: Uint8Array
}

/** Classes in the order in which they are served. */
const CLASSES = ['orders', 'votes', 'certificates', 'frames'] as const
type Class = (typeof CLASSES)[number]

/** Queues by class, served in turn: each turn takes a share of every class, orders first: votes are about them. */
export class Inbox {
  readonly #queues: Record<Class, Arrival[]> = { orders: [], votes: [], certificates: [], frames: [] }
  readonly #bytes: Record<Class, number> = { votes: 0, certificates: 0, orders: 0, frames: 0 }
  readonly #counters: Counters

  constructor(counters: Counters) {
    this.#counters = counters
  }

  get empty(): boolean {
    return CLASSES.every((name) => this.#queues[name].length === 0)
  }

  /** Queues a message; a full class refuses the new one and counts it. */
  push(arrival: Arrival): void {
    const name = classOf(arrival.bytes)
    const queue = this.#queues[name]
    const bytes = this.#bytes[name] + arrival.bytes.length
    if (queue.length >= LIMITS.inboxMessagesMax || bytes > LIMITS.inboxBytesMax) {
      this.#counters.count(`inbox.full.${name}`)
      return
    }
    this.#bytes[name] = bytes
    queue.push(arrival)
  }

  /** Up to `LIMITS.turnMessagesMax` messages, a quarter for each class at least where they are waiting. */
  take(): Arrival[] {
    const taken: Arrival[] = []
    const share = LIMITS.turnMessagesMax / CLASSES.length
    for (const name of CLASSES) taken.push(...this.#takeOf(name, share))
    for (const name of CLASSES) taken.push(...this.#takeOf(name, LIMITS.turnMessagesMax - taken.length))
    return taken
  }

  #takeOf(name: Class, count: number): Arrival[] {
    const taken = this.#queues[name].splice(0, count)
    for (const { bytes } of taken) this.#bytes[name] -= bytes.length
    return taken
  }
}

/** By the type in the third byte of a canonical envelope: `87 01 00 <type> …`; anything else is judged with the frames. */
function classOf(bytes: Uint8Array): Class {
  const type = bytes[3]
  if (type === TYPE.voteBatch) return 'votes'
  if (type === TYPE.certificate || type === TYPE.settlement) return 'certificates'
  if (type === TYPE.order) return 'orders'
  return 'frames'
}
