/**
 * Puts a node together out of its ports: road and services, in the order in which they come to life. Reads from top to bottom.
 *
 * `boot.ts` hands in what the machine has; tests and simulations hand in a broker, a disk and a clock of their own. The node is the same.
 */

import { committeeOf, seatOf } from './consensus/committee.ts'
import { equal } from './core/bytes.ts'
import { decode, encode } from './core/codec.ts'
import { WebxError } from './core/errors.ts'
import { SPOKEN, type VersionRange } from './core/versions.ts'
import { createEngine, type EngineParts } from './engine.ts'
import { allSproutsOf, anchorOf, anchorsOf, seatingOf } from './epochs.ts'
import { guestsOf } from './guest.ts'
import type { Genesis } from './identity/genesis.ts'
import { homeOf, seenFrom } from './identity/home.ts'
import type { Orders } from './kernel/agreed.ts'
import { Chains } from './kernel/chains.ts'
import type { Context, Service } from './kernel/context.ts'
import { Events } from './kernel/events.ts'
import type { OpenGuest } from './kernel/guest.ts'
import type { KnownHomes } from './kernel/homes.ts'
import { createCounters } from './kernel/observe.ts'
import type { Assets, Clock, Counters, Keys, Link, Log, Random, Store } from './kernel/ports.ts'
import { countFromOne, Road } from './kernel/road.ts'
import { Schedule } from './kernel/schedule.ts'
import { Topics } from './kernel/topics.ts'
import type { StatusLists } from './kernel/vault.ts'
import { createLedgerRules } from './ledger/rules.ts'
import { Posts } from './posts.ts'
import type { Abroad } from './services/abroad.ts'
import { Arrivals } from './services/abroad-arrivals.ts'
import { Proofs } from './services/abroad-proofs.ts'
import type { Agreement } from './services/agreement.ts'
import { EpochKeys } from './services/agreement-keys.ts'
import type { CatchUp } from './services/catchup.ts'
import { Introductions, KnownIdentities } from './services/directory.ts'
import { SettledLogs } from './services/directory-logs.ts'
import { Homes, openHomes } from './services/homes.ts'
import { Issuer } from './services/issuer.ts'
import type { Neighbors } from './services/neighbors.ts'
import { Presence } from './services/presence.ts'
import { PublicLog } from './services/public.ts'
import { Shared } from './services/shared.ts'
import { Statuses } from './services/statuses.ts'
import { createAssets, type Treasury } from './services/treasury.ts'
import type { Transfers } from './services/treasury-transfers.ts'
import { type Admission, EPOCH_TIMES, type EpochTimes, type Turning } from './services/turning.ts'
import { Witnessing } from './services/witness.ts'

const SOFTWARE = 'webx 0.1.0'
const META = 'meta'
/** What the store of this program holds: a higher number is not read by an older one. */
const STORE_VERSION = 1

/** The ports that a node stands on, and how it is to behave. */
export interface NodeParts {
  readonly genesis: Genesis
  readonly keys: Keys
  readonly clock: Clock
  readonly random: Random
  readonly store: Store
  readonly log: Log
  /** Opens the node's link once its start is counted. */
  readonly openLink: (topics: Topics, counters: Counters) => Link
  /** Opens the link of a guest of this node, with keys made for it. */
  readonly openGuestLink?: (counters: Counters) => { readonly keys: Keys; readonly link: Link }
  /** Terminals listen to single votes, so that they see an order settle at once; members always do. */
  readonly hearsVotes?: boolean
  /** How long epochs last here; `EPOCH_TIMES` unless given. */
  readonly epochs?: EpochTimes
  /** What lets this node apply for a place in the neighborhood, where it has none. */
  readonly admission?: Admission | null
  /** Wire versions that this node speaks; `SPOKEN` unless given. */
  readonly versions?: VersionRange
  /** Called with every message as it comes in, before anything is judged: for captures. */
  readonly onWire?: (topic: string, bytes: Uint8Array) => void
}

