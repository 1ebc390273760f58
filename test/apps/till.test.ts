import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeTerms, referenceOf } from '../../src/apps/facepay/terms.ts'
import { Till } from '../../src/apps/facepay/till.ts'
import { LIMITS } from '../../src/core/limits.ts'
import type { PaymentRequest, SettledPayment } from '../../src/kernel/ports.ts'
import { MemoryStore } from '../kit/memory.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { until } from '../kit/within.ts'
import { EUR, face, type Till as OpenTill, Shop, USD } from './shop.ts'

const test = suite<{ shop: Shop }>('till')
test.before.each((context) => {
  context.shop = new Shop()
})
test.after.each(({ shop }) => shop.close())

test('a payment that was declined and settles nevertheless is paid back', async ({ shop }) => {
  const till = await shop.till()
  const anna = await shop.customer(till, 1, { floorLimit: 0 })
  assert.is(
    await codeOfAsync(() => shop.during(till.terminal.takePayment({ amount: 7, asset: EUR, embedding: face(1, 1) }))),
    'declined',
  )
  const { reference } = till.terminal.payments()[0] as { reference: Uint8Array }
  shop.bank.credit({ reference, asset: EUR, amount: 7, from: anna.wallet.account, to: shop.merchant })
  await until(2_000, () => shop.bank.orders.length === 1, 'the refund')
  assert.equal(shop.bank.orders[0]?.request.to, anna.wallet.account)
  assert.is(till.terminal.payment(reference)?.state, 'closed')
})

test('no quorum: said in time, and a late settlement closes the payment, also over a restart', async ({ shop }) => {
  let till = await shop.till()
  await shop.customer(till, 1)
  shop.presence = { seatsUp: 16, quorum: 17 }
  shop.bank.holds = true
  const startMs = shop.clock.monotonicMs()
  assert.is(await unsettled(shop, till), 'no-quorum')
  assert.ok(shop.clock.monotonicMs() - startMs < 5_000, `${shop.clock.monotonicMs() - startMs} ms`)
  shop.presence = { seatsUp: 17, quorum: 17 }
  assert.is(await unsettled(shop, till), 'not-settled')
  const [first, second] = till.terminal.payments().map(({ reference }) => reference) as [Uint8Array, Uint8Array]
  assert.is(till.terminal.payment(first)?.state, 'selected')
  await till.stop()
  const orders = shop.bank.orders.length
  shop.bank.release()
  till = await shop.till(till.store.afterPowerCut())
  await until(2_000, () => till.terminal.payment(second)?.state === 'settled', 'the late settlement')
  assert.is(till.terminal.payment(first)?.state, 'settled')
  assert.equal((await till.terminal.whenSettled(first, 1_000)).reference, first)
  assert.is(shop.bank.orders.length, orders, 'nothing is paid back')
})

test('whoever waits for an open payment hears of it; one that is given up is paid back', async ({ shop }) => {
  const till = await shop.till()
  const anna = await shop.customer(till, 1)
  shop.bank.holds = true
  assert.is(await unsettled(shop, till), 'not-settled')
  assert.is(await unsettled(shop, till), 'not-settled')
  const [first, second] = till.terminal.payments().map(({ reference }) => reference) as [Uint8Array, Uint8Array]
  assert.is(await codeOfAsync(() => shop.during(till.terminal.whenSettled(first, 50))), 'timeout')
  const heard = till.terminal.whenSettled(first, 1_000)
  await till.terminal.giveUp(second)
  assert.is(await codeOfAsync(() => till.terminal.whenSettled(second, 1_000)), 'not-settled')
  shop.bank.release()
  assert.equal((await heard).reference, first)
  await until(2_000, () => shop.bank.orders.length === 3, 'the refund')
  assert.equal(shop.bank.orders[2]?.request.to, anna.wallet.account)
  assert.is(till.terminal.payment(second)?.state, 'closed')
})

test('a second credit is paid back once, however often it is told, also over a restart', async ({ shop }) => {
  let till = await shop.till()
  const anna = await shop.customer(till, 1)
  const paid = await shop.during(till.terminal.takePayment({ amount: 100, asset: EUR, embedding: face(1, 2) }))
  const first = till.wallet.settled(paid.reference) as SettledPayment
  const good = { reference: paid.reference, asset: EUR, amount: 100, from: anna.wallet.account, to: shop.merchant }
  const second = shop.bank.credit(good)
  for (const credit of [first, second, second]) shop.bank.repeat(credit)
  await until(2_000, () => shop.bank.orders.length === 2, 'the refund')
  const refund = shop.bank.orders[1]?.request
  assert.equal(refund?.refundOf, second.orderDigest)
  assert.equal(refund?.to, anna.wallet.account)
  assert.is(refund?.amount, 100)
  await till.context.road.run(() => null)
  await till.stop()
  const { calls } = shop.bank
  till = await shop.till(till.store.afterPowerCut())
  for (const credit of [first, second]) shop.bank.repeat(credit)
  await new Promise((resolve) => setTimeout(resolve, 30))
  assert.is(shop.bank.calls, calls)
  assert.is(till.context.counters.read()['facepay.refunds'], undefined)
})

