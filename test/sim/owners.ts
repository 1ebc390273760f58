/**
 * The people of a run: owners who pay in a row, one who spends twice, and some who try what must never be voted for.
 *
 * An owner repeats an order until it hears that it is settled. What is asked for decides what a simulation can find: an order that nobody sends breaks nothing.
 */

import { type Order, orderBody, orderBytes, provingOrderEnvelope, readOrder } from '../../src/consensus/order.ts'
import { toHex } from '../../src/core/bytes.ts'
import { importLane, importOrder, importProof } from '../../src/ledger/import.ts'
import { accountId, keyLogOrder, NO_HEAD, nextOrder } from '../../src/ledger/terms.ts'
import { CAP, issuerWallet, mint, type Person, person, signOrder, Wallet } from '../consensus/people.ts'
import { Purser } from '../ledger/stage.ts'
import type { Chance } from './chance.ts'
import type { Stage } from './stage.ts'
import type { Timeline } from './timeline.ts'

const FUNDS = 10_000
const PAYERS = 4
const RETRY_MS_MIN = 500
const RETRY_MS_MAX = 4_000
const VAIN_TRIES_MAX = 5
/** How many open accounts in a new neighborhood, how often they send something there, and how much. */
const SETTLERS = 2
const EMIGRATIONS = 2
const ABROAD = 5
const NOTHING = new Uint8Array(0)
const people: Person[] = Array.from({ length: PAYERS + 3 }, (_, i) => person(`owner ${i}`))

/** Called once an order is settled, with what shows it where anybody has that. */
type Settled = (settlement: Uint8Array | null) => void

/** An order on its way. */
interface Task {
  readonly order: Order
  readonly bytes: Uint8Array
  /** Whom it is sent to first, as a share of all. */
  readonly share: number
  readonly settled: Settled
  tries: number
  done: boolean
}

/** A wallet whose owner has a row of orders to give. */
interface Row {
  readonly wallet: Wallet
  /** How many may be under way together. */
  readonly window: number
  left: number
  open: number
  readonly make: (left: number) => Order
}

export interface CrowdOptions {
  readonly stage: Stage
  readonly timeline: Timeline
  readonly chance: Chance
  readonly orders: number
  readonly restMs: number
  /** Somebody signs two orders for one version. */
  readonly thief: boolean
  /** Somebody sends what must never be voted for. */
  readonly vandal: boolean
  /** Sends to a share of all members. */
  readonly send: (bytes: Uint8Array, share: number) => void
}

export class Crowd {
  /** Slots that must be settled in the end: `oid/version` to the digest of the order. */
  readonly expected = new Map<string, string>()
  /** Home of each object that anybody honest orders something for. */
  readonly homes = new Map<string, string>()
  /** Digests of orders that nobody honest may vote for, and why. */
  readonly forbidden = new Map<string, string>()
  /** Identities that sign two orders for one version. */
  readonly thieves = new Set<string>()
  /** Orders that a liar would like to see settled. */
  readonly pets: Order[] = []
  readonly #options: CrowdOptions
  readonly #tasks = new Map<string, Task>()
  #wallets: readonly Wallet[] = []
  #left = 0

  constructor(options: CrowdOptions) {
    this.#options = options
  }

