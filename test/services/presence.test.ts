import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { TYPE } from '../../src/core/envelope.ts'
import { judged, MemoryNet, type MemoryNode } from '../kit/node.ts'
import { Speaker } from '../kit/wire.ts'

const LIFETIME_MS = 90_000

const test = suite<{ net: MemoryNet; members: MemoryNode[]; watcher: MemoryNode; heard: string[] }>('presence')
test.before.each(async (context) => {
  context.net = new MemoryNet(4)
  context.members = await context.net.members()
  context.watcher = await context.net.node()
  context.heard = []
  const { events } = context.watcher.context
  events.on('presence', ({ seatsUp, quorum }) => void context.heard.push(`${seatsUp}/${quorum}`))
})
test.after.each(({ net }) => net.close())

function seat(members: MemoryNode[], i: number): MemoryNode {
  const member = members[i]
  if (!member) throw new Error('no such seat')
  return member
}

test('a newcomer hears at once who is there: births are retained', async ({ net, members, watcher, heard }) => {
  await net.until(() => watcher.presence.seatsUp() === 4)
  assert.ok(heard.length === 0 || heard.at(-1) === '4/3', heard.join())
  assert.is(watcher.presence.healthOf(seat(members, 0).person.id)?.reading, null)
  assert.match(watcher.presence.healthOf(seat(members, 0).person.id)?.software ?? '', /^webx /)
  assert.is(watcher.presence.healthOf(watcher.person.id), null, 'devices have no seat')
})

test('a member counts itself', ({ members }) => {
  assert.ok(members.every(({ presence }) => presence.seatsUp() >= 1))
})

test("the broker's will is a hint that one is gone, and its next word brings it back", async ({
  net,
  members,
  watcher,
  heard,
}) => {
  await net.until(() => watcher.presence.seatsUp() === 4)
  const first = seat(members, 0)
  const topic = first.context.topics.health(first.person.id)
  await watcher.link.publish(topic, new Uint8Array(0), { retain: true })
  await net.until(() => watcher.presence.seatsUp() === 3)
  assert.is(heard.at(-1), '3/3')
  await net.pass(31_000, 500)
  assert.is(watcher.presence.seatsUp(), 4)
  assert.is(heard.at(-1), '4/3')
})

test('who stops says so; who falls silent is missed after a while, and somebody is told', async ({
  net,
  members,
  watcher,
  heard,
}) => {
  await net.until(() => watcher.presence.seatsUp() === 4)
  await seat(members, 0).stop()
  await net.until(() => watcher.presence.seatsUp() === 3)
  seat(members, 1).crash()
  await net.pass(5_000, 500)
  assert.is(watcher.presence.seatsUp(), 3, 'nobody knows yet')
  await net.pass(LIFETIME_MS + 31_000, 1_000)
  assert.is(watcher.presence.seatsUp(), 2)
  assert.is(heard.at(-1), '2/3')
})

test("nobody speaks of somebody else's health", async ({ net, members, watcher }) => {
  await net.until(() => watcher.presence.seatsUp() === 4)
  const [liar, victim] = [seat(members, 0), seat(members, 1)]
  const topic = watcher.context.topics.health(victim.person.id)
  const speaker = new Speaker(net.net.genesis.netId, net.clock, liar.person)
  watcher.context.road.receive(topic, speaker.frame({ type: TYPE.health, topic, payload: ['lies', 1, []] }))
  await judged(watcher)
  assert.is(watcher.context.counters.read()['refused.not-allowed'], 1)
  assert.is.not(watcher.presence.healthOf(victim.person.id)?.software, 'lies')
  assert.is.not(watcher.presence.healthOf(liar.person.id)?.software, 'lies')
})

test('readings ride on it, below zero as well', async ({ net, members, watcher }) => {
  const first = seat(members, 0)
  const cases = [
    { temperature: -12.3, humidity: 45.6, atMs: 1_795_000_000_000, quality: 'ok' },
    { temperature: 21, humidity: 0, atMs: 5, quality: 'stale' },
    { temperature: 0, humidity: 100, atMs: 0, quality: 'failed' },
  ] as const
  for (const reading of cases) {
    first.presence.setReading(reading)
    const isThere = () => watcher.presence.healthOf(first.person.id)?.reading?.atMs === reading.atMs
    for (let i = 0; i < 80 && !isThere(); i++) await net.pass(500, 500)
    const seen = watcher.presence.healthOf(first.person.id)?.reading
    assert.ok(seen)
    assert.ok(Math.abs(seen.temperature - reading.temperature) < 1e-9, `${seen.temperature}`)
    assert.ok(Math.abs(seen.humidity - reading.humidity) < 1e-9)
    assert.is(seen.quality, reading.quality)
  }
})

test.run()
