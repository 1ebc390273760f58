/** Reasons of places and lots of roles, told from two openings as any stranger can. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { beaconInput, nextSeed } from '../../src/consensus/epoch/beacon.ts'
import { divisionOf } from '../../src/consensus/epoch/division.ts'
import { type Opening, VACANT } from '../../src/consensus/epoch/opening.ts'
import type { RosterEntry } from '../../src/consensus/epoch/rules.ts'
import { compare, equal, toHex } from '../../src/core/bytes.ts'
import { placesIn } from '../../src/epoch-places.ts'
import { checkShares, isSeedOfShares, rolesOfEpoch } from '../../src/epoch-roles.ts'
import { vrfKeyOf, vrfOutput, vrfProve } from '../../src/proof/vrf.ts'
import { CAPABILITY, drawOf } from '../../src/swarm/roles.ts'
import { BRANCH_NET, seatsOf } from '../../src/swarm/seating.ts'
import { idOf } from './nodes.ts'

const test = suite('swarm: places and roles of an epoch')
const NOBODY = new Uint8Array(32)
const RULES = { ...BRANCH_NET, seats: 5, probationEpochs: 3, perTreeMax: 2, replacedMax: 2 }
const CAN = CAPABILITY.masterNode | CAPABILITY.broker | CAPABILITY.natOpen

function entry(name: string, rest: Partial<RosterEntry> = {}): RosterEntry {
  const id = idOf(name)
  const vrfKey = vrfKeyOf(idOf(`vrf ${name}`))
  return {
    id,
    key: id,
    vrfKey,
    organization: idOf('shop'),
    voucher: NOBODY,
    since: 0,
    capabilities: CAN,
    weight: 1,
    ...rest,
  }
}

const founders = ['a', 'b', 'c'].map((name) => entry(name))
const [a, b, c] = founders as [RosterEntry, RosterEntry, RosterEntry]
const spares = ['d', 'e', 'f', 'g'].map((name) => entry(name, { voucher: a.id }))
const novice = entry('novice', { voucher: b.id, since: 9 })
const roster = [...founders, ...spares, novice].sort((one, other) => compare(one.id, other.id))

function openingOf(epoch: number, ids: readonly (Uint8Array | null)[], rest: Partial<Opening> = {}): Opening {
  const seats = ids.map((id) => ({ memberId: id ?? VACANT.id, epochKey: id ?? VACANT.epochKey, weight: id ? 1 : 0 }))
  const nothing = { shares: [], blocks: 0, attendance: [], convicted: [], version: 1 }
  return {
    netId: idOf('net'),
    nid: idOf('nid').slice(0, 16),
    epoch,
    seed: idOf(`seed ${epoch}`),
    stateRoot: NOBODY,
    roster,
    seats,
    ...nothing,
    ...rest,
  }
}

/** Epoch 10 as its rules would seat it, without those who are not ready. */
const before = openingOf(9, [a.id, b.id, c.id, null, null])
function next(unready: readonly Uint8Array[] = []): Opening {
  const eligible = roster.filter(({ id }) => !unready.some((one) => equal(one, id)))
  const incumbents = before.seats.map(({ memberId, weight }) => (weight > 0 ? memberId : null))
  return openingOf(10, seatsOf({ epoch: 10, seed: idOf('seed 10'), roster: eligible, incumbents }, RULES))
}

test('a division is told from two openings: who stays keeps its seat, all others are filled at once by rank', () => {
  const names = new Set([...founders, ...spares].slice(0, 4).map(({ id }) => toHex(id)))
  const [lower, upper] = [true, false].map((isLower) => roster.filter(({ id }) => names.has(toHex(id)) === isLower))
  const division = divisionOf({ ...before, epoch: 10 })
  const rules = { ...RULES, probationEpochs: 0, perTreeMax: null, replacedMax: 1 }
  const parts = [
    { nid: division.stem, roster: lower as RosterEntry[], incumbents: before.seats.map(({ memberId }) => memberId) },
    { nid: division.sprout, roster: upper as RosterEntry[], incumbents: [] },
  ]
  for (const part of parts) {
    const seats = seatsOf({ epoch: 10, seed: idOf('seed 10'), ...part, isDivided: true }, rules)
    const opening = openingOf(10, seats, { nid: part.nid, roster: part.roster, division })
    const places = placesIn(before, opening, rules)
    for (const { id, seat, why } of places) {
      const isIncumbent = part.nid === division.stem && before.seats.some(({ memberId }) => equal(memberId, id))
      assert.is(why, isIncumbent ? 'incumbent' : 'first-by-rank')
      assert.equal(seats[seat as number], id)
    }
  }
})

function whyOf(opening: Opening, id: Uint8Array): string | undefined {
  return placesIn(before, opening, RULES).find((place) => equal(place.id, id))?.why
}

