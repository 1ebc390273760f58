/** Simplex lanes for many seeds, and every mutant of `test/consensus/simplex-mutants.ts`, which must be noticed. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { caughtAt, complaintsOf } from '../consensus/simplex-campaign.ts'
import { MUTANTS } from '../consensus/simplex-mutants.ts'

/** Other seeds, or more: `WEBX_CAMPAIGN=20`. */
const SEEDS = 30 * Number(process.env['WEBX_CAMPAIGN'] ?? 1)
const SEEDS_OF_25 = Math.ceil(SEEDS / 15)
const SEEDS_OF_MUTANT = 120

const campaign = suite('system: Simplex campaigns')

campaign(`4 members, ${SEEDS} seeds of each kind`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    assert.equal(complaintsOf({ seats: 4, seed, crashes: 12 }), [], `seed ${seed}, crashes`)
    assert.equal(complaintsOf({ seats: 4, seed, twins: 1, crashes: 6 }), [], `seed ${seed}, twins`)
    assert.equal(complaintsOf({ seats: 4, seed, liars: 1 }), [], `seed ${seed}, a liar`)
  }
})

campaign(`25 members, ${SEEDS_OF_25} seeds of each kind`, () => {
  for (let seed = 1; seed <= SEEDS_OF_25; seed++) {
    assert.equal(complaintsOf({ seats: 25, seed, crashes: 50 }), [], `seed ${seed}, crashes`)
    assert.equal(complaintsOf({ seats: 25, seed, twins: 8 }), [], `seed ${seed}, twins`)
    assert.equal(complaintsOf({ seats: 25, seed, liars: 8 }), [], `seed ${seed}, liars`)
  }
})

campaign('every mutant is noticed', async () => {
  for (const mutant of MUTANTS) {
    const seed = await caughtAt(mutant, SEEDS_OF_MUTANT)
    process.stdout.write(`${mutant.name}: ${seed === null ? 'missed' : `seed ${seed}`}\n`)
    assert.ok(seed !== null, mutant.name)
  }
})
campaign.run()
