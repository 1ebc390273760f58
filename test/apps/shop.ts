/** A shop in this process: one terminal, shoppers' devices, a bank without a ledger, and faces that are vectors. */

import { randomBytes } from 'node:crypto'
import type { CheckinMode } from '../../src/apps/facepay/checkin-desk.ts'
import { createDevice, type Device } from '../../src/apps/facepay/device.ts'
import { createTerminal, type Terminal } from '../../src/apps/facepay/terminal.ts'
import { orderBody, orderBytes, orderEnvelope, readOrder } from '../../src/consensus/order.ts'
import { concat, equal, fromText, toHex } from '../../src/core/bytes.ts'
import type { Cbor } from '../../src/core/codec.ts'
import { blake3Of } from '../../src/core/digest.ts'
import { encodeEnvelope, signedBytes } from '../../src/core/envelope.ts'
import { WebxError } from '../../src/core/errors.ts'
import { encodeFrame } from '../../src/core/frame.ts'
import { ephemeralAgreement } from '../../src/drivers/host.ts'
import type { Image } from '../../src/face/image.ts'
import type { Camera, Face, FaceModel } from '../../src/face/model.ts'
import { unit } from '../../src/face/template.ts'
import type { Genesis } from '../../src/identity/genesis.ts'
import type { Context } from '../../src/kernel/context.ts'
import { Events } from '../../src/kernel/events.ts'
import type { Guest } from '../../src/kernel/guest.ts'
import { createCounters } from '../../src/kernel/observe.ts'
import type { Assets, Log, PaymentRequest, SettledPayment, Wallet } from '../../src/kernel/ports.ts'
import { Road } from '../../src/kernel/road.ts'
import { Schedule } from '../../src/kernel/schedule.ts'
import { Topics } from '../../src/kernel/topics.ts'
import { accountId, NO_HEAD, nextOrder } from '../../src/ledger/terms.ts'
import { KnownIdentities } from '../../src/services/directory.ts'
import { MemoryBus, MemoryStore, TestClock, whileTimePasses } from '../kit/memory.ts'
import { makeNet, makePerson, type Net, type Person } from '../kit/people.ts'
import { until } from '../kit/within.ts'
import '../kit/wasm.ts'

export const EUR = new Uint8Array(32).fill(0xe0)
export const USD = new Uint8Array(32).fill(0x05)
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT }

/** Everything around one identity's node. */
export interface Node {
  readonly person: Person
  readonly context: Context
  readonly store: MemoryStore
  stop(): Promise<void>
}

export interface Shopper extends Node {
  readonly device: Device
  readonly wallet: Wallet
  /** Questions that the person was asked, and what the person says. */
  readonly questions: string[]
  says: () => Promise<boolean>
}

export interface Till extends Node {
  readonly terminal: Terminal
  readonly wallet: Wallet
}

/** Payments between accounts that are always good for the money. */
export class Bank {
  /** While true, nothing settles. */
  holds = false
  /** Calls of `pay`, repeated ones too. */
  calls = 0
  /** Orders as they were made; repeated ones are not counted again. */
  readonly orders: { readonly from: Uint8Array; readonly request: PaymentRequest }[] = []
  readonly #clock: TestClock
  readonly #settled: SettledPayment[] = []
  readonly #listeners = new Map<string, Set<(payment: SettledPayment) => void>>()
  readonly #waiting = new Map<string, (payment: SettledPayment) => void>()

  constructor(clock: TestClock) {
    this.#clock = clock
  }

  wallet(account: Uint8Array): Wallet {
    return {
      account,
      introduce: async () => {},
      balance: () => 1_000_000,
      pay: (request, timeoutMs) => this.#pay(account, request, timeoutMs),
      onCredit: (credited) => {
        const name = toHex(account)
        const listeners = this.#listeners.get(name) ?? new Set()
        this.#listeners.set(name, listeners.add(credited))
        return () => listeners.delete(credited)
      },
      credits: () => this.#settled.filter(({ to }) => equal(to, account)),
      settled: (reference) => this.#settled.find((payment) => concerns(payment, account, reference)) ?? null,
    }
  }

