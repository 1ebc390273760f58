/** Age and balance: bounds on hidden numbers that an issuer has signed, and the calendar under them. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  checkAtLeast,
  checkAtMost,
  checkCovers,
  proveAtLeast,
  proveAtMost,
  proveCovers,
} from '../../src/proof/bound.ts'
import { commit, openingOf } from '../../src/proof/commitment.ts'
import { dayNumber, dayNumberAt, latestBirthday } from '../../src/proof/day.ts'
import { checkRange } from '../../src/proof/range.ts'
import { group as defaultGroup } from '../../src/wasm/group.ts'
import { CONTEXT, chanceOf, OTHER_CONTEXTS } from '../kit/proof-stage.ts'
import { codeOf } from '../kit/refusal.ts'

const days = suite('proof/day')
const test = suite('proof/bound')
const group = defaultGroup()
const random = chanceOf('bound')
const BITS = 16

days('days are numbered as the calendar of JavaScript numbers them', () => {
  const first = Date.UTC(1890, 0, 1)
  for (let i = 0; i < 80_000; i += 13) {
    const at = first + i * 86_400_000
    const date = new Date(at)
    const day = { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
    assert.is(dayNumber(day), dayNumberAt(at), date.toISOString())
  }
  assert.is(dayNumberAt(86_399_999), dayNumber({ year: 1970, month: 1, day: 1 }))
  assert.is(dayNumberAt(86_400_000), dayNumber({ year: 1970, month: 1, day: 2 }))
  for (const [year, month, day] of [
    [2023, 2, 29],
    [1900, 2, 29],
    [2024, 4, 31],
    [2024, 13, 1],
    [2024, 0, 1],
    [2024, 1, 0],
    [2024, 1.5, 1],
    [0, 5, 1],
  ] as const) {
    assert.is(
      codeOf(() => dayNumber({ year, month, day })),
      'bad-argument',
    )
  }
})

days('who is 18 today was born by this day 18 years ago', () => {
  const born = (year: number, month: number, day: number) => BigInt(dayNumber({ year, month, day }))
  assert.is(latestBirthday({ year: 2026, month: 11, day: 22 }, 18), born(2008, 11, 22))
  assert.is(latestBirthday({ year: 2028, month: 2, day: 29 }, 18), born(2010, 2, 28))
  assert.is(latestBirthday({ year: 2026, month: 2, day: 28 }, 18), born(2008, 2, 28))
  assert.ok(latestBirthday({ year: 2026, month: 3, day: 1 }, 18) > born(2008, 2, 29))
  assert.is(
    codeOf(() => latestBirthday({ year: 2026, month: 2, day: 29 }, 18)),
    'bad-argument',
  )
})

test('age: who turned 18 today can prove it, who does tomorrow cannot', () => {
  const bound = latestBirthday({ year: 2026, month: 11, day: 22 }, 18)
  const today = openingOf(group, bound, random)
  const proof = proveAtMost(group, today, { bound, bits: BITS }, CONTEXT, random)
  assert.is(proof.length, 549)
  checkAtMost(group, commit(group, today), { bound, bits: BITS }, proof, CONTEXT)
  const old = openingOf(group, bound - 36_500n, random)
  const oldProof = proveAtMost(group, old, { bound, bits: BITS }, CONTEXT, random)
  checkAtMost(group, commit(group, old), { bound, bits: BITS }, oldProof, CONTEXT)
  const young = openingOf(group, bound + 1n, random)
  assert.is(
    codeOf(() => proveAtMost(group, young, { bound, bits: BITS }, CONTEXT, random)),
    'bad-argument',
  )
  // the proof of another one, and of another bound
  const refusals = [
    () => checkAtMost(group, commit(group, young), { bound, bits: BITS }, proof, CONTEXT),
    () => checkAtMost(group, commit(group, today), { bound: bound - 1n, bits: BITS }, proof, CONTEXT),
    () => checkAtMost(group, commit(group, today), { bound: bound + 1n, bits: BITS }, proof, CONTEXT),
    () => checkAtLeast(group, commit(group, today), { bound, bits: BITS }, proof, CONTEXT),
    ...OTHER_CONTEXTS.map(
      (context) => () => checkAtMost(group, commit(group, today), { bound, bits: BITS }, proof, context),
    ),
  ]
  for (const refusal of refusals) assert.is(codeOf(refusal), 'bad-proof')
})

test('balance: exactly the price is enough, one less is not', () => {
  const price = 1_999n
  for (const balance of [price, price + 1n, 2n ** 46n]) {
    const opening = openingOf(group, balance, random)
    const proof = proveAtLeast(group, opening, { bound: price, bits: 64 }, CONTEXT, random)
    checkAtLeast(group, commit(group, opening), { bound: price, bits: 64 }, proof, CONTEXT)
    assert.is(
      codeOf(() => checkAtLeast(group, commit(group, opening), { bound: price - 1n, bits: 64 }, proof, CONTEXT)),
      'bad-proof',
    )
  }
  for (const balance of [0n, price - 1n]) {
    const opening = openingOf(group, balance, random)
    assert.is(
      codeOf(() => proveAtLeast(group, opening, { bound: price, bits: 64 }, CONTEXT, random)),
      'bad-argument',
    )
  }
  const opening = openingOf(group, price, random)
  for (const bound of [-1n, 2n ** 64n]) {
    assert.is(
      codeOf(() => proveAtLeast(group, opening, { bound, bits: 64 }, CONTEXT, random)),
      'bad-argument',
    )
  }
})

test('a hidden balance covers a hidden price', () => {
  const [balance, price] = [openingOf(group, 500n, random), openingOf(group, 500n, random)]
  const [more, less] = [commit(group, balance), commit(group, price)]
  const proof = proveCovers(group, balance, price, 32, CONTEXT, random)
  checkCovers(group, more, less, 32, proof, CONTEXT)
  for (const [a, b] of [
    [less, more],
    [more, commit(group, openingOf(group, 500n, random))],
  ] as const) {
    assert.is(
      codeOf(() => checkCovers(group, a, b, 32, proof, CONTEXT)),
      'bad-proof',
    )
  }
  assert.is(
    codeOf(() => proveCovers(group, { ...balance, value: 499n }, price, 32, CONTEXT, random)),
    'bad-argument',
  )
})

test('a proof of a bound is no plain range proof of the same commitment', () => {
  const opening = openingOf(group, 30n, random)
  const commitments = [commit(group, opening)]
  const proof = proveAtLeast(group, opening, { bound: 0n, bits: 8 }, CONTEXT, random)
  checkAtLeast(group, commitments[0] as Uint8Array, { bound: 0n, bits: 8 }, proof, CONTEXT)
  assert.is(
    codeOf(() => checkRange(group, { commitments, bits: 8, about: [] }, proof, CONTEXT)),
    'bad-proof',
  )
})

days.run()
test.run()
