import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { captureCamera } from '../../src/apps/facepay/capture.ts'
import type { Stage } from '../../src/apps/facepay/payment.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { stillCamera } from '../../src/drivers/camera-still.ts'
import { cosine } from '../../src/face/template.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { until } from '../kit/within.ts'
import { EUR, face, photograph, Shop, type Shopper, vectorModel } from './shop.ts'

const test = suite<{ shop: Shop }>('face payment')
test.before.each((context) => {
  context.shop = new Shop()
})
test.after.each(({ shop }) => shop.close())

test('the shopper whose face it is pays; others at the till do not', async ({ shop }) => {
  const till = await shop.till()
  const anna = await shop.customer(till, 1)
  const ben = await shop.customer(till, 2)
  const stages: Stage[] = []
  const progress = (stage: Stage): number => stages.push(stage)
  const paid = await shop.during(
    till.terminal.takePayment({ amount: 1_250, asset: EUR, image: photograph(1, 9), progress }),
  )
  assert.is(paid.status, 'settled')
  assert.equal(paid.shopperId, anna.person.id)
  assert.is(paid.shopper, anna.person.state.label)
  assert.equal(paid.account, anna.wallet.account)
  assert.is(paid.amount, 1_250)
  assert.equal(paid.asset, EUR)
  assert.is(paid.locks, 17)
  assert.is(paid.confirms, 17)
  assert.ok(paid.msMatch >= LIMITS.answerDelayMs && paid.msMatch < LIMITS.claimWindowMs, `${paid.msMatch} ms`)
  assert.equal(stages, ['looking', 'asking', 'settling'])
  assert.is(shop.bank.orders.length, 1)
  assert.equal(shop.bank.orders[0]?.request.reference, paid.reference)
  assert.equal(shop.bank.orders[0]?.request.to, shop.merchant)
  assert.is(till.terminal.payment(paid.reference)?.state, 'settled')
  assert.equal(
    anna.device.probeLog().map(({ outcome }) => outcome),
    ['selected'],
  )
  assert.equal(
    ben.device.probeLog().map(({ outcome }) => outcome),
    ['unknown'],
  )
})

test('a stranger, and a shop without devices: no claim, nobody pays', async ({ shop }) => {
  const till = await shop.till()
  const pay = (): Promise<unknown> => till.terminal.takePayment({ amount: 100, asset: EUR, embedding: face(3, 0) })
  assert.is(await codeOfAsync(() => shop.during(pay())), 'no-claim')
  await shop.customer(till, 1)
  await shop.customer(till, 2)
  assert.is(await codeOfAsync(() => shop.during(pay())), 'no-claim')
  assert.is(shop.bank.orders.length, 0)
  assert.is(till.terminal.payments().at(-1)?.state, 'closed')
})

test('two claims are ambiguous, however alike one of them is: nobody is selected', async ({ shop }) => {
  const till = await shop.till()
  await shop.customer(till, 1)
  await shop.customer(till, 1)
  const code = await codeOfAsync(() =>
    shop.during(till.terminal.takePayment({ amount: 100, asset: EUR, embedding: face(1, 0) })),
  )
  assert.is(code, 'ambiguous')
  assert.is(shop.bus.published.filter(({ bytes }) => decodeEnvelope(bytes).type === TYPE.select).length, 0)
  assert.is(shop.bank.orders.length, 0)
})

test('a device that never answers is waited for no longer than the window', async ({ shop }) => {
  const till = await shop.till()
  await shop.customer(till, 1)
  const ben = await shop.customer(till, 2)
  const inbox = ben.context.topics.to(ben.person.id)
  shop.bus.loses = ({ topic }) => topic === inbox
  const paid = await shop.during(till.terminal.takePayment({ amount: 100, asset: EUR, embedding: face(1, 0) }))
  assert.ok(paid.msMatch >= LIMITS.claimWindowMs, `${paid.msMatch} ms`)
})

test('above the floor the person is asked: yes pays, no and silence do not', async ({ shop }) => {
  const till = await shop.till()
  const anna = await shop.customer(till, 1, { floorLimit: 1_000 })
  const pay = (amount: number): Promise<unknown> =>
    shop.during(till.terminal.takePayment({ amount, asset: EUR, embedding: face(1, 4) }))
  anna.says = async () => true
  await pay(1_000)
  assert.is(anna.questions.length, 0)
  await pay(1_001)
  assert.equal(anna.questions.length, 1)
  assert.ok(anna.questions[0]?.includes('10.01 EUR'), anna.questions[0])
  anna.says = async () => false
  assert.is(await codeOfAsync(() => pay(2_000)), 'declined')
  assert.is(anna.device.probeLog().at(-1)?.outcome, 'declined')
  anna.says = () => new Promise(() => {})
  const silent = pay(2_000)
  await until(2_000, () => anna.questions.length === 3, 'the question')
  shop.clock.advance(LIMITS.consentMsMax)
  assert.is(await codeOfAsync(() => silent), 'declined')
  assert.is(shop.bank.orders.length, 2)
})

