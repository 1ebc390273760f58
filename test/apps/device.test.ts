import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openAnswer, readAnswer, type Said, selectPayload } from '../../src/apps/facepay/answer.ts'
import { type Checkin, readCheckin } from '../../src/apps/facepay/checkin.ts'
import { probePayload, sealProbe } from '../../src/apps/facepay/probe.ts'
import { encodeTerms, referenceOf, type Terms } from '../../src/apps/facepay/terms.ts'
import { equal } from '../../src/core/bytes.ts'
import type { Cbor } from '../../src/core/codec.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { decodeFrame, type Frame } from '../../src/core/frame.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { ephemeralAgreement } from '../../src/drivers/host.ts'
import type { AgreementKey } from '../../src/kernel/ports.ts'
import { accountId } from '../../src/ledger/terms.ts'
import type { Published } from '../kit/memory.ts'
import { makePerson, type Person } from '../kit/people.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { until } from '../kit/within.ts'
import { EUR, face, photograph, Shop, type Shopper, sendFrame, vectorModel } from './shop.ts'

/** A terminal whose every byte the test decides. */
class HandMadeTerminal {
  readonly answerKey: AgreementKey = ephemeralAgreement()
  readonly #shop: Shop
  readonly #shopper: Shopper
  readonly #person: Person
  #sequence = 0

  constructor(shop: Shop, shopper: Shopper, person = shop.net.terminal) {
    this.#shop = shop
    this.#shopper = shopper
    this.#person = person
  }

  get inbox(): string {
    return this.#shopper.context.topics.to(this.#shopper.person.id)
  }

