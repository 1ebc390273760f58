/** Anonymous stays where something gets in between: midnight, a lost list, a broker that is away, a word to the contrary, an end; and what time could tell of them. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { selectPayload } from '../../src/apps/facepay/answer.ts'
import { dayEndsMs, type RingProof } from '../../src/apps/facepay/ring-proof.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import type { Cbor } from '../../src/core/codec.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import type { WebxError } from '../../src/core/errors.ts'
import { decodeFrame } from '../../src/core/frame.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { guestsOf } from '../../src/guest.ts'
import type { Guest } from '../../src/kernel/guest.ts'
import { dayNumberAt } from '../../src/proof/day.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { until } from '../kit/within.ts'
import { counted, during, enter, guestsMade, opened, present } from './anonymous-shop.ts'
import { EUR, face, Shop, type Shopper } from './shop.ts'

/** Steps of a clock that has minutes to go. */
const FAST_MS = 200

const test = suite<{ shop: Shop }>('anonymous stays')

test.before.each((context) => {
  context.shop = new Shop()
})
test.after.each(({ shop }) => shop.close())

/** What a guest said to the till of itself, oldest first. */
function saidBy(shop: Shop, { context }: Guest): { atMs: number; sentMs: number; lifetimeMs: number; day: number }[] {
  return shop.bus.published.flatMap(({ bytes, atMs }) => {
    if (bytes.length === 0) return []
    const envelope = decodeEnvelope(bytes)
    if (envelope.type !== TYPE.checkin) return []
    const { sender, sentMs, payload } = decodeFrame(envelope)
    const [, , lifetimeMs, , proof] = payload as [Cbor, Cbor, number, Cbor, Cbor[]]
    return equal(sender, context.keys.id) ? [{ atMs, sentMs, lifetimeMs, day: proof[2] as number }] : []
  })
}

/** Guests made from now on hear nothing, and take a while to close, until the answer is called. */
function deafen(shop: Shop): () => void {
  const { guest } = shop
  shop.guest = (store) => {
    const made = guest.call(shop, store)
    const { link } = made.context
    const end = link.close.bind(link)
    const close = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      await end()
    }
    Object.assign(link, { subscribe: async () => {}, close })
    return made
  }
  return () => Object.assign(shop, { guest })
}

/** Guests made from now on draw the latest of ends. */
function stayLong(shop: Shop): void {
  const { guest } = shop
  shop.guest = (store) => {
    const made = guest.call(shop, store)
    const { random } = made.context
    const bytes = random.bytes.bind(random)
    Object.assign(random, { bytes: (length: number) => (length === 4 ? new Uint8Array(4).fill(0xfe) : bytes(length)) })
    return made
  }
}

/** Goes to so long before midnight, and answers when that is. */
function evening(shop: Shop, leftMs: number): number {
  const midnightMs = dayEndsMs(shop.clock.nowMs())
  shop.clock.advance(midnightMs - shop.clock.nowMs() - leftMs)
  return midnightMs
}

test('over midnight: the old guest stays on for a drawn while, the next one comes after another, and nothing says how long the first was there', async ({
  shop,
}) => {
  const { till, shoppers } = await opened(shop, 3)
  const guests = guestsMade(shop)
  const midnightMs = evening(shop, 40_000)
  for (const shopper of shoppers) await enter(shop, till, shopper, 3_600_000)
  await present(shop, till, 3)
  const untilMs = saidBy(shop, guests[0] as Guest).map(({ atMs }) => atMs + 3_600_000)[0] as number
  const endsMs = till.terminal.checkins().map(({ expiresMs }) => expiresMs)
  assert.ok(endsMs.every((ms) => ms >= midnightMs && ms <= midnightMs + LIMITS.checkinDayGraceMs))
  assert.is(new Set(endsMs).size, 3, 'each of them another end')
  shop.clock.advance(midnightMs - shop.clock.nowMs())
  await during(
    shop,
    until(8_000, () => guests.length === 6, 'three more guests'),
    FAST_MS,
  )
  await present(shop, till, 3)
  const began = guests.slice(3).map((guest) => saidBy(shop, guest)[0] as ReturnType<typeof saidBy>[0])
  for (const { atMs, lifetimeMs, day } of began) {
    assert.is(day, dayNumberAt(midnightMs))
    assert.ok(atMs >= midnightMs && atMs < midnightMs + LIMITS.checkinDayGraceMs + 10_000)
    assert.ok(atMs + lifetimeMs < untilMs + 1_000, 'not later than was asked for')
  }
  // one in hundreds of draws is near its end, not all three
  const laterMs = began.map(({ atMs }) => atMs).toSorted((a, b) => a - b)
  const earlierMs = endsMs.toSorted((a, b) => a - b)
  assert.ok(
    laterMs.some((ms, i) => ms - (earlierMs[i] as number) > 500),
    'not at once',
  )
  assert.ok(
    began.some(({ atMs, lifetimeMs }) => atMs + lifetimeMs < untilMs - 1_000),
    'its end is drawn, too',
  )
})

