/** Proofs that wait: at what pace they are checked, what a flood of them does, and who is not listened to again. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ProofQueue, type Waiting } from '../../src/apps/facepay/proof-queue.ts'
import { WebxError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import type { Context } from '../../src/kernel/context.ts'
import { createCounters, createLog } from '../../src/kernel/observe.ts'
import { Schedule } from '../../src/kernel/schedule.ts'
import { TestClock } from '../kit/memory.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('waiting proofs')

function stage(take: (waiting: Waiting) => void = () => {}) {
  const clock = new TestClock()
  const log = createLog('silent')
  const counters = createCounters()
  const taken: number[] = []
  let draws = 0
  // every lot falls on the next place
  const random = { bytes: () => Uint8Array.of(0, draws++ & 0xff) }
  const context = { clock, log, counters, random, schedule: new Schedule(clock, log) } as unknown as Context
  const queue = new ProofQueue(context, (waiting) => {
    taken.push(numberOf(waiting))
    take(waiting)
  })
  /** Timers run in a later turn of the event loop. */
  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < ms; i += 25) {
      clock.advance(25)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { queue, clock, counters, taken, pass }
}

/** What one guest says. Tags are the guest's own unless given. */
function waiting(number: number, tag = number): Waiting {
  const bytes = (value: number): Uint8Array => {
    const filled = new Uint8Array(32)
    new DataView(filled.buffer).setUint32(0, value)
    return filled
  }
  return { frame: { sender: bytes(number) }, checkin: {}, ring: {}, tag: bytes(tag) } as unknown as Waiting
}

function numberOf({ frame }: Waiting): number {
  return new DataView(frame.sender.buffer).getUint32(0)
}

function idOf(number: number): Uint8Array {
  return waiting(number).frame.sender
}

test('never in the turn that brings them, and so many a second', async () => {
  const { queue, taken, pass } = stage()
  for (let i = 0; i < 50; i++) queue.offer(waiting(i))
  assert.equal(taken, [])
  await pass(500)
  const pace = LIMITS.checkinProofsPerSecondMax / 2
  assert.ok(taken.length >= pace - 1 && taken.length <= pace + 1, `${taken.length} in half a second`)
  await pass(1_500)
  assert.is(taken.length, 50)
})

test('a slow machine spends a ninth of its time at most', async () => {
  let advance = (_ms: number): void => {}
  const { queue, taken, clock, pass } = stage(() => advance(100))
  advance = (ms) => clock.advance(ms)
  for (let i = 0; i < 20; i++) queue.offer(waiting(i))
  const beganMs = clock.monotonicMs()
  await pass(3_000)
  const share = (100 * taken.length) / (clock.monotonicMs() - beganMs)
  assert.ok(taken.length > 1 && share < 0.14, `${taken.length} checks, ${share} of the time`)
})

test('a flood pushes out by lot, is counted, and one guest has one place', async () => {
  const { queue, counters, taken, pass } = stage()
  for (let i = 0; i < 1_000; i++) queue.offer(waiting(7))
  await pass(200)
  assert.equal(taken, [7])
  for (let i = 0; i < 200; i++) queue.offer(waiting(1_000 + i))
  assert.is(counters.read()['facepay.proofsDropped'], 200 - LIMITS.checkinProofsWaitingMax)
  await pass(4_000)
  assert.is(taken.length, 1 + LIMITS.checkinProofsWaitingMax)
  assert.ok(
    taken.some((number) => number < 1_000 + LIMITS.checkinProofsWaitingMax),
    'early ones have their chance',
  )
})

test('whoever proved nothing is not listened to again; another fault does not bar', async () => {
  const { queue, counters, pass } = stage((each) => {
    throw new WebxError(numberOf(each) === 1 ? 'bad-proof' : 'wrong-version', 'refused')
  })
  queue.offer(waiting(1))
  queue.offer(waiting(2))
  await pass(200)
  assert.equal(counters.read(), { 'refused.bad-proof': 1, 'refused.wrong-version': 1 })
  assert.is(
    codeOf(() => queue.offer(waiting(1))),
    'not-allowed',
  )
  queue.offer(waiting(2))
  for (let i = 0; i < LIMITS.checkinGuestsBarredMax; i++) queue.bar(idOf(10_000 + i))
  queue.offer(waiting(1))
})

test('a tag that was proven is not proven again for some seconds, whoever asks', async () => {
  const { queue, counters, taken, clock, pass } = stage()
  queue.offer(waiting(1, 5))
  queue.offer(waiting(2, 5))
  await pass(200)
  assert.equal(taken, [1])
  assert.is(counters.read()['refused.flooding'], 1)
  assert.is(
    codeOf(() => queue.offer(waiting(3, 5))),
    'flooding',
  )
  clock.advance(LIMITS.checkinReplaceMsMin)
  queue.offer(waiting(3, 5))
  await pass(100)
  assert.equal(taken, [1, 3])
})

test('what is withdrawn, and what waits when the till stops, is not checked', async () => {
  const { queue, taken, pass } = stage()
  queue.offer(waiting(1))
  queue.offer(waiting(2))
  queue.withdraw(idOf(1))
  await pass(100)
  assert.equal(taken, [2])
  queue.offer(waiting(3))
  queue.stop()
  await pass(100)
  assert.equal(taken, [2])
})

test.run()
