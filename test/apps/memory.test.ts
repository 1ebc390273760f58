import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { filterMatches, MemoryBus, MemoryStore, TestClock } from '../kit/memory.ts'
import { until } from '../kit/within.ts'

const test = suite('bus, store and clock in memory')
const KEY = Uint8Array.of(1)

test('topic filters mean what MQTT 3.1.1 says', () => {
  const yes = ['a/b a/b', 'a/+ a/b', '+/+ a/b', 'a/# a/b/c', 'a/# a', '# a/b', '+ a', 'a/+/c a//c']
  const no = ['a/b a/c', 'a/+ a', 'a/+ a/b/c', '+ a/b', '# $SYS/x', '+/x $SYS/x', 'a a/', 'A a']
  for (const pair of yes) assert.ok(filterMatches(...(pair.split(' ') as [string, string])), pair)
  for (const pair of no) assert.not(filterMatches(...(pair.split(' ') as [string, string])), pair)
})

test('messages reach those who subscribed, in order; retained ones later comers too, until they are emptied', async () => {
  const bus = new MemoryBus(new TestClock())
  const heard: string[] = []
  const [from, to, late] = [bus.connect('from'), bus.connect('to'), bus.connect('late')]
  to.onMessage((topic, bytes) => heard.push(`${topic}:${bytes}`))
  await to.subscribe('a/+')
  await from.publish('a/1', Uint8Array.of(1), { retain: true })
  await from.publish('b/1', Uint8Array.of(9))
  await from.publish('a/2', Uint8Array.of(2))
  await until(1_000, () => heard.length === 2)
  assert.equal(heard, ['a/1:1', 'a/2:2'])
  late.onMessage((topic) => heard.push(`late ${topic}`))
  await late.subscribe('a/#')
  await until(1_000, () => heard.length === 3)
  assert.is(heard[2], 'late a/1')
  await late.close()
  await from.publish('a/1', new Uint8Array(0), { retain: true })
  await until(1_000, () => heard.length === 4)
  const later = bus.connect('later')
  later.onMessage((topic) => heard.push(`later ${topic}`))
  await later.subscribe('a/#')
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(heard.slice(3), ['a/1:'])
})

test('a power cut takes what was not synced, and only that', async () => {
  const store = new MemoryStore()
  store.write([{ space: 's', key: KEY, value: Uint8Array.of(1) }])
  await store.sync()
  store.write([{ space: 's', key: KEY, value: Uint8Array.of(2) }])
  assert.equal(store.get('s', KEY), Uint8Array.of(2))
  assert.equal(store.afterPowerCut().get('s', KEY), Uint8Array.of(1))
  store.write([{ space: 's', key: KEY, value: null }])
  await store.sync()
  assert.is(store.afterPowerCut().get('s', KEY), null)
})

test('timers run in their order, at their own time, and not when cancelled', () => {
  const clock = new TestClock(1_000)
  const ran: string[] = []
  clock.after(20, () => ran.push(`b ${clock.nowMs()}`))
  clock.after(10, () => {
    ran.push(`a ${clock.nowMs()}`)
    clock.after(5, () => ran.push(`c ${clock.nowMs()}`))
  })
  clock.after(15, () => ran.push('never'))()
  clock.advance(19)
  assert.equal(ran, ['a 1010', 'c 1015'])
  clock.advance(1)
  assert.equal(ran, ['a 1010', 'c 1015', 'b 1020'])
  assert.is(clock.monotonicMs(), 20)
})

test.run()
