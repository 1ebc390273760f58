/** A version is shown by the state with which an epoch began: what is there, and nothing that an owner only wrote into it. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { merklePath } from '../../src/consensus/merkle.ts'
import { type FirstPart, readSettledState, settledStateBytes } from '../../src/consensus/state-proof.ts'
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
} from '../../src/consensus/statetree.ts'
import { concat } from '../../src/core/bytes.ts'
import { decodeEnvelope, type Envelope } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { codeOf } from '../ledger/stage.ts'
import { bytesOf } from './people.ts'

const test = suite('proof of a settled version by the state')
const CID = bytesOf('cid')
const NOTHING = new Uint8Array(0)

/** Ids of one bucket, ascending. */
const id = (n: number): Uint8Array => Uint8Array.of(0x40, 0, n, ...new Uint8Array(29))
const object = (n: number, state: Uint8Array | null = null): SettledObject => {
  return { oid: id(n), settled: n, head: bytesOf(`head ${n}`), state }
}

function stateOf(objects: readonly SettledObject[]): { readonly root: Uint8Array; readonly first: FirstPart } {
  const parts = bucketParts(objects)
  const marks: BucketMark[] = Array.from({ length: LIMITS.stateBuckets }, () => EMPTY_BUCKET)
  const bucket = stateBucketOf(id(1))
  const mark = bucketMark(parts)
  marks[bucket] = mark
  const path = merklePath(partTree(parts), 0)
  const bucketPath = merklePath(bucketTree(marks), bucket)
  return { root: stateRootOf(marks), first: { ...mark, path, part: parts[0] as Uint8Array, bucketPath } }
}

function shown(first: FirstPart, oid: Uint8Array, version: number): Envelope {
  return decodeEnvelope(settledStateBytes(CID, first, { oid, version }) as Uint8Array)
}

test('the newest settled version of an object, and no other', () => {
  const { root, first } = stateOf([object(1), object(2, new Uint8Array(300).fill(1)), object(3)])
  for (const n of [1, 2, 3]) {
    assert.equal(readSettledState(shown(first, id(n), n), root), { oid: id(n), version: n, od: bytesOf(`head ${n}`) })
    assert.is(settledStateBytes(CID, first, { oid: id(n), version: n + 1 }), null)
    assert.equal(
      settledStateBytes(CID, first, { oid: id(n), version: n - 1 }),
      settledStateBytes(CID, first, { oid: id(n), version: n }),
    )
  }
  assert.is(settledStateBytes(CID, first, { oid: id(4), version: 4 }), null)
  const envelope = shown(first, id(2), 2)
  assert.is(
    codeOf(() => readSettledState(envelope, bytesOf('another root'))),
    'bad-certificate',
  )
  assert.is(
    codeOf(() => readSettledState({ ...envelope, attachment: Uint8Array.of(1) }, root)),
    'bad-shape',
  )
})

test('what an owner wrote into its own state is no object', () => {
  const forged = bucketParts([{ oid: id(9), settled: 7, head: bytesOf('forged'), state: null }])[0] as Uint8Array
  const { root, first } = stateOf([object(1, concat(NOTHING, forged)), object(2)])
  assert.is(settledStateBytes(CID, first, { oid: id(9), version: 7 }), null)
  // the same paths with a part that begins where the forgery does
  const at = Buffer.from(first.part).indexOf(Buffer.from(forged))
  assert.ok(at > 0)
  const cut = shown({ ...first, part: first.part.subarray(at) }, id(9), 7)
  assert.is(
    codeOf(() => readSettledState(cut, root)),
    'bad-certificate',
  )
})

test('an object behind the first part is not shown', () => {
  const large = new Uint8Array(20_000).fill(1)
  const { root, first } = stateOf([object(1, large), object(2, large), object(3, large), object(4)])
  assert.ok(first.parts > 1)
  assert.is(readSettledState(shown(first, id(2), 2), root).version, 2)
  for (const n of [3, 4]) assert.is(settledStateBytes(CID, first, { oid: id(n), version: n }), null, String(n))
})

test.run()
