/** What the nodes of a simulated net send, hear, check and write, lane by lane: counted at the border of the engines. */

import { TYPE } from '../../src/core/envelope.ts'

/** What a message is for. `orders`: orders, votes and proofs. `blocks`: the Simplex lane and all that epochs are made of. `repair`: what members ask each other for. */
export const LANES = ['orders', 'blocks', 'repair', 'presence'] as const
export type Lane = (typeof LANES)[number]

/** Sums over all nodes. */
export interface Count {
  sent: number
  sentBytes: number
  heard: number
  heardBytes: number
  /** Signatures that a node had to verify. */
  checks: number
}

/** Counts over a while: by lane, and what was written. */
export interface Tallied {
  readonly lanes: Readonly<Record<Lane, Count>>
  readonly writes: number
  readonly writtenBytes: number
}

const ORDERS: ReadonlySet<number> = new Set([
  ...[TYPE.order, TYPE.voteBatch, TYPE.certificate, TYPE.settlement, TYPE.evidence],
])
const PRESENCE: ReadonlySet<number> = new Set([TYPE.swim, TYPE.hello, TYPE.health])
const REPAIR: ReadonlySet<number> = new Set([TYPE.summary, TYPE.heads, TYPE.need])

/** The lane of a type of message. */
export function laneOf(type: number): Lane {
  if (ORDERS.has(type)) return 'orders'
  if (PRESENCE.has(type)) return 'presence'
  return REPAIR.has(type) ? 'repair' : 'blocks'
}

/** A running count. */
export class Meter {
  #lanes = emptyLanes()
  #writes = 0
  #writtenBytes = 0

  sent(lane: Lane, bytes: number): void {
    this.#lanes[lane].sent++
    this.#lanes[lane].sentBytes += bytes
  }

  heard(lane: Lane, bytes: number, times = 1): void {
    this.#lanes[lane].heard += times
    this.#lanes[lane].heardBytes += bytes * times
  }

  checked(lane: Lane, times = 1): void {
    this.#lanes[lane].checks += times
  }

  wrote(bytes: number): void {
    this.#writes++
    this.#writtenBytes += bytes
  }

  /** All that was counted since the last call. */
  take(): Tallied {
    const taken = { lanes: this.#lanes, writes: this.#writes, writtenBytes: this.#writtenBytes }
    this.#lanes = emptyLanes()
    this.#writes = 0
    this.#writtenBytes = 0
    return taken
  }
}

/** Over all lanes. */
export function sumOf({ lanes }: Tallied): Count {
  const sum = emptyCount()
  for (const lane of LANES) for (const name of Object.keys(sum) as (keyof Count)[]) sum[name] += lanes[lane][name]
  return sum
}

function emptyLanes(): Record<Lane, Count> {
  return { orders: emptyCount(), blocks: emptyCount(), repair: emptyCount(), presence: emptyCount() }
}

function emptyCount(): Count {
  return { sent: 0, sentBytes: 0, heard: 0, heardBytes: 0, checks: 0 }
}
