/**
 * Passing messages on along rows and columns, as the second way beside the broker's fan-out: a state machine without a clock or a socket.
 *
 * Whoever publishes sends to its 8 peers, each of which passes on what is new and true to its own, over three hops at most: two reach everyone where nobody
 * is missing, the third goes round the dead. What was lost all the same is found every five seconds: a digest of what one holds goes to a seat drawn at
 * random, and where it differs, the two tell each other which messages they have, and send what the other lacks.
 *
 * Nothing is passed on before its signature held: `receive` says what is news, `accept` passes it on. All that a liar can do is to make its peers check.
 */

import { toHex } from '../core/bytes.ts'
import { LIMITS } from '../core/limits.ts'
import { type GossipMessage, gossipId, type Listed, type Summary, summaryOf } from './gossip-message.ts'
import { peersOf } from './matrix.ts'

/** A message to the holder of a seat. */
export interface Send {
  readonly to: number
  readonly message: GossipMessage
}

/** What has come for the first time; its signature is for the caller to verify. */
export interface News {
  readonly id: string
  readonly bytes: Uint8Array
  readonly from: number
  readonly hops: number
}

/** What came of a message. */
export interface Heard {
  readonly news: News | null
  readonly sends: readonly Send[]
}

interface Held {
  readonly bytes: Uint8Array
  readonly untilMs: number
}

const NOTHING: Heard = { news: null, sends: [] }

/** One seat's part in it. All times are of one monotonic clock. */
export class Gossip {
  readonly #seat: number
  readonly #seats: number
  readonly #peers: readonly number[]
  /** What can be sent again, in the order in which it came. */
  readonly #held = new Map<string, Held>()
  #heldBytes = 0
  /** Ids of all that came, also of what was false or is no more held, in that order. */
  readonly #seen = new Set<string>()
  /** Per seat, when its next summary is looked at. */
  readonly #patience = new Map<number, number>()
  /** The seat that was asked, whose list is awaited. */
  #asked: number | null = null
  /** Seats that were sent a list, and may want of it once. */
  readonly #listed = new Set<number>()
  #wakeAtMs: number

  /** @param seats how many seats the neighborhood has */
  constructor(seat: number, seats: number, nowMs: number) {
    this.#seat = seat
    this.#seats = seats
    this.#peers = peersOf(seat, seats)
    this.#wakeAtMs = nowMs + LIMITS.gossipSummaryIntervalMs
  }

  /** When `tick` is due. */
  get wakeAtMs(): number {
    return this.#wakeAtMs
  }

