/** Lending: when a neighborhood is too small, how many come, and that nobody could choose to be one of them. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { compare } from '../../src/core/bytes.ts'
import { seatingOf } from '../../src/epochs.ts'
import { type Genesis, type SeatingPolicy, USUAL_POLICY } from '../../src/identity/genesis.ts'
import { lentOf, mergeBelowOf } from '../../src/swarm/lending.ts'
import { positionOf } from '../../src/swarm/placement.ts'
import { BRANCH_NET, type Seatable } from '../../src/swarm/seating.ts'
import { idOf } from './nodes.ts'

const SEED = idOf('seed')
const test = suite('swarm/lending')

function people(count: number, name: string): Seatable[] {
  const voucher = new Uint8Array(32)
  return Array.from({ length: count }, (_, i) => {
    return { id: idOf(`${name} ${i}`), organization: idOf('organization'), voucher, since: 0 }
  })
}

const lent = (own: number, offered: number, rules = BRANCH_NET): Uint8Array[] | null =>
  lentOf({ seed: SEED, roster: people(own, 'own'), offered: people(offered, 'kin') }, rules)

test('with fewer than twenty-two it is filled to thirty, as far as there is anybody', () => {
  assert.is(mergeBelowOf(BRANCH_NET), 22)
  assert.is(lent(22, 40), null)
  assert.is(lent(21, 40)?.length, 9)
  assert.is(lent(4, 40)?.length, 26)
  assert.is(lent(21, 3)?.length, 3)
  assert.is(lent(21, 0), null)
})

test('sooner, later or never where the net says so', () => {
  assert.is(lent(28, 40, { ...BRANCH_NET, mergeBelow: 29 })?.length, 2)
  assert.is(lent(40, 40, { ...BRANCH_NET, mergeBelow: 67 }), null, 'not beyond what a half has')
  assert.is(lent(3, 40, { ...BRANCH_NET, mergeBelow: 0 }), null)
  const lends = (policy: Partial<SeatingPolicy>): boolean =>
    seatingOf({ policy: { ...USUAL_POLICY, ...policy }, memberStates: [] as Genesis['memberStates'] } as Genesis)
      .lend !== undefined
  assert.ok(lends({}))
  assert.not(lends({ halfMin: 0 }), 'who never divides has no kin')
})

test('drawn by positions under the new seed, whatever the order of the offer', () => {
  const [roster, offered] = [people(20, 'own'), people(40, 'kin')]
  const position = (id: Uint8Array): Uint8Array => positionOf(id, 0, () => SEED)
  const drawn = lentOf({ seed: SEED, roster, offered }, BRANCH_NET) as Uint8Array[]
  const sorted = offered.map(({ id }) => id).sort((a, b) => compare(position(a), position(b)))
  assert.equal(drawn, sorted.slice(0, 10))
  assert.equal(lentOf({ seed: SEED, roster, offered: [...offered].reverse() }, BRANCH_NET), drawn)
  assert.not.equal(lentOf({ seed: idOf('other seed'), roster, offered }, BRANCH_NET), drawn)
})

test.run()