test('under another list after midnight, a guest of yesterday proves yesterday’s tag', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 3)
  const guests = guestsMade(shop)
  stayLong(shop)
  const midnightMs = evening(shop, 40_000)
  await enter(shop, till, shoppers[0] as Shopper, 3_600_000)
  await present(shop, till, 1)
  shop.clock.advance(midnightMs - shop.clock.nowMs())
  const other = await shop.shopper()
  const { number } = till.terminal.enrolled.rings as { number: number }
  await till.terminal.enrolled.add(await other.device.proofKeyText())
  const hasMoved = ({ ring }: { ring: RingProof | null }): boolean => (ring?.number ?? 0) > number
  await during(
    shop,
    until(5_000, () => till.terminal.checkins().some(hasMoved), 'the new proof'),
    FAST_MS,
  )
  assert.is(guests.length, 1)
  assert.equal([...new Set(saidBy(shop, guests[0] as Guest).map(({ day }) => day))], [dayNumberAt(midnightMs) - 1])
})

test('where the broker is away at midnight, the stay goes on once it is back', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 2)
  const [anna] = shoppers as [Shopper]
  const midnightMs = evening(shop, 20_000)
  await enter(shop, till, anna, 3_600_000)
  await present(shop, till, 1)
  shop.clock.advance(midnightMs - shop.clock.nowMs())
  const guests = guestsMade(shop)
  const hearAgain = deafen(shop)
  await during(
    shop,
    until(8_000, () => guests.length === 1, 'the next guest'),
    FAST_MS,
  )
  await during(
    shop,
    until(8_000, () => guests[0]?.context.link.state === 'closed', 'its giving up'),
    FAST_MS,
  )
  assert.is(anna.device.checkedInAt, null)
  hearAgain()
  await during(
    shop,
    until(8_000, () => anna.device.checkedInAt !== null, 'the stay'),
    FAST_MS,
  )
})

test('a list that was lost on its way is said again to whoever still proves for the one before', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 3)
  const [anna, , cleo] = shoppers as [Shopper, Shopper, Shopper]
  await enter(shop, till, anna)
  await present(shop, till, 1)
  const ring = till.context.topics.ring(till.person.id)
  shop.bus.loses = ({ topic }) => topic === ring
  const [kept] = till.terminal.enrolled.list().filter(({ note }) => note === 'number 3')
  assert.ok(cleo)
  await till.terminal.enrolled.remove(kept?.key ?? EUR)
  await till.context.road.run(() => null)
  shop.bus.loses = () => false
  shop.clock.advance(LIMITS.checkinRingGraceMs)
  const again = (): number => shop.bus.published.filter(({ topic }) => topic === ring).length
  const before = again()
  const isAnew = ({ ring: proof }: { ring: RingProof | null }): boolean =>
    proof?.number === till.terminal.enrolled.rings?.number
  await during(
    shop,
    until(8_000, () => till.terminal.checkins().some(isAnew), 'the new proof'),
    FAST_MS,
  )
  assert.is(again() - before, 1)
})

test('whoever proves for an old list, however often, has the list said again once in a while only', async ({
  shop,
}) => {
  const { till, shoppers } = await opened(shop, 3)
  const [anna] = shoppers as [Shopper]
  const guests = guestsMade(shop)
  await enter(shop, till, anna)
  await present(shop, till, 1)
  const checkin = shop.bus.published.find(({ topic }) => topic === till.context.topics.checkin(till.person.id))
  const { payload } = decodeFrame(decodeEnvelope(checkin?.bytes as Uint8Array))
  await till.terminal.enrolled.remove(till.terminal.enrolled.list()[2]?.key ?? EUR)
  shop.clock.advance(LIMITS.checkinRingAgainMsMin)
  const topic = till.context.topics.checkin(till.person.id)
  const ring = till.context.topics.ring(till.person.id)
  const before = shop.bus.published.filter((each) => each.topic === ring).length
  const { road } = shop.guest().context
  for (let i = 0; i < 50; i++) {
    await road.run(() => ({ emit: [{ topic, type: TYPE.checkin, payload, lifetimeMs: 30_000 }] }))
  }
  await during(
    shop,
    until(2_000, () => counted(till, 'refused.wrong-version') >= 50),
  )
  const said = shop.bus.published.filter((each) => each.topic === ring).length - before
  assert.ok(guests.length > 0 && said >= 1 && said <= 2, `${said} times`)
})

