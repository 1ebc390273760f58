import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { certificateBody, proofOf } from '../../src/consensus/certificate.ts'
import { type Order, orderBytes } from '../../src/consensus/order.ts'
import { VOTE, type VoteKind } from '../../src/consensus/statement.ts'
import { equal } from '../../src/core/bytes.ts'
import { encodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { accountId, keyLogOrder } from '../../src/ledger/terms.ts'
import { Scene } from '../kit/hostile.ts'
import { judged, MemoryNet, type MemoryNode, quiet, randomReference, typeOf } from '../kit/node.ts'
import { makePair, makePerson, type Person } from '../kit/people.ts'
import { guestAccount, guestOrder } from '../kit/specimens.ts'
import { NOTHING, payOrder, signOrder } from '../kit/wire.ts'

interface Four {
  net: MemoryNet
  members: MemoryNode[]
  organization: MemoryNode
  payer: MemoryNode
  payee: MemoryNode
}

const test = suite<Four>('agreement: four members')
test.before.each(async (context) => {
  context.net = new MemoryNet(4)
  context.members = await context.net.members()
  context.organization = await context.net.node(context.net.net.organization)
  context.payer = await context.net.node()
  context.payee = await context.net.node()
})
test.after.each(({ net }) => net.close())

test('no vote and no proof is published before it is on the disk of who publishes it', async (four) => {
  const { net, members, organization, payer, payee } = four
  const early: string[] = []
  let checked = 0
  net.bus.loses = (message) => {
    const member = members.find(({ person }) => person.state.label === message.client)
    if (!member || typeOf(message) !== TYPE.voteBatch) return false
    checked++
    const stored = member.store.values('batch')
    if (!stored.some((bytes) => equal(bytes, message.bytes))) early.push(message.topic)
    return false
  }
  await net.fund(organization, payer, 1_000)
  await net.pay(payer, payee, 10)
  await net.until(() => members.every((member) => (member.agreed.register.highestBatch().sequence ?? 0) > 0))
  assert.ok(checked >= 12, `${checked} batches`)
  assert.equal(early, [])
})

test('what all members hold is published by one of them', async ({ net, organization, payer, payee }) => {
  await net.fund(organization, payer, 1_000)
  await net.pay(payer, payee, 10)
  await net.pass(3_000)
  const settled = net.said(TYPE.settlement).length
  // three slots: the issue, the key log, the payment
  assert.ok(settled >= 3 && settled <= 6, `${settled} settlements of 4 members`)
  assert.is(net.said(TYPE.certificate).length, 0, 'nobody needs certificates where the settlement follows at once')
})

test('where the first of them is silent, the next one publishes', async ({
  net,
  members,
  organization,
  payer,
  payee,
}) => {
  await net.fund(organization, payer, 1_000)
  const mute = new Set<string>()
  const labels = members.map(({ person }) => person.state.label)
  net.bus.loses = (message) => {
    // whoever comes first with a settlement is not heard; the second one is
    if (typeOf(message) !== TYPE.settlement || !labels.includes(message.client)) return false
    if (mute.size === 0) mute.add(message.client)
    return mute.has(message.client)
  }
  const payment = await net.pay(payer, payee, 10)
  assert.is(payment.confirms, 3)
  const speakers = new Set(net.said(TYPE.settlement).map(({ client }) => client))
  assert.ok(mute.size === 1 && speakers.size >= 2)
})

test('an order of somebody whose key log is not settled waits, and is voted for when it is', async (four) => {
  const { net, members, organization } = four
  const person = makePerson()
  const { order, incept, account } = await unknownPayer(net, organization, person, person)
  await organization.link.publish(members[0]?.context.topics.order as string, orderBytes(order))
  await net.pass(500)
  for (const member of members) {
    assert.is(member.context.counters.read()['order.parked.unknown-owner'], 1)
    assert.is(member.agreed.register.object(account)?.certified ?? 0, 0)
  }
  await organization.link.publish(members[0]?.context.topics.order as string, orderBytes(incept))
  await net.until(() => members.every((member) => member.agreed.register.object(account)?.settled === 1))
})

test('where its signature does not hold, it is refused then', async (four) => {
  const { net, members, organization } = four
  const person = makePerson()
  const { order, incept, account } = await unknownPayer(net, organization, person, makePair())
  await organization.link.publish(members[0]?.context.topics.order as string, orderBytes(order))
  await net.pass(500)
  await organization.link.publish(members[0]?.context.topics.order as string, orderBytes(incept))
  await net.until(() => members.every(({ context }) => context.counters.read()['refused.bad-signature'] === 1))
  await net.pass(1_000)
  for (const member of members) {
    assert.is(member.agreed.register.object(account)?.certified ?? 0, 0)
    assert.is(member.agreed.register.sizes.parkedOrders, 0)
  }
})

/** Money in the account of somebody who never introduced himself, and an order that spends some of it. */
async function unknownPayer(net: MemoryNet, organization: MemoryNode, person: Person, signer: Pick<Person, 'sign'>) {
  const { genesis } = net.net
  const account = accountId(genesis.netId, genesis.neighborhood, person.id)
  const asset = net.asset(organization)
  await net.during(organization.wallet.issue(asset, 500, account))
  const [member] = net.nodes
  await net.until(() => member?.agreed.register.object(account)?.state?.balances[0]?.amount === 500)
  const pay = { asset: asset.id, amount: 5, to: organization.wallet.account, reference: randomReference() }
  const order = payOrder(net.net, { ...person, sign: signer.sign }, pay)
  const incept = signOrder(genesis.netId, person, keyLogOrder(genesis.neighborhood, person.id, person.inception))
  return { order, incept, account }
}

const alone = suite<{ scene: Scene }>('agreement: one member, and votes made by hand')
alone.before.each(async (context) => {
  context.scene = await Scene.open(4)
})
alone.after.each(({ scene }) => scene.close())

/** Brings a settlement about that the member may publish only after others. */
async function pendingSettlement(scene: Scene): Promise<Order> {
  const { member, topics, seats, committee, world } = scene
  // the others, who see none of these votes, are not to ask for what came of them
  world.bus.loses = ({ topic }) => topic === topics.sync
  let order = guestOrder(scene)
  while ((order.od[0] as number) % 4 === 0) order = guestOrder(scene)
  member.context.road.receive(topics.order, orderBytes(order))
  await judged(member)
  const vote = (kind: VoteKind, seat: number): void => {
    const { oid, version, od } = order
    const bytes = seats.votes(seat, [{ kind, oid, version, od }])
    member.context.road.receive(topics.committee(committee.cid, 'vote'), bytes)
  }
  for (const seat of [1, 2, 3]) vote(VOTE.lock, seat)
  await judged(member)
  for (const seat of [1, 2, 3]) vote(VOTE.confirm, seat)
  await judged(member)
  assert.is(member.agreed.register.object(order.oid)?.settled, 1)
  return order
}

function settlements(scene: Scene): number {
  return scene.world.said(TYPE.settlement, scene.member).length
}

alone('a settlement that nobody signed keeps no member from publishing its own', async ({ scene }) => {
  const { member, topics, seats, committee, world } = scene
  const before = settlements(scene)
  const { oid, version, od } = await pendingSettlement(scene)
  assert.is(settlements(scene), before)
  const entry = { kind: VOTE.confirm, oid, version, od }
  const proofs = seats.ballots(entry).map(({ batch, index }) => ({
    ...proofOf(batch, index),
    signature: new Uint8Array(64).fill(1),
  }))
  const body = certificateBody(entry, proofs)
  const forged = { type: TYPE.settlement, scope: committee.cid, body, signature: NOTHING, attachment: NOTHING }
  member.context.road.receive(topics.committee(committee.cid, 'settlement'), encodeEnvelope(forged))
  await judged(member)
  await world.pass(1_500)
  assert.is(settlements(scene), before + 1)
})

alone("another member's settlement does", async ({ scene }) => {
  const { member, topics, committee, world } = scene
  const before = settlements(scene)
  const { oid } = await pendingSettlement(scene)
  // made of the very votes that this member has verified
  const bytes = member.agreed.register.settlementOf(oid, 1) as Uint8Array
  member.context.road.receive(topics.committee(committee.cid, 'settlement'), bytes)
  await judged(member)
  await world.pass(1_500)
  assert.is(settlements(scene), before)
})

alone(
  'whoever lacks an order gets it from a member, though the other order of its owner was heard meanwhile',
  async (context) => {
    // at this account somebody else comes first with the answer
    while ((guestAccount(context.scene)[0] as number) % 4 === 0) {
      await context.scene.close()
      context.scene = await Scene.open(4)
    }
    const { scene } = context
    const { member, topics, world } = scene
    const [wanted, other] = [guestOrder(scene, 1), guestOrder(scene, 2)]
    member.context.road.receive(topics.order, orderBytes(wanted))
    await judged(member)
    const { oid, version } = wanted
    const said = (): number =>
      world.said(TYPE.order, member).filter(({ bytes }) => equal(bytes, orderBytes(wanted))).length
    const before = said()
    const need = { type: TYPE.need, topic: topics.sync, payload: [oid, version] }
    member.context.road.receive(topics.sync, scene.speaker(scene.seatPerson(1)).frame(need))
    await judged(member)
    member.context.road.receive(topics.order, orderBytes(other))
    await judged(member)
    await world.pass(1_500)
    assert.is(said(), before + 1)
  },
)

alone("a batch with this seat's own signature that its log lacks ends its voting for the epoch", async ({ scene }) => {
  const { member, seats, topics, committee } = scene
  const entry = { kind: VOTE.lock, oid: randomReference(), version: 1, od: randomReference() }
  member.context.road.receive(topics.committee(committee.cid, 'vote'), seats.votes(0, [entry]))
  await judged(member)
  assert.ok(member.agreed.register.abstaining)
  assert.not.ok(member.agreed.voting)
  assert.is(member.context.counters.read()['abstaining'], 1)
  const sent = scene.world.said(TYPE.voteBatch, member).length
  member.context.road.receive(topics.order, orderBytes(guestOrder(scene)))
  await judged(member)
  await quiet(3)
  assert.is(scene.world.said(TYPE.voteBatch, member).length, sent)
  member.log.errors.length = 0
})

alone('every statement is taken in once', async ({ scene }) => {
  const { member, seats, topics, committee } = scene
  const topic = topics.committee(committee.cid, 'vote')
  const headers: number[] = []
  member.agreed.onBatch(({ sequence }) => headers.push(sequence))
  const entry = { kind: VOTE.lock, oid: randomReference(), version: 1, od: randomReference() }
  const bytes = seats.votes(1, [entry])
  for (let i = 0; i < 3; i++) member.context.road.receive(topic, bytes.slice())
  await judged(member)
  member.context.road.receive(topic, bytes.slice())
  await judged(member)
  assert.ok(headers.length >= 1)
  assert.is(new Set(headers).size, 1)
})

test.run()
alone.run()
