/**
 * BLAKE3 over shared memory, the threads' part done by this very thread: official vectors, edges of segments and groups, several shares.
 * With real threads: test/drivers/hash-workers.test.ts.
 */

import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/core/bytes.ts'
import { blake3, createHashDoor } from '../../src/wasm/hash.ts'
import { canShare, createShare, LEFT, SEGMENT, SEGMENT_LEVEL, SharedHash } from '../../src/wasm/hash-shared.ts'
import { provideShared } from '../../src/wasm/load.ts'
import '../kit/wasm.ts'

provideShared(readFileSync(new URL('../../build/hash-shared.threads.wasm', import.meta.url)))

interface Vectors {
  cases: { input_len: number; hash: string }[]
}

/** The content of BLAKE3's test_vectors/test_vectors.json. */
const vectors = JSON.parse(readFileSync(new URL('../vectors/blake3.json', import.meta.url), 'utf8')) as Vectors

const MIB = 1_048_576
const ROOM = 300_000
const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i % 251)

const test = suite('wasm/hash-shared')

test('this engine can share', () => assert.ok(canShare()))

test('official vectors', () => {
  const shared = new SharedHash(1, 2)
  for (const { input_len: length, hash } of vectors.cases) {
    assert.is(toHex(hashAlone(shared, pattern(length))), hash.slice(0, 64), `hash of ${length}`)
  }
})

test('edges of segments and groups, from one ring again and again', () => {
  const shared = new SharedHash(1, 2)
  const whole = pattern(2 * MIB)
  const edges = [1, 2, 3, 15, 16, 17, 31].flatMap((n) => [n * SEGMENT - 1, n * SEGMENT, n * SEGMENT + 1])
  for (const length of [0, 1, 1024, 1025, ...edges, 2 * MIB - 1, 2 * MIB]) {
    const message = whole.subarray(0, length)
    assert.is(toHex(hashAlone(shared, message)), toHex(blake3(message)), `${length} bytes`)
  }
})

test('two shares, one after the other, split the work and agree', () => {
  const shared = new SharedHash(2, 2)
  const message = pattern(2 * MIB).map((byte, i) => byte ^ (i >> 13))
  shared.begin()
  fill(shared, message)
  const groups: number[] = []
  const report = (group: number): void => {
    groups.push(group)
    if (group !== LEFT) shared.completed(group)
  }
  const [first, second] = shared.starts.map((start) => createShare(start, report))
  shared.end()
  first?.()
  second?.()
  assert.equal(groups, [0, LEFT, LEFT])
  assert.is(toHex(shared.root().digest()), toHex(blake3(message)))
})

test('a full ring has no room until its oldest group is complete', () => {
  const shared = new SharedHash(1, 2)
  const message = pattern(2 * MIB)
  shared.begin()
  fill(shared, message)
  assert.is(shared.room(ROOM), null)
  shared.completed(1)
  assert.is(shared.room(ROOM), null)
  shared.completed(0)
  assert.ok(shared.room(ROOM) !== null)
})

test('adopted subtrees must fit, and more must follow them', () => {
  for (const build of ['scalar', 'simd'] as const) {
    const door = createHashDoor(build)
    const message = pattern(3000)
    assert.throws(() => door.create().update(message).adopt(new Uint8Array(32), 0), RangeError)
    const aligned = door.create().update(pattern(2049))
    assert.throws(() => aligned.adopt(new Uint8Array(32), 1), /not a multiple of 2 chunks/)
    assert.throws(() => door.create().adopt(new Uint8Array(32), 21), RangeError)
  }
})

test('the beginning by threads, the rest otherwise', () => {
  const shared = new SharedHash(1, 2)
  const message = pattern(5 * SEGMENT + 9)
  const share = createShare(shared.starts[0] as (typeof shared.starts)[number], () => {})
  shared.begin()
  fill(shared, message.subarray(0, 2 * SEGMENT))
  shared.end(true)
  share()
  for (const build of ['scalar', 'simd'] as const) {
    const values = new Uint8Array(32 * 3)
    const door = createHashDoor(build)
    for (let i = 2; i < 5; i++) {
      door.segmentInto(values.subarray(32 * (i - 2), 32 * (i - 1)), message.subarray(i * SEGMENT, (i + 1) * SEGMENT), i)
    }
    if (build === 'simd') {
      const root = shared
        .root()
        .adopt(values, SEGMENT_LEVEL)
        .update(message.subarray(5 * SEGMENT))
      assert.is(toHex(root.digest()), toHex(blake3(message)))
    } else {
      const root = door
        .create()
        .update(message.subarray(0, 2 * SEGMENT))
        .adopt(values, SEGMENT_LEVEL)
      assert.is(toHex(root.update(message.subarray(5 * SEGMENT)).digest()), toHex(blake3(message)))
    }
    assert.throws(() => door.segmentInto(values, message.subarray(0, SEGMENT), 0), RangeError)
    assert.throws(() => door.segmentInto(values.subarray(0, 32), message.subarray(0, 100), 0), RangeError)
  }
  shared.begin()
  fill(shared, message)
  assert.throws(() => shared.end(true), RangeError)
})

test('misuse is refused', () => {
  assert.throws(() => new SharedHash(0, 2), /threads: expected an integer in 1 … 16, got 0/)
  assert.throws(() => new SharedHash(1, 1), RangeError)
  assert.throws(() => new SharedHash(1, 65), RangeError)
  const shared = new SharedHash(1, 2)
  assert.throws(() => shared.filled(-1), RangeError)
  assert.throws(() => shared.filled(MIB + 1), RangeError)
})

test.run()

function fill(shared: SharedHash, message: Uint8Array): void {
  for (let at = 0; at < message.length; ) {
    const part = message.subarray(at, at + (shared.room(ROOM)?.length ?? 0))
    shared.room(ROOM)?.set(part)
    shared.filled(part.length)
    at += part.length
  }
}

function hashAlone(shared: SharedHash, message: Uint8Array): Uint8Array {
  const share = createShare(shared.starts[0] as (typeof shared.starts)[number], (group) => {
    if (group !== LEFT) shared.completed(group)
  })
  shared.begin()
  fill(shared, message)
  shared.end()
  share()
  return shared.root().digest()
}
