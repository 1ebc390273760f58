/**
 * All shared objects of a home in one epoch: what final blocks do to them, the same at every member.
 *
 * A change is applied once, or refused with a code; what is refused leaves nothing in the state. Nothing here knows what was true elsewhere: a decision follows from the objects as the epoch began,
 * from the changes in their order, and from whether the writer's key log was settled when the epoch began.
 */

import { equal } from '../../core/bytes.ts'
import type { Code } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { keyOf } from '../key.ts'
import type { SettledObject } from '../statetree.ts'
import { markOf, objectOf, ruleDigest, type SharedChange, type SharedWish } from './change.ts'
import { hasMark, markCount, nextHead, type SharedObject, settledOf, withMark, withWord } from './object.ts'

/** A change as it was ordered. */
export interface OrderedChange {
  readonly change: SharedChange
  /** 32-byte digest of the statement as it travels. */
  readonly digest: Uint8Array
  /** The statement. */
  readonly bytes: Uint8Array
  /** The writer's key log was settled when the epoch began. */
  readonly isKnown: boolean
}

/** What became of a change. */
export interface SharedOutcome {
  readonly oid: Uint8Array
  readonly writer: Uint8Array
  readonly mark: Uint8Array
  readonly kind: SharedWish['kind']
  /** Why it was refused; null where it was not. */
  readonly code: Code | null
  /** Where the object is after it; 0 where there is none. */
  readonly sequence: number
  /** A word for a rule was taken down, and more are needed: the object is where it was. */
  readonly isWord: boolean
  /** The statement. */
  readonly bytes: Uint8Array
}

/** An applied change, for whoever asks what has happened to an object. */
export interface SharedEntry {
  readonly sequence: number
  /** The head before it. */
  readonly previous: Uint8Array
  readonly bytes: Uint8Array
}

/** A shared object and the newest changes that were applied to it, as far as they were seen here. */
export interface KeptObject {
  readonly object: SharedObject
  /** The oldest first; at most `LIMITS.sharedHistoryMax`. */
  readonly history: readonly SharedEntry[]
}

export class SharedBook {
  readonly #netId: Uint8Array
  readonly #epoch: number
  readonly #opened: ReadonlyMap<string, KeptObject>
  readonly #kept: Map<string, KeptObject>
  /** By mark, what became of changes in this epoch. */
  readonly #outcomes = new Map<string, SharedOutcome>()
  #applied = 0

  constructor(netId: Uint8Array, epoch: number, kept: Iterable<KeptObject> = []) {
    this.#netId = netId
    this.#epoch = epoch
    this.#opened = new Map([...kept].map((one) => [keyOf(one.object.oid), one]))
    this.#kept = new Map(this.#opened)
  }

  get size(): number {
    return this.#kept.size
  }

  /** No more is applied in this epoch. */
  get isFull(): boolean {
    return this.#applied >= LIMITS.sharedChangesPerEpochMax
  }

  get(oid: Uint8Array): SharedObject | null {
    return this.#kept.get(keyOf(oid))?.object ?? null
  }

  /** Every object with what is known of its past. */
  kept(): Iterable<KeptObject> {
    return this.#kept.values()
  }

  /** The newest changes that were applied to an object, as far as they were seen here, the oldest first. */
  history(oid: Uint8Array): readonly SharedEntry[] {
    return this.#kept.get(keyOf(oid))?.history ?? []
  }

