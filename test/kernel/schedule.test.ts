import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Schedule } from '../../src/kernel/schedule.ts'
import { TestClock } from '../kit/memory.ts'
import { ErrorLog, quiet } from '../kit/node.ts'

const test = suite<{ clock: TestClock; log: ErrorLog; schedule: Schedule; calls: number[] }>('schedule')
test.before.each((context) => {
  context.clock = new TestClock()
  context.log = new ErrorLog()
  context.schedule = new Schedule(context.clock, context.log)
  context.calls = []
})

test('after: once, at its time, unless it is cancelled', async ({ clock, schedule, calls }) => {
  schedule.after(100, 'a', () => void calls.push(clock.monotonicMs()))
  const cancel = schedule.after(50, 'b', () => void calls.push(-1))
  cancel()
  clock.advance(99)
  await quiet(1)
  assert.equal(calls, [])
  clock.advance(1)
  await quiet(1)
  assert.equal(calls, [100])
  clock.advance(10_000)
  await quiet(1)
  assert.equal(calls, [100])
})

test('every: again after each call has ended, until it is cancelled', async ({ clock, schedule, calls }) => {
  let busy: (() => void) | null = null
  const cancel = schedule.every(10, 'tick', () => {
    calls.push(clock.monotonicMs())
    if (calls.length !== 2) return
    return new Promise<void>((done) => {
      busy = done
    })
  })
  for (let i = 0; i < 10; i++) {
    clock.advance(10)
    await quiet(1)
  }
  assert.equal(calls, [10, 20], 'the second call is still under way')
  ;(busy as (() => void) | null)?.()
  await quiet(1)
  for (let i = 0; i < 3; i++) {
    clock.advance(10)
    await quiet(1)
  }
  assert.equal(calls, [10, 20, 110, 120, 130])
  cancel()
  clock.advance(1_000)
  await quiet(1)
  assert.is(calls.length, 5)
})

test('a timer that fails is logged and does not end its repetition', async ({ clock, log, schedule, calls }) => {
  schedule.every(10, 'bad', async () => {
    calls.push(1)
    throw new Error('oh')
  })
  schedule.after(5, 'worse', () => {
    throw new Error('ah')
  })
  for (let i = 0; i < 3; i++) {
    clock.advance(10)
    await quiet(2)
  }
  assert.is(calls.length, 3)
  assert.is(log.errors.length, 4)
  assert.match(log.errors.join('\n'), 'ah')
})

test('every cancelled during its call does not come back', async ({ clock, schedule, calls }) => {
  const cancel = schedule.every(10, 'once', () => {
    calls.push(1)
    cancel()
  })
  for (let i = 0; i < 3; i++) {
    clock.advance(10)
    await quiet(1)
  }
  assert.is(calls.length, 1)
})

test('stop ends everything, and nothing can be scheduled after', async ({ clock, schedule, calls }) => {
  schedule.after(10, 'a', () => void calls.push(1))
  schedule.every(10, 'b', () => void calls.push(2))
  schedule.stop()
  schedule.after(10, 'c', () => void calls.push(3))
  schedule.every(10, 'd', () => void calls.push(4))
  clock.advance(1_000)
  await quiet(2)
  assert.equal(calls, [])
})

test.run()
