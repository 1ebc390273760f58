/**
 * Anonymous check-in at a till, from enrolment to payment, and what floods of pseudonyms come to: nothing that bears the shopper's name leaves before the payment,
 * one enrolled shopper holds one place, an outsider none.
 */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkinPayload } from '../../src/apps/facepay/checkin.ts'
import { probePayload, sealProbe } from '../../src/apps/facepay/probe.ts'
import { proofKeyOfDevice } from '../../src/apps/facepay/proof-key-text.ts'
import { dayEndsMs, proveCheckin, type RingProof, type SignedRings } from '../../src/apps/facepay/ring-proof.ts'
import { ringBody } from '../../src/apps/facepay/rings.ts'
import { encodeTerms, referenceOf } from '../../src/apps/facepay/terms.ts'
import { equal, fromText, toHex } from '../../src/core/bytes.ts'
import type { Cbor } from '../../src/core/codec.ts'
import { decodeEnvelope, encodeEnvelope, signedBytes, TYPE } from '../../src/core/envelope.ts'
import { decodeFrame } from '../../src/core/frame.ts'
import { LIMITS } from '../../src/core/limits.ts'
import type { Guest } from '../../src/kernel/guest.ts'
import type { ProofKey } from '../../src/proof/secret.ts'
import { group as defaultGroup } from '../../src/wasm/group.ts'
import { flip } from '../kit/ed25519.ts'
import { makePerson } from '../kit/people.ts'
import { chanceOf, proofKeys } from '../kit/proof-stage.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { until } from '../kit/within.ts'
import { counted, during, enter, guestsMade, opened, present } from './anonymous-shop.ts'
import { EUR, face, photograph, Shop, type Shopper, type Till } from './shop.ts'

const test = suite<{ shop: Shop }>('anonymous check-in')
const group = defaultGroup()
const random = chanceOf('anonymous')

test.before.each((context) => {
  context.shop = new Shop()
})
test.after.each(({ shop }) => shop.close())

/** Speaks as a guest whose every word the test decides. */
class Pretender {
  readonly guest: Guest
  readonly #shop: Shop
  readonly #till: Till

  constructor(shop: Shop, till: Till) {
    this.#shop = shop
    this.#till = till
    this.guest = shop.guest()
  }

  async send(
    makeRing: (guestId: Uint8Array, own: { pseudonym: Uint8Array; key: Uint8Array; model: string }) => RingProof | null,
  ) {
    const { keys, random: chance } = this.guest.context
    const agreement = keys.ephemeral()
    const own = { pseudonym: chance.bytes(16), key: agreement.publicKey, model: this.#shop.model.name }
    const ring = makeRing(keys.id, own)
    const payload = checkinPayload({ ...own, lifetimeMs: 3_600_000, ring })
    await this.repeat(payload)
    return payload
  }

  async repeat(payload: Cbor): Promise<void> {
    const { topics, road } = this.guest.context
    const topic = topics.checkin(this.#till.person.id)
    await road.run(() => ({ emit: [{ topic, type: TYPE.checkin, payload, lifetimeMs: 30_000 }] }))
  }

  prove(key: ProofKey, rings = this.#till.terminal.enrolled.rings as SignedRings): Promise<Cbor> {
    const place = { rings, shop: this.#shop.net.organization.id }
    return this.send((guestId, own) =>
      proveCheckin(group, place, { guestId, ...own }, key, this.#shop.clock.nowMs(), random),
    )
  }
}

test('an enrolled shopper checks in as nobody in particular, and pays by face', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 3)
  const [anna, ben, cleo] = shoppers as [Shopper, Shopper, Shopper]
  const from = shop.bus.published.length
  for (const shopper of shoppers) assert.is(await enter(shop, till, shopper), 3, 'says among how many')
  await present(shop, till, 3)
  assert.equal(anna.device.checkedInAt, till.person.id)
  const names = shoppers.map(({ person }) => person)
  for (const { id } of till.terminal.checkins()) assert.not.ok(names.some((person) => equal(person.id, id)))
  const paying = till.terminal.takePayment({ amount: 1_250, asset: EUR, embedding: face(2, 9) })
  const paid = await shop.during(paying)
  assert.equal(paid.account, ben.wallet.account)
  assert.is(shop.bank.orders.length, 1)
  assert.equal(
    [anna, ben, cleo].map(({ device }) => device.probeLog().map(({ outcome }) => outcome)),
    [['unknown'], ['selected'], ['unknown']],
  )
  const said = shop.bus.published.slice(from)
  assert.ok(said.length >= 9, 'check-ins, probes and answers were said')
  for (const { topic, bytes, client } of said) {
    for (const { id, publicKey, state } of names) {
      assert.is.not(client, state.label, 'nothing went over a connection by name')
      assert.not.ok(topic.includes(toHex(id)) || topic.includes(state.label), topic)
      for (const needle of [id, publicKey, fromText(toHex(id)), fromText(state.label)]) {
        assert.is(Buffer.from(bytes).indexOf(needle), -1, topic)
      }
    }
  }
})

test('who declines does so as the guest, too', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 2)
  const [anna] = shoppers as [Shopper]
  await enter(shop, till, anna)
  await present(shop, till, 1)
  anna.says = async () => false
  const from = shop.bus.published.length
  const payment = till.terminal.takePayment({ amount: 9_000, asset: EUR, embedding: face(1, 9) })
  assert.is(await codeOfAsync(() => shop.during(payment)), 'declined')
  assert.is(anna.device.probeLog().at(-1)?.outcome, 'declined')
  assert.not.ok(shop.bus.published.slice(from).some(({ client }) => client === anna.person.state.label))
})

