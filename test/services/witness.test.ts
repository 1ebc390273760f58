/** Recoveries in a neighborhood of whole nodes, on a clock that tests own: in force after the delay, by a quorum of members, and never sooner. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Order, orderBody, orderBytes, provingOrderEnvelope, readOrder } from '../../src/consensus/order.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { TYPE } from '../../src/core/envelope.ts'
import type { Clock, Keys } from '../../src/kernel/ports.ts'
import { KeyLogs } from '../../src/ledger/keylog.ts'
import type { OpenRecovery } from '../../src/ledger/keylog-recovery.ts'
import { Recoveries } from '../../src/ledger/keylog-recovery.ts'
import { encodeWitnesses, juryOf, type Witness, witnessMessage } from '../../src/ledger/keylog-witness.ts'
import { SettledLogs } from '../../src/services/directory-logs.ts'
import { witnessStatement } from '../../src/services/witness-statement.ts'
import { digestOf } from '../consensus/keylogs.ts'
import { LogOwner, pairOf, type Recovered } from '../kit/keylog.ts'
import { MemoryNet, type MemoryNode, randomReference } from '../kit/node.ts'
import type { Pair, Person } from '../kit/people.ts'

const DELAY_MS = 60_000

interface House {
  net: MemoryNet
  members: MemoryNode[]
  shop: MemoryNode
  owner: LogOwner
  person: Person
  payer: MemoryNode
  recovery: Uint8Array
  recovered: Recovered
}

const test = suite<House>('recoveries in a neighborhood')
test.before.each(async (context) => {
  context.net = new MemoryNet(4)
  const { net } = context
  context.members = await net.members()
  context.shop = await net.node(net.net.organization)
  const owner = new LogOwner({ delaySeconds: DELAY_MS / 1000 })
  const [pair] = owner.keys as [Pair]
  const state = owner.state()
  Object.assign(context, { owner, person: { ...pair, id: state.id, inception: owner.events[0], state } })
  context.payer = await net.node(context.person, { keys: { log: owner.events } })
  await net.fund(context.shop, context.payer, 100)
  await net.pay(context.payer, context.shop, 10)
  const { bytes, recovered } = owner.recoveryEvent()
  Object.assign(context, { recovery: bytes, recovered })
})
test.after.each(({ net }) => net.close())

/** Hands in a key event from anybody's node. */
function handIn(house: House, ...events: Uint8Array[]): void {
  house.shop.orders.publishKeyLog([house.person.inception, ...events])
}

function openAt(house: House, node: MemoryNode): OpenRecovery[] {
  const { genesis } = house.net.net
  const recoveries = new Recoveries(genesis, new KeyLogs(genesis))
  return recoveries.openOf(house.person.id, { stateOf: (oid) => node.agreed.register.object(oid)?.state ?? null })
}

/** Lets time pass in steps of a quarter of a second until a condition holds. */
async function soon(net: MemoryNet, condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !condition(); i++) await net.pass(250, 250)
  assert.ok(condition(), String(condition))
}

async function untilWaiting(house: House, count = 1): Promise<void> {
  const { net, members } = house
  await soon(net, () => members.every((member) => openAt(house, member).length === count))
}

function acts({ net, person }: House, key: Uint8Array | undefined): boolean {
  const all = net.nodes.filter(({ person: { id } }) => !equal(id, person.id))
  return all.every(({ context: { directory } }) =>
    equal(directory.keyOf(person.id) ?? new Uint8Array(0), key as Uint8Array),
  )
}

function keysOf({ recovered }: House, position: number, log: readonly Uint8Array[]): Partial<Keys> {
  const [pair] = recovered.keys as [Pair]
  return { publicKey: pair.publicKey, sign: async (message) => pair.sign(message), position, log }
}