test('small payments to one merchant add up to the floor, also over a restart, until one is confirmed', async ({
  shop,
}) => {
  const till = await shop.till()
  let anna = await shop.customer(till, 1, { floorLimit: 1_000 })
  const pay = (amount: number): Promise<unknown> =>
    shop.during(till.terminal.takePayment({ amount, asset: EUR, embedding: face(1, 4) }))
  await pay(600)
  await pay(400)
  await anna.stop()
  anna = await shop.shopper({ person: anna.person, store: anna.store.afterPowerCut(), floorLimit: 1_000 })
  await shop.checkIn(till, anna)
  anna.says = async () => false
  assert.is(await codeOfAsync(() => pay(1)), 'declined')
  anna.says = async () => true
  await pay(1)
  assert.is(anna.questions.length, 2)
  await pay(1_000)
  assert.is(anna.questions.length, 2)
})

test('a payment is called off, before and after a device is selected: it is closed, and late money is paid back', async ({
  shop,
}) => {
  const till = await shop.till()
  const anna = await shop.customer(till, 1)
  const take = async (at: Stage): Promise<string> => {
    const off = new AbortController()
    const progress = (stage: Stage): void => {
      if (stage === at) setTimeout(() => off.abort(), 0)
    }
    const payment = { amount: 100, asset: EUR, image: photograph(1, 2), signal: off.signal, progress }
    return codeOfAsync(() => shop.during(till.terminal.takePayment(payment)))
  }
  const { analyze } = shop.model
  shop.model.analyze = async (image) => {
    await new Promise((resolve) => setTimeout(resolve, 10))
    return analyze(image)
  }
  assert.is(await take('looking'), 'stopped')
  assert.is(shop.bus.published.filter(({ bytes }) => decodeEnvelope(bytes).type === TYPE.probe).length, 0)
  assert.is(await take('asking'), 'stopped')
  assert.is(till.terminal.payments().at(-1)?.state, 'closed')
  shop.bank.holds = true
  assert.is(await take('settling'), 'stopped')
  assert.is(till.terminal.payments().at(-1)?.state, 'closed')
  await until(2_000, () => shop.bank.orders.length === 1, 'the order')
  shop.bank.release()
  await until(2_000, () => shop.bank.orders.length === 2, 'the refund')
  assert.equal(shop.bank.orders[1]?.request.to, anna.wallet.account)
})

test('amounts, assets and pictures that are no good are refused by name before anybody is asked', async ({ shop }) => {
  const till = await shop.till()
  await shop.customer(till, 1)
  const embedding = face(1, 1)
  for (const amount of [0, -1, 1.5, Number.NaN]) {
    assert.is(await codeOfAsync(() => till.terminal.takePayment({ amount, asset: EUR, embedding })), 'bad-amount')
  }
  const asset = new Uint8Array(32)
  assert.is(await codeOfAsync(() => till.terminal.takePayment({ amount: 1, asset, embedding })), 'unknown-asset')
  assert.is(await codeOfAsync(() => till.terminal.takePayment({ amount: 1, asset: EUR })), 'camera-failed')
  for (const [kind, code] of [
    [1, 'no-face'],
    [2, 'face-unsharp'],
    [3, 'face-turned'],
    [4, 'face-small'],
  ] as const) {
    const image = photograph(1, 1, kind)
    assert.is(await codeOfAsync(() => till.terminal.takePayment({ amount: 1, asset: EUR, image })), code)
  }
  assert.is(shop.bus.published.filter(({ bytes }) => decodeEnvelope(bytes).type === TYPE.probe).length, 0)
  assert.equal(embedding, face(1, 1), "the caller's embedding is not wiped")
})

test('a camera is watched until something usable shows, and the sharpest is taken', async ({ shop }) => {
  const { clock } = shop
  const till = await shop.till()
  const signal = new AbortController().signal
  const capture = (...pictures: ReturnType<typeof photograph>[]) =>
    shop.during(captureCamera(stillCamera(pictures, { intervalMs: 1 }), vectorModel(), till.context, signal))
  const seen = await capture(
    photograph(1, 0, 2),
    photograph(1, 3),
    photograph(1, 8),
    photograph(1, 5),
    photograph(2, 200),
  )
  assert.equal(seen.embedding, face(1, 8), 'the best of the first three usable frames')
  assert.is(await codeOfAsync(() => capture(photograph(1, 0, 4), photograph(1, 0, 3))), 'face-turned')
  const endless = stillCamera([photograph(1, 0, 1)], { intervalMs: 1, repeat: Number.POSITIVE_INFINITY })
  const startMs = clock.monotonicMs()
  const nobody = captureCamera(endless, vectorModel(), till.context, signal)
  await new Promise((resolve) => setTimeout(resolve, 10))
  clock.advance(LIMITS.captureMsMax)
  assert.is(await codeOfAsync(() => nobody), 'no-face')
  assert.ok(clock.monotonicMs() - startMs >= LIMITS.captureMsMax)
})

