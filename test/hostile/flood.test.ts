import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeTerms } from '../../src/apps/facepay/terms.ts'
import { orderBytes } from '../../src/consensus/order.ts'
import { VOTE } from '../../src/consensus/statement.ts'
import type { Cbor } from '../../src/core/codec.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { decodeFrame } from '../../src/core/frame.ts'
import { LIMITS } from '../../src/core/limits.ts'
import type { KeyState } from '../../src/identity/keylog.ts'
import { KnownIdentities } from '../../src/services/directory.ts'
import { Scene } from '../kit/hostile.ts'
import { judged, type MemoryNode, quiet, randomReference } from '../kit/node.ts'
import { makePerson } from '../kit/people.ts'
import { specimen, termsOf } from '../kit/specimens.ts'
import { payOrder } from '../kit/wire.ts'
import { until } from '../kit/within.ts'

const test = suite<{ scene: Scene }>('floods: what is bounded stays bounded, and says so')
test.before.each(async (context) => {
  context.scene = await Scene.open(4)
})
test.after.each(({ scene }) => scene.close())

/** A flood after which the node is what it was before. */
function flood(name: string, body: (scene: Scene) => Promise<void>): void {
  test(name, async ({ scene }) => {
    await body(scene)
    const noise = { topic: 'webx/noise', bytes: Uint8Array.of(1, 2), expect: ['refused.not-canonical'] }
    await scene.withstand({ at: 'member', ...noise })
  })
}

flood('messages of one class: the inbox holds so many, the others still pass', async (scene) => {
  const { member, topics, committee } = scene
  const { road } = member.context
  const topic = topics.committee(committee.cid, 'vote')
  const junk = specimen(scene, 'votes').bytes.map((byte, i) => (i === 50 ? byte ^ 1 : byte))
  for (let i = 0; i < 3 * LIMITS.inboxMessagesMax; i++) road.receive(topic, junk)
  const full = count(member, 'inbox.full.votes')
  assert.ok(full >= 2 * LIMITS.inboxMessagesMax - LIMITS.turnMessagesMax, `${full}`)
  const { id, inception } = makePerson()
  road.receive(topics.identity(id), inception)
  await until(2_000, () => member.context.directory.keyOf(id) !== null, 'an introduction amid a flood of votes')
  await until(10_000, () => !road.busy, 'the end of the flood')
  await judged(member)
})

flood('orders that wait: so many in all, so many of one owner', async (scene) => {
  const { member, net, asset, topics } = scene
  const pay = { asset, amount: 1, to: randomReference(), reference: randomReference() }
  const disk = member.store.values().length
  const someone = makePerson()
  const { signature } = payOrder(net, someone, pay).envelope
  for (let i = 0; i < 3 * LIMITS.parkedOrdersMax; i++) {
    // nobody knows these owners, so that nobody can check their signatures either
    const owner = { ...someone, id: randomReference(), sign: () => signature }
    member.context.road.receive(topics.order, orderBytes(payOrder(net, owner, pay)))
    if (i % 256 === 255) await judged(member)
  }
  await until(10_000, () => !member.context.road.busy)
  await judged(member)
  const { parkedOrders } = member.agreed.register.sizes
  assert.is(parkedOrders, LIMITS.parkedOrdersMax)
  assert.is(count(member, 'order.refused.limit'), 2 * LIMITS.parkedOrdersMax)
  const one = makePerson()
  for (let i = 0; i < 3 * LIMITS.parkedOrdersPerOwnerMax; i++) {
    member.context.road.receive(topics.order, orderBytes(payOrder(net, one, { ...pay, reference: randomReference() })))
  }
  await judged(member)
  assert.is(member.agreed.register.sizes.parkedOrders, LIMITS.parkedOrdersMax)
  assert.is(member.store.values().length, disk)
})

