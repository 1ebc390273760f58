/**
 * What an app is: a part of a node with a purpose for people. It is given its node's identity and ports, and makes none of its own.
 */

import type { Service } from '../kernel/context.ts'

/** An app of one node. The constructor lays its lanes on the road; `start` subscribes and restores, `stop` gives up what is under way. */
export interface App extends Service {
  /** Such as `facepay terminal`: for logs and screens. */
  readonly name: string
}
