/**
 * One neighborhood as a node runs it: what is agreed on there, and the services that take part in that, on a road and a store of their own.
 *
 * A node has one of the neighborhood that its identity is at home in, and one more for each division that has led it on (`posts.ts`). Where it has no seat it follows.
 */

import type { Kin } from './consensus/epoch/kin.ts'
import type { Opening } from './consensus/epoch/opening.ts'
import type { EpochRules } from './consensus/epoch/rules.ts'
import { createNeighborhood } from './consensus/neighborhood.ts'
import type { VersionRange } from './core/versions.ts'
import type { Orders } from './kernel/agreed.ts'
import type { Context, Service } from './kernel/context.ts'
import type { OtherHomes } from './kernel/homes.ts'
import type { LedgerRules } from './ledger/rules.ts'
import { Abroad } from './services/abroad.ts'
import { Agreement } from './services/agreement.ts'
import type { EpochKeys } from './services/agreement-keys.ts'
import { CatchUp } from './services/catchup.ts'
import { Following } from './services/following.ts'
import { Neighbors, type Self } from './services/neighbors.ts'
import { Outbox } from './services/outbox.ts'
import type { Presence } from './services/presence.ts'
import { Recovery } from './services/recovery.ts'
import { Treasury } from './services/treasury.ts'
import { Transfers } from './services/treasury-transfers.ts'
import { type Admission, type EpochTimes, Turning } from './services/turning.ts'

/** What is the same in every neighborhood that a node takes part in. */
export interface EngineParts {
  readonly keys: EpochKeys
  readonly epochRules: EpochRules
  readonly versions: VersionRange
  readonly times: EpochTimes
  readonly self: Omit<Self, 'versions' | 'seat'>
  readonly hearsVotes: boolean
  readonly presence: Pick<Presence, 'seatsUp' | 'move'>
}

/** The neighborhood. */
export interface EnginePlace {
  /** How the first epoch of it began that this node takes part in. */
  readonly anchor: Opening
  readonly rules: LedgerRules
  /** The homes that money goes to from there, and comes from. */
  readonly homes: OtherHomes
  /** The other part of the division that it came from; null where it came from none. */
  readonly kin: Kin | null
  /** What lets this node apply for a place there; null where it wants none, or has one elsewhere. */
  readonly admission: () => Admission | null
}

/** A neighborhood that this node takes part in, and what it is, does and has there. */
export interface Engine {
  readonly anchor: Opening
  readonly context: Context
  readonly agreed: Agreement
  readonly following: Following
  /** This node's say about the end of epochs, and about its own place. */
  readonly turning: Turning
  /** Who of the neighborhood is there, and what each says of itself. */
  readonly neighbors: Neighbors
  readonly catchUp: CatchUp
  readonly recovery: Recovery
  /** Turns wishes of this node's identity into orders. */
  readonly orders: Orders
  readonly wallet: Treasury
  /** Further ways of money of this node's identity. */
  readonly transfers: Transfers
  /** Payments of this node's identity on their way to other homes. */
  readonly abroad: Abroad
  /** What is to be started beside `agreed` and `following`, in this order. */
  readonly services: readonly Service[]
}

/** Puts a neighborhood together; nothing is started. Throws `store-damaged` where its records contradict themselves. */
export function createEngine(context: Context, parts: EngineParts, place: EnginePlace): Engine {
  const { keys, genesis, store, random } = context
  const { epochRules, versions, times, presence } = parts
  const { anchor, rules, homes, kin, admission } = place
  const hood = createNeighborhood({
    anchor,
    memberId: keys.id,
    inception: keys.inception,
    staysHome: true,
    rules,
    versions,
    epochRules,
    kin: () => kin,
    records: store,
    organizationKey: genesis.organizationState.keys[0] ?? null,
    tallySeed: random.bytes(8),
  })
  const agreed = new Agreement(context, { hood, keys: parts.keys, hearsVotes: parts.hearsVotes })
  const following = new Following(context, agreed)
  const turning = new Turning(context, agreed, times, admission)
  const neighbors = new Neighbors(context, agreed, { ...parts.self, versions, seat: epochRules.seat })
  const catchUp = new CatchUp(context, agreed)
  const recovery = new Recovery(context, agreed)
  const orders = new Outbox(context, agreed, catchUp)
  const enoughSeats = (): boolean => presence.seatsUp(agreed.committee) >= agreed.committee.quorum
  const wallet = new Treasury(context, { agreed, orders, enoughSeats, homes })
  const transfers = new Transfers(context, { agreed, orders, wallet, standings: catchUp })
  const abroad = new Abroad(context, agreed, homes)
  const services = [turning, neighbors, catchUp, wallet, orders, abroad, recovery]
  const made = { agreed, following, turning, neighbors, catchUp, recovery, orders, wallet, transfers, abroad }
  return { anchor, context, ...made, services }
}
