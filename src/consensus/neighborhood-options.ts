/** What a neighborhood is made of, as whoever drives it hands it in. */

import type { Records } from './effects.ts'
import type { Self } from './epoch/conduct.ts'
import type { Kin } from './epoch/kin.ts'
import type { Opening } from './epoch/opening.ts'
import type { EpochRules } from './epoch/rules.ts'
import type { ObjectRules } from './object.ts'
import type { Timing } from './simplex/effects.ts'

/** What a neighborhood is made of. */
export interface NeighborhoodOptions<S> extends Partial<Pick<Self, 'inception' | 'versions'>> {
  /** Opening of the first epoch, from the genesis; later ones are found in the records. */
  readonly anchor: Opening
  /** 32-byte identity of this node. */
  readonly memberId: Uint8Array
  /** The meaning of orders; by home, for a node that may come into another neighborhood when its own is divided. */
  readonly rules: ObjectRules<S> | ((nid: Uint8Array) => ObjectRules<S>)
  readonly epochRules: EpochRules
  readonly records: Records
  /** Raw Ed25519 key of the organization that admits to this net; null where nobody does. */
  readonly organizationKey?: Uint8Array | null
  /** True for a node that goes on with the stem where the neighborhood is divided, and votes in the sprout, if it has a seat there, by another one of these. */
  readonly staysHome?: boolean
  /** What this node knows of the kin of a neighborhood, by its 16-byte id; null for one that has none. */
  readonly kin?: (nid: Uint8Array) => Kin | null
  readonly tallySeed?: Uint8Array
  readonly timing?: Partial<Timing>
}
