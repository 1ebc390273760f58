/**
 * A shared object as it is kept: how far it has come, its rule, its newest value, and which idempotence ids were used of late.
 *
 * It lies in the settled state of its home among the objects of the register (§27), as [sequence, head, state]. Its state begins with the word "shared", which that of no register object does.
 */

import { compare, concat, equal, fromText } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { blake3Of } from '../../core/digest.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { SettledObject } from '../statetree.ts'
import { readRule, ruleFields, type SharedRule } from './change.ts'

/** Which rule a writer wants next. */
export interface RuleWord {
  readonly writer: Uint8Array
  /** 32-byte digest of that rule. */
  readonly rule: Uint8Array
}

export interface SharedObject {
  readonly oid: Uint8Array
  readonly creator: Uint8Array
  /** Applied changes, the one that began it counted. */
  readonly sequence: number
  /** 32 bytes: hash chain over the statements of all applied changes. */
  readonly head: Uint8Array
  readonly rule: SharedRule
  /** Words for other rules that too few have given yet, ascending by writer. */
  readonly words: readonly RuleWord[]
  readonly value: Uint8Array
  /** The epoch of `marks`: the last one in which something was applied. */
  readonly epoch: number
  /** Marks that were used in that epoch, 16 bytes each, in their order. */
  readonly marks: Uint8Array
  /** The same for the epoch before it. */
  readonly marksBefore: Uint8Array
}

const MARK_BYTES = 16
const WORD = 'shared'
/** How every encoded state begins behind the head of its array: the word as text. */
const PREFIX = encode(WORD)

/** The head after one more statement: `digest` is that of the statement as it travels. */
export function nextHead(head: Uint8Array, digest: Uint8Array): Uint8Array {
  return blake3Of('webx v1 shared head', concat(head, digest))
}

/** Whether a mark was used in the epoch of `marks` or the one before it, seen from `epoch`. */
export function hasMark(object: SharedObject, mark: Uint8Array, epoch: number): boolean {
  const { marks, marksBefore } = marksIn(object, epoch)
  return holds(marks, mark) || holds(marksBefore, mark)
}

/** How many marks were used in an epoch, which is the newest one of the object or a later one. */
export function markCount(object: SharedObject, epoch: number): number {
  return marksIn(object, epoch).marks.length / MARK_BYTES
}

/** The marks with one more, used in `epoch`: what is older than the epoch before that is forgotten. */
export function withMark(
  object: SharedObject,
  mark: Uint8Array,
  epoch: number,
): Pick<SharedObject, 'epoch' | 'marks' | 'marksBefore'> {
  const { marks, marksBefore } = marksIn(object, epoch)
  return { epoch, marks: concat(marks, mark), marksBefore }
}

/** The words with one more: a writer has one. */
export function withWord(words: readonly RuleWord[], word: RuleWord): RuleWord[] {
  const others = words.filter(({ writer }) => !equal(writer, word.writer))
  return [...others, word].sort((a, b) => compare(a.writer, b.writer))
}

/** The object as the settled state holds it. */
export function settledOf(object: SharedObject): SettledObject {
  const { oid, creator, sequence, head, rule, words, value, epoch, marks, marksBefore } = object
  const said = words.map((word) => [word.writer, word.rule])
  const state = encode([WORD, creator, ruleFields(rule), said, value, epoch, marks, marksBefore])
  return { oid, settled: sequence, head, state }
}

/** True for an object of the settled state that is a shared one. */
export function isShared({ state }: SettledObject): boolean {
  return state !== null && equal(state.subarray(1, 1 + PREFIX.length), PREFIX)
}

/** Reads what `settledOf` gave. Throws `bad-shape`, `not-canonical`. */
export function readSharedObject({ oid, settled, head, state }: SettledObject): SharedObject {
  const fields = Fields.of('shared object', state ?? fromText(''), LIMITS.storeValueBytesMax)
  fields.text('word', WORD.length)
  const creator = fields.bytes('creator', 32)
  const rule = fields.tuple('rule', readRule)
  const words = fields.list('words', LIMITS.sharedWritersMax, (item) => {
    const nested = new Fields('word', item)
    const word = { writer: nested.bytes('writer', 32), rule: nested.bytes('rule', 32) }
    nested.end()
    return word
  })
  const value = fields.bytesBetween('value', 0, LIMITS.sharedValueBytesMax)
  const epoch = fields.uint('epoch')
  const marks = fields.bytesBetween('marks', 0, MARK_BYTES * LIMITS.sharedChangesPerObjectMax)
  const marksBefore = fields.bytesBetween('marksBefore', 0, MARK_BYTES * LIMITS.sharedChangesPerObjectMax)
  fields.end()
  return { oid, creator, sequence: settled, head, rule, words, value, epoch, marks, marksBefore }
}

function marksIn(object: SharedObject, epoch: number): Pick<SharedObject, 'marks' | 'marksBefore'> {
  if (epoch === object.epoch) return object
  return { marks: NOTHING, marksBefore: epoch === object.epoch + 1 ? object.marks : NOTHING }
}

function holds(marks: Uint8Array, mark: Uint8Array): boolean {
  for (let at = 0; at < marks.length; at += MARK_BYTES) {
    if (equal(marks.subarray(at, at + MARK_BYTES), mark)) return true
  }
  return false
}

const NOTHING = new Uint8Array(0)
