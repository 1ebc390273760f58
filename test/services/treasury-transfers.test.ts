/** Further ways of money, as wallets see them: batches, holds over epochs, and payments to another home and back, each asked for twice and done once. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { committeeOfOpening } from '../../src/consensus/epoch/opening.ts'
import {
  type Order,
  orderBody,
  orderBytes,
  orderEnvelope,
  orderSignedBytes,
  readOrder,
} from '../../src/consensus/order.ts'
import { VOTE } from '../../src/consensus/statement.ts'
import { fromText } from '../../src/core/bytes.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import { anchorOf } from '../../src/epochs.ts'
import { genesisBody, genesisFile, genesisSignedBytes, readGenesis } from '../../src/identity/genesis.ts'
import type { SettledPayment } from '../../src/kernel/ports.ts'
import { booksId } from '../../src/ledger/abroad.ts'
import type { OwnOperation } from '../../src/ledger/payment.ts'
import { accountId, accountNonce, NO_HEAD, nextOrder } from '../../src/ledger/terms.ts'
import { MemoryNet, type MemoryNode, randomReference, vrfOf } from '../kit/node.ts'
import { makeNet, type Net, type Person } from '../kit/people.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { Seats } from '../kit/wire.ts'

const MS = 20_000
const FUNDS = 1_000
const NOTHING = new Uint8Array(0)
const OTHER = new Uint8Array(16).fill(7)
const test = suite('treasury: transfers')
const net = new MemoryNet(4, netWithEpochs())
let members: MemoryNode[]
let payer: MemoryNode
let payee: MemoryNode

function netWithEpochs(): Net {
  const made = makeNet(4)
  const { genesis, organization, members } = made
  const seats = genesis.seats.map((seat, i) => {
    const { person } = members[i] as Net['members'][number]
    return { ...seat, vrfKey: vrfOf(fromText('vrf'), person).publicKey }
  })
  const body = genesisBody({ ...genesis, seats })
  return { ...made, genesis: readGenesis(genesisFile(body, organization.sign(genesisSignedBytes(body)))) }
}

const balances = (): number[] => [payer, payee].map(({ wallet }) => wallet.balance(net.asset(payer).id))

/** Everybody has seen it. */
async function come(to: readonly [number, number]): Promise<void> {
  await net.until(() => balances().join() === to.join())
  assert.equal(balances(), [...to])
}

/** An order of somebody at the other home, and the settlement of its seats. */
function settledThere(
  person: Person,
  version: number,
  previous: Uint8Array,
  operation: OwnOperation,
): { order: Order; settlement: Uint8Array } {
  const { netId } = net.net.genesis
  const standing = {
    home: OTHER,
    owner: person.id,
    keyPosition: 0,
    nonce: accountNonce(),
    version: version - 1,
    head: previous,
  }
  const body = orderBody(nextOrder(standing, operation, randomReference().slice(0, 16), 100_000))
  const order = readOrder(orderEnvelope(netId, body, person.sign(orderSignedBytes(netId, body))))
  const seats = new Seats(net.net, committeeOfOpening({ ...anchorOf(net.net.genesis), nid: OTHER }))
  return { order, settlement: seats.proof({ kind: VOTE.confirm, oid: order.oid, version, od: order.od }) }
}

test.before(async () => {
  members = await net.members()
  const organization = await net.node(net.net.organization)
  payer = await net.node()
  payee = await net.node()
  for (const { homes } of net.nodes) homes.add({ ...anchorOf(net.net.genesis), nid: OTHER })
  await net.fund(organization, payer, FUNDS)
  await Promise.all([payer, payee].map((node) => net.during(node.wallet.introduce())))
})
test.after(() => net.close())

test('a batch is paid once, and its money is spoken for meanwhile', async () => {
  const asset = net.asset(payer).id
  const payments = [10, 20, 30].map((amount) => ({ amount, to: payee.wallet.account, reference: randomReference() }))
  const many = { reference: randomReference(), asset, payments }
  const paying = payer.transfers.payMany(many, MS)
  const again = payer.transfers.payMany(many, MS)
  const large = { reference: randomReference(), asset, amount: FUNDS - 59, to: payee.wallet.account }
  assert.is(await codeOfAsync(() => payer.wallet.pay(large, MS)), 'insufficient-funds')
  for (const each of [paying, again, payer.transfers.payMany(many, MS)]) {
    assert.equal(
      (await net.during(each)).map(({ amount }) => amount),
      [10, 20, 30],
    )
  }
  await come([FUNDS - 60, 60])
  assert.is(await codeOfAsync(() => payer.transfers.payMany({ ...many, payments: [] }, MS)), 'bad-argument')
  const [first] = payments as [(typeof payments)[number]]
  const twice = [first, first].map(({ to }) => ({ to, amount: 500, reference: randomReference() }))
  assert.is(
    await codeOfAsync(() => payer.transfers.payMany({ ...many, reference: randomReference(), payments: twice }, MS)),
    'insufficient-funds',
  )
})