flood('votes for what nobody ordered: every seat has a share, and takes nothing from the others', async (scene) => {
  const { member, seats, topics, committee } = scene
  const topic = topics.committee(committee.cid, 'vote')
  const share = LIMITS.openSlotsMax / committee.seats.length
  const entry = () => ({ kind: VOTE.lock, oid: randomReference(), version: 1, od: randomReference() })
  const honest = entry()
  const before = member.agreed.register.sizes.openSlots
  member.context.road.receive(topic, seats.votes(2, [honest]))
  for (let sent = 0; sent < 3 * share; sent += 256) {
    member.context.road.receive(topic, seats.votes(1, Array.from({ length: 256 }, entry)))
    await judged(member)
  }
  const { openSlots, countedQuestions } = member.agreed.register.sizes
  assert.is(openSlots, before + share + 1)
  assert.ok(countedQuestions <= 2 * openSlots, `${countedQuestions} questions`)
  // the vote of the other seat still counts
  for (const seat of [1, 3]) member.context.road.receive(topic, seats.votes(seat, [honest]))
  await judged(member)
  assert.ok(member.agreed.register.sizes.openSlots <= before + share + 1)
  await scene.world.pass(3_000)
  const formed = scene.world.bus.published.map(({ bytes }) => bytes).filter((bytes) => bytes.length > 0)
  assert.is(formed.map((bytes) => decodeEnvelope(bytes)).filter(({ type }) => type === TYPE.certificate).length, 1)
})

flood('a member that names a thousand versions nobody has', async (scene) => {
  const { member, topics } = scene
  const liar = scene.speaker(scene.seatPerson(1))
  const topic = topics.to(member.person.id)
  for (let i = 0; i < 3; i++) {
    const heads: Cbor[] = Array.from({ length: LIMITS.headsPerReplyMax }, () => [randomReference(), 1_000_000])
    member.context.road.receive(topic, liar.frame({ type: TYPE.heads, topic, payload: [0, heads] }))
    await judged(member)
    await quiet(2)
    assert.is(sent(scene, member, TYPE.need), (i + 1) * LIMITS.needsPerHeadsMax)
  }
  assert.is(count(member, 'catch-up.missing'), 3 * LIMITS.headsPerReplyMax)
  const more: Cbor[] = Array.from({ length: LIMITS.headsPerReplyMax + 1 }, () => [randomReference(), 1])
  const bytes = liar.frame({ type: TYPE.heads, topic, payload: [0, more] })
  await scene.withstand({ at: 'member', topic, bytes, expect: ['refused.bad-shape'] })
})

flood('a guest who asks without end is answered no faster than an honest one', async (scene) => {
  const { member, topics, guest, world } = scene
  const ask = (round: number): void => {
    const payload = [round, new Uint8Array(512)]
    const bytes = scene.speaker(guest).frame({ type: TYPE.summary, topic: topics.sync, payload })
    member.context.road.receive(topics.sync, bytes)
  }
  for (let round = 0; round < 100; round++) ask(round)
  await judged(member)
  await quiet(2)
  const answers = sent(scene, member, TYPE.heads)
  assert.ok(answers > 0 && answers <= LIMITS.summaryBuckets, `${answers} answers`)
  assert.is(count(member, 'refused.flooding'), 99)
  world.clock.advance(LIMITS.summaryIntervalMsMin)
  ask(100)
  await judged(member)
  assert.is(count(member, 'refused.flooding'), 99)
})

flood('needs of what is settled: each slot is repeated so often and not more', async (scene) => {
  const { member, topics, guest, settledOrder, world } = scene
  const before = world.bus.published.length
  for (let i = 0; i < 100; i++) {
    const payload = [settledOrder.oid, 0]
    const bytes = scene.speaker(guest).frame({ type: TYPE.need, topic: topics.sync, payload })
    member.context.road.receive(topics.sync, bytes)
  }
  await judged(member)
  await world.pass(900)
  const repeated = world.bus.published
    .slice(before)
    .filter(({ bytes }) => decodeEnvelope(bytes).type === TYPE.settlement)
  // once for the need, and once because the order that is repeated for it asks the same again
  assert.ok(repeated.length <= 2, `${repeated.length} times`)
})

