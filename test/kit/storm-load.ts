/** Owners who pay each other all the time, and how long each of their orders took to settle. */

import type { WebxNode } from '../../src/boot.ts'
import type { Order } from '../../src/consensus/order.ts'
import { toHex } from '../../src/core/bytes.ts'
import type { Chance } from './crash.ts'
import type { Owner, Owners } from './owners.ts'

const AGAIN_MS = 5_000

/** One order that was given. Times by `performance.now`; `settledMs` is infinite where it has not settled. */
export interface Given {
  readonly order: Order
  readonly from: Owner
  readonly to: Owner
  readonly amount: number
  readonly sentMs: number
  settledMs: number
}

export class StormLoad {
  readonly given: Given[] = []
  readonly #node: WebxNode
  readonly #owners: Owners
  readonly #payers: readonly Owner[]
  readonly #chance: Chance
  readonly #pauseMs: number
  readonly #open = new Set<Given>()
  #paying: Promise<void>[] = []
  #stopped = false

  /** @param pauseMs how long each payer waits between the end of one payment and the next */
  constructor(node: WebxNode, owners: Owners, payers: readonly Owner[], chance: Chance, pauseMs: number) {
    this.#node = node
    this.#owners = owners
    this.#payers = payers
    this.#chance = chance
    this.#pauseMs = pauseMs
  }

  start(): void {
    this.#stopped = false
    this.#paying = this.#payers.map((payer) => this.#pay(payer))
  }

  /** No further orders; resolves when all that were given are settled. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#paying)
  }

  /** Orders that have not settled by now. */
  get open(): readonly Given[] {
    return [...this.#open]
  }

  async #pay(payer: Owner): Promise<void> {
    await pause(this.#chance.below(this.#pauseMs + 1))
    while (!this.#stopped) {
      const [to] = this.#chance.some(
        this.#payers.filter((other) => other !== payer),
        1,
      ) as [Owner]
      const amount = 1 + this.#chance.below(3)
      const order = this.#owners.pay(payer, to.account, amount)
      const given: Given = { order, from: payer, to, amount, sentMs: performance.now(), settledMs: Infinity }
      this.given.push(given)
      this.#open.add(given)
      await this.#settle(given)
      this.#open.delete(given)
      await pause(this.#pauseMs)
    }
  }

  /** Sends it, and again now and then; the books of the watching node say when it is settled, whichever way it heard of it. */
  async #settle(given: Given): Promise<void> {
    const { order } = given
    const isSettled = (): boolean => (this.#node.agreed.register.object(order.oid)?.settled ?? 0) >= order.version
    const { promise, resolve } = Promise.withResolvers<void>()
    const { events, schedule } = this.#node.context
    const unhear = events.on('settled', ({ orderDigest }) => {
      if (toHex(orderDigest) === toHex(order.od)) resolve()
    })
    const cancelLook = schedule.every(200, 'look', () => {
      if (isSettled()) resolve()
    })
    const cancelSend = schedule.every(AGAIN_MS, 'send again', () => this.#owners.send(order))
    await this.#owners.send(order)
    await promise
    given.settledMs = performance.now()
    unhear()
    cancelLook()
    cancelSend()
  }
}

/** How long orders took, in milliseconds. */
export interface Latencies {
  readonly orders: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly longestMs: number
}

export function latenciesOf(given: readonly Given[]): Latencies {
  const took = given.map(({ sentMs, settledMs }) => settledMs - sentMs).sort((a, b) => a - b)
  const at = (share: number): number =>
    Math.round(took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0)
  return { orders: took.length, p50Ms: at(0.5), p99Ms: at(0.99), longestMs: at(1) }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms))
}
