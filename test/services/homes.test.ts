/** A net of two neighborhoods, on whole nodes: each decides for itself, follows the other's epochs, and lets arrive what was paid there – once, and not before it can tell. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeOpening, encodeOpening, type Opening } from '../../src/consensus/epoch/opening.ts'
import { readOrder } from '../../src/consensus/order.ts'
import { batchKey, SPACE } from '../../src/consensus/records.ts'
import { equal } from '../../src/core/bytes.ts'
import { decodeEnvelope, encodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { homeOf } from '../../src/identity/home.ts'
import { assertFlows, booksId } from '../../src/ledger/abroad.ts'
import { assertConserved, supplies } from '../../src/ledger/conservation.ts'
import { accountId, accountNonce } from '../../src/ledger/terms.ts'
import { arrivalBytes } from '../../src/services/abroad.ts'
import { judged, MemoryNet, type MemoryNode, randomReference, typeOf } from '../kit/node.ts'
import { makePerson, type Net, type Person } from '../kit/people.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { twoNeighborhoods } from '../kit/two-homes.ts'

const MS = 20_000
const FUNDS = 50_000
const SEATS = 4
const test = suite('homes: a net of two')

/** Somebody who is at home in a neighborhood. */
function personIn(net: Net, home: number): Person {
  for (;;) {
    const person = makePerson('device')
    if (homeOf(net.genesis, person.id) === net.genesis.homes[home]) return person
  }
}

const net = new MemoryNet(SEATS, twoNeighborhoods(SEATS))
const { genesis } = net.net
let members: MemoryNode[]
let organization: MemoryNode
let payer: MemoryNode
let payee: MemoryNode

const here = (): MemoryNode[] => members.slice(0, SEATS)
const there = (): MemoryNode[] => members.slice(SEATS)
const balances = (): number[] => [payer, payee].map(({ wallet }) => wallet.balance(net.asset(payer).id))

function payAbroad(from: MemoryNode, to: MemoryNode, amount: number, reference = randomReference()) {
  const home = to.context.genesis.neighborhood
  return net.during(from.wallet.pay({ reference, asset: net.asset(from).id, amount, to: to.wallet.account, home }, MS))
}

async function turn(nodes: readonly MemoryNode[]): Promise<void> {
  const epoch = (nodes[0] as MemoryNode).agreed.committee.epoch + 1
  for (const { turning } of nodes.slice(2)) turning.wish()
  await net.until(() => nodes.every(({ agreed }) => agreed.committee.epoch === epoch))
}

/** Nothing was made and nothing was lost, in either neighborhood and over both. */
function check(): void {
  const books = [here(), there()].map(([member]) => {
    const { agreed, context } = member as MemoryNode
    const objects = [...agreed.register.objects()]
    const list = supplies({ objects, inFlight: agreed.register.inFlight() }, context.genesis)
    assertConserved(list)
    const home = context.genesis.neighborhood
    const state = objects.find(({ oid }) => equal(oid, booksId(genesis.netId, home)))?.state
    return { home, flows: state?.flows ?? [], supply: list[0] }
  })
  assertFlows(books)
  const sum = (of: 'held' | 'inFlight' | 'exported' | 'imported'): number =>
    books.reduce((all, { supply }) => all + (supply?.[of] ?? 0), 0)
  assert.is(sum('held') + sum('inFlight') + sum('exported') - sum('imported'), FUNDS)
}

test.before(async () => {
  members = await net.members()
  organization = await net.node(net.net.organization)
  payer = await net.node(personIn(net.net, 0))
  payee = await net.node(personIn(net.net, 1))
  await net.fund(organization, payer, FUNDS)
})
test.after(() => net.close())

test('everybody is of one neighborhood, by the genesis', () => {
  const [first, second] = genesis.homes
  for (const node of [...here(), organization, payer])
    assert.equal(node.agreed.committee.nid, first?.neighborhood as Uint8Array)
  for (const node of [...there(), payee]) assert.equal(node.agreed.committee.nid, second?.neighborhood as Uint8Array)
  assert.equal(
    members.map(({ agreed }) => agreed.seat),
    [0, 1, 2, 3, 0, 1, 2, 3],
  )
  const hosts = [...here(), ...there()].map(({ context }) => context.counters.read())
  for (const counters of hosts) assert.not.ok(counters['refused.wrong-home'])
})