flood('check-ins: a till has so many places', async (scene) => {
  const { till, terminal, topics } = scene
  const topic = topics.checkin(till.person.id)
  const places = LIMITS.checkinsPerTerminalMax - terminal.checkins().length
  for (let i = 0; i < places + 10; i++) {
    const person = makePerson()
    till.context.road.receive(topics.identity(person.id), person.inception)
    await judged(till)
    const payload = [new Uint8Array(16), randomReference(), 60_000, 'vectors 1', []]
    till.context.road.receive(topic, scene.speaker(person).frame({ type: TYPE.checkin, topic, payload }))
    await judged(till)
  }
  assert.is(terminal.checkins().length, LIMITS.checkinsPerTerminalMax)
  assert.is(count(till, 'refused.limit'), 10)
})

flood('probes: a terminal may look so often in a minute', async (scene) => {
  const { device, shopper, topics, net, terminal } = scene
  const topic = topics.to(device.person.id)
  const [checkin] = terminal.checkins()
  assert.ok(checkin)
  const sealed = [randomReference(), randomReference(), new Uint8Array(528)]
  for (let i = 0; i < LIMITS.probesPerTerminalPerMinuteMax + 10; i++) {
    const payload = [encodeTerms(termsOf(scene)), checkin.pseudonym, ...sealed]
    device.context.road.receive(topic, scene.speaker(net.terminal).frame({ type: TYPE.probe, topic, payload }))
    await judged(device)
  }
  assert.is(count(device, 'refused.tampered'), LIMITS.probesPerTerminalPerMinuteMax)
  assert.is(count(device, 'refused.flooding'), 10)
  assert.is(shopper.probeLog().length, 0)
})

test('introductions: the directory holds so many guests, and never forgets who the genesis names', ({ scene }) => {
  const known = new KnownIdentities(scene.net.genesis)
  const state = scene.guest.state
  const guest = (i: number): KeyState => ({
    ...state,
    id: Uint8Array.from({ length: 32 }, (_, at) => (i >> (8 * at)) & 255),
  })
  for (let i = 0; i < 3 * LIMITS.directoryIdentitiesMax; i++) known.introduce(guest(i))
  const last = 3 * LIMITS.directoryIdentitiesMax - 1
  assert.ok(known.stateOf(guest(last).id) && known.stateOf(guest(2 * LIMITS.directoryIdentitiesMax).id))
  assert.is(known.stateOf(guest(2 * LIMITS.directoryIdentitiesMax - 1).id), null)
  for (const { person } of scene.net.members) assert.is(known.rankOf(person.id), 'member')
  assert.equal(known.keyOf(scene.net.terminal.id), scene.net.terminal.publicKey)
})

flood('double orders without end: so much evidence against one owner', async (scene) => {
  const { member, net, asset, guest, topics } = scene
  const pay = { asset, amount: 1, to: randomReference() }
  const before = member.agreed.register.sizes.openSlots
  for (let i = 0; i < 3 * LIMITS.evidencePerGuiltyMax; i++) {
    member.context.road.receive(
      topics.order,
      orderBytes(payOrder(net, guest, { ...pay, reference: randomReference() })),
    )
    await judged(member)
  }
  assert.ok(count(member, 'evidence') >= 1 && count(member, 'evidence') <= LIMITS.evidencePerGuiltyMax)
  assert.ok(member.store.values('evidence').length <= LIMITS.evidencePerGuiltyMax)
  assert.is(member.agreed.register.sizes.openSlots, before + 1)
})

function count(node: MemoryNode, name: string): number {
  return node.context.counters.read()[name] ?? 0
}

/** How many frames of a type a node has sent; of NEED, since the beginning. */
function sent(scene: Scene, node: MemoryNode, type: number): number {
  return scene.world.bus.published.filter(({ client, bytes }) => {
    if (client !== node.person.state.label || bytes.length === 0) return false
    const envelope = decodeEnvelope(bytes)
    if (envelope.type !== type) return false
    const [oid] = decodeFrame(envelope).payload as [Cbor]
    return type !== TYPE.need || oid instanceof Uint8Array
  }).length
}

test.run()
