/**
 * A small deterministic network of registers: seeded order of delivery, loss, duplication, crashes that lose every unsynced turn.
 *
 * Everything travels as real bytes. Signatures are real, or made by a cheap stand-in where a campaign needs thousands of steps.
 */

import { readCertificate } from '../../src/consensus/certificate.ts'
import { type Committee, committeeOf } from '../../src/consensus/committee.ts'
import type { Effect, Event, Records, Write } from '../../src/consensus/effects.ts'
import { keyOf } from '../../src/consensus/key.ts'
import { type Order, orderBytes, orderMessage, readOrder } from '../../src/consensus/order.ts'
import { createRegister, type Register } from '../../src/consensus/register.ts'
import { headerCheck, readVoteBatch, VOTE } from '../../src/consensus/statement.ts'
import { concat, equal, toHex } from '../../src/core/bytes.ts'
import { verifySignature } from '../../src/core/crypto.ts'
import { blake3Of } from '../../src/core/digest.ts'
import { decodeEnvelope, type Envelope, TYPE } from '../../src/core/envelope.ts'
import type { ObjectState } from '../../src/ledger/account.ts'
import { createLedgerRules, type LedgerRules } from '../../src/ledger/rules.ts'
import type { World } from './people.ts'

/** mulberry32: numbers in [0, 1). */
export function prng(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A store in memory: what is written is there at once, and on the disk only after `sync`. */
export class Disk implements Records {
  #durable = new Map<string, Map<string, Write>>()
  #view = new Map<string, Map<string, Write>>()
  #unsynced: Write[] = []

  get(space: string, key: Uint8Array): Uint8Array | null {
    return this.#view.get(space)?.get(toHex(key))?.value ?? null
  }

  *scan(space: string): Iterable<{ key: Uint8Array; value: Uint8Array }> {
    const entries = [...(this.#view.get(space) ?? new Map<string, Write>())].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [, { key, value }] of entries) if (value) yield { key, value }
  }

  write(writes: readonly Write[]): void {
    this.#unsynced.push(...writes)
    for (const write of writes) put(this.#view, write)
  }

  sync(): void {
    for (const write of this.#unsynced) put(this.#durable, write)
    this.#unsynced = []
  }

  /** Power fails: what was not synced is gone. */
  crash(): void {
    this.#unsynced = []
    this.#view = new Map([...this.#durable].map(([space, entries]) => [space, new Map(entries)]))
  }
}

function put(spaces: Map<string, Map<string, Write>>, write: Write): void {
  let entries = spaces.get(write.space)
  if (!entries) {
    entries = new Map()
    spaces.set(write.space, entries)
  }
  if (write.value === null) entries.delete(toHex(write.key))
  else entries.set(toHex(write.key), { ...write, value: write.value.slice() })
}

/** Signs and checks batches. */
export interface Signing {
  sign(seat: number, message: Uint8Array): Uint8Array
  holds(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
}

/** Ed25519; every signature is checked once for all members, which would each do it for themselves. */
export function realSigning(world: World): Signing {
  return {
    sign: (seat, message) => (world.epochKeys[seat] as World['epochKeys'][number]).sign(message),
    holds: verifiedOnce,
  }
}

/** What disproves itself is refused by the road. */
function keyOrRefusal(register: Register<ObjectState>, order: Order): ReturnType<typeof register.keyOf> | 'refused' {
  try {
    return register.keyOf(order)
  } catch {
    return 'refused'
  }
}

const verdicts = new Map<string, boolean>()

function verifiedOnce(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const name = keyOf(blake3Of('webx test verdict', concat(key, signature, message)))
  let verdict = verdicts.get(name)
  if (verdict === undefined) {
    verdict = verifySignature(key, message, signature)
    verdicts.set(name, verdict)
  }
  return verdict
}

/** As unforgeable as the test is honest: a hash of key and message. */
export function cheapSigning(world: World): Signing {
  const make = (key: Uint8Array, message: Uint8Array): Uint8Array => {
    const signature = new Uint8Array(64)
    signature.set(blake3Of(`test signature ${toHex(key)}`, message))
    return signature
  }
  return {
    sign: (seat, message) => make((world.epochKeys[seat] as World['epochKeys'][number]).publicKey, message),
    holds: (key, message, signature) => equal(make(key, message), signature),
  }
}

export interface NetworkOptions {
  readonly world: World
  readonly seed: number
  readonly signing: Signing
  /** Chance that one delivery is lost, or happens twice. */
  readonly loss?: number
  readonly duplication?: number
  /** The mutant: publishes before it syncs. */
  readonly publishesTooEarly?: boolean
}

interface Peer {
  readonly seat: number
  readonly disk: Disk
  register: Register<ObjectState>
  up: boolean
  readonly needs: Set<string>
}

interface Delivery {
  readonly to: number
  readonly event: Event
}

/** What has been seen on the wire, and what is wrong about it. */
export interface WireCheck {
  readonly votes: Map<string, string>
  readonly batches: Map<string, string>
  readonly proofs: Map<string, string>
  readonly faults: string[]
}

export class Network {
  readonly world: World
  readonly committee: Committee
  readonly rules: LedgerRules
  readonly peers: Peer[]
  readonly random: () => number
  readonly wire: WireCheck = { votes: new Map(), batches: new Map(), proofs: new Map(), faults: [] }
  /** Evidence that anyone published. */
  readonly evidence: Uint8Array[] = []
  /** All effects but publications, by seat. */
  readonly effects: Effect[][]
  /** Seats whose votes do not count as faults on the wire. */
  readonly liars = new Set<number>()
  nowMs = 0
  readonly #options: NetworkOptions
  #queue: Delivery[] = []

  constructor(options: NetworkOptions) {
    this.#options = options
    this.world = options.world
    this.committee = committeeOf(options.world.genesis)
    this.rules = createLedgerRules(options.world.genesis)
    this.random = prng(options.seed)
    this.effects = this.committee.seats.map(() => [])
    this.peers = this.committee.seats.map((_, seat) => {
      const disk = new Disk()
      return { seat, disk, register: this.#create(seat, disk), up: true, needs: new Set() }
    })
  }

  peer(seat: number): Peer {
    return this.peers[seat] as Peer
  }

  register(seat: number): Register<ObjectState> {
    return this.peer(seat).register
  }

  /** An owner sends an order to all, or to some. */
  send(order: Order, to: readonly number[] = [...this.committee.seats.keys()]): void {
    const again = readOrder(decodeEnvelope(orderBytes(order)))
    for (const seat of to) this.#post(seat, { kind: 'order', order: again, verified: true })
  }

  /** Anyone publishes a statement to all, or to some. */
  publish(bytes: Uint8Array, to: readonly number[] = [...this.committee.seats.keys()]): void {
    const event = this.#decode(bytes)
    if (event) for (const seat of to) this.#post(seat, event)
  }

  /** One event at one member: a turn of its own, synced or not. */
  turn(seat: number, event: Event, synced = true): void {
    const peer = this.peer(seat)
    if (!peer.up) return
    const { register, disk } = peer
    const effects = this.#step(register, event)
    const batch = register.nextBatch()
    if (batch) effects.push(...register.sealBatch(this.#options.signing.sign(seat, batch.message)))
    disk.write(register.flush())
    if (synced) disk.sync()
    if (synced || this.#options.publishesTooEarly) this.#emit(peer, effects)
  }

  /** Power fails at a member in the middle of a turn; it comes back when `restart` says so. */
  crash(seat: number, event: Event | null = null): void {
    if (event) this.turn(seat, event, false)
    const peer = this.peer(seat)
    peer.up = false
    peer.disk.crash()
  }

  restart(seat: number): void {
    const peer = this.peer(seat)
    if (peer.up) return
    peer.register = this.#create(seat, peer.disk)
    peer.up = true
  }

  /** Delivers until nothing is left or `stepsMax` deliveries are done. */
  run(stepsMax = 100_000): void {
    for (let i = 0; i < stepsMax && this.#queue.length > 0; i++) this.deliverOne()
  }

  /** Takes a random message out of the queue; what is to become of it is up to the caller. */
  take(): Delivery | null {
    if (this.#queue.length === 0) return null
    const at = Math.floor(this.random() * this.#queue.length)
    const delivery = this.#queue[at] as Delivery
    this.#queue[at] = this.#queue[this.#queue.length - 1] as Delivery
    this.#queue.pop()
    return delivery
  }

  deliverOne(): void {
    const delivery = this.take()
    if (!delivery) return
    const { loss = 0, duplication = 0 } = this.#options
    const chance = this.random()
    if (chance < loss) return
    if (chance > 1 - duplication) this.#queue.push(delivery)
    this.turn(delivery.to, delivery.event)
  }

  /** Time passes, everybody ticks, tells heads, asks for what it lacks, and all is delivered: what the services around registers do. */
  settleDown(rounds: number): void {
    for (let round = 0; round < rounds; round++) {
      this.nowMs += 10_000
      for (const { seat } of this.peers) this.turn(seat, { kind: 'tick' })
      this.#compareHeads()
      this.#askForNeeds()
      this.run()
    }
  }

  get pending(): number {
    return this.#queue.length
  }

  #compareHeads(): void {
    const up = this.peers.filter((peer) => peer.up)
    for (const asker of up) {
      const other = up[Math.floor(this.random() * up.length)] as Peer
      const mine = asker.register.summary()
      for (const [bucket, digest] of other.register.summary().entries()) {
        if (equal(digest, mine[bucket] as Uint8Array)) continue
        for (const { oid, fromVersion } of asker.register.missing(other.register.heads(bucket, null, 1000))) {
          for (const { seat } of up) this.#post(seat, { kind: 'need', oid, fromVersion })
        }
      }
    }
  }

  #askForNeeds(): void {
    for (const peer of this.peers) {
      for (const need of peer.needs) {
        const [oid, version] = need.split('/') as [string, string]
        const event: Event = { kind: 'need', oid: Buffer.from(oid, 'hex'), fromVersion: Number(version) }
        for (const other of this.peers) if (other !== peer) this.#post(other.seat, event)
      }
      peer.needs.clear()
    }
  }

  #post(to: number, event: Event): void {
    this.#queue.push({ to, event })
  }

  #create(seat: number, records: Disk): Register<ObjectState> {
    return createRegister({ committee: this.committee, seat, rules: this.rules, records })
  }

  /** What the road and the agreement service do around a step: check signatures first. */
  #step(register: Register<ObjectState>, event: Event): Effect[] {
    const { holds } = this.#options.signing
    if (event.kind === 'order') return this.#stepOrder(register, event.order)
    if (event.kind === 'certificate') {
      const checks = register.checksFor(event.certificate)
      if (!checks?.every(({ key, message, signature }) => holds(key, message, signature))) return []
    }
    if (event.kind === 'votes') {
      const { key, message, signature } = headerCheck(this.committee, event.batch)
      if (!holds(key, message, signature)) return []
    }
    const effects = register.step(event, this.nowMs)
    return [...effects, ...this.#verifyAll(register, effects)]
  }

  #stepOrder(register: Register<ObjectState>, order: Order): Effect[] {
    const owner = keyOrRefusal(register, order)
    if (owner === 'refused') return []
    if (owner?.key && !verifiedOnce(owner.key, orderMessage(order), order.envelope.signature)) return []
    const effects = register.step({ kind: 'order', order, verified: owner !== null }, this.nowMs)
    return [...effects, ...this.#verifyAll(register, effects)]
  }

  #verifyAll(register: Register<ObjectState>, effects: readonly Effect[]): Effect[] {
    return effects.flatMap((effect) => (effect.kind === 'verify' ? this.#stepOrder(register, effect.order) : []))
  }

  #emit(peer: Peer, effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'publish') {
        this.#watch(effect.bytes)
        const event = this.#decode(effect.bytes)
        if (event) for (const { seat } of this.peers) if (seat !== peer.seat) this.#post(seat, event)
        continue
      }
      if (effect.kind === 'need') peer.needs.add(`${toHex(effect.oid)}/${effect.fromVersion}`)
      this.effects[peer.seat]?.push(effect)
    }
  }

  #decode(bytes: Uint8Array): Event | null {
    const envelope = decodeEnvelope(bytes)
    switch (envelope.type) {
      case TYPE.order:
        return { kind: 'order', order: readOrder(envelope), verified: true }
      case TYPE.voteBatch:
        return { kind: 'votes', batch: readVoteBatch(envelope, this.committee) }
      case TYPE.certificate:
      case TYPE.settlement:
        return { kind: 'certificate', certificate: readCertificate(envelope, this.committee), bytes }
      default:
        this.evidence.push(bytes)
        return null
    }
  }

  /** The oracle on the wire: nobody votes two ways, no number is used twice, no slot has two proofs. */
  #watch(bytes: Uint8Array): void {
    const envelope = decodeEnvelope(bytes)
    if (envelope.type === TYPE.voteBatch) this.#watchBatch(envelope)
    if (envelope.type === TYPE.certificate || envelope.type === TYPE.settlement) {
      const { oid, version, od, kind } = readCertificate(envelope, this.committee)
      this.#once(this.wire.proofs, `${toHex(oid)}/${version}`, toHex(od), `two proofs of kind ${kind}`)
    }
  }

  #watchBatch(envelope: Envelope): void {
    const batch = readVoteBatch(envelope, this.committee)
    if (this.liars.has(batch.seat)) return
    const who = `seat ${batch.seat}`
    this.#once(this.wire.batches, `${who} batch ${batch.sequence}`, toHex(batch.root), 'one number for two batches')
    for (const { kind, oid, version, od } of batch.entries) {
      const name = `${who} ${kind === VOTE.lock ? 'LOCK' : 'CONFIRM'} ${toHex(oid)}/${version}`
      this.#once(this.wire.votes, name, toHex(od), 'voted two ways')
    }
  }

  #once(seen: Map<string, string>, name: string, value: string, fault: string): void {
    const before = seen.get(name)
    if (before !== undefined && before !== value) this.wire.faults.push(`${fault}: ${name}`)
    seen.set(name, value)
  }
}
