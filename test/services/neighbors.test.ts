import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Opening } from '../../src/consensus/epoch/opening.ts'
import type { RosterEntry } from '../../src/consensus/epoch/rules.ts'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { blake3Of } from '../../src/core/digest.ts'
import { TYPE } from '../../src/core/envelope.ts'
import { accusedOf } from '../../src/services/neighbors-accused.ts'
import { swimPayload } from '../../src/swarm/liveness-message.ts'
import { BRANCH_NET, seatsOf } from '../../src/swarm/seating.ts'
import { judged, MemoryNet, type MemoryNode, typeOf } from '../kit/node.ts'
import { makePerson } from '../kit/people.ts'
import { Speaker } from '../kit/wire.ts'

const SEATS = 4
const CALM_S = 5
/** Probes, patience with the helpers, suspicion: longer for whoever takes itself to be slow. */
const DEATH_MS_MAX = 40_000

const test = suite<{ net: MemoryNet; members: MemoryNode[] }>('neighbors')
test.before(async (context) => {
  context.net = new MemoryNet(SEATS)
  context.members = await context.net.members()
  await context.net.pass(3_000)
})
test.after(({ net }) => net.close())

const at = (members: MemoryNode[], i: number): MemoryNode => members[i] as MemoryNode

/** What members 0 to 2 hold of member 3. */
const opinions = (members: MemoryNode[]): (string | null)[] =>
  members.slice(0, 3).map(({ neighbors }) => neighbors.statusOf(at(members, 3).person.id))

test('in calm a node sends a ping and an ack a second, and knows of each other how far away it is and what it speaks', async ({
  net,
  members,
}) => {
  const before = net.bus.published.length
  await net.pass(CALM_S * 1_000)
  const said = net.bus.published.slice(before)
  const rate = said.length / CALM_S / SEATS
  assert.ok(rate >= 1.5 && rate <= 4, `${rate} messages per node and second`)
  assert.ok(
    said.every((message) => typeOf(message) >= 64),
    'nothing of it is about agreement',
  )
  for (const one of members) {
    for (const other of members.filter((member) => member !== one)) {
      assert.is(one.neighbors.statusOf(other.person.id), 'alive')
      assert.equal(one.neighbors.helloOf(other.person.id)?.versions, { min: 1, max: 1 })
      assert.ok((one.neighbors.roundTripsTo(other.person.id)?.samples ?? 0) > 0)
    }
    assert.is(one.neighbors.statusOf(one.person.id), null)
    assert.equal(one.log.errors, [])
  }
})

test('the word of the broker that one is gone kills nobody', async ({ net, members }) => {
  const victim = at(members, 3)
  net.bus.loses = ({ client }) => client === victim.person.state.label
  await net.pass(1_200)
  const asked = async (): Promise<boolean> => {
    const before = net.said(TYPE.swim).length
    at(members, 0).neighbors.hintGone(victim.context.topics.health(victim.person.id))
    await judged(at(members, 0))
    return net.said(TYPE.swim).length > before
  }
  // not while another question is open
  let isAsked = false
  for (let tries = 0; tries < 6 && !isAsked; tries++) {
    isAsked = await asked()
    await net.pass(300)
  }
  assert.ok(isAsked, 'it is asked at once')
  net.bus.loses = () => false
  await net.pass(2_000)
  assert.equal(opinions(members), ['alive', 'alive', 'alive'])
})

test('while the link is down time stands still', async ({ net, members }) => {
  const node = at(members, 0)
  node.link.state = 'down'
  node.context.events.emit('link', { up: false })
  await net.pass(1_000)
  const before = net.said(TYPE.swim, node).length
  await net.pass(60_000, 1_000)
  assert.is(net.said(TYPE.swim, node).length, before)
  node.link.state = 'up'
  node.context.events.emit('link', { up: true })
  await net.pass(3_000)
  const others = members.slice(1).map(({ person }) => node.neighbors.statusOf(person.id))
  assert.equal(others, ['alive', 'alive', 'alive'])
  assert.ok(net.said(TYPE.swim, node).length > before)
})

test('a member that falls silent is dead, nobody takes its seat where there is nobody, and its next life is heard', async ({
  net,
  members,
}) => {
  const heard: string[] = []
  at(members, 0).context.events.on(
    'neighbor',
    ({ id, status }) => void heard.push(`${toHex(id).slice(0, 6)} ${status}`),
  )
  const [gone, name] = [at(members, 3), toHex(at(members, 3).person.id).slice(0, 6)]
  const disk = gone.crash()
  const isOver = (): boolean => opinions(members).every((status) => status === 'dead')
  for (let ms = 0; ms < DEATH_MS_MAX && !isOver(); ms += 1_000) await net.pass(1_000)
  assert.equal(opinions(members), ['dead', 'dead', 'dead'])
  assert.equal(heard, [`${name} suspect`, `${name} dead`])
  assert.is(net.said(TYPE.transaction).length, 0, 'accusing it would only cost it its place')
  await net.member(3, disk)
  await net.pass(3_000)
  assert.equal(opinions(members), ['alive', 'alive', 'alive'])
  assert.is(heard.at(-1), `${name} alive`)
})

