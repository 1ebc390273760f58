/**
 * Neighborhoods of `Liveness` machines in virtual time: delay, loss, partitions, crashes, nodes that stand still now and then, and liars.
 *
 * Messages travel as bytes. Everything follows from one seed.
 */

import { decode, encode } from '../../src/core/codec.ts'
import { Liveness, type LivenessEvent } from '../../src/swarm/liveness.ts'
import { readSwim, type SwimMessage, swimPayload } from '../../src/swarm/liveness-message.ts'
import type { Status } from '../../src/swarm/liveness-suspects.ts'
import { type Surroundings, surroundingsOf } from '../../src/swarm/surroundings.ts'
import { uniform } from '../kit/vectors.ts'

export interface NetOptions {
  readonly nodes: number
  /** The others are spares. */
  readonly seats?: number
  readonly seed: number
  /** Share of messages, for each receiver, that are lost. */
  readonly loss?: number
  readonly delayMs?: readonly [least: number, most: number]
}

/** A change of opinion of one node about another. */
export interface Opinion {
  readonly atMs: number
  readonly of: number
  readonly about: number
  readonly status: Status
}

interface Node {
  readonly name: string
  liveness: Liveness
  isUp: boolean
  wakeMs: number
  /** It handles nothing while `nowMs % stall[0] < stall[1]`. */
  stall: readonly [everyMs: number, forMs: number] | null
  group: number
}

interface Happening {
  readonly atMs: number
  readonly order: number
  readonly node: number
  readonly deliver: { readonly from: string; readonly bytes: Uint8Array } | null
}

export class Net {
  readonly nodes: Node[] = []
  readonly opinions: Opinion[] = []
  readonly roundTripsMs: number[] = []
  nowMs = 0
  /** Messages handed to the link: one to all counts once. */
  sent = 0
  /** By node: the one that it told last. */
  readonly incarnations: number[] = []
  /** Sees everything that is sent. */
  watch: (from: number, to: string | null, message: SwimMessage) => void = () => {}
  /** What does not arrive. */
  cut: (from: number, to: number, message: SwimMessage) => boolean = () => false
  readonly #options: NetOptions
  readonly #chance: () => number
  readonly #queue: Happening[] = []
  readonly #numbers: Map<string, number>
  readonly surroundings: Surroundings
  #order = 0

