/** One node of each kind among liars: everybody else's keys are in the test's hands, and what a message does to a node is measured. */

import * as assert from 'uvu/assert'
import { createDevice, type Device } from '../../src/apps/facepay/device.ts'
import { createTerminal, type Terminal } from '../../src/apps/facepay/terminal.ts'
import { type Committee, committeeOf } from '../../src/consensus/committee.ts'
import { type Order, orderBytes } from '../../src/consensus/order.ts'
import { VOTE } from '../../src/consensus/statement.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { decodeFrame } from '../../src/core/frame.ts'
import type { Topics } from '../../src/kernel/topics.ts'
import { assetNonce } from '../../src/ledger/asset.ts'
import { accountId, keyLogOrder, NO_HEAD, nextOrder } from '../../src/ledger/terms.ts'
import { photograph, vectorModel } from '../apps/shop.ts'
import { diskDigest, judged, MemoryNet, type MemoryNode } from './node.ts'
import { makePerson, type Net, type Person } from './people.ts'
import { Seats, Speaker, signOrder } from './wire.ts'

export type Place = 'member' | 'till' | 'device'

/** One message meant to do harm, and what must come of it. */
export interface Attack {
  readonly at: Place
  readonly topic: string
  readonly bytes: Uint8Array
  /** Names of counters: exactly one of them goes up, by one. None: it is passed over in silence. */
  readonly expect: readonly string[]
  /** Spaces of the disk in which it may leave a trace: what a lying seat has signed is remembered on purpose. */
  readonly leaves?: readonly string[]
  /** It proves a seat guilty: from then on the member moves the chain of blocks, by a clock of its own, so that the seat goes. */
  readonly convicts?: boolean
  /** Counters that may go up besides, such as that of an order that had to make room. */
  readonly besides?: readonly string[]
}

const FUNDS = 10_000
/** Where a member keeps what it says in the chain of blocks. */
const CHAIN = ['said', 'simplex-candidate', 'simplex-block', 'simplex-ballot', 'simplex-certificate', 'simplex-meta']

/** A net of which only one member, one till and one device run. */
export class Scene {
  readonly world: MemoryNet
  readonly net: Net
  readonly committee: Committee
  readonly topics: Topics
  readonly seats: Seats
  readonly asset: Uint8Array
  readonly member: MemoryNode
  readonly till: MemoryNode
  readonly device: MemoryNode
  readonly terminal: Terminal
  readonly shopper: Device
  /** A guest that everybody knows, with money; its newest settled order. */
  readonly guest: Person
  readonly settledOrder: Order
  #liveness = 0
  /** Spaces that change by themselves. */
  #moving: readonly string[] = []
  readonly #speakers = new Map<Person, Speaker>()

  private constructor(parts: SceneParts) {
    this.world = parts.world
    this.net = parts.world.net
    this.member = parts.member
    this.till = parts.till
    this.device = parts.device
    this.terminal = parts.terminal
    this.shopper = parts.shopper
    this.guest = parts.guest
    this.committee = committeeOf(this.net.genesis)
    this.seats = new Seats(this.net, this.committee)
    this.topics = this.member.context.topics
    this.asset = this.world.asset(this.member).id
    this.settledOrder = this.#mint()
  }

  /** Opens a scene of so many seats; the guest's money is there and everybody's votes are in order. */
  static async open(seatCount: number): Promise<Scene> {
    const world = new MemoryNet(seatCount)
    const [first] = world.net.members
    if (!first) throw new Error('a net has a first seat')
    const member = await world.member(0)
    const till = await world.node(world.net.terminal, { hearsVotes: true })
    const device = await world.node()
    const { wallet, assets } = till
    const presence = () => ({ seatsUp: till.presence.seatsUp(), quorum: till.agreed.committee.quorum })
    const terminal = createTerminal(till.context, { wallet, assets, presence, model: vectorModel() })
    await terminal.start()
    const consent = { ask: async () => false }
    const shopper = createDevice(device.context, { wallet: device.wallet, assets, consent, floorLimit: 1_000 })
    await shopper.start()
    const scene = new Scene({ world, member, till, device, terminal, shopper, guest: makePerson() })
    await scene.#begin()
    return scene
  }

  at(place: Place): MemoryNode {
    return this[place]
  }

  /** A person's voice; everybody has one. */
  speaker(person: Person): Speaker {
    let speaker = this.#speakers.get(person)
    if (!speaker) {
      speaker = new Speaker(this.net.genesis.netId, this.world.clock, person)
      this.#speakers.set(person, speaker)
    }
    return speaker
  }

  /** The member of a seat that does not run. */
  seatPerson(seat: number): Person {
    const member = this.net.members[seat]
    if (!member) throw new Error(`the net has no seat ${seat}`)
    return member.person
  }

