/** Members' books for the tests of money: states of objects, the way of orders through the rules, and what must hold at every step. */

import type { Order } from '../../src/consensus/order.ts'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import { WebxError } from '../../src/core/errors.ts'
import { balanceOf, encodeState, type ObjectState } from '../../src/ledger/account.ts'
import { assertConserved, type Stock, type Supply, supplies } from '../../src/ledger/conservation.ts'
import type { Settlements } from '../../src/ledger/import.ts'
import type { OwnOperation } from '../../src/ledger/payment.ts'
import { createLedgerRules, type LedgerVerdict } from '../../src/ledger/rules.ts'
import { NO_HEAD, nextOrder } from '../../src/ledger/terms.ts'
import { type Person, signOrder, Wallet, type World } from '../consensus/people.ts'

/** The code that something throws. */
export function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    return error instanceof WebxError ? error.code : String(error)
  }
  return 'nothing was thrown'
}

/** A verdict in one word or three. */
export function verdict(result: LedgerVerdict): string {
  if (result.ok) return 'ok'
  return result.retry ? `${result.code}, later` : result.code
}

/** What one member of a home knows. */
export class Member {
  readonly world: World
  readonly rules: ReturnType<typeof createLedgerRules>
  readonly states = new Map<string, ObjectState>()
  readonly open: Order[] = []
  elsewhere: readonly Stock[] = []
  epochsClosed = 0

  constructor(world: World, settlements?: Settlements) {
    this.world = world
    this.rules = createLedgerRules(world.genesis, settlements)
  }

  underWay = (): readonly Order[] => this.open
  stateOf = (oid: Uint8Array): ObjectState | null => this.states.get(toHex(oid)) ?? null

  judge(order: Order): string {
    return verdict(this.rules.check(order, this))
  }

  certify(order: Order): void {
    this.states.set(toHex(order.oid), this.rules.certified(order, this.stateOf(order.oid)))
    this.open.push(order)
  }

  settle(order: Order): void {
    for (const { oid, state } of this.rules.settled(order, this)) this.states.set(toHex(oid), state)
    this.open.splice(this.open.indexOf(order), 1)
  }

  /** Certified and settled; throws where it would not be voted for. */
  both(order: Order): Order {
    const said = this.judge(order)
    if (said !== 'ok') throw new Error(said)
    this.certify(order)
    this.settle(order)
    return order
  }

  balance(oid: Uint8Array): number {
    return balanceOf(this.stateOf(oid), this.world.asset)
  }

  /** Totals of the first asset. Throws where they do not add up. */
  supply(): Supply {
    const objects = [...this.states].map(([oid, state]) => ({ oid: fromHex(oid), state }))
    const list = supplies({ objects, inFlight: this.open, elsewhere: this.elsewhere }, this.world.genesis)
    assertConserved(list)
    return list[0] as Supply
  }

  /** Equal for members with equal states. */
  fingerprint(): string {
    const known = [...this.states].map(([oid, state]) => `${oid} ${toHex(encodeState(state))}`)
    return known.sort().join('\n')
  }
}

/** A wallet whose orders may be voted for until a given epoch, in a home of one's choice. */
export class Purser extends Wallet {
  maxEpoch = 1
  readonly home: Uint8Array

  constructor(world: World, owner: Person, home: Uint8Array = world.genesis.neighborhood) {
    super(world, owner)
    this.home = home
  }

  override peek(operation: OwnOperation, idem: Uint8Array = new Uint8Array(16).fill(this.version)): Order {
    const { home, owner, nonce, version, head } = this
    const standing = { home, owner: owner.id, keyPosition: 0, nonce, version, head: version === 0 ? NO_HEAD : head }
    return signOrder(this.world.genesis, owner, nextOrder(standing, operation, idem, this.maxEpoch))
  }
}
