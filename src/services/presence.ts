/**
 * Who is there: signed, retained health of every node, and the count of seats that are heard of.
 *
 * Said where the node votes, heard where it takes part: what a neighborhood says of itself burdens no other one.
 * After Sparkplug's birth and death: a node's health is its birth certificate, the broker's will (an empty message) is a hint that it is gone. Nothing is decided by
 * presence; it tells people why nothing settles.
 */

import type { Committee } from '../consensus/committee.ts'
import { equal, toHex } from '../core/bytes.ts'
import type { Cbor } from '../core/codec.ts'
import { TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { Fields } from '../core/shape.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { Reading } from '../kernel/ports.ts'
import type { Lane, Message, Outgoing } from '../kernel/road.ts'

const HEALTH_INTERVAL_MS = 30_000
const HEALTH_LIFETIME_MS = 90_000

/** What one node says of itself. */
export interface Health {
  readonly software: string
  readonly upSinceMs: number
  /** Of the node's environment sensor, or null. */
  readonly reading: Reading | null
}

/** Publishes this node's health and counts the seats of the neighborhood that publish theirs. */
export class Presence implements Service, Lane {
  readonly types: readonly number[] = [TYPE.health]
  readonly #context: Context
  readonly #software: string
  readonly #committees: () => readonly Committee[]
  readonly #votesIn: () => readonly Uint8Array[]
  readonly #lastHeardMs = new Map<string, number>()
  readonly #health = new Map<string, Health>()
  /** Seats that are to be taken for gone at the end of the turn. */
  readonly #hints = new Set<string>()
  readonly #upSinceMs: number
  #reading: Reading | null = null
  #seatsTold = 0
  /** Neighborhoods that are listened to, in hexadecimal, and those that were told last. */
  readonly #heardOf = new Set<string>()
  #told: readonly Uint8Array[] = []
  #cancel = (): void => {}
  #unhear = (): void => {}

  /**
   * @param committees of the epochs under way, that of this node's home first: how much of its weight must answer for anything to settle
   * @param votesIn 16-byte ids of the neighborhoods in which this node votes or waits for a seat, or else of its home
   */
  constructor(
    context: Context,
    software: string,
    committees: () => readonly Committee[],
    votesIn: () => readonly Uint8Array[],
  ) {
    this.#votesIn = votesIn
    this.#context = context
    this.#software = software
    this.#committees = committees
    this.#upSinceMs = context.clock.nowMs()
    context.road.lay(this)
  }

  async start(): Promise<void> {
    const { schedule, events } = this.#context
    await this.#listen()
    this.#unhear = events.on('link', ({ up }) => void (up && this.#publish()))
    await this.#publish()
    this.#cancel = schedule.every(HEALTH_INTERVAL_MS, 'health', () => {
      // who fell silent without a word is noticed here
      if (this.seatsUp() !== this.#seatsTold) this.#changed()
      return this.#publish()
    })
  }

  async stop(): Promise<void> {
    this.#cancel()
    this.#unhear()
    const emit = this.#told.map((nid) => this.#farewell(nid))
    if (emit.length > 0) await this.#context.road.run(() => ({ emit }))
  }

  /** This node votes in a further neighborhood from now on: it says there that it is here, and no longer where it was. */
  async move(): Promise<void> {
    await this.#listen()
    await this.#publish()
  }

  get #home(): Committee {
    return this.#committees()[0] as Committee
  }

  get #seats(): readonly Uint8Array[] {
    return this.#committees().flatMap(seatedIn)
  }

  /** The newest reading of the node's sensor rides on its health. */
  setReading(reading: Reading): void {
    this.#reading = reading
  }

  /** How many seats of a committee were heard of lately, this node's own included where it has one; of that of its home, where none is named. */
  seatsUp(committee = this.#home): number {
    return seatedIn(committee).filter((id) => this.isUp(id)).length
  }

  /** Whether the holder of a seat was heard of lately; this node always was. */
  isUp(id: Uint8Array): boolean {
    const { clock, keys } = this.#context
    const heardMs = this.#lastHeardMs.get(toHex(id)) ?? 0
    return equal(id, keys.id) || heardMs > clock.nowMs() - HEALTH_LIFETIME_MS
  }

  /** The health that a node published last, or null. */
  healthOf(id: Uint8Array): Health | null {
    return this.#health.get(toHex(id)) ?? null
  }

  /** An empty message on a health topic: the broker says that this node is gone. Taken in after what came before it. */
  hintGone(topic: string): void {
    const { topics, road } = this.#context
    const id = topics.nodeOfHealth(topic)
    if (id === null || this.#hints.has(id) || !this.#seats.some((seat) => toHex(seat) === id)) return
    this.#hints.add(id)
    const taken = road.run(() => {
      this.#hints.delete(id)
      if (this.#lastHeardMs.delete(id)) this.#changed()
      return null
    })
    // a node that is stopped needs no hints
    taken.catch(() => {})
  }

  authorize(message: Message): void {
    const { topics } = this.#context
    if (topics.nodeOfHealth(message.topic) !== toHex((message.frame as NonNullable<Message['frame']>).sender)) {
      throw new WebxError('not-allowed', 'a node speaks of its own health only, on its own topic')
    }
  }

  decide(message: Message): null {
    const frame = message.frame as NonNullable<Message['frame']>
    const name = toHex(frame.sender)
    if (!this.#seats.some((id) => equal(id, frame.sender))) return null
    this.#health.set(name, decodeHealth(frame.payload))
    const known = this.#lastHeardMs.has(name)
    this.#lastHeardMs.set(name, this.#context.clock.nowMs())
    if (!known) this.#changed()
    return null
  }

  #changed(): void {
    this.#seatsTold = this.seatsUp()
    this.#context.events.emit('presence', { seatsUp: this.#seatsTold, quorum: this.#home.quorum })
  }

  /** Hears who is there, in every neighborhood that this node takes part in. */
  async #listen(): Promise<void> {
    const { link, topics } = this.#context
    for (const { nid } of this.#committees()) {
      if (this.#heardOf.has(toHex(nid))) continue
      this.#heardOf.add(toHex(nid))
      await link.subscribe(topics.at(nid).health('+'))
    }
  }

  #farewell(nid: Uint8Array): Outgoing {
    const { topics, keys } = this.#context
    return { topic: topics.at(nid).health(keys.id), bytes: new Uint8Array(0), retain: true }
  }

  #publish(): Promise<void> {
    const { road, topics, keys } = this.#context
    const places = this.#votesIn()
    const isOf = (nids: readonly Uint8Array[], nid: Uint8Array): boolean => nids.some((each) => equal(each, nid))
    const isSame = places.every((nid) => isOf(this.#told, nid))
    // what it said where it came by may be of an earlier life
    const left = isSame ? [] : this.#committees().filter(({ nid }) => !isOf(places, nid))
    this.#told = places
    const payload = encodeHealth({ software: this.#software, upSinceMs: this.#upSinceMs, reading: this.#reading })
    const said = { type: TYPE.health, payload, lifetimeMs: HEALTH_LIFETIME_MS, retain: true }
    const emit = [
      ...left.map(({ nid }) => this.#farewell(nid)),
      ...places.map((nid) => ({ topic: topics.at(nid).health(keys.id), ...said })),
    ]
    return road.run(() => ({ emit }))
  }
}

function seatedIn({ seats }: Committee): Uint8Array[] {
  return seats.flatMap(({ memberId, weight }) => (weight > 0 ? [memberId] : []))
}

const ZERO_CELSIUS = 2732
const READING_FIELDS = 4
const QUALITIES = ['ok', 'stale', 'failed'] as const

function encodeHealth(health: Health): Cbor {
  const { software, upSinceMs, reading } = health
  const sensed: Cbor = reading
    ? [
        Math.max(0, Math.round(reading.temperature * 10) + ZERO_CELSIUS),
        Math.max(0, Math.round(reading.humidity * 10)),
        reading.atMs,
        QUALITIES.indexOf(reading.quality),
      ]
    : []
  return [software, upSinceMs, sensed]
}

function decodeHealth(payload: Cbor): Health {
  const fields = new Fields('health', payload)
  const software = fields.text('software', 40)
  const upSinceMs = fields.uint('upSinceMs')
  const sensed = fields.list('reading', READING_FIELDS, (item) => {
    if (typeof item !== 'number') throw new WebxError('bad-shape', 'health: a reading is four integers')
    return item
  })
  fields.end()
  if (sensed.length !== 0 && sensed.length !== READING_FIELDS) {
    throw new WebxError('bad-shape', 'health: a reading is four integers, or none')
  }
  const [temperature, humidity, atMs, quality] = sensed
  if (temperature === undefined || humidity === undefined || atMs === undefined)
    return { software, upSinceMs, reading: null }
  return {
    software,
    upSinceMs,
    reading: {
      temperature: (temperature - ZERO_CELSIUS) / 10,
      humidity: humidity / 10,
      atMs,
      quality: QUALITIES[quality ?? 2] ?? 'failed',
    },
  }
}
