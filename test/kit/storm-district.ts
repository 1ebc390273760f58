/** One neighborhood in a storm: a node without a seat that watches it, owners who pay each other in it, and the judgement of the books of those who stayed. */

import type { WebxNode } from '../../src/boot.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { replacedMaxOf } from '../../src/swarm/seating.ts'
import type { Testnet } from '../../src/testnet.ts'
import type { Chance } from './crash.ts'
import { type Owner, Owners } from './owners.ts'
import { readStormBooks } from './storm-books.ts'
import { type Given, StormLoad } from './storm-load.ts'
import { StormWire } from './storm-wire.ts'
import { until, within } from './within.ts'

/** After a restart of the broker and after a hand-over an order may take longer. */
const SHADOW_MS = 5_000
const AGREE_MS_MAX = 90_000
const STOP_MS_MAX = 60_000
const FUNDS_EACH = 1_000
const SETTLING_AT_ONCE = 128

/** Somebody who takes part: a founder, or a newcomer. */
export interface Citizen {
  readonly name: string
  readonly id: Uint8Array
  readonly directory: string
  readonly running: boolean
  start(): Promise<void>
  stop(): Promise<void>
  kill(): Promise<void>
}

/** What a district is told of the storm. */
export interface DistrictPlan {
  readonly seats: number
  readonly payers: number
  readonly pauseMs: number
  readonly chance: Chance
  readonly report: (line: object) => void
}

export class District {
  readonly number: number
  readonly watcher: WebxNode
  readonly wire: StormWire
  readonly owners: Owners
  readonly violations: string[] = []
  /** How many epochs have ended. */
  epochs = 0
  readonly #testnet: Testnet
  readonly #plan: DistrictPlan
  /** When a shadow fell on the orders, by `performance.now`. */
  readonly #shadows: number[] = []
  #payers: readonly Owner[] = []
  #load: StormLoad | null = null

  private constructor(testnet: Testnet, number: number, plan: DistrictPlan, seen: Pick<District, 'watcher' | 'wire'>) {
    this.#testnet = testnet
    this.#plan = plan
    this.number = number
    this.watcher = seen.watcher
    this.wire = seen.wire
    this.owners = new Owners(seen.watcher)
    this.#follow()
  }

  static async open(testnet: Testnet, number: number, plan: DistrictPlan): Promise<District> {
    const wire = new StormWire()
    const onWire = (_: string, bytes: Uint8Array): void => wire.hear(bytes)
    const watcher = await testnet.addNode(`watcher-${number}`, { neighborhood: number, hearsVotes: true, onWire })
    wire.readWith(watcher.agreed.hood.book)
    await watcher.context.link.subscribe(watcher.context.topics.sync)
    return new District(testnet, number, plan, { watcher, wire })
  }

  isMember(id: Uint8Array): boolean {
    return this.watcher.agreed.hood.term.opening.roster.some((entry) => equal(entry.id, id))
  }

  isSeated(id: Uint8Array): boolean {
    return this.watcher.agreed.hood.term.opening.seats.some(({ memberId }) => equal(memberId, id))
  }

  /** So many orders of as many owners are settled here: each opens its key log. */
  async settleMany(count: number): Promise<void> {
    let left = count
    const settleNext = async (): Promise<void> => {
      while (left-- > 0) await this.owners.open()
    }
    await Promise.all(Array.from({ length: SETTLING_AT_ONCE }, settleNext))
  }

  /** Gives its owners money and has them pay from now on. */
  async begin(): Promise<void> {
    const { payers, chance, pauseMs } = this.#plan
    this.#payers = await this.owners.funded(this.#testnet.organization, payers, FUNDS_EACH)
    this.#load = new StormLoad(this.watcher, this.owners, this.#payers, chance, pauseMs)
    this.#load.start()
  }

  /** No further orders; resolves when all that were given are settled, or after a minute. */
  async end(): Promise<void> {
    const load = this.#load as StormLoad
    await within(60_000, load.stop(), 'the last orders').catch((error: Error) => {
      const open = load.open.map(({ order }) => `${toHex(order.oid).slice(0, 8)}/${order.version}`)
      this.violations.push(`${error.message}: ${open.join(' ')} not settled`)
    })
  }

  get given(): readonly Given[] {
    return this.#load?.given ?? []
  }

  shadow(): void {
    this.#shadows.push(performance.now())
  }

