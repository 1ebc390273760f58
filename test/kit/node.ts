/** Whole nodes in this process, composed as `src/boot.ts` composes them, on a broker, disks and a clock in memory. */

import { randomBytes } from 'node:crypto'
import { type ComposedNode, composeNode } from '../../src/compose.ts'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { blake3Of } from '../../src/core/digest.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import type { VersionRange } from '../../src/core/versions.ts'
import { ephemeralAgreement } from '../../src/drivers/host.ts'
import type { Clock, Keys, Log, SettledPayment } from '../../src/kernel/ports.ts'
import { vrfKeyOf, vrfProve } from '../../src/proof/vrf.ts'
import type { Admission } from '../../src/services/turning.ts'
import { MemoryBus, type MemoryLink, MemoryStore, type Published, TestClock } from './memory.ts'
import { makeNet, makePair, makePerson, type Net, type Pair, type Person } from './people.ts'
import './wasm.ts'

/** A log that keeps what is wrong and forgets the rest. */
export class ErrorLog implements Log {
  readonly errors: string[] = []
  debug(): void {}
  info(): void {}
  warn(): void {}
  error(fields: Record<string, unknown>, message: string): void {
    const { error } = fields
    this.errors.push(`${message}: ${error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(fields)}`)
  }
  child(): Log {
    return this
  }
}

/** One node with its disk. */
export interface MemoryNode extends ComposedNode {
  readonly person: Person
  readonly store: MemoryStore
  readonly link: MemoryLink
  readonly log: ErrorLog
  /** Ends it as a power cut does: nothing is told to anyone. What its disk holds then. */
  crash(): MemoryStore
}

/** How one node differs from the usual. */
export interface MemoryNodeOptions {
  readonly store?: MemoryStore
  readonly epoch?: Pair
  readonly hearsVotes?: boolean
  /** Wire versions that it speaks; those of this program unless given. */
  readonly versions?: VersionRange
  /** Its own clock, where that is not everybody's. */
  readonly clock?: Clock
  /** What its keys are instead: of a person who has rotated. */
  readonly keys?: Partial<Keys>
  /** What lets it apply for a place in the neighborhood. */
  readonly admission?: Admission
}

/** A port Keys out of a person's keys. */
export function keysOf(person: Person, epoch: Pair = makePair()): Keys {
  return {
    id: person.id,
    publicKey: person.publicKey,
    inception: person.inception,
    position: 0,
    log: [person.inception],
    sign: async (message) => person.sign(message),
    epochSigner: async () => ({ publicKey: epoch.publicKey, sign: async (message) => epoch.sign(message) }),
    vrf: vrfOf(fromText('vrf'), person),
    deriveSecret: async (context) => blake3Of(`test secret ${context}`, person.sign(fromText('secret'))),
    ephemeral: ephemeralAgreement,
  }
}

/** A verifiable random function out of what only this person can sign. */
export function vrfOf(purpose: Uint8Array, person: Pick<Person, 'sign'>): Keys['vrf'] {
  const secret = blake3Of('test vrf', person.sign(purpose))
  return { publicKey: vrfKeyOf(secret), prove: async (input) => vrfProve(secret, input) }
}

/** Whole milliseconds, as the machine's clock gives them, whatever fractions timers have. */
class WholeClock extends TestClock {
  override nowMs(): number {
    return Math.floor(super.nowMs())
  }
}

/** A net and those of its nodes that a test starts. */
export class MemoryNet {
  readonly clock: TestClock = new WholeClock()
  readonly bus = new MemoryBus(this.clock)
  readonly net: Net
  readonly nodes: MemoryNode[] = []

  constructor(seatCount: number, net: Net = makeNet(seatCount)) {
    this.net = net
  }

  /** Starts the member of a seat. */
  member(seat: number, store?: MemoryStore, clock?: Clock): Promise<MemoryNode> {
    const member = this.net.members[seat]
    if (!member) throw new Error(`the net has no seat ${seat}`)
    return this.node(member.person, {
      epoch: member.epoch,
      hearsVotes: true,
      ...(store && { store }),
      ...(clock && { clock }),
    })
  }

  /** Starts all members; resolves when all of them may vote. */
  async members(): Promise<MemoryNode[]> {
    const members = await Promise.all(this.net.members.map((_, seat) => this.member(seat)))
    await this.until(() => members.every((node) => node.recovered()))
    return members
  }

