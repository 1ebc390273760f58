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
import { BASE, type BaseKind, decodeObject, encodeObject, type ObjectRecord, SPACE, slotKey } from './records.ts'

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
  /** With what certified orders have taken. */
  state: S | null
  /** Settled state: as if nothing were certified that is not settled. The same object as `state` where nothing is. */
  base: S | null
  /** False where a store from before there were epochs does not tell the base. */
  hasBase: boolean
  /** Highest version that a final checkpoint covers, or the hand-over of an epoch. */
  covered: number
  /** Highest version that the chain of blocks has decided, here or not; at least `covered`. */
  decided: number
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
  /** Settled versions that no checkpoint covers: whose is open for longest comes first. */
  readonly #uncovered = new Set<ObjectEntry<S>>()
  /** Versions that the chain of blocks has decided and that are not settled here. */
  readonly #lacking = new Set<ObjectEntry<S>>()
  /** The epoch under way. */
  #epoch = 0
  #onSettled: (entry: ObjectEntry<S>) => void = () => {}
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

  /** Epochs 0 to so many less one are over, and every order that was settled in them is applied here; 0 as long as that cannot be told. */
  get epochsClosed(): number {
    return this.#lacking.size === 0 ? this.#epoch : 0
  }

  /** An epoch is under way: those before it are over. */
  beginEpoch(epoch: number): void {
    this.#epoch = epoch
  }

  /** The objects as they are settled. */
  readonly settledStates: ObjectReader<S> = { stateOf: (oid) => this.get(oid)?.base ?? null }

  /** Called with every entry whose settled part is about to change. */
  beforeSettled(listen: (entry: ObjectEntry<S>) => void): void {
    this.#onSettled = listen
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
        base: null,
        hasBase: true,
        covered: 0,
        decided: 0,
      }
      this.#entries.set(key, entry)
    }
    return entry
  }

  /** Has the entry written with the turn. */
  changed(entry: ObjectEntry<S>): void {
    this.#journal.put(SPACE.object, entry.oid, () => {
      const state = this.#encoded(entry.state)
      const baseKind = baseKindOf(entry)
      const base = baseKind === BASE.own ? (this.#encoded(entry.base) ?? NOTHING) : NOTHING
      return encodeObject({ ...entry, state, baseKind, base })
    })
  }

  /** The settled state of an entry becomes this. */
  rebase(entry: ObjectEntry<S>, base: S | null): void {
    this.#onSettled(entry)
    entry.base = base
    this.changed(entry)
  }

  /** Moves the settled head and the digest of its bucket. */
  settle(entry: ObjectEntry<S>, version: number, od: Uint8Array): void {
    this.#onSettled(entry)
    this.#mix(entry)
    entry.settled = version
    entry.settledHead = od
    this.#mix(entry)
    this.#note(entry)
    if (entry.settled >= entry.decided) this.#lacking.delete(entry)
    this.changed(entry)
  }

  /** The chain of blocks has decided about an object up to this version. */
  decide(entry: ObjectEntry<S>, version: number): void {
    entry.decided = Math.max(entry.decided, version)
    if (entry.decided > entry.settled) this.#lacking.add(entry)
  }

  /** A checkpoint covers an object up to this version. */
  cover(entry: ObjectEntry<S>, version: number): void {
    entry.covered = Math.max(entry.covered, version)
    this.decide(entry, version)
    if (entry.covered >= entry.settled) this.#uncovered.delete(entry)
    this.changed(entry)
  }

  /** Objects with settled versions that no checkpoint covers, whose is open for longest first. */
  uncovered(): Iterable<ObjectEntry<S>> {
    return this.#uncovered
  }

  /** Objects of which a decided version is not settled here. */
  lacking(): Iterable<ObjectEntry<S>> {
    return this.#lacking
  }

  /** Forgets everything, and has it deleted. */
  clear(): void {
    for (const { oid } of this.#entries.values()) this.#journal.put(SPACE.object, oid, null)
    this.#entries.clear()
    this.#uncovered.clear()
    this.#lacking.clear()
    for (const digest of this.#digests) digest.fill(0)
  }

  /** Reads back what was stored. */
  restore(records: Records): void {
    for (const { key, value } of records.scan(SPACE.object)) {
      const { certified, head, settled, settledHead, locked, covered, ...states } = decodeObject(value)
      const entry = this.ensure(key)
      Object.assign(entry, { certified, head, settled, settledHead, locked, covered })
      this.decide(entry, covered)
      entry.state = states.state === null ? null : this.#rules.decodeState(states.state)
      this.#restoreBase(entry, states)
      this.#mix(entry)
      this.#note(entry)
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

  #encoded(state: S | null): Uint8Array | null {
    return state === null ? null : this.#rules.encodeState(state)
  }

  #restoreBase(entry: ObjectEntry<S>, { baseKind, base }: Pick<ObjectRecord, 'baseKind' | 'base'>): void {
    entry.hasBase = baseKind !== BASE.unknown
    if (baseKind === BASE.same) entry.base = entry.state
    if (baseKind === BASE.own) entry.base = this.#rules.decodeState(base)
  }

  #note(entry: ObjectEntry<S>): void {
    if (entry.settled > entry.covered) this.#uncovered.add(entry)
  }

  /** XOR: in where it was out, out where it was in. */
  #mix(entry: ObjectEntry<S>): void {
    if (entry.settled === 0) return
    const digest = this.#digests[bucketOf(entry.oid)] as Uint8Array
    const hash = blake3Of('webx v1 settled head', slotKey(entry.oid, entry.settled))
    for (let i = 0; i < digest.length; i++) digest[i] = (digest[i] as number) ^ (hash[i] as number)
  }
}

function baseKindOf<S>({ state, base, hasBase }: ObjectEntry<S>): BaseKind {
  if (!hasBase) return BASE.unknown
  if (base === state) return BASE.same
  return base === null ? BASE.none : BASE.own
}

const NOTHING = new Uint8Array(0)

/** The bucket that an object's settled head is summed up in. */
export function bucketOf(oid: Uint8Array): number {
  return Math.floor(((oid[0] as number) * LIMITS.summaryBuckets) / 256)
}
