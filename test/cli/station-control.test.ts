/** What a station answers about payments: the methods themselves, on a till in this process. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebxNode } from '../../src/boot.ts'
import { fromBase64url, toHex } from '../../src/core/bytes.ts'
import { decode } from '../../src/core/codec.ts'
import { decodeSign1 } from '../../src/core/cose.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { stillCamera } from '../../src/drivers/camera-still.ts'
import type { ControlCall } from '../../src/drivers/control-socket.ts'
import type { Profile } from '../../src/kernel/profile.ts'
import { controlMethods } from '../../src/station-control.ts'
import { EUR, photograph, Shop, type Shopper, type Till } from '../apps/shop.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { until } from '../kit/within.ts'

interface World {
  shop: Shop
  till: Till
  anna: Shopper
  ask: (method: string, params: object, signal?: AbortSignal) => Promise<Record<string, unknown>>
}

const test = suite<World>('station: what may be asked about payments')
test.before.each(async (world) => {
  const shop = new Shop()
  const camera = stillCamera([photograph(1, 3)], { intervalMs: 1, repeat: Number.POSITIVE_INFINITY })
  const till = await shop.till(undefined, undefined, camera)
  const node = { context: till.context, wallet: till.wallet, assets: shop.assets } as unknown as WebxNode
  const profile = { terminal: { asset: 'EUR' } } as unknown as Profile
  const methods = controlMethods({ node, profile, terminal: till.terminal, device: null })
  world.ask = async (method, params, signal = new AbortController().signal) => {
    const call: ControlCall = { params, signal, progress: () => {} }
    return (await methods[method]?.(call)) as Record<string, unknown>
  }
  Object.assign(world, { shop, till, anna: await shop.customer(till, 1) })
})
test.after.each(({ shop }) => shop.close())

/** A payment of 1.00 EUR that the bank holds back: its end, and its reference. */
async function open({ shop, till, ask }: World, signal?: AbortSignal) {
  shop.bank.holds = true
  const orders = shop.bank.orders.length
  const paying = ask('pay', { amount: '1.00', asset: 'EUR' }, signal)
  paying.catch(() => {})
  await shop.during(until(5_000, () => shop.bank.orders.length > orders, 'the order'))
  return { paying, reference: toHex(till.terminal.payments().at(-1)?.reference as Uint8Array) }
}

/** The order in a receipt. */
function orderIn(receipt: unknown): unknown {
  return (decode(decodeSign1(fromBase64url(receipt as string)).payload) as unknown[])[3]
}

test('receipts are of the payment itself, whoever paid under its reference before', async (world) => {
  const { shop, till, ask } = world
  const { paying, reference } = await open(world)
  const bytes = till.terminal.payments()[0]?.reference as Uint8Array
  const from = new Uint8Array(32).fill(9)
  const cent = shop.bank.credit({ reference: bytes, asset: EUR, amount: 1, from, to: shop.merchant })
  assert.is((await ask('payment', { reference }))['receipt'], null, 'a stranger’s cent is no payment')
  shop.bank.release()
  const { receipt, grade } = await paying
  assert.is(grade, 'SETTLED')
  const own = [...till.wallet.credits()].find(({ amount }) => amount === 100)
  assert.not.equal(own?.order, cent.order)
  assert.equal(orderIn(receipt), own?.order)
  const later = await ask('payment', { reference })
  assert.equal([later['state'], later['amount'], later['asset']], ['settled', '1.00', 'EUR'])
  assert.equal(orderIn(later['receipt']), own?.order)
})

test('an open payment is shown, waited for until it settles, and then cannot be closed', async (world) => {
  const { shop, anna, ask } = world
  const { paying, reference } = await open(world)
  shop.clock.advance(LIMITS.settleWaitMs)
  const refused = await paying.catch((thrown: { code: string; hint: string }) => thrown)
  assert.is(refused['code'], 'not-settled')
  for (const words of [reference, 'webx payment show', 'await', 'cancel']) {
    assert.ok(String(refused['hint']).includes(words), words)
  }
  const shown = await ask('payment', { reference })
  assert.equal([shown['state'], shown['shopper'], shown['receipt']], ['selected', anna.person.state.label, null])
  const late = codeOfAsync(() => ask('awaitPayment', { reference, timeoutMs: 10 }))
  shop.clock.advance(10)
  assert.is(await late, 'timeout')
  const waiting = ask('awaitPayment', { reference, timeoutMs: 1_000 })
  shop.bank.release()
  assert.is((await waiting)['state'], 'settled')
  assert.is(await codeOfAsync(() => ask('cancelPayment', { reference })), 'not-allowed')
  assert.is(shop.bank.orders.length, 1, 'nothing is paid back')
})

test('whoever goes away while a payment settles has called it off, as has whoever cancels it', async (world) => {
  const { shop, ask, anna } = world
  const leaving = new AbortController()
  const left = await open(world, leaving.signal)
  leaving.abort()
  assert.is(await codeOfAsync(() => left.paying), 'stopped')
  assert.is((await ask('payment', left))['state'], 'closed')
  const cancelled = await open(world)
  assert.is((await ask('cancelPayment', cancelled))['state'], 'closed')
  assert.is((await ask('cancelPayment', cancelled))['state'], 'closed', 'twice is no error')
  assert.is(await codeOfAsync(() => cancelled.paying), 'stopped')
  assert.is(await codeOfAsync(() => ask('awaitPayment', { ...cancelled, timeoutMs: 10 })), 'not-settled')
  shop.bank.release()
  await until(2_000, () => shop.bank.orders.length === 4, 'both refunds')
  for (const { request } of shop.bank.orders.slice(2)) assert.equal(request.to, anna.wallet.account)
})

test('what is no payment here, or no time, is refused', async ({ ask }) => {
  for (const method of ['payment', 'awaitPayment', 'cancelPayment']) {
    for (const reference of ['00'.repeat(32), 'x', undefined]) {
      assert.is(await codeOfAsync(() => ask(method, { reference, timeoutMs: 1 })), 'bad-argument')
    }
  }
  for (const timeoutMs of [-1, 1.5, '1', undefined, 3_600_001]) {
    assert.is(await codeOfAsync(() => ask('awaitPayment', { reference: '00'.repeat(32), timeoutMs })), 'bad-argument')
  }
})

test.run()
