/**
 * Whom to probe next, what is asked and not answered yet, and what is asked for others.
 *
 * SWIM's round: everyone's peers in an order of chance, each once, then in another order. Those about whom there is a doubt are asked beside them, one at a
 * time, so that whoever sows doubts cannot keep a node from looking after the rest.
 */

import { LIMITS } from '../core/limits.ts'

/** A question of this node's own. */
export interface Probe {
  readonly target: string
  readonly number: number
  readonly startedMs: number
  /** Nobody is asked to help, and silence proves nothing new. */
  readonly isQuiet: boolean
  /** Whom this node asked to help, once it has. */
  helpers: readonly string[] | null
  /** A helper said that he heard nothing: what is silent is not this node's own link. */
  isNacked: boolean
  /** When patience ends: first for him, then for the helpers. */
  dueMs: number
}

/** A question for somebody else. */
export interface Relay {
  readonly target: string
  readonly asker: string
  /** The asker's number. */
  readonly number: number
  readonly endMs: number
}

/** What an ack answers. */
export type Answered =
  | { readonly kind: 'probe'; readonly probe: Probe; readonly isDirect: boolean }
  | { readonly kind: 'relay'; readonly asker: string; readonly number: number }

export class Probes {
  readonly #open = new Map<number, Probe>()
  readonly #relays = new Map<number, Relay>()
  readonly #doubts = new Set<string>()
  #round: string[] = []
  #lastNumber = 0
  #state: number

  /** @param seed unsigned 32-bit integer of chance, so that nodes go through their peers in orders of their own */
  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** He is to be probed out of turn. */
  doubt(target: string): void {
    this.#doubts.add(target)
  }

  /** The next of the round, or null where there is nobody. */
  next(peers: readonly string[], isMember: (name: string) => boolean): string | null {
    for (let rounds = 0; rounds < 2; rounds++) {
      for (let peer = this.#round.pop(); peer !== undefined; peer = this.#round.pop()) if (isMember(peer)) return peer
      this.#round = this.shuffled(peers)
    }
    return null
  }

  /** The most urgent of those in doubt, or null. `sinceMs`: since when somebody waits; the least is the most urgent. */
  nextDoubted(isMember: (name: string) => boolean, sinceMs: (name: string) => number): string | null {
    let chosen: string | null = null
    for (const name of this.#doubts) {
      if (!isMember(name)) this.#doubts.delete(name)
      else if (chosen === null || sinceMs(name) < sinceMs(chosen)) chosen = name
    }
    if (chosen !== null) this.#doubts.delete(chosen)
    return chosen
  }

  /** A new question, or null where too many are open. */
  start(target: string, isQuiet: boolean, nowMs: number, timeoutMs: number): Probe | null {
    if (this.#open.size >= LIMITS.swimProbesOpenMax) return null
    const number = ++this.#lastNumber
    const dueMs = nowMs + timeoutMs
    const probe: Probe = { target, number, startedMs: nowMs, isQuiet, helpers: null, isNacked: false, dueMs }
    this.#doubts.delete(target)
    this.#open.set(number, probe)
    return probe
  }

  get isAnyOpen(): boolean {
    return this.#open.size > 0
  }

  /** Notes that a helper has heard nothing. */
  nacked(from: string, number: number): void {
    const probe = this.#open.get(number)
    if (probe?.helpers?.includes(from)) probe.isNacked = true
  }

  /** A number for a question on behalf of `asker`, or null where he, or all together, have too many open. */
  relay(asker: string, number: number, target: string, nowMs: number, timeoutMs: number): number | null {
    let ofAsker = 0
    for (const relay of this.#relays.values()) if (relay.asker === asker) ofAsker++
    if (ofAsker >= LIMITS.swimRelaysPerMemberMax || this.#relays.size >= LIMITS.swimRelaysMax) return null
    this.#relays.set(++this.#lastNumber, { target, asker, number, endMs: nowMs + timeoutMs })
    return this.#lastNumber
  }

  /** What an ack by `from` answers, which is answered by it; null for one that comes too late, or was never asked for. */
  answered(from: string, number: number): Answered | null {
    const relay = this.#relays.get(number)
    if (relay?.target === from) {
      this.#relays.delete(number)
      return { kind: 'relay', asker: relay.asker, number: relay.number }
    }
    const probe = this.#open.get(number)
    const isDirect = probe?.target === from
    if (!probe || !(isDirect || probe.helpers?.includes(from))) return null
    this.#open.delete(number)
    return { kind: 'probe', probe, isDirect }
  }

  /** When patience with somebody ends next; Infinity where nothing is asked. */
  get dueMs(): number {
    let first = Number.POSITIVE_INFINITY
    for (const { dueMs } of this.#open.values()) first = Math.min(first, dueMs)
    for (const { endMs } of this.#relays.values()) first = Math.min(first, endMs)
    return first
  }

  /** Questions for others on which patience has ended, and which are closed now. */
  endedRelays(nowMs: number): Relay[] {
    const ended: Relay[] = []
    for (const [number, relay] of this.#relays) {
      if (relay.endMs > nowMs) continue
      this.#relays.delete(number)
      ended.push(relay)
    }
    return ended
  }

  /** Questions on which patience has ended, and which are closed now; those that `askHelpers` found help for stay open as long again. */
  unanswered(nowMs: number, timeoutMs: number, askHelpers: (probe: Probe) => readonly string[]): Probe[] {
    const closed: Probe[] = []
    for (const probe of [...this.#open.values()]) {
      if (probe.dueMs > nowMs) continue
      if (!probe.isQuiet && probe.helpers === null) {
        probe.helpers = askHelpers(probe)
        probe.dueMs = nowMs + timeoutMs
        if (probe.helpers.length > 0) continue
      }
      this.#open.delete(probe.number)
      closed.push(probe)
    }
    return closed
  }

  /** The same names in an order of chance. */
  shuffled(names: readonly string[]): string[] {
    const order = [...names]
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(this.#chance() * (i + 1))
      ;[order[i], order[j]] = [order[j] as string, order[i] as string]
    }
    return order
  }

  /** 0 ≤ x < 1 (mulberry32): a good spread is all that is asked of it. */
  #chance(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