test('checked in once more, or from a second device of the same keys: one place, the later one', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 2)
  const [anna] = shoppers as [Shopper]
  await enter(shop, till, anna)
  await present(shop, till, 1)
  const before = till.terminal.checkins()[0]
  await enter(shop, till, anna)
  await during(
    shop,
    until(5_000, () => till.terminal.checkins().some(({ id }) => !equal(id, before?.id ?? EUR))),
  )
  await present(shop, till, 1)
  const copy = await shop.shopper({ person: anna.person, store: anna.store.afterPowerCut() })
  shop.clock.advance(LIMITS.checkinReplaceMsMin)
  const [mine] = till.terminal.checkins()
  await enter(shop, till, copy)
  await during(
    shop,
    until(5_000, () => !till.terminal.checkins().some(({ id }) => equal(id, mine?.id ?? EUR))),
  )
  await during(
    shop,
    until(5_000, () => counted(till, 'refused.not-allowed') > 0, 'the first device’s repetition'),
  )
  await present(shop, till, 1)
})

test('one enrolled attacker with a hundred guests holds one place, an outsider none, and others still get in', async ({
  shop,
}) => {
  const { till, shoppers } = await opened(shop, 2)
  const [attacker, honest] = shoppers as [Shopper, Shopper]
  const key = await proofKeyOfDevice(group, attacker.context.keys)
  for (let i = 0; i < 100; i++) {
    await new Pretender(shop, till).prove(key)
    await till.context.road.run(() => null)
    // slow enough that each could replace the one before
    shop.clock.advance(LIMITS.checkinReplaceMsMin)
    assert.ok(till.terminal.checkins().length <= 1)
  }
  await present(shop, till, 1)
  const [outsider] = proofKeys(group, 1) as [ProofKey]
  for (let i = 0; i < 100; i++) {
    await new Pretender(shop, till).prove({ ...outsider, publicKey: key.publicKey })
    await new Pretender(shop, till).send(() => null)
  }
  await during(
    shop,
    until(10_000, () => counted(till, 'refused.bad-proof') >= 30),
  )
  assert.is(counted(till, 'refused.not-allowed'), 100, 'no check-in by name')
  assert.is(till.terminal.checkins().length, 1)
  await enter(shop, till, honest)
  await present(shop, till, 2)
  const paid = await shop.during(till.terminal.takePayment({ amount: 100, asset: EUR, embedding: face(2, 9) }))
  assert.equal(paid.account, honest.wallet.account)
})

