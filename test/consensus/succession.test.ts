/** How fast a node that was not there asks for what it lacks. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import type { Passed } from '../../src/consensus/epoch/handover.ts'
import { encodeOpening } from '../../src/consensus/epoch/opening.ts'
import { Succession } from '../../src/consensus/epoch/succession.ts'
import { merklePath } from '../../src/consensus/merkle.ts'
import {
  bucketMark,
  bucketParts,
  EMPTY_BUCKET,
  partTree,
  type SettledObject,
  stateBucketOf,
  stateRootOf,
} from '../../src/consensus/statetree.ts'
import { encode } from '../../src/core/codec.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { anchorOf } from '../../src/epochs.ts'
import { bytesOf, world } from './people.ts'

const test = suite('epoch: the way of a node that was not there')

/** A state of so many objects as its chunks, and the hand-over that names it. */
function stateOf(count: number): { readonly passed: Passed; readonly chunks: readonly Uint8Array[] } {
  const buckets = new Map<number, SettledObject[]>()
  for (let i = 0; buckets.size < count; i++) {
    const oid = bytesOf(`object ${i}`)
    buckets.set(stateBucketOf(oid), [{ oid, settled: 1, head: bytesOf(`head ${i}`), state: null }])
  }
  const parts = Array.from({ length: LIMITS.stateBuckets }, (_, i) => bucketParts(buckets.get(i) ?? []))
  const marks = parts.map((own) => (own.length === 0 ? EMPTY_BUCKET : bucketMark(own)))
  const table = encode(marks.map((mark) => (mark.parts === 0 ? [] : [mark.parts, mark.root])))
  const rest = parts.flatMap((own) => own.map((part, i) => encode([merklePath(partTree(own), i), part])))
  const opening = { ...anchorOf(world(4).genesis), epoch: 1, stateRoot: stateRootOf(marks) }
  return {
    passed: { opening, openingBytes: encodeOpening(opening), handOver: new Uint8Array(1) },
    chunks: [table, ...rest],
  }
}

test('asks for more as soon as all that it asked for has come, and again after a while where something is lost', () => {
  const { passed, chunks } = stateOf(40)
  const walk = new Succession()
  walk.step(passed, 0, false)
  let nowMs = 0
  let asks = 0
  let isWhole = false
  let lost = 7
  while (!isWhole && asks < 20) {
    const atMs = walk.wakeAtMs() as number
    nowMs = Math.max(nowMs, atMs)
    const wanted = walk.wanted(nowMs)
    assert.ok(wanted, `asked at ${nowMs}`)
    assert.is(walk.wanted(nowMs + LIMITS.followingIntervalMsMin), null, 'nobody asks faster than it is answered')
    asks++
    for (const index of wanted?.chunks ?? []) {
      if (index === lost) lost = -1
      else isWhole = walk.take(1, index, chunks[index] as Uint8Array) !== null
    }
  }
  assert.ok(isWhole)
  assert.is(asks, 4, 'the table, as many as may be asked for at once, the lost one with the next, the rest')
  assert.ok(nowMs < 1_000, `${nowMs} ms`)
})

test('a node that has followed the epoch gets a while to come to its end by itself', () => {
  const { passed } = stateOf(1)
  const walks = [true, false].map((mayGetOn) => {
    const walk = new Succession()
    walk.step(passed, 1_000, mayGetOn)
    return [walk.wanted(1_000) !== null, walk.wanted(3_000) !== null]
  })
  assert.equal(walks, [
    [false, true],
    [true, true],
  ])
})

test.run()
