/** Many payments in one order, as wallets see them: each is heard of, stored, receipted and paid back as one of its own. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { orderBytes } from '../../src/consensus/order.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import type { SettledPayment } from '../../src/kernel/ports.ts'
import { signReceipt, verifyReceipt } from '../../src/kernel/receipt.ts'
import { creditsOf } from '../../src/ledger/credit.ts'
import { accountNonce, NO_HEAD, nextOrder } from '../../src/ledger/terms.ts'
import { MemoryNet, type MemoryNode, randomReference } from '../kit/node.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { signOrder } from '../kit/wire.ts'

interface Shop {
  net: MemoryNet
  payer: MemoryNode
  payee: MemoryNode
}

const NOTHING = new Uint8Array(0)
const test = suite<Shop>('treasury: many payments in one order')
test.before.each(async (context) => {
  context.net = new MemoryNet(4)
  await context.net.members()
  const organization = await context.net.node(context.net.net.organization)
  context.payer = await context.net.node()
  context.payee = await context.net.node()
  await context.net.fund(organization, context.payer, 1_000)
  await context.payer.wallet.introduce()
})
test.after.each(({ net }) => net.close())

/** An order of three payments, two of them to the payee, settled everywhere. */
async function paid({ net, payer, payee }: Shop) {
  const references = [randomReference(), randomReference(), randomReference()] as const
  const to = [payee.wallet.account, payer.wallet.account, payee.wallet.account]
  const payments = references.map((reference, i) => {
    return { amount: 10 + i, to: to[i] as Uint8Array, reference, memo: NOTHING }
  })
  const { genesis, road, topics } = payer.context
  const standing = { home: genesis.neighborhood, owner: payer.person.id, keyPosition: 0, nonce: accountNonce() }
  const operation = { kind: 'pay-many', assetId: net.asset(payer).id, payments } as const
  const terms = nextOrder({ ...standing, version: 0, head: NO_HEAD }, operation, randomReference().slice(0, 16), 9)
  const order = signOrder(genesis.netId, payer.person, terms)
  await road.run(() => {
    payer.agreed.submit(order)
    return { emit: [{ topic: topics.order, bytes: orderBytes(order) }] }
  })
  await net.until(() => payee.wallet.settled(references[2]) !== null && payer.wallet.settled(references[2]) !== null)
  return { order, references, names: creditsOf(order, genesis.netId).map(({ payment }) => payment) }
}

test('each is told of, found by its reference, also after a restart', async (shop) => {
  const { net, payer, payee } = shop
  const heard: SettledPayment[] = []
  payee.wallet.onCredit((credit) => heard.push(credit))
  const { references, names } = await paid(shop)
  await net.until(() => heard.length > 0)
  assert.equal(
    heard.map(({ amount, orderDigest }) => [amount, orderDigest]),
    [10, 12].map((amount, i) => [amount, names[2 * i]]),
  )
  const byName = (payments: Iterable<SettledPayment>) =>
    [...payments].map(({ orderDigest }) => toHex(orderDigest)).sort()
  assert.equal(byName(payee.wallet.credits()), byName(heard))
  assert.is(payee.wallet.settled(references[0])?.amount, 10)
  assert.is(payer.wallet.settled(references[1])?.amount, 11, 'what it paid to itself')
  assert.equal([...payer.wallet.credits()].length, 1)
  const again = await net.node(payee.person, { store: payee.crash() })
  assert.equal(again.wallet.settled(references[2]), heard[1])
})

test('each has a receipt that shows which one it is', async (shop) => {
  const { net, payee } = shop
  const { references } = await paid(shop)
  const amounts = [0, 2].map(async (i) => {
    const payment = payee.wallet.settled(references[i] as Uint8Array) as SettledPayment
    const bytes = await signReceipt(net.net.genesis, payee.context.keys, payment, 1)
    const { amount, index, reference } = verifyReceipt(bytes, net.net.genesis)
    assert.ok(equal(reference, payment.reference))
    return [amount, index]
  })
  assert.equal(await Promise.all(amounts), [
    [10, 0],
    [12, 2],
  ])
  const foreign = { ...(payee.wallet.settled(references[0]) as SettledPayment), orderDigest: randomReference() }
  assert.is(await codeOfAsync(() => signReceipt(net.net.genesis, payee.context.keys, foreign, 1)), 'bad-argument')
})

test('each is paid back on its own, once, and never more than it was', async (shop) => {
  const { net, payer, payee } = shop
  const { names } = await paid(shop)
  const asset = net.asset(payer).id
  const refund = (name: Uint8Array | undefined, amount: number) => {
    const request = {
      reference: randomReference(),
      asset,
      amount,
      to: payer.wallet.account,
      refundOf: name as Uint8Array,
    }
    return payee.wallet.pay(request, 20_000)
  }
  const back = await net.during(refund(names[2], 12))
  assert.equal([back.amount, back.to], [12, payer.wallet.account])
  assert.is(await codeOfAsync(() => refund(randomReference(), 1)), 'bad-argument')
  assert.is(payee.wallet.balance(asset), 10)
  await net.during(refund(names[0], 10))
  assert.is(payer.wallet.balance(asset), 1_000)
})
test.run()