  constructor(options: NetOptions) {
    this.#options = options
    this.#chance = uniform(options.seed)
    const { nodes, seats = 25 } = options
    const names = Array.from({ length: nodes }, (_, i) => i.toString(16).padStart(64, '0'))
    this.#numbers = new Map(names.map((name, i) => [name, i]))
    this.surroundings = surroundingsOf(names.slice(0, seats), names.slice(seats))
    for (const [i, name] of names.entries()) {
      this.nodes.push({ name, liveness: this.#life(i, name, 1), isUp: true, wakeMs: -1, stall: null, group: 0 })
      this.#arm(i)
    }
  }

  number(name: string): number {
    return this.#numbers.get(name) as number
  }

  name(node: number): string {
    return (this.nodes[node] as Node).name
  }

  /** Lets time pass. */
  run(forMs: number): void {
    const endMs = this.nowMs + forMs
    for (let next = this.#queue[0]; next && next.atMs <= endMs; next = this.#queue[0]) {
      this.#pop()
      this.nowMs = next.atMs
      this.#happen(next)
    }
    this.nowMs = endMs
  }

  /** Lets time pass until it is so; answers how long that took, or more than `forMs`. */
  until(isSo: () => boolean, forMs: number): number {
    const sinceMs = this.nowMs
    while (!isSo() && this.nowMs - sinceMs <= forMs) this.run(100)
    return this.nowMs - sinceMs
  }

  crash(node: number): void {
    ;(this.nodes[node] as Node).isUp = false
  }

  /** Starts a crashed node anew, with nothing in its memory. */
  restart(node: number, boot: number): void {
    const its = this.nodes[node] as Node
    its.liveness = this.#life(node, its.name, boot)
    its.isUp = true
    its.wakeMs = -1
    this.#arm(node)
  }

  stall(node: number, everyMs: number, forMs: number): void {
    ;(this.nodes[node] as Node).stall = [everyMs, forMs]
  }

  /** Nodes reach only those of their own group. */
  partition(groupOf: (node: number) => number): void {
    for (const [i, node] of this.nodes.entries()) node.group = groupOf(i)
  }

  /** An event for a node, now: what a broker hints, what a liar's frame brings. */
  event(node: number, event: LivenessEvent): void {
    const its = this.nodes[node] as Node
    if (!its.isUp) return
    for (const effect of its.liveness.step(event, this.nowMs)) {
      if (effect.kind === 'send') {
        this.incarnations[node] = effect.message.incarnation
        this.send(node, effect.to, effect.message)
      }
      if (effect.kind === 'roundTrip') this.roundTripsMs.push(effect.ms)
      if (effect.kind === 'changed') {
        this.opinions.push({
          atMs: this.nowMs,
          of: node,
          about: this.number(effect.about),
          status: effect.status,
        })
      }
    }
    this.#arm(node)
  }

  send(from: number, to: string | null, message: SwimMessage): void {
    const { loss = 0, delayMs = [1, 20] } = this.#options
    const bytes = encode(swimPayload(message))
    this.sent++
    this.watch(from, to, message)
    const receivers = to === null ? this.nodes.keys() : [this.number(to)]
    for (const node of receivers) {
      if (node === from || this.#chance() < loss || this.cut(from, node, message)) continue
      const atMs = this.nowMs + delayMs[0] + this.#chance() * (delayMs[1] - delayMs[0])
      this.#push({ atMs, order: this.#order++, node, deliver: { from: this.name(from), bytes } })
    }
  }

  /** How a node sees another. */
  view(of: number, about: number): Status | null {
    return (this.nodes[of] as Node).liveness.statusOf(this.name(about))
  }

  /** Who holds whom for something other than alive, among those that are up: "who:whom:status". */
  disagreements(): string[] {
    const up = this.nodes.flatMap(({ isUp }, i) => (isUp ? [i] : []))
    return up.flatMap((of) =>
      this.nodes.flatMap(({ isUp }, about) => {
        const status = of === about ? null : this.view(of, about)
        return status === null || status === (isUp ? 'alive' : 'dead') ? [] : [`${of}:${about}:${status}`]
      }),
    )
  }

  #life(node: number, self: string, incarnation: number): Liveness {
    const seed = Math.floor(this.#chance() * 2 ** 32)
    return new Liveness({ self, incarnation, seed: seed + node, surroundings: this.surroundings, nowMs: this.nowMs })
  }

  #happen({ node, deliver }: Happening): void {
    const its = this.nodes[node] as Node
    if (!its.isUp) return
    if (its.stall && this.nowMs % its.stall[0] < its.stall[1]) {
      // comes to it when the node moves again, in the same order
      const atMs = this.nowMs - (this.nowMs % its.stall[0]) + its.stall[1]
      this.#push({ atMs, order: this.#order++, node, deliver })
      return
    }
    if (deliver) {
      const sender = this.nodes[this.number(deliver.from)] as Node
      if (sender.group !== its.group) return
      this.event(node, { kind: 'message', from: deliver.from, message: readSwim(decode(deliver.bytes)) })
    } else if (its.wakeMs <= this.nowMs) this.event(node, { kind: 'tick' })
  }

  #arm(node: number): void {
    const its = this.nodes[node] as Node
    const atMs = its.liveness.wakeAtMs()
    if (its.wakeMs === atMs) return
    its.wakeMs = atMs
    this.#push({ atMs, order: this.#order++, node, deliver: null })
  }

  #push(happening: Happening): void {
    const queue = this.#queue
    let at = queue.push(happening) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(queue[at] as Happening, queue[parent] as Happening)) break
      swap(queue, at, parent)
      at = parent
    }
  }

  #pop(): void {
    const queue = this.#queue
    swap(queue, 0, queue.length - 1)
    queue.pop()
    for (let at = 0; ; ) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < queue.length && before(queue[child] as Happening, queue[least] as Happening)) least = child
      }
      if (least === at) return
      swap(queue, at, least)
      at = least
    }
  }
}

function before(one: Happening, other: Happening): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order)
}

function swap(queue: Happening[], i: number, j: number): void {
  ;[queue[i], queue[j]] = [queue[j] as Happening, queue[i] as Happening]
}

/** The value that a share of all values keep to. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.ceil(share * sorted.length) - 1] as number
}
