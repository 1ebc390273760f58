/**
 * Orders that cannot be voted for yet, but perhaps later: the version before is missing here, or the money, or the owner's key log.
 *
 * Each waits for one thing, named by a text; bounded in all, in bytes and by owner, the oldest makes room. What somebody is only said to have signed takes no room from
 * what he or anybody else has signed.
 */

import { LIMITS } from '../core/limits.ts'
import { keyOf } from './key.ts'
import type { Order } from './order.ts'

export interface ParkedOrder {
  readonly order: Order
  /** Its signature was checked. */
  readonly verified: boolean
}

interface Entry extends ParkedOrder {
  readonly waitsFor: string
}

export class Parked {
  /** By digest of the order, the oldest first. */
  readonly #orders = new Map<string, Entry>()
  /** Digests of those whose signature was not checked, the oldest first. */
  readonly #unverified = new Set<string>()
  readonly #waiting = new Map<string, Set<string>>()
  readonly #owners = new Map<string, Set<string>>()
  #bytes = 0

  get size(): number {
    return this.#orders.size
  }

  /** Puts an order aside; returns those that had to make room, or the order itself where none can be made for it. */
  add(order: Order, verified: boolean, waitsFor: string): Order[] {
    const key = keyOf(order.od)
    const owner = quotaOf(order, verified)
    const evicted: Order[] = []
    this.#remove(key)
    const ofOwner = this.#owners.get(owner)
    if (ofOwner && ofOwner.size >= LIMITS.parkedOrdersPerOwnerMax) evicted.push(...this.#evict(ofOwner))
    while (this.#orders.size >= LIMITS.parkedOrdersMax || this.#bytes + bytesOf(order) > LIMITS.parkedBytesMax) {
      if (!verified && this.#unverified.size === 0) return [...evicted, order]
      evicted.push(...this.#evict(this.#unverified.size > 0 ? this.#unverified : this.#orders.keys()))
    }
    this.#orders.set(key, { order, verified, waitsFor })
    this.#bytes += bytesOf(order)
    if (!verified) this.#unverified.add(key)
    addTo(this.#waiting, waitsFor, key)
    addTo(this.#owners, owner, key)
    return evicted
  }

  has(od: Uint8Array): boolean {
    return this.#orders.has(keyOf(od))
  }

  /** A verified order by its digest, if it is here. */
  find(od: Uint8Array): Order | null {
    const entry = this.#orders.get(keyOf(od))
    return entry?.verified ? entry.order : null
  }

  /** Takes out all that wait for this, the oldest first. */
  take(waitsFor: string): ParkedOrder[] {
    const keys = this.#waiting.get(waitsFor)
    if (!keys) return []
    const taken: ParkedOrder[] = []
    for (const key of [...keys]) {
      const entry = this.#orders.get(key)
      if (entry) taken.push(entry)
      this.#remove(key)
    }
    return taken
  }

  /** Takes out all, the oldest first. */
  takeAll(): ParkedOrder[] {
    const taken = [...this.#orders.values()]
    for (const key of [...this.#orders.keys()]) this.#remove(key)
    return taken
  }

  /** Takes out one order. */
  drop(od: Uint8Array): void {
    this.#remove(keyOf(od))
  }

  #evict(keys: Iterable<string>): Order[] {
    for (const key of keys) {
      const entry = this.#orders.get(key)
      this.#remove(key)
      return entry ? [entry.order] : []
    }
    return []
  }

  #remove(key: string): void {
    const entry = this.#orders.get(key)
    if (!entry) return
    this.#orders.delete(key)
    this.#bytes -= bytesOf(entry.order)
    this.#unverified.delete(key)
    removeFrom(this.#waiting, entry.waitsFor, key)
    removeFrom(this.#owners, quotaOf(entry.order, entry.verified), key)
  }
}

/** What keeping an order takes, but for what all orders take alike. */
function bytesOf({ envelope }: Order): number {
  return envelope.body.length + envelope.attachment.length
}

function quotaOf({ owner }: Order, verified: boolean): string {
  return verified ? keyOf(owner) : `said to be of ${keyOf(owner)}`
}

function addTo(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name)
  if (keys) keys.add(key)
  else index.set(name, new Set([key]))
}

function removeFrom(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name)
  keys?.delete(key)
  if (keys?.size === 0) index.delete(name)
}
