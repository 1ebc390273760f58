/**
 * Where a node votes after its neighborhood was divided: its *post*, beside its home.
 *
 * Accounts, key logs and orders stay with the stem, so a node goes on following that: it is the home of its identity. Whoever is on the roster of the sprout votes there,
 * by an engine of its own with its own road, topics and part of the store. A post that is divided again may lead to a further one; each that a node came by it goes on following, since it may have
 * an account there. Whoever stays may be *lent* to a sprout that has become too small, and votes there as well, by one more engine, with keys of its own. Nothing is written down about posts: they
 * follow from the hand-overs that are kept, whenever the node is started.
 */

import { type Kin, kinOf } from './consensus/epoch/kin.ts'
import { committeeOfOpening, type Opening } from './consensus/epoch/opening.ts'
import { equal, toHex } from './core/bytes.ts'
import { decodeEnvelope, TYPE } from './core/envelope.ts'
import { asWebxError, type WebxError } from './core/errors.ts'
import { decodeFrame } from './core/frame.ts'
import { createEngine, type Engine, type EngineParts } from './engine.ts'
import { allSproutsOf, openingsFrom, sproutsOf } from './epochs.ts'
import { storeApart } from './kernel/apart.ts'
import type { Context, Service } from './kernel/context.ts'
import { Events } from './kernel/events.ts'
import { type FollowedHome, homesSeenFrom, type KnownHomes } from './kernel/homes.ts'
import { Road, type RoadPorts } from './kernel/road.ts'
import { Topics } from './kernel/topics.ts'
import { createLedgerRules } from './ledger/rules.ts'
import { Arrivals } from './services/abroad-arrivals.ts'
import { Proofs } from './services/abroad-proofs.ts'
import { EPOCH_SECRETS, EpochKeys } from './services/agreement-keys.ts'
import type { KnownIdentities } from './services/directory.ts'
import type { Homes } from './services/homes.ts'
import type { Admission } from './services/turning.ts'

/** What posts are made of that a home does not have already. */
export interface PostParts {
  readonly engine: EngineParts
  readonly ports: Pick<RoadPorts, 'boot' | 'halt' | 'nextSequence'>
  readonly directory: KnownIdentities
  /** The other homes as the home of this node sees them, and whoever follows their hand-overs. */
  readonly homes: KnownHomes
  readonly otherHomes: Pick<Homes, 'ask' | 'learn'>
  readonly admission: Admission | null
}

/** Frames in the inbox that are about one neighborhood, which their sender belongs to. */
const OF_MEMBERS: ReadonlySet<number> = new Set([TYPE.heads, TYPE.batchAnswer, TYPE.swim, TYPE.settlementAnswer])
const SHARED = new Set([EPOCH_SECRETS])
/** So many bytes of a committee's digest stand in its topics. */
const SCOPE_BYTES = 8

export class Posts implements Service {
  /** The home first, and then each that the node came by; the last one is its post. */
  readonly #way: Engine[]
  /** Where this node votes beside its post. */
  readonly #lent: Engine[] = []
  readonly #parts: PostParts
  /** By engine: the epoch up to which its hand-overs were looked at. */
  readonly #looked = new Map<Engine, number>()
  /** By engine: the names that its committees have in topics. */
  readonly #scopes = new Map<Engine, Set<string>>()
  #isMade = false
  #isStarted = false
  /** Ends when all posts that are known have begun. */
  #begun: Promise<void> = Promise.resolve()
  #unhear: (() => void)[] = []

