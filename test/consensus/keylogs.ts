/** Key events on their way into a net: as orders, and through the ledger's rules without any votes. */

import { type Order, orderBody, provingOrderEnvelope, readOrder } from '../../src/consensus/order.ts'
import { toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope, statementDigest } from '../../src/core/envelope.ts'
import type { ObjectState } from '../../src/ledger/account.ts'
import type { Proposal } from '../../src/ledger/keylog.ts'
import { encodeWitnesses, juryOf, type Witness, witnessMessage } from '../../src/ledger/keylog-witness.ts'
import { createLedgerRules, type LedgerRules } from '../../src/ledger/rules.ts'
import { keyLogOrder, NO_HEAD, type OrderFields, type StateReader } from '../../src/ledger/terms.ts'
import { LogOwner, type Start } from '../kit/keylog.ts'
import { signOrder, type World } from './people.ts'

/** An owner whose inception the register can take: one key, one next key. */
export function simpleOwner(start: Start = {}): LogOwner {
  return new LogOwner({ recovery: false, ...start })
}

/** The order that carries an event. */
export function carrying(world: World, fields: OrderFields, event: Uint8Array): Order {
  return readOrder(provingOrderEnvelope(world.genesis.netId, orderBody(fields), event))
}

/** The order that opens an owner's key log. */
export function inceptOf(world: World, owner: LogOwner): Order {
  const [inception] = owner.events as [Uint8Array]
  const [key] = owner.copy().keys
  if (!key) throw new Error('no key')
  return signOrder(world.genesis, key, keyLogOrder(world.genesis.neighborhood, owner.link().id, inception))
}

/** When the witnesses of tests saw a recovery. */
export const SEEN_MS = 1_000_000

export function digestOf(event: Uint8Array): Uint8Array {
  return statementDigest(decodeEnvelope(event))
}

/** What a seat signs about a recovery. */
export function witnessOf(world: World, seat: number, recovery: Uint8Array, nowMs: number, from = SEEN_MS): Witness {
  const times = { firstSeenMs: from, nowMs }
  const { cid } = juryOf(world.genesis)
  const key = world.epochKeys[seat] as World['epochKeys'][number]
  return { seat, ...times, signature: key.sign(witnessMessage(cid, recovery, times)) }
}

/** Witnesses of these seats, as they are attached; by default of a quorum of four, after so long. */
export function witnesses(world: World, recovery: Uint8Array, afterMs: number, seats = [0, 1, 2]): Uint8Array {
  return encodeWitnesses(seats.map((seat) => witnessOf(world, seat, recovery, SEEN_MS + afterMs)))
}

/** States of objects, and the way of key events through the rules: what a member does after a quorum has voted. */
export class Logs implements StateReader {
  readonly world: World
  readonly rules: LedgerRules
  readonly states = new Map<string, ObjectState>()
  readonly #heads = new Map<string, { version: number; head: Uint8Array }>()

  constructor(world: World, owner?: LogOwner) {
    this.world = world
    this.rules = createLedgerRules(world.genesis)
    if (owner) this.open(owner)
  }

  stateOf = (oid: Uint8Array): ObjectState | null => this.states.get(toHex(oid)) ?? null

  open(owner: LogOwner): void {
    this.apply(inceptOf(this.world, owner))
  }

  /** The order of an event, and what is against it. Throws where the event breaks a rule of key logs. */
  propose(event: Uint8Array): (Proposal & { readonly carried: Order }) | null {
    const head = (oid: Uint8Array) => this.#heads.get(toHex(oid)) ?? { version: 0, head: NO_HEAD }
    const proposal = this.rules.keyLogs.propose(event, this, head)
    return proposal && { ...proposal, carried: carrying(this.world, proposal.order, event) }
  }

  /** `ok`, or the code by which a member refuses the event. */
  judge(event: Uint8Array): string {
    const proposal = this.propose(event)
    if (!proposal) return 'unknown'
    const verdict = this.rules.check(proposal.carried, this)
    return verdict.ok ? 'ok' : verdict.code
  }

  /** Settles an event, whatever members would say of it. */
  settle(event: Uint8Array): Order {
    const proposal = this.propose(event)
    if (!proposal) throw new Error('what the event follows is not settled here')
    this.apply(proposal.carried)
    return proposal.carried
  }

  /** The order that puts a recovery in force, with these witnesses; by default with as many as needed, at the end of its delay. */
  enforcing(owner: LogOwner, event: Uint8Array, attached?: Uint8Array): Order {
    const terms = { identity: owner.link().id, recovery: digestOf(event) }
    const fields = this.rules.recoveries.enforcing(terms, this)
    if (!fields) throw new Error('the recovery is not settled here')
    const open = this.rules.recoveries.openOf(terms.identity, this)
    const delayMs = open.find(({ digest }) => toHex(digest) === toHex(terms.recovery))?.delayMs ?? 0
    return carrying(this.world, fields, attached ?? witnesses(this.world, terms.recovery, delayMs))
  }

  /** `ok`, or the code by which a member refuses to put a recovery in force. Throws where the order disproves itself. */
  judgeEnforcing(order: Order): string {
    if (!this.rules.ownerKey(order, this)) return 'unknown'
    const verdict = this.rules.check(order, this)
    return verdict.ok ? 'ok' : verdict.code
  }

  enforce(owner: LogOwner, event: Uint8Array): void {
    this.apply(this.enforcing(owner, event))
  }

  apply(order: Order): void {
    this.states.set(toHex(order.oid), this.rules.certified(order, this.stateOf(order.oid)))
    for (const { oid, state } of this.rules.settled(order, this)) this.states.set(toHex(oid), state)
    this.#heads.set(toHex(order.oid), { version: order.version, head: order.od })
  }

  /** What stands, as encoded events. */
  standing(owner: LogOwner): Uint8Array[] {
    const tree = this.rules.keyLogs.treeOf(owner.link().id, this)
    return (tree?.standing ?? []).map(({ bytes }) => bytes)
  }

  /** Position and key that act. */
  acting(owner: LogOwner): { position: number; key: Uint8Array | null } | null {
    const keys = this.rules.keyLogs.keysOf(owner.link().id, this)
    return keys && { position: keys.position, key: keys.key }
  }
}
