/** Pings that a node mints and revokes for its owner, and what others come to know of it. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { WebxError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import type { PingTerms } from '../../src/data/ping.ts'
import { encodePresentation, readPresentation, rightsOf } from '../../src/data/presentation.ts'
import {
  acceptStatusList,
  encodeStatusList,
  isRevoked,
  readStatusList,
  readStatusStatement,
  revoke,
  statusMessage,
  statusStatement,
} from '../../src/data/statuslist.ts'
import type { Context } from '../../src/kernel/context.ts'
import { Issuer, type MintTerms } from '../../src/services/issuer.ts'
import { MemoryNet, type MemoryNode, quiet } from '../kit/node.ts'
import { makePerson, type Person } from '../kit/people.ts'
import { fill, GRANT } from '../kit/pings.ts'
import { codeOfAsync } from '../kit/refusal.ts'

const TERMS: MintTerms = {
  dataId: fill(32, 4),
  fileVersionFrom: 1,
  audience: fill(32, 9),
  grant: GRANT,
  fieldDigests: [],
  locators: [],
}

interface World {
  net: MemoryNet
  owner: Person
  node: MemoryNode
}

const test = suite<World>('services: issuer')
test.before.each(async (world) => {
  world.net = new MemoryNet(1)
  world.owner = makePerson('human')
  world.node = await world.net.node(world.owner)
})
test.after.each(({ net }) => net.close())

/** Editions that a node published, oldest first. */
function editions({ net, node }: World) {
  return net.said(TYPE.status, node).map(({ topic, bytes, retain }) => {
    return { topic, retain, list: readStatusStatement(decodeEnvelope(bytes)) }
  })
}

test('a minted ping is the owner’s, has a place of its own, and its list is on the net', async (world) => {
  const { node, owner } = world
  const first = await node.issuer.mint(TERMS)
  const second = await node.issuer.mint(TERMS)
  for (const { document } of [first, second]) {
    const presentation = readPresentation(encodePresentation({ ping: document, narrowings: [], disclosures: [] }))
    assert.equal(rightsOf(presentation, { issuerKey: owner.publicKey }).ping.issuer, owner.id)
  }
  assert.equal([first.ping.status?.index, second.ping.status?.index], [0, 1])
  assert.equal(first.ping.status?.listId, second.ping.status?.listId)
  assert.not.equal(first.ping.id, second.ping.id)
  await quiet(2)
  const [edition, ...more] = editions(world)
  assert.is(more.length, 0, 'the second ping changed nothing in the list')
  assert.is(edition?.list.bits.length, LIMITS.statusListBitsFirst / 8)
  assert.is(edition?.retain, true)
  assert.is(edition?.topic, node.context.topics.status(owner.id, first.ping.status?.listId as Uint8Array))
})

test('a revocation sets its bit and no other, once and for good', async (world) => {
  const { node } = world
  const [one, two] = [await node.issuer.mint(TERMS), await node.issuer.mint(TERMS)]
  const revoked = await node.issuer.revoke(one.ping.id)
  assert.ok(revoked.revokedMs)
  const list = node.issuer.own(one.ping.status?.listId as Uint8Array)
  assert.ok(list && isRevoked(list, 0) && !isRevoked(list, 1))
  assert.is(list.sequence, 2)
  assert.equal(await node.issuer.revoke(one.ping.id), revoked)
  assert.is(node.issuer.own(list.listId)?.sequence, 2, 'again is no new edition')
  assert.equal(
    [...node.issuer.minted()].map(({ ping, revokedMs }) => [toHex(ping.id), revokedMs !== null]).sort(),
    [
      [toHex(one.ping.id), true],
      [toHex(two.ping.id), false],
    ].sort(),
  )
  assert.is(await codeOfAsync(() => node.issuer.revoke(fill(16, 1))), 'bad-argument')
  assert.is(await codeOfAsync(() => node.issuer.mint({ ...TERMS, grant: { ...GRANT, operations: 0 } })), 'bad-argument')
  assert.is((await node.issuer.mint(TERMS)).ping.status?.index, 2, 'a ping that could not be made takes no place')
})

