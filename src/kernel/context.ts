/**
 * What a service or an app is given when it is made: the net, the ports, the road, and nothing else.
 */

import type { Genesis } from '../identity/genesis.ts'
import type { Events } from './events.ts'
import type { Clock, Counters, Directory, Keys, Link, Log, Random, Store } from './ports.ts'
import type { Road } from './road.ts'
import type { Schedule } from './schedule.ts'
import type { Topics } from './topics.ts'

/** The world of one node. */
export interface Context {
  readonly genesis: Genesis
  readonly netId: Uint8Array
  readonly topics: Topics
  readonly clock: Clock
  readonly random: Random
  readonly keys: Keys
  readonly store: Store
  readonly link: Link
  readonly directory: Directory
  readonly events: Events
  readonly counters: Counters
  readonly log: Log
  readonly schedule: Schedule
  readonly road: Road
}

/** A part of a node with a life of its own. The constructor only initializes; `start` subscribes and restores. */
export interface Service {
  start(): Promise<void>
  stop(): Promise<void>
}
