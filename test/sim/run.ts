/** One run: a net, its people and its faults out of one seed, watched by oracles, until everything is final or the time is up. */

import type { Committee } from '../../src/consensus/committee.ts'
import { isSprouts } from '../../src/consensus/epoch/division.ts'
import type { Opening } from '../../src/consensus/epoch/opening.ts'
import { toHex } from '../../src/core/bytes.ts'
import { Chance } from './chance.ts'
import { type Config, configOf } from './config.ts'
import { scheduleFaults } from './faults.ts'
import { HoodMachine } from './hood-machine.ts'
import { Liar } from './liars.ts'
import type { Standpoint } from './liars-blocks.ts'
import type { Machine, MachineMaker, Notice, Publication } from './machine.ts'
import { Network } from './network.ts'
import { type Outside, SimNode } from './node.ts'
import { byHome, type Oracle, type Violation } from './oracle.ts'
import { FewLeave, OneBlock, OneChain, OneEpoch, OneRoof } from './oracles-blocks.ts'
import { Conservation, ExactlyOnce, Finality, NeverVoided, OneOwner, StaysUp } from './oracles-books.ts'
import { OnlyKin } from './oracles-lending.ts'
import { OneHistory } from './oracles-shared.ts'
import { FoundedSettlement, FoundedVotes, NoDoubleVote, OneCertificate, OnlyTheGuilty, Votes } from './oracles-votes.ts'
import { Crowd } from './owners.ts'
import { RegisterMachine } from './register-machine.ts'
import { saidBy } from './said.ts'
import { type Stage, stageOf } from './stage.ts'
import { Timeline } from './timeline.ts'
import { Trace } from './trace.ts'
import { Writers } from './writers.ts'

const LOOK_MS = 250
const INSPECT_MS = 1_000
const VIOLATIONS_MAX = 5
const EVENTS_MAX = 3_000_000
/** How long an epoch takes at most where there are no faults and somebody waits for its end. */
const QUIET_TURN_MS = 6_000
const TWIN_MS: readonly [number, number] = [500, 3_000]

/** What came of a run. */
export interface Result {
  readonly n: number
  readonly seed: number
  readonly hash: string
  readonly events: number
  readonly virtualMs: number
  readonly settled: number
  readonly lane: string
  readonly blocks: number
  readonly epochs: number
  /** Neighborhoods that there are in the end. */
  readonly homes: number
  /** How many have come into another home beside their own. */
  readonly joined: number
  /** From the end of the faults until everything was final; null where it never was. */
  readonly healedMs: number | null
  readonly violations: readonly Violation[]
}

/** Runs a seed. The same seed gives the same result, hash and all. */
export function runSeed(n: number, seed: number): Result {
  return new Run(configOf(n, seed)).play()
}

class Run implements Outside {
  readonly config: Config
  readonly stage: Stage
  readonly timeline = new Timeline()
  readonly chance: Chance
  readonly network: Network
  readonly nodes: SimNode[] = []
  readonly #trace = new Trace()
  readonly #crowd: Crowd
  readonly #writers: Writers | null
  readonly #violations: Violation[] = []
  readonly #oracles: Oracle[]
  readonly #finality: Finality
  readonly #staysUp: StaysUp
  readonly #chain: OneChain
  readonly #epochs: OneEpoch
  /** Endpoints that hear what is said to all. */
  readonly #listeners: number[] = []
  /** Whom a twin hears and speaks to, by its endpoint. */
  readonly #sees = new Map<number, Set<number>>()
  readonly #byEndpoint = new Map<number, { readonly seat: number }>()
  #said = 0
  #settled = 0
  /** Newest epoch of each home when everybody wished for one more. */
  #epochsOver: ReadonlyMap<string, number> = new Map()