test('a refund that has not settled is tried again, after a while and after a restart, as the same order', async ({
  shop,
}) => {
  let till = await shop.till()
  const anna = await shop.customer(till, 1)
  const paid = await shop.during(till.terminal.takePayment({ amount: 100, asset: EUR, embedding: face(1, 2) }))
  shop.bank.holds = true
  shop.bank.credit({ reference: paid.reference, asset: EUR, amount: 100, from: anna.wallet.account, to: shop.merchant })
  await until(2_000, () => shop.bank.calls === 2, 'the refund')
  shop.clock.advance(30_000)
  await new Promise((resolve) => setTimeout(resolve, 10))
  shop.clock.advance(LIMITS.refundRetryMs)
  await until(2_000, () => shop.bank.calls === 3, 'the second try')
  await till.stop()
  till = await shop.till(till.store.afterPowerCut())
  await until(2_000, () => shop.bank.calls === 4, 'the third try')
  assert.is(shop.bank.orders.length, 2)
})

test('a wrong amount or asset does not close an open payment and is paid back', async ({ shop }) => {
  const till = await shop.till()
  const anna = await shop.customer(till, 1)
  shop.bank.holds = true
  assert.is(await unsettled(shop, till), 'not-settled')
  const { reference } = till.terminal.payments()[0] as { reference: Uint8Array }
  const good = { reference, asset: EUR, amount: 100, from: anna.wallet.account, to: shop.merchant }
  shop.bank.credit({ ...good, amount: 99 })
  shop.bank.credit({ ...good, amount: 101 })
  shop.bank.credit({ ...good, asset: USD })
  await until(2_000, () => shop.bank.orders.length === 4, 'three refunds')
  assert.equal(
    shop.bank.orders.slice(1).map(({ request }) => request.amount),
    [99, 101, 100],
  )
  assert.is(till.terminal.payment(reference)?.state, 'selected')
  shop.bank.credit(good)
  await until(2_000, () => till.terminal.payment(reference)?.state === 'settled', 'the settlement')
  assert.is(shop.bank.orders.length, 4)
})

test('a stranger’s cent under the same reference hides no payment, neither before nor after a restart', async ({
  shop,
}) => {
  let till = await shop.till()
  const anna = await shop.customer(till, 1)
  shop.bank.holds = true
  for (let i = 0; i < 2; i++) assert.is(await unsettled(shop, till), 'not-settled')
  const [first, second] = till.terminal.payments().map(({ reference }) => reference) as [Uint8Array, Uint8Array]
  const from = new Uint8Array(32).fill(9)
  const cent = (reference: Uint8Array): SettledPayment =>
    shop.bank.credit({ reference, asset: EUR, amount: 1, from, to: shop.merchant })
  const real = (reference: Uint8Array): SettledPayment =>
    shop.bank.credit({ reference, asset: EUR, amount: 100, from: anna.wallet.account, to: shop.merchant })
  const paidFirst = [cent(first), real(first)][1]
  await until(2_000, () => till.terminal.payment(first)?.state === 'settled', 'the settlement')
  assert.equal(await till.terminal.whenSettled(first, 0), paidFirst)
  await till.stop()
  const paidSecond = [cent(second), real(second)][1]
  till = await shop.till(till.store.afterPowerCut())
  assert.is(till.terminal.payment(second)?.state, 'settled')
  assert.equal(await till.terminal.whenSettled(first, 0), paidFirst)
  assert.equal(await till.terminal.whenSettled(second, 0), paidSecond)
  await until(2_000, () => shop.bank.orders.length === 4, 'both cents back')
  for (const { request } of shop.bank.orders.slice(2)) assert.equal([request.to, request.amount], [from, 1])
})

test('money that came while nobody listened is paid back once the till is opened', async ({ shop }) => {
  let till = await shop.till()
  await shop.customer(till, 1)
  const paid = await shop.during(till.terminal.takePayment({ amount: 100, asset: EUR, embedding: face(1, 2) }))
  await till.stop()
  const { reference } = paid
  const from = new Uint8Array(32).fill(9)
  for (let i = 0; i < 2 * LIMITS.turnMessagesMax; i++) {
    shop.bank.credit({ reference: EUR, asset: EUR, amount: 1, from, to: shop.merchant })
  }
  const late = shop.bank.credit({ reference, asset: EUR, amount: 5, from, to: shop.merchant })
  till = await shop.till(till.store.afterPowerCut())
  await until(2_000, () => shop.bank.orders.length === 2, 'the refund')
  assert.equal(shop.bank.orders[1]?.request.refundOf, late.orderDigest)
  await till.context.road.run(() => null)
  await till.stop()
  const { calls } = shop.bank
  till = await shop.till(till.store.afterPowerCut())
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.is(shop.bank.calls, calls, 'once')
})

