/** Rings of enrolled shoppers: how they are kept together, what the till signs of them, and what is refused. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Ring,
  readRingStatement,
  ringBody,
  ringOf,
  terminalOfRings,
  withKey,
  withoutKey,
} from '../../src/apps/facepay/rings.ts'
import { compare, equal } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { encodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('rings of shoppers')
const TERMINAL = new Uint8Array(32).fill(9)
const NONE = new Uint8Array(0)

/** The key of one number. */
function keyOf(number: number): Uint8Array {
  const key = new Uint8Array(32).fill(1)
  new DataView(key.buffer).setUint32(0, Math.imul(number + 1, 0x9e3779b1) >>> 0)
  return key
}

function grown(count: number): readonly Ring[] {
  let groups: readonly Ring[] = []
  for (let i = 0; i < count; i++) groups = withKey(groups, keyOf(i))
  return groups
}

function sizes(groups: readonly Ring[]): number[] {
  return groups.map(({ length }) => length)
}

function envelopeOf(body: Uint8Array, type: number = TYPE.ring) {
  return { type, scope: new Uint8Array(32), body, signature: new Uint8Array(64), attachment: NONE }
}

test('grow to 25, then split in halves, so that nobody ever stands alone', () => {
  assert.equal(sizes(grown(1)), [1])
  assert.equal(sizes(grown(25)), [25])
  assert.equal(sizes(grown(26)), [13, 13])
  assert.equal(sizes(grown(50)), [25, 25])
  assert.equal(sizes(grown(51)), [25, 13, 13])
  const before = grown(25)[0] as Ring
  const [first] = grown(26) as [Ring]
  assert.ok(first.every((key) => ringOf([before], key) === 0))
})

test('a till that is full enrols nobody more, and its list fits a message', () => {
  const most = LIMITS.checkinRingsMax * LIMITS.checkinRingKeysMax
  const groups = grown(most)
  assert.ok(sizes(groups).every((size) => size === LIMITS.checkinRingKeysMax))
  assert.is(
    codeOf(() => withKey(groups, keyOf(most))),
    'limit',
  )
  const body = ringBody(TERMINAL, Number.MAX_SAFE_INTEGER, groups)
  assert.ok(encodeEnvelope(envelopeOf(body)).length <= LIMITS.envelopeBytesMax)
  assert.is(readRingStatement(envelopeOf(body)).rings.length, LIMITS.checkinRingsMax)
})

test('any order of comings and goings keeps every key once, in rings of 2 to 25', () => {
  let state = 7
  const draw = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % below
  }
  const enrolled = new Set<number>()
  let groups: readonly Ring[] = []
  for (let step = 0; step < 3_000; step++) {
    const number = draw(130)
    // once the till fills, once it empties
    const comes = (step % 1_000 < 500 ? draw(4) > 0 : draw(4) === 0) && !enrolled.has(number)
    if (comes) groups = withKey(groups, keyOf(number))
    else if (enrolled.has(number)) groups = withoutKey(groups, keyOf(number))
    else continue
    if (comes) enrolled.add(number)
    else enrolled.delete(number)
    const keys = groups.flat().toSorted(compare)
    assert.equal(keys, [...enrolled].map(keyOf).toSorted(compare))
    const isFair = sizes(groups).every((size) => size >= 2 && size <= LIMITS.checkinRingKeysMax)
    assert.ok(isFair || enrolled.size === 1, sizes(groups).join(' '))
  }
})

test('who goes leaves the other rings as they are', () => {
  const groups = grown(51)
  const [gone] = groups[0] as [Uint8Array]
  const after = withoutKey(groups, gone)
  assert.equal(sizes(after), [24, 13, 13])
  assert.equal(after.slice(1), groups.slice(1))
  for (const wrong of [gone, keyOf(99)]) {
    assert.is(
      codeOf(() => withoutKey(after, wrong)),
      'bad-argument',
    )
  }
  assert.is(
    codeOf(() => withKey(groups, gone)),
    'bad-argument',
  )
  assert.equal(withoutKey(grown(1), keyOf(0)), [])
})

test('a statement says terminal, number and rings in order, without whoever would stand alone', () => {
  const groups = [[keyOf(3), keyOf(1), keyOf(2)], [keyOf(4)]]
  const statement = readRingStatement(envelopeOf(ringBody(TERMINAL, 5, groups)))
  assert.equal([statement.terminalId, statement.number], [TERMINAL, 5])
  assert.equal(statement.rings, [[keyOf(1), keyOf(2), keyOf(3)].toSorted(compare)])
  assert.equal(terminalOfRings(envelopeOf(ringBody(TERMINAL, 5, groups))), TERMINAL)
  assert.equal(readRingStatement(envelopeOf(ringBody(TERMINAL, 6, []))).rings, [])
})

test('rings out of order, too small, too large, with a key twice, or of another shape: refused', () => {
  const [a, b, c] = [keyOf(1), keyOf(2), keyOf(3)].toSorted(compare) as [Uint8Array, Uint8Array, Uint8Array]
  const many = Array.from({ length: 26 }, (_, i) => keyOf(i)).toSorted(compare)
  const tooMany = Array.from({ length: LIMITS.checkinRingsMax + 1 }, (_, i) =>
    [keyOf(2 * i), keyOf(2 * i + 1)].toSorted(compare),
  )
  const wrong: Cbor[][] = [
    [[b, a]],
    [[a]],
    [[]],
    [many],
    [[a, a]],
    [
      [a, b],
      [b, c],
    ],
    [[a, b.slice(1)]],
    [[a, 'b']],
    tooMany,
  ]
  for (const rings of wrong) {
    assert.is(
      codeOf(() => readRingStatement(envelopeOf(encode([TERMINAL, 1, rings])))),
      'bad-shape',
    )
  }
  const good = ringBody(TERMINAL, 1, [[a, b]])
  const longer = encode([...(decode(good) as Cbor[]), 0])
  for (const envelope of [envelopeOf(good, TYPE.tagEvent), envelopeOf(longer), envelopeOf(encode([TERMINAL, 1]))]) {
    assert.is(
      codeOf(() => readRingStatement(envelope)),
      'bad-shape',
    )
  }
  assert.ok(equal(readRingStatement(envelopeOf(good)).rings[0]?.[0] as Uint8Array, a))
})

test.run()
