/** Status lists of others, as a node that redeems pings comes to know them: only by their issuer, never back, not after a restart, and within bounds. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, equal } from '../../src/core/bytes.ts'
import { type Envelope, encodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import {
  encodeStatusList,
  isRevoked,
  type StatusTerms,
  statusMessage,
  statusStatement,
} from '../../src/data/statuslist.ts'
import { judged, MemoryNet, type MemoryNode, quiet } from '../kit/node.ts'
import { makePerson, type Person } from '../kit/people.ts'
import { fill, GRANT } from '../kit/pings.ts'
import { codeOfAsync } from '../kit/refusal.ts'

interface World {
  net: MemoryNet
  server: MemoryNode
  owner: Person
  /** Publishes an edition of a list as anybody could. */
  say: (document: Uint8Array, topicList?: Uint8Array) => Promise<void>
}

const LIST = fill(16, 6)
const test = suite<World>('services: statuses')
test.before.each(async (world) => {
  world.net = new MemoryNet(1)
  world.server = await world.net.node()
  world.owner = makePerson('human')
  const anybody = world.net.bus.connect('anybody')
  const { topics, netId } = world.server.context
  world.say = async (document, listId = LIST) => {
    await anybody.publish(topics.status(world.owner.id, listId), statusStatement(netId, document), { retain: true })
    await quiet(2)
    await judged(world.server)
  }
})
test.after.each(({ net }) => net.close())

/** An edition by the owner's key. */
function edition({ owner, net }: World, changes: Partial<StatusTerms> = {}, by: Person = owner): Uint8Array {
  const usual = { issuer: owner.id, issuerPosition: 0, listId: LIST, sequence: 1, issuedMs: net.clock.nowMs() }
  const terms = { ...usual, bits: new Uint8Array(8), ...changes }
  return encodeStatusList(terms, by.sign(statusMessage(terms)))
}

/** The owner makes himself known. */
async function introduce({ net, server, owner }: World): Promise<void> {
  const link = net.bus.connect('owner')
  await link.publish(server.context.topics.identity(owner.id), owner.inception, { retain: true })
  await quiet(2)
  await judged(server)
}

/** What a settled rotation of the owner does to the directory. */
function settleRotation({ server, owner }: World, next: Person): void {
  const keys = [owner.publicKey, next.publicKey]
  const isOwners = (id: Uint8Array) => equal(id, owner.id)
  Object.defineProperties(server.context.directory, {
    keyOf: { value: (id: Uint8Array) => (isOwners(id) ? next.publicKey : null) },
    keyAt: { value: (id: Uint8Array, position: number) => (isOwners(id) ? (keys[position] ?? null) : null) },
  })
}

/** Follows the list and lets the wait for it pass. */
async function follow({ net, server, owner }: World, listId = LIST): Promise<void> {
  await net.during(server.statuses.follow(owner.id, listId))
}

test('minted at one node, revoked there, seen at the other one', async (world) => {
  const { net, server } = world
  const node = await net.node(world.owner)
  const { ping } = await node.issuer.mint({
    ...{ dataId: fill(32, 4), fileVersionFrom: 1, audience: server.person.id, grant: GRANT },
    ...{ fieldDigests: [], locators: [] },
  })
  const { listId, index } = ping.status as NonNullable<typeof ping.status>
  await follow(world, listId)
  const before = server.statuses.list(world.owner.id, listId)
  assert.ok(before && !isRevoked(before, index))
  await node.issuer.revoke(ping.id)
  await net.until(() => isRevoked(server.statuses.list(world.owner.id, listId) ?? before, index))
  assert.equal(node.statuses.list(world.owner.id, listId)?.sequence, 2, 'the issuer knows its own lists')
})

test('a list that nobody asked for is not kept; once it is asked for, the broker repeats it', async (world) => {
  const { server, owner } = world
  await introduce(world)
  await world.say(edition(world))
  assert.is(server.statuses.list(owner.id, LIST), null)
  await follow(world)
  assert.is(server.statuses.list(owner.id, LIST)?.sequence, 1)
})