  /** Settles an order that no device of this test made. */
  credit(payment: Pick<SettledPayment, 'reference' | 'asset' | 'amount' | 'from' | 'to'>): SettledPayment {
    return this.#settle({ ...payment, ...proofOf(payment, new Uint8Array(randomBytes(32))) })
  }

  /** Tells the payee of a payment once more. */
  repeat(payment: SettledPayment): void {
    for (const credited of this.#listeners.get(toHex(payment.to)) ?? []) credited(payment)
  }

  /** Settles what was held back. */
  release(): void {
    this.holds = false
    for (const { from, request } of this.orders) {
      if (!this.#find(from, request.reference))
        this.#settle({ ...request, from, ...proofOf(request, concat(from, request.reference)) })
    }
  }

  async #pay(from: Uint8Array, request: PaymentRequest, timeoutMs: number): Promise<SettledPayment> {
    this.calls++
    const known = this.#find(from, request.reference)
    if (known) return known
    const name = toHex(concat(from, request.reference))
    if (!this.orders.some((order) => equal(order.from, from) && equal(order.request.reference, request.reference))) {
      this.orders.push({ from, request })
    }
    if (!this.holds) return this.#settle({ ...request, from, ...proofOf(request, concat(from, request.reference)) })
    return new Promise((resolve, reject) => {
      this.#waiting.set(name, resolve)
      this.#clock.after(timeoutMs, () => reject(new WebxError('no-quorum', 'the bank holds its payments')))
    })
  }

  #find(from: Uint8Array, reference: Uint8Array): SettledPayment | undefined {
    return this.#settled.find((payment) => equal(payment.from, from) && equal(payment.reference, reference))
  }

  #settle(payment: SettledPayment): SettledPayment {
    this.#settled.push(payment)
    this.#waiting.get(toHex(concat(payment.from, payment.reference)))?.(payment)
    this.repeat(payment)
    return payment
  }
}

/** A shop that is open. */
export class Shop {
  readonly clock = new TestClock()
  readonly bus = new MemoryBus(this.clock)
  readonly bank = new Bank(this.clock)
  readonly net: Net = makeNet(1)
  readonly merchant: Uint8Array
  /** What the terminal's node hears of the seats. */
  presence: { readonly seatsUp: number; readonly quorum: number } = { seatsUp: 17, quorum: 17 }
  readonly assets: Assets = assetsOf(this.net.genesis)
  readonly model: FaceModel = vectorModel()
  readonly #nodes: Node[] = []
  readonly #people: Person[] = []
  #boot = 1

  constructor() {
    const { netId, neighborhood } = this.net.genesis
    this.merchant = accountId(netId, neighborhood, this.net.terminal.id)
  }

  async till(
    store = new MemoryStore(),
    person = this.net.terminal,
    camera?: Camera,
    checkin: CheckinMode = 'named',
  ): Promise<Till> {
    const node = this.#node(person, store)
    const wallet = this.bank.wallet(this.merchant)
    const presence = (): Shop['presence'] => this.presence
    const terminal = createTerminal(node.context, {
      ...{ wallet, assets: this.assets, model: this.model, presence, checkin },
      ...(camera && { camera }),
    })
    await terminal.start()
    return this.#opened({ ...node, terminal, wallet }, terminal)
  }

  /** A started device; the same person again is the device after a restart. */
  async shopper(options: { person?: Person; store?: MemoryStore; floorLimit?: number } = {}): Promise<Shopper> {
    const { person = makePerson(), store = new MemoryStore(), floorLimit = 5_000 } = options
    const node = this.#node(person, store)
    const wallet = this.bank.wallet(blake3Of('test account', person.id))
    const questions: string[] = []
    const consent = {
      ask: ({ text }: { text: string }) => {
        questions.push(text)
        return shopper.says()
      },
    }
    const openGuest = async (): Promise<Guest> => this.guest(store)
    const device = createDevice(node.context, { wallet, assets: this.assets, consent, floorLimit, openGuest })
    await device.start()
    const shopper: Shopper = { ...node, device, wallet, questions, says: async () => false }
    return this.#opened(shopper, device)
  }

