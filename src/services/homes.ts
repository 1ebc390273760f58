/**
 * Follows the other neighborhoods of the net from hand-over to hand-over, so that this node knows whose settlements to believe.
 *
 * It listens to their hand-overs, asks for those that it missed where their members are asked, and keeps on its disk how the newest epoch of each began, every committee there ever was, and every hand-over: what was
 * settled or logged once can be proved for ever. Nobody is believed: each hand-over is signed by a quorum of the seats that the one before named, from the genesis on.
 */

import { createCommittee } from '../consensus/committee.ts'
import { isSprouts } from '../consensus/epoch/division.ts'
import { type HandOver, homeOfHandOver } from '../consensus/epoch/handover.ts'
import { committeeOfOpening, decodeOpening, encodeOpening, type Opening } from '../consensus/epoch/opening.ts'
import { equal, toHex } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import type { SignatureCheck } from '../core/crypto.ts'
import { type Envelope, encodeEnvelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Conducted, SideLane } from '../kernel/agreed.ts'
import { chainWrite } from '../kernel/chains.ts'
import type { Context, Service } from '../kernel/context.ts'
import { type HomeEpoch, KnownHomes, openingsOf } from '../kernel/homes.ts'
import type { Store, Write } from '../kernel/ports.ts'
import type { Decision, Message } from '../kernel/road.ts'

const OPENINGS = 'home-opening'
const COMMITTEES = 'home-committee'
/** How soon a home may be asked again, and how often it is where nothing seems to be missing. */
const ASK_MS_MIN = 500
const ASK_MS = 300_000
/** A hand-over that comes so soon after a question is the answer to it, and more may be missing. */
const ANSWER_MS = 5_000
const LIFETIME_MS = 10_000

/** The homes that a genesis names, as far on as the disk tells. Throws what reading a damaged store throws. */
export function openHomes(
  netId: Uint8Array,
  anchors: readonly Opening[],
  store: Pick<Store, 'get' | 'scan'>,
): KnownHomes {
  const first = new Map(
    anchors.map((opening) => {
      const committee = committeeOfOpening(opening)
      return [toHex(committee.cid), { committee, stateRoot: opening.stateRoot }]
    }),
  )
  const homes = new KnownHomes(netId, undefined, (cid) => {
    return first.get(toHex(cid)) ?? readEpoch(netId, store.get(COMMITTEES, cid))
  })
  for (const anchor of anchors) homes.add(anchor)
  for (const { value } of store.scan(OPENINGS)) homes.goOn(decodeOpening(value))
  return homes
}

export class Homes implements Service, SideLane {
  readonly #context: Context
  readonly #homes: KnownHomes
  /** When each home was asked last. */
  readonly #askedMs = new Map<string, number>()
  #attempt = 0
  #ends: (() => void)[] = []

  constructor(context: Context, agreement: Conducted, homes: KnownHomes) {
    this.#context = context
    this.#homes = homes
    agreement.alsoHear(this)
  }