test('older editions, other signers and bits that are taken back are refused', async (world) => {
  const { server, owner } = world
  await introduce(world)
  await follow(world)
  const bits = Uint8Array.of(1, 0)
  await world.say(edition(world, { sequence: 5, bits }))
  const refused: [string, Uint8Array][] = [
    ['wrong-version', edition(world, { sequence: 4, bits })],
    ['wrong-version', edition(world, { sequence: 5, bits: Uint8Array.of(3, 0) })],
    ['wrong-version', edition(world, { sequence: 6, bits, issuedMs: 1 })],
    ['tampered', edition(world, { sequence: 6, bits: Uint8Array.of(0, 0) })],
    ['bad-signature', edition(world, { sequence: 6, bits }, makePerson('device'))],
    ['from-the-future', edition(world, { sequence: 6, bits, issuedMs: world.net.clock.nowMs() + 60_000 })],
  ]
  for (const [code, document] of refused) {
    const before = server.context.counters.read()[`refused.${code}`] ?? 0
    await world.say(document)
    assert.is(server.context.counters.read()[`refused.${code}`], before + 1, code)
    assert.is(server.statuses.list(owner.id, LIST)?.sequence, 5, code)
  }
  await world.say(edition(world, { sequence: 6, bits: Uint8Array.of(3, 0, 0) }))
  assert.is(server.statuses.list(owner.id, LIST)?.sequence, 6)
})

test('two editions in one turn: the later one stays, whichever came first', async (world) => {
  const { net, server, owner } = world
  await introduce(world)
  await follow(world)
  const { topics, netId, road } = server.context
  // the first wakes the road, the others wait for one turn
  for (const sequence of [2, 8, 7, 8, 6]) {
    road.receive(topics.status(owner.id, LIST), statusStatement(netId, edition(world, { sequence })))
  }
  await quiet(3)
  assert.is(server.statuses.list(owner.id, LIST)?.sequence, 8)
  const again = await net.node(server.person, { store: server.crash() })
  assert.is(again.statuses.list(owner.id, LIST)?.sequence, 8)
})

test('a restart forgets nothing, and an old copy is refused after it, too', async (world) => {
  const { net, server, owner } = world
  await introduce(world)
  await follow(world)
  await world.say(edition(world, { sequence: 5, bits: Uint8Array.of(2) }))
  const again = await net.node(server.person, { store: server.crash() })
  const list = again.statuses.list(owner.id, LIST)
  assert.ok(list && isRevoked(list, 1))
  Object.assign(world, { server: again })
  await introduce(world)
  await world.say(edition(world, { sequence: 4, bits: Uint8Array.of(0) }))
  assert.is(again.statuses.list(owner.id, LIST)?.sequence, 5)
})

test('an edition that comes before its issuer waits for it', async (world) => {
  const { net, server, owner } = world
  await follow(world)
  await world.say(edition(world))
  assert.is(server.statuses.list(owner.id, LIST), null)
  await introduce(world)
  await net.pass(LIMITS.statusRetryMs + 500, 500)
  assert.is(server.statuses.list(owner.id, LIST)?.sequence, 1)
})

test('an edition that is signed after a rotation waits until the rotation is known, and the old key says no more', async (world) => {
  const { net, server, owner } = world
  await introduce(world)
  await follow(world)
  const next = makePerson('human')
  await world.say(edition(world, { sequence: Number.MAX_SAFE_INTEGER, bits: Uint8Array.of(1) }))
  await world.say(edition(world, { issuerPosition: 1, bits: Uint8Array.of(3) }, next))
  assert.is(server.statuses.list(owner.id, LIST)?.issuerPosition, 0)
  settleRotation(world, next)
  await net.pass(LIMITS.statusRetryMs + 500, 500)
  const list = server.statuses.list(owner.id, LIST)
  assert.equal([list?.issuerPosition, list?.sequence, list?.bits[0]], [1, 1, 3])
  await world.say(edition(world, { sequence: Number.MAX_SAFE_INTEGER, issuerPosition: 2, bits: Uint8Array.of(255) }))
  await net.pass(LIMITS.statusRetryMs + 500, 500)
  assert.is(server.statuses.list(owner.id, LIST)?.bits[0], 3)
})