test('a node that lost its power goes on where its disk is, and says its lists again', async (world) => {
  const { net, node, owner } = world
  const one = await node.issuer.mint(TERMS)
  await node.issuer.revoke(one.ping.id)
  const again = await net.node(owner, { store: node.crash() })
  const list = again.issuer.own(one.ping.status?.listId as Uint8Array)
  assert.ok(list && isRevoked(list, 0))
  assert.is((await again.issuer.mint(TERMS)).ping.status?.index, 1)
  assert.equal([...again.issuer.minted()].length, 2)
  await quiet(3)
  assert.is(editions({ ...world, node: again }).at(-1)?.list.sequence, 2)
})

test('nothing is said and no ping leaves before it is on the disk', async (world) => {
  const { node } = world
  const { ping } = await node.issuer.mint(TERMS)
  await quiet(2)
  const before = editions(world).length
  node.store.beforeSync = () => {
    throw new WebxError('store-failed', 'disk full')
  }
  assert.is.not(await codeOfAsync(() => node.issuer.revoke(ping.id)), '')
  await quiet(2)
  assert.is(editions(world).length, before)
  const list = node.issuer.own(ping.status?.listId as Uint8Array)
  assert.not(list && isRevoked(list, 0))
})

test('an older copy of a disk brings nothing back that the net knows to be revoked', async (world) => {
  const { net, node, owner } = world
  const one = await node.issuer.mint(TERMS)
  const backup = node.store.afterPowerCut()
  await node.issuer.mint(TERMS)
  await node.issuer.revoke(one.ping.id)
  node.crash()
  const restored = await net.node(owner, { store: backup })
  const listId = one.ping.status?.listId as Uint8Array
  await net.until(() => (restored.issuer.own(listId)?.sequence ?? 0) > 2)
  const list = restored.issuer.own(listId)
  assert.ok(list && isRevoked(list, 0))
  const next = await restored.issuer.mint(TERMS)
  assert.is(next.ping.status?.index, LIMITS.statusListBitsFirst, 'beyond every place that the lost disk gave away')
})

test('what the net knows is not lost on a node that is still starting, nor what only its disk knows', async (world) => {
  const { node, owner, net } = world
  const minted = [await node.issuer.mint(TERMS), await node.issuer.mint(TERMS)]
  for (const { ping } of minted) await node.issuer.revoke(ping.id)
  const listId = minted[0]?.ping.status?.listId as Uint8Array
  const next = makePerson('human')
  const changes = { position: 1, publicKey: next.publicKey, sign: async (m: Uint8Array) => next.sign(m) }
  const starting = new Issuer({ ...node.context, keys: { ...node.context.keys, ...changes } })
  const at = { issuer: owner.id, issuerPosition: 1, listId, sequence: 2, issuedMs: net.clock.nowMs() }
  const terms = { ...at, bits: revoke(new Uint8Array(1_024), 5) }
  starting.heard(readStatusList(encodeStatusList(terms, next.sign(statusMessage(terms)))))
  await quiet(2)
  await starting.start()
  await starting.mint(TERMS)
  const list = starting.own(listId)
  assert.ok(list && [0, 1, 5].every((index) => isRevoked(list, index)))
  assert.is(list.issuerPosition, 1)
  assert.ok(list.sequence > 2)
  await starting.stop()
})

test('a desk that was never opened can be closed', async ({ node }) => {
  await new Issuer(node.context).stop()
})

test('what others publish on the topic of a list changes nothing', async (world) => {
  const { net, node, owner } = world
  const { ping } = await node.issuer.mint(TERMS)
  const listId = ping.status?.listId as Uint8Array
  const thief = makePerson('device')
  const terms = { issuer: owner.id, issuerPosition: 0, listId, sequence: 9, issuedMs: 1, bits: fill(1_024, 255) }
  const forged = encodeStatusList(terms, thief.sign(statusMessage(terms)))
  const topic = node.context.topics.status(owner.id, listId)
  const link = net.bus.connect('thief')
  await link.publish(topic, statusStatement(node.context.netId, forged), { retain: true })
  await quiet(5)
  assert.is(node.issuer.own(listId)?.sequence, 1)
})

