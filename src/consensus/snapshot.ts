/**
 * The settled state of this register as others are told of it: its root now, and, in chunks, all of it as it was when the epoch began.
 *
 * A joiner fetches chunks while payments go on, so an object that changes is first put aside as it was. Chunk 0 is the table of buckets, the others are the parts that it names, in order.
 */

import { encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Journal } from './journal.ts'
import { keyOf } from './key.ts'
import { type MerkleTree, merklePath } from './merkle.ts'
import type { ObjectReader, ObjectRules } from './object.ts'
import type { ObjectEntry, Objects } from './objects.ts'
import { SPACE } from './records.ts'
import type { FirstPart } from './state-proof.ts'
import {
  type BucketMark,
  bucketMark,
  bucketParts,
  bucketTree,
  EMPTY_BUCKET,
  partTree,
  type SettledObject,
  stateBucketOf,
  stateRootOf,
} from './statetree.ts'

/** Objects that lie in the settled state beside those of the register. */
export interface BesideRegister {
  /** As they are now. */
  settled(): Iterable<SettledObject>
  /** As they were when the epoch began. */
  opened(): Iterable<SettledObject>
}

export const NOTHING_BESIDE: BesideRegister = { settled: () => [], opened: () => [] }

interface CutUp {
  readonly bucket: number
  readonly parts: readonly Uint8Array[]
  readonly tree: MerkleTree
}

export class Snapshot<S> {
  readonly #objects: Objects<S>
  readonly #rules: ObjectRules<S>
  readonly #journal: Journal
  readonly #beside: BesideRegister
  /** Marks of the buckets as they are now, but for those in `#stale`. */
  readonly #marks: BucketMark[] = Array.from({ length: LIMITS.stateBuckets }, () => EMPTY_BUCKET)
  readonly #stale = new Set<number>()
  /** By key: objects that have changed since the epoch began, as they were. Null in epoch 0, which begins with nothing. */
  #before: Map<string, SettledObject> | null = null
  #table: readonly BucketMark[] | null = null
  /** The parts of the bucket that was asked for last. */
  #cut: CutUp | null = null

