import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { orderBytes } from '../../src/consensus/order.ts'
import { VOTE } from '../../src/consensus/statement.ts'
import { compare, equal } from '../../src/core/bytes.ts'
import type { SettledPayment } from '../../src/kernel/ports.ts'
import { signReceipt, verifyReceipt } from '../../src/kernel/receipt.ts'
import { accountId } from '../../src/ledger/terms.ts'
import { Scene } from '../kit/hostile.ts'
import { judged, MemoryNet, type MemoryNode, randomReference } from '../kit/node.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { payOrder } from '../kit/wire.ts'

interface Shop {
  net: MemoryNet
  members: MemoryNode[]
  organization: MemoryNode
  payer: MemoryNode
  payee: MemoryNode
}

const test = suite<Shop>('treasury')
test.before.each(async (context) => {
  context.net = new MemoryNet(4)
  context.members = await context.net.members()
  context.organization = await context.net.node(context.net.net.organization)
  context.payer = await context.net.node()
  context.payee = await context.net.node()
  await context.net.fund(context.organization, context.payer, 1_000)
})
test.after.each(({ net }) => net.close())

function request({ net, payer, payee }: Shop, amount: number, reference = randomReference()) {
  return { reference, asset: net.asset(payer).id, amount, to: payee.wallet.account }
}

test('one reference is one payment, and the same one again', async (shop) => {
  const { net, payer, payee } = shop
  const terms = request(shop, 40)
  const credits: SettledPayment[] = []
  payee.wallet.onCredit((credit) => credits.push(credit))
  const [first, second] = await net.during(
    Promise.all([payer.wallet.pay(terms, 30_000), payer.wallet.pay(terms, 30_000)]),
  )
  const third = await payer.wallet.pay(terms, 30_000)
  assert.equal(second, first)
  assert.equal(third, first)
  await net.until(() => credits.length > 0)
  await net.pass(2_000)
  assert.is(credits.length, 1)
  assert.is(payer.wallet.balance(terms.asset), 960)
  assert.is(payee.wallet.balance(terms.asset), 40)
  assert.equal(payee.wallet.settled(terms.reference)?.orderDigest, first?.orderDigest)
  assert.equal([...payee.wallet.credits()], credits)
  assert.equal([...payer.wallet.credits()], [], 'what it paid is no credit')
  // after a restart, too
  const again = await net.node(payer.person, { store: payer.crash() })
  assert.equal(await again.wallet.pay(terms, 30_000), first)
  assert.is(again.wallet.balance(terms.asset), 960)
})

test('what it holds of a payment makes a receipt that anyone can verify', async (shop) => {
  const { net, payer, payee } = shop
  const terms = request(shop, 40)
  await net.during(payer.wallet.pay(terms, 30_000))
  await net.until(() => payee.wallet.settled(terms.reference) !== null)
  const payment = payee.wallet.settled(terms.reference) as SettledPayment
  const receipt = verifyReceipt(await signReceipt(net.net.genesis, payee.context.keys, payment, 1), net.net.genesis)
  assert.equal(receipt.payer, payer.person.id)
  assert.is(receipt.amount, 40)
})

test('the same reference for anything else is refused, while it waits and afterwards', async (shop) => {
  const { net, payer, organization } = shop
  const terms = request(shop, 40)
  const others = [
    { ...terms, amount: 41 },
    { ...terms, to: organization.wallet.account },
  ]
  const paying = payer.wallet.pay(terms, 30_000)
  for (const other of others) assert.is(await codeOfAsync(() => payer.wallet.pay(other, 30_000)), 'bad-argument')
  await net.during(paying)
  for (const other of others) assert.is(await codeOfAsync(() => payer.wallet.pay(other, 30_000)), 'bad-argument')
  assert.is(payer.wallet.balance(terms.asset), 960)
})

test('no more than it has, and nothing twice: what waits is spoken for', async (shop) => {
  const { net, payer } = shop
  const pay = (amount: number) => payer.wallet.pay(request(shop, amount), 30_000)
  assert.is(await codeOfAsync(() => pay(1_001)), 'insufficient-funds')
  for (const amount of [0, -1, 1.5, Number.NaN, 2 ** 53]) assert.is(await codeOfAsync(() => pay(amount)), 'bad-amount')
  const first = pay(600)
  assert.is(await codeOfAsync(() => pay(401)), 'insufficient-funds')
  const second = pay(400)
  assert.is(await codeOfAsync(() => pay(1)), 'insufficient-funds')
  await net.during(Promise.all([first, second]))
  assert.is(payer.wallet.balance(net.asset(payer).id), 0)
})