test('everybody has the seat that it has, and a reason', () => {
  const opening = next()
  const places = placesIn(before, opening, RULES)
  assert.is(places.length, roster.length)
  for (const { id, seat } of places) {
    const actual = opening.seats.findIndex(({ memberId }) => equal(memberId, id))
    assert.is(seat, actual < 0 ? null : actual)
  }
  assert.is(whyOf(opening, a.id), 'incumbent')
  assert.is(whyOf(opening, novice.id), 'probation')
  const reasons = spares.map(({ id }) => whyOf(opening, id)).sort()
  assert.equal(
    reasons,
    ['first-by-rank', 'tree-full', 'tree-full', 'tree-full'],
    'a founder and one more are all of its tree',
  )
})

test('who was lent is no spare that somebody passed over', () => {
  const guest = { ...(spares[0] as RosterEntry), id: idOf('guest') }
  const opening = next()
  const loan = { lender: idOf('kin').slice(0, 16), epoch: 3, opening: idOf('opening'), lent: [guest.id] }
  const places = placesIn(before, { ...opening, roster: [...opening.roster, guest], loan }, RULES)
  const whyWith = ({ id }: RosterEntry): string | undefined => places.find((place) => equal(place.id, id))?.why
  assert.is(whyWith(guest), 'lent')
  for (const entry of opening.roster) assert.is(whyWith(entry), whyOf(opening, entry.id))
})

test('who was passed over because it was not ready is named, and nobody else is blamed', () => {
  const seated = spares.find(({ id }) => whyOf(next(), id) === 'first-by-rank') as RosterEntry
  const opening = next([seated.id, b.id])
  const late = placesIn(before, opening, RULES).filter(({ why }) => why === 'not-ready')
  assert.equal(late.map(({ id }) => toHex(id)).sort(), [seated.id, b.id].map(toHex).sort())
  assert.is(late[0]?.seat, null)
  assert.is(spares.filter(({ id }) => whyOf(opening, id) === 'first-by-rank').length, 1)
})

test('without the epoch before the reason is that of the genesis, or none', () => {
  const first = placesIn(null, openingOf(0, [a.id, b.id, c.id]), RULES)
  assert.equal([...new Set(first.map(({ why }) => why))], ['founder'])
  assert.is(first.find(({ id }) => equal(id, b.id))?.seat, 1)
  assert.is(placesIn(null, next(), RULES)[0]?.why, 'not-recorded')
})

test('roles follow from the shares, and a stranger sees whether those and the seed hold', () => {
  const input = beaconInput(before.seed, before)
  const shares = [a, c].map(({ id }) => ({ id, proof: vrfProve(idOf(`vrf ${id === a.id ? 'a' : 'c'}`), input) }))
  const outputs = shares.map(({ proof }, i) => [i === 0 ? 0 : 2, vrfOutput(proof) as Uint8Array] as const)
  const honest = { ...next(), shares, seed: nextSeed(before.seed, outputs) }
  assert.equal(
    [...checkShares(before, honest)],
    shares.map(({ id }) => ({ id, holds: true })),
  )
  assert.is(isSeedOfShares(before, honest), true)
  assert.equal(honest.seed, nextSeed(before.seed, outputs.toReversed()))
  const { masterNodes, brokers, draws } = rolesOfEpoch(honest)
  const line = drawOf(
    'master-node',
    [a, b, c].map(({ id }, i) => ({ id, capabilities: CAN, output: i === 1 ? null : (outputs[i / 2]?.[1] ?? null) })),
  )
  assert.equal(
    masterNodes,
    line.filter(({ why }) => why === 'drawn').map(({ id }) => id),
  )
  assert.is(brokers.length, 2)
  assert.is(draws['master-node'].find(({ id }) => equal(id, b.id))?.why, 'no-output')

  const [one, other] = shares as [(typeof shares)[0], (typeof shares)[0]]
  const swapped = { ...honest, shares: [{ ...one, proof: other.proof }, other] }
  assert.equal(
    [...checkShares(before, swapped)].map(({ holds }) => holds),
    [false, true],
  )
  assert.is(isSeedOfShares(before, swapped), false)
  assert.is(isSeedOfShares(before, { ...honest, shares: [one] }), false, 'a share withheld after the fact')
  assert.is(isSeedOfShares(before, { ...honest, shares: [one, { ...other, id: novice.id }] }), false)
  const mute = honest.seats.map((seat) => (equal(seat.memberId, a.id) ? { ...seat, epochKey: VACANT.epochKey } : seat))
  assert.equal(rolesOfEpoch({ ...honest, seats: mute }).masterNodes, [c.id], 'who named no key does no work')
})

test.run()
