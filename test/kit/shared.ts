/** Changes of shared objects as people of the tests sign them. */

import type { Opening } from '../../src/consensus/epoch/opening.ts'
import { merklePath } from '../../src/consensus/merkle.ts'
import type { SharedBook } from '../../src/consensus/shared/book.ts'
import {
  type SharedChange,
  type SharedRule,
  type SharedWish,
  sharedBody,
  sharedBytes,
  sharedId,
  sharedRule,
  sharedSignedBytes,
} from '../../src/consensus/shared/change.ts'
import { settledStateBytes } from '../../src/consensus/state-proof.ts'
import {
  bucketMark,
  bucketParts,
  bucketTree,
  EMPTY_BUCKET,
  partTree,
  stateBucketOf,
} from '../../src/consensus/statetree.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { bytesOf } from '../consensus/people.ts'

/** Where a change counts. */
export type Place = Pick<Opening, 'netId' | 'nid' | 'epoch'>

interface Writer {
  readonly id: Uint8Array
}

const NOTHING = new Uint8Array(0)

/** The nonce of the one object that a test is about. */
export const NONCE = bytesOf('nonce of a shared object', 16)

export function ruleOf(writers: readonly Writer[], needed = 1): SharedRule {
  return sharedRule(
    writers.map(({ id }) => id),
    needed,
  )
}

export function oidOf({ netId, nid }: Place, creator: Writer): Uint8Array {
  return sharedId(netId, nid, creator.id, NONCE)
}

/** A change under an idempotence id that follows from a name. */
export function changeOf(
  { nid, epoch }: Place,
  { id }: Writer,
  wish: SharedWish,
  name: string,
  inception: Uint8Array = NOTHING,
): SharedChange {
  return { nid, epoch, writer: id, idem: bytesOf(`idem ${name}`, 16), inception, wish }
}

/** The statement, signed as `sign` does. */
export function statementOf(
  { netId }: Place,
  change: SharedChange,
  sign: (message: Uint8Array) => Uint8Array,
): Uint8Array {
  const body = sharedBody(change)
  return sharedBytes(netId, body, sign(sharedSignedBytes(netId, body)))
}

/** The SETTLED STATE that shows an object where a state holds that book and nothing else, and the root of that state. */
export function settledStateOf(book: SharedBook, oid: Uint8Array): { bytes: Uint8Array; root: Uint8Array } {
  const parts = bucketParts(book.settled())
  const marks = Array.from({ length: LIMITS.stateBuckets }, () => EMPTY_BUCKET)
  const bucket = stateBucketOf(oid)
  const mark = bucketMark(parts)
  marks[bucket] = mark
  const all = bucketTree(marks)
  const [part] = parts as [Uint8Array]
  const first = { ...mark, path: merklePath(partTree(parts), 0), part, bucketPath: merklePath(all, bucket) }
  const bytes = settledStateBytes(bytesOf('cid'), first, { oid, version: book.get(oid)?.sequence ?? 0 })
  if (!bytes) throw new Error('the state does not show the object')
  return { bytes, root: all.root }
}
