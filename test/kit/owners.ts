/**
 * Owners of accounts who sign orders by hand, so that a test says exactly what is sent and when; what is settled is seen through a watching node.
 */

import { randomBytes } from 'node:crypto'
import type { WebxNode } from '../../src/boot.ts'
import {
  type Order,
  orderBody,
  orderBytes,
  orderEnvelope,
  orderSignedBytes,
  readOrder,
} from '../../src/consensus/order.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { homeOf } from '../../src/identity/home.ts'
import type { Settled } from '../../src/kernel/events.ts'
import { accountId, accountNonce, keyLogOrder, NO_HEAD, nextOrder, type OrderFields } from '../../src/ledger/terms.ts'
import { makePerson, type Person } from './people.ts'
import { until, within } from './within.ts'

/** One owner with its account's chain as it signed it. */
export interface Owner {
  readonly person: Person
  readonly account: Uint8Array
  version: number
  head: Uint8Array
}

/** Makes and sends owners' orders through one node that has no seat. */
export class Owners {
  readonly #node: WebxNode
  readonly #waiting = new Map<string, (settled: Settled) => void>()

  constructor(node: WebxNode) {
    this.#node = node
    node.context.events.on('settled', (settled) => this.#waiting.get(toHex(settled.orderDigest))?.(settled))
  }

  /** A new owner whose key log is settled. */
  async open(): Promise<Owner> {
    const { genesis } = this.#node.context
    let person = makePerson()
    // chance says where somebody is at home
    while (!equal(homeOf(genesis, person.id).neighborhood, genesis.neighborhood)) person = makePerson()
    const account = accountId(genesis.netId, genesis.neighborhood, person.id)
    const keyLog = this.sign(person, keyLogOrder(genesis.neighborhood, person.id, person.inception))
    await this.settle(keyLog)
    return { person, account, version: 0, head: NO_HEAD }
  }

  /** The owner's next order: a payment. Its version is used up by this. */
  pay(owner: Owner, to: Uint8Array, amount: number, reference: Uint8Array = new Uint8Array(randomBytes(32))): Order {
    const order = this.draft(owner, to, amount, reference)
    owner.version = order.version
    owner.head = order.od
    return order
  }

  /** A payment at the owner's next version that leaves the chain as it is: two of them are a double order. */
  draft(owner: Owner, to: Uint8Array, amount: number, reference: Uint8Array = new Uint8Array(randomBytes(32))): Order {
    const { person, version, head } = owner
    const standing = {
      home: this.#node.context.genesis.neighborhood,
      owner: person.id,
      keyPosition: 0,
      nonce: accountNonce(),
      version,
      head,
    }
    const [asset] = this.#node.assets.all
    if (!asset) throw new Error('the net has no asset')
    const operation = {
      kind: 'pay',
      assetId: asset.id,
      amount,
      to,
      reference,
      refundOf: NOTHING,
      memo: NOTHING,
    } as const
    const lastEpoch = this.#node.agreed.committee.epoch + LIMITS.orderEpochsMax
    return this.sign(person, nextOrder(standing, operation, new Uint8Array(randomBytes(16)), lastEpoch))
  }

  sign(person: Person, terms: OrderFields): Order {
    const { netId } = this.#node.context
    const body = orderBody(terms)
    return readOrder(orderEnvelope(netId, body, person.sign(orderSignedBytes(netId, body))))
  }

  /** Sends an order once. */
  send(order: Order): Promise<void> {
    const { road, topics } = this.#node.context
    return road.run(() => {
      this.#node.agreed.submit(order)
      return { emit: [{ topic: topics.order, bytes: orderBytes(order) }] }
    })
  }

  /** Sends an order, again every ten seconds, until the watching node sees it settled. */
  async settle(order: Order, timeoutMs = 60_000): Promise<Settled> {
    const { promise, resolve } = Promise.withResolvers<Settled>()
    const name = toHex(order.od)
    this.#waiting.set(name, resolve)
    const cancel = this.#node.context.schedule.every(10_000, 'send again', () => this.send(order))
    try {
      await this.send(order)
      return await within(timeoutMs, promise)
    } finally {
      cancel()
      this.#waiting.delete(name)
    }
  }

  /** `count` owners with money: the organization pays the first, who has it shared out by doubling. */
  async funded(organization: WebxNode, count: number, amountEach: number): Promise<Owner[]> {
    const owners: Owner[] = await Promise.all(Array.from({ length: count }, () => this.open()))
    await this.#mint(organization, (owners[0] as Owner).account, amountEach * count)
    const holding = owners.map((_, i) => (i === 0 ? amountEach * count : 0))
    for (let funded = 1; funded < count; funded *= 2) {
      const pairs = owners.slice(funded, 2 * funded).map((to, i) => ({ to, from: i, at: funded + i }))
      const payments = pairs.map(({ to, from, at }) => {
        const share = amountEach * Math.floor((holding[from] as number) / amountEach / 2)
        holding[from] = (holding[from] as number) - share
        holding[at] = share
        return this.settle(this.pay(owners[from] as Owner, to.account, share))
      })
      await Promise.all(payments)
    }
    return owners
  }

  async #mint(organization: WebxNode, to: Uint8Array, amount: number): Promise<void> {
    const [asset] = organization.assets.all
    if (!asset) throw new Error('the net has no asset')
    const credited = Promise.withResolvers<void>()
    const unhear = this.#node.context.events.on('settled', () => {
      if ((this.#node.agreed.register.object(to)?.state?.balances[0]?.amount ?? 0) >= amount) credited.resolve()
    })
    const { wallet, context } = organization
    const home = this.#node.context.genesis.neighborhood
    if (equal(home, context.genesis.neighborhood)) await wallet.issue(asset, amount, to)
    else {
      // what is issued is at home with its issuer, and goes abroad from there
      await wallet.issue(asset, amount, wallet.account)
      await until(60_000, () => wallet.balance(asset.id) >= amount, 'what was issued')
      await wallet.pay({ reference: new Uint8Array(randomBytes(32)), asset: asset.id, amount, to, home }, 60_000)
    }
    await within(60_000, credited.promise)
    unhear()
  }
}

const NOTHING = new Uint8Array(0)