  /** Takes up where the node was; started with `start`. */
  constructor(home: Engine, parts: PostParts) {
    this.#parts = parts
    this.#way = []
    this.#take(home)
    for (const { nid, roster } of parts.homes.openings)
      this.#considerLoan(
        nid,
        roster.map(({ id }) => id),
      )
    this.#unhear.push(home.context.events.on('home', ({ nid, members }) => this.#considerLoan(nid, members)))
    this.#isMade = true
  }

  /** All neighborhoods that this node takes part in, its home first. */
  get way(): readonly Engine[] {
    return [...this.#way, ...this.#lent]
  }

  get home(): Engine {
    return this.#way[0] as Engine
  }

  /** Where this node votes, or waits for a seat: its home, where nothing has led it on. */
  get post(): Engine {
    return this.#way.at(-1) as Engine
  }

  /** 16-byte ids of the neighborhoods in which this node votes or waits for a seat: that of its post, and those that it was lent to. */
  get votesIn(): readonly Uint8Array[] {
    return [this.post, ...this.#lent].map(({ anchor }) => anchor.nid)
  }

  async start(): Promise<void> {
    this.#isStarted = true
    const tellAll = ({ up }: { readonly up: boolean }): void => {
      for (const { context } of this.way.slice(1)) context.events.emit('link', { up })
    }
    this.#unhear.push(this.home.context.events.on('link', tellAll))
    for (const engine of this.way.slice(1)) this.#begin(engine)
    await this.#begun
  }

  async stop(): Promise<void> {
    for (const unhear of this.#unhear) unhear()
    await this.#begun
    for (const { agreed, following, services, context } of this.way.slice(1).toReversed()) {
      for (const service of [agreed, following, ...services].toReversed())
        await service.stop().catch((error: unknown) => context.log.debug({ error }, 'stopping'))
      await context.road.stop()
    }
  }

  /** Hands a message of the link to the roads that it is for. */
  receive(topic: string, bytes: Uint8Array): void {
    const { home } = this
    const { topics, keys } = home.context
    const others = this.way.slice(1)
    const inbox = others.length > 0 && topic === topics.to(keys.id) ? frameIn(bytes) : null
    let isForHome = true
    for (const engine of others) {
      const isShared = topic === engine.context.topics.handOver || inbox?.type === TYPE.arrived
      const isItsOwn = inbox ? isOfMember(engine, inbox) : this.#isAbout(engine, topic)
      if (isShared || isItsOwn) engine.context.road.receive(topic, bytes)
      if (isItsOwn && !isShared) isForHome = false
    }
    // whoever belongs to both speaks of one or the other, and names what it answers
    if (isForHome || (inbox && isOfMember(home, inbox))) home.context.road.receive(topic, bytes)
  }

  /** What is said on the topics of a neighborhood, or by its committees. */
  #isAbout(engine: Engine, topic: string): boolean {
    const { topics, genesis } = engine.context
    // who is there is looked at in one place, for all neighborhoods
    if (topics.nodeOfHealth(topic) !== null) return false
    const own = topics.neighborhood(genesis.neighborhood)
    if (topic === own || topic.startsWith(`${own}/`)) return true
    const [scope = ''] = topic.slice(topics.prefix.length + 1).split('/')
    return this.#scopes.get(engine)?.has(scope) ?? false
  }

  /** From now on this node takes part in this neighborhood, and looks for what its hand-overs lead to. */
  #take(engine: Engine): void {
    const { agreed, anchor } = engine
    const { keys } = this.#parts.engine
    this.#way.push(engine)
    if (engine !== this.home) keys.moveTo(anchor.nid, agreed.committee.epoch)
    this.#hear(engine)
  }

  #hear(engine: Engine): void {
    const { context, anchor } = engine
    this.#scopes.set(engine, new Set())
    this.#looked.set(engine, anchor.epoch)
    this.#unhear.push(context.events.on('epoch', () => this.#look(engine)))
    this.#look(engine)
  }

  /** An epoch of a neighborhood has begun: who belongs to it, and whether it was divided meanwhile. */
  #look(engine: Engine): void {
    const { agreed, context, anchor } = engine
    const { epoch, cid } = agreed.committee
    this.#scopes.get(engine)?.add(toHex(cid.subarray(0, SCOPE_BYTES)))
    const members = agreed.hood.term.opening.roster.map(({ id }) => id)
    this.#parts.directory.setMembers(members, anchor.nid)
    const sprouts = [...sproutsOf(context.store, this.#looked.get(engine) as number, epoch)]
    this.#looked.set(engine, epoch)
    const own = sprouts.findLast(({ roster }) => roster.some(({ id }) => equal(id, context.keys.id)))
    if (own && engine === this.post) this.#goOn(own)
    // those that the node began with are known to all
    if (this.#isMade) for (const sprout of sprouts) this.#parts.otherHomes.learn(sprout)
  }

  /** The neighborhood was divided, and this node belongs to the sprout. */
  #goOn(sprout: Opening): void {
    const post = this.#create(sprout)
    const { nid, epoch } = sprout
    this.home.context.log.info({ nid: toHex(nid), epoch }, 'our neighborhood was divided: we vote in the sprout')
    this.#take(post)
    if (!this.#isStarted) return
    this.#begin(post)
    this.#tell(post)
  }

  /** Says where this node votes from now on. */
  #tell({ context }: Engine): void {
    this.#parts.engine.presence.move().catch((error: unknown) => this.#failed(context, asWebxError(error)))
  }

  /** A sprout of the home has an epoch: where this node belongs to it though its post is elsewhere, it was lent there, and takes part from the beginning of the sprout on, as whoever was not there. */
  #considerLoan(nid: Uint8Array, members: readonly Uint8Array[]): void {
    const { context } = this.home
    if (this.way.some(({ anchor }) => equal(anchor.nid, nid))) return
    if (!members.some((id) => equal(id, context.keys.id))) return
    const sprout = [...allSproutsOf(context.store)].find((each) => equal(each.nid, nid))
    if (!sprout || sprout.roster.some(({ id }) => equal(id, context.keys.id))) return
    const engine = this.#create(sprout, true)
    context.log.info({ nid: toHex(nid) }, 'a sprout has become too small: we were lent to it')
    this.#lent.push(engine)
    this.#hear(engine)
    if (!this.#isStarted) return
    this.#begin(engine)
    this.#tell(engine)
  }

  #begin(engine: Engine): void {
    const { agreed, following, services, context } = engine
    const start = async (): Promise<void> => {
      for (const service of [agreed, following, ...services]) await service.start()
      context.road.poke()
    }
    this.#begun = this.#begun.then(start).catch((error: unknown) => this.#failed(context, asWebxError(error)))
  }

  /** A post that cannot begin is a seat that nobody knows to be silent: the node stops and says why, unless it is stopping. */
  #failed({ log }: Context, error: WebxError): void {
    if (error.code === 'stopped') return
    log.error({ error }, 'the post could not be taken up')
    this.#parts.ports.halt(error)
  }

  #create(anchor: Opening, isLent = false): Engine {
    const { home } = this
    const { engine, ports, homes, otherHomes, admission } = this.#parts
    const { nid } = anchor
    const { context: at } = home
    const log = at.log.child({ post: toHex(nid).slice(0, 8) })
    const store = storeApart(at.store, toHex(nid), isLent ? new Set() : SHARED)
    const road = new Road({ ...at, ...ports, log, store })
    const genesis = { ...at.genesis, neighborhood: nid }
    const events = new Events(log)
    const context: Context = { ...at, log, store, road, events, genesis, topics: new Topics(at.netId, nid) }
    const seen = homesSeenFrom(nid, followed(home, anchor.epoch), homes)
    const rules = createLedgerRules(at.genesis, seen, nid)
    const isPost = (): boolean => equal(this.post.anchor.nid, nid)
    const keys = isLent ? new EpochKeys(context) : engine.keys
    const post = createEngine(
      context,
      { ...engine, keys },
      {
        ...{ anchor, rules, homes: seen, kin: kinAt(home, anchor) },
        admission: () => (isPost() ? admission : null),
      },
    )
    new Arrivals(context, post.agreed, (nidOf) => this.#ask(nidOf, otherHomes))
    new Proofs(context, post.agreed)
    return post
  }

  /** Hand-overs of the home are asked for by its own agreement, those of others by whoever follows them. */
  #ask(nid: Uint8Array, otherHomes: Pick<Homes, 'ask'>): void {
    const { agreed, context } = this.home
    if (equal(nid, agreed.committee.nid)) {
      agreed.act((hood, nowMs) => hood.hearUnknownEpoch(nowMs))
      context.road.poke()
    } else otherHomes.ask(nid)
  }
}

