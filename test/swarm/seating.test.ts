/**
 * Seats: incumbents stay, holes are filled by rank, slowly, never by newcomers, and never by so many of one tree or organization that they could block the rest.
 */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { compare, toHex } from '../../src/core/bytes.ts'
import {
  BRANCH_NET,
  cappedWeights,
  MASTER_NET,
  type Placed,
  placesOf,
  rankOf,
  replacedMaxOf,
  type Seatable,
  type SeatingInput,
  type SeatingRules,
  seatsOf,
  treesOf,
} from '../../src/swarm/seating.ts'
import { dice, idOf } from './nodes.ts'

const NOBODY = new Uint8Array(32)
const SEED = idOf('seed')
const founders = Array.from({ length: 25 }, (_, i) => entry(`founder ${i}`))
const spares = Array.from({ length: 12 }, (_, i) => entry(`spare ${i}`, { voucher: idOf(`founder ${i % 6}`) }))
const full = founders.map(({ id }) => id)

function entry(name: string, rest: Partial<Seatable> = {}): Seatable {
  return { id: idOf(name), organization: idOf('organization'), voucher: NOBODY, since: 0, ...rest }
}

function input(rest: Partial<SeatingInput> = {}): SeatingInput {
  return { epoch: 100, seed: SEED, roster: [...founders, ...spares], incumbents: full, ...rest }
}

function without(roster: readonly Seatable[], seats: readonly number[]): Seatable[] {
  const gone = seats.map((seat) => toHex(full[seat] as Uint8Array))
  return roster.filter(({ id }) => !gone.includes(toHex(id)))
}

/** How many seats go to each root of a tree, or each organization. */
function counts(places: readonly Placed[], nameOf: (placed: Placed) => Uint8Array): number[] {
  const found = new Map<string, number>()
  for (const placed of places) {
    if (placed.seat !== null) found.set(toHex(nameOf(placed)), (found.get(toHex(nameOf(placed))) ?? 0) + 1)
  }
  return [...found.values()]
}

const seating = suite('swarm/seating')

seating('who has a seat keeps it, whatever the seed', () => {
  assert.equal(seatsOf(input(), BRANCH_NET), full)
  assert.equal(seatsOf(input({ seed: idOf('other seed') }), MASTER_NET), full)
})

seating('dead seats are taken by the first spares by rank, three in an epoch, and nobody else moves', () => {
  const dead = [2, 5, 11, 17, 24]
  const roster = without(input().roster, dead)
  const seats = seatsOf(input({ roster }), BRANCH_NET)
  const inLine = spares.map(({ id }) => id).sort((a, b) => compare(rankOf(SEED, a), rankOf(SEED, b)))
  assert.equal([seats[2], seats[5], seats[11]], inLine.slice(0, 3))
  assert.equal([seats[17], seats[24]], [null, null])
  full.forEach((id, seat) => {
    if (!dead.includes(seat)) assert.is(seats[seat], id)
  })
  const later = seatsOf(input({ roster, incumbents: seats, epoch: 101, seed: idOf('later') }), BRANCH_NET)
  assert.is(later.filter((id) => id === null).length, 0)
  assert.equal(
    later.filter((_, seat) => seat !== 17 && seat !== 24),
    seats.filter((_, seat) => seat !== 17 && seat !== 24),
  )
})

seating('a newcomer is a spare until its probation is over; a founder is no newcomer', () => {
  const roster = [...without(founders, [0, 1]), entry('new', { since: 77, voucher: idOf('founder 3') })]
  const at = (epoch: number) =>
    placesOf(input({ roster, epoch }), BRANCH_NET).find(({ id }) => toHex(id) === toHex(idOf('new')))
  assert.equal([at(100)?.seat, at(100)?.why], [null, 'probation'])
  assert.equal([at(101)?.seat, at(101)?.why], [0, 'first-by-rank'])
  const young = [...without(founders, [0]), entry('late founder')]
  assert.equal(seatsOf(input({ roster: young, epoch: 1 }), BRANCH_NET)[0], idOf('late founder'))
})