  async start(): Promise<void> {
    const { link, topics, schedule, events } = this.#context
    for (const { nid } of this.#homes.openings) await link.subscribe(topics.at(nid).handOver)
    const askAll = (): void => {
      for (const { nid } of this.#homes.openings) this.ask(nid)
    }
    this.#ends = [events.on('link', ({ up }) => void (up && askAll())), schedule.every(ASK_MS, 'other homes', askAll)]
    askAll()
  }

  async stop(): Promise<void> {
    for (const end of this.#ends) end()
  }

  /** Asks a home for the hand-over that ended the newest epoch of it that is known here: something seems to be missing. Nobody answers where nothing is. */
  ask(nid: Uint8Array): void {
    const { clock, road, topics } = this.#context
    const epoch = this.#homes.epochOf(nid)
    const nowMs = clock.monotonicMs()
    if (epoch === null || nowMs - this.#asked(nid) < ASK_MS_MIN) return
    this.#askedMs.set(toHex(nid), nowMs)
    const payload = [epoch, [], this.#attempt++]
    const question = { topic: topics.at(nid).sync, type: TYPE.epochQuery, payload, lifetimeMs: LIFETIME_MS }
    road.run(() => ({ emit: [question] })).catch(() => {})
  }

  owns(envelope: Envelope): boolean {
    return envelope.type === TYPE.handOver && !equal(homeOfHandOver(envelope), this.#context.genesis.neighborhood)
  }

  /** Throws `wrong-home` for a neighborhood that this net did not begin with, `wrong-epoch` where hand-overs before this one are missing here. */
  checks({ envelope }: Message): readonly SignatureCheck[] | null {
    const { nid, epoch } = decodeOpening(envelope.attachment)
    const newest = this.#homes.epochOf(nid)
    if (newest === null) throw new WebxError('wrong-home', 'the hand-over of a home that is not known here')
    if (epoch <= newest) return null
    const read = this.#homes.read(envelope)
    if (read) return read.checks
    this.ask(nid)
    throw new WebxError('wrong-epoch', `a hand-over to epoch ${epoch}, and ${newest} is known here`)
  }

  decide({ envelope }: Message): Decision | null {
    const read = this.#homes.read(envelope)
    if (!read) return null
    const openings = openingsOf(read).filter(({ nid }) => this.#homes.hasRoomFor(nid))
    const apply = (): void => {
      for (const opening of openings) this.learn(opening)
    }
    return { writes: [...openings.flatMap(writesOf), chainWriteOf(read, envelope)], apply }
  }

  shownOf(): Uint8Array[] {
    return []
  }

  /** A home is in this epoch: whoever says so has checked the hand-over. */
  learn(opening: Opening): void {
    const { nid, epoch, roster } = opening
    const { events, link, topics } = this.#context
    if (!this.#homes.isHome(nid)) link.subscribe(topics.at(nid).handOver).catch(() => {})
    this.#homes.goOn(opening)
    events.emit('home', { nid, epoch, members: roster.map(({ id }) => id) })
    if (this.#context.clock.monotonicMs() - this.#asked(nid) > ANSWER_MS) return
    this.#askedMs.delete(toHex(nid))
    this.ask(nid)
  }

  #asked(nid: Uint8Array): number {
    return this.#askedMs.get(toHex(nid)) ?? Number.NEGATIVE_INFINITY
  }
}

/** A receipt of the public log shows how a home came to where it is: where it was divided, by the way of the stem. */
function chainWriteOf({ opening, other }: HandOver, envelope: Envelope): Write {
  if (other && isSprouts(opening)) return chainWrite(other.opening.nid, opening.epoch - 1, other.handOver)
  return chainWrite(opening.nid, opening.epoch - 1, encodeEnvelope(envelope))
}

function writesOf(opening: Opening): Write[] {
  const { cid, nid, epoch, seats } = committeeOfOpening(opening)
  const listed = seats.map(({ memberId, epochKey, weight }) => [memberId, epochKey, weight])
  const value = encode([nid, epoch, listed, opening.stateRoot])
  return [
    { space: OPENINGS, key: nid, value: encodeOpening(opening) },
    { space: COMMITTEES, key: cid, value },
  ]
}

function readEpoch(netId: Uint8Array, value: Uint8Array | null): HomeEpoch | null {
  if (!value) return null
  const fields = Fields.of('epoch of a home', value, LIMITS.openingBytesMax)
  const [nid, epoch] = [fields.bytes('nid', 16), fields.uint('epoch')]
  const seats = fields.list('seats', LIMITS.seatsMax, (item) => {
    const seat = new Fields('seat', item)
    const read = { memberId: seat.bytes('id', 32), epochKey: seat.bytes('key', 32), weight: seat.uint('weight') }
    seat.end()
    return read
  })
  const stateRoot = fields.bytes('stateRoot', 32)
  fields.end()
  return { committee: createCommittee({ netId, nid, epoch, seats }), stateRoot }
}
