/** A broker that means harm: it keeps everything, loses a part, and delivers the rest late, twice, in another order, and again long after. */

import { decodeEnvelope } from '../../src/core/envelope.ts'
import type { MemoryNet } from './node.ts'

const NAME = 'mallory'
const DELAY_MS_MAX = 600
/** Once in so many messages something old is repeated. */
const REPLAY_EVERY = 5

/** What it does to the messages of a net, from `begin` on. */
export class HostileBroker {
  readonly kept: { readonly topic: string; readonly bytes: Uint8Array }[] = []
  readonly #net: MemoryNet
  readonly #random: () => number
  readonly #lost: number
  readonly #link
  /** How often each was done. */
  readonly done = { lost: 0, late: 0, doubled: 0, replayed: 0 }

  /** @param random uniform in [0, 1) @param lost the share of frames that never arrives */
  constructor(net: MemoryNet, random: () => number, lost: number) {
    this.#net = net
    this.#random = random
    this.#lost = lost
    this.#link = net.bus.connect(NAME)
  }

  begin(): void {
    this.#net.bus.loses = ({ client, topic, bytes }) => client !== NAME && this.#takes(topic, bytes)
  }

  end(): void {
    this.#net.bus.loses = () => false
  }

  /** Sends everything once more, in an order of its own. */
  async replayAll(): Promise<number> {
    const all = [...this.kept].sort(() => this.#random() - 0.5)
    for (const { topic, bytes } of all) await this.#link.publish(topic, bytes)
    return all.length
  }

  /** Whether any of the messages has these bytes in it. */
  has(bytes: Uint8Array): boolean {
    return this.kept.some((message) => Buffer.from(message.bytes).includes(Buffer.from(bytes)))
  }

  #takes(topic: string, bytes: Uint8Array): boolean {
    if (bytes.length === 0 || decodeEnvelope(bytes).type < 64) return false
    this.kept.push({ topic, bytes })
    if (this.#random() < this.#lost) {
      this.done.lost++
      return true
    }
    this.done.late++
    this.#later(topic, bytes)
    if (this.#random() < 0.3) {
      this.done.doubled++
      this.#later(topic, bytes)
    }
    if (this.kept.length % REPLAY_EVERY === 0) {
      this.done.replayed++
      const old = this.kept[Math.floor(this.#random() * this.kept.length)] as (typeof this.kept)[0]
      this.#later(old.topic, old.bytes)
    }
    return true
  }

  #later(topic: string, bytes: Uint8Array): void {
    this.#net.clock.after(this.#random() * DELAY_MS_MAX, () => void this.#link.publish(topic, bytes))
  }
}