  /** Starts a node that has no seat. */
  async node(person: Person = makePerson('device'), options: MemoryNodeOptions = {}): Promise<MemoryNode> {
    const { genesis } = this.net
    const { store = new MemoryStore(), epoch = makePair(), hearsVotes = false, clock = this.clock } = options
    const link = this.bus.connect(person.state.label)
    const log = new ErrorLog()
    const random = { bytes: (length: number) => new Uint8Array(randomBytes(length)) }
    const keys = { ...keysOf(person, epoch), ...options.keys }
    const { admission = null } = options
    const parts = { genesis, keys, clock, random, store, log, hearsVotes, admission }
    const versions = options.versions && { versions: options.versions }
    const composed = await composeNode({ ...parts, ...versions, openLink: () => link })
    const node: MemoryNode = { ...composed, person, store, link, log, crash: () => this.#crash(node) }
    this.nodes.push(node)
    return node
  }

  /** The node of the organization puts money into an account; resolves when it is there, as this node sees it. */
  async fund(organization: MemoryNode, node: MemoryNode, amount: number): Promise<void> {
    const asset = this.asset(organization)
    const before = node.wallet.balance(asset.id)
    await this.during(organization.wallet.issue(asset, amount, node.wallet.account))
    await this.until(() => node.wallet.balance(asset.id) === before + amount)
  }

  /** One node pays another; `reference` names the payment. */
  pay(from: MemoryNode, to: MemoryNode, amount: number, reference = randomReference()): Promise<SettledPayment> {
    const request = { reference, asset: this.asset(from).id, amount, to: to.wallet.account }
    return this.during(from.wallet.pay(request, 60_000))
  }

  asset(node: MemoryNode): MemoryNode['assets']['all'][number] {
    const [asset] = node.assets.all
    if (!asset) throw new Error('the net has no asset')
    return asset
  }

  /** The outcome of something while the clock runs. */
  async during<T>(promise: Promise<T>, limitMs = 20_000): Promise<T> {
    let done = false
    const finish = (): void => {
      done = true
    }
    promise.then(finish, finish)
    await this.until(() => done, limitMs)
    return promise
  }

  /** Lets the clock run until a condition holds; fails after `limitMs` of the machine's time. */
  async until(condition: () => boolean, limitMs = 20_000): Promise<void> {
    const endMs = performance.now() + limitMs
    while (!condition()) {
      if (performance.now() > endMs) throw new Error(`nothing came of it within ${limitMs} ms: ${condition}`)
      await quiet(1)
      if (!condition()) this.clock.advance(10)
    }
  }

  /** Lets so much time pass, in steps in which everybody gets to work. */
  async pass(ms: number, stepMs = 50): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(stepMs)
      await quiet(1)
    }
    await quiet(5)
  }

  /** Everything of a type that was published, by one node or by all, oldest first. */
  said(type: number, node?: MemoryNode): Published[] {
    return this.bus.published.filter(
      (message) => typeOf(message) === type && (!node || message.client === node.person.state.label),
    )
  }

  async close(): Promise<void> {
    for (const node of this.nodes.splice(0)) await node.stop()
  }

  #crash(node: MemoryNode): MemoryStore {
    this.nodes.splice(this.nodes.indexOf(node), 1)
    void node.link.close()
    node.context.schedule.stop()
    for (const { context } of node.posts.way) void context.road.stop()
    return node.store.afterPowerCut()
  }
}

/** Type of a message on the bus; −1 for an empty one. */
export function typeOf({ bytes }: Pick<Published, 'bytes'>): number {
  return bytes.length === 0 ? -1 : decodeEnvelope(bytes).type
}

/** Lets what is under way get on: so many turns of the event loop with a pause between. */
export async function quiet(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resume) => setTimeout(resume, 1))
}

/** Resolves when a node has judged all that it was handed before (up to a turn's share of one class). */
export async function judged({ context: { road } }: Pick<ComposedNode, 'context'>): Promise<void> {
  await road.run(() => null)
  await road.run(() => null)
}

export function randomReference(): Uint8Array {
  return new Uint8Array(randomBytes(32))
}

/** A digest of everything that is on a node's disk, but for some spaces. */
export function diskDigest(store: MemoryStore, ...leftOut: string[]): string {
  const left = leftOut.flatMap((space) => store.written(space).map(toHex))
  const all = store.written().map(toHex)
  for (const value of left) all.splice(all.indexOf(value), 1)
  return toHex(blake3Of('test disk', fromText(all.join('\n'))))
}