test('a word to the contrary counts, however far a check-in has come; and whoever stops leaves no connection', async ({
  shop,
}) => {
  const { till, shoppers } = await opened(shop, 2, 'both')
  const [anna, ben] = shoppers as [Shopper, Shopper]
  await anna.device.checkIn(till.person.id)
  for (let turns = 0; turns < 12; turns++) {
    const again = anna.device.checkIn(till.person.id).catch((error: WebxError) => assert.is(error.code, 'stopped'))
    for (let i = 0; i < turns; i++) await Promise.resolve()
    await anna.device.checkOut()
    await again
    assert.is(anna.device.checkedInAt, null, `checked out after ${turns} turns`)
  }
  const guests = guestsMade(shop)
  deafen(shop)
  const entering = codeOfAsync(() => ben.device.checkIn(till.person.id, undefined, 'anonymous'))
  await until(2_000, () => guests.length === 1)
  await ben.device.stop()
  assert.is(guests[0]?.context.link.state, 'closed', 'before stop has ended')
  assert.is(await entering, 'stopped')
})

test('a claim is selected in the world in which it was made, and in no other', async ({ shop }) => {
  const { till, shoppers } = await opened(shop, 2)
  const [anna] = shoppers as [Shopper]
  await enter(shop, till, anna)
  await present(shop, till, 1)
  let reference: Uint8Array = EUR
  // the till selects by name instead
  shop.bus.loses = ({ bytes }) => bytes.length > 0 && decodeEnvelope(bytes).type === TYPE.select
  const progress = (stage: string, about: Uint8Array): void => {
    if (stage === 'settling') reference = about
  }
  const payment = till.terminal.takePayment({ amount: 100, asset: EUR, embedding: face(1, 9), progress })
  const outcome = payment.catch(() => undefined)
  await shop.during(until(2_000, () => reference !== EUR))
  await shop.during(new Promise((resolve) => setTimeout(resolve, 20)))
  shop.bus.loses = () => false
  const [here] = till.terminal.checkins()
  const payload = selectPayload({ reference, pseudonym: here?.pseudonym as Uint8Array })
  const select = async (id: Uint8Array): Promise<void> => {
    const topic = till.context.topics.to(id)
    await till.context.road.run(() => ({ emit: [{ topic, type: TYPE.select, payload, lifetimeMs: 10_000 }] }))
    await shop.during(new Promise((resolve) => setTimeout(resolve, 20)))
  }
  await select(anna.person.id)
  assert.is(anna.device.probeLog().at(-1)?.outcome, 'claimed')
  assert.is(anna.context.counters.read()['refused.not-allowed'], 1)
  await select(here?.id as Uint8Array)
  assert.is(anna.device.probeLog().at(-1)?.outcome, 'selected')
  await shop.during(outcome)
})

test('a guest’s frames do not show how far the clock of its device is off', async ({ shop }) => {
  const node = await shop.shopper()
  const offs = new Set<number>()
  for (let i = 0; i < 8; i++) {
    const made = shop.guest()
    const { keys, link } = made.context
    const open = guestsOf(node.context, { open: () => ({ keys, link }), halt: () => {} })
    const { context } = await open()
    const own = new Set<number>()
    for (let frame = 0; frame < 3; frame++) {
      shop.clock.advance(1_000)
      const topic = context.topics.checkin(shop.net.terminal.id)
      const before = shop.bus.published.length
      await context.road.run(() => ({ emit: [{ topic, type: TYPE.checkin, payload: [frame], lifetimeMs: 30_000 }] }))
      await until(2_000, () => shop.bus.published.length > before)
      const { bytes, atMs } = shop.bus.published.at(-1) as { bytes: Uint8Array; atMs: number }
      const { sender, sentMs } = decodeFrame(decodeEnvelope(bytes))
      assert.is(toHex(sender), toHex(keys.id))
      own.add(sentMs - atMs)
    }
    const [off = 0] = own
    assert.is(own.size, 1, 'the same for all frames, or their middle would tell')
    assert.ok(Math.abs(off) <= 2_000)
    offs.add(off)
  }
  assert.ok(offs.size > 4)
})

test.run()
