/**
 * Who takes part in a run: one net of people made from numbers, whose members sign with a cheap stand-in for Ed25519.
 *
 * The stand-in is as unforgeable as the simulation is honest: a liar has the means to make it for others, and never does. Owners sign for real, and every verdict is
 * found once for all members.
 */

import { hash } from 'node:crypto'
import { checksOf, readCertificate } from '../../src/consensus/certificate.ts'
import { type Committee, committeeOf } from '../../src/consensus/committee.ts'
import { type Kin, kinOf, type Offer } from '../../src/consensus/epoch/kin.ts'
import type { Opening } from '../../src/consensus/epoch/opening.ts'
import { keyOf } from '../../src/consensus/key.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { type SignatureCheck, verifySignature } from '../../src/core/crypto.ts'
import { decodeEnvelope, type Envelope } from '../../src/core/envelope.ts'
import { WebxError } from '../../src/core/errors.ts'
import type { Settlements } from '../../src/ledger/import.ts'
import { anchorOf, type Lending } from '../consensus/hoods.ts'
import { bytesOf, keyPair, type Person, person, type World, world } from '../consensus/people.ts'

/** Belong to the neighborhood without a seat, where the stage is one of the simulator's. */
export const SPARES = 2
/** So many more than there are seats, where a neighborhood is to be divided: both parts have seats for all but one. */
const GROWN_BY = 2
/** So many openings of a neighborhood are known to its kin. */
const KNOWN_OPENINGS = 2

export class Stage {
  readonly world: World
  /** The committee of epoch 0. */
  readonly committee: Committee
  /** Members by number, which is their seat in epoch 0; then those without a seat. */
  readonly people: readonly Person[]
  /** Quorum of epoch 0. */
  readonly quorum: number
  /** By digest: the committees of all epochs that were reached. */
  readonly committees = new Map<string, Committee>()
  /** By home: the newest committee that anybody has reached, and the seed that draws its leaders. */
  readonly newest = new Map<string, { readonly committee: Committee; readonly seed: Uint8Array }>()
  /** A neighborhood is divided once both halves have so many. */
  readonly halfMin: number
  /** A sprout is joined by people of its stem; null where none is. */
  readonly lending: Lending | null
  /** By home: how its epochs began, the newest last. */
  readonly openings = new Map<string, Opening[]>()
  /** How epoch 0 begins. */
  readonly anchor: Opening
  /** What everybody knows of other homes: how nodes follow them is no matter of the engines. */
  readonly settlements: Settlements
  readonly #cheap = new Set<string>()
  readonly #epochKeys = new Map<string, Uint8Array>()
  readonly #numbers = new Map<string, number>()

  /** @param halfMin so many must be left in each part where a neighborhood is divided */
  constructor(
    made: World,
    spares: readonly Person[],
    halfMin = Number.POSITIVE_INFINITY,
    lending: Lending | null = null,
  ) {
    this.lending = lending
    this.anchor = anchorOf(made, spares)
    this.world = made
    this.committee = committeeOf(this.world.genesis)
    this.people = [...this.world.members, ...spares]
    this.halfMin = halfMin
    this.settlements = settlementsOf(this)
    this.quorum = quorumIn(this.committee)
    for (const [number, { id, publicKey }] of this.people.entries()) {
      this.#numbers.set(keyOf(id), number)
      this.#cheap.add(keyOf(publicKey))
    }
    for (const { epochKey } of this.committee.seats) this.#cheap.add(keyOf(epochKey))
    this.forgetEpochs()
  }

  /** A run begins: only epoch 0 is known. */
  forgetEpochs(): void {
    this.committees.clear()
    this.newest.clear()
    this.openings.clear()
    this.reach(this.committee, bytesOf('seed 0'))
  }

  /** Somebody has entered an epoch. */
  reach(committee: Committee, seed: Uint8Array): void {
    // one object for each, whoever comes there first: liars know by it which committee is meant
    if (this.committees.has(keyOf(committee.cid))) return
    this.committees.set(keyOf(committee.cid), committee)
    const home = toHex(committee.nid)
    if (committee.epoch > (this.newest.get(home)?.committee.epoch ?? -1)) this.newest.set(home, { committee, seed })
  }

  /** Somebody has entered an epoch, which began like this. */
  learn(opening: Opening): void {
    const home = toHex(opening.nid)
    const known = this.openings.get(home) ?? []
    if (opening.epoch > (known.at(-1)?.epoch ?? -1)) this.openings.set(home, [...known, opening])
  }

  /** What everybody knows of the kin of a neighborhood: of its stem, for a sprout. */
  kinOf(nid: Uint8Array): Kin | null {
    if (!this.lending || equal(nid, this.committee.nid)) return null
    const stem = toHex(this.committee.nid)
    return kinOf(() => (this.openings.get(stem) ?? []).slice(-KNOWN_OPENINGS), this.anchor.roster)
  }