test('a payment to the other home arrives by itself, and so does one back', async () => {
  const reference = randomReference()
  const credits: number[] = []
  payee.wallet.onCredit(({ amount }) => credits.push(amount))
  const paid = await payAbroad(payer, payee, 500, reference)
  assert.is((await payAbroad(payer, payee, 500, reference)).orderDigest.length, 32, 'asked for twice')
  await net.until(() => balances().join() === `${FUNDS - 500},500`)
  assert.equal((await payAbroad(payer, payee, 500, reference)).orderDigest, paid.orderDigest)
  await payAbroad(payee, payer, 200)
  await net.until(() => balances().join() === `${FUNDS - 300},300`)
  assert.equal(credits, [500])
  assert.is(payee.wallet.settled(reference)?.amount, 500)
  await net.until(() => payer.abroad.underWay === 0 && payee.abroad.underWay === 0)
  check()
  const nowhere = { reference: randomReference(), asset: net.asset(payer).id, amount: 1, to: payee.wallet.account }
  assert.is(
    await codeOfAsync(() => payer.wallet.pay({ ...nowhere, home: new Uint8Array(16).fill(9) }, MS)),
    'wrong-home',
  )
})

test('a refund goes home; what is shown again does not arrive again', async () => {
  const [before, was] = balances() as [number, number]
  const paid = await payAbroad(payer, payee, 50)
  await net.until(() => balances()[1] === was + 50)
  const refund = { reference: randomReference(), asset: net.asset(payer).id, amount: 20, to: payer.wallet.account }
  await net.during(payee.wallet.pay({ ...refund, refundOf: paid.orderDigest }, MS))
  await net.until(() => balances().join() === `${before - 30},${was + 30}`)
  const again = arrivalBytes(genesis.netId, readOrder(decodeEnvelope(paid.order)), paid.settlement)
  const topic = (there()[0] as MemoryNode).context.topics.sync
  for (let i = 0; i < 3; i++) await organization.link.publish(topic, again)
  await net.pass(2_000, 100)
  assert.equal(balances(), [before - 30, was + 30])
  check()
})

test('what is shown without holding is looked at so often and no more, and what holds arrives nevertheless', async () => {
  const was = balances()[1] as number
  const other = await payAbroad(payer, payee, 10)
  await net.until(() => balances()[1] === was + 10)
  const topic = (there()[0] as MemoryNode).context.topics.sync
  net.bus.loses = (message) => message.topic === topic && typeOf(message) === TYPE.arrival && message.client !== 'liar'
  const paid = await payAbroad(payer, payee, 30)
  const refused = (code: string): number =>
    there().reduce((sum, { context }) => sum + (context.counters.read()[`refused.${code}`] ?? 0), 0)
  const before = { looked: refused('bad-certificate'), left: refused('flooding') }
  const liar = await net.bus.connect('liar')
  const forged = arrivalBytes(genesis.netId, readOrder(decodeEnvelope(paid.order)), other.settlement)
  const [shown, burst] = [100, 4 * LIMITS.arrivalFailuresPerLanePerSecondMax]
  for (let i = 0; i < shown; i++) await liar.publish(topic, forged)
  await net.until(() => refused('flooding') > before.left)
  await net.pass(250, 50)
  const looked = refused('bad-certificate') - before.looked
  assert.is(looked + refused('flooding') - before.left, SEATS * shown)
  assert.ok(looked >= SEATS * burst && looked <= SEATS * (burst + 2), `${looked}`)
  net.bus.loses = () => false
  await net.until(() => balances()[1] === was + 40)
  check()
})

test('what a large payment shows has a strong quorum', async () => {
  const [before, was] = balances() as [number, number]
  const amount = LIMITS.importPlainAmountMax + 1
  await payAbroad(payer, payee, amount)
  await net.until(() => balances().join() === `${before - amount},${was + amount}`)
  check()
})