  /** A device that is enrolled with a face and checked in. */
  async customer(till: Till, face: number, options: { floorLimit?: number } = {}): Promise<Shopper> {
    const shopper = await this.shopper(options)
    await shopper.device.enrol([photograph(face, 0)], this.model)
    await this.checkIn(till, shopper)
    return shopper
  }

  async checkIn(till: Till, shopper: Shopper): Promise<void> {
    const seen = () => till.terminal.checkins().find(({ id }) => equal(id, shopper.person.id))
    const before = seen()
    await shopper.device.checkIn(till.person.id)
    await until(2_000, () => seen() !== undefined && seen()?.pseudonym !== before?.pseudonym, 'the check-in')
  }

  /** A guest with a link and a road of its own; everybody knows its key at once. */
  guest(store = new MemoryStore()): Guest & { readonly person: Person } {
    const node = this.#node(makePerson('device'), store)
    return { person: node.person, context: node.context, close: node.stop }
  }

  /** The outcome of something while the clock runs. */
  during<T>(promise: Promise<T>): Promise<T> {
    return whileTimePasses(this.clock, promise)
  }

  /** Makes a key known to everybody. */
  introduce(person: Person): void {
    this.#people.push(person)
    for (const { context } of this.#nodes) (context.directory as KnownIdentities).introduce(person.state)
  }

  async close(): Promise<void> {
    for (const node of this.#nodes.splice(0)) await node.stop()
  }

  #opened<T extends Node>(node: T, app: { stop(): Promise<void> }): T {
    const stopNode = node.stop
    const opened = Object.assign(node, {
      async stop() {
        await app.stop()
        await stopNode()
      },
    })
    this.#nodes.push(opened)
    return opened
  }

  #node(person: Person, store: MemoryStore): Node {
    const { genesis } = this.net
    const directory = new KnownIdentities(genesis)
    this.introduce(person)
    for (const known of this.#people) directory.introduce(known.state)
    const link = this.bus.connect(person.state.label)
    const counters = createCounters()
    const schedule = new Schedule(this.clock, SILENT)
    const keys = keysOf(person)
    const boot = this.#boot++
    const halt = (): void => {}
    const base = { netId: genesis.netId, clock: this.clock, keys, store, link, directory, counters, log: SILENT }
    const road = new Road({ ...base, boot, halt })
    link.onMessage((topic, bytes) => road.receive(topic, bytes))
    const context: Context = {
      ...base,
      genesis,
      topics: new Topics(genesis.netId, genesis.neighborhood),
      random: { bytes: (length) => new Uint8Array(randomBytes(length)) },
      events: new Events(SILENT),
      schedule,
      road,
    }
    const stop = async (): Promise<void> => {
      schedule.stop()
      await road.stop()
      await link.close()
    }
    return { person, context, store, stop }
  }
}

/** Publishes a frame that anyone may have signed. */
export function sendFrame(
  shop: Shop,
  sender: Person,
  frame: { topic: string; type: number; payload: Cbor; sequence?: number; expiresMs?: number },
): void {
  const { netId } = shop.net.genesis
  const sentMs = shop.clock.nowMs()
  const { topic, type, payload, sequence = 1, expiresMs = sentMs + 10_000 } = frame
  const body = encodeFrame({ sender: sender.id, boot: 1_000, sequence, sentMs, expiresMs, topic, payload })
  const signature = sender.sign(signedBytes(type, netId, body))
  const bytes = encodeEnvelope({ type, scope: netId, body, signature, attachment: new Uint8Array(0) })
  void shop.bus.connect('anyone').publish(topic, bytes)
}

/** A face as it looks in one view: unit vectors of one face have a cosine of about 0.8, of two faces about 0. */
export function face(person: number, view: number): Float32Array {
  const own = gaussian(1_000 + person)
  const noise = gaussian(1_000_000 + 1_000 * person + view)
  return unit(own.map((value, i) => value + 0.5 * (noise[i] as number)))
}

/** A picture of a face, as `vectorModel` reads it. Kind 0 is good, 1 has no face, 2 is unsharp, 3 is turned, 4 is small. */
export function photograph(person: number, view: number, kind = 0): Image {
  return { width: 1, height: 1, rgb: Uint8Array.of(person, view, kind) }
}

/** A model whose pictures say whose face they show. */
export function vectorModel(name = 'vectors 1'): FaceModel {
  return {
    name,
    backend: 'onnxruntime-web',
    templateLength: 512,
    thresholds: { payment: 0.47, stranger: 0.42 },
    analyze: async (image) => facesIn(image),
    embed: async (image) => face(image.rgb[0] as number, image.rgb[1] as number),
    close: async () => {},
  }
}

function facesIn(image: Image): readonly Face[] {
  const kind = image.rgb[2] as number
  if (kind === 1) return []
  const refusal = ([null, null, 'face-unsharp', 'face-turned', 'face-small'] as const)[kind] ?? null
  const quality = { interEyePx: 60, sharpness: 100 + (image.rgb[1] as number), yawDegrees: 0, pitchDegrees: 0 }
  return [
    { box: { left: 0, top: 0, right: 1, bottom: 1 }, score: 1, landmarks: new Float32Array(136), quality, refusal },
  ]
}

/** 512 normally distributed numbers (Box and Muller on mulberry32). */
function gaussian(seed: number): Float32Array {
  let state = seed >>> 0
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4_294_967_296
  }
  return Float32Array.from(
    { length: 512 },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  )
}