test('a guest whose proof failed is not reckoned with again, and a proof of another guest is nobody’s', async ({
  shop,
}) => {
  const { till, shoppers } = await opened(shop, 2)
  const [anna] = shoppers as [Shopper]
  const key = await proofKeyOfDevice(group, anna.context.keys)
  const [good, thief] = [new Pretender(shop, till), new Pretender(shop, till)]
  const payload = (await good.prove(key)) as Cbor[]
  await thief.repeat(payload)
  await present(shop, till, 1)
  assert.equal(till.terminal.checkins()[0]?.id, good.guest.context.keys.id)
  await during(
    shop,
    until(2_000, () => counted(till, 'refused.bad-proof') + counted(till, 'refused.flooding') === 1),
  )
  shop.clock.advance(LIMITS.checkinReplaceMsMin)
  await thief.repeat(payload)
  await during(
    shop,
    until(2_000, () => counted(till, 'refused.bad-proof') === 1),
  )
  await thief.prove(key)
  await during(
    shop,
    until(2_000, () => counted(till, 'refused.not-allowed') === 1),
  )
  assert.equal(
    till.terminal.checkins().map(({ id }) => id),
    [good.guest.context.keys.id],
  )
})

test('a key that nothing can be sealed to is found out at its turn, however good the proof, and bars its guest', async ({
  shop,
}) => {
  const { till, shoppers } = await opened(shop, 2)
  const [anna] = shoppers as [Shopper]
  const key = await proofKeyOfDevice(group, anna.context.keys)
  const rings = till.terminal.enrolled.rings as SignedRings
  const place = { rings, shop: shop.net.organization.id }
  const { keys } = till.context
  let agreements = 0
  const { ephemeral } = keys
  const countedEphemeral: typeof ephemeral = () => {
    agreements++
    return ephemeral()
  }
  Object.assign(keys, { ephemeral: countedEphemeral })
  const pretender = new Pretender(shop, till)
  const payload = await pretender.send((guestId, own) => {
    own.key = new Uint8Array(32)
    return proveCheckin(group, place, { guestId, ...own }, key, shop.clock.nowMs(), random)
  })
  await during(
    shop,
    until(2_000, () => counted(till, 'refused.bad-key') === 1),
  )
  await pretender.repeat(payload)
  await pretender.repeat(payload)
  await during(
    shop,
    until(2_000, () => counted(till, 'refused.not-allowed') === 2),
  )
  assert.is(agreements, 1, 'whoever is barred has nothing reckoned')
  assert.is(till.terminal.checkins().length, 0)
})

test('who leaves while the proof still waits is not let in by it', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 2)
  const [anna] = shoppers as [Shopper]
  const key = await proofKeyOfDevice(group, anna.context.keys)
  const pretender = new Pretender(shop, till)
  const [pseudonym, own, , model] = (await pretender.prove(key)) as Cbor[]
  await pretender.repeat([pseudonym, own, 0, model, []] as Cbor)
  await new Promise((resolve) => setTimeout(resolve, 10))
  shop.clock.advance(1_000)
  await during(shop, new Promise((resolve) => setTimeout(resolve, 50)))
  assert.is(till.terminal.checkins().length, 0)
  assert.is(counted(till, 'received'), 2)
})

test('a repetition costs no second proof, keeps the place, and lasts no longer than the day', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 2)
  const [anna] = shoppers as [Shopper]
  const end = dayEndsMs(shop.clock.nowMs())
  shop.clock.advance(end - shop.clock.nowMs() - 60_000)
  const key = await proofKeyOfDevice(group, anna.context.keys)
  const pretender = new Pretender(shop, till)
  const payload = await pretender.prove(key)
  await present(shop, till, 1)
  const proofs = till.terminal.checkins()[0]?.expiresMs ?? 0
  assert.is(proofs, end + LIMITS.checkinDayGraceMs, 'asked for an hour, given what the day has')
  shop.clock.advance(30_000)
  await pretender.repeat(payload)
  await till.context.road.run(() => null)
  assert.is(till.terminal.checkins()[0]?.expiresMs, proofs)
  shop.clock.advance(30_000 + LIMITS.checkinDayGraceMs - 1_000)
  assert.is(till.terminal.checkins().length, 1)
  shop.clock.advance(1_000)
  assert.is(till.terminal.checkins().length, 0)
  await pretender.repeat(payload)
  await during(
    shop,
    until(2_000, () => counted(till, 'refused.expired') === 1),
  )
})