test('where nobody has a strong settlement any more, the state of the next epoch shows the same, once its hand-over is fetched', async () => {
  const [before, was] = balances() as [number, number]
  const nid = genesis.homes[0]?.neighborhood as Uint8Array
  const topic = payer.context.topics.handOver
  const registers = here().map(({ agreed }) => agreed.register)
  for (const register of registers) register.strongSettlementOf = () => null
  const amount = LIMITS.importPlainAmountMax + 2
  const paid = await payAbroad(payer, payee, amount)
  await net.pass(3_000, 100)
  assert.equal(balances(), [before - amount, was])
  for (const { link } of there()) await link.unsubscribe(topic)
  await turn(here())
  for (const { link } of there()) await link.subscribe(topic)
  assert.ok(there().every(({ homes }) => homes.epochOf(nid) === 0))
  await net.until(() => balances()[1] === was + amount)
  assert.ok(there().some(({ context }) => (context.counters.read()['refused.wrong-epoch'] ?? 0) > 0))
  await net.until(() => there().every(({ homes }) => homes.epochOf(nid) === 1))
  assert.is(payee.wallet.settled(paid.reference)?.settlement.length, 0, 'no settlement that a receipt could hold')
  for (const register of registers) Reflect.deleteProperty(register, 'strongSettlementOf')
  check()
})

test('only members of its own home are heard with settlements', async () => {
  const { topics, counters } = payer.context
  const said = (): number => counters.read()['refused.not-allowed'] ?? 0
  const was = said()
  const answer = { topic: topics.to(payer.person.id), type: TYPE.settlementAnswer, payload: [new Uint8Array(9)] }
  for (const { context } of [organization, there()[0] as MemoryNode])
    await context.road.run(() => ({ emit: [{ ...answer, lifetimeMs: MS }] }))
  await net.until(() => said() === was + 2)
})

test('who has paid on at home before there was a strong settlement shows the state, and the orders in between', async () => {
  const [before, was] = balances() as [number, number]
  const registers = here().map(({ agreed }) => agreed.register)
  for (const register of registers) register.strongSettlementOf = () => null
  const amount = LIMITS.importPlainAmountMax + 3
  const paid = await payAbroad(payer, payee, amount)
  for (let i = 0; i < 2; i++) await net.pay(payer, organization, 5)
  assert.equal(balances(), [before - amount - 10, was])
  // by the time that it is answered the state shows neither that version nor the newest
  const inbox = payer.context.topics.to(payer.person.id)
  net.bus.loses = ({ topic }) => topic === inbox
  await turn(here())
  await net.pay(payer, organization, 5)
  net.bus.loses = () => false
  await net.until(() => balances()[1] === was + amount)
  assert.is(payee.wallet.settled(paid.reference)?.settlement.length, 0, 'no settlement that a receipt could hold')
  for (const register of registers) Reflect.deleteProperty(register, 'strongSettlementOf')
  check()
})

test('a forged hand-over moves nobody, and a true one is kept over a restart', async () => {
  const nid = genesis.homes[0]?.neighborhood as Uint8Array
  const [member] = here() as [MemoryNode]
  const [other] = there() as [MemoryNode]
  const { topics, road, counters } = other.context
  const topic = topics.at(nid).handOver
  await other.link.unsubscribe(topic)
  await turn(here())
  const epoch = member.agreed.committee.epoch
  const handOver = member.context.store.get(SPACE.handOver, batchKey(epoch - 1)) as Uint8Array
  const envelope = decodeEnvelope(handOver)
  const opening = decodeOpening(envelope.attachment)
  const forge = (change: Partial<Opening>): Uint8Array =>
    encodeEnvelope({ ...envelope, attachment: encodeOpening({ ...opening, ...change }) })
  const lies: readonly (readonly [string, string, Uint8Array])[] = [
    ['bad-hand-over', topic, forge({ seed: new Uint8Array(32) })],
    ['wrong-epoch', topic, encodeEnvelope({ ...envelope, scope: new Uint8Array(32).fill(1) })],
    ['wrong-home', topics.at(new Uint8Array(16)).handOver, forge({ nid: new Uint8Array(16) })],
    ['wrong-topic', topics.handOver, handOver],
  ]
  for (const [code, where, bytes] of lies) {
    const was = counters.read()[`refused.${code}`] ?? 0
    road.receive(where, bytes)
    await judged(other)
    assert.is(counters.read()[`refused.${code}`], was + 1, code)
  }
  assert.is(other.homes.epochOf(nid), epoch - 1)
  road.receive(topic, handOver)
  await judged(other)
  assert.is(other.homes.epochOf(nid), epoch)
  await other.stop()
  net.nodes.splice(net.nodes.indexOf(other), 1)
  const again = await net.member(SEATS, other.store)
  members[SEATS] = again
  assert.is(again.homes.epochOf(nid), epoch)
  await net.until(() => again.recovered())
})