test('one is in force after its delay; who was reclaimed waits until then, and pays by the new key', async (house) => {
  const { net, members, shop, owner, person, payer, recovery, recovered } = house
  const store = payer.crash()
  const again = await net.node(person, { store, keys: keysOf(house, 1, [...owner.events, recovery]) })
  const reference = randomReference()
  const request = { reference, asset: net.asset(again).id, amount: 20, to: shop.wallet.account }
  again.wallet.pay(request, 600_000).catch(() => {})
  await untilWaiting(house)
  const seenMs = net.clock.nowMs()
  await net.pass(DELAY_MS - 3_000, 1_000)
  assert.ok(acts(house, person.publicKey), 'current keys act until then')
  assert.equal(net.said(TYPE.witness), [], 'nobody says anything before it is over')
  assert.is(shop.wallet.settled(reference), null)
  assert.is(members[0]?.context.directory.stateOf(person.id)?.pending?.effectiveMs, null)
  await soon(net, () => acts(house, recovered.keys[0]?.publicKey))
  assert.ok(net.clock.nowMs() - seenMs < DELAY_MS + 10_000, 'and soon after')
  const actsMs = net.clock.nowMs()
  await soon(net, () => again.wallet.settled(reference) !== null)
  assert.ok(net.clock.nowMs() - actsMs < 3_000, 'orders go on at once')
  const { directory } = (members[0] as MemoryNode).context
  assert.equal(directory.keyAt(person.id, 0), person.publicKey)
  assert.equal(directory.keyAt(person.id, 1), recovered.keys[0]?.publicKey)
  assert.is(directory.stateOf(person.id)?.pending, null)
  assert.is(again.wallet.balance(net.asset(again).id), 70)
  for (const member of members) assert.equal(member.store.values('witness'), [], 'and nothing is kept of it')
  assert.is(again.context.counters.read()['keylog.refused.retired-key'], undefined)
  // the thief of the old key is a stranger now
  const thief = await net.node(person, { store: again.crash() })
  const stolen = thief.wallet.pay({ ...request, reference: randomReference() }, 5_000)
  stolen.catch(() => {})
  await net.pass(4_000, 250)
  assert.is(thief.wallet.balance(net.asset(thief).id), 70)
})

test('a vetoed one is not; the second one is, after three delays, and its thief cannot stop it', async (house) => {
  const { net, members, owner, person, recovery } = house
  handIn(house, recovery)
  await untilWaiting(house)
  owner.append(recovery)
  const veto = owner.veto()
  handIn(house, recovery, veto)
  await untilWaiting(house, 0)
  owner.append(veto)
  await net.pass(DELAY_MS + 5_000, 1_000)
  assert.ok(acts(house, person.publicKey))
  assert.equal(net.said(TYPE.witness), [])
  for (const member of members) assert.equal(member.store.values('witness'), [])
  const { bytes: second, recovered } = owner.recoveryEvent()
  handIn(house, recovery, veto, second)
  await untilWaiting(house)
  assert.is(openAt(house, members[0] as MemoryNode)[0]?.isFinal, true)
  owner.append(second)
  handIn(house, recovery, veto, second, owner.veto())
  await net.pass(3 * DELAY_MS - 5_000, 1_000)
  assert.ok(acts(house, person.publicKey), 'not after one delay, or two')
  await soon(net, () => acts(house, recovered.keys[0]?.publicKey))
})

test('too few witnesses do nothing, however often they say it; one more decides', async (house) => {
  const { net, members, person, recovery, recovered } = house
  handIn(house, recovery)
  await untilWaiting(house)
  const stores = [2, 3].map((seat) => (members[seat] as MemoryNode).crash())
  await net.pass(DELAY_MS + 200_000, 2_000)
  assert.ok(net.said(TYPE.witness).length >= 4, 'two of four repeat it every minute')
  assert.ok(acts(house, person.publicKey))
  // it was seen before the power cut, and that was stored
  await net.member(2, stores[0])
  await soon(net, () => acts(house, recovered.keys[0]?.publicKey))
})

test('a third that lies shortens nothing', async (house) => {
  const { net, members, shop, person, recovery } = house
  handIn(house, recovery)
  await untilWaiting(house)
  const digest = digestOf(recovery)
  const { genesis } = net.net
  const { cid } = juryOf(genesis)
  const liar = net.net.members[3]?.epoch as Pair
  const says = (seat: number, firstSeenMs: number, nowMs: number): Witness => {
    const signature = liar.sign(witnessMessage(cid, digest, { firstSeenMs, nowMs }))
    return { seat, firstSeenMs, nowMs, signature }
  }
  const publish = (witness: Witness): void => {
    const bytes = witnessStatement(cid, { identity: person.id, recovery: digest, witness })
    for (const { context } of members) context.road.receive(context.topics.committee(cid, 'witness'), bytes)
  }
  publish(says(3, 0, net.clock.nowMs()))
  for (const seat of [0, 1, 2]) publish(says(seat, 0, net.clock.nowMs()))
  publish(says(3, net.clock.nowMs(), net.clock.nowMs()))
  await net.pass(5_000, 250)
  const refused = members.map(({ context: { counters } }) => counters.read())
  assert.ok(
    refused.every((counts) => counts['refused.bad-signature'] === 3),
    'nobody speaks for other seats',
  )
  // an order with its one witness, and one with its signature under all seats
  const recoveries = new Recoveries(genesis, new KeyLogs(genesis))
  const objects = { stateOf: (oid: Uint8Array) => shop.agreed.register.object(oid)?.state ?? null }
  const fields = recoveries.enforcing({ identity: person.id, recovery: digest }, objects)
  const order = (witnesses: Witness[]): Order =>
    readOrder(provingOrderEnvelope(genesis.netId, orderBody(fields as never), encodeWitnesses(witnesses)))
  const now = net.clock.nowMs()
  const bad = [[says(3, 0, now)], [0, 1, 2].map((seat) => says(seat, 0, now)), [says(2, now, now), says(3, 0, now)]]
  for (const witnesses of bad) {
    for (const { context } of members) context.road.receive(context.topics.order, orderBytes(order(witnesses)))
  }
  await net.pass(5_000, 250)
  assert.ok(acts(house, person.publicKey))
  for (const { agreed } of members) assert.is(agreed.register.object(order([]).oid)?.certified ?? 0, 0)
})

