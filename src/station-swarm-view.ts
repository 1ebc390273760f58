/**
 * The swarm as a running node sees it: the neighborhood under way with what led to it, and names as people read them.
 */

import type { ComposedNode } from './compose.ts'
import type { Opening } from './consensus/epoch/opening.ts'
import { equal, toHex } from './core/bytes.ts'
import type { Engine } from './engine.ts'
import { EpochHistory } from './epoch-history.ts'
import { placesIn } from './epoch-places.ts'
import type { EpochRoles } from './epoch-roles.ts'
import { seatingRulesOf } from './epochs.ts'
import { labelOf } from './identity/xqident.ts'
import type { DrawnRole } from './swarm/roles.ts'

/** Whatever of a node the swarm is seen through. */
export type SwarmNode = Pick<ComposedNode, 'context' | 'posts' | 'homes' | 'presence' | 'publicLog'>

/** Somebody by both its names. */
export interface Named {
  readonly id: string
  readonly label: string
}

export type RoleName = DrawnRole | 'operator'

/** The neighborhood of a node as it stands, with what led to it: that in which it votes, where it was divided. */
export class SwarmView {
  readonly node: SwarmNode
  readonly rules: ReturnType<typeof seatingRulesOf>
  readonly #histories = new Map<Engine, EpochHistory>()

  constructor(node: SwarmNode) {
    this.node = node
    this.rules = seatingRulesOf(node.context.genesis)
  }

  get agreed(): Engine['agreed'] {
    return this.node.posts.post.agreed
  }

  get opening(): Opening {
    return this.agreed.hood.term.opening
  }

  get history(): EpochHistory {
    return this.#historyOf(this.node.posts.post)
  }

  get homeHistory(): EpochHistory {
    return this.#historyOf(this.node.posts.home)
  }

  #historyOf(engine: Engine): EpochHistory {
    const history = this.#histories.get(engine) ?? new EpochHistory(engine.anchor, engine.context.store)
    this.#histories.set(engine, history)
    return history
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
