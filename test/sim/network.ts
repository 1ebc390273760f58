/**
 * The brokers between nodes, which nobody trusts: they lose, delay, double and reorder, forget all that is under way when they restart, and part the nodes for a time.
 *
 * Nothing here forges. What a lying member says to whom is up to it; what it cannot do is keep others from hearing each other once the faults have ended.
 */

import type { Chance } from './chance.ts'
import type { Timeline } from './timeline.ts'

/** How a network behaves while it is bad. */
export interface Weather {
  readonly loss: number
  readonly duplication: number
  readonly delayMs: readonly [number, number]
  /** Chance that a delivery takes ten times as long. */
  readonly straggling: number
}

const CALM: Weather = { loss: 0, duplication: 0, delayMs: [1, 8], straggling: 0 }
const HELD_MAX = 20_000

/** Whoever is connected: nodes, and owners, who only speak. */
export interface Endpoint {
  receive(bytes: Uint8Array): void
}

export class Network {
  readonly #timeline: Timeline
  readonly #chance: Chance
  readonly #endpoints: Endpoint[] = []
  readonly #deliver: (to: number, bytes: Uint8Array) => void
  #weather: Weather
  /** Sides of a partition, by endpoint; null while there is none. */
  #sides: readonly number[] | null = null
  /** What two brokers that do not see each other keep for the other side; null where it is lost. */
  #held: { readonly to: number; readonly bytes: Uint8Array }[] | null = null
  /** Deliveries of an earlier life of the broker are lost. */
  #brokerLife = 0
  #isDown = false

  constructor(timeline: Timeline, chance: Chance, weather: Weather, deliver: (to: number, bytes: Uint8Array) => void) {
    this.#timeline = timeline
    this.#chance = chance
    this.#weather = weather
    this.#deliver = deliver
  }

  join(endpoint: Endpoint): number {
    this.#endpoints.push(endpoint)
    return this.#endpoints.length - 1
  }

  get size(): number {
    return this.#endpoints.length
  }

  /** Sends to these endpoints. */
  send(from: number, bytes: Uint8Array, to: Iterable<number>): void {
    if (this.#isDown) return
    const { loss, duplication } = this.#weather
    for (const one of to) {
      if (one === from || this.#chance.hits(loss)) continue
      if (this.#sides && this.#sides[from] !== this.#sides[one]) {
        if (this.#held && this.#held.length < HELD_MAX) this.#held.push({ to: one, bytes })
        continue
      }
      this.#carry(one, bytes)
      if (this.#chance.hits(duplication)) this.#carry(one, bytes)
    }
  }

  /** Parts the endpoints. `holds`: two brokers that keep what is for the other side until they are joined again. */
  part(sides: readonly number[], holds: boolean): void {
    this.rejoin()
    this.#sides = sides
    this.#held = holds ? [] : null
  }

  /** One net again; what brokers held comes all at once. */
  rejoin(): void {
    const held = this.#held ?? []
    this.#sides = null
    this.#held = null
    for (const { to, bytes } of held) this.#carry(to, bytes)
  }

  /** All that is under way is lost, and for a time nobody is connected. */
  restartBroker(downMs: number): void {
    this.#brokerLife++
    this.#isDown = true
    this.#timeline.after(downMs, () => {
      this.#isDown = false
    })
  }

  /** From now on everything arrives, soon. */
  calm(): void {
    this.#weather = CALM
    this.#isDown = false
    this.rejoin()
  }

  #carry(to: number, bytes: Uint8Array): void {
    const { delayMs, straggling } = this.#weather
    const delay = this.#chance.between(...delayMs) * (this.#chance.hits(straggling) ? 10 : 1)
    const life = this.#brokerLife
    this.#timeline.after(delay, () => {
      if (life !== this.#brokerLife) return
      this.#deliver(to, bytes)
      ;(this.#endpoints[to] as Endpoint).receive(bytes)
    })
  }
}