/** The kin of a sprout is its stem, if that is the home of this node: whose newest two openings are kept, and that with which the sprout began. */
function kinAt({ anchor, agreed, context }: Engine, sprout: Opening): Kin | null {
  if (!sprout.division || !equal(sprout.division.stem, anchor.nid)) return null
  const openingOf = openingsFrom(anchor, context.store)
  const newest = (): Opening[] => {
    const { epoch } = agreed.committee
    return [epoch - 1, epoch].flatMap((each) => openingOf(each) ?? [])
  }
  return kinOf(newest, [...(openingOf(sprout.epoch)?.roster ?? []), ...sprout.roster])
}

/** A home by the agreement that follows it, as those of a sprout know it that began with this epoch. */
function followed({ anchor, agreed, context }: Engine, fromEpoch: number): FollowedHome {
  const openingOf = openingsFrom(anchor, context.store)
  const epochs = new Map<string, number>()
  let next = fromEpoch
  return {
    get committee() {
      return agreed.committee
    },
    epochNamed(cid) {
      for (; next <= agreed.committee.epoch; next++) {
        const opening = openingOf(next)
        if (opening) epochs.set(toHex(committeeOfOpening(opening).cid), next)
      }
      const epoch = epochs.get(toHex(cid))
      const opening = epoch === undefined ? null : openingOf(epoch)
      return opening && { committee: committeeOfOpening(opening), stateRoot: opening.stateRoot }
    },
  }
}

/** Type and sender of a frame; null for what is none: whoever it is for says what is wrong with it. */
function frameIn(bytes: Uint8Array): Inbox | null {
  try {
    const envelope = decodeEnvelope(bytes)
    return { type: envelope.type, sender: decodeFrame(envelope).sender }
  } catch {
    return null
  }
}

interface Inbox {
  readonly type: number
  readonly sender: Uint8Array
}

function isOfMember({ agreed }: Engine, { type, sender }: Inbox): boolean {
  return OF_MEMBERS.has(type) && agreed.hood.term.opening.roster.some(({ id }) => equal(id, sender))
}