  /** All objects as the settled state holds them now. */
  *settled(): Iterable<SettledObject> {
    for (const { object } of this.#kept.values()) yield settledOf(object)
  }

  /** The same as it was when the epoch began. */
  *opened(): Iterable<SettledObject> {
    for (const { object } of this.#opened.values()) yield settledOf(object)
  }

  /** Objects that the epoch has changed so far. */
  *changed(): Iterable<KeptObject> {
    for (const [name, one] of this.#kept) if (this.#opened.get(name) !== one) yield one
  }

  /** Where an object was when the epoch began; 0 where it was not there. */
  openedAt(oid: Uint8Array): number {
    return this.#opened.get(keyOf(oid))?.object.sequence ?? 0
  }

  /** What became of a change in this epoch, by its mark; null where nothing has yet, or it is too long ago. */
  outcomeOf(mark: Uint8Array): SharedOutcome | null {
    return this.#outcomes.get(keyOf(mark)) ?? null
  }

  /** True where a change was applied in this epoch or the one before it. */
  wasApplied(change: SharedChange): boolean {
    const object = this.get(objectOf(change, this.#netId))
    return object !== null && hasMark(object, markOf(change), this.#epoch)
  }

  /** Why a change would be refused if it came now; null where it would be applied. `replayed`: it was applied before. */
  refusalOf(change: SharedChange, isKnown: boolean): Code | null {
    if (this.wasApplied(change)) return 'replayed'
    const object = this.get(objectOf(change, this.#netId))
    if (this.isFull) return 'limit'
    return change.wish.kind === 'create'
      ? this.#refusalOfNew(change, object, isKnown)
      : refusalOf(change, object, this.#epoch)
  }

  /** Takes in a change of a final block; null where it was applied before, or the epoch takes no more. */
  apply({ change, digest, bytes, isKnown }: OrderedChange): SharedOutcome | null {
    const code = this.refusalOf(change, isKnown)
    if (code === 'replayed' || this.isFull) return null
    const oid = objectOf(change, this.#netId)
    const before = this.#kept.get(keyOf(oid)) ?? null
    const mark = markOf(change)
    const sequence = before?.object.sequence ?? 0
    const outcome = { oid, writer: change.writer, mark, kind: change.wish.kind, code, sequence, isWord: false, bytes }
    if (code !== null) return this.#remember(outcome)
    this.#applied++
    const object = before ? changedBy(before.object, change, digest) : begunBy(oid, change, digest)
    const isMoved = object.sequence > sequence
    const previous = before?.object.head ?? NO_HEAD
    const entry = { sequence: object.sequence, previous, bytes: bytes.slice() }
    const history = isMoved ? [...(before?.history ?? []), entry].slice(-LIMITS.sharedHistoryMax) : before?.history
    this.#kept.set(keyOf(oid), {
      object: { ...object, ...withMark(object, mark, this.#epoch) },
      history: history ?? [],
    })
    return this.#remember({ ...outcome, sequence: object.sequence, isWord: !isMoved })
  }

  #refusalOfNew({ writer }: SharedChange, object: SharedObject | null, isKnown: boolean): Code | null {
    if (!isKnown) return 'unknown-owner'
    if (object) return 'not-allowed'
    const own = [...this.#kept.values()].filter(({ object: { creator } }) => equal(creator, writer)).length
    return own >= LIMITS.sharedPerCreatorMax || this.#kept.size >= LIMITS.sharedObjectsMax ? 'limit' : null
  }

  #remember(outcome: SharedOutcome): SharedOutcome {
    const name = keyOf(outcome.mark)
    this.#outcomes.delete(name)
    this.#outcomes.set(name, outcome)
    for (const oldest of this.#outcomes.keys()) {
      if (this.#outcomes.size <= LIMITS.sharedOutcomesMax) break
      this.#outcomes.delete(oldest)
    }
    return outcome
  }
}

function refusalOf({ writer, wish }: SharedChange, object: SharedObject | null, epoch: number): Code | null {
  if (!object) return 'unknown-object'
  if (!object.rule.writers.some((id) => equal(id, writer))) return 'not-allowed'
  if (wish.kind === 'write' && wish.follows !== 0 && wish.follows !== object.sequence) return 'wrong-sequence'
  return markCount(object, epoch) >= LIMITS.sharedChangesPerObjectMax ? 'limit' : null
}

function begunBy(oid: Uint8Array, { writer, epoch, wish }: SharedChange, digest: Uint8Array): SharedObject {
  const { rule, value } = wish as Extract<SharedWish, { kind: 'create' }>
  const head = nextHead(NO_HEAD, digest)
  const marks = { epoch, marks: NOTHING, marksBefore: NOTHING }
  return { oid, creator: writer.slice(), sequence: 1, head, rule, words: [], value: value.slice(), ...marks }
}

function changedBy(object: SharedObject, { writer, wish }: SharedChange, digest: Uint8Array): SharedObject {
  const moved = { ...object, sequence: object.sequence + 1, head: nextHead(object.head, digest) }
  if (wish.kind === 'write') return { ...moved, value: wish.value.slice() }
  const { rule } = wish as Extract<SharedWish, { kind: 'rule' }>
  const named = ruleDigest(rule)
  if (equal(named, ruleDigest(object.rule)))
    return { ...object, words: object.words.filter((word) => !equal(word.writer, writer)) }
  const words = withWord(object.words, { writer: writer.slice(), rule: named })
  const agreed = words.filter((word) => equal(word.rule, named)).length
  return agreed >= object.rule.needed ? { ...moved, rule, words: [] } : { ...object, words }
}

const NOTHING = new Uint8Array(0)
const NO_HEAD = new Uint8Array(32)