test('a stay goes on after midnight as another guest', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 2)
  const [anna] = shoppers as [Shopper]
  shop.clock.advance(dayEndsMs(shop.clock.nowMs()) - shop.clock.nowMs() - 20_000)
  await enter(shop, till, anna, 3_600_000)
  await present(shop, till, 1)
  const [before] = till.terminal.checkins()
  shop.clock.advance(20_000)
  const hasMoved = (): boolean => till.terminal.checkins().some(({ id }) => !equal(id, before?.id ?? EUR))
  await during(shop, until(5_000, hasMoved, 'the next day’s check-in'))
  shop.clock.advance(2 * LIMITS.checkinDayGraceMs)
  await present(shop, till, 1)
  assert.ok(anna.device.checkedInAt)
})

test('checked out, or forgotten: the place is free and the guest is gone', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 2)
  const [anna, ben] = shoppers as [Shopper, Shopper]
  const guests = guestsMade(shop)
  await enter(shop, till, anna)
  await enter(shop, till, ben)
  await present(shop, till, 2)
  assert.equal(
    guests.map(({ context }) => context.link.state),
    ['up', 'up'],
  )
  await anna.device.checkOut()
  await present(shop, till, 1)
  assert.is(anna.device.checkedInAt, null)
  await ben.device.forget()
  await present(shop, till, 0)
  assert.equal(
    guests.map(({ context }) => context.link.state),
    ['closed', 'closed'],
  )
})

test('whoever is not enrolled is told so; a shop that lists nobody, or only him, hides nobody', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 1)
  const [anna] = shoppers as [Shopper]
  const ben = await shop.shopper()
  await ben.device.enrol([photograph(2, 0)], shop.model)
  for (const shopper of [anna, ben]) assert.is(await codeOfAsync(() => enter(shop, till, shopper)), 'not-enrolled')
  assert.equal(
    till.terminal.enrolled.list().map(({ ringSize, note }) => [ringSize, note]),
    [[1, 'number 1']],
  )
  await till.terminal.enrolled.add(await ben.device.proofKeyText())
  assert.is(await enter(shop, till, anna), 2)
  assert.is(await codeOfAsync(() => till.terminal.enrolled.add('nonsense')), 'bad-argument')
  const again = await ben.device.proofKeyText()
  assert.is(await codeOfAsync(() => till.terminal.enrolled.add(again)), 'bad-argument', 'enrolled already')
})

test('a check-in that is called off while it waits for the list leaves no guest behind', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 2)
  const [anna] = shoppers as [Shopper]
  await till.stop()
  const silent = await shop.till(till.store.afterPowerCut())
  const guests = guestsMade(shop)
  const entering = codeOfAsync(() => anna.device.checkIn(silent.person.id, undefined, 'anonymous'))
  await until(2_000, () => guests.length === 1)
  await anna.device.checkOut()
  const again = await shop.till(till.store.afterPowerCut(), undefined, undefined, 'anonymous')
  assert.is(await during(shop, entering), 'stopped')
  await during(
    shop,
    until(2_000, () => guests[0]?.context.link.state === 'closed'),
  )
  assert.is(anna.device.checkedInAt, null)
  assert.is(again.terminal.checkins().length, 0)
})

test('a till whose keys have changed signs its list anew', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 2)
  const [anna] = shoppers as [Shopper]
  const before = till.terminal.enrolled.rings as SignedRings
  await till.stop()
  const store = till.store.afterPowerCut()
  const stored = store.get('facepay-ring', Uint8Array.of(0)) as Uint8Array
  const envelope = decodeEnvelope(stored)
  const signature = makePerson().sign(signedBytes(TYPE.ring, envelope.scope, envelope.body))
  store.write([{ space: 'facepay-ring', key: Uint8Array.of(0), value: encodeEnvelope({ ...envelope, signature }) }])
  const again = await shop.till(store, undefined, undefined, 'anonymous')
  assert.is(again.terminal.enrolled.rings?.number, before.number + 1)
  assert.is(await enter(shop, again, anna), 2)
})

