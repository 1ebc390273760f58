/** One register under test, and the votes of the other seats made by hand. */

import { certificateEnvelope, readCertificate } from '../../src/consensus/certificate.ts'
import { type Committee, committeeOf } from '../../src/consensus/committee.ts'
import type { Effect } from '../../src/consensus/effects.ts'
import type { Order } from '../../src/consensus/order.ts'
import { createRegister, type Register } from '../../src/consensus/register.ts'
import { VOTE, type VoteEntry, type VoteKind } from '../../src/consensus/statement.ts'
import { decodeEnvelope, encodeEnvelope } from '../../src/core/envelope.ts'
import type { ObjectState } from '../../src/ledger/account.ts'
import { createLedgerRules } from '../../src/ledger/rules.ts'
import { type Forger, forger } from './forger.ts'
import { Disk } from './network.ts'
import { issuerWallet, mint, type Wallet, type World } from './people.ts'

export class Member {
  readonly world: World
  readonly committee: Committee
  readonly disk = new Disk()
  readonly seat: number | null
  readonly others: readonly Forger[]
  register: Register<ObjectState>
  nowMs = 0

  constructor(world: World, seat: number | null = 0) {
    this.world = world
    this.seat = seat
    this.committee = committeeOf(world.genesis)
    this.others = world.members.map((_, other) => forger({ committee: this.committee, world }, other))
    this.register = this.#create(null)
  }

  /** Steps an order as the road would: its key first. */
  order(order: Order): Effect[] {
    const verified = this.register.keyOf(order) !== null
    return this.register.step({ kind: 'order', order, verified }, this.nowMs)
  }

  /** Votes of these seats, one batch each. */
  votes(kind: VoteKind, order: Pick<Order, 'oid' | 'version' | 'od'>, seats: readonly number[]): Effect[] {
    const entry = entryOf(kind, order)
    return seats.flatMap((seat) => {
      const batch = (this.others[seat] as Forger).batch([entry])
      return this.register.step({ kind: 'votes', batch }, this.nowMs)
    })
  }

  /** The CERT or SETTLEMENT that seats 1, 2, … make. */
  proof(kind: VoteKind, order: Pick<Order, 'oid' | 'version' | 'od'>): Uint8Array {
    const entry = entryOf(kind, order)
    const votes = Array.from({ length: this.committee.quorum }, (_, i) => ({
      batch: (this.others[i + 1] as Forger).batch([entry]),
      index: 0,
    }))
    return encodeEnvelope(certificateEnvelope(this.committee, entry, votes))
  }

  adopt(bytes: Uint8Array): Effect[] {
    const certificate = readCertificate(decodeEnvelope(bytes), this.committee)
    return this.register.step({ kind: 'certificate', certificate, bytes }, this.nowMs)
  }

  /** Order and settlement, as a member that catches up gets them. */
  settle(order: Order): Effect[] {
    return [...this.order(order), ...this.adopt(this.proof(VOTE.confirm, order))]
  }

  /** Seals the next batch, if there is one. */
  seal(): Effect[] {
    const batch = this.register.nextBatch()
    if (!batch || this.seat === null) return []
    const key = this.world.epochKeys[this.seat] as World['epochKeys'][number]
    return this.register.sealBatch(key.sign(batch.message))
  }

  /** Ends the turn: seals, stores, and syncs unless power fails first. */
  turn(synced = true): Effect[] {
    const effects = this.seal()
    this.disk.write(this.register.flush())
    if (synced) this.disk.sync()
    return effects
  }

  /** Dies and comes back with what was synced. */
  restart(): void {
    this.disk.crash()
    this.register = this.#create(this.register)
  }

  /** A wallet whose account holds `amount` here, its owner's key log settled. */
  fund(wallet: Wallet, amount: number): Wallet {
    this.settle(wallet.incept())
    this.settle(issuerWallet(this.world).order(mint(this.world, amount, wallet.oid)))
    this.turn()
    return wallet
  }

  #create(before: Register<ObjectState> | null): Register<ObjectState> {
    const rules = createLedgerRules(this.world.genesis)
    const { committee, seat, disk: records } = this
    return createRegister({ committee, seat, rules, records, ...(before && { before }) })
  }
}

export function entryOf(kind: VoteKind, { oid, version, od }: Pick<Order, 'oid' | 'version' | 'od'>): VoteEntry {
  return { kind, oid, version, od }
}

/** The effects of one kind. */
export function of<K extends Effect['kind']>(effects: readonly Effect[], kind: K): Extract<Effect, { kind: K }>[] {
  return effects.filter((effect): effect is Extract<Effect, { kind: K }> => effect.kind === kind)
}

/** Published statements, as `what@rank`. */
export function published(effects: readonly Effect[]): string[] {
  return of(effects, 'publish').map(({ what, rank }) => `${what}@${rank}`)
}
