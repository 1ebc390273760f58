/** Whole epochs of a neighborhood: payments, turns of the epoch, newcomers, crashes, in virtual time. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { readBallot } from '../../src/consensus/simplex/ballot.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { balanceOf } from '../../src/ledger/account.ts'
import { Hoods, sparePeople } from './hoods.ts'
import { issuerWallet, mint, person, Wallet, world } from './people.ts'

const FUNDS = 1_000
const four = world(4)
const test = suite('neighborhood: epochs')

function funded(net: Hoods): Wallet[] {
  const wallets = [0, 1].map((i) => new Wallet(four, person(`owner ${i}`)))
  const issuer = issuerWallet(four)
  for (const wallet of wallets) net.send(wallet.incept())
  net.run(200)
  for (const [i, wallet] of wallets.entries()) net.send(issuer.order(mint(four, FUNDS * (i + 1), wallet.oid)))
  net.run(300)
  return wallets
}

function balances(net: Hoods, wallet: Wallet): number[] {
  return net.nodes.map(({ hood }) => balanceOf(hood.register.object(wallet.oid)?.state ?? null, four.asset))
}

function turn(net: Hoods): void {
  for (const i of net.nodes.keys()) net.act(i, (hood) => hood.wantTurn())
}

const epochs = (net: Hoods): number[] => net.nodes.map(({ hood }) => hood.term.opening.epoch)

test('an idle neighborhood is silent, and a turn of the epoch hands everything over', () => {
  const net = new Hoods({ world: four })
  const [one, other] = funded(net) as [Wallet, Wallet]
  assert.equal(balances(net, one), [FUNDS, FUNDS, FUNDS, FUNDS])
  net.send(one.order(one.pay(other.oid, 10)))
  net.run(300)
  turn(net)
  net.run(4_000)
  assert.equal(net.refused, [])
  assert.equal(epochs(net), [1, 1, 1, 1])
  const roots = new Set(net.nodes.map(({ hood }) => toHex(hood.term.opening.stateRoot)))
  assert.is(roots.size, 1)
  net.send(one.order(one.pay(other.oid, 5)))
  net.run(500)
  assert.equal(balances(net, other), Array(4).fill(FUNDS + 15))
})

test('what was read in one epoch is nothing to the next, though it is handed in then', () => {
  const net = new Hoods({ world: four })
  turn(net)
  net.run(150)
  const { hood } = net.nodes[0] as (typeof net.nodes)[number]
  const late = net.wire
    .map((bytes) => ({ bytes, envelope: decodeEnvelope(bytes) }))
    .filter(({ envelope }) => envelope.type === TYPE.ballot && equal(envelope.scope, hood.term.committee.cid))
    .flatMap(({ envelope, bytes }) => {
      const ballot = readBallot(envelope, hood.term.committee)
      return { kind: 'block', cid: hood.term.committee.cid, event: { kind: 'ballot', ballot }, bytes } as const
    })
  assert.ok(late.length > 3)
  net.run(4_000)
  assert.equal(epochs(net), [1, 1, 1, 1])
  for (const event of late) hood.step(event, net.nowMs)
  assert.is(hood.term.simplex.sizes.slots, 0)
  assert.not.ok(hood.term.simplex.abstaining)
})

test('payments go on while epochs change under loss, and nothing settled is lost', () => {
  const net = new Hoods({ world: four, loss: 0.1, jitterMs: 20, seed: 3 })
  const [one, other] = funded(net) as [Wallet, Wallet]
  const orders: ReturnType<Wallet['order']>[] = []
  for (let round = 0; round < 12; round++) {
    orders.push(one.order(one.pay(other.oid, 1)))
    for (let tries = 0; tries < 3; tries++) {
      for (const order of orders) net.send(order)
      net.run(700)
    }
    if (round % 4 === 1) turn(net)
  }
  net.run(8_000)
  for (const order of orders) net.send(order)
  net.run(6_000)
  assert.ok(Math.min(...epochs(net)) >= 2, epochs(net).join())
  assert.equal(balances(net, other), Array(4).fill(FUNDS + 12))
})

test('a node that slept through epochs walks the hand-overs and fetches the state', () => {
  const net = new Hoods({ world: four })
  const [one, other] = funded(net) as [Wallet, Wallet]
  ;(net.nodes[3] as { isUp: boolean }).isUp = false
  for (let round = 0; round < 3; round++) {
    net.send(one.order(one.pay(other.oid, 1)))
    net.run(500)
    for (const i of [0, 1, 2]) net.act(i, (hood) => hood.wantTurn())
    net.run(8_000)
  }
  assert.is(net.nodes[0]?.hood.term.opening.epoch, 3)
  net.nodes[3]?.restart()
  net.send(one.order(one.pay(other.oid, 1)))
  net.run(6_000)
  assert.equal(epochs(net), [3, 3, 3, 3])
  turn(net)
  net.run(8_000)
  assert.equal(epochs(net), [4, 4, 4, 4])
  net.send(one.order(one.pay(other.oid, 1)))
  net.run(1_000)
  assert.equal(balances(net, other), Array(4).fill(FUNDS + 5))
})

test('a spare takes the seat of a member that does not answer', () => {
  const net = new Hoods({ world: four, spares: sparePeople(2) })
  const [one, other] = funded(net) as [Wallet, Wallet]
  const gone = net.nodes[2] as (typeof net.nodes)[number]
  gone.isUp = false
  for (const i of net.nodes.keys()) if (i !== 2) net.act(i, (hood) => hood.suspect(gone.person.id, true))
  for (const i of net.nodes.keys()) if (i !== 2) net.act(i, (hood) => hood.wantTurn())
  net.run(10_000)
  const { opening, committee } = (net.nodes[0] as (typeof net.nodes)[number]).hood.term
  assert.is(opening.epoch, 1)
  assert.not.ok(opening.roster.some(({ id }) => toHex(id) === toHex(gone.person.id)))
  assert.is(committee.seats.length, 4)
  assert.ok(committee.seats.every(({ epochKey }) => epochKey.some((byte) => byte !== 0)))
  net.send(one.order(one.pay(other.oid, 1)))
  net.run(1_000)
  const seen = net.nodes.filter(({ isUp }) => isUp).map(({ hood }) => hood.register.object(other.oid)?.state)
  for (const state of seen) assert.is(balanceOf(state ?? null, four.asset), FUNDS + 1)
})

test('an account that its owner locked by two orders is unlocked, and goes on', () => {
  const net = new Hoods({ world: four })
  const [one, other] = funded(net) as [Wallet, Wallet]
  const [left, right] = [one.peek(one.pay(other.oid, 1, 'left')), one.peek(one.pay(other.oid, 2, 'right'))]
  for (const i of net.nodes.keys()) {
    for (const order of i < 2 ? [left, right] : [right, left]) {
      net.act(i, (hood) => hood.step({ kind: 'register', event: { kind: 'order', order, verified: true } }, net.nowMs))
    }
  }
  net.run(1_000)
  assert.ok(net.nodes.every(({ hood }) => hood.register.object(one.oid)?.settled !== left.version))
  net.run(180_000)
  assert.ok(net.nodes.every(({ hood }) => hood.register.object(one.oid)?.settled === left.version))
})

test.run()