test('whoever has today’s key cannot sign for a place that the key log does not have, and stay there', async (world) => {
  const { net, server, owner } = world
  await introduce(world)
  await follow(world)
  await world.say(edition(world, { issuerPosition: Number.MAX_SAFE_INTEGER, sequence: Number.MAX_SAFE_INTEGER }))
  await net.pass(LIMITS.statusRetryMs + 500, 500)
  assert.is(server.statuses.list(owner.id, LIST), null)
  const next = makePerson('human')
  settleRotation(world, next)
  await world.say(edition(world, { issuerPosition: 1, bits: Uint8Array.of(3) }, next))
  const list = server.statuses.list(owner.id, LIST)
  assert.equal([list?.issuerPosition, list?.bits[0]], [1, 3])
  const before = server.context.counters.read()['refused.retired-key'] ?? 0
  await world.say(edition(world, { sequence: 9, bits: Uint8Array.of(255) }))
  assert.is(server.context.counters.read()['refused.retired-key'], before + 1)
})

test('an edition whose issuer never comes is forgotten', async (world) => {
  const { net, server, owner } = world
  await follow(world)
  await world.say(edition(world))
  await net.pass(LIMITS.statusRetryMs * (LIMITS.statusRetriesMax + 2), LIMITS.statusRetryMs)
  await introduce(world)
  await net.pass(3 * LIMITS.statusRetryMs, LIMITS.statusRetryMs)
  assert.is(server.statuses.list(owner.id, LIST), null)
})

test('statements of other shapes, topics and nets are refused by name', async (world) => {
  const { net, server, owner } = world
  await introduce(world)
  await follow(world)
  const { topics, netId, counters } = server.context
  const link = net.bus.connect('odd')
  const nothing = new Uint8Array(0)
  const plain: Envelope = {
    type: TYPE.status,
    scope: netId,
    body: edition(world),
    signature: nothing,
    attachment: nothing,
  }
  const cases: [string, Envelope, Uint8Array][] = [
    ['bad-shape', { ...plain, signature: fill(64, 1) }, LIST],
    ['bad-shape', { ...plain, attachment: fill(1, 1) }, LIST],
    ['wrong-net', { ...plain, scope: fill(32, 1) }, LIST],
    ['wrong-topic', plain, fill(16, 7)],
    ['bad-shape', { ...plain, body: concat(edition(world), fill(1, 0)) }, LIST],
  ]
  for (const [code, envelope, listId] of cases) {
    const before = counters.read()[`refused.${code}`] ?? 0
    await link.publish(topics.status(owner.id, listId), encodeEnvelope(envelope))
    await quiet(3)
    assert.is(counters.read()[`refused.${code}`], before + 1, code)
  }
  assert.is(server.statuses.list(owner.id, LIST), null)
})

test('lists that never come make room; those that are held do not', async (world) => {
  const { server, owner } = world
  await introduce(world)
  const followed = Array.from({ length: LIMITS.statusListsPerIssuerMax }, (_, i) => fill(16, i + 1))
  for (const [i, listId] of followed.entries()) {
    void server.statuses.follow(owner.id, listId)
    await quiet(1)
    if (i > 0) await world.say(edition(world, { listId }), listId)
  }
  assert.is(await codeOfAsync(() => server.statuses.follow(owner.id, fill(16, 99))), 'limit', 'one is waited for')
  await world.net.pass(LIMITS.statusWaitMs + 100, 500)
  await follow(world, fill(16, 99))
  await world.say(edition(world, { listId: fill(16, 99) }), fill(16, 99))
  assert.is(server.statuses.list(owner.id, fill(16, 99))?.sequence, 1)
  assert.is(await codeOfAsync(() => server.statuses.follow(owner.id, fill(16, 98))), 'limit')
})

test.run()
