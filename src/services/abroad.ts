/**
 * Carries payments of this node's identity to other homes, until they have arrived there.
 *
 * What this account pays abroad is kept with the commit that settles it. Its order and settlement are shown to the members of the other home (`abroad-arrivals.ts`), which let it arrive by themselves, whether
 * or not its payee is there; it is shown again, by later runs of this node too, until more of them than may lie say that it has. A large payment needs a settlement that shows a strong quorum, and one that the
 * chain of blocks has settled came with none: then members of this home are asked for it, or for what shows the same (`abroad-proofs.ts`).
 */

import { readCertificate } from '../consensus/certificate.ts'
import { type Order, orderBytes, readOrder } from '../consensus/order.ts'
import { concat, equal, toHex } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { decodeEnvelope, encodeEnvelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Conducted, Settling } from '../kernel/agreed.ts'
import { abroadIn } from '../kernel/arriving.ts'
import type { Context, Service } from '../kernel/context.ts'
import { type OtherHomes, settlementFact } from '../kernel/homes.ts'
import type { Write } from '../kernel/ports.ts'
import type { Decision, Lane, Message, Outgoing } from '../kernel/road.ts'
import { creditsOf } from '../ledger/credit.ts'
import { importProof } from '../ledger/import.ts'

const DEPARTURES = 'departure'
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 30_000
const LIFETIME_MS = 10_000
/** So many of one account are shown at once: they arrive one after the other. */
const AHEAD = 8
const NOTHING = new Uint8Array(0)

/** A payment that has left and is not known to have arrived, as it is kept. */
interface Kept {
  readonly order: Order
  /** 16-byte home that it goes to, its number among the payments there, and the lane's object there. */
  readonly home: Uint8Array
  readonly number: number
  readonly lane: Uint8Array
  /** Encoded SETTLEMENT; empty where none is known here. */
  readonly settlement: Uint8Array
  /** The settlement is what the other home asks for. */
  readonly isProved: boolean
}

interface Departure extends Kept {
  attempts: number
  dueMs: number
}

export class Abroad implements Service, Lane {
  readonly types: readonly number[] = [TYPE.arrived, TYPE.settlementAnswer]
  readonly #context: Context
  readonly #agreement: Conducted
  readonly #homes: OtherHomes
  /** By the key that they are stored under, which sorts those to one home by their numbers; what there is no room for waits on the disk. */
  readonly #departures = new Map<string, Departure>()
  /** Something waits there. */
  #isFull = false
  /** When something is due, at the earliest. */
  #dueMs = 0
  /** By lane and member of the other home: up to which number it says that payments have arrived. */
  readonly #arrived = new Map<string, Map<string, number>>()
  #ends: (() => void)[] = []

