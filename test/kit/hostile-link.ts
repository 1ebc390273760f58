/** A real link to a real broker that a hostile network sits on: what goes out is recorded, lost, late, doubled, out of order, and sent again long after. */

import type { WebxNode } from '../../src/boot.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'

const DELAY_MS_MAX = 400
const REPLAY_EVERY = 6

/** One network between nodes and their broker. It loses frames only: a statement that is lost is as one that was never made. */
export class HostileNetwork {
  readonly kept: Uint8Array[] = []
  readonly done = { lost: 0, late: 0, doubled: 0, replayed: 0 }
  readonly #random: () => number
  readonly #lost: number
  readonly #sends: (() => Promise<void>)[] = []

  /** @param lost the share of frames that never arrives */
  constructor(random: () => number, lost: number) {
    this.#random = random
    this.#lost = lost
  }

  /** From now on all that a node publishes goes this way. */
  between({ link }: Pick<WebxNode, 'link'>): void {
    const publish = link.publish.bind(link)
    link.publish = (topic, bytes, options) => {
      if (bytes.length === 0) return publish(topic, bytes, options)
      const copy = bytes.slice()
      this.kept.push(copy)
      const send = () => publish(topic, copy, options)
      this.#sends.push(send)
      this.#treat(send, decodeEnvelope(bytes).type >= 64)
      return Promise.resolve()
    }
  }

  /** Everything that was ever sent, once more, in an order of its own. */
  async replayAll(): Promise<void> {
    const all = this.#sends.map((send) => ({ send, at: this.#random() })).sort((a, b) => a.at - b.at)
    for (const { send } of all) await send()
  }

  has(bytes: Uint8Array): boolean {
    return this.kept.some((message) => Buffer.from(message).includes(Buffer.from(bytes)))
  }

  #treat(send: () => Promise<void>, isFrame: boolean): void {
    if (isFrame && this.#random() < this.#lost) {
      this.done.lost++
      return
    }
    this.done.late++
    this.#later(send)
    if (this.#random() < 0.3) {
      this.done.doubled++
      this.#later(send)
    }
    if (this.kept.length % REPLAY_EVERY !== 0) return
    this.done.replayed++
    const old = this.#sends[Math.floor(this.#random() * this.#sends.length)]
    if (old) this.#later(old)
  }

  #later(send: () => Promise<void>): void {
    setTimeout(() => void send().catch(() => 0), this.#random() * DELAY_MS_MAX)
  }
}
