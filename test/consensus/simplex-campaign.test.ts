/** Simplex lanes on bad networks, with power cuts, twins and liars: a few seeds of what `test/system/simplex.system.ts` does at length. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { caughtAt, complaintsOf, runCampaign, unsafeIn } from './simplex-campaign.ts'
import type { Mutant } from './simplex-mutants.ts'
import { MUTANTS, mutantOf } from './simplex-mutants.ts'
import { committeeFor } from './simplex-net.ts'

const campaign = suite('simplex: campaigns')

campaign('4 members: loss, disorder, partitions, power cuts, twins and liars; one order, everything executed', () => {
  for (let seed = 1; seed <= 2; seed++) {
    assert.equal(complaintsOf({ seats: 4, seed, crashes: 12 }), [], `seed ${seed}, crashes`)
    assert.equal(complaintsOf({ seats: 4, seed, twins: 1, crashes: 6 }), [], `seed ${seed}, twins`)
    assert.equal(complaintsOf({ seats: 4, seed, liars: 1 }), [], `seed ${seed}, a liar`)
  }
})

campaign('25 members, 8 of them liars', () => {
  const net = runCampaign({ seats: 25, seed: 1, liars: 8, untilMs: 2_500 })
  assert.equal(net.complaints(), [])
  const convicted = new Set(net.effects.flatMap(({ effect }) => (effect.kind === 'evidence' ? [effect.of] : [])))
  assert.equal([...convicted].sort(), ['double-ballot', 'double-candidate', 'final-and-skip'])
})

campaign('a seed repeats itself', () => {
  const [one, other] = [5, 5].map((seed) => runCampaign({ seats: 4, seed, liars: 1, untilMs: 3_000 }))
  assert.equal(one?.sent, other?.sent)
  assert.equal(
    one?.honest.map(({ rules }) => rules.executed),
    other?.honest.map(({ rules }) => rules.executed),
  )
})
campaign.run()

const oracles = suite('simplex: oracles')

oracles('notice a quorum that is too small, and votes that leave before they are on the disk', () => {
  const few = { ...committeeFor(4), quorum: 2 }
  const faults = [{ committee: few }, { publishesTooEarly: true }]
  for (const changes of faults) {
    const seeds = [1, 2, 3].filter((seed) => unsafeIn(seed, changes).length > 0)
    assert.ok(seeds.length > 0, Object.keys(changes).join())
  }
})

oracles('notice a mutant, and a mutant that is out of date is no mutant', async () => {
  const [first] = MUTANTS as [Mutant]
  assert.ok(await caughtAt(first, 2))
  try {
    await mutantOf({ ...first, name: 'stale', find: 'what is not there' })
    assert.unreachable()
  } catch (error) {
    assert.match(String(error), /its text stands 0 times/)
  }
})
oracles.run()
