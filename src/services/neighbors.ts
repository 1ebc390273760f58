/**
 * Looks after the other members of the neighborhood: who is there, how far away, and what each says of itself.
 *
 * Runs `swarm/liveness.ts` on this node's clock and link: its frames to one go to that one's inbox, those to all to the topic of the neighborhood. Whom this node holds for dead it accuses before the
 * neighborhood, which decides; whom it hears again it does not accuse any more. A node that does not belong to the neighborhood looks after nobody.
 */

import type { Opening } from '../consensus/epoch/opening.ts'
import type { EpochRules } from '../consensus/epoch/rules.ts'
import { equal, fromHex, toHex } from '../core/bytes.ts'
import { TYPE } from '../core/envelope.ts'
import { asWebxError, WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { speaks, type VersionRange } from '../core/versions.ts'
import type { Conducted } from '../kernel/agreed.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { Decision, Lane, Message, Outgoing } from '../kernel/road.ts'
import { type Hello, helloPayload, readHello } from '../swarm/hello.ts'
import { Latency, type RoundTrips } from '../swarm/latency.ts'
import { Liveness, type LivenessEffect, type LivenessEvent } from '../swarm/liveness.ts'
import { readSwim, swimPayload } from '../swarm/liveness-message.ts'
import type { Status } from '../swarm/liveness-suspects.ts'
import { type Surroundings, surroundingsOf } from '../swarm/surroundings.ts'
import { accusedOf } from './neighbors-accused.ts'

/** Longer than an answer is waited for: clocks of members may differ, and one that is behind is not dead. */
const SWIM_LIFETIME_MS = 30_000
const HELLO_LIFETIME_MS = 60_000
const HELLO_INTERVAL_MS = 60_000
/** How long after the beginning of an epoch: by then all have entered it, and take the words of those who came with it. */
const HELLO_DELAY_MS = 2_000

/** What a node says of itself, beside what follows from its place and keys. */
export interface Self {
  /** Name and version of the program. */
  readonly software: string
  readonly versions: VersionRange
  readonly storeVersion: number
  /** Count of this node's starts: its first incarnation. */
  readonly boot: number
  /** Who would sit where: whoever is dead is accused only where somebody takes its place. */
  readonly seat: EpochRules['seat']
}

export class Neighbors implements Service, Lane {
  readonly types: readonly number[] = [TYPE.swim, TYPE.hello]
  readonly #context: Context
  readonly #agreement: Conducted
  readonly #self: Self
  readonly #name: string
  readonly #latency = new Latency()
  readonly #hellos = new Map<string, Hello>()
  readonly #dead = new Set<string>()
  /** Frames by sender, in the second under way. */
  readonly #heard = new Map<string, number>()
  #second = 0
  #accused: ReadonlySet<string> = new Set()
  #liveness: Liveness | null = null
  #wakeAtMs = Number.POSITIVE_INFINITY
  #cancelWake = (): void => {}
  #ends: (() => void)[] = []

  constructor(context: Context, agreement: Conducted, self: Self) {
    this.#context = context
    this.#agreement = agreement
    this.#self = self
    this.#name = toHex(context.keys.id)
    context.road.lay(this)
  }

  async start(): Promise<void> {
    const { events, schedule, link, topics, keys } = this.#context
    await link.subscribe(topics.to(keys.id))
    this.#ends = [
      events.on('epoch', () => this.#enter()),
      events.on('link', () => this.#tick()),
      schedule.every(HELLO_INTERVAL_MS, 'hello', () => this.#sayHello()),
    ]
    this.#enter()
  }

  async stop(): Promise<void> {
    for (const end of this.#ends) end()
    this.#cancelWake()
    this.#liveness = null
  }

  /** What this node holds of another member: null for somebody who is none, or where this node is none itself. */
  statusOf(id: Uint8Array): Status | null {
    return this.#liveness?.statusOf(toHex(id)) ?? null
  }

  /** What a member said of itself last. */
  helloOf(id: Uint8Array): Hello | null {
    return this.#hellos.get(toHex(id)) ?? null
  }

  /** How long the way to a member and back takes; null where it was not measured. */
  roundTripsTo(id: Uint8Array): RoundTrips | null {
    return this.#latency.of(toHex(id))
  }

  /** An empty message on a health topic: the broker says that this node is gone. That is worth a look. */
  hintGone(topic: string): void {
    const about = this.#context.topics.nodeOfHealth(topic)
    if (about && this.#liveness?.statusOf(about)) this.#run({ kind: 'hint', about })
  }

  authorize(message: Message): void {
    const { sender } = message.frame as NonNullable<Message['frame']>
    const { hood } = this.#agreement
    if (!this.#liveness || !hood.term.opening.roster.some(({ id }) => equal(id, sender)))
      throw new WebxError('not-allowed', 'members speak to members')
    const isForAll = message.topic === this.#topic
    const isForOne = message.topic === this.#context.topics.to(this.#context.keys.id)
    this.#assertPatience(toHex(sender))
    if (!isForAll && (message.envelope.type === TYPE.hello || !isForOne))
      throw new WebxError('wrong-topic', 'members are told on the topic of the neighborhood, or in their inbox')
  }

  decide(message: Message): Decision | null {
    const { sender, payload } = message.frame as NonNullable<Message['frame']>
    if (message.envelope.type === TYPE.hello) {
      this.#hellos.set(toHex(sender), readHello(payload))
      return null
    }
    return this.#step({ kind: 'message', from: toHex(sender), message: readSwim(payload) })
  }

  /** An honest member asks once a second, and a few times for others; every question costs an answer. Throws `flooding`. */
  #assertPatience(sender: string): void {
    const second = Math.floor(this.#context.clock.monotonicMs() / 1_000)
    if (second !== this.#second) this.#heard.clear()
    this.#second = second
    const count = (this.#heard.get(sender) ?? 0) + 1
    if (count > LIMITS.swimPerSecondMax) throw new WebxError('flooding', 'a member asks too often')
    this.#heard.set(sender, count)
  }

  get #topic(): string {
    return this.#context.topics.neighborhood(this.#agreement.hood.term.opening.nid)
  }

  /** Takes the places of the epoch that begins. */
  #enter(): void {
    const { link, clock, random, counters, schedule } = this.#context
    const { hood } = this.#agreement
    const { opening } = hood.term
    const wasMember = this.#liveness !== null
    const failed = (error: unknown): void => counters.count(`unsent.${asWebxError(error).code}`)
    this.#assertSpoken(opening)
    if (!hood.isMember) {
      this.#liveness = null
      if (wasMember) link.unsubscribe(this.#topic).catch(failed)
    } else if (this.#liveness) this.#liveness.surround(placesOf(opening))
    else {
      const seed = new DataView(random.bytes(4).slice().buffer).getUint32(0)
      const { boot: incarnation } = this.#self
      const [self, nowMs] = [this.#name, clock.monotonicMs()]
      this.#liveness = new Liveness({ self, incarnation, seed, surroundings: placesOf(opening), nowMs })
      link.subscribe(this.#topic).catch(failed)
    }
    if (hood.isMember) schedule.after(HELLO_DELAY_MS, 'hello', () => this.#sayHello())
    this.#forgetStrangers(opening)
    this.#accuse()
    this.#tick()
  }

  /** Says so where this epoch speaks a version that this node does not: it votes for nothing until then. */
  #assertSpoken({ epoch, version }: Opening): void {
    const { versions } = this.#self
    if (speaks(versions, version)) return
    this.#context.counters.count('abstaining')
    const { log } = this.#context
    log.error({ epoch, version, ...versions }, 'this epoch speaks a version that we do not: abstaining, update webx')
  }

  #forgetStrangers({ roster }: Opening): void {
    const members = new Set(roster.map(({ id }) => toHex(id)))
    const isMember = (name: string): boolean => this.#liveness !== null && members.has(name)
    for (const name of this.#dead) if (!isMember(name)) this.#dead.delete(name)
    for (const name of this.#hellos.keys()) if (!isMember(name)) this.#hellos.delete(name)
  }

  #sayHello(): void {
    if (!this.#liveness) return
    const { keys, road } = this.#context
    const { software, versions, storeVersion } = this.#self
    const { roster } = this.#agreement.hood.term.opening
    const hello: Hello = {
      ...{ software, versions, storeVersion },
      capabilities: roster.find(({ id }) => equal(id, keys.id))?.capabilities ?? 0,
      vrfKey: keys.vrf.publicKey,
      // how late it is with everything is how busy it is
      load: Math.round((100 * this.#liveness.localHealth) / LIMITS.localHealthMax),
    }
    const payload = helloPayload(hello)
    const outgoing = { topic: this.#topic, type: TYPE.hello, payload, lifetimeMs: HELLO_LIFETIME_MS }
    road.run(() => ({ emit: [outgoing] })).catch(() => {})
  }

  #tick(): void {
    this.#run({ kind: 'tick' })
  }

  /** In a turn of its own, after the messages that wait: an answer that has come is no silence. */
  #run(event: LivenessEvent): void {
    // a node that is stopped looks after nobody
    this.#context.road.run(() => this.#step(event)).catch(() => {})
  }

  #step(event: LivenessEvent): Decision | null {
    if (!this.#liveness) return this.#arm()
    const effects = this.#liveness.step(event, this.#context.clock.monotonicMs())
    const emit = effects.flatMap((effect) => this.#follow(effect))
    this.#arm()
    return emit.length > 0 ? { emit } : null
  }

  #follow(effect: LivenessEffect): Outgoing[] {
    if (effect.kind === 'roundTrip') this.#latency.note(effect.peer, effect.ms)
    if (effect.kind === 'changed') this.#changed(effect.about, effect.status)
    if (effect.kind !== 'send') return []
    const { to, message } = effect
    const topic = to === null ? this.#topic : this.#context.topics.to(fromHex(to))
    return [{ topic, type: TYPE.swim, payload: swimPayload(message), lifetimeMs: SWIM_LIFETIME_MS }]
  }

  #changed(about: string, status: Status): void {
    const { log, counters, events } = this.#context
    const wasDead = this.#dead.delete(about)
    if (status === 'dead') this.#dead.add(about)
    if (status === 'dead') counters.count('neighbors.dead')
    if (status === 'dead' || wasDead) log.info({ id: about, status }, 'a neighbor has gone, or is back')
    if (status === 'dead' || wasDead) this.#accuse()
    events.emit('neighbor', { id: fromHex(about), status })
  }

  #accuse(): void {
    const { hood } = this.#agreement
    const accused = accusedOf(hood.term.opening, this.#dead, this.#self.seat)
    const say = (name: string, isDead: boolean): void =>
      this.#agreement.act((neighborhood) => neighborhood.suspect(fromHex(name), isDead))
    for (const name of this.#accused) if (!accused.has(name)) say(name, false)
    for (const name of accused) if (!this.#accused.has(name)) say(name, true)
    this.#accused = accused
  }

  /** Sets the timer. Where the link is down nobody can be heard: time stands still, and goes on when it is up again. */
  #arm(): null {
    const { schedule, clock, link } = this.#context
    const isAwake = this.#liveness !== null && link.state === 'up'
    const atMs = isAwake ? (this.#liveness as Liveness).wakeAtMs() : Number.POSITIVE_INFINITY
    if (atMs === this.#wakeAtMs) return null
    this.#cancelWake()
    this.#cancelWake = (): void => {}
    this.#wakeAtMs = atMs
    if (atMs === Number.POSITIVE_INFINITY) return null
    this.#cancelWake = schedule.after(Math.max(1, atMs - clock.monotonicMs()), 'neighbors', () => {
      this.#wakeAtMs = Number.POSITIVE_INFINITY
      this.#tick()
    })
    return null
  }
}

function placesOf({ seats, roster }: Opening): Surroundings {
  const holders = seats.map(({ memberId, weight }) => (weight > 0 ? toHex(memberId) : null))
  const seated = new Set(holders)
  const spares = roster.map(({ id }) => toHex(id)).filter((name) => !seated.has(name))
  return surroundingsOf(holders, spares)
}