test('after a rotation all lists are signed anew with the key of today, at its place in the log', async (world) => {
  const { node } = world
  const { ping } = await node.issuer.mint(TERMS)
  await node.issuer.revoke(ping.id)
  const listId = ping.status?.listId as Uint8Array
  const held = node.issuer.own(listId)
  const next = makePerson('human')
  const keys = {
    ...node.context.keys,
    position: 1,
    publicKey: next.publicKey,
    sign: async (m: Uint8Array) => next.sign(m),
  }
  const rotated = new Issuer({ ...node.context, keys })
  await rotated.start()
  await rotated.mint(TERMS)
  const list = rotated.own(listId)
  assert.equal([list?.issuerPosition, list?.sequence], [1, 1], 'each key counts anew')
  assert.ok(held && list && acceptStatusList(held, list, next.publicKey) === list && isRevoked(list, 0))
  await quiet(2)
  assert.is(editions(world).at(-1)?.list.issuerPosition, 1)
  await rotated.stop()
})

test('what others could not believe before a rotation was settled is said again then, once', async (world) => {
  const { node, owner } = world
  const next = makePerson('human')
  const changes = { position: 1, publicKey: next.publicKey, sign: async (m: Uint8Array) => next.sign(m) }
  let settled: Uint8Array | null = null
  const directory = { ...node.context.directory, keyAt: () => settled }
  const rotated = new Issuer({ ...node.context, keys: { ...node.context.keys, ...changes }, directory } as Context)
  await rotated.start()
  const { ping } = await rotated.mint(TERMS)
  const { events } = node.context
  const settle = async () => {
    events.emit('settled', { order: owner.id, settlement: owner.id, orderDigest: owner.id, locks: 1, confirms: 1 })
    await quiet(2)
    return editions(world).filter(({ list }) => list.issuerPosition === 1).length
  }
  const before = await settle()
  settled = next.publicKey
  assert.is(await settle(), before + 1)
  assert.is(await settle(), before + 1)
  assert.equal(editions(world).at(-1)?.list.listId, ping.status?.listId)
  await rotated.stop()
})

test('a thief of today’s key who counts to the end or dates ahead has the last word until the next rotation, no longer', async (world) => {
  const { net, node, owner } = world
  const { ping } = await node.issuer.mint(TERMS)
  const listId = ping.status?.listId as Uint8Array
  const say = (changes: { sequence: number; issuedMs: number; bits: Uint8Array }) => {
    const terms = { issuer: owner.id, issuerPosition: 0, listId, ...changes }
    const document = encodeStatusList(terms, owner.sign(statusMessage(terms)))
    return link.publish(node.context.topics.status(owner.id, listId), statusStatement(node.context.netId, document))
  }
  const link = net.bus.connect('thief')
  const issuedMs = net.clock.nowMs()
  await say({ sequence: 2, issuedMs: Number.MAX_SAFE_INTEGER, bits: new Uint8Array(1_024) })
  await quiet(5)
  const dated = node.issuer.own(listId)
  assert.ok(dated && dated.issuedMs <= net.clock.nowMs(), 'others would refuse what is dated ahead')
  const thiefs = new Uint8Array(2_048).fill(128, 2_047)
  await say({ sequence: Number.MAX_SAFE_INTEGER, issuedMs, bits: thiefs })
  await quiet(5)
  await node.issuer.revoke(ping.id)
  const next = makePerson('human')
  const keys = {
    ...node.context.keys,
    position: 1,
    publicKey: next.publicKey,
    sign: async (m: Uint8Array) => next.sign(m),
  }
  const rotated = new Issuer({ ...node.context, keys })
  await rotated.start()
  await rotated.mint(TERMS)
  const list = rotated.own(listId)
  assert.ok(list && isRevoked(list, 0) && isRevoked(list, 8 * 2_048 - 1), 'what others hold is not taken back')
  assert.equal([list.issuerPosition, list.sequence], [1, 2], 'signed anew, and grown for the ping')
  assert.ok(list.issuedMs <= net.clock.nowMs())
  await rotated.stop()
})