  /** How much is held, for those who watch bounds. */
  get sizes(): { readonly held: number; readonly heldBytes: number; readonly seen: number } {
    return { held: this.#held.size, heldBytes: this.#heldBytes, seen: this.#seen.size }
  }

  /** A message of one's own goes to all peers. */
  publish(bytes: Uint8Array, nowMs: number): Send[] {
    const id = gossipId(bytes)
    this.#remember(id)
    this.#hold(id, bytes, nowMs)
    return this.#spread(bytes, LIMITS.gossipHopsMax, null)
  }

  /** A message came by another way, and was found true: it need not be passed on, but others may lack it. */
  heard(bytes: Uint8Array, nowMs: number): void {
    const id = gossipId(bytes)
    this.#remember(id)
    this.#hold(id, bytes, nowMs)
  }

  /** A seat says something. */
  receive(from: number, message: GossipMessage, nowMs: number): Heard {
    if (from === this.#seat || from >= this.#seats) return NOTHING
    if (message.kind === 'rumor') {
      const id = gossipId(message.bytes)
      if (this.#seen.has(id) || this.#held.has(id)) return NOTHING
      this.#remember(id)
      return { news: { id, bytes: message.bytes, from, hops: message.hops }, sends: [] }
    }
    this.#forget(nowMs)
    if (message.kind === 'summary') return { news: null, sends: this.#compare(from, message, nowMs) }
    // Lists and wishes that nobody asked for would make this seat send to whoever likes it to.
    if (message.kind === 'list') {
      if (this.#asked !== from) return NOTHING
      this.#asked = null
      return { news: null, sends: this.#reconcile(from, message) }
    }
    return this.#listed.delete(from) ? { news: null, sends: this.#deliver(from, message.ids) } : NOTHING
  }

  /** What came as news is true: it is held for those who lack it, and goes on to the peers that did not send it. */
  accept({ id, bytes, from, hops }: News, nowMs: number): Send[] {
    this.#hold(id, bytes, nowMs)
    return this.#spread(bytes, hops - 1, from)
  }

  /**
   * Time has passed.
   *
   * @param random 0 ≤ random < 1, drawn by the caller: which seat is asked
   */
  tick(nowMs: number, random: number): Send[] {
    if (nowMs < this.#wakeAtMs) return []
    this.#wakeAtMs = nowMs + LIMITS.gossipSummaryIntervalMs
    this.#forget(nowMs)
    if (this.#seats < 2) return []
    const drawn = Math.floor(random * (this.#seats - 1))
    const to = drawn < this.#seat ? drawn : drawn + 1
    this.#asked = to
    return [{ to, message: summaryOf([...this.#held.keys()]) }]
  }

  #spread(bytes: Uint8Array, hops: number, except: number | null): Send[] {
    if (hops <= 0) return []
    const message: GossipMessage = { kind: 'rumor', hops, bytes }
    return this.#peers.filter((peer) => peer !== except).map((to) => ({ to, message }))
  }

  /** Lists what is held here, unless it is what the other one holds. */
  #compare(from: number, { count, digest }: Summary, nowMs: number): Send[] {
    if (nowMs < (this.#patience.get(from) ?? 0)) return []
    this.#patience.set(from, nowMs + LIMITS.gossipSummaryIntervalMs / 2)
    const ids = [...this.#held.keys()].sort()
    const own = summaryOf(ids)
    if (own.count === count && toHex(own.digest) === toHex(digest)) return []
    this.#listed.add(from)
    return [{ to: from, message: { kind: 'list', ids } }]
  }

  /** Sends what the other one has not listed, and asks for what it has and was never seen here. */
  #reconcile(from: number, { ids }: Listed): Send[] {
    const theirs = new Set(ids)
    const wanted = ids.filter((id) => !this.#seen.has(id) && !this.#held.has(id)).slice(0, LIMITS.gossipWantedMax)
    const sends = this.#deliver(
      from,
      [...this.#held.keys()].filter((id) => !theirs.has(id)),
    )
    return wanted.length === 0 ? sends : [...sends, { to: from, message: { kind: 'want', ids: wanted } }]
  }

  /** The bytes of these, for one seat alone, as many as one answer may hold. */
  #deliver(to: number, ids: readonly string[]): Send[] {
    const sends: Send[] = []
    let room: number = LIMITS.gossipAnswerBytesMax
    for (const id of ids) {
      const held = this.#held.get(id)
      if (held === undefined) continue
      room -= held.bytes.length
      if (room < 0) break
      sends.push({ to, message: { kind: 'rumor', hops: 1, bytes: held.bytes } })
    }
    return sends
  }

  #remember(id: string): void {
    this.#seen.add(id)
    if (this.#seen.size > LIMITS.gossipSeenMax) this.#seen.delete(this.#seen.values().next().value as string)
  }

  #hold(id: string, bytes: Uint8Array, nowMs: number): void {
    if (this.#held.has(id)) return
    this.#held.set(id, { bytes: bytes.slice(), untilMs: nowMs + LIMITS.gossipHeldMs })
    this.#heldBytes += bytes.length
    while (this.#held.size > LIMITS.gossipHeldMax || this.#heldBytes > LIMITS.gossipHeldBytesMax) this.#dropOldest()
  }

  #forget(nowMs: number): void {
    for (const { untilMs } of this.#held.values()) {
      if (untilMs > nowMs) return
      this.#dropOldest()
    }
  }

  #dropOldest(): void {
    const [id, held] = this.#held.entries().next().value as [string, Held]
    this.#held.delete(id)
    this.#heldBytes -= held.bytes.length
  }
}