seating(
  'sybils: ten identities under one voucher, or ten under each other, get five seats, however long they wait',
  () => {
    for (const chained of [false, true]) {
      const roll = dice(9)
      const sybils = Array.from({ length: 10 }, (_, i) => {
        return entry(`sybil ${i}`, { voucher: chained && i > 0 ? idOf(`sybil ${i - 1}`) : idOf('founder 0') })
      })
      let roster: Seatable[] = [...founders, ...sybils]
      let seats: (Uint8Array | null)[] = full
      for (let epoch = 100; epoch < 140; epoch++) {
        // Honest members go one by one, and only sybils wait for their seats.
        const honest = roster.filter(({ id }) => !sybils.some((sybil) => compare(sybil.id, id) === 0) && id !== full[0])
        if (honest.length > 12) roster = roster.filter(({ id }) => id !== honest[roll(honest.length)]?.id)
        const places = placesOf(input({ roster, epoch, seed: idOf(`seed ${epoch}`), incumbents: seats }), BRANCH_NET)
        seats = seatsOf(input({ roster, epoch, seed: idOf(`seed ${epoch}`), incumbents: seats }), BRANCH_NET)
        assert.ok(Math.max(...counts(places, ({ tree }) => tree)) <= 5)
      }
      const seated = sybils.filter(({ id }) => seats.some((seat) => seat !== null && compare(seat, id) === 0))
      assert.is(seated.length + 1, 5, 'the founder that answered for them has the fifth')
    }
  },
)

seating('an organization has at most five seats in a net of organizations, as many as it likes in its own', () => {
  const roster = Array.from({ length: 50 }, (_, i) =>
    entry(`node ${i}`, { organization: idOf(`organization ${i % 6}`) }),
  )
  const empty = new Array<null>(25).fill(null)
  const everyEpoch: SeatingRules = { ...MASTER_NET, reshuffleEpochs: 1 }
  const places = placesOf(input({ roster, incumbents: empty }), everyEpoch)
  const organizationOf = ({ id }: Placed) => roster.find((one) => one.id === id)?.organization as Uint8Array
  assert.is(Math.max(...counts(places, organizationOf)), 5)
  assert.is(sum(counts(places, organizationOf)), 25)
  const two = roster.filter((_, i) => i % 6 < 2)
  assert.is(seatsOf(input({ roster: two, incumbents: empty }), everyEpoch).filter(Boolean).length, 10)
  assert.is(
    seatsOf(input({ roster: two, incumbents: empty }), { ...BRANCH_NET, reshuffleEpochs: 1 }).filter(Boolean).length,
    18,
  )
})

seating('all seats are dealt anew where that is wished, in every so many epochs, by rank alone', () => {
  const rules: SeatingRules = { ...BRANCH_NET, perTreeMax: null, reshuffleEpochs: 24 }
  assert.equal(seatsOf(input({ epoch: 119 }), rules), full)
  const dealt = seatsOf(input({ epoch: 120 }), rules)
  const ranked = input()
    .roster.map(({ id }) => id)
    .sort((a, b) => compare(rankOf(SEED, a), rankOf(SEED, b)))
  assert.equal(dealt, ranked.slice(0, 25))
  assert.equal(seatsOf(input({ epoch: 121, incumbents: dealt }), rules), dealt)
})

seating('trees: through others to a founder, to the name of one who left, and a circle is one tree', () => {
  const roster = [
    entry('a'),
    entry('b', { voucher: idOf('a') }),
    entry('c', { voucher: idOf('b') }),
    entry('d', { voucher: idOf('gone') }),
    entry('e', { voucher: idOf('f') }),
    entry('f', { voucher: idOf('e') }),
    entry('g', { voucher: idOf('e') }),
  ]
  const trees = treesOf(roster)
  const rootOf = (name: string) => trees.get(toHex(idOf(name)))
  assert.equal(['a', 'b', 'c'].map(rootOf), [idOf('a'), idOf('a'), idOf('a')])
  assert.equal(rootOf('d'), idOf('gone'))
  assert.equal(['e', 'f', 'g'].map(rootOf), [NOBODY, NOBODY, NOBODY])
})