  /** Everybody begins. */
  start(): void {
    const { stage, chance, orders, restMs } = this.#options
    const wallets = people.map((owner) => new Wallet(stage.world, owner))
    this.#wallets = wallets
    for (const wallet of wallets) this.#expect(wallet.incept())
    this.#payIn(wallets)
    const each = Math.max(1, Math.floor((orders - 2 * wallets.length) / PAYERS))
    for (const wallet of wallets.slice(0, PAYERS)) {
      const spare = () => chance.pick(wallets.filter((other) => other !== wallet)).oid
      const make = () => wallet.order(wallet.pay(spare(), 1 + chance.below(FUNDS / (each + 1))))
      const row = { wallet, window: 1 + chance.below(3), left: each, open: 0, make }
      this.#later(chance.between(0, 1_250 + restMs), () => this.#next(row))
    }
    const [thief, victim, idle] = wallets.slice(PAYERS) as [Wallet, Wallet, Wallet]
    if (this.#options.thief) this.#later(chance.between(1500, 6000), () => this.#steal(thief, victim, idle))
    if (this.#options.vandal) this.#later(chance.between(500, 6000), () => this.#vandalize(victim, idle))
  }

  /** An order is settled somewhere: its owner stops repeating it. `settlement`: what shows that, where anybody has it. */
  heard(order: Order, settlement: Uint8Array | null): void {
    const task = this.#tasks.get(toHex(order.od))
    if (!task || task.done) return
    task.done = true
    task.settled(settlement)
  }

  /** A neighborhood has begun beside the first one: some open accounts there, and send money to them. */
  settle(home: Uint8Array): void {
    const { stage, chance } = this.#options
    const settlers = this.#wallets.slice(0, SETTLERS)
    for (const wallet of settlers) {
      const { owner } = wallet
      const account = new Purser(stage.world, owner, home)
      account.maxEpoch = 1_000
      const to = accountId(stage.world.genesis.netId, home, owner.id)
      const log = signOrder(stage.world.genesis, owner, keyLogOrder(home, owner.id, owner.inception))
      this.#expect(log, () =>
        this.#later(chance.between(5, 500), () => this.#emigrate(wallet, account, to, 1, NO_HEAD)),
      )
    }
  }

  /** One payment from the old home to the new one, shown there once it is settled; then the next. */
  #emigrate(wallet: Wallet, account: Purser, to: Uint8Array, number: number, head: Uint8Array): void {
    const { stage } = this.#options
    const { netId } = stage.world.genesis
    const { home } = account
    const fixed = {
      kind: 'pay-abroad',
      assetId: stage.world.asset,
      reference: account.owner.id,
      memo: NOTHING,
    } as const
    const paid = wallet.order({ ...fixed, home, to, amount: ABROAD, number })
    this.#expect(paid, (settlement) => {
      // what only the chain of blocks has settled cannot be shown to strangers
      if (!settlement) return
      const lane = importLane(paid.home, paid.oid)
      const terms = importOrder({ home, lane, version: number - 1, head }, paid.od)
      const proof = importProof(orderBytes(paid), settlement)
      const arriving = readOrder(provingOrderEnvelope(netId, orderBody(terms), proof))
      this.#expect(arriving, () => {
        if (number < EMIGRATIONS) this.#emigrate(wallet, account, to, number + 1, arriving.od)
        else this.#expect(account.order(account.pay(account.owner.id, 1)))
      })
    })
  }

  /** True while owners have something left to give. */
  get isBusy(): boolean {
    return this.#left > 0
  }

  /** The issuer gives everybody the same. */
  #payIn(wallets: readonly Wallet[]): void {
    const { stage } = this.#options
    const issuer = issuerWallet(stage.world)
    const row: Row = {
      wallet: issuer,
      window: 3,
      left: wallets.length,
      open: 0,
      make: (left) => {
        const given = wallets.length - left
        return issuer.order(mint(stage.world, FUNDS * (given + 1), (wallets[given] as Wallet).oid))
      },
    }
    this.#next(row)
    if (this.#options.vandal) this.#overissue(row)
  }

  /** The issuer, after its last lawful order. */
  #overissue(row: Row): void {
    const { stage } = this.#options
    if (row.left > 0) this.#later(1_000, () => this.#overissue(row))
    else this.#forbid(row.wallet.peek(mint(stage.world, CAP + 1, row.wallet.oid)), 'mints above the cap')
  }

  #next(row: Row): void {
    while (row.left > 0 && row.open < row.window) {
      const order = row.make(row.left)
      row.left--
      row.open++
      this.#expect(order, () => {
        row.open--
        if (row.left > 0) this.#later(this.#options.chance.between(5, this.#options.restMs), () => this.#next(row))
      })
    }
  }

  /** The whole account, to two people at once. */
  #steal(thief: Wallet, one: Wallet, other: Wallet): void {
    const { chance } = this.#options
    this.thieves.add(toHex(thief.owner.id))
    const pair = [thief.peek(thief.pay(one.oid, FUNDS, 'a')), thief.peek(thief.pay(other.oid, FUNDS, 'b'))]
    for (const order of pair) {
      this.pets.push(order)
      this.#later(chance.between(0, 40), () => this.#send(order, chance.between(0.3, 0.9)))
    }
  }

  #vandalize(owner: Wallet, idle: Wallet): void {
    const { stage, chance } = this.#options
    const { genesis } = stage.world
    this.#forbid(owner.peek(owner.pay(idle.oid, FUNDS * 50)), 'spends what it does not have')
    const stranger = new Wallet(stage.world, { ...idle.owner, sign: owner.owner.sign })
    this.#forbid(stranger.peek(stranger.pay(owner.oid, FUNDS, 'forged')), 'was not signed by its owner')
    const standing = { home: chance.bytes(16), owner: idle.owner.id, keyPosition: 0, nonce: chance.bytes(16) }
    const file = { kind: 'version', fileVersion: 1, digest: chance.bytes(32), gone: false } as const
    const fields = nextOrder({ ...standing, version: 0, head: NO_HEAD }, file, chance.bytes(16), 1000)
    this.#forbid(signOrder(genesis, idle.owner, fields), 'belongs to another neighborhood')
    this.#expect(idle.order(idle.pay(owner.oid, 1)), () => {
      idle.head = chance.bytes(32)
      this.#forbid(idle.peek(idle.pay(owner.oid, 1)), 'follows an order that nobody knows')
    })
  }

  #expect(order: Order, settled: Settled = () => {}): void {
    this.expected.set(`${toHex(order.oid)}/${order.version}`, toHex(order.od))
    this.homes.set(toHex(order.oid), toHex(order.home))
    this.#left++
    this.#send(order, 1, (settlement) => {
      this.#left--
      settled(settlement)
    })
  }

  #forbid(order: Order, why: string): void {
    this.forbidden.set(toHex(order.od), why)
    this.pets.push(order)
    this.#send(order, 1)
  }

  #send(order: Order, share: number, settled: Settled = () => {}): void {
    const task = { order, bytes: orderBytes(order), share, settled, tries: 0, done: false }
    this.#tasks.set(toHex(order.od), task)
    this.#try(task)
  }

  #try(task: Task): void {
    const isVain = !this.expected.has(`${toHex(task.order.oid)}/${task.order.version}`)
    if (task.done || (isVain && task.tries >= VAIN_TRIES_MAX)) return
    this.#options.send(task.bytes, task.tries === 0 ? task.share : 1)
    const delayMs = Math.min(RETRY_MS_MIN * 2 ** task.tries++, RETRY_MS_MAX)
    this.#later(delayMs * this.#options.chance.between(0.8, 1.2), () => this.#try(task))
  }

  #later(delayMs: number, run: () => void): void {
    this.#options.timeline.after(delayMs, run)
  }
}
