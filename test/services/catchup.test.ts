import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { equal } from '../../src/core/bytes.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { MemoryNet, type MemoryNode } from '../kit/node.ts'
import { Speaker } from '../kit/wire.ts'

interface Shop {
  net: MemoryNet
  members: MemoryNode[]
  organization: MemoryNode
  payer: MemoryNode
}

const test = suite<Shop>('catch-up')
test.before.each(async (context) => {
  context.net = new MemoryNet(4)
  context.members = await context.net.members()
  context.organization = await context.net.node(context.net.net.organization)
  context.payer = await context.net.node()
  await context.net.fund(context.organization, context.payer, 1_000)
})
test.after.each(({ net }) => net.close())

function settledOf(node: MemoryNode, oid: Uint8Array): number {
  return node.agreed.register.object(oid)?.settled ?? 0
}

test('a member that was away learns of every settlement', async ({ net, members, organization, payer }) => {
  const [, , , last] = members as [MemoryNode, MemoryNode, MemoryNode, MemoryNode]
  const store = last.crash()
  for (let i = 0; i < 12; i++) await net.pay(payer, organization, 1)
  const again = await net.member(3, store)
  assert.ok(settledOf(again, payer.wallet.account) < 12)
  await net.until(() => settledOf(again, payer.wallet.account) === 12)
  const balance = (node: MemoryNode) => node.agreed.register.object(payer.wallet.account)?.state?.balances[0]?.amount
  assert.is(balance(again), 988)
  await net.until(() => again.agreed.register.sizes.openSlots === 0)
  assert.ok(again.context.counters.read()['catch-up.missing'])
})

test('a member that was away learns of many objects within seconds', async ({ net, members }) => {
  const [one, , , last] = members as [MemoryNode, MemoryNode, MemoryNode, MemoryNode]
  const store = last.crash()
  const known = one.agreed.register.sizes.objects
  for (let i = 0; i < 24; i++) {
    const node = await net.node()
    await net.during(node.wallet.introduce())
    await net.pass(500)
    node.crash()
  }
  assert.is(one.agreed.register.sizes.objects, known + 24)
  const heads = (node: MemoryNode) => node.agreed.register.summary()
  await net.pass(20_000)
  const again = await net.member(3, store)
  const startMs = net.clock.monotonicMs()
  await net.until(() => heads(again).every((digest, i) => equal(digest, heads(one)[i] as Uint8Array)))
  const tookMs = net.clock.monotonicMs() - startMs
  assert.ok(tookMs < 15_000, `${tookMs} ms`)
})

test('a new device learns of its money, though nobody speaks of it any more', async ({ net, organization, payer }) => {
  const first = await net.node()
  const { person } = first
  first.crash()
  await net.pay(payer, organization, 1)
  const request = { reference: new Uint8Array(32), asset: net.asset(payer).id, amount: 50, to: first.wallet.account }
  await net.during(payer.wallet.pay(request, 30_000))
  await net.pass(2_000)
  const again = await net.node(person)
  await net.until(() => again.wallet.balance(net.asset(again).id) === 50)
})

test('an equal net is silent but for one small frame for each node and interval', async ({ net }) => {
  await net.pass(20_000)
  const from = net.bus.published.length
  await net.pass(15_000)
  // who asks after whom every second is another matter
  const said = net.bus.published.slice(from).filter(({ bytes }) => decodeEnvelope(bytes).type !== TYPE.swim)
  // six nodes, once in 15 s or a little more often; their health, and questions for the newest of the log and for the end of the epoch, once in 30 s each
  const types = said.map(({ bytes }) => decodeEnvelope(bytes).type)
  assert.ok(said.length <= 6 * 2 + 6 * 3, `${said.length} messages, of these types: ${types.join(' ')}`)
  assert.is(said.filter(({ topic }) => topic.includes('/to/')).length, 0)
})

test('up to date: only with a quorum, and then it is', async ({ net, members, payer, organization }) => {
  await net.pay(payer, organization, 5)
  await net.pass(1_000)
  const [one, other] = members as [MemoryNode, MemoryNode]
  const stores = [one.crash(), other.crash()]
  const asker = await net.node()
  let done = false
  const asked = asker.catchUp.upToDate(payer.wallet.account).then(() => {
    done = true
  })
  await net.pass(8_000)
  assert.not.ok(done, 'two of four have answered')
  await net.member(0, stores[0])
  await net.during(asked)
  assert.is(settledOf(asker, payer.wallet.account), 1)
})

test('a member that names versions nobody has delays it, and not for ever', async ({
  net,
  members,
  payer,
  organization,
}) => {
  await net.pay(payer, organization, 5)
  await net.pass(1_000)
  const [, , , liar] = members as [MemoryNode, MemoryNode, MemoryNode, MemoryNode]
  liar.crash()
  const asker = await net.node()
  const oid = payer.wallet.account
  const topic = asker.context.topics.to(asker.person.id)
  const speaker = new Speaker(net.net.genesis.netId, net.clock, liar.person)
  let doneMs = -1
  const startMs = net.clock.monotonicMs()
  const lie = (): void => {
    const payload = [0, [[oid, Number.MAX_SAFE_INTEGER]]] as const
    asker.context.road.receive(topic, speaker.frame({ type: TYPE.heads, topic, payload }))
  }
  const asked = asker.catchUp.upToDate(oid).then(() => {
    doneMs = net.clock.monotonicMs() - startMs
  })
  lie()
  await net.pass(3_000)
  lie()
  assert.is(doneMs, -1, 'believed at once that nothing is missing')
  await net.during(asked)
  assert.ok(doneMs <= 12_000, `${doneMs} ms`)
  assert.is(settledOf(asker, oid), 1)
})

test('an owner that lost its disk does not sign a version again', async ({ net, payer, organization, members }) => {
  for (let i = 0; i < 3; i++) await net.pay(payer, organization, 1)
  const { person } = payer
  payer.crash()
  // the same keys, an empty disk
  const again = await net.node(person)
  const request = {
    reference: new Uint8Array(32).fill(8),
    asset: net.asset(again).id,
    amount: 1,
    to: organization.wallet.account,
  }
  await net.until(() => again.wallet.balance(net.asset(again).id) > 0)
  await net.during(again.wallet.pay(request, 60_000))
  assert.is(settledOf(again, again.wallet.account), 4)
  for (const { context } of members) assert.not.ok(context.counters.read()['evidence'])
})

test('a member pays, though one of the other three is down: its own disk counts, once its votes do', async ({
  net,
  members,
  payer,
}) => {
  const [one, , , last] = members as [MemoryNode, MemoryNode, MemoryNode, MemoryNode]
  await net.pay(payer, one, 10)
  last.crash()
  await net.pay(one, payer, 4)
  assert.is(one.wallet.balance(net.asset(one).id), 6)
})

const alone = suite('catch-up: one seat')

alone('the only member of a net pays', async () => {
  const net = new MemoryNet(1)
  try {
    const [one] = (await net.members()) as [MemoryNode]
    const organization = await net.node(net.net.organization)
    await net.fund(organization, one, 10)
    await net.pay(one, organization, 4)
    assert.is(one.wallet.balance(net.asset(one).id), 6)
  } finally {
    await net.close()
  }
})

test.run()
alone.run()