test('a payment to another home leaves; what comes from there arrives once, and can be paid back', async () => {
  const asset = net.asset(payer).id
  const { netId } = net.net.genesis
  const stranger = net.net.terminal
  const there = accountId(netId, OTHER, stranger.id)
  const wishes = [100, 50].map((amount) => ({ reference: randomReference(), home: OTHER, asset, amount, to: there }))
  const paid = await net.during(Promise.all(wishes.map((wish) => payer.transfers.abroad(wish, MS))))
  assert.equal(
    (await net.during(payer.transfers.abroad(wishes[0] as (typeof wishes)[0], MS))).orderDigest,
    paid[0]?.orderDigest,
  )
  await come([FUNDS - 210, 60])
  const nowhere = { ...(wishes[0] as (typeof wishes)[0]), reference: randomReference(), amount: FUNDS }
  assert.is(await codeOfAsync(() => payer.transfers.abroad(nowhere, MS)), 'insufficient-funds')
  // the stranger pays some of it back, and some to somebody else here
  const original = decodeEnvelope(paid[0]?.order as Uint8Array).body
  const terms = { reference: randomReference(), memo: NOTHING } as const
  const one = settledThere(stranger, 1, NO_HEAD, {
    kind: 'refund',
    original,
    index: 0,
    amount: 40,
    number: 1,
    ...terms,
  })
  const reference = randomReference()
  const pay = {
    kind: 'pay-abroad',
    home: payee.context.genesis.neighborhood,
    assetId: asset,
    amount: 25,
    to: payee.wallet.account,
  } as const
  const two = settledThere(stranger, 2, one.order.od, { ...pay, reference, number: 2, memo: NOTHING })
  const bring = (node: MemoryNode, { order, settlement }: typeof one): Promise<void> =>
    node.transfers.bring(orderBytes(order), settlement, MS)
  assert.is(await net.during(codeOfAsync(() => bring(payee, two))), 'wrong-version', 'one comes after the other')
  const heard: SettledPayment[] = []
  payee.wallet.onCredit((credit) => heard.push(credit))
  await net.during(Promise.all([bring(payer, one), bring(payee, one)]))
  await come([FUNDS - 170, 60])
  await net.during(bring(payee, two))
  await net.during(bring(payee, one))
  await come([FUNDS - 170, 85])
  assert.equal(
    heard.map(({ amount, from, orderDigest }) => [amount, from, orderDigest]),
    [[25, there, two.order.od]],
  )
  assert.is(payee.wallet.settled(reference)?.amount, 25)
  const local = await net.during(net.pay(payer, payee, 1))
  assert.is(await codeOfAsync(() => payee.transfers.bring(local.order, local.settlement, MS)), 'wrong-home')
  const refund = { reference: randomReference(), asset, amount: 5, to: there, refundOf: two.order.od }
  const back = await net.during(payee.wallet.pay(refund, MS))
  assert.equal((await net.during(payee.wallet.pay(refund, MS))).orderDigest, back.orderDigest)
  await come([FUNDS - 171, 81])
  const books = payee.agreed.register.object(booksId(netId, pay.home))?.state?.flows
  assert.equal(
    books?.map(({ exported, imported }) => [exported, imported]),
    [[155, 65]],
  )
})

test('a hold is captured while it may be, and its rest released when nobody can capture any more', async () => {
  const asset = net.asset(payer).id
  const request = { reference: randomReference(), asset, amount: 300, to: payee.wallet.account, expiresEpoch: 0 }
  const hold = await net.during(payer.transfers.hold(request, MS))
  assert.equal(await net.during(payer.transfers.hold(request, MS)), hold)
  assert.equal(
    payer.transfers.holds().map(({ id, left }) => [id, left]),
    [[hold, 300]],
  )
  await come([FUNDS - 471, 81])
  await net.until(() => payee.agreed.register.object(payer.wallet.account)?.state?.holds[0]?.terms?.settled === true)
  const capture = { reference: randomReference(), payer: payer.wallet.account, hold, amount: 120, released: 30 }
  assert.is(await codeOfAsync(() => payee.transfers.capture({ ...capture, amount: 280 }, MS)), 'insufficient-funds')
  assert.is(
    await codeOfAsync(() => payee.transfers.capture({ ...capture, hold: randomReference() }, MS)),
    'not-settled',
  )
  assert.is(await codeOfAsync(() => payer.transfers.capture(capture, MS)), 'not-allowed')
  await net.during(payee.transfers.capture(capture, MS))
  await net.during(payee.transfers.capture(capture, MS))
  await come([FUNDS - 441, 201])
  const reference = randomReference()
  assert.is(await codeOfAsync(() => payer.transfers.release(reference, hold, MS)), 'not-yet-valid')
  for (const { turning } of members.slice(2)) turning.wish()
  await net.until(() => net.nodes.every(({ agreed }) => agreed.committee.epoch === 1))
  assert.is(
    await codeOfAsync(() => payee.transfers.capture({ ...capture, reference: randomReference(), amount: 1 }, MS)),
    'expired',
  )
  await net.during(payer.transfers.release(reference, hold, MS))
  await net.during(payer.transfers.release(randomReference(), hold, MS))
  await come([FUNDS - 291, 201])
  // what came too late is given up, and does not keep what is ordered after it waiting
  const late = {
    kind: 'capture',
    ...capture,
    assetId: asset,
    claim: NOTHING,
    reference: randomReference(),
    amount: 1,
    released: 0,
  } as const
  await payee.orders.place({ reference: late.reference, nonce: accountNonce(), operation: late })
  await net.during(net.pay(payee, payer, 1))
  assert.not.ok(payee.orders.has(late.reference))
  assert.equal(
    net.nodes.flatMap(({ log }) => log.errors),
    [],
  )
})

test.run()
