import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readOrder } from '../../src/consensus/order.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { operationOf } from '../../src/ledger/rules.ts'
import { accountNonce, KEY_LOG_NONCE } from '../../src/ledger/terms.ts'
import { MemoryNet, type MemoryNode, randomReference, typeOf } from '../kit/node.ts'
import { codeOfAsync } from '../kit/refusal.ts'

/** After `"webx" 00 "v1"`. */
const SIGNED_TYPE_AT = 7

interface Shop {
  net: MemoryNet
  members: MemoryNode[]
  organization: MemoryNode
  payer: MemoryNode
}

const test = suite<Shop>('outbox')
test.before.each(async (context) => {
  context.net = new MemoryNet(4)
  context.members = await context.net.members()
  context.organization = await context.net.node(context.net.net.organization)
  context.payer = await context.net.node()
  await context.net.fund(context.organization, context.payer, 1_000)
})
test.after.each(({ net }) => net.close())

function orders(net: MemoryNet, node: MemoryNode, nonce = accountNonce()) {
  const all = net.said(TYPE.order, node).map(({ bytes }) => ({ bytes, order: readOrder(decodeEnvelope(bytes)) }))
  return all.filter(({ order }) => equal(order.nonce, nonce) && equal(order.owner, node.person.id))
}

function request(net: MemoryNet, payer: MemoryNode, to: MemoryNode, amount: number, reference = randomReference()) {
  return { reference, asset: net.asset(payer).id, amount, to: to.wallet.account }
}

test('a wish is on the disk before anything is signed, and the order before it is sent', async ({
  net,
  payer,
  organization,
}) => {
  const early: string[] = []
  let signed = 0
  const reference = randomReference()
  const { sign } = payer.context.keys
  Object.assign(payer.context.keys, {
    sign: (message: Uint8Array) => {
      const isOrder = message[SIGNED_TYPE_AT] === TYPE.order && toHex(message).includes(toHex(accountNonce()))
      if (isOrder && payer.store.values('outbox').length === 0) early.push('signed')
      if (isOrder) signed++
      return sign(message)
    },
  })
  net.bus.loses = (message) => {
    if (message.client !== payer.person.state.label || typeOf(message) !== TYPE.order) return false
    const order = readOrder(decodeEnvelope(message.bytes))
    const stored = payer.store.values('outbox').some((value) => toHex(value).includes(toHex(message.bytes)))
    if (equal(order.nonce, accountNonce()) && !stored) early.push('sent')
    return false
  }
  await net.during(payer.wallet.pay(request(net, payer, organization, 3, reference), 30_000))
  assert.equal(early, [])
  assert.is(signed, 1)
  assert.is(payer.store.values('outbox').length, 0, 'gone with the commit that settles it')
})

test('signed once: the same bytes are sent until it settles, by later runs too', async ({
  net,
  payer,
  organization,
}) => {
  await net.pay(payer, organization, 1)
  net.bus.loses = ({ topic }) => topic.endsWith('/order')
  const paying = payer.wallet.pay(request(net, payer, organization, 7), 120_000)
  paying.catch(() => {})
  await net.until(() => orders(net, payer).filter(({ order }) => order.version === 2).length >= 3)
  const { person } = payer
  const again = await net.node(person, { store: payer.crash() })
  const before = orders(net, again).length
  await net.until(() => orders(net, again).length >= before + 2)
  const sent = orders(net, again).filter(({ order }) => order.version === 2)
  assert.ok(sent.length >= 5)
  assert.is(new Set(sent.map(({ bytes }) => toHex(bytes))).size, 1)
  net.bus.loses = () => false
  await net.until(() => again.agreed.register.object(again.wallet.account)?.settled === 2)
  assert.is(again.wallet.balance(net.asset(again).id), 992)
  assert.is(again.store.values('outbox').length, 0)
  const last = orders(net, again).length
  await net.pass(15_000)
  assert.is(orders(net, again).length, last, 'what is settled is not sent again')
})

test('a crash between the wish and the signature loses nothing', async ({ net, payer, organization }) => {
  const reference = randomReference()
  Object.assign(payer.context.keys, { sign: () => new Promise<Uint8Array>(() => {}) })
  payer.wallet.pay(request(net, payer, organization, 9, reference), 60_000).catch(() => {})
  await net.until(() => payer.store.values('outbox').length === 1)
  assert.is(orders(net, payer).length, 0)
  const { person } = payer
  const again = await net.node(person, { store: payer.crash() })
  await net.until(() => again.wallet.settled(reference) !== null)
  assert.is(again.wallet.settled(reference)?.amount, 9)
})

test('wishes settle in the order in which they were placed', async ({ net, payer, organization }) => {
  const references = Array.from({ length: 6 }, randomReference)
  const paying = references.map((reference, i) =>
    payer.wallet.pay(request(net, payer, organization, 10 + i, reference), 60_000),
  )
  await net.during(Promise.all(paying))
  const settled = references.map((reference) => payer.wallet.settled(reference))
  const versions = settled.map((payment) => readOrder(decodeEnvelope(payment?.order as Uint8Array)).version)
  assert.equal(versions, [1, 2, 3, 4, 5, 6])
})

test('the key log is opened once, by one order', async ({ net, payer, organization }) => {
  await Promise.all([net.pay(payer, organization, 1), net.pay(payer, organization, 2)])
  await net.pay(payer, organization, 3)
  const logs = orders(net, payer, KEY_LOG_NONCE)
  assert.ok(logs.length >= 1)
  assert.is(new Set(logs.map(({ bytes }) => toHex(bytes))).size, 1)
  assert.ok(logs.every(({ order }) => order.version === 1 && operationOf(order).kind === 'incept'))
  // whom the genesis names needs none
  assert.is(orders(net, organization, KEY_LOG_NONCE).length, 0)
})

test('it holds so many wishes and says so', async ({ net, payer, organization, members }) => {
  await net.fund(organization, payer, 1_000)
  for (const member of members) member.crash()
  const pay = () => payer.wallet.pay(request(net, payer, organization, 1), 60_000)
  for (let i = 0; i < LIMITS.outboxOrdersMax; i++) pay().catch(() => {})
  assert.is(await codeOfAsync(pay), 'limit')
  await net.until(() => payer.store.values('outbox').length === LIMITS.outboxOrdersMax)
})

test.run()