test('what is on the wire and on the disk holds no template, no embedding and no score', async ({ shop }) => {
  const till = await shop.till()
  const anna = await shop.customer(till, 1)
  await shop.customer(till, 2)
  const embedding = face(1, 3)
  await shop.during(till.terminal.takePayment({ amount: 100, asset: EUR, embedding }))
  const secrets = [face(1, 0), face(2, 0), embedding].map((vector) => Buffer.from(vector.buffer))
  const seen = [...shop.bus.published.map(({ bytes }) => bytes), ...till.store.values(), ...anna.store.values()]
  assert.ok(seen.length > 8)
  for (const bytes of seen) {
    for (const secret of secrets) {
      for (let at = 0; at < 64; at += 16) assert.not(Buffer.from(bytes).includes(secret.subarray(at, at + 12)))
    }
  }
  assert.is(anna.store.values('facepay-template').length, 1)
  assert.equal(till.store.values('facepay-template'), [])
})

test('what was looked at is wiped once the probes are sealed', async ({ shop }) => {
  const till = await shop.till()
  await shop.customer(till, 1)
  const seen: Float32Array[] = []
  const { embed } = shop.model
  shop.model.embed = async (image, subject) => {
    const embedding = await embed(image, subject)
    seen.push(embedding)
    return embedding
  }
  await shop.during(till.terminal.takePayment({ amount: 100, asset: EUR, image: photograph(1, 3) }))
  assert.equal(seen, [new Float32Array(512)])
})

test('check-in: one entry for each identity, bounded, gone after check-out and with time', async ({ shop }) => {
  const till = await shop.till()
  const anna = await shop.customer(till, 1)
  const [before] = till.terminal.checkins()
  await shop.checkIn(till, anna)
  await until(
    2_000,
    () => !equal(till.terminal.checkins()[0]?.pseudonym ?? EUR, before?.pseudonym ?? EUR),
    'the new one',
  )
  assert.is(till.terminal.checkins().length, 1)
  await anna.device.checkOut()
  await until(2_000, () => till.terminal.checkins().length === 0, 'the check-out')
  await anna.device.checkIn(till.person.id, 60_000)
  await until(2_000, () => till.terminal.checkins().length === 1, 'the check-in')
  shop.bus.loses = () => true
  shop.clock.advance(60_000)
  assert.is(till.terminal.checkins().length, 0)
  assert.is(anna.device.checkedInAt, null)
})

test('a check-in that was lost is repeated', async ({ shop }) => {
  const till = await shop.till()
  const anna = await shop.shopper()
  await anna.device.enrol([photograph(1, 0)], shop.model)
  shop.bus.loses = () => true
  await anna.device.checkIn(till.person.id)
  await until(2_000, () => shop.bus.published.length > 0)
  shop.bus.loses = () => false
  shop.clock.advance(LIMITS.checkinRenewMsMin)
  await until(2_000, () => till.terminal.checkins().length === 1, 'the repeated check-in')
})

test('a full shop takes no more, but lets those inside renew', async ({ shop }) => {
  const till = await shop.till()
  const inside: Shopper[] = []
  for (let i = 0; i < LIMITS.checkinsPerTerminalMax; i++) inside.push(await shop.customer(till, i + 1))
  const late = await shop.shopper()
  await late.device.enrol([photograph(60, 0)], shop.model)
  await late.device.checkIn(till.person.id)
  await until(2_000, () => till.context.counters.read()['refused.limit'] === 1, 'the refusal')
  await shop.checkIn(till, inside[0] as Shopper)
  assert.is(till.terminal.checkins().length, LIMITS.checkinsPerTerminalMax)
  const paid = await shop.during(till.terminal.takePayment({ amount: 1, asset: EUR, embedding: face(20, 1) }))
  assert.is(paid.shopper, inside[19]?.person.state.label)
})

test('templates of another model are not asked', async ({ shop }) => {
  const till = await shop.till()
  const anna = await shop.shopper()
  await anna.device.enrol([photograph(1, 0)], vectorModel('vectors 2'))
  await anna.device.checkIn(till.person.id)
  await until(2_000, () => till.context.counters.read()['refused.bad-version'] === 1, 'the refusal')
  assert.is(till.terminal.checkins().length, 0)
})

test('the synthetic faces are what the tests take them for', () => {
  assert.ok(cosine(face(1, 0), face(1, 1)) > 0.7)
  for (let other = 2; other < 30; other++)
    assert.ok(cosine(face(1, 0), face(other, 0)) < 0.3, toHex(Uint8Array.of(other)))
})

test.run()