test('a till that takes names only says nothing of rings, and takes no proof', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 2)
  const [anna] = shoppers as [Shopper]
  await till.stop()
  const named = await shop.till(till.store.afterPowerCut())
  assert.is(named.terminal.enrolled.list().length, 2, 'who is enrolled stays so')
  assert.is(await codeOfAsync(() => enter(shop, named, anna)), 'timeout')
  assert.is(anna.device.checkedInAt, null)
  const key = await proofKeyOfDevice(group, anna.context.keys)
  await new Pretender(shop, named).prove(key)
  await during(
    shop,
    until(2_000, () => counted(named, 'refused.not-allowed') === 1),
  )
  assert.is(await shop.during(anna.device.checkIn(named.person.id)), null)
  await present(shop, named, 1)
})

test('where both ways are taken, a proof finds a place among names that fill the till', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 2, 'both')
  const [anna] = shoppers as [Shopper]
  for (let i = 0; i < LIMITS.checkinsPerTerminalMax + 3; i++) await new Pretender(shop, till).send(() => null)
  await present(shop, till, LIMITS.checkinsPerTerminalMax)
  await during(
    shop,
    until(2_000, () => counted(till, 'refused.limit') === 3),
  )
  await enter(shop, till, anna)
  await during(
    shop,
    until(5_000, () => till.terminal.checkins().some(({ ring }) => ring !== null)),
  )
  assert.is(till.terminal.checkins().length, LIMITS.checkinsPerTerminalMax)
})

test('another list of rings: whoever is on it proves himself anew, whoever is not loses the place soon', async ({
  shop,
}) => {
  const { till, shoppers } = await opened(shop, 3)
  const [anna, ben] = shoppers as [Shopper, Shopper]
  for (const shopper of [anna, ben]) await enter(shop, till, shopper)
  await present(shop, till, 2)
  shop.clock.advance(LIMITS.checkinReplaceMsMin)
  const { rings } = till.terminal.enrolled
  await till.terminal.enrolled.remove((await proofKeyOfDevice(group, ben.context.keys)).publicKey)
  assert.ok((till.terminal.enrolled.rings?.number ?? 0) > (rings?.number ?? 0))
  const isAnew = ({ ring }: { ring: RingProof | null }): boolean =>
    ring?.number === till.terminal.enrolled.rings?.number
  await during(
    shop,
    until(5_000, () => till.terminal.checkins().some(isAnew), 'the new proof'),
  )
  await during(
    shop,
    until(2_000, () => ben.device.checkedInAt === null, 'ben’s end'),
  )
  shop.clock.advance(LIMITS.checkinRingGraceMs)
  await present(shop, till, 1)
  assert.ok(till.terminal.checkins().every(isAnew))
})

test('enrolment outlives a restart, and a till whose disk is lost counts on', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 2)
  const [anna] = shoppers as [Shopper]
  const before = till.terminal.enrolled.rings as SignedRings
  await till.stop()
  shop.clock.advance(10_000)
  const again = await shop.till(till.store.afterPowerCut(), undefined, undefined, 'anonymous')
  assert.equal(again.terminal.enrolled.rings, before)
  assert.is(await enter(shop, again, anna), 2)
  await present(shop, again, 1)
  await again.stop()
  const blank = await shop.till(undefined, undefined, undefined, 'anonymous')
  assert.ok((blank.terminal.enrolled.rings?.number ?? 0) > before.number)
})