test('no quorum where too few seats are heard of, not settled where there are enough; it is kept, and settles later', async (shop) => {
  const { net, members, payer, organization } = shop
  await net.pay(payer, organization, 1)
  net.bus.loses = ({ topic }) => topic.endsWith('/vote')
  const terms = request(shop, 10)
  assert.is(await codeOfAsync(() => net.during(payer.wallet.pay(terms, 3_000))), 'not-settled')
  const stores = members.slice(0, 2).map((member) => {
    // as the broker's will says it
    void member.link.publish(member.context.topics.health(member.person.id), new Uint8Array(0), { retain: true })
    return member.crash()
  })
  await net.until(() => payer.presence.seatsUp() === 2)
  assert.is(await codeOfAsync(() => net.during(payer.wallet.pay(terms, 3_000))), 'no-quorum')
  net.bus.loses = () => false
  await net.member(0, stores[0])
  const paid = await net.during(payer.wallet.pay(terms, 60_000))
  assert.is(paid.amount, 10)
})

test('issues what it may and no more', async ({ net, organization, payer, payee }) => {
  const asset = net.asset(organization)
  const issue = (amount: number) => organization.wallet.issue(asset, amount, payee.wallet.account)
  assert.is(await codeOfAsync(() => payer.wallet.issue(asset, 1, payer.wallet.account)), 'not-allowed')
  assert.is(await codeOfAsync(() => issue(0)), 'bad-amount')
  assert.is(await codeOfAsync(() => issue(asset.cap)), 'over-cap')
  await Promise.all([issue(5), issue(6)])
  await net.until(() => payee.wallet.balance(asset.id) === 11)
  assert.is(await codeOfAsync(() => issue(asset.cap - 1_010)), 'over-cap')
})

const credits = suite<{ scene: Scene }>('treasury: two credits of one reference')
credits.before.each(async (context) => {
  context.scene = await Scene.open(4)
})
credits.after.each(({ scene }) => scene.close())

/** Two guests' payments to the device under one reference, each settled by a quorum. */
function twoCredits({ net, guest, asset, device, seats }: Scene) {
  const reference = randomReference()
  const to = accountId(net.genesis.netId, net.genesis.neighborhood, device.person.id)
  assert.equal(to, device.wallet.account)
  const first = payOrder(net, guest, { asset, amount: 10, to, reference })
  const second = payOrder(net, guest, { asset, amount: 10, to, reference, version: 1, head: first.od })
  const messages = [first, second].map((order) => {
    const { oid, version, od } = order
    return { order: orderBytes(order), settlement: seats.proof({ kind: VOTE.confirm, oid, version, od }) }
  })
  return { reference, first, second, messages }
}

for (const together of [false, true]) {
  const name = together ? 'in one turn' : 'one after the other'
  credits(`${name}: both are told of, the first keeps the reference`, async ({ scene }) => {
    const { device, topics, committee } = scene
    const { reference, first, second, messages } = twoCredits(scene)
    const heard: SettledPayment[] = []
    device.wallet.onCredit((credit) => heard.push(credit))
    const { road } = device.context
    // a turn that is under way, so that all of the rest falls into the next one
    const before = road.run(() => null)
    for (const { order, settlement } of messages) {
      road.receive(topics.order, order)
      road.receive(topics.committee(committee.cid, 'settlement'), settlement)
      if (!together) await judged(device)
    }
    await before
    await judged(device)
    assert.equal(
      heard.map(({ orderDigest }) => orderDigest),
      [first.od, second.od],
    )
    assert.equal(device.wallet.settled(reference)?.orderDigest, first.od)
    const stored = [...device.wallet.credits()].sort((a, b) => compare(a.orderDigest, b.orderDigest))
    assert.equal(
      stored,
      heard.slice().sort((a, b) => compare(a.orderDigest, b.orderDigest)),
    )
    assert.is(device.wallet.balance(scene.asset), 20)
    assert.ok(heard.every((credit) => equal(credit.reference, reference)))
  })
}

test.run()
credits.run()
