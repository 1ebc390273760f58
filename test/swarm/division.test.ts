/** Division: when, by which cut, and never into a half that could not fill its seats. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { compare, toHex } from '../../src/core/bytes.ts'
import { seatingOf } from '../../src/epochs.ts'
import { type Genesis, type SeatingPolicy, USUAL_POLICY } from '../../src/identity/genesis.ts'
import { dividedOf, halfMinOf } from '../../src/swarm/division.ts'
import { positionOf } from '../../src/swarm/placement.ts'
import { BRANCH_NET, placesOf, type Seatable, seatsOf } from '../../src/swarm/seating.ts'
import { idOf } from './nodes.ts'

const RULES = { ...BRANCH_NET, perTreeMax: null }
const SEED = idOf('seed')
const test = suite('swarm/division')

function people(count: number, rest: Partial<Seatable> = {}): Seatable[] {
  const voucher = new Uint8Array(32)
  return Array.from({ length: count }, (_, i) => {
    return { id: idOf(`node ${i}`), organization: idOf('organization'), voucher, since: 0, ...rest }
  })
}

function input(roster: readonly Seatable[], ready = roster) {
  return { epoch: 100, seed: SEED, roster, ready, incumbents: roster.slice(0, 25).map(({ id }) => id) }
}

test('as soon as both halves have thirty, and not before', () => {
  assert.is(halfMinOf(RULES), 30)
  assert.is(dividedOf(input(people(59)), RULES), null)
  assert.is(dividedOf(input(people(60)), RULES)?.length, 30)
  assert.is(dividedOf(input(people(67)), RULES)?.length, 34)
})

test('sooner or later where the net says so, never with fewer than there are seats', () => {
  assert.is(halfMinOf({ seats: 25, halfMin: 3 }), 25)
  assert.is(dividedOf(input(people(50)), { ...RULES, halfMin: 25 })?.length, 25)
  assert.is(dividedOf(input(people(79)), { ...RULES, halfMin: 40 }), null)
  assert.is(dividedOf(input(people(80)), { ...RULES, halfMin: 40 })?.length, 40)
})

test('a net divides unless it says never, or has fewer seats than bear one liar', () => {
  const policyOf = (policy: Partial<SeatingPolicy>) =>
    seatingOf({ policy: { ...USUAL_POLICY, ...policy }, memberStates: [] as Genesis['memberStates'] } as Genesis)
  const divides = (policy: Partial<SeatingPolicy>): boolean => policyOf(policy).divide !== undefined
  assert.ok(divides({}))
  assert.ok(divides({ seats: 4, halfMin: 4 }))
  assert.not(divides({ halfMin: 0 }))
  assert.not(divides({ seats: 3 }))
})

test('cut in the middle of the positions under the new seed, whatever the order of the roster', () => {
  const roster = people(60)
  const gone = dividedOf(input(roster), RULES) as Uint8Array[]
  const position = (id: Uint8Array): Uint8Array => positionOf(id, 0, () => SEED)
  const names = new Set(gone.map(toHex))
  const staying = roster.filter(({ id }) => !names.has(toHex(id)))
  assert.is(staying.length, 30)
  for (const { id } of staying) assert.ok(gone.every((other) => compare(position(id), position(other)) < 0))
  assert.equal(dividedOf({ ...input(roster), roster: [...roster].reverse() }, RULES), gone)
  assert.not.equal(dividedOf({ ...input(roster), seed: idOf('other seed') }, RULES), gone)
})

test('both halves fill all seats at once; who stays and has a seat keeps it', () => {
  const roster = people(60)
  const asked = input(roster)
  const names = new Set((dividedOf(asked, RULES) as Uint8Array[]).map(toHex))
  const [lower, upper] = [false, true].map((goes) => roster.filter(({ id }) => names.has(toHex(id)) === goes))
  const stem = seatsOf({ ...asked, roster: lower as Seatable[], isDivided: true }, RULES)
  const sprout = seatsOf({ ...asked, roster: upper as Seatable[], incumbents: [], isDivided: true }, RULES)
  for (const seats of [stem, sprout]) {
    assert.is(seats.length, 25)
    assert.ok(seats.every((id) => id !== null))
  }
  for (const [seat, id] of asked.incumbents.entries()) {
    if (!names.has(toHex(id))) assert.equal(stem[seat], id)
  }
  // without the division only an eighth would be replaced
  const slow = placesOf({ ...asked, roster: lower as Seatable[] }, RULES)
  assert.is(slow.filter(({ why }) => why === 'first-by-rank').length, 3)
})

test('where a half could not fill its seats, all stay together', () => {
  const roster = people(60)
  const names = new Set((dividedOf(input(roster), RULES) as Uint8Array[]).map(toHex))
  const upper = roster.filter(({ id }) => names.has(toHex(id)))
  const without = (count: number): Seatable[] => roster.filter((entry) => !upper.slice(0, count).includes(entry))
  assert.ok(dividedOf(input(roster, without(5)), RULES))
  assert.is(dividedOf(input(roster, without(6)), RULES), null)
  // newcomers on probation fill no seats, nor does one tree
  const newcomers = [...people(25), ...people(60, { since: 99, voucher: idOf('node 0') }).slice(25)]
  assert.is(dividedOf(input(newcomers), RULES), null)
  assert.ok(dividedOf(input(newcomers), { ...RULES, probationEpochs: 0 }))
  assert.is(dividedOf(input(newcomers), { ...RULES, probationEpochs: 0, perTreeMax: 5 }), null)
})

test.run()