  /** The same as a liar has it: who would see a stranger come, and takes whatever it is told. */
  forgedKinOf(nid: Uint8Array): Kin | null {
    const kin = this.kinOf(nid)
    const forged = (): Offer | null => {
      const offer = kin?.offer() ?? null
      return offer && { ...offer, entries: offer.entries.slice(0, 1).map((entry) => ({ ...entry, id: STRANGER })) }
    }
    return kin && { offer: forged, opinion: () => 'yes' }
  }

  /** The committee that a statement was made for. Throws `wrong-epoch`. */
  committeeOf({ scope }: Pick<Envelope, 'scope'>): Committee {
    const committee = this.committees.get(keyOf(scope))
    if (!committee) throw new WebxError('wrong-epoch', 'statement of a committee that nobody has reached')
    return committee
  }

  /** Public key of a person in an epoch. */
  epochKeyOf(number: number, epoch: number): Uint8Array {
    const seat = epoch === 0 ? this.committee.seats[number] : undefined
    if (seat) return seat.epochKey
    const name = `epoch ${epoch} person ${number}`
    let key = this.#epochKeys.get(name)
    if (!key) {
      key = keyPair(name).publicKey
      this.#epochKeys.set(name, key)
      this.#cheap.add(keyOf(key))
    }
    return key
  }

  /** Number of a person by its identity; null for a vacant seat. */
  numberOf(id: Uint8Array): number | null {
    return this.#numbers.get(keyOf(id)) ?? null
  }

  /** Signs with the key of a seat in epoch 0. */
  sign(seat: number, message: Uint8Array): Uint8Array {
    return cheapSignature(this.epochKeyOf(seat, 0), message)
  }

  /** Signs with any key of a member. */
  signWith(key: Uint8Array, message: Uint8Array): Uint8Array {
    return cheapSignature(key, message)
  }

  holds({ key, message, signature }: SignatureCheck): boolean {
    if (this.#cheap.has(keyOf(key))) return equal(cheapSignature(key, message), signature)
    return verifiedOnce(key, message, signature)
  }
}

/** A quorum by the book (consensus.md §3.0), not by the code that is tested. Every seat weighs one, or nothing where nobody has a place. */
export function quorumIn({ seats }: Committee): number {
  return Math.floor((2 * placesOf(seats)) / 3) + 1
}

/** A strong quorum by the book. */
export function strongIn({ seats }: Committee): number {
  return placesOf(seats) - Math.floor(placesOf(seats) / 6)
}

function placesOf(seats: Committee['seats']): number {
  return seats.filter(({ weight }) => weight > 0).length
}

const STRANGER = bytesOf('stranger')
const stages = new Map<string, Stage>()

/** What is to become of a neighborhood: it is divided, and its sprout is joined by people of the stem. */
interface Cast {
  readonly isGrown: boolean
  readonly isJoined: boolean
}

/** The stage for so many members; the same one each time. */
export function stageOf(count: number, { isGrown, isJoined }: Cast): Stage {
  const name = `${count} ${isGrown} ${isJoined}`
  let stage = stages.get(name)
  if (!stage) {
    const length = isGrown ? count + GROWN_BY : SPARES
    const spares = Array.from({ length }, (_, i) => person(`spare ${i}`, 'device'))
    const halfMin = isGrown ? count : Number.POSITIVE_INFINITY
    // either part has one more than there are seats: too few, until two more have come
    const lending = isJoined ? { below: count + 2, to: count + 3 } : null
    stage = new Stage(world(count), spares, halfMin, lending)
    stages.set(name, stage)
  }
  return stage
}

/** A settlement counts where its committee was reached by anybody honest, and enough of its seats have signed. */
function settlementsOf(stage: Stage): Settlements {
  return {
    verify(bytes) {
      const envelope = decodeEnvelope(bytes)
      const committee = stage.committees.get(keyOf(envelope.scope))
      if (!committee) return null
      const certificate = readCertificate(envelope, committee)
      if (!checksOf(certificate, committee).every((check) => stage.holds(check)))
        throw new WebxError('bad-signature', 'a settlement that nobody signed')
      const { oid, version, od, weight } = certificate
      return { home: committee.nid, oid, version, od, isStrong: weight >= committee.strong }
    },
    isHome: (home) => stage.newest.has(toHex(home)),
  }
}

function cheapSignature(key: Uint8Array, message: Uint8Array): Uint8Array {
  const joined = new Uint8Array(key.length + message.length)
  joined.set(key)
  joined.set(message, key.length)
  return new Uint8Array(hash('sha512', joined, 'buffer'))
}

const VERDICTS_MAX = 65_536
const verdicts = new Map<string, boolean>()

function verifiedOnce(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const name = keyOf(signature) + keyOf(key) + keyOf(message)
  let verdict = verdicts.get(name)
  if (verdict === undefined) {
    verdict = verifySignature(key, message, signature)
    if (verdicts.size >= VERDICTS_MAX) verdicts.clear()
    verdicts.set(name, verdict)
  }
  return verdict
}