  /** Hands an attack to its node and says what is wrong with the outcome; '' where all is as it must be. */
  async outcome(attack: Attack): Promise<string> {
    const { at, topic, bytes, expect, convicts = false, besides = [] } = attack
    if (convicts) this.#moving = CHAIN
    const leaves = [...(attack.leaves ?? []), ...this.#moving]
    const node = this.at(at)
    const before = node.context.counters.read()
    const disk = diskDigest(node.store, ...leaves)
    node.context.road.receive(topic, bytes)
    await judged(node)
    const after = node.context.counters.read()
    const verdicts = Object.keys(after).flatMap((name) => {
      const by = (after[name] ?? 0) - (before[name] ?? 0)
      return by > 0 && /^(refused|order)\./.test(name) && !besides.includes(name) ? [`${name}+${by}`] : []
    })
    const wanted = expect.length === 0 ? verdicts.length === 0 : expect.some((name) => verdicts.join() === `${name}+1`)
    if (!wanted) return `expected ${expect.join(' or ') || 'silence'}, got ${verdicts.join(', ') || 'silence'}`
    if (diskDigest(node.store, ...leaves) !== disk) return 'the disk has changed'
    if (node.log.errors.length > 0) return `the node blames itself: ${node.log.errors.splice(0).join('\n')}`
    return (await this.#alive(node)) ? '' : 'the node does not answer any more'
  }

  /** Fails unless every attack of the list comes to what it must. */
  async withstand(attack: Attack): Promise<void> {
    const wrong = await this.outcome(attack)
    assert.is(wrong, '')
  }

  async close(): Promise<void> {
    await this.shopper.stop()
    await this.terminal.stop()
    await this.world.close()
  }

  /** A valid message is still understood: a member's health arrives. */
  async #alive(node: MemoryNode): Promise<boolean> {
    const person = this.seatPerson(1)
    const topic = this.topics.health(person.id)
    const payload = ['alive', ++this.#liveness, []]
    node.context.road.receive(topic, this.speaker(person).frame({ type: TYPE.health, topic, payload }))
    await judged(node)
    return node.presence.healthOf(person.id)?.upSinceMs === this.#liveness
  }

  async #begin(): Promise<void> {
    this.#answerBatchQuery()
    await this.world.until(() => this.member.recovered())
    for (const node of [this.member, this.till, this.device]) {
      node.context.road.receive(this.topics.identity(this.guest.id), this.guest.inception)
      const { genesis } = this.net
      this.#settle(node, this.#keyLog(genesis.neighborhood))
      this.#settle(node, this.settledOrder)
      await judged(node)
    }
    const account = accountId(this.net.genesis.netId, this.net.genesis.neighborhood, this.guest.id)
    const { register } = this.member.agreed
    await this.world.until(() => register.object(account)?.state?.balances[0]?.amount === FUNDS)
    await this.shopper.enrol([photograph(1, 0)], vectorModel())
    await this.shopper.checkIn(this.net.terminal.id)
    await this.world.until(() => this.terminal.checkins().length === 1)
    await this.world.pass(2_000)
  }

  #keyLog(home: Uint8Array): Order {
    return signOrder(this.net.genesis.netId, this.guest, keyLogOrder(home, this.guest.id, this.guest.inception))
  }

  /** The organization issues the guest's money. */
  #mint(): Order {
    const { genesis, organization } = this.net
    const [asset] = this.member.assets.all
    if (!asset) throw new Error('the net has no asset')
    const standing = {
      home: genesis.neighborhood,
      owner: organization.id,
      keyPosition: 0,
      nonce: assetNonce(asset.id),
      version: 0,
      head: NO_HEAD,
    }
    const to = accountId(genesis.netId, genesis.neighborhood, this.guest.id)
    const mint = { kind: 'mint', assetId: asset.id, cumulative: FUNDS, to } as const
    return signOrder(genesis.netId, organization, nextOrder(standing, mint, new Uint8Array(16), 1_000))
  }

  /** What a quorum would have said of an order. */
  #settle(node: MemoryNode, order: Order): void {
    const { oid, version, od } = order
    const settlement = this.seats.proof({ kind: VOTE.confirm, oid, version, od })
    node.context.road.receive(this.topics.order, orderBytes(order))
    node.context.road.receive(this.topics.committee(this.committee.cid, 'settlement'), settlement)
  }

  /** The others have seen nothing of the one member that runs. */
  #answerBatchQuery(): void {
    const query = this.world.bus.published
      .filter(({ topic, bytes }) => topic === this.topics.sync && bytes.length > 0)
      .map(({ bytes }) => decodeEnvelope(bytes))
      .find(({ type }) => type === TYPE.batchQuery)
    if (!query) throw new Error('the member did not ask')
    const [nonce] = decodeFrame(query).payload as [Uint8Array]
    const topic = this.topics.to(this.member.person.id)
    for (let seat = 1; seat < this.committee.quorum; seat++) {
      const frame = this.speaker(this.seatPerson(seat)).frame({ type: TYPE.batchAnswer, topic, payload: [nonce, []] })
      this.member.context.road.receive(topic, frame)
    }
  }
}

interface SceneParts extends Pick<Scene, 'world' | 'member' | 'till' | 'device' | 'terminal' | 'shopper' | 'guest'> {}