  constructor(context: Context, agreement: Conducted, homes: OtherHomes) {
    this.#context = context
    this.#agreement = agreement
    this.#homes = homes
    context.road.lay(this)
    agreement.onSettling((settling) => this.#depart(settling))
  }

  async start(): Promise<void> {
    const { link, topics, keys, schedule, events } = this.#context
    await link.subscribe(topics.to(keys.id))
    this.#load()
    this.#ends = [
      schedule.every(RETRY_MS_MIN, 'payments abroad', () => this.#carry()),
      events.on('settled', () => this.#carry()),
      events.on('epoch', () => this.#askAgain()),
      events.on('link', ({ up }) => void (up && this.#carry())),
    ]
  }

  async stop(): Promise<void> {
    for (const end of this.#ends) end()
  }

  /** How many payments to other homes are not known to have arrived, as far as they are in memory. */
  get underWay(): number {
    return this.#departures.size
  }

  authorize(message: Message): void {
    const { topics, keys } = this.#context
    if (message.topic !== topics.to(keys.id)) throw new WebxError('wrong-topic', 'answers come to one’s own inbox')
  }

  decide({ envelope, frame }: Message): Decision | null {
    const { sender, payload } = frame as NonNullable<Message['frame']>
    if (envelope.type === TYPE.settlementAnswer) return this.#takeSettlement(new Fields('settlement answer', payload))
    const fields = new Fields('arrived', payload)
    const lane = fields.bytes('lane', 32)
    const number = fields.uint('number')
    fields.end()
    return this.#hearArrived(sender, lane, number)
  }

  /** Keeps a payment of this account that goes abroad. */
  #depart({ order, settlement }: Settling): readonly Write[] {
    const { keys, netId, genesis } = this.#context
    if (!equal(order.owner, keys.id) || !equal(order.home, genesis.neighborhood)) return []
    const [credit] = creditsOf(order, netId)
    const way = credit && abroadIn(netId, order, credit.home)
    if (!credit || !way) return []
    const kept = { order, settlement, home: credit.home, ...way, isProved: this.#proves({ order, settlement }) }
    this.#keep(kept)
    return [writeOf(kept)]
  }

  #keep(kept: Kept): void {
    const name = toHex(keyOf(kept))
    if (this.#departures.size >= LIMITS.departuresMax) this.#isFull = true
    else if (!this.#departures.has(name)) this.#departures.set(name, { ...kept, attempts: 0, dueMs: 0 })
    this.#dueMs = 0
  }

  #load(): void {
    this.#isFull = false
    for (const { value } of this.#context.store.scan(DEPARTURES)) this.#keep(readKept(value.slice()))
  }

  /** With another epoch there is a state that may show what nobody could. */
  #askAgain(): void {
    for (const departure of this.#departures.values())
      if (!departure.isProved) Object.assign(departure, { attempts: 0, dueMs: 0 })
    this.#dueMs = 0
    this.#carry()
  }

  /** Whether a settlement of this home is what the other one asks for: its signatures are checked before it is kept. */
  #proves({ order, settlement }: Pick<Kept, 'order' | 'settlement'>): boolean {
    if (settlement.length === 0) return false
    const [credit] = creditsOf(order, this.#context.netId)
    if ((credit?.amount ?? 0) <= LIMITS.importPlainAmountMax) return true
    const envelope = decodeEnvelope(settlement)
    if (envelope.type === TYPE.settledState) return true
    const committee = this.#agreement.hood.book.find(envelope.scope)
    return committee !== null && readCertificate(envelope, committee).weight >= committee.strong
  }

  /** Shows what is due to the homes that it goes to, the lowest numbers first. */
  #carry(): void {
    const nowMs = this.#context.clock.monotonicMs()
    if (this.#departures.size === 0 || this.#dueMs > nowMs) return
    const emit: Outgoing[] = []
    this.#dueMs = Number.POSITIVE_INFINITY
    const shown = new Map<string, number>()
    for (const [name, departure] of [...this.#departures].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const home = name.slice(0, HOME_CHARACTERS)
      const ahead = shown.get(home) ?? 0
      shown.set(home, ahead + 1)
      if (ahead >= AHEAD) continue
      if (departure.dueMs <= nowMs) {
        departure.dueMs = nowMs + Math.min(RETRY_MS_MIN * 2 ** departure.attempts, RETRY_MS_MAX)
        departure.attempts++
        emit.push(this.#say(departure))
      }
      this.#dueMs = Math.min(this.#dueMs, departure.dueMs)
    }
    if (emit.length > 0) this.#context.road.run(() => ({ emit })).catch(() => {})
  }

  #say({ order, settlement, home, isProved, attempts }: Departure): Outgoing {
    const { topics, netId } = this.#context
    if (isProved) return { topic: topics.at(home).sync, bytes: arrivalBytes(netId, order, settlement) }
    const payload = [order.oid, order.version, attempts]
    return { topic: topics.sync, type: TYPE.settlementQuery, payload, lifetimeMs: LIFETIME_MS }
  }

  /** A member of the other home says how far a lane is there. Believed once more of them say so than may lie. Throws `not-allowed` for anybody else. */
  #hearArrived(sender: Uint8Array, lane: Uint8Array, number: number): Decision | null {
    const open = [...this.#departures].filter(([, departure]) => equal(departure.lane, lane))
    const [first] = open
    if (!first) return null
    const committee = this.#homes.committeeOf(first[1].home)
    if (!committee?.seats.some(({ memberId }) => equal(memberId, sender)))
      throw new WebxError('not-allowed', 'members of the other home say what has arrived there')
    const said = this.#arrived.get(toHex(lane)) ?? new Map<string, number>()
    this.#arrived.set(toHex(lane), said.set(toHex(sender), number))
    const saysSo = (least: number): number =>
      committee.seats.reduce((sum, { memberId, weight }) => {
        return (said.get(toHex(memberId)) ?? 0) >= least ? sum + weight : sum
      }, 0)
    const done = open.filter(([, departure]) => saysSo(departure.number) > committee.faultyMax)
    if (done.length === 0) return null
    return {
      writes: done.map(([, departure]) => ({ space: DEPARTURES, key: keyOf(departure), value: null })),
      apply: () => {
        for (const [name] of done) this.#departures.delete(name)
        if (done.length === open.length) this.#arrived.delete(toHex(lane))
        if (this.#isFull) this.#load()
        this.#dueMs = 0
        this.#carry()
      },
    }
  }

  /** Throws `bad-certificate` for a settlement of something else, `wrong-epoch`, and what reading one does. */
  #takeSettlement(fields: Fields): Decision | null {
    const settlement = fields.bytesBetween('settlement', 1, LIMITS.envelopeBytesMax)
    fields.end()
    const envelope = decodeEnvelope(settlement)
    const { book, term } = this.#agreement.hood
    const { stateRoot } = term.opening
    const isOfNow = equal(envelope.scope, term.committee.cid)
    const { oid, version, od } = settlementFact(envelope, {
      committee: book.of(envelope),
      stateRoot: isOfNow ? stateRoot : null,
    })
    const departure = [...this.#departures.values()].find(({ order }) => equal(order.od, od))
    if (!departure || departure.isProved) return null
    const { order } = departure
    if (!equal(order.oid, oid) || order.version !== version)
      throw new WebxError('bad-certificate', 'the settlement is of another order')
    if (!this.#proves({ order, settlement })) return null
    const found = { settlement, isProved: true }
    return {
      writes: [writeOf({ ...departure, ...found })],
      apply: () => {
        Object.assign(departure, { ...found, attempts: 0, dueMs: 0 })
        this.#dueMs = 0
        this.#carry()
      },
    }
  }
}

/** ARRIVAL: what is shown to the members of another home. */
export function arrivalBytes(netId: Uint8Array, order: Order, settlement: Uint8Array): Uint8Array {
  const body = importProof(orderBytes(order), settlement)
  return encodeEnvelope({ type: TYPE.arrival, scope: netId, body, signature: NOTHING, attachment: NOTHING })
}

const HOME_CHARACTERS = 32

function keyOf({ home, number }: Pick<Kept, 'home' | 'number'>): Uint8Array {
  const count = new Uint8Array(8)
  new DataView(count.buffer).setBigUint64(0, BigInt(number))
  return concat(home, count)
}

function writeOf(kept: Kept): Write {
  const { home, number, lane, order, settlement, isProved } = kept
  return {
    space: DEPARTURES,
    key: keyOf(kept),
    value: encode([home, number, lane, orderBytes(order), settlement, isProved]),
  }
}

function readKept(value: Uint8Array): Kept {
  const fields = Fields.of('departure', value, LIMITS.storeValueBytesMax)
  const read = {
    home: fields.bytes('home', 16),
    number: fields.uint('number'),
    lane: fields.bytes('lane', 32),
    order: readOrder(decodeEnvelope(fields.bytesBetween('order', 1, 2 * LIMITS.orderBytesMax))),
    settlement: fields.bytesBetween('settlement', 0, LIMITS.envelopeBytesMax),
    isProved: fields.boolean('isProved'),
  }
  fields.end()
  return read
}
