/**
 * A swarm in a storm: real processes, a real broker, payments all the while, while members come, go and die, epochs turn and the broker restarts.
 *
 * Small unless told otherwise; the size of the word is
 *
 *     WEBX_TEST_NODES=70 WEBX_TEST_NEIGHBORHOODS=2 WEBX_TEST_SEATS=25 WEBX_TEST_CHANGES=50 WEBX_TEST_KILLED=8 WEBX_TEST_RESTARTS=2 \
 *       WEBX_TEST_EPOCH_SECONDS=30 WEBX_TEST_STORM_SECONDS=300 WEBX_TEST_CALM_SECONDS=60 WEBX_TEST_P99_MS=0 node test/kit/run.ts 'storm\.system\.ts$' 20
 */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { seeded, seedOfRun } from '../kit/crash.ts'
import { Storm } from '../kit/storm.ts'
import type { District } from '../kit/storm-district.ts'
import { until } from '../kit/within.ts'

const test = suite('system: storm')
const seed = seedOfRun()
const replay = `seed ${seed}; again: WEBX_TEST_SEED=${seed}`
const said = (line: object): void =>
  void process.stderr.write(`${JSON.stringify({ atMs: Math.round(performance.now()), ...line })}\n`)

/** The word of the issue is 5 s, on a machine that has nothing else to do: `WEBX_TEST_VOTE_MS=5000`. */
const VOTE_MS_MAX = numberOf('VOTE_MS', 60_000)
/** Objects that a newcomer takes in; the word of the issue is 10,000 within 20 s: `WEBX_TEST_SYNC_ORDERS=10000 WEBX_TEST_SYNC_MS=20000`. */
const SYNC_ORDERS = numberOf('SYNC_ORDERS', 200)
const SYNC_MS_MAX = numberOf('SYNC_MS', 60_000)
/** An epoch of 15 s that ends in a crowd of orders: more than one minute was seen. */
const EPOCH_MS_MAX = 150_000
/** What is no slowness whatever the calm was, where only few orders were given. */
const P99_MS = numberOf('P99_MS', 3_000)

function numberOf(name: string, usual: number): number {
  return Number(process.env[`WEBX_TEST_${name}`] ?? usual)
}

const seats = numberOf('SEATS', 7)
const founders = seats * numberOf('NEIGHBORHOODS', 1)
const plan = {
  seats,
  spares: numberOf('NODES', founders + 3) - founders,
  vacant: 0,
  payers: numberOf('PAYERS', 4),
  pauseMs: numberOf('PAUSE_MS', 250),
  neighborhoods: numberOf('NEIGHBORHOODS', 1),
  epochSeconds: numberOf('EPOCH_SECONDS', 6),
  changeSeconds: numberOf('EPOCH_SECONDS', 6),
  calmMs: numberOf('CALM_SECONDS', 8) * 1_000,
  stormMs: numberOf('STORM_SECONDS', 30) * 1_000,
  changes: numberOf('CHANGES', 5),
  killed: numberOf('KILLED', 2),
  restarts: numberOf('RESTARTS', 1),
  chance: seeded(seed),
  report: said,
}

test('nothing is lost, nothing is paid twice, nothing settled is taken back', async () => {
  said({ what: 'plan', seed, ...plan, chance: undefined, report: undefined })
  const storm = await Storm.open(plan)
  try {
    const story = await storm.run()
    assert.equal(story.violations, [], replay)
    assert.is(story.joined, plan.changes, replay)
    assert.is(story.left, plan.changes, replay)
    assert.ok(story.epochs >= 2, replay)
    assert.ok(
      story.storm.p99Ms <= Math.max(P99_MS, 5 * story.calm.p99Ms),
      `${story.storm.p99Ms} ms after ${story.calm.p99Ms} ms; ${replay}`,
    )
  } finally {
    await storm.close()
  }
})

test('a newcomer votes in a seat within seconds, where the epoch ends for it', async () => {
  const small = { seats: 4, vacant: 1, spares: 0, neighborhoods: 1, payers: 2, epochSeconds: 600, changeSeconds: 1 }
  const storm = await Storm.open({ ...plan, ...small })
  try {
    const [district] = storm.districts
    await district?.begin()
    const took = await storm.voteMs()
    said({ what: 'from the start of a process to its first vote', ...took })
    assert.ok(took.voteMs <= VOTE_MS_MAX, `${took.voteMs} ms, ${took.connectedMs} of them until it was connected`)
    await district?.end()
  } finally {
    await storm.close()
  }
})

test('a newcomer with an empty disk takes in what was settled before, and votes', async () => {
  const small = { seats: 4, vacant: 1, spares: 0, neighborhoods: 1, payers: 2, epochSeconds: 15, changeSeconds: 1 }
  const storm = await Storm.open({ ...plan, ...small })
  try {
    const [district] = storm.districts as [District]
    const fromMs = performance.now()
    await district.settleMany(SYNC_ORDERS)
    said({ what: 'settled before', orders: SYNC_ORDERS, ms: Math.round(performance.now() - fromMs) })
    // what a newcomer takes in is the state with which an epoch began
    const epoch = district.epochs
    await until(EPOCH_MS_MAX, () => district.epochs > epoch, 'the end of the epoch')
    await district.begin()
    const took = await storm.voteMs()
    said({ what: 'from an empty disk to the first vote', orders: SYNC_ORDERS, ...took })
    assert.ok(took.syncedMs <= SYNC_MS_MAX, `${took.syncedMs} ms`)
    await district.end()
  } finally {
    await storm.close()
  }
})

test.run()