  /** The newest check-in that the device published. */
  checkin(): Checkin {
    const [newest] = framesOf(this.#shop.bus.published, TYPE.checkin).slice(-1)
    return readCheckin((newest as Frame).payload)
  }

  terms(change: Partial<Terms> = {}): Terms {
    const expiresMs = this.#shop.clock.nowMs() + 60_000
    const nonce = this.#shopper.context.random.bytes(16)
    return {
      terminalId: this.#person.id,
      merchant: this.#shop.merchant,
      asset: EUR,
      amount: 100,
      nonce,
      expiresMs,
      ...change,
    }
  }

  probe(terms: Terms, embedding: Float32Array, change: { pseudonym?: Uint8Array; flip?: number } = {}): Cbor {
    const { pseudonym, key } = this.checkin()
    const bytes = encodeTerms(terms)
    const reference = referenceOf(bytes)
    const sealed = sealProbe(embedding, key, ephemeralAgreement(), { reference, pseudonym })
    if (change.flip !== undefined) sealed.ciphertext[change.flip] = (sealed.ciphertext[change.flip] as number) ^ 1
    return probePayload({
      terms: bytes,
      pseudonym: change.pseudonym ?? pseudonym,
      answerKey: this.answerKey.publicKey,
      ...sealed,
    })
  }

  send(type: number, payload: Cbor, topic = this.inbox): void {
    sendFrame(this.#shop, this.#person, { topic, type, payload, sequence: ++this.#sequence })
  }

  /** Sends, and gives the code with which the device refuses it. */
  async refusal(type: number, payload: Cbor, topic = this.inbox): Promise<string> {
    const before = this.#shopper.context.counters.read()
    let code = ''
    this.send(type, payload, topic)
    await until(2_000, () => {
      const now = this.#shopper.context.counters.read()
      code = Object.keys(now).find((name) => name.startsWith('refused.') && now[name] !== before[name]) ?? ''
      return code !== ''
    })
    return code.slice('refused.'.length)
  }

  /** Sends a probe of someone and waits for the answer. */
  async ask(
    terms: Terms,
    embedding: Float32Array,
  ): Promise<{ said: Said; frame: Frame; published: Published; sentMs: number }> {
    const { bus, clock } = this.#shop
    const already = bus.published.length
    const noted = this.#shopper.device.probeLog().length
    const sentMs = clock.nowMs()
    this.send(TYPE.probe, this.probe(terms, embedding))
    await until(2_000, () => this.#shopper.device.probeLog().length > noted, 'the entry in the log')
    await this.#shopper.context.road.run(() => null)
    clock.advance(LIMITS.answerDelayMs - 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    const reference = referenceOf(encodeTerms(terms))
    const find = () => bus.published.slice(already).find((published) => answers(published, reference))
    assert.is(find(), undefined, 'nothing leaves before its time')
    clock.advance(1)
    await until(2_000, () => find() !== undefined, 'the answer')
    const published = find() as Published
    const frame = decodeFrame(decodeEnvelope(published.bytes))
    return { said: openAnswer(readAnswer(frame.payload), this.answerKey), frame, published, sentMs }
  }
}

interface World {
  shop: Shop
  anna: Shopper
  terminal: HandMadeTerminal
}

const test = suite<World>("shopper's device")
test.before.each(async (world) => {
  world.shop = new Shop()
  world.anna = await world.shop.shopper()
  await world.anna.device.enrol([photograph(1, 0)], world.shop.model)
  await world.anna.device.checkIn(world.shop.net.terminal.id)
  await until(2_000, () => framesOf(world.shop.bus.published, TYPE.checkin).length > 0)
  world.terminal = new HandMadeTerminal(world.shop, world.anna)
})
test.after.each(({ shop }) => shop.close())

test('a match and a no-match look the same on the wire: topic, size, delay, lifetime', async ({
  shop,
  terminal,
  anna,
}) => {
  const match = await terminal.ask(terminal.terms(), face(1, 5))
  const noMatch = await terminal.ask(terminal.terms(), face(2, 5))
  assert.is(match.said.verdict, 'claim')
  assert.equal(match.said.account, anna.wallet.account)
  assert.is(noMatch.said.verdict, 'no')
  assert.equal(noMatch.said.account, new Uint8Array(32))
  assert.is(match.published.topic, noMatch.published.topic)
  assert.is(match.published.topic, anna.context.topics.to(shop.net.terminal.id))
  assert.is(match.published.bytes.length, noMatch.published.bytes.length)
  for (const { published, sentMs, frame } of [match, noMatch]) {
    assert.is(published.atMs - sentMs, LIMITS.answerDelayMs)
    assert.is(frame.expiresMs - frame.sentMs, 10_000)
    assert.not(published.retain)
  }
  const shape = ({ frame }: { frame: Frame }) => (frame.payload as Uint8Array[]).map(({ length }) => length)
  assert.equal(shape(match), shape(noMatch))
})

test('nothing leaves before the delay has passed and the log is stored', async ({ shop, terminal, anna }) => {
  const stored: number[] = []
  anna.store.beforeSync = () => stored.push(framesOf(shop.bus.published, TYPE.answer).length)
  terminal.send(TYPE.probe, terminal.probe(terminal.terms(), face(1, 5)))
  await until(2_000, () => anna.device.probeLog().length === 1)
  await anna.context.road.run(() => null)
  shop.clock.advance(LIMITS.answerDelayMs - 1)
  await new Promise((resolve) => setTimeout(resolve, 30))
  assert.is(framesOf(shop.bus.published, TYPE.answer).length, 0)
  shop.clock.advance(1)
  await until(2_000, () => framesOf(shop.bus.published, TYPE.answer).length === 1)
  assert.equal(stored, [0], 'stored once, before any answer')
})

test('an answer does not leave where the log cannot be stored', async ({ shop, terminal, anna }) => {
  anna.store.beforeSync = () => {
    throw new Error('disk full')
  }
  terminal.send(TYPE.probe, terminal.probe(terminal.terms(), face(1, 5)))
  await until(2_000, () => anna.device.probeLog().length === 1)
  await new Promise((resolve) => setTimeout(resolve, 20))
  shop.clock.advance(10 * LIMITS.answerDelayMs)
  await new Promise((resolve) => setTimeout(resolve, 30))
  assert.is(framesOf(shop.bus.published, TYPE.answer).length, 0)
})

test('the log holds terminal, payment, time and outcome, durably, and nothing of the probe', async ({
  shop,
  terminal,
  anna,
}) => {
  const terms = terminal.terms()
  const { sentMs } = await terminal.ask(terms, face(2, 5))
  const expected = {
    terminalId: shop.net.terminal.id,
    reference: referenceOf(encodeTerms(terms)),
    atMs: sentMs,
    outcome: 'unknown',
  }
  assert.equal(anna.device.probeLog(), [expected] as never)
  const again = await shop.shopper({ person: anna.person, store: anna.store.afterPowerCut() })
  assert.equal(again.device.probeLog(), [expected] as never)
  const [value] = anna.store.values('facepay-probe')
  assert.ok((value as Uint8Array).length < 60, `${value?.length} bytes`)
})

test('the same payment is answered once, in one turn, later, and after a restart', async ({ shop, terminal, anna }) => {
  const terms = terminal.terms()
  terminal.send(TYPE.probe, terminal.probe(terms, face(1, 5)))
  assert.is(await terminal.refusal(TYPE.probe, terminal.probe(terms, face(1, 6))), 'replayed-probe')
  assert.is(anna.device.probeLog().length, 1)
  await anna.stop()
  const again = await shop.shopper({ person: anna.person, store: anna.store.afterPowerCut() })
  await again.device.checkIn(shop.net.terminal.id)
  await until(2_000, () => framesOf(shop.bus.published, TYPE.checkin).length > 1)
  const terminalAgain = new HandMadeTerminal(shop, again)
  assert.is(await terminalAgain.refusal(TYPE.probe, terminalAgain.probe(terms, face(1, 5))), 'replayed-probe')
})

test('expired, far too long, for nothing, in an unknown asset, of another terminal: refused', async ({
  shop,
  terminal,
}) => {
  const refusal = (change: Partial<Terms>) =>
    terminal.refusal(TYPE.probe, terminal.probe(terminal.terms(change), face(1, 5)))
  assert.is(await refusal({ expiresMs: shop.clock.nowMs() }), 'expired')
  assert.is(await refusal({ expiresMs: shop.clock.nowMs() + 3_600_000 }), 'from-the-future')
  assert.is(await refusal({ amount: 0 }), 'bad-amount')
  assert.is(await refusal({ asset: new Uint8Array(32) }), 'unknown-asset')
  assert.is(await refusal({ terminalId: makePerson().id }), 'not-allowed')
})

test('a terminal cannot begin anew below the floor by naming another account each time', async ({
  shop,
  terminal,
  anna,
}) => {
  const others = [makePerson().id, anna.wallet.account, shop.net.terminal.id]
  const { netId, neighborhood } = shop.net.genesis
  others.push(accountId(netId, neighborhood, shop.net.terminal.id, 1), accountId(netId, neighborhood, anna.person.id))
  for (const merchant of others) {
    const payload = terminal.probe(terminal.terms({ merchant, amount: 5_000 }), face(1, 5))
    assert.is(await terminal.refusal(TYPE.probe, payload), 'not-allowed')
  }
  assert.equal(anna.device.probeLog(), [])
  assert.is((await terminal.ask(terminal.terms({ amount: 5_000 }), face(1, 5))).said.verdict, 'claim')
})

test('a changed ciphertext, a foreign pseudonym, a crafted key, a wrong shape: refused, and not noted', async ({
  terminal,
  anna,
}) => {
  const probe = (change: Parameters<HandMadeTerminal['probe']>[2]) =>
    terminal.probe(terminal.terms(), face(1, 5), change)
  assert.is(await terminal.refusal(TYPE.probe, probe({ flip: 100 })), 'tampered')
  assert.is(await terminal.refusal(TYPE.probe, probe({ flip: 527 })), 'tampered')
  assert.is(await terminal.refusal(TYPE.probe, probe({ pseudonym: new Uint8Array(16) })), 'not-allowed')
  const crafted = (probe({}) as Cbor[]).slice()
  crafted[2] = new Uint8Array(32)
  assert.is(await terminal.refusal(TYPE.probe, crafted), 'bad-key')
  crafted[2] = new Uint8Array(31)
  assert.is(await terminal.refusal(TYPE.probe, crafted), 'bad-shape')
  assert.is(await terminal.refusal(TYPE.probe, (probe({}) as Cbor[]).slice(0, 4)), 'bad-shape')
  assert.equal(anna.device.probeLog(), [])
})

test('a probe moved to other terms does not open', async ({ terminal }) => {
  const [, ...rest] = terminal.probe(terminal.terms(), face(1, 5)) as Cbor[]
  const dearer = encodeTerms(terminal.terms({ amount: 99_999 }))
  assert.is(await terminal.refusal(TYPE.probe, [dearer, ...rest]), 'tampered')
})

test('a terminal that the genesis does not name is refused, as is another topic', async ({ shop, anna, terminal }) => {
  const stranger = makePerson('device')
  shop.introduce(stranger)
  const strangers = new HandMadeTerminal(shop, anna, stranger)
  assert.is(await strangers.refusal(TYPE.probe, strangers.probe(strangers.terms(), face(1, 5))), 'not-allowed')
  assert.is(
    await strangers.refusal(TYPE.select, selectPayload({ reference: EUR, pseudonym: new Uint8Array(16) })),
    'not-allowed',
  )
  assert.is(await strangers.refusal(TYPE.probe, [1]), 'not-allowed', 'before anything of it is read')
  await anna.context.link.subscribe(anna.context.topics.sync)
  const payload = terminal.probe(terminal.terms(), face(1, 5))
  assert.is(await terminal.refusal(TYPE.probe, payload, anna.context.topics.sync), 'wrong-topic')
  assert.is(await codeOfAsync(() => anna.device.checkIn(stranger.id)), 'not-allowed')
})

test('more probes a minute than allowed are refused, until the minute has passed', async ({ shop, anna, terminal }) => {
  for (let i = 0; i < LIMITS.probesPerTerminalPerMinuteMax; i++) {
    terminal.send(TYPE.probe, terminal.probe(terminal.terms(), face(2, i)))
  }
  await until(5_000, () => anna.device.probeLog().length === LIMITS.probesPerTerminalPerMinuteMax)
  assert.is(await terminal.refusal(TYPE.probe, terminal.probe(terminal.terms(), face(1, 0))), 'flooding')
  shop.clock.advance(60_001)
  assert.is((await terminal.ask(terminal.terms(), face(1, 0))).said.verdict, 'claim')
})

test('SELECT pays once, for a claimed payment only, under its pseudonym, in time', async ({ shop, terminal }) => {
  const { pseudonym } = terminal.checkin()
  const claimed = terminal.terms()
  await terminal.ask(claimed, face(1, 5))
  const reference = referenceOf(encodeTerms(claimed))
  const select = (binding: { reference?: Uint8Array; pseudonym?: Uint8Array }) =>
    selectPayload({ reference, pseudonym, ...binding })
  assert.is(await terminal.refusal(TYPE.select, select({ reference: EUR })), 'not-allowed')
  assert.is(await terminal.refusal(TYPE.select, select({ pseudonym: new Uint8Array(16) })), 'not-allowed')
  assert.is(shop.bank.orders.length, 0)
  terminal.send(TYPE.select, select({}))
  assert.is(await terminal.refusal(TYPE.select, select({})), 'replayed')
  await until(2_000, () => shop.bank.orders.length === 1)
  assert.equal(shop.bank.orders[0]?.request, {
    reference,
    asset: EUR,
    amount: 100,
    to: shop.merchant,
    home: shop.net.genesis.neighborhood,
  })
  const notMine = terminal.terms()
  await terminal.ask(notMine, face(2, 5))
  assert.is(
    await terminal.refusal(TYPE.select, select({ reference: referenceOf(encodeTerms(notMine)) })),
    'not-allowed',
  )
  const late = terminal.terms()
  await terminal.ask(late, face(1, 5))
  shop.clock.advance(60_000)
  assert.is(await terminal.refusal(TYPE.select, select({ reference: referenceOf(encodeTerms(late)) })), 'expired')
  assert.is(shop.bank.orders.length, 1)
})

test('after a restart nothing that was claimed can be selected', async ({ shop, anna, terminal }) => {
  const terms = terminal.terms()
  await terminal.ask(terms, face(1, 5))
  const { pseudonym } = terminal.checkin()
  await anna.stop()
  const again = await shop.shopper({ person: anna.person, store: anna.store.afterPowerCut() })
  const selecting = new HandMadeTerminal(shop, again)
  const payload = selectPayload({ reference: referenceOf(encodeTerms(terms)), pseudonym })
  assert.is(await selecting.refusal(TYPE.select, payload), 'not-allowed')
  assert.is(shop.bank.orders.length, 0)
})

test('above the floor an answer says so to the terminal alone; the person is asked only once selected', async ({
  anna,
  terminal,
}) => {
  const { said, published } = await terminal.ask(terminal.terms({ amount: 5_001 }), face(1, 5))
  const below = await terminal.ask(terminal.terms(), face(1, 5))
  assert.is(said.verdict, 'ask')
  assert.is(published.bytes.length, below.published.bytes.length)
  assert.equal(anna.questions, [])
})

test('two selections in one turn cannot slip below the floor together', async ({ shop, anna, terminal }) => {
  const { pseudonym } = terminal.checkin()
  const both = [terminal.terms({ amount: 3_000 }), terminal.terms({ amount: 3_000 })]
  for (const terms of both) assert.is((await terminal.ask(terms, face(1, 5))).said.verdict, 'claim')
  for (const terms of both)
    terminal.send(TYPE.select, selectPayload({ reference: referenceOf(encodeTerms(terms)), pseudonym }))
  await until(2_000, () => anna.questions.length === 1)
  assert.is(shop.bank.orders.length, 1)
})

test('enrolment: one person, good pictures, few of them; sealed at rest; deleted for good', async ({ shop, anna }) => {
  const { device, store } = anna
  const enrol = (...pictures: ReturnType<typeof photograph>[]) => codeOfAsync(() => device.enrol(pictures, shop.model))
  assert.is(await enrol(), 'bad-argument')
  assert.is(await enrol(...Array.from({ length: 6 }, (_, i) => photograph(1, i))), 'bad-argument')
  assert.is(await enrol(photograph(1, 0), photograph(2, 0)), 'faces-differ')
  assert.is(await enrol(photograph(1, 0), photograph(1, 1, 2)), 'face-unsharp')
  assert.is(await enrol(photograph(1, 0, 1)), 'no-face')
  assert.is(await device.enrol([photograph(1, 0), photograph(1, 1)], vectorModel()), 2)
  const sealed = store.values('facepay-template')[0] as Uint8Array
  for (const view of [0, 1]) assert.not(Buffer.from(sealed).includes(Buffer.from(face(1, view).buffer).subarray(0, 8)))
  const again = await shop.shopper({ person: anna.person, store: store.afterPowerCut() })
  assert.ok(again.device.hasTemplate)
  const thief = await codeOfAsync(() => shop.shopper({ store: store.afterPowerCut() }))
  assert.is(thief, 'store-damaged', 'another device cannot open it')
  await again.device.forget()
  assert.not(again.device.hasTemplate)
  assert.equal(again.store.values('facepay-template'), [])
  assert.is(await codeOfAsync(() => again.device.checkIn(shop.net.terminal.id)), 'bad-argument')
})

test('after check-out no probe is answered', async ({ shop, anna, terminal }) => {
  const payload = terminal.probe(terminal.terms(), face(1, 5))
  await anna.device.checkOut()
  assert.is(await terminal.refusal(TYPE.probe, payload), 'not-allowed')
  const [last] = framesOf(shop.bus.published, TYPE.checkin).slice(-1)
  assert.is(readCheckin((last as Frame).payload).lifetimeMs, 0)
})

function answers({ bytes }: Published, reference: Uint8Array): boolean {
  const envelope = decodeEnvelope(bytes)
  return envelope.type === TYPE.answer && equal(readAnswer(decodeFrame(envelope).payload).reference, reference)
}

function framesOf(published: readonly Published[], type: number): Frame[] {
  const envelopes = published.map(({ bytes }) => decodeEnvelope(bytes))
  return envelopes.filter((envelope) => envelope.type === type).map(decodeFrame)
}

test.run()
