/**
 * A guest: a second face of a node on its net, under an identity that was made for one stay and is thrown away after it.
 *
 * It has a connection, a road and timers of its own, on the store and the clock of its node, so that nothing it says or hears bears the node's name. What still
 * ties the two together is said in `src/PROTOCOL.md` §18.
 */

import type { Context } from './context.ts'

/** One guest. */
export interface Guest {
  /** Its world: other keys, another link and another road than the node's. */
  readonly context: Context
  /** Ends road, timers and connection. What waits on its road rejects with `stopped`. */
  close(): Promise<void>
}

/** Makes a guest; its link connects in the background. */
export type OpenGuest = () => Promise<Guest>
