/** A node whose identity rotates: the neighborhood follows, the new key pays, the old one pays nothing and is not listened to any more. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readOrder } from '../../src/consensus/order.ts'
import { equal } from '../../src/core/bytes.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import type { Keys } from '../../src/kernel/ports.ts'
import { accountNonce, keyLogId } from '../../src/ledger/terms.ts'
import { LogOwner, pairOf } from '../kit/keylog.ts'
import { MemoryNet, type MemoryNode, randomReference } from '../kit/node.ts'
import type { Pair, Person } from '../kit/people.ts'

interface Shop {
  net: MemoryNet
  members: MemoryNode[]
  shop: MemoryNode
  owner: LogOwner
  person: Person
}

/** The person whom a log begins with. */
function personOf(owner: LogOwner): Person {
  const [pair] = owner.keys as [Pair]
  const state = owner.state()
  return { ...pair, id: state.id, inception: owner.events[0] as Uint8Array, state }
}

/** Keys of a log as it is now. */
function keysNow(owner: LogOwner): Partial<Keys> {
  const [pair] = owner.keys as [Pair]
  const { spoken } = owner.state()
  return {
    publicKey: pair.publicKey,
    sign: async (message) => pair.sign(message),
    position: Math.max(0, ...spoken),
    log: [...owner.events],
  }
}

const test = suite<Shop>('key logs of nodes')
test.before.each(async (context) => {
  context.net = new MemoryNet(4)
  context.members = await context.net.members()
  context.shop = await context.net.node(context.net.net.organization)
  context.owner = new LogOwner({ recovery: false })
  context.person = personOf(context.owner)
})
test.after.each(({ net }) => net.close())

test('a device rotates, is followed, and pays by its new key; its old key pays nothing', async (context) => {
  const { net, members, shop, owner, person } = context
  const payer = await net.node(person)
  await net.fund(shop, payer, 100)
  await net.pay(payer, shop, 10)
  const store = payer.crash()
  owner.append(owner.rotation())
  const again = await net.node(person, { store, keys: keysNow(owner) })
  const young = (owner.keys[0] as Pair).publicKey
  await net.until(() => members.every(({ context: { directory } }) => isKey(directory.keyOf(person.id), young)))
  for (const {
    context: { directory },
  } of members) {
    assert.equal(directory.keyAt(person.id, 0), person.publicKey, 'for what was signed before')
    assert.equal(directory.keyAt(person.id, 1), young)
    assert.is(directory.keyAt(person.id, 2), null)
    assert.is(directory.stateOf(person.id)?.position, 1)
    assert.is(directory.frozen(person.id), false)
  }
  await net.pay(again, shop, 20)
  assert.is(again.wallet.balance(net.asset(again).id), 70)
  // who comes later believes what the old key paid in its time, and knows the new one
  const late = await net.node()
  await net.until(() => late.agreed.register.object(again.wallet.account)?.settled === 2)
  await net.until(() => isKey(late.context.directory.keyOf(person.id), young))
  // a thief of the old key, with a copy of the old disk
  const thief = await net.node(person, { store: again.crash() })
  const stolen = thief.wallet.pay(
    { reference: randomReference(), asset: net.asset(shop).id, amount: 30, to: shop.wallet.account },
    5_000,
  )
  stolen.catch(() => {})
  await net.pass(6_000, 250)
  assert.is(thief.wallet.balance(net.asset(thief).id), 70)
  const refused = members.map(({ context: { counters } }) => counters.read()['refused.bad-signature'] ?? 0)
  assert.ok(
    refused.every((count) => count > 0),
    'its frames are those of a stranger',
  )
  assert.is(thief.context.counters.read()['keylog.refused.retired-key'], 1, 'and whoever runs it is told why')
})

test('who rotated before anybody knew of him is known by what came after', async ({ net, shop, owner, person }) => {
  owner
    .append(owner.rotation())
    .append(owner.delegation(pairOf(5).publicKey))
    .append(owner.rotation())
  const payer = await net.node(person, { keys: keysNow(owner) })
  await net.until(() => isKey(shop.context.directory.keyOf(person.id), (owner.keys[0] as Pair).publicKey))
  assert.is(shop.context.directory.stateOf(person.id)?.position, 3)
  await net.fund(shop, payer, 50)
  await net.pay(payer, shop, 7)
  assert.is(payer.wallet.balance(net.asset(payer).id), 43)
})

test('an order that the old key signed and nobody certified is signed anew, and paid once', async (context) => {
  const { net, shop, owner, person } = context
  const payer = await net.node(person)
  await net.fund(shop, payer, 101)
  await net.pay(payer, shop, 1)
  net.bus.loses = ({ topic }) => topic.endsWith('/order')
  const reference = randomReference()
  const request = { reference, asset: net.asset(payer).id, amount: 40, to: shop.wallet.account }
  payer.wallet.pay(request, 60_000).catch(() => {})
  await net.until(() => ordersOf(net, person).some(({ version }) => version === 2))
  const store = payer.crash()
  net.bus.loses = () => false
  owner.append(owner.rotation())
  const again = await net.node(person, { store, keys: keysNow(owner) })
  await net.until(() => again.wallet.settled(reference) !== null)
  await net.pass(3_000, 250)
  assert.is(again.wallet.balance(net.asset(again).id), 60)
  assert.is(again.store.values('outbox').length, 0)
})

test('while two key events for one place are about, nobody is believed; a rotation ends it', async (context) => {
  const { net, members, shop, owner, person } = context
  const payer = await net.node(person)
  await net.fund(shop, payer, 10)
  await net.pay(payer, shop, 1)
  const thief = owner.copy()
  const events = [thief.delegation(pairOf(6).publicKey), thief.delegation(pairOf(7).publicKey)]
  const hands = await Promise.all(events.map(() => net.node()))
  const root = keyLogId(net.net.genesis.netId, net.net.genesis.neighborhood, person.id)
  await net.until(() => hands.every(({ agreed }) => agreed.register.object(root)?.settled === 1))
  // no vote gets through, so that neither of the two is settled
  net.bus.loses = ({ topic }) => topic.endsWith('/vote')
  for (const [i, hand] of hands.entries()) {
    Object.assign(hand.context.keys, { id: person.id, inception: person.inception })
    hand.orders.publishKeyLog([person.inception, events[i] as Uint8Array])
  }
  await net.until(() => members.every(({ context: { directory } }) => directory.frozen(person.id)))
  net.bus.loses = () => false
  const store = payer.crash()
  owner.append(owner.rotation())
  await net.node(person, { store, keys: keysNow(owner) })
  const young = (owner.keys[0] as Pair).publicKey
  await net.until(() => members.every(({ context: { directory } }) => isKey(directory.keyOf(person.id), young)))
  assert.ok(members.every(({ context: { directory } }) => !directory.frozen(person.id)))
})

function isKey(key: Uint8Array | null, expected: Uint8Array): boolean {
  return key !== null && equal(key, expected)
}

function ordersOf(net: MemoryNet, person: Person) {
  const all = net.said(TYPE.order).map(({ bytes }) => readOrder(decodeEnvelope(bytes)))
  return all.filter(({ owner, nonce }) => equal(owner, person.id) && equal(nonce, accountNonce()))
}

test.run()
