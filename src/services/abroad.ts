/**
 * Carries payments of this node's identity to other homes, until they have arrived there.
 *
 * What this account pays abroad is kept with the commit that settles it. Its order and settlement are shown to the members of the other home (`abroad-arrivals.ts`), which let it arrive by themselves, whether
 * or not its payee is there; it is shown again, by later runs of this node too, until more of them than may lie say that it has. A large payment needs a settlement that shows a strong quorum, and one that the
 * chain of blocks has settled came with none: then members of this home are asked for it, or for what shows the same (`abroad-proofs.ts`). What shows that a later order of the account is settled does
 * so, too, with the orders in between.
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
/** So many of one lane are in memory and shown at once: they arrive one after the other, and those to a home that is away leave room for others. */
const AHEAD = 8
const NOTHING = new Uint8Array(0)

/** A payment that has left and is not known to have arrived, as it is kept. */
interface Kept {
  /** That it is stored under. */
  readonly key: Uint8Array
  readonly order: Order
  /** 16-byte home that it goes to, its number among this account's payments there, and the lane's object there. */
  readonly home: Uint8Array
  readonly number: number
  readonly lane: Uint8Array
  /** Encoded SETTLEMENT, of the order or of the last one after it; empty where none is known here. */
  readonly settlement: Uint8Array
  readonly later: readonly Uint8Array[]
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
  /** By the key that they are stored under, which sorts those of one lane by their numbers. Of each lane the next ones; what is behind them, or finds no room, waits on the disk. */
  readonly #departures = new Map<string, Departure>()
  /** How many of each lane these are. */
  readonly #ahead = new Map<string, number>()
  /** Something waits there; and so does something that came since it was looked at. */
  #isFull = false
  #isBehind = false
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
      events.on('settled', () => {
        if (this.#isBehind) this.#load()
        this.#carry()
      }),
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
    if (envelope.type === TYPE.settlementAnswer) {
      // what it shows costs as many signature checks as there are seats
      if (!this.#agreement.committee.seats.some(({ memberId }) => equal(memberId, sender)))
        throw new WebxError('not-allowed', 'members of this home hand out its settlements')
      return this.#takeSettlement(new Fields('settlement answer', payload))
    }
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
    const isProved = this.#proves({ order, settlement })
    const kept = { key: keyOf(way), order, settlement, later: [], home: credit.home, ...way, isProved }
    // never before those of its lane that wait on the disk
    if (this.#isFull) this.#isBehind = true
    else this.#keep(kept)
    return [writeOf(kept)]
  }

  #keep(kept: Kept): void {
    const [name, lane] = [toHex(kept.key), toHex(kept.lane)]
    if (this.#departures.has(name)) return
    const ahead = this.#ahead.get(lane) ?? 0
    if (ahead >= AHEAD || this.#departures.size >= LIMITS.departuresMax) {
      this.#isFull = true
      return
    }
    this.#ahead.set(lane, ahead + 1)
    this.#departures.set(name, { ...kept, attempts: 0, dueMs: 0 })
    this.#dueMs = 0
  }

  #load(): void {
    this.#isFull = false
    this.#isBehind = false
    for (const { key, value } of this.#context.store.scan(DEPARTURES)) this.#keep(readKept(key, value.slice()))
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
    for (const [, departure] of [...this.#departures].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (departure.dueMs <= nowMs) {
        departure.dueMs = nowMs + Math.min(RETRY_MS_MIN * 2 ** departure.attempts, RETRY_MS_MAX)
        departure.attempts++
        emit.push(this.#say(departure))
      }
      this.#dueMs = Math.min(this.#dueMs, departure.dueMs)
    }
    if (emit.length > 0) this.#context.road.run(() => ({ emit })).catch(() => {})
  }

  /** Shows a payment, or asks for what proves it: for the settlement of its order and, in turns, of the newest one. */
  #say({ order, settlement, later, home, isProved, attempts }: Departure): Outgoing {
    const { topics, netId } = this.#context
    if (isProved) return { topic: topics.at(home).sync, bytes: arrivalBytes(netId, order, settlement, later) }
    const newest = this.#agreement.register.object(order.oid)?.settled ?? 0
    const payload = [order.oid, attempts % 2 === 0 ? Math.max(order.version, newest) : order.version, attempts]
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
      writes: done.map(([, { key }]) => ({ space: DEPARTURES, key, value: null })),
      apply: () => {
        for (const [name] of done) this.#departures.delete(name)
        this.#goOn(lane)
      },
    }
  }

  /** Some of a lane have arrived: those behind them were refused so far, and are next; where none is left in memory, there is room for what waits on the disk. */
  #goOn(lane: Uint8Array): void {
    const left = [...this.#departures.values()].filter((departure) => equal(departure.lane, lane))
    for (const departure of left) Object.assign(departure, { attempts: 0, dueMs: 0 })
    if (left.length > 0) this.#ahead.set(toHex(lane), left.length)
    else {
      this.#ahead.delete(toHex(lane))
      this.#arrived.delete(toHex(lane))
      if (this.#isFull) this.#load()
    }
    this.#dueMs = 0
    this.#carry()
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
    const found = [...this.#departures.values()].flatMap((departure) => {
      const { order, isProved } = departure
      if (isProved || !equal(order.oid, oid) || !this.#proves({ order, settlement })) return []
      const later = this.#laterThan(order, version, od)
      const proof = later && importProof(orderBytes(order), settlement, later)
      return proof && proof.length <= LIMITS.importProofBytesMax ? [{ departure, later }] : []
    })
    if (found.length === 0) return null
    return {
      writes: found.map(({ departure, later }) => writeOf({ ...departure, settlement, later, isProved: true })),
      apply: () => {
        for (const { departure, later } of found)
          Object.assign(departure, { settlement, later, isProved: true, attempts: 0, dueMs: 0 })
        this.#dueMs = 0
        this.#carry()
      },
    }
  }

  /** Bodies of the orders after one, up to one of which a version and the digest are given; null where it does not lead there, as far as is known here. */
  #laterThan(order: Order, version: number, od: Uint8Array): Uint8Array[] | null {
    if (version - order.version > LIMITS.importLaterOrdersMax) return null
    const later: Uint8Array[] = []
    let last = order
    while (last.version < version) {
      const next = this.#agreement.register.orderOf(order.oid, last.version + 1)
      if (!next || !equal(next.previous, last.od)) return null
      later.push(next.envelope.body)
      last = next
    }
    return equal(last.od, od) ? later : null
  }
}

/** ARRIVAL: what is shown to the members of another home. */
export function arrivalBytes(
  netId: Uint8Array,
  order: Order,
  settlement: Uint8Array,
  later: readonly Uint8Array[] = [],
): Uint8Array {
  const body = importProof(orderBytes(order), settlement, later)
  return encodeEnvelope({ type: TYPE.arrival, scope: netId, body, signature: NOTHING, attachment: NOTHING })
}

/** Of another account of this identity the payment of that number is another one. */
function keyOf({ lane, number }: Pick<Kept, 'lane' | 'number'>): Uint8Array {
  const count = new Uint8Array(8)
  new DataView(count.buffer).setBigUint64(0, BigInt(number))
  return concat(lane, count)
}

function writeOf(kept: Kept): Write {
  const { key, home, number, lane, order, settlement, isProved, later } = kept
  return {
    space: DEPARTURES,
    key,
    value: encode([home, number, lane, orderBytes(order), settlement, isProved, later]),
  }
}

function readKept(key: Uint8Array, value: Uint8Array): Kept {
  const fields = Fields.of('departure', value, LIMITS.storeValueBytesMax)
  const read = {
    key: key.slice(),
    home: fields.bytes('home', 16),
    number: fields.uint('number'),
    lane: fields.bytes('lane', 32),
    order: readOrder(decodeEnvelope(fields.bytesBetween('order', 1, 2 * LIMITS.orderBytesMax))),
    settlement: fields.bytesBetween('settlement', 0, LIMITS.envelopeBytesMax),
    isProved: fields.boolean('isProved'),
    // older stores have none
    later: fields.isEmpty ? [] : fields.list('later', LIMITS.importLaterOrdersMax, (body) => body as Uint8Array),
  }
  fields.end()
  return read
}
