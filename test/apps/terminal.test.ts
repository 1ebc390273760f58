import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { prepareAnswer, type Said } from '../../src/apps/facepay/answer.ts'
import { checkinPayload } from '../../src/apps/facepay/checkin.ts'
import { type Probe, type ProbeBinding, readProbe } from '../../src/apps/facepay/probe.ts'
import { referenceOf } from '../../src/apps/facepay/terms.ts'
import type { Cbor } from '../../src/core/codec.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { decodeFrame } from '../../src/core/frame.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { ephemeralAgreement } from '../../src/drivers/host.ts'
import { makePerson, type Person } from '../kit/people.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { until } from '../kit/within.ts'
import { EUR, face, Shop, sendFrame, type Till } from './shop.ts'

/** A device whose every byte the test decides. */
class HandMadeDevice {
  readonly person: Person = makePerson('device')
  readonly pseudonym = new Uint8Array(16).fill(3)
  readonly #key = ephemeralAgreement()
  readonly #shop: Shop
  readonly #till: Till
  #sequence = 10

  constructor(shop: Shop, till: Till) {
    this.#shop = shop
    this.#till = till
    shop.introduce(this.person)
  }

  checkIn(change: { pseudonym?: Uint8Array; sequence?: number; lifetimeMs?: number; topic?: string } = {}): void {
    const { pseudonym = this.pseudonym, lifetimeMs = 60_000, sequence = ++this.#sequence } = change
    const topic = change.topic ?? this.#till.context.topics.checkin(this.#till.person.id)
    const own = { pseudonym, key: this.#key.publicKey, model: this.#shop.model.name, ring: null }
    const payload = checkinPayload({ ...own, lifetimeMs })
    sendFrame(this.#shop, this.person, { topic, type: TYPE.checkin, payload, sequence })
  }

  /** The probe that the terminal sent to this device last. */
  async probe(): Promise<Probe> {
    const topic = this.#till.context.topics.to(this.person.id)
    const find = () => this.#shop.bus.published.findLast((published) => published.topic === topic)
    await until(2_000, () => find() !== undefined, 'the probe')
    return readProbe(decodeFrame(decodeEnvelope(find()?.bytes as Uint8Array)).payload)
  }

  answer(probe: Probe, verdict: Said['verdict'], change: Partial<ProbeBinding> = {}): Cbor {
    const binding = { reference: referenceOf(probe.terms), pseudonym: this.pseudonym, ...change }
    return prepareAnswer(binding, probe.answerKey, ephemeralAgreement())({ verdict, account: this.person.id })
  }

  send(payload: Cbor): void {
    const topic = this.#till.context.topics.to(this.#till.person.id)
    sendFrame(this.#shop, this.person, { topic, type: TYPE.answer, payload, sequence: ++this.#sequence })
  }
}

const test = suite<{ shop: Shop; till: Till; device: HandMadeDevice; other: HandMadeDevice }>('terminal')
test.before.each(async (world) => {
  world.shop = new Shop()
  world.till = await world.shop.till()
  world.device = new HandMadeDevice(world.shop, world.till)
  world.other = new HandMadeDevice(world.shop, world.till)
  for (const device of [world.device, world.other]) device.checkIn()
  await until(2_000, () => world.till.terminal.checkins().length === 2)
})
test.after.each(({ shop }) => shop.close())

/** The code with which the terminal refuses what `action` sends. */
async function refusal(till: Till, action: () => void): Promise<string> {
  const before = till.context.counters.read()
  action()
  let name = ''
  await until(2_000, () => {
    const now = till.context.counters.read()
    name = Object.keys(now).find((each) => each.startsWith('refused.') && now[each] !== before[each]) ?? ''
    return name !== ''
  })
  return name.slice('refused.'.length)
}

function pay(till: Till): Promise<unknown> {
  return till.terminal.takePayment({ amount: 100, asset: EUR, embedding: face(1, 0) })
}

test('answers of those who were not asked, of another pseudonym, changed, or repeated: refused', async ({
  shop,
  till,
  device,
  other,
}) => {
  const paying = codeOfAsync(() => pay(till))
  const probe = await device.probe()
  const stranger = new HandMadeDevice(shop, till)
  assert.is(await refusal(till, () => stranger.send(stranger.answer(probe, 'claim'))), 'not-allowed')
  const foreign = device.answer(probe, 'claim', { pseudonym: new Uint8Array(16) })
  assert.is(await refusal(till, () => device.send(foreign)), 'not-allowed')
  const changed = (device.answer(probe, 'claim') as Uint8Array[]).map((field) => field.slice())
  ;(changed[3] as Uint8Array)[0] = ((changed[3] as Uint8Array)[0] as number) ^ 1
  assert.is(await refusal(till, () => device.send(changed)), 'tampered')
  assert.is(await refusal(till, () => device.send(device.answer(probe, 'claim', { reference: EUR }))), 'expired')
  assert.is(await refusal(till, () => device.send([1])), 'bad-shape')
  other.send(device.answer(await other.probe(), 'no'))
  const refused = await refusal(till, () => {
    other.send(other.answer(probe, 'claim'))
  })
  assert.is(refused, 'replayed', 'a no stays a no')
  shop.clock.advance(LIMITS.claimWindowMs)
  assert.is(await paying, 'no-claim')
  assert.is(await refusal(till, () => device.send(device.answer(probe, 'claim'))), 'expired')
})

test('a claim that comes after the window, while another is being settled, changes nothing', async ({
  shop,
  till,
  device,
  other,
}) => {
  const paying = codeOfAsync(() => pay(till))
  device.send(device.answer(await device.probe(), 'claim'))
  const probe = await other.probe()
  await until(2_000, () => till.context.counters.read()['received'] === 3)
  await till.context.road.run(() => null)
  shop.clock.advance(LIMITS.claimWindowMs)
  await until(2_000, () => till.terminal.payments()[0]?.state === 'selected')
  assert.equal(till.terminal.payments()[0]?.shopperId, device.person.id)
  for (const verdict of ['claim', 'no'] as const) {
    assert.is(await refusal(till, () => other.send(other.answer(probe, verdict))), 'expired')
  }
  shop.clock.advance(LIMITS.settleWaitMs)
  assert.is(await paying, 'not-settled')
})

test('SELECT leaves only after the selection is stored', async ({ shop, till, device, other }) => {
  const stored: string[] = []
  till.store.beforeSync = () => {
    const selects = shop.bus.published.filter(({ bytes }) => decodeEnvelope(bytes).type === TYPE.select).length
    stored.push(`${till.terminal.payments()[0]?.state} ${selects}`)
  }
  const paying = codeOfAsync(() => pay(till))
  other.send(other.answer(await other.probe(), 'no'))
  device.send(device.answer(await device.probe(), 'claim'))
  const selects = () => shop.bus.published.filter(({ bytes }) => decodeEnvelope(bytes).type === TYPE.select)
  await until(2_000, () => selects().length === 1)
  assert.equal(stored, ['asked 0', 'selected 0'])
  assert.is(selects()[0]?.topic, till.context.topics.to(device.person.id))
  shop.clock.advance(LIMITS.settleWaitMs)
  assert.is(await paying, 'not-settled')
})

test('probes have one size, and each device gets one of its own', async ({ till, device, other, shop }) => {
  const paying = codeOfAsync(() => pay(till))
  const [one, two] = [await device.probe(), await other.probe()]
  assert.is(one.ciphertext.length, two.ciphertext.length)
  assert.not.equal(one.ciphertext, two.ciphertext)
  assert.not.equal(one.enc, two.enc)
  assert.equal(one.terms, two.terms)
  shop.clock.advance(LIMITS.claimWindowMs)
  assert.is(await paying, 'no-claim')
})

test('check-ins that are older than what is known, too long, or at another terminal: refused', async ({
  till,
  device,
}) => {
  const { topics, link } = till.context
  device.checkIn({ sequence: 40 })
  await until(2_000, () => till.context.counters.read()['received'] === 3)
  assert.is(await refusal(till, () => device.checkIn({ sequence: 30, lifetimeMs: 0 })), 'replayed')
  assert.is(till.terminal.checkins().length, 2)
  assert.is(
    await refusal(till, () => device.checkIn({ sequence: 41, lifetimeMs: LIMITS.checkinMsMax + 1 })),
    'bad-shape',
  )
  const elsewhere = topics.checkin(device.person.id)
  await link.subscribe(elsewhere)
  assert.is(await refusal(till, () => device.checkIn({ sequence: 42, topic: elsewhere })), 'wrong-topic')
})

test('a check-in with a key that nothing can be sealed to is refused, and spoils no payment', async ({
  shop,
  till,
}) => {
  const crook = makePerson('device')
  shop.introduce(crook)
  const anna = await shop.customer(till, 1)
  const topic = till.context.topics.checkin(till.person.id)
  const smallOrder = { pseudonym: new Uint8Array(16), key: new Uint8Array(32), lifetimeMs: 60_000, ring: null }
  const payload = checkinPayload({ ...smallOrder, model: shop.model.name })
  sendFrame(shop, crook, { topic, type: TYPE.checkin, payload })
  await until(2_000, () => till.context.counters.read()['refused.bad-key'] === 1)
  const paid = await shop.during(till.terminal.takePayment({ amount: 100, asset: EUR, embedding: face(1, 0) }))
  assert.equal(paid.shopperId, anna.person.id)
})

test('stopping ends what is under way, and the payment is closed after the restart', async ({ shop, till, device }) => {
  const paying = codeOfAsync(() => pay(till))
  await device.probe()
  await till.stop()
  assert.is(await paying, 'stopped')
  const again = await shop.till(till.store.afterPowerCut())
  assert.equal(
    again.terminal.payments().map(({ state }) => state),
    ['closed'],
  )
})

test('a node that the genesis does not name as a terminal is none', async ({ shop }) => {
  const impostor = makePerson('device')
  assert.is(await codeOfAsync(() => shop.till(undefined, impostor)), 'not-allowed')
})

test.run()