test('two accounts of one identity pay there under the same number, and both payments arrive, after a restart too', async () => {
  const was = payee.wallet.balance(net.asset(payee).id)
  const start = await net.node(personIn(net.net, 0))
  await net.pay(payer, start, 100)
  await net.until(() => start.wallet.balance(net.asset(start).id) === 100)
  const { orders, wallet, context, person } = start
  const asset = net.asset(start).id
  const second = accountId(genesis.netId, context.genesis.neighborhood, person.id, 1)
  await net.during(wallet.pay({ reference: randomReference(), asset, amount: 40, to: second }, MS))
  const { neighborhood } = payee.context.genesis
  net.bus.loses = (message) => message.topic === context.topics.at(neighborhood).sync
  const terms = { kind: 'pay-abroad', home: neighborhood, assetId: asset, to: payee.wallet.account, number: 1 } as const
  for (let i = 0; i < 10; i++) {
    const operation = { ...terms, amount: 1, reference: randomReference(), memo: new Uint8Array(0) }
    await orders.place({ reference: randomReference(), nonce: accountNonce(1), operation })
  }
  // its number is counted behind those that wait, which are another account's
  await payAbroad(start, payee, 5)
  await net.until(() => [...start.store.scan('departure')].length === 11)
  assert.is(start.abroad.underWay, 1 + 8, 'the others wait on the disk')
  const store = start.crash()
  net.bus.loses = () => false
  const again = await net.node(person, { store })
  assert.is(again.abroad.underWay, 1 + 8)
  await net.until(() => payee.wallet.balance(asset) === was + 15)
  await net.until(() => again.abroad.underWay === 0)
  assert.equal([...again.store.scan('departure')], [])
})

test('it arrives where the payee is away, and is carried on after a restart of the payer', async () => {
  await net.until(() => payer.abroad.underWay === 0)
  const [before, was] = balances() as [number, number]
  const { person, store } = payee
  await payee.stop()
  net.nodes.splice(net.nodes.indexOf(payee), 1)
  // the other home hears nothing until the payer has started anew
  const topic = (there()[0] as MemoryNode).context.topics.sync
  net.bus.loses = (message) => message.topic === topic
  await payAbroad(payer, payee, 30)
  assert.is(payer.abroad.underWay, 1)
  const payerStore = payer.crash()
  net.bus.loses = () => false
  payer = await net.node(payer.person, { store: payerStore })
  assert.is(payer.abroad.underWay, 1)
  await net.until(() => payer.abroad.underWay === 0)
  payee = await net.node(person, { store })
  await net.until(() => balances().join() === `${before - 30},${was + 30}`)
  check()
  assert.equal(
    net.nodes.flatMap(({ log }) => log.errors),
    [],
  )
})

test('who has lost its disk brings to the other home what was settled in the epoch under way, from what catch-up gives back', async () => {
  const was = balances()[1] as number
  const topic = (there()[0] as MemoryNode).context.topics.sync
  net.bus.loses = (message) => message.topic === topic && typeOf(message) === TYPE.arrival
  await payAbroad(payer, payee, 40)
  payer.crash()
  payer = await net.node(payer.person)
  await net.until(() => payer.abroad.underWay > 0)
  net.bus.loses = () => false
  await net.until(() => balances()[1] === was + 40)
  await net.until(() => payer.abroad.underWay === 0)
  check()
})

test.run()