function keysOf(person: Person): Context['keys'] {
  return {
    id: person.id,
    publicKey: person.publicKey,
    inception: person.inception,
    position: 0,
    log: [person.inception],
    sign: async (message) => person.sign(message),
    epochSigner: async () => {
      throw new WebxError('internal', 'nobody votes in a shop')
    },
    vrf: { publicKey: new Uint8Array(32), prove: () => Promise.reject(new Error('nobody draws lots in a shop')) },
    deriveSecret: async (context) => blake3Of(`test secret ${context}`, person.sign(fromText('secret'))),
    ephemeral: ephemeralAgreement,
  }
}

function assetsOf(genesis: Genesis): Assets {
  const issuer = genesis.organizationState.id
  const terms = { issuer, decimals: 2, cap: 1_000_000, nonce: new Uint8Array(16) }
  const all = [
    { ...terms, code: 'EUR', id: EUR },
    { ...terms, code: 'USD', id: USD },
  ]
  return { all, byCode: (code) => all.find((asset) => asset.code === code) ?? null }
}

function concerns(payment: SettledPayment, account: Uint8Array, reference: Uint8Array): boolean {
  return equal(payment.reference, reference) && (equal(payment.from, account) || equal(payment.to, account))
}

/** An order as somebody would have signed it, though nobody did. */
function proofOf(
  { asset, amount, to, reference }: Pick<SettledPayment, 'asset' | 'amount' | 'to' | 'reference'>,
  seed: Uint8Array,
): Pick<SettledPayment, 'orderDigest' | 'order' | 'settlement' | 'locks' | 'confirms'> {
  const owner = blake3Of('test owner', seed)
  const standing = {
    home: owner.slice(0, 16),
    owner,
    keyPosition: 0,
    nonce: owner.slice(16),
    version: 0,
    head: NO_HEAD,
  }
  const pay = { kind: 'pay', assetId: asset, amount, to, reference, refundOf: NOTHING, memo: NOTHING } as const
  const body = orderBody(nextOrder(standing, pay, owner.slice(0, 16), 1))
  const order = readOrder(orderEnvelope(owner, body, new Uint8Array(64)))
  return {
    orderDigest: order.od,
    order: orderBytes(order),
    settlement: fromText('settlement'),
    locks: 17,
    confirms: 17,
  }
}

const NOTHING = new Uint8Array(0)
