/** Who looks after whom in a simulated neighborhood: the production liveness machines, HELLO and health, paced as the services do it, their frames counted in full. */

import { toHex } from '../../src/core/bytes.ts'
import { type Cbor, encode } from '../../src/core/codec.ts'
import { encodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { encodeFrame } from '../../src/core/frame.ts'
import { SPOKEN } from '../../src/core/versions.ts'
import { Topics } from '../../src/kernel/topics.ts'
import { helloPayload } from '../../src/swarm/hello.ts'
import { Liveness, type LivenessEvent } from '../../src/swarm/liveness.ts'
import { type SwimMessage, swimPayload } from '../../src/swarm/liveness-message.ts'
import { surroundingsOf } from '../../src/swarm/surroundings.ts'
import type { Person } from '../../test/consensus/people.ts'
import type { Chance } from '../../test/sim/chance.ts'
import type { Timeline } from '../../test/sim/timeline.ts'
import type { Meter } from './network-meter.ts'
import { HEALTH_MS } from './network-plan.ts'

/** `services/neighbors.ts` says its own so often. */
const HELLO_MS = 60_000
const LIFETIME_MS = 30_000
const START_MS = 1_790_000_000_000
const SOFTWARE = 'webx 0.1.0'
const NOTHING = new Uint8Array(0)

/** The bytes of a frame as it would travel, signature and all. */
export function frameBytes(netId: Uint8Array, sender: Uint8Array, type: number, topic: string, payload: Cbor): number {
  const [boot, sequence, sentMs] = [1, 40_000, START_MS]
  const body = encodeFrame({ sender, boot, sequence, sentMs, expiresMs: sentMs + LIFETIME_MS, topic, payload })
  return encodeEnvelope({ type, scope: netId, body, signature: new Uint8Array(64), attachment: NOTHING }).length
}

/** What the watchers of one neighborhood are made of. */
export interface WatchOptions {
  readonly netId: Uint8Array
  readonly nid: Uint8Array
  /** Seats first. */
  readonly people: readonly Person[]
  readonly seats: number
  readonly timeline: Timeline
  readonly chance: Chance
  readonly meter: Meter
  readonly delayMs: number
}

/** All members of one neighborhood, watching each other. */
export class Watch {
  /** How often somebody was taken for dead; in a calm net never. */
  deaths = 0
  readonly #options: WatchOptions
  readonly #members = new Map<string, { readonly liveness: Liveness; wakeAtMs: number }>()
  readonly #sizes = new Map<string, number>()
  readonly #topic: string
  readonly #topics: Topics

  constructor(options: WatchOptions) {
    this.#options = options
    const { netId, nid, people, seats, timeline, chance } = options
    this.#topics = new Topics(netId, nid)
    this.#topic = this.#topics.neighborhood(nid)
    const names = people.map(({ id }) => toHex(id))
    const surroundings = surroundingsOf(names.slice(0, seats), names.slice(seats))
    for (const [i, self] of names.entries()) {
      const { nowMs } = timeline
      const liveness = new Liveness({ self, incarnation: 1, seed: chance.bits(), surroundings, nowMs })
      this.#members.set(self, { liveness, wakeAtMs: Number.POSITIVE_INFINITY })
      this.#arm(self)
      const { id } = people[i] as Person
      const hello = { software: SOFTWARE, versions: SPOKEN, capabilities: 3, storeVersion: 1, vrfKey: id, load: 0 }
      this.#every(HELLO_MS, id, TYPE.hello, this.#topic, helloPayload(hello))
      this.#every(HEALTH_MS, id, TYPE.health, this.#topics.health(id), [SOFTWARE, START_MS, []])
    }
  }

  /** A frame to all of the neighborhood, again and again. */
  #every(everyMs: number, id: Uint8Array, type: number, topic: string, payload: Cbor): void {
    const { netId, timeline, chance, meter, people } = this.#options
    const bytes = frameBytes(netId, id, type, topic, payload)
    const say = (): void => {
      meter.sent('presence', bytes)
      meter.heard('presence', bytes, people.length - 1)
      meter.checked('presence', people.length - 1)
      timeline.after(everyMs, say)
    }
    timeline.after(chance.between(0, everyMs), say)
  }

  #step(name: string, event: LivenessEvent): void {
    const { liveness } = this.#members.get(name) as { liveness: Liveness }
    for (const effect of liveness.step(event, this.#options.timeline.nowMs)) {
      if (effect.kind === 'send') this.#send(name, effect.to, effect.message)
      if (effect.kind === 'changed' && effect.status === 'dead') this.deaths++
    }
    this.#arm(name)
  }

  #send(from: string, to: string | null, message: SwimMessage): void {
    const { timeline, meter, delayMs } = this.#options
    const bytes = this.#sizeOf(to, message)
    const receivers = to === null ? [...this.#members.keys()].filter((name) => name !== from) : [to]
    meter.sent('presence', bytes)
    timeline.after(delayMs, () => {
      for (const receiver of receivers) {
        meter.heard('presence', bytes)
        meter.checked('presence')
        this.#step(receiver, { kind: 'message', from, message })
      }
    })
  }

  /** Messages of one kind, with as many words and a number of one length, are equally long, whoever sends them to whom. */
  #sizeOf(to: string | null, message: SwimMessage): number {
    const width = 'number' in message ? encode(message.number).length : 0
    const name = `${message.kind} ${to === null} ${message.words.length} ${width}`
    let bytes = this.#sizes.get(name)
    if (bytes === undefined) {
      const { netId, people } = this.#options
      const { id } = people[0] as Person
      const topic = to === null ? this.#topic : this.#topics.to(id)
      bytes = frameBytes(netId, id, TYPE.swim, topic, swimPayload(message))
      this.#sizes.set(name, bytes)
    }
    return bytes
  }

  #arm(name: string): void {
    const member = this.#members.get(name) as { liveness: Liveness; wakeAtMs: number }
    const { timeline } = this.#options
    const atMs = member.liveness.wakeAtMs()
    if (member.wakeAtMs > timeline.nowMs && member.wakeAtMs <= atMs) return
    member.wakeAtMs = atMs
    timeline.at(atMs, () => {
      if (member.wakeAtMs === atMs) this.#wake(name)
    })
  }

  #wake(name: string): void {
    ;(this.#members.get(name) as { wakeAtMs: number }).wakeAtMs = Number.POSITIVE_INFINITY
    this.#step(name, { kind: 'tick' })
  }
}