/** A running node. */
export interface ComposedNode {
  readonly context: Context
  readonly agreed: Agreement
  /** Where this node votes, if not at home, and all neighborhoods that it takes part in: what else is here is of its home. */
  readonly posts: Posts
  /** This node's say about the end of epochs, and about its own place. */
  readonly turning: Turning
  /** Turns wishes of this node's identity into orders. */
  readonly orders: Orders
  readonly wallet: Treasury
  /** Further ways of money of this node's identity. */
  readonly transfers: Transfers
  /** Payments of this node's identity on their way to other homes. */
  readonly abroad: Abroad
  /** Other neighborhoods of this net, to which money may go: those that the genesis names. */
  readonly homes: KnownHomes
  readonly assets: Assets
  readonly presence: Presence
  /** Who of the neighborhood is there, and what each says of itself. */
  readonly neighbors: Neighbors
  /** The public log as this node sees it. */
  readonly publicLog: PublicLog
  readonly catchUp: CatchUp
  /** Objects that several identities write. */
  readonly shared: Shared
  /** Mints and revokes the pings of this node's identity. */
  readonly issuer: Issuer
  /** Who has revoked what. */
  readonly statuses: StatusLists
  /** Makes a guest of this node. Rejects with `not-allowed` where it was given no links for guests. */
  readonly openGuest: OpenGuest
  /** True once a member knows whether it may vote; for others at once. */
  readonly recovered: () => boolean
  /** Resolves if the node can no longer store what it promises and has stopped. */
  readonly failed: Promise<WebxError>
  stop(): Promise<void>
}

