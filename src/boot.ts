/**
 * The composition root: ports, road, services, in the order in which they come to life. Reads from top to bottom.
 */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Committee, committeeOf, seatOf } from './consensus/committee.ts'
import { createRegister } from './consensus/register.ts'
import { equal } from './core/bytes.ts'
import { decode, encode } from './core/codec.ts'
import { WebxError } from './core/errors.ts'
import { SignIn } from './drivers/broker-token.ts'
import { hostClock, hostRandom } from './drivers/host.ts'
import { type MqttLink, openMqttLink } from './drivers/mqtt-link.ts'
import { openSqliteStore } from './drivers/sqlite-store.ts'
import { provideFromFiles } from './drivers/wasm-files.ts'
import type { Genesis } from './identity/genesis.ts'
import type { Context, Service } from './kernel/context.ts'
import { Events } from './kernel/events.ts'
import { createCounters } from './kernel/observe.ts'
import type { Assets, Clock, Keys, Log, Random, Signer, Store } from './kernel/ports.ts'
import { Road } from './kernel/road.ts'
import { Schedule } from './kernel/schedule.ts'
import { Topics } from './kernel/topics.ts'
import { createLedgerRules } from './ledger/rules.ts'
import { Agreement } from './services/agreement.ts'
import { CatchUp } from './services/catchup.ts'
import { Introductions, KnownIdentities } from './services/directory.ts'
import { Outbox } from './services/outbox.ts'
import { Presence } from './services/presence.ts'
import { Recovery } from './services/recovery.ts'
import { createAssets, Treasury } from './services/treasury.ts'

/** The name under which brokers of this version take sign-in tokens. */
export const BROKER_NAME = 'webx'
const SOFTWARE = 'webx 0.1.0'
const META = 'meta'

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
  /** Replaces the SQLite store, for tests of what a disk can do. */
  readonly openStore?: (path: string) => Promise<Store>
  /** Called with every message as it comes in, before anything is judged: for captures. */
  readonly onWire?: (topic: string, bytes: Uint8Array) => void
}

/** A running node. */
export interface WebxNode {
  readonly context: Context
  readonly agreed: Agreement
  readonly wallet: Treasury
  readonly assets: Assets
  readonly presence: Presence
  readonly catchUp: CatchUp
  readonly link: MqttLink
  /** True once a member knows whether it may vote; for others at once. */
  readonly recovered: () => boolean
  /** Resolves if the node can no longer store what it promises and has stopped. */
  readonly failed: Promise<WebxError>
  stop(): Promise<void>
}

/** Starts a node. Resolves when it is running; its link connects in the background. */
export async function createNode(options: NodeOptions): Promise<WebxNode> {
  const { genesis, keys, log } = options
  provideFromFiles()
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 })
  const store = await (options.openStore ?? openStore)(join(options.dataDir, 'webx.db'))
  const life = await beginLife(store)
  const { promise: failed, resolve: halt } = Promise.withResolvers<WebxError>()

  // ports
  const clock = hostClock()
  const random = hostRandom()
  const counters = createCounters()
  const events = new Events(log)
  const schedule = new Schedule(clock, log)
  const netId = genesis.netId
  const topics = new Topics(netId)
  const link = openLink(options, topics, { clock, random, counters })
  const directory = new KnownIdentities(genesis)

  // the road
  const ports = { netId, boot: life.boot, clock, keys, store, link, directory, counters, log, halt }
  const road = new Road(ports)
  const context: Context = {
    genesis,
    netId,
    topics,
    clock,
    random,
    keys,
    store,
    link,
    directory,
    events,
    counters,
    log,
    schedule,
    road,
  }

  // services
  const committee = committeeOf(genesis)
  const seat = seatOf(committee, keys.id)
  const rules = createLedgerRules(genesis)
  const register = createRegister({ committee, seat, rules, records: store })
  const voter = seat === null ? null : await voterOf(keys, committee, seat)
  const hearsVotes = seat !== null || options.hearsVotes === true
  const agreed = new Agreement(context, { committee, register, voter, hearsVotes })
  const catchUp = new CatchUp(context, agreed)
  const recovery = seat === null ? null : new Recovery(context, agreed, life.cleanStart)
  const outbox = new Outbox(context, agreed, catchUp)
  const wallet = new Treasury(context, agreed, outbox)
  const presence = new Presence(context, SOFTWARE, committee.quorum)
  const introductions = new Introductions(context, directory)

  link.onMessage((topic, bytes) => {
    options.onWire?.(topic, bytes)
    if (bytes.length > 0) road.receive(topic, bytes)
    else presence.hintGone(topic)
  })
  link.onState((state) => events.emit('link', { up: state === 'up' }))
  const services: Service[] = [introductions, presence, agreed, catchUp, wallet, outbox]
  if (recovery) services.push(recovery)
  for (const service of services) await service.start()

  let stopping: Promise<void> | null = null
  const stop = async (): Promise<void> => {
    for (const service of services.toReversed())
      await service.stop().catch((error: unknown) => log.debug({ error }, 'stopping'))
    schedule.stop()
    await road.stop()
    await link.close()
    await endLife(store, life.boot).catch((error: unknown) => log.error({ error }, 'the store could not be closed'))
  }
  return {
    context,
    agreed,
    wallet,
    assets: createAssets(rules.assets.values()),
    presence,
    catchUp,
    link,
    failed,
    recovered: () => recovery?.settled ?? true,
    stop: () => (stopping ??= stop()),
  }
}

/** The key that votes. Throws `bad-config` where the genesis gave this seat another one. */
async function voterOf(keys: Keys, committee: Committee, seat: number): Promise<Signer> {
  const voter = await keys.epochSigner(committee.epoch)
  if (equal(voter.publicKey, committee.seats[seat]?.epochKey ?? NOTHING)) return voter
  throw new WebxError('bad-config', `the genesis names another voting key for seat ${seat}`, {
    hint: 'Use the key file that the seat was offered with.',
  })
}

function openStore(path: string): Promise<Store> {
  return openSqliteStore({ path })
}

function openLink(
  options: NodeOptions,
  topics: Topics,
  ports: { clock: Clock; random: Random; counters: Context['counters'] },
): MqttLink {
  const place = { broker: BROKER_NAME, netId: options.genesis.netId }
  const signIn = new SignIn({ keys: options.keys, place, clock: ports.clock, random: ports.random })
  const will = { topic: topics.health(options.keys.id), bytes: new Uint8Array(0), retain: true }
  return openMqttLink({ url: options.brokerUrl, ...ports, signIn, will })
}

const NOTHING = new Uint8Array(0)
const LIFE_KEY = new TextEncoder().encode('life')

/** Counts this start and marks the store as in use, durably, before anything is sent. */
async function beginLife(store: Store): Promise<{ boot: number; cleanStart: boolean }> {
  const value = store.get(META, LIFE_KEY)
  const [boots, clean] = value ? (decode(value) as [number, boolean]) : [0, false]
  const boot = boots + 1
  store.write([{ space: META, key: LIFE_KEY, value: encode([boot, false]) }])
  await store.sync()
  return { boot, cleanStart: clean }
}

/** Marks a clean stop: all that was ever sent is in the store. */
async function endLife(store: Store, boot: number): Promise<void> {
  store.write([{ space: META, key: LIFE_KEY, value: encode([boot, true]) }])
  await store.sync()
  await store.close()
}
