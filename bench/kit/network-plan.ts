/** What the nets of the network suite go through, the same at every size. */

/** How long each part lasts, in virtual time, and how often people pay. */
export interface Plan {
  readonly idleMs: number
  readonly loadMs: number
  /** Payments of a neighborhood while there is load. */
  readonly paymentsPerHood: number
}

export const PLAN: Plan = { idleMs: 30_000, loadMs: 20_000, paymentsPerHood: 5 }

/** Leaves of the public log for each node of the net and checkpoint. */
export const LEAVES_PER_NODE = 0.4

/** How often a node says how it is, as `services/presence.ts` does. */
export const HEALTH_MS = 30_000
