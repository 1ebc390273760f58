/**
 * The composition root: gives a node the drivers of this machine. What is built on them is in `compose.ts`.
 */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type ComposedNode, composeNode } from './compose.ts'
import { SignIn } from './drivers/broker-token.ts'
import { guestKeys } from './drivers/guest-keys.ts'
import { hostClock, hostRandom } from './drivers/host.ts'
import { type MqttLink, openMqttLink } from './drivers/mqtt-link.ts'
import { calibrateNodeSeal } from './drivers/native-seal.ts'
import { openSqliteStore } from './drivers/sqlite-store.ts'
import { provideFromFiles } from './drivers/wasm-files.ts'
import type { Genesis } from './identity/genesis.ts'
import type { Clock, Counters, Keys, Link, Log, Random, Store } from './kernel/ports.ts'
import type { Topics } from './kernel/topics.ts'
import type { Admission, EpochTimes } from './services/turning.ts'
import { selfTest } from './wasm/self-test.ts'

/** The name under which brokers of this version take sign-in tokens. */
export const BROKER_NAME = 'webx'

/** What a node is made of. */
export interface NodeOptions {
  readonly genesis: Genesis
  readonly keys: Keys
  /** Folder of the node's store; made where it is missing. */
  readonly dataDir: string
  /** `mqtt://…`; with `user:password@` for a broker that uses passwords. */
  readonly brokerUrl: string
  readonly log: Log
  /** Terminals listen to single votes, so that they see an order settle at once; members always do. */
  readonly hearsVotes?: boolean
  /** How long epochs last here. */
  readonly epochs?: EpochTimes
  /** What lets this node apply for a place in the neighborhood, where it has none. */
  readonly admission?: Admission | null
  /** Replaces the SQLite store, for tests of what a disk can do. */
  readonly openStore?: (path: string) => Promise<Store>
  /** Called with every message as it comes in, before anything is judged: for captures. */
  readonly onWire?: (topic: string, bytes: Uint8Array) => void
}

/** A running node on this machine. */
export interface WebxNode extends ComposedNode {
  readonly link: MqttLink
}

/** Starts a node. Resolves when it is running; its link connects in the background. */
export async function createNode(options: NodeOptions): Promise<WebxNode> {
  const { genesis, keys, log } = options
  provideFromFiles()
  prepareKernelsOnce()
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 })
  const store = await (options.openStore ?? openStore)(join(options.dataDir, 'webx.db'))
  const clock = hostClock()
  const random = hostRandom()
  const opened = Promise.withResolvers<MqttLink>()
  const openLink = (topics: Topics, counters: Counters): MqttLink => {
    const link = openBrokerLink(options, topics, { clock, random, counters })
    opened.resolve(link)
    return link
  }
  const openGuestLink = (counters: Counters): { keys: Keys; link: Link } => {
    const own = guestKeys(random)
    return { keys: own, link: openBrokerLink({ ...options, keys: own }, null, { clock, random, counters }) }
  }
  const { hearsVotes = false, onWire = () => {}, epochs, admission = null } = options
  const node = await composeNode({
    genesis,
    keys,
    clock,
    random,
    store,
    log,
    openLink,
    openGuestLink,
    hearsVotes,
    ...(epochs && { epochs }),
    admission,
    onWire,
  })
  return { ...node, link: await opened.promise }
}

let kernelsPrepared = false

/**
 * Nothing is signed or voted by a kernel that computes wrongly; large texts are sealed by whichever cipher is faster here.
 * Throws what a wrong answer makes the self-test throw.
 */
function prepareKernelsOnce(): void {
  if (kernelsPrepared) return
  selfTest()
  calibrateNodeSeal()
  kernelsPrepared = true
}

function openStore(path: string): Promise<Store> {
  return openSqliteStore({ path })
}

/** @param topics null for a guest, who leaves no will: nobody counts on it */
function openBrokerLink(
  options: NodeOptions,
  topics: Topics | null,
  ports: { clock: Clock; random: Random; counters: Counters },
): MqttLink {
  const place = { broker: BROKER_NAME, netId: options.genesis.netId }
  const signIn = new SignIn({ keys: options.keys, place, clock: ports.clock, random: ports.random })
  const will = topics && { topic: topics.health(options.keys.id), bytes: new Uint8Array(0), retain: true }
  return openMqttLink({ url: options.brokerUrl, ...ports, signIn, ...(will && { will }) })
}