test('a clock that was ahead for a while does not keep later editions from being believed', async (world) => {
  const { net, node } = world
  const { ping } = await node.issuer.mint(TERMS)
  const now = net.clock.nowMs.bind(net.clock)
  net.clock.nowMs = () => now() + 365 * 86_400_000
  await node.issuer.revoke(ping.id)
  net.clock.nowMs = now
  const { ping: other } = await node.issuer.mint(TERMS)
  await node.issuer.revoke(other.id)
  const list = node.issuer.own(ping.status?.listId as Uint8Array)
  assert.is(list?.sequence, 3)
  assert.ok((list?.issuedMs as number) <= now())
})

test('a list grows until it is full, then another is begun, up to the last', async (world) => {
  const { node, owner, net } = world
  const { topics, netId } = node.context
  const link = net.bus.connect('elsewhere')
  /** As if all places up to so many were given away on a disk that was lost. */
  const fillUp = async (listId: Uint8Array, bits: number) => {
    const sequence = (node.issuer.own(listId)?.sequence as number) + 1
    const at = { issuer: owner.id, issuerPosition: 0, listId, sequence, issuedMs: net.clock.nowMs() }
    const terms = { ...at, bits: new Uint8Array(bits / 8) }
    const document = encodeStatusList(terms, owner.sign(statusMessage(terms)))
    await link.publish(topics.status(owner.id, listId), statusStatement(netId, document))
    await net.until(() => (node.issuer.own(listId)?.sequence as number) > sequence)
  }
  const lists = new Set<string>()
  for (let i = 0; i < LIMITS.statusListsOwnMax; i++) {
    const { listId, index } = (await node.issuer.mint(TERMS)).ping.status as NonNullable<PingTerms['status']>
    assert.is(index, 0)
    lists.add(toHex(listId))
    await fillUp(listId, LIMITS.statusListBitsMax / 2)
    const grown = await node.issuer.mint(TERMS)
    assert.equal(grown.ping.status, { listId, index: LIMITS.statusListBitsMax / 2 })
    assert.is(node.issuer.own(listId)?.bits.length, LIMITS.statusListBitsMax / 8)
    await fillUp(listId, LIMITS.statusListBitsMax)
  }
  assert.is(lists.size, LIMITS.statusListsOwnMax)
  assert.is(await codeOfAsync(() => node.issuer.mint(TERMS)), 'limit')
})

test('many at once take a place each', async ({ node }) => {
  const minted = await Promise.all(Array.from({ length: 20 }, () => node.issuer.mint(TERMS)))
  assert.equal(
    minted.map(({ ping }) => ping.status?.index),
    Array.from({ length: 20 }, (_, i) => i),
  )
  await Promise.all(minted.map(({ ping }) => node.issuer.revoke(ping.id)))
  const list = node.issuer.own(minted[0]?.ping.status?.listId as Uint8Array)
  assert.equal([...(list?.bits.subarray(0, 4) ?? [])], [255, 255, 15, 0])
})

test('editions are signed anew every few hours', async (world) => {
  const { net, node } = world
  const { ping } = await node.issuer.mint(TERMS)
  const listId = ping.status?.listId as Uint8Array
  const firstMs = node.issuer.own(listId)?.issuedMs as number
  await net.pass(LIMITS.statusRefreshMs + 1_000, LIMITS.statusRefreshMs / 4)
  assert.is(node.issuer.own(listId)?.sequence, 2)
  assert.ok((node.issuer.own(listId)?.issuedMs as number) > firstMs)
})

test.run()