/** Starts a node. Resolves when it is running; its link connects in the background. */
export async function composeNode(parts: NodeParts): Promise<ComposedNode> {
  const { keys, clock, random, store, log } = parts
  const nid = homeOf(parts.genesis, parts.keys.id).neighborhood
  const genesis = seenFrom(parts.genesis, nid)
  const boot = await beginLife(store, clock.nowMs())
  const { promise: failed, resolve: halt } = Promise.withResolvers<WebxError>()
  const counters = createCounters()
  const events = new Events(log)
  const schedule = new Schedule(clock, log)
  const netId = genesis.netId
  const topics = new Topics(netId, nid)
  const link = parts.openLink(topics, counters)
  const directory = new KnownIdentities(genesis)

  // the road
  const ports = { netId, clock, keys, store, link, directory, counters, log }
  const nextSequence = countFromOne()
  const road = new Road({ ...ports, boot, halt, nextSequence })
  const context: Context = { ...ports, genesis, topics, random, events, schedule, road }

  // services
  const anchors = anchorsOf(genesis)
  const others = anchors.filter((opening) => !equal(opening.nid, nid))
  const homes = openHomes(netId, [...others, ...allSproutsOf(store)], store)
  const rules = createLedgerRules(genesis, homes)
  const epochRules = seatingOf(genesis)
  const versions = parts.versions ?? SPOKEN
  const epochKeys = new EpochKeys(context)
  const presence = new Presence(
    context,
    SOFTWARE,
    () => posts.way.map(({ agreed: { committee } }) => committee),
    () => posts.votesIn,
  )
  const engineParts: EngineParts = {
    ...{ keys: epochKeys, epochRules, versions, presence, times: parts.epochs ?? EPOCH_TIMES },
    self: { software: SOFTWARE, storeVersion: STORE_VERSION, boot },
    hearsVotes: parts.hearsVotes === true,
  }
  const admission = parts.admission ?? null
  const home = createEngine(context, engineParts, {
    ...{ anchor: anchorOf(genesis), rules, homes, kin: null },
    admission: () => (posts.post === home ? admission : null),
  })
  const { agreed, following, catchUp, orders, wallet } = home
  const { hood } = agreed
  const { committee, seat } = hood.term
  const { register } = hood
  if (seat !== null && committee.epoch === 0) await expectVoter(epochKeys, committee.seats[seat]?.epochKey, seat)
  const otherHomes = new Homes(context, agreed, homes)
  const chains = new Chains(store, nid, anchors)
  const publicLog = new PublicLog(context, agreed, epochKeys, { homes, chains, ask: (home) => otherHomes.ask(home) })
  const postPorts = { boot, halt, nextSequence }
  const postParts = { engine: engineParts, ports: postPorts, directory, homes, otherHomes, admission }
  const posts = new Posts(home, postParts)
  const settledLogs = new SettledLogs(genesis, { stateOf: (oid) => register.object(oid)?.state ?? null })
  directory.follow(settledLogs)
  events.on('duplicity', ({ one, other }) => settledLogs.noteDouble(one, other))
  const { recoveries } = rules
  const founder = seatOf(committeeOf(genesis), keys.id)
  const witnessing =
    founder === null
      ? null
      : new Witnessing(context, { agreed, recoveries, seat: founder, signer: await keys.epochSigner(0) })
  new Arrivals(context, agreed, (home) => otherHomes.ask(home))
  new Proofs(context, agreed)
  const shared = new Shared(context, agreed)
  const introductions = new Introductions(context, directory)
  const issuer = new Issuer(context)
  const statuses = new Statuses(context, issuer)

  link.onMessage((topic, bytes) => {
    parts.onWire?.(topic, bytes)
    if (bytes.length > 0) posts.receive(topic, bytes)
    else for (const listener of [presence, posts.post.neighbors]) listener.hintGone(topic)
  })
  link.onState((state) => events.emit('link', { up: state === 'up' }))
  const services: Service[] = [
    introductions,
    presence,
    agreed,
    following,
    otherHomes,
    publicLog,
    ...home.services,
    shared,
    statuses,
    issuer,
    posts,
  ]
  if (witnessing) services.push(witnessing)
  for (const service of services) await service.start()

  let stopping: Promise<void> | null = null
  const stop = async (): Promise<void> => {
    for (const service of services.toReversed())
      await service.stop().catch((error: unknown) => log.debug({ error }, 'stopping'))
    schedule.stop()
    await road.stop()
    await link.close()
    await store.close().catch((error: unknown) => log.error({ error }, 'the store could not be closed'))
  }
  return {
    context,
    ...{ agreed, orders, wallet, homes, catchUp },
    ...{ turning: home.turning, transfers: home.transfers, abroad: home.abroad, neighbors: home.neighbors },
    posts,
    assets: createAssets(rules.assets.values()),
    presence,
    publicLog,
    shared,
    issuer,
    statuses,
    failed,
    openGuest: guestsOf(context, { open: () => parts.openGuestLink?.(counters), halt }),
    recovered: () => posts.way.every((engine) => engine.recovery.settled),
    stop: () => (stopping ??= stop()),
  }
}

/** Throws `bad-config` where the genesis gave this seat another key than this node has. */
async function expectVoter(keys: EpochKeys, epochKey: Uint8Array | undefined, seat: number): Promise<void> {
  if (await keys.holds(0, epochKey ?? NOTHING)) return
  throw new WebxError('bad-config', `the genesis names another voting key for seat ${seat}`, {
    hint: 'Use the key file that the seat was offered with.',
  })
}

const NOTHING = new Uint8Array(0)
const LIFE_KEY = new TextEncoder().encode('life')

/**
 * Counts this start, durably, before anything is sent. The count is at least the time in seconds, so that a node whose disk was lost or put back
 * does not speak under numbers that its peers have seen.
 */
async function beginLife(store: Store, nowMs: number): Promise<number> {
  const value = store.get(META, LIFE_KEY)
  const boots = value ? (decode(value) as number) : 0
  const boot = Math.max(boots + 1, Math.floor(nowMs / 1000))
  store.write([{ space: META, key: LIFE_KEY, value: encode(boot) }])
  await store.sync()
  return boot
}