seating('everyone is told its place and why, the spares in the order in which they are called', () => {
  const places = placesOf(input({ roster: without(input().roster, [7]) }), BRANCH_NET)
  assert.is(places.length, 36)
  assert.is(places.filter(({ why }) => why === 'incumbent').length, 24)
  assert.equal(
    places.filter(({ why }) => why === 'first-by-rank').map(({ seat }) => seat),
    [7],
  )
  assert.is(places.filter(({ why }) => why === 'no-hole').length, 11)
  for (let i = 1; i < places.length; i++)
    assert.ok(compare(places[i - 1]?.rank as Uint8Array, places[i]?.rank as Uint8Array) < 0)
})

seating(
  'whatever the roster: nobody twice, nobody from outside, few new ones, no matter in which order it is told',
  () => {
    const member = fc.record({ alive: fc.boolean(), voucher: fc.nat(30), organization: fc.nat(4), since: fc.nat(120) })
    const world = fc.record({
      members: fc.array(member, { minLength: 1, maxLength: 67 }),
      seats: fc.integer({ min: 1, max: 25 }),
      seed: fc.nat(),
    })
    fc.assert(
      fc.property(world, ({ members, seats, seed }) => {
        const all = members.map(({ voucher, organization, since }, i) => {
          return entry(`${i}`, {
            voucher: voucher >= i ? NOBODY : idOf(`${voucher}`),
            organization: idOf(organization),
            since,
          })
        })
        const roster = all.filter((_, i) => members[i]?.alive)
        const incumbents = Array.from({ length: seats }, (_, i) => all[i]?.id ?? null)
        const terms = { epoch: 100, seed: idOf(seed), roster, incumbents }
        const rules = { ...MASTER_NET, seats }
        const chosen = seatsOf(terms, rules)
        assert.is(chosen.length, seats)
        assert.equal(seatsOf({ ...terms, roster: roster.toReversed() }, rules), chosen)
        const seated = chosen.filter((id): id is Uint8Array => id !== null)
        assert.is(new Set(seated.map(toHex)).size, seated.length)
        for (const id of seated) assert.ok(roster.some((one) => one.id === id))
        const fresh = chosen.filter((id, i) => id !== null && id !== incumbents[i])
        assert.ok(fresh.length <= replacedMaxOf(seats))
        incumbents.forEach((id, i) => {
          if (id && roster.some((one) => one.id === id)) assert.is(chosen[i], id)
        })
        const places = placesOf(terms, rules)
        for (const { id, why, tree } of places.filter((placed) => placed.why === 'first-by-rank')) {
          assert.ok(places.filter((other) => other.seat !== null && compare(other.tree, tree) === 0).length <= 5, why)
          const { organization, voucher, since } = roster.find((one) => one.id === id) as Seatable
          assert.ok(compare(voucher, NOBODY) === 0 || since + 24 <= 100)
          const same = seated.filter(
            (one) => compare(roster.find((other) => other.id === one)?.organization as Uint8Array, organization) === 0,
          )
          assert.ok(same.length <= 5)
        }
      }),
      { numRuns: 60 },
    )
  },
)

seating(
  'capped weights: an organization has no more than it may, each seat no more than its own, nobody else less',
  () => {
    const seat = fc.option(fc.record({ organization: fc.nat(3), weight: fc.nat(9) }), { freq: 6 })
    fc.assert(
      fc.property(fc.array(seat, { maxLength: 25 }), fc.integer({ min: 1, max: 20 }), (list, most) => {
        const seats = list.map((one) => one && { organization: idOf(one.organization), weight: one.weight })
        const weights = cappedWeights(seats, most)
        for (let organization = 0; organization < 4; organization++) {
          const own = list.flatMap((one, i) => (one?.organization === organization ? [i] : []))
          const before = sum(own.map((i) => list[i]?.weight ?? 0))
          assert.is(sum(own.map((i) => weights[i] as number)), Math.min(before, most))
        }
        list.forEach((one, i) => {
          assert.ok((weights[i] as number) >= 0 && (weights[i] as number) <= (one?.weight ?? 0))
        })
      }),
      { numRuns: 60 },
    )
    const three = [4, 3, 3].map((weight) => ({ organization: NOBODY, weight }))
    assert.equal(cappedWeights(three, 5), [3, 1, 1])
  },
)

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

seating.run()