test('whoever waits for a payment that is called off, or waits no more, is told so', async ({ shop }) => {
  const till = await shop.till()
  await shop.customer(till, 1)
  shop.bank.holds = true
  assert.is(await unsettled(shop, till), 'not-settled')
  const { reference } = till.terminal.payments()[0] as { reference: Uint8Array }
  const leaving = new AbortController()
  const left = codeOfAsync(() => till.terminal.whenSettled(reference, 1_000, leaving.signal))
  leaving.abort()
  assert.is(await left, 'stopped')
  const waiting = codeOfAsync(() => till.terminal.whenSettled(reference, 1_000))
  await till.terminal.giveUp(reference)
  assert.is(await waiting, 'stopped')
  const taken = codeOfAsync(() =>
    shop.during(till.terminal.takePayment({ amount: 100, asset: EUR, embedding: face(1, 3) })),
  )
  await until(2_000, () => till.terminal.payments()[1]?.state === 'selected', 'the selection')
  await till.terminal.giveUp(till.terminal.payments()[1]?.reference as Uint8Array)
  assert.is(await taken, 'stopped')
  assert.equal(
    till.terminal.payments().map(({ state }) => state),
    ['closed', 'closed'],
  )
})

test('a full till forgets the oldest payment with its done refunds; a due refund stays until it is done', () => {
  const till = new Till()
  const store = new MemoryStore()
  const begin = (startedMs: number): Uint8Array => {
    const nonce = new Uint8Array(16)
    new DataView(nonce.buffer).setUint32(0, startedMs)
    const account = new Uint8Array(32)
    const terms = { terminalId: account, merchant: account, asset: EUR, amount: 1, nonce, expiresMs: 1 }
    const bytes = encodeTerms(terms)
    const reference = referenceOf(bytes)
    store.write([...till.begin(reference, terms, bytes, startedMs), ...till.close(reference)])
    return reference
  }
  const owe = (reference: Uint8Array, name: number): PaymentRequest => {
    const account = new Uint8Array(32)
    const order = { orderDigest: new Uint8Array(32).fill(name), order: account, settlement: account }
    const ruling = till.rule({ reference, asset: EUR, amount: 1, from: EUR, to: EUR, locks: 1, confirms: 1, ...order })
    store.write(ruling?.writes ?? [])
    return ruling?.refund as PaymentRequest
  }
  const first = begin(1)
  const [done, due] = [owe(first, 1), owe(first, 2)]
  const kept = owe(begin(2), 3)
  for (const refund of [done, kept]) store.write(till.refunded(refund))
  const refunds = (): number => [...store.scan('facepay-refund')].length
  for (let i = 3; i <= LIMITS.paymentsKeptMax; i++) begin(i)
  assert.is(refunds(), 3)
  begin(LIMITS.paymentsKeptMax + 1)
  assert.is(till.get(first), null)
  assert.equal(
    [...store.scan('facepay-refund')].map(({ key }) => key[0]),
    [2, 3],
  )
  const again = new Till()
  again.load(store)
  assert.equal(again.dueRefunds(), [due])
  store.write(again.refunded(due))
  assert.equal(
    [...store.scan('facepay-refund')].map(({ key }) => key[0]),
    [3],
  )
  assert.equal(again.dueRefunds(), [])
})

test('money that is not for this till is left alone', async ({ shop }) => {
  const till = await shop.till()
  const from = new Uint8Array(32).fill(1)
  shop.bank.credit({ reference: new Uint8Array(32), asset: EUR, amount: 5, from, to: shop.merchant })
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.is(shop.bank.orders.length, 0)
  assert.equal(till.terminal.payments(), [])
})

test('another payer than the one who was selected does not close the payment', async ({ shop }) => {
  const till = await shop.till()
  await shop.customer(till, 1)
  shop.bank.holds = true
  const pay = shop.during(till.terminal.takePayment({ amount: 100, asset: EUR, embedding: face(1, 2) }))
  await until(2_000, () => shop.bank.orders.length === 1, 'the order')
  const { reference } = till.terminal.payments()[0] as { reference: Uint8Array }
  const from = new Uint8Array(32).fill(9)
  shop.bank.credit({ reference, asset: EUR, amount: 100, from, to: shop.merchant })
  await until(2_000, () => shop.bank.orders.length === 2, 'the refund')
  assert.equal(shop.bank.orders[1]?.request.to, from)
  shop.bank.release()
  assert.is((await pay).status, 'settled')
})

/** The code with which a payment of face 1 ends that the bank holds back. */
async function unsettled(shop: Shop, till: OpenTill): Promise<string> {
  const orders = shop.bank.orders.length
  const payment = till.terminal.takePayment({ amount: 100, asset: EUR, embedding: face(1, 2) })
  const code = codeOfAsync(() => payment)
  await shop.during(until(5_000, () => shop.bank.orders.length > orders, 'the order'))
  shop.clock.advance(LIMITS.settleWaitMs)
  return code
}

test.run()