test('members listen to members, each word on its topic', async ({ net, members }) => {
  const node = at(members, 0)
  const { topics, road, counters } = node.context
  const refused = (): (number | undefined)[] =>
    ['not-allowed', 'wrong-topic'].map((code) => counters.read()[`refused.${code}`])
  const payload = swimPayload({ kind: 'news', incarnation: 9, words: [] })
  const stranger = await net.node(makePerson('device'))
  const inbox = topics.to(node.person.id)
  await net.until(() => node.context.directory.keyOf(stranger.person.id) !== null)
  road.receive(
    inbox,
    new Speaker(net.net.genesis.netId, net.clock, stranger.person).frame({ type: TYPE.swim, topic: inbox, payload }),
  )
  await judged(node)
  assert.equal(refused(), [1, undefined])
  assert.is(stranger.neighbors.statusOf(node.person.id), null, 'a device looks after nobody')
  const friend = new Speaker(net.net.genesis.netId, net.clock, at(members, 1).person)
  for (const topic of [topics.sync, topics.neighborhood(new Uint8Array(16))])
    road.receive(topic, friend.frame({ type: TYPE.swim, topic, payload }))
  road.receive(
    inbox,
    friend.frame({ type: TYPE.hello, topic: inbox, payload: ['x', [1, 1], 0, 1, new Uint8Array(32), 0] }),
  )
  await judged(node)
  assert.equal(refused(), [1, 3])
  for (let i = 0; i < 60; i++) road.receive(inbox, friend.frame({ type: TYPE.swim, topic: inbox, payload }))
  await judged(node)
  assert.ok((counters.read()['refused.flooding'] ?? 0) >= 20, 'who asks too often is not answered')
})

test('a member that does not speak the version of the epoch has no seat in it, and says so', async () => {
  const net = new MemoryNet(1)
  const [member] = net.net.members
  const { person, epoch } = member as NonNullable<typeof member>
  const node = await net.node(person, { epoch, hearsVotes: true, versions: { min: 2, max: 3 } })
  assert.is(node.agreed.seat, null)
  assert.ok(node.agreed.hood.isMember)
  assert.match(node.log.errors.join(), /speaks a version that we do not: abstaining/)
  await net.close()
})

test.run()

const accusing = suite('neighbors: whom to accuse')
const ZEROS = new Uint8Array(32)
const idOf = (name: string): Uint8Array => blake3Of('test neighbor', fromText(name))

function openingOf(seated: number, spares: number, since = 0): Opening {
  const entry = (name: string, more: Partial<RosterEntry> = {}): RosterEntry => {
    const base = { id: idOf(name), key: ZEROS, vrfKey: ZEROS, organization: ZEROS, voucher: ZEROS }
    return { ...base, since: 0, capabilities: 0, weight: 1, ...more }
  }
  const holders = Array.from({ length: seated }, (_, i) => entry(`seat ${i}`))
  const others = Array.from({ length: spares }, (_, i) => entry(`spare ${i}`, { voucher: idOf(`seat ${i}`), since }))
  const seats = holders.map(({ id }) => ({ memberId: id, epochKey: id, weight: 1 }))
  const named = { netId: ZEROS, nid: ZEROS.slice(16), epoch: 30, seed: idOf('seed'), stateRoot: ZEROS, version: 1 }
  return { ...named, roster: [...holders, ...others], seats, shares: [], blocks: 0, attendance: [], convicted: [] }
}

function accused(opening: Opening, dead: readonly string[]): string[] {
  const rules = { ...BRANCH_NET, seats: opening.seats.length }
  const names = new Map(
    opening.roster.map(({ id }, i) => [toHex(id), i < opening.seats.length ? `seat ${i}` : 'spare']),
  )
  const chosen = accusedOf(opening, new Set(dead.map((name) => toHex(idOf(name)))), (input) => seatsOf(input, rules))
  return [...chosen].map((name) => names.get(name) as string)
}

accusing('nobody where nobody would take the seat', () => {
  assert.equal(accused(openingOf(25, 0), ['seat 3']), [])
  assert.equal(accused(openingOf(25, 2, 29), ['seat 3']), [], 'spares on probation do not')
  assert.equal(accused(openingOf(25, 2), []), [])
})

accusing('as many as can be replaced in one epoch, the lowest seats first, and all dead spares', () => {
  const dead = [3, 5, 8, 13, 21].map((seat) => `seat ${seat}`)
  assert.equal(accused(openingOf(25, 10), dead), ['seat 3', 'seat 5', 'seat 8'])
  assert.equal(accused(openingOf(25, 1), dead), ['seat 3'])
  assert.equal(accused(openingOf(25, 1), [...dead, 'spare 0']), ['spare'])
})

accusing.run()