test('a guest takes rings only from its terminal, signed by it, and only later ones', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 2)
  const [anna] = shoppers as [Shopper]
  const guests = guestsMade(shop)
  const { netId } = shop.net.genesis
  const { topics } = till.context
  const real = till.terminal.enrolled.rings as SignedRings
  const trap = [await proofKeyOfDevice(group, anna.context.keys), proofKeys(group, 1)[0] as ProofKey]
  const keys = trap.map(({ publicKey }) => publicKey)
  assert.is(await enter(shop, till, anna), 2)
  await present(shop, till, 1)
  const { road, counters } = (guests[0] as Guest).context
  const hears = async (signer: { sign(m: Uint8Array): Uint8Array }, number: number, change = {}): Promise<string> => {
    const {
      scope = netId,
      id = till.person.id,
      topic = topics.ring(till.person.id),
      attachment = new Uint8Array(0),
    } = change as Partial<Said>
    const body = ringBody(id, number, [keys])
    const signature = signer.sign(signedBytes(TYPE.ring, scope, body))
    const before = counters.read()
    road.receive(topic, encodeEnvelope({ type: TYPE.ring, scope, body, signature, attachment }))
    await road.run(() => null)
    const now = counters.read()
    return Object.keys(now).find((name) => name.startsWith('refused.') && now[name] !== before[name]) ?? ''
  }
  const [terminal, crook] = [shop.net.terminal, makePerson()]
  const later = real.number + 1
  assert.is(await hears(crook, later), 'refused.bad-signature')
  assert.is(await hears(terminal, later, { attachment: Uint8Array.of(1) }), 'refused.bad-shape')
  assert.is(await hears(terminal, later, { scope: flip(netId, 3) }), 'refused.wrong-net')
  assert.is(await hears(terminal, later, { id: crook.id }), 'refused.wrong-topic')
  const elsewhere = { id: crook.id, topic: topics.ring(crook.id) }
  assert.is(await hears(terminal, later, elsewhere), 'refused.not-allowed')
  for (const number of [real.number, real.number - 1]) assert.is(await hears(terminal, number), '', 'passed over')
  const hasProven = (number: number): boolean =>
    shop.bus.published.some(({ bytes }) => {
      if (bytes.length === 0 || decodeEnvelope(bytes).type !== TYPE.checkin) return false
      const [, , , , proof] = decodeFrame(decodeEnvelope(bytes)).payload as Cbor[]
      return (proof as Cbor[])[0] === number
    })
  await during(shop, new Promise((resolve) => setTimeout(resolve, 100)))
  assert.ok(hasProven(real.number) && !hasProven(later) && !hasProven(real.number - 1))
  assert.is(await hears(terminal, later), '')
  await during(
    shop,
    until(2_000, () => hasProven(later), 'a proof for the list that counts'),
  )
})

interface Said {
  readonly scope: Uint8Array
  readonly id: Uint8Array
  readonly topic: string
  readonly attachment: Uint8Array
}

test('a probe for the guest’s stay that is asked of the shopper by name finds nobody, nor the other way round', async ({
  shop,
}) => {
  const { till, shoppers } = await opened(shop, 2, 'both')
  const [anna] = shoppers as [Shopper]
  const guests = guestsMade(shop)
  await enter(shop, till, anna)
  await present(shop, till, 1)
  const { context } = guests[0] as Guest
  const refusals = async (inbox: Uint8Array, world: Guest['context']): Promise<number> => {
    const [here] = till.terminal.checkins() as [ReturnType<Till['terminal']['checkins']>[0]]
    const { pseudonym } = here
    const { keys, random: chance } = till.context
    const own = { terminalId: keys.id, merchant: shop.merchant, asset: EUR, amount: 1, nonce: chance.bytes(16) }
    const terms = encodeTerms({ ...own, expiresMs: shop.clock.nowMs() + 60_000 })
    const reference = referenceOf(terms)
    const sealed = sealProbe(face(1, 9), here.key, keys.ephemeral(), { reference, pseudonym })
    const payload = probePayload({ terms, pseudonym, answerKey: keys.ephemeral().publicKey, ...sealed })
    const topic = till.context.topics.to(inbox)
    const before = world.counters.read()['refused.not-allowed'] ?? 0
    await till.context.road.run(() => ({ emit: [{ topic, type: TYPE.probe, payload, lifetimeMs: 10_000 }] }))
    await shop.during(new Promise((resolve) => setTimeout(resolve, 20)))
    return (world.counters.read()['refused.not-allowed'] ?? 0) - before
  }
  assert.is(await refusals(anna.person.id, anna.context), 1)
  assert.is(anna.device.probeLog().length, 0)
  assert.is(await refusals(context.keys.id, context), 0)
  assert.is(anna.device.probeLog().length, 1)
})

test.run()
