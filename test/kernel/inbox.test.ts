import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { Inbox } from '../../src/kernel/inbox.ts'
import { createCounters } from '../../src/kernel/observe.ts'
import { NOTHING } from '../kit/wire.ts'

const test = suite('inbox')

/** A message of a type; the topic tells it apart. */
function arrival(type: number, topic = `${type}`, length = 0): { topic: string; bytes: Uint8Array } {
  const body = new Uint8Array(1 + length)
  const scope = new Uint8Array(32)
  return { topic, bytes: encodeEnvelope({ type, scope, body, signature: NOTHING, attachment: NOTHING }, 1 << 30) }
}

function filled(counts: Partial<Record<'voteBatch' | 'settlement' | 'order' | 'summary', number>>): Inbox {
  const inbox = new Inbox(createCounters())
  for (const [name, count] of Object.entries(counts)) {
    const one = arrival(TYPE[name as keyof typeof TYPE])
    for (let i = 0; i < count; i++) inbox.push(one)
  }
  return inbox
}

function takenOf(inbox: Inbox): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { topic } of inbox.take()) counts[topic] = (counts[topic] ?? 0) + 1
  return counts
}

test('a turn takes what there is, each class in its order', () => {
  const inbox = new Inbox(createCounters())
  assert.ok(inbox.empty)
  const messages = [TYPE.summary, TYPE.order, TYPE.settlement, TYPE.voteBatch, TYPE.keyEvent, TYPE.certificate]
  for (const [i, type] of messages.entries()) inbox.push(arrival(type, `${i}`))
  assert.not.ok(inbox.empty)
  assert.equal(
    inbox.take().map(({ topic }) => topic),
    ['1', '3', '2', '5', '0', '4'],
  )
  assert.ok(inbox.empty)
  assert.equal(inbox.take(), [])
})

test('no class starves another, whichever floods', () => {
  const names = ['voteBatch', 'settlement', 'order', 'summary'] as const
  for (const flooding of names) {
    const inbox = filled({ voteBatch: 10, settlement: 10, order: 10, summary: 10, [flooding]: 1_000 })
    const taken = takenOf(inbox)
    for (const name of names) {
      const expected = name === flooding ? LIMITS.turnMessagesMax - 30 : 10
      assert.is(taken[TYPE[name]], expected, `${name} while ${flooding} floods`)
    }
  }
  const all = takenOf(filled({ voteBatch: 1_000, settlement: 1_000, order: 1_000, summary: 1_000 }))
  for (const name of names) assert.is(all[TYPE[name]], LIMITS.turnMessagesMax / 4)
})

test('a full class refuses the new one, counts it, and lets the others in', () => {
  const counters = createCounters()
  const inbox = new Inbox(counters)
  const vote = arrival(TYPE.voteBatch)
  for (let i = 0; i < 3 * LIMITS.inboxMessagesMax; i++) inbox.push(vote)
  inbox.push(arrival(TYPE.order))
  assert.equal(counters.read(), { 'inbox.full.votes': 2 * LIMITS.inboxMessagesMax })
  assert.is(takenOf(inbox)[TYPE.order], 1)
  inbox.push(vote)
  assert.is(counters.read()['inbox.full.votes'], 2 * LIMITS.inboxMessagesMax)
  let left = 0
  while (!inbox.empty) left += inbox.take().length
  assert.is(left, LIMITS.inboxMessagesMax + 1 - (LIMITS.turnMessagesMax - 1))
})

test('bytes are bounded, too: a few thousand large messages are not let in', () => {
  const counters = createCounters()
  const inbox = new Inbox(counters)
  const large = arrival(TYPE.summary, 'large', LIMITS.envelopeBytesMax)
  const fit = Math.floor(LIMITS.inboxBytesMax / large.bytes.length)
  for (let i = 0; i < 3 * fit; i++) inbox.push(large)
  assert.is(counters.read()['inbox.full.frames'], 2 * fit)
  // what was taken makes room again
  const taken = inbox.take().length
  for (let i = 0; i < fit; i++) inbox.push(large)
  assert.is(counters.read()['inbox.full.frames'], 2 * fit + (fit - taken))
  let left = 0
  while (!inbox.empty) left += inbox.take().length
  assert.is(left, fit)
})

test('what is no envelope waits with the frames', () => {
  const counters = createCounters()
  const inbox = new Inbox(counters)
  for (let i = 0; i <= LIMITS.inboxMessagesMax; i++) inbox.push({ topic: 'junk', bytes: Uint8Array.of(1, 2) })
  assert.equal(counters.read(), { 'inbox.full.frames': 1 })
})

test.run()