test('clocks that are set: when it was first seen is not told anew, and the others decide', async (house) => {
  const { net, members, person, recovery, recovered } = house
  handIn(house, recovery)
  await untilWaiting(house)
  const [first, second] = members as [MemoryNode, MemoryNode]
  const seenMs = net.clock.nowMs()
  const stored = first.store.values('witness').map(toHex)
  assert.is(stored.length, 1)
  // one is set ahead by 5 s, one is set back by as much; both start anew
  for (const [seat, byMs, member] of [[0, 5_000, first] as const, [1, -5_000, second] as const]) {
    const again = await net.member(seat, member.crash(), setBy(net, byMs))
    if (seat === 0) assert.equal(again.store.values('witness').map(toHex), stored)
  }
  await net.pass(seenMs + DELAY_MS - 3_000 - net.clock.nowMs(), 1_000)
  assert.ok(net.said(TYPE.witness).length > 0, 'one says that it is over')
  assert.ok(acts(house, person.publicKey))
  await soon(net, () => acts(house, recovered.keys[0]?.publicKey))
  const speakers = new Set(net.said(TYPE.witness).map(({ client }) => client))
  assert.not.ok(speakers.has(second.person.state.label), 'and one never did')
})

function setBy({ clock }: MemoryNet, byMs: number): Clock {
  return {
    nowMs: () => clock.nowMs() + byMs,
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, action) => clock.after(delayMs, action),
  }
}

test('one that next and recovery keys have ended is forgotten, and nobody witnesses it', async (house) => {
  const { net, members, owner, recovery } = house
  handIn(house, recovery)
  await untilWaiting(house)
  owner.append(recovery)
  const renewal = owner.renewal()
  handIn(house, recovery, renewal)
  await soon(net, () => acts(house, owner.keys[0]?.publicKey))
  await net.pass(DELAY_MS + 2_000, 1_000)
  assert.equal(net.said(TYPE.witness), [])
  for (const member of members) assert.equal(member.store.values('witness'), [])
  assert.ok(acts(house, owner.keys[0]?.publicKey))
})

test('two recoveries for one place are no two histories: whoever acts is believed', async ({ net, owner, person }) => {
  const { genesis } = net.net
  const node = net.nodes.find(({ person: { id } }) => equal(id, person.id)) as MemoryNode
  const objects = { stateOf: (oid: Uint8Array) => node.agreed.register.object(oid)?.state ?? null }
  const logs = new SettledLogs(genesis, objects)
  logs.noteDouble(owner.recoveryEvent().bytes, owner.recoveryEvent().bytes)
  assert.is(logs.frozen(person.id), false)
  logs.noteDouble(owner.delegation(pairOf(70).publicKey), owner.delegation(pairOf(71).publicKey))
  assert.is(logs.frozen(person.id), true)
})

test('keys of current rank and of next rank go on beside it, and lose what they did when it is in force', async (house) => {
  const { net, owner, person, recovery, recovered } = house
  const thief = owner.copy()
  const rotation = thief.rotation()
  handIn(house, rotation)
  await soon(net, () => acts(house, thief.keys[0]?.publicKey))
  handIn(house, recovery)
  await untilWaiting(house)
  assert.ok(acts(house, thief.keys[0]?.publicKey))
  thief.append(rotation)
  const further = thief.delegation(pairOf(77).publicKey)
  handIn(house, rotation, further)
  await soon(net, () => acts(house, recovered.keys[0]?.publicKey))
  assert.is((house.members[1] as MemoryNode).context.directory.stateOf(person.id)?.delegations.size, 0)
})

test.run()
