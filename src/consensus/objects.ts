/**
 * All objects that a register knows: how far each one's chain is certified and settled, and its state.
 *
 * Kept in memory as a whole; changed ones are written once a turn. Each bucket of settled heads has a digest that two members compare to find out cheaply
 * whether one lacks something: the XOR of a hash of every head. It is a hint and proves nothing.
 */

import { compare } from '../core/bytes.ts'
import { blake3Of } from '../core/digest.ts'
import { LIMITS } from '../core/limits.ts'
import type { Records } from './effects.ts'
import type { Journal } from './journal.ts'
import { keyOf } from './key.ts'
import type { ObjectReader, ObjectRules } from './object.ts'
import { decodeObject, encodeObject, SPACE, slotKey } from './records.ts'

/** One object. Versions count from 1; 0 = none. */
export interface ObjectEntry<S> {
  readonly oid: Uint8Array
  readonly key: string
  /** Highest version whose certificate is held here and applied. */
  certified: number
  /** Digest of the order of that version; zeros for none. */
  head: Uint8Array
  /** Highest version that is settled here; all before it are. */
  settled: number
  settledHead: Uint8Array
  /** Own LOCK for version `certified + 1` is in a sealed batch. */
  locked: boolean
  state: S | null
}

/** The settled version of an object. */
export interface Head {
  readonly oid: Uint8Array
  readonly version: number
}

const NO_HEAD = new Uint8Array(32)

export class Objects<S> implements ObjectReader<S> {
  readonly #rules: ObjectRules<S>
  readonly #journal: Journal
  readonly #entries = new Map<string, ObjectEntry<S>>()
  readonly #digests = Array.from({ length: LIMITS.summaryBuckets }, () => new Uint8Array(32))

  constructor(rules: ObjectRules<S>, journal: Journal) {
    this.#rules = rules
    this.#journal = journal
  }

  get size(): number {
    return this.#entries.size
  }

  get(oid: Uint8Array): ObjectEntry<S> | undefined {
    return this.#entries.get(keyOf(oid))
  }

  all(): Iterable<ObjectEntry<S>> {
    return this.#entries.values()
  }

  stateOf(oid: Uint8Array): S | null {
    return this.get(oid)?.state ?? null
  }

  /** The entry of an object, made where there is none. */
  ensure(oid: Uint8Array): ObjectEntry<S> {
    const key = keyOf(oid)
    let entry = this.#entries.get(key)
    if (!entry) {
      entry = {
        oid: oid.slice(),
        key,
        certified: 0,
        head: NO_HEAD,
        settled: 0,
        settledHead: NO_HEAD,
        locked: false,
        state: null,
      }
      this.#entries.set(key, entry)
    }
    return entry
  }

  /** Has the entry written with the turn. */
  changed(entry: ObjectEntry<S>): void {
    this.#journal.put(SPACE.object, entry.oid, () => {
      const state = entry.state === null ? null : this.#rules.encodeState(entry.state)
      return encodeObject({ ...entry, state })
    })
  }

  /** Moves the settled head and the digest of its bucket. */
  settle(entry: ObjectEntry<S>, version: number, od: Uint8Array): void {
    this.#mix(entry)
    entry.settled = version
    entry.settledHead = od
    this.#mix(entry)
    this.changed(entry)
  }

  /** Reads back what was stored. */
  restore(records: Records): void {
    for (const { key, value } of records.scan(SPACE.object)) {
      const { state, ...record } = decodeObject(value)
      const entry = this.ensure(key)
      Object.assign(entry, record, { state: state === null ? null : this.#rules.decodeState(state) })
      this.#mix(entry)
    }
  }

  /** A digest of each bucket, 32 bytes. */
  summary(): Uint8Array[] {
    return this.#digests.map((digest) => digest.slice())
  }

  /** Settled heads of a bucket in the order of their ids: first those after the id `after`, then, where there is room left, from the bucket's start. */
  heads(bucket: number, after: Uint8Array | null, countMax: number): Head[] {
    const heads: Head[] = []
    for (const { oid, settled } of this.#entries.values()) {
      if (settled > 0 && bucketOf(oid) === bucket) heads.push({ oid, version: settled })
    }
    heads.sort((a, b) => compare(a.oid, b.oid))
    const next = after ? heads.findIndex(({ oid }) => compare(oid, after) > 0) : 0
    const start = Math.max(0, next)
    return [...heads.slice(start), ...heads.slice(0, start)].slice(0, countMax)
  }

  /** XOR: in where it was out, out where it was in. */
  #mix(entry: ObjectEntry<S>): void {
    if (entry.settled === 0) return
    const digest = this.#digests[bucketOf(entry.oid)] as Uint8Array
    const hash = blake3Of('webx v1 settled head', slotKey(entry.oid, entry.settled))
    for (let i = 0; i < digest.length; i++) digest[i] = (digest[i] as number) ^ (hash[i] as number)
  }
}

/** The bucket that an object's settled head is summed up in. */
export function bucketOf(oid: Uint8Array): number {
  return Math.floor(((oid[0] as number) * LIMITS.summaryBuckets) / 256)
}
