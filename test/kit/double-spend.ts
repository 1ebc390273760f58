/** A shopper who spends the same money twice, at two merchants of a net in memory, and what must come of it. */

import * as assert from 'uvu/assert'
import { committeeOf } from '../../src/consensus/committee.ts'
import { verifyEvidence } from '../../src/consensus/evidence.ts'
import { type Order, orderBytes } from '../../src/consensus/order.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { readGenesis } from '../../src/identity/genesis.ts'
import { assertConserved, supplies } from '../../src/ledger/conservation.ts'
import { MemoryNet, type MemoryNode, randomReference } from './node.ts'
import { codeOf } from './refusal.ts'
import { payOrder } from './wire.ts'

const AMOUNT = 700
const FUNDS = 1_000

/** Who sees which of two orders first, by seat, and how many of the two are settled then. */
export interface Arrival {
  readonly name: string
  readonly settles: 0 | 1
  first(seat: number, seatCount: number): boolean
}

export const ARRIVALS: readonly Arrival[] = [
  { name: 'everybody sees the one first', settles: 1, first: () => true },
  { name: 'everybody sees the other first', settles: 1, first: () => false },
  { name: 'half see the one first, half the other', settles: 0, first: (seat) => seat % 2 === 0 },
  { name: 'a quorum sees the one first', settles: 1, first: (seat, seatCount) => seat <= (2 * seatCount) / 3 },
]

/** Plays it out and checks everything; throws where two settle, none that should, or nobody is convicted. */
export async function spendTwice(seatCount: number, arrival: Arrival): Promise<void> {
  const net = new MemoryNet(seatCount)
  try {
    const members = await net.members()
    const organization = await net.node(net.net.organization)
    const shopper = await net.node()
    const [one, other] = [await net.node(), await net.node()]
    await net.fund(organization, shopper, FUNDS)
    // the first payment is honest, and makes the shopper known
    await net.pay(shopper, organization, 100)
    const account = shopper.wallet.account
    const { certified, head } = shopper.agreed.register.object(account) ?? {}
    const asset = net.asset(shopper).id
    const orderTo = (merchant: MemoryNode): Order =>
      payOrder(net.net, shopper.person, {
        asset,
        amount: AMOUNT,
        to: merchant.wallet.account,
        reference: randomReference(),
        version: certified as number,
        head: head as Uint8Array,
      })
    const [toOne, toOther] = [orderTo(one), orderTo(other)]
    assert.is(toOne.version, toOther.version)

    const topic = members[0]?.context.topics.order as string
    for (const [seat, member] of members.entries()) {
      const inOrder = arrival.first(seat, seatCount) ? [toOne, toOther] : [toOther, toOne]
      for (const order of inOrder) member.context.road.receive(topic, orderBytes(order))
    }
    // the rest of the net hears of both, again and again, as an owner would repeat them
    for (let i = 0; i < 3; i++) {
      await net.pass(1_000)
      for (const order of [toOne, toOther]) await shopper.link.publish(topic, orderBytes(order))
    }
    await net.pass(2_000)
    const paid = check(net, members, [one, other], [toOne, toOther])
    assert.is(paid, arrival.settles, 'how many were settled')
  } finally {
    await net.close()
  }
}

function check(net: MemoryNet, members: MemoryNode[], merchants: MemoryNode[], orders: Order[]): number {
  const asset = net.asset(members[0] as MemoryNode).id
  const credits = merchants.map((merchant) => merchant.wallet.balance(asset))
  const paid = credits.filter((credit) => credit > 0)
  assert.ok(paid.length <= 1 && paid.every((credit) => credit === AMOUNT), `credits ${credits.join(' and ')}`)

  // every node that holds something as settled holds the same
  const [order] = orders as [Order]
  const settled = new Set<string>()
  for (const { agreed } of [...members, ...merchants]) {
    const view = agreed.register.object(order.oid)
    if ((view?.settled ?? 0) >= order.version) settled.add(Buffer.from(view?.settledHead ?? []).toString('hex'))
  }
  assert.ok(settled.size <= 1, 'two settlements of one version')
  assert.is(settled.size, paid.length)

  const proofs = net.bus.published.filter(({ bytes }) => bytes.length > 0).map(({ bytes }) => decodeEnvelope(bytes))
  assert.ok(
    proofs.some(({ type }) => type === TYPE.evidence),
    'no evidence was published',
  )

  // the evidence convicts with nothing but the genesis file at hand
  const committee = committeeOf(readGenesis(net.net.genesis.bytes))
  const shown = net.bus.published.filter(({ topic }) => topic.endsWith('/evidence'))
  for (const { bytes } of shown) {
    const { kind, guilty } = verifyEvidence(bytes, committee)
    assert.is(kind, 'double-order')
    assert.equal(guilty, order.owner)
    const tampered = bytes.map((byte, i) => (i === bytes.length - 20 ? byte ^ 1 : byte))
    assert.ok(codeOf(() => verifyEvidence(tampered, committee)))
  }
  for (const member of members) assert.ok(member.store.values('evidence').length >= 1, 'a member that kept no evidence')
  for (const node of [...members, ...merchants]) assert.equal(node.log.errors, [])
  for (const { agreed } of members) {
    const books = { objects: agreed.register.objects(), inFlight: agreed.register.inFlight() }
    assertConserved(supplies(books, net.net.genesis))
  }
  return paid.length
}