  constructor(
    objects: Objects<S>,
    rules: ObjectRules<S>,
    journal: Journal,
    epoch: number,
    beside: BesideRegister = NOTHING_BESIDE,
  ) {
    this.#objects = objects
    this.#rules = rules
    this.#journal = journal
    this.#beside = beside
    for (let bucket = 0; bucket < LIMITS.stateBuckets; bucket++) this.#stale.add(bucket)
    objects.beforeSettled((entry) => this.#keep(entry))
    if (epoch > 0) this.#before = readBefore(journal)
  }

  /** 32-byte root of the settled state as it is now. Throws `not-settled` where a store from before there were epochs does not tell it. */
  root(): Uint8Array {
    const beside = [...this.#beside.settled()]
    for (const { oid } of beside) this.#stale.add(stateBucketOf(oid))
    if (this.#stale.size > 0) {
      const contents = this.#group(this.#stale, beside, (entry) => this.#settled(entry))
      for (const [bucket, objects] of contents) this.#marks[bucket] = bucketMark(bucketParts(objects))
      this.#stale.clear()
    }
    return stateRootOf(this.#marks)
  }

  /** What is settled now is what the epoch begins with. */
  begin(): void {
    this.#journal.clear(SPACE.opening)
    this.#before = new Map()
    this.#table = null
    this.#cut = null
  }

  /** Everything is to be looked at anew. */
  forget(): void {
    for (let bucket = 0; bucket < LIMITS.stateBuckets; bucket++) this.#stale.add(bucket)
    this.begin()
  }

  /** How many chunks the state has that the epoch began with; 0 in epoch 0. */
  get chunkCount(): number {
    if (!this.#before) return 0
    return 1 + this.#opening().reduce((sum, { parts }) => sum + parts, 0)
  }

  /** One of them: at most `LIMITS.stateChunkBytesMax` bytes. Throws `bad-argument` where there is none of that number. */
  chunk(index: number): Uint8Array {
    if (!this.#before || index < 0 || index >= this.chunkCount) {
      throw new WebxError('bad-argument', `there is no chunk ${index} of the state`)
    }
    const marks = this.#opening()
    if (index === 0) return encode(marks.map(({ parts, root }) => (parts === 0 ? [] : [parts, root])))
    let part = index - 1
    let bucket = 0
    for (; part >= (marks[bucket] as BucketMark).parts; bucket++) part -= (marks[bucket] as BucketMark).parts
    const { parts, tree } = this.#cutUp(bucket)
    return encode([merklePath(tree, part), parts[part] as Uint8Array])
  }

  /** Where the first part of an object's bucket lay when the epoch began; null where that bucket was empty, and in epoch 0. */
  firstPart(oid: Uint8Array): FirstPart | null {
    if (!this.#before) return null
    const marks = this.#opening()
    const bucket = stateBucketOf(oid)
    const mark = marks[bucket] as BucketMark
    if (mark.parts === 0) return null
    const { parts, tree } = this.#cutUp(bucket)
    const [part] = parts as [Uint8Array]
    return { ...mark, path: merklePath(tree, 0), part, bucketPath: merklePath(bucketTree(marks), bucket) }
  }

  /** The objects of the register as they were when the epoch began: the same at every member, and none in epoch 0. */
  readonly openingStates: ObjectReader<S> = { stateOf: (oid) => this.#openingStateOf(oid) }

  #openingStateOf(oid: Uint8Array): S | null {
    const entry = this.#before && this.#objects.get(oid)
    if (!entry) return null
    const before = this.#before?.get(entry.key)
    if (!before) return entry.base
    return before.state === null ? null : this.#rules.decodeState(before.state)
  }

  #opening(): readonly BucketMark[] {
    if (!this.#table) {
      const all = new Set(this.#marks.keys())
      const marks = this.#marks.map(() => EMPTY_BUCKET)
      for (const [bucket, objects] of this.#group(all, this.#beside.opened(), (entry) => this.#opened(entry))) {
        marks[bucket] = bucketMark(bucketParts(objects))
      }
      this.#table = marks
    }
    return this.#table
  }

  #cutUp(bucket: number): CutUp {
    if (this.#cut?.bucket !== bucket) {
      const contents = this.#group(new Set([bucket]), this.#beside.opened(), (entry) => this.#opened(entry))
      const objects = contents.get(bucket) ?? []
      const parts = bucketParts(objects)
      this.#cut = { bucket, parts, tree: partTree(parts) }
    }
    return this.#cut
  }

  #group(
    buckets: ReadonlySet<number>,
    beside: Iterable<SettledObject>,
    read: (entry: ObjectEntry<S>) => SettledObject,
  ): Map<number, SettledObject[]> {
    const groups = new Map<number, SettledObject[]>([...buckets].map((bucket) => [bucket, []]))
    for (const entry of this.#objects.all()) groups.get(stateBucketOf(entry.oid))?.push(read(entry))
    for (const object of beside) groups.get(stateBucketOf(object.oid))?.push(object)
    return groups
  }

  #settled(entry: ObjectEntry<S>): SettledObject {
    const { oid, settled, settledHead: head, base, hasBase } = entry
    if (!hasBase) throw new WebxError('not-settled', 'the settled state of an object is not known')
    return { oid, settled, head, state: base === null ? null : this.#rules.encodeState(base) }
  }

  #opened(entry: ObjectEntry<S>): SettledObject {
    return this.#before?.get(entry.key) ?? this.#settled(entry)
  }

  /** The settled part of an object is about to change. */
  #keep(entry: ObjectEntry<S>): void {
    this.#stale.add(stateBucketOf(entry.oid))
    if (!this.#before || this.#before.has(entry.key)) return
    const before = this.#settled(entry)
    this.#before.set(entry.key, before)
    const { settled, head, state } = before
    this.#journal.put(SPACE.opening, entry.oid, encode([settled, head, state !== null, state ?? NOTHING]))
  }
}

function readBefore(journal: Journal): Map<string, SettledObject> {
  const before = new Map<string, SettledObject>()
  for (const { key, value } of journal.scan(SPACE.opening)) {
    const fields = Fields.of('opening record', value, LIMITS.storeValueBytesMax)
    const settled = fields.uint('settled')
    const head = fields.bytes('head', 32)
    const hasState = fields.boolean('hasState')
    const state = fields.bytesBetween('state', 0, LIMITS.storeValueBytesMax)
    fields.end()
    before.set(keyOf(key), { oid: key.slice(), settled, head, state: hasState ? state.slice() : null })
  }
  return before
}

const NOTHING = new Uint8Array(0)
