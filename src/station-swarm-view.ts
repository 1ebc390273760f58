/**
 * The swarm as a running node sees it: the neighborhood under way with what led to it, and names as people read them.
 */

import type { ComposedNode } from './compose.ts'
import type { Opening } from './consensus/epoch/opening.ts'
import { equal, toHex } from './core/bytes.ts'
import { EpochHistory } from './epoch-history.ts'
import { placesIn } from './epoch-places.ts'
import type { EpochRoles } from './epoch-roles.ts'
import { seatingRulesOf } from './epochs.ts'
import { labelOf } from './identity/xqident.ts'
import type { DrawnRole } from './swarm/roles.ts'

/** Whatever of a node the swarm is seen through. */
export type SwarmNode = Pick<ComposedNode, 'context' | 'agreed' | 'homes' | 'presence' | 'turning' | 'publicLog'>

/** Somebody by both its names. */
export interface Named {
  readonly id: string
  readonly label: string
}

export type RoleName = DrawnRole | 'operator'

/** The neighborhood of a node as it stands, with what led to it. */
export class SwarmView {
  readonly node: SwarmNode
  readonly history: EpochHistory
  readonly rules: ReturnType<typeof seatingRulesOf>

  constructor(node: SwarmNode) {
    const { genesis, store } = node.context
    this.node = node
    this.history = new EpochHistory(genesis, store)
    this.rules = seatingRulesOf(genesis)
  }

  get opening(): Opening {
    return this.node.agreed.hood.term.opening
  }

  /** What the epoch before began with; null where there is none, or it is not kept. */
  get before(): Opening | null {
    return this.history.opening(this.opening.epoch - 1)
  }

  get places(): ReturnType<typeof placesIn> {
    return placesIn(this.before, this.opening, this.rules)
  }

  isOwn(id: Uint8Array): boolean {
    return equal(id, this.node.context.keys.id)
  }
}

export function named(id: Uint8Array): Named {
  return { id: toHex(id), label: labelOf(id) }
}

/** What somebody was drawn for. */
export function rolesHeld({ masterNodes, brokers, operators }: EpochRoles, id: Uint8Array): RoleName[] {
  const holders = { 'master-node': masterNodes, broker: brokers, operator: operators }
  return Object.entries(holders).flatMap(([role, ids]) => (ids.some((one) => equal(one, id)) ? [role as RoleName] : []))
}
