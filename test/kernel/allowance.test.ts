/** Buckets of tokens by sender. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Allowance } from '../../src/kernel/allowance.ts'
import { TestClock } from '../kit/memory.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('kernel: allowance')
const sender = (value: number) => new Uint8Array(32).fill(value)

/** How many tokens can be taken at once. */
function taken(allowance: Allowance, who: Uint8Array): number {
  for (let count = 0; ; count++) {
    try {
      allowance.take(who)
    } catch {
      return count
    }
  }
}

test('a burst, then the rate; each sender has a bucket of its own', () => {
  const clock = new TestClock()
  const allowance = new Allowance(clock, { perSecond: 5, burst: 10, sendersMax: 4 })
  assert.is(taken(allowance, sender(1)), 10)
  assert.is(
    codeOf(() => allowance.take(sender(1))),
    'flooding',
  )
  assert.is(taken(allowance, sender(2)), 10)
  clock.advance(1_000)
  assert.is(taken(allowance, sender(1)), 5)
  clock.advance(100_000)
  assert.is(taken(allowance, sender(1)), 10)
})

test('the sender that asked least recently makes room', () => {
  const allowance = new Allowance(new TestClock(), { perSecond: 1, burst: 2, sendersMax: 2 })
  assert.is(taken(allowance, sender(1)), 2)
  assert.is(taken(allowance, sender(2)), 2)
  assert.is(taken(allowance, sender(1)), 0)
  allowance.take(sender(3))
  assert.is(taken(allowance, sender(1)), 0, 'asked after 2')
  assert.is(taken(allowance, sender(2)), 2, 'was forgotten')
})

test.run()