  constructor(config: Config) {
    this.config = config
    const isJoined = config.lane === 'joined'
    this.stage = stageOf(config.n, { isGrown: isJoined || config.lane === 'divided', isJoined })
    this.stage.forgetEpochs()
    this.chance = new Chance(config.seed, 1)
    this.network = new Network(this.timeline, this.#stream(2), config.weather, (to, bytes) =>
      this.#trace.note(this.timeline.nowMs, to, bytes.length),
    )
    const owners = this.network.join({ receive() {} })
    this.#crowd = new Crowd({
      stage: this.stage,
      timeline: this.timeline,
      chance: this.#stream(3),
      orders: config.orders,
      restMs: config.restMs,
      thief: config.thief,
      vandal: config.vandal,
      send: (bytes, share) => this.#speak(owners, bytes, share),
    })
    this.#writers = config.writers
      ? new Writers({
          stage: this.stage,
          timeline: this.timeline,
          chance: this.#stream(4),
          restMs: config.restMs,
          send: (bytes) => this.#speak(owners, bytes, 1),
        })
      : null
    const accuse = (oracle: Oracle, what: string) => {
      if (this.#violations.length < VIOLATIONS_MAX) this.#violations.push({ oracle: oracle.name, what })
    }
    const guilty = new Set([...config.traitors.keys()].map((seat) => this.#memberId(seat)))
    const votes = new Votes(this.stage)
    this.#finality = new Finality(accuse, this.#crowd.expected, this.#crowd.homes)
    this.#staysUp = new StaysUp(accuse)
    this.#chain = new OneChain(accuse)
    this.#epochs = new OneEpoch(accuse, this.stage.committee)
    this.#oracles = [
      votes,
      new NoDoubleVote(accuse, (committee, seat) => this.#isHonest(committee, seat)),
      new FoundedVotes(accuse, votes, this.#crowd.forbidden),
      new OneCertificate(accuse, this.stage),
      new FoundedSettlement(accuse, votes),
      new OnlyTheGuilty(accuse, this.stage, guilty, this.#crowd.thieves),
      new NeverVoided(accuse),
      new Conservation(accuse, this.stage),
      new ExactlyOnce(accuse, this.stage),
      this.#chain,
      new OneBlock(accuse, this.stage),
      this.#epochs,
      new FewLeave(accuse, this.stage.committee),
      new OneRoof(accuse, this.stage),
      new OneOwner(accuse),
      new OnlyKin(accuse, this.stage),
      this.#finality,
      this.#staysUp,
      ...(this.#writers ? [new OneHistory(accuse, this.#writers.oid, this.#writers.asked)] : []),
    ]
    for (const seat of this.stage.committee.seats.keys()) this.#seat(seat)
    if (config.lane !== 'register') this.#addSpares()
  }

  play(): Result {
    const { config, timeline } = this
    scheduleFaults(this)
    const calmMs = config.faultMs + config.quietTurns * QUIET_TURN_MS
    for (let i = 0; i < config.quietTurns; i++)
      timeline.at(config.faultMs + i * QUIET_TURN_MS, () => this.#turnQuietly())
    if (config.lane !== 'register' && config.turns > 0) {
      timeline.at(calmMs, () => {
        this.#epochsOver = this.#epochs.newestOf
        for (const node of this.nodes) node.wish({ kind: 'turn' })
      })
    }
    this.#crowd.start()
    this.#writers?.start()
    this.#inspectAgain()
    let healedMs: number | null = null
    const endMs = calmMs + config.boundMs
    let lookAtMs = calmMs + LOOK_MS
    while (this.#violations.length === 0 && timeline.step(endMs)) {
      if (timeline.events > EVENTS_MAX)
        this.#violations.push({ oracle: 'comes to an end', what: `more than ${EVENTS_MAX} events` })
      if (timeline.nowMs < lookAtMs) continue
      lookAtMs = timeline.nowMs + LOOK_MS
      if (!this.#isFinal()) continue
      healedMs = timeline.nowMs - calmMs
      break
    }
    if (this.#violations.length === 0) this.#end(healedMs)
    return {
      n: config.n,
      seed: config.seed,
      hash: this.#trace.digest(),
      events: timeline.events,
      virtualMs: Math.round(timeline.nowMs),
      settled: this.#settled,
      lane: config.lane,
      blocks: this.#chain.count,
      epochs: this.#epochs.newest,
      homes: this.stage.newest.size,
      joined: this.nodes.filter(({ joined }) => joined !== null).length,
      healedMs: healedMs === null ? null : Math.round(healedMs),
      violations: this.#violations,
    }
  }

  /** Everybody wishes for the end of the epoch, and somebody to leave the smallest of all homes. */
  #turnQuietly(): void {
    const homes = byHome(this.#correct().filter(({ joined }) => !joined))
    const [smallest = []] = [...homes.values()].sort((a, b) => a.length - b.length)
    for (const node of this.chance.sample(smallest, 1)) node.wish({ kind: 'leave' })
    for (const node of this.nodes) node.wish({ kind: 'turn' })
  }

  publish(node: SimNode, { bytes, to, home }: Publication): void {
    this.#heard(node, bytes)
    const listeners = to === null ? this.#listeners : this.#endpointsOf(to)
    const reached = home === undefined ? listeners : listeners.filter((endpoint) => this.#hears(endpoint, home))
    this.network.send(node.id, bytes, this.#reachable(node.id, reached))
  }

  /** Whether an endpoint listens to the topics of a home: liars hear everything. */
  #hears(endpoint: number, home: string): boolean {
    return this.nodes.find(({ id }) => id === endpoint)?.machine?.hears?.(home) ?? true
  }

  report(node: SimNode, notice: Notice): void {
    if (!node.honest) return
    for (const oracle of this.#oracles) oracle.reported?.(node, notice)
    if (notice.kind === 'shared') this.#writers?.heard(notice.outcome)
    if (notice.kind === 'decided' && notice.order) this.#crowd.heard(notice.order, null)
    if (notice.kind !== 'settled') return
    this.#settled++
    this.#trace.note(this.timeline.nowMs, node.id, notice.order.version)
    this.#crowd.heard(notice.order, notice.settlement)
  }

  turned(node: SimNode): void {
    if (node.honest) for (const oracle of this.#oracles) oracle.turned?.(node)
  }

  reached({ committee, opening }: Extract<Notice, { kind: 'epoch' }>): void {
    const isNew = isSprouts(opening) && !this.stage.newest.has(toHex(opening.nid))
    this.stage.reach(committee, opening.seed)
    if (isNew) this.#crowd.settle(opening.nid)
    this.stage.learn(opening)
    for (const id of opening.loan?.lent ?? []) this.#join(this.stage.numberOf(id), opening.nid)
  }

  broke(node: SimNode, error: Error): void {
    if (node.honest) this.#staysUp.broke(node, error)
  }

  /** A seat is taken by an honest node, by nobody, by two nodes with one key, by one that lies about kin, or by a script. */
  #seat(seat: number): void {
    const treason = this.config.traitors.get(seat)
    if (treason === 'silent') return
    if (treason === 'liar') {
      const endpoint = this.network.size
      const send = (bytes: Uint8Array, share: number) => {
        this.#heard({ seat, honest: false }, bytes)
        this.#speak(endpoint, bytes, share)
      }
      const chance = this.#stream(100 + seat)
      const standpoint = () => this.#standpointOf(seat)
      const liesAboutEpochs = this.config.lane !== 'register'
      const liar = new Liar({
        standpoint,
        liesAboutEpochs,
        stage: this.stage,
        seat,
        chance,
        timeline: this.timeline,
        pets: this.#crowd.pets,
        send,
      })
      this.#listen(this.network.join(liar), seat)
      return
    }
    this.#addNode(seat, treason === undefined)
    if (treason === 'twin') this.#addNode(seat, false)
  }

  /** Somebody has come into another home beside its own, and takes part there by a node of its own; of liars only those do that are scripts. */
  #join(number: number | null, nid: Uint8Array): void {
    const home = toHex(nid)
    const [first] = this.stage.openings.get(home) ?? []
    const isThere = this.nodes.some(({ seat, joined }) => seat === number && joined === home)
    if (number === null || !first || isThere || this.config.traitors.has(number)) return
    this.#addNode(number, true, first)
  }

  #addNode(seat: number, honest: boolean, joined: Opening | null = null): void {
    const { timeline, config } = this
    const id = this.network.size
    const chance = this.#stream(1000 + id)
    const make: MachineMaker = (who, records, options): Machine => {
      this.#chain.restarted(who)
      if (config.lane !== 'register') return new HoodMachine(this.stage, who, records, options, joined)
      return new RegisterMachine(this.stage, who, records, options)
    }
    const clockRate = 1 + chance.between(-config.skew, config.skew)
    const syncMs: [number, number] = config.slowDisks && chance.hits(0.5) ? [5, 250] : [1, 6]
    const node = new SimNode({
      id,
      seat,
      honest,
      joined: joined && toHex(joined.nid),
      make,
      timeline,
      chance,
      outside: this,
      clockRate,
      syncMs,
      skipMs: config.skipMs,
    })
    this.network.join(node)
    this.#listen(id, seat)
    this.nodes.push(node)
    if (this.config.traitors.get(seat) === 'twin') this.#look(id)
  }

  /** Who belongs to the neighborhood without a seat follows it. */
  #addSpares(): void {
    for (let number = this.config.n; number < this.stage.people.length; number++) this.#addNode(number, true)
  }

  /** Where a liar stands: null where it has lost its seat. */
  #standpointOf(number: number): Standpoint | null {
    const { stage } = this
    for (const { committee, seed } of stage.newest.values()) {
      const seat = committee.seats.findIndex(({ memberId }) => stage.numberOf(memberId) === number)
      const key = committee.seats[seat]?.epochKey
      if (key?.some((byte) => byte !== 0))
        return { committee, seed, seat, sign: (message) => stage.signWith(key, message) }
    }
    return null
  }

  #isHonest(committee: Committee, seat: number): boolean {
    const named = committee.seats[seat]
    const number = named ? this.stage.numberOf(named.memberId) : null
    return number !== null && !this.config.traitors.has(number)
  }

  #listen(endpoint: number, seat: number): void {
    this.#listeners.push(endpoint)
    this.#byEndpoint.set(endpoint, { seat })
  }

  /** A twin shows itself to some of the others, and after a while to other ones; never to its twin. */
  #look(id: number): void {
    const { timeline } = this
    const others = this.#listeners.filter(
      (other) => this.#byEndpoint.get(other)?.seat !== this.#byEndpoint.get(id)?.seat,
    )
    this.#sees.set(id, new Set(this.chance.some(others, 0.6)))
    timeline.after(this.chance.between(...TWIN_MS), () => this.#look(id))
  }

  #reachable(from: number, listeners: readonly number[]): readonly number[] {
    if (this.#sees.size === 0) return listeners
    const mine = this.#sees.get(from)
    return listeners.filter((to) => (!mine || mine.has(to)) && (this.#sees.get(to)?.has(from) ?? true))
  }

  /** Something is said to each listener with this probability. */
  #speak(from: number, bytes: Uint8Array, share: number): void {
    const listeners = share >= 1 ? this.#listeners : this.chance.some(this.#listeners, share)
    this.network.send(from, bytes, listeners)
  }

  #heard(by: { readonly seat: number; readonly honest: boolean }, bytes: Uint8Array): void {
    this.#trace.note(this.timeline.nowMs, by.seat, this.#said++)
    this.#trace.bytes(bytes)
    const said = saidBy(bytes, this.stage)
    if (said.kind === 'frame') return
    for (const oracle of this.#oracles) oracle.published?.(by, said, bytes)
  }

  #inspectAgain(): void {
    this.timeline.after(INSPECT_MS, () => {
      const node = this.chance.pick(this.nodes)
      if (node.honest && !node.disk.isDamaged) for (const oracle of this.#oracles) oracle.inspected?.(node, node.disk)
      this.#inspectAgain()
    })
  }

  #end(healedMs: number | null): void {
    const correct = this.#correct()
    if (healedMs === null && !this.#epochs.isReachedBy(correct, this.#epochsOver)) {
      this.#violations.push({ oracle: 'epochs turn', what: 'not everybody has come to the epoch that all wished for' })
    }
    for (const oracle of this.#oracles) oracle.ended?.({ correct, faulty: this.config.n - correct.length, healedMs })
  }

  /** Everything that was asked for is settled everywhere; and the epoch that was wished for at the end of all faults has begun. */
  #isFinal(): boolean {
    if (this.#crowd.isBusy || this.#writers?.isBusy) return false
    const correct = this.#correct()
    if (this.#finality.open(correct) !== null) return false
    return this.#epochs.isReachedBy(correct, this.#epochsOver)
  }

  /** Honest nodes that are up and whole. */
  #correct(): SimNode[] {
    return this.nodes.filter((node) => node.honest && node.up && !node.disk.isDamaged)
  }

  #endpointsOf(seat: number): number[] {
    return this.#listeners.filter((endpoint) => this.#byEndpoint.get(endpoint)?.seat === seat)
  }

  #memberId(seat: number): string {
    return toHex((this.stage.committee.seats[seat] as Stage['committee']['seats'][number]).memberId)
  }

  #stream(number: number): Chance {
    return new Chance(this.config.seed, number * 1000 + this.config.n)
  }
}