  /** Orders that no shadow fell on. */
  outside(given: readonly Given[]): Given[] {
    return given.filter(
      ({ sentMs, settledMs }) => !this.#shadows.some((ms) => sentMs < ms + SHADOW_MS && settledMs > ms),
    )
  }

  /** Everybody who stayed has the same books, in which every order that was given is settled, and every settlement that was on the wire. */
  async judge(staying: readonly Citizen[]): Promise<void> {
    await this.#agree(staying)
    this.wire.read()
    await within(STOP_MS_MAX, Promise.all(staying.map((citizen) => citizen.stop())), 'stopping everybody')
    this.#judgeWire()
    for (const citizen of staying) await this.#judgeBooks(citizen)
  }

  /** Watches the hand-overs: no more than an eighth of the seats get another holder at once. */
  #follow(): void {
    const { watcher } = this
    const { report, seats } = this.#plan
    const holders = (): string[] =>
      watcher.agreed.hood.term.opening.seats.flatMap(({ memberId, weight }) => (weight > 0 ? [toHex(memberId)] : []))
    let before = holders()
    let epoch = watcher.agreed.committee.epoch
    watcher.context.events.on('epoch', (entered) => {
      const now = holders()
      const came = now.filter((id) => !before.includes(id)).length
      const steps = entered.epoch - epoch
      this.shadow()
      this.epochs += steps
      // who does not belong to the neighborhood does not listen to it for longer than it must
      watcher.context.link.subscribe(watcher.context.topics.sync).catch(() => undefined)
      if (came > steps * replacedMaxOf(seats)) this.violations.push(`${came} seats got another holder at once`)
      const members = entered.members.length
      report({ what: 'epoch', neighborhood: this.number, epoch: entered.epoch, seats: now.length, came, members })
      before = now
      epoch = entered.epoch
      this.wire.read()
    })
  }

  async #agree(staying: readonly Citizen[]): Promise<void> {
    const { register } = this.watcher.agreed
    const ids = staying.map(({ id }) => id)
    const others = (): string[] => this.wire.disagreeing(ids, register.summary())
    await until(AGREE_MS_MAX, () => others().length === 0, 'the agreement of all who stayed').catch((error: Error) => {
      const strange = new Set(others())
      const names = staying.filter(({ id }) => strange.has(toHex(id))).map(({ name }) => name)
      this.violations.push(`${error.message}: not with ${names.join(', ')}`)
    })
  }

  #judgeWire(): void {
    const orders = new Map(this.given.map(({ order }) => [`${toHex(order.oid)}/${order.version}`, toHex(order.od)]))
    for (const [slot, od] of this.wire.settled) {
      const order = orders.get(slot)
      if (order !== undefined && order !== od) this.violations.push(`${od} settled at ${slot}, which nobody ordered`)
    }
  }

  async #judgeBooks(citizen: Citizen): Promise<void> {
    const found = (what: string): void => void this.violations.push(`${citizen.name}: ${what}`)
    const books = await readStormBooks(this.watcher.context.genesis, citizen)
    if (books.abstains) found('it abstains')
    for (const slot of this.wire.settled.keys()) {
      const [oid, version] = slot.split('/') as [string, string]
      if ((books.heads.get(oid)?.version ?? 0) < Number(version)) found(`${slot} was settled, and is not here`)
    }
    const asset = this.watcher.assets.all[0]?.id as Uint8Array
    const expected = this.#balances()
    for (const payer of this.#payers) {
      const head = books.heads.get(toHex(payer.account))
      if (head?.version !== payer.version || head.head !== toHex(payer.head))
        found(`an account stands at version ${head?.version}, not ${payer.version}`)
      const has = books.balance(payer.account, asset)
      if (has !== expected.get(payer)) found(`an account has ${has}, not ${expected.get(payer)}`)
    }
    for (const { held, inFlight } of books.supplies) {
      const total = this.#payers.length * FUNDS_EACH
      if (held !== total || inFlight !== 0) found(`held ${held}, in flight ${inFlight}, of ${total}`)
    }
  }

  /** Everybody's money, reckoned from the orders alone. */
  #balances(): Map<Owner, number> {
    const balances = new Map(this.#payers.map((payer) => [payer, FUNDS_EACH]))
    for (const { from, to, amount } of this.given) {
      balances.set(from, (balances.get(from) as number) - amount)
      balances.set(to, (balances.get(to) as number) + amount)
    }
    return balances
  }
}
