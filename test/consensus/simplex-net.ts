/**
 * Simplex lanes on a small network in virtual time: delays, loss, duplication, partitions, power cuts, twins. Seeded; a seed repeats itself to the byte.
 *
 * Everything travels as real bytes; signatures are a cheap stand-in. Oracles read the wire and what was executed, nothing else.
 */

import type { CommitteeSeat } from '../../src/consensus/committee.ts'
import { type Committee, createCommittee } from '../../src/consensus/committee.ts'
import type { Write } from '../../src/consensus/effects.ts'
import { readEvidence } from '../../src/consensus/evidence.ts'
import { BALLOT, readBallot } from '../../src/consensus/simplex/ballot.ts'
import { readCandidate } from '../../src/consensus/simplex/candidate.ts'
import { readBlockCertificate } from '../../src/consensus/simplex/certificate.ts'
import type { SimplexEffect, SimplexEvent, Timing } from '../../src/consensus/simplex/effects.ts'
import { readFinality } from '../../src/consensus/simplex/finality.ts'
import type { Block, BlockRules, FinalBlock, Opinion } from '../../src/consensus/simplex/rules.ts'
import { createSimplex, type Simplex, type SimplexOptions } from '../../src/consensus/simplex/simplex.ts'
import { equal, fromText, toHex } from '../../src/core/bytes.ts'
import type { SignatureCheck } from '../../src/core/crypto.ts'
import { blake3Of } from '../../src/core/digest.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { WebxError } from '../../src/core/errors.ts'
import { Disk, prng } from './network.ts'
import { bytesOf } from './people.ts'

export const BEGINNING = bytesOf('beginning')
export const SEED = bytesOf('seed')

/** A committee whose keys are made from numbers; `vacant` seats have none. */
export function committeeFor(
  seats: number,
  vacant: readonly number[] = [],
  weights: readonly number[] = [],
): Committee {
  const named = Array.from({ length: seats }, (_, i): CommitteeSeat => {
    const epochKey = vacant.includes(i) ? new Uint8Array(32) : bytesOf(`simplex key ${i}`)
    return { memberId: bytesOf(`simplex member ${i}`), epochKey, weight: weights[i] ?? 1 }
  })
  return createCommittee({ netId: bytesOf('net'), nid: bytesOf('home', 16), epoch: 3, seats: named })
}

/** As unforgeable as the test is honest. */
export function cheapSignature(key: Uint8Array, message: Uint8Array): Uint8Array {
  const signature = new Uint8Array(64)
  signature.set(blake3Of(`test signature ${toHex(key)}`, message))
  return signature
}

export function holds({ key, message, signature }: SignatureCheck): boolean {
  return equal(cheapSignature(key, message), signature)
}

/** Orders texts. What is executed lies on the disk with what the lane writes, as it must. */
export class TextRules implements BlockRules {
  readonly executed: string[] = []
  readonly #done = new Set<string>()
  readonly #pending = new Set<string>()
  #writes: Write[] = []
  opinionOf: (text: string) => Opinion = () => 'yes'
  endsWith: string | null = null

  constructor(disk: Disk) {
    for (const { value } of disk.scan('test-executed')) this.#note(Buffer.from(value).toString())
  }

  add(text: string): void {
    if (!this.#done.has(text)) this.#pending.add(text)
  }

  wantsAtMs(): number | null {
    return this.#pending.size > 0 ? 0 : null
  }

  compose(ancestors: readonly Block[]): Uint8Array[] | null {
    const ordered = new Set(ancestors.flatMap(textsOf))
    const texts = [...this.#pending].filter((text) => !ordered.has(text)).slice(0, 10)
    return texts.length === 0 ? null : texts.map(fromText)
  }

  opinion(block: Block): Opinion {
    const opinions = textsOf(block).map((text) => this.opinionOf(text))
    return opinions.find((opinion) => opinion === 'no') ?? opinions.find((opinion) => opinion === 'later') ?? 'yes'
  }

  execute(block: FinalBlock): boolean {
    const texts = [`#${block.slot}`, ...textsOf(block).filter((text) => !this.#done.has(text))]
    for (const text of texts) {
      const key = new Uint8Array(4)
      new DataView(key.buffer).setUint32(0, this.executed.length)
      this.#writes.push({ space: 'test-executed', key, value: fromText(text) })
      this.#note(text)
    }
    return this.endsWith !== null && texts.includes(this.endsWith)
  }

  flush(): Write[] {
    const writes = this.#writes
    this.#writes = []
    return writes
  }

  #note(text: string): void {
    this.executed.push(text)
    this.#done.add(text)
    this.#pending.delete(text)
  }
}

export function textsOf({ transactions }: Block): string[] {
  return transactions.map((bytes) => Buffer.from(bytes).toString())
}

export interface NetOptions {
  readonly committee: Committee
  readonly seed: number
  readonly delayMs?: readonly [number, number]
  readonly loss?: number
  readonly duplication?: number
  readonly timing?: Partial<Timing>
  /** A mutant: what is not on the disk is published all the same. */
  readonly publishesTooEarly?: boolean
  /** Makes lanes; a mutant may be handed in. */
  readonly create?: (options: SimplexOptions) => Simplex
  /** Seats that are played by two lanes with one key. */
  readonly twins?: readonly number[]
}

export interface Peer {
  /** Place in `peers`: twins come behind the seats. */
  readonly number: number
  readonly seat: number
  readonly disk: Disk
  rules: TextRules
  lane: Simplex
  up: boolean
  /** Power fails in the middle of the next turn that says something: nothing of that turn is on the disk. */
  fails: boolean
  wakeAtMs: number
  /** Names of certificates that it has seen. */
  readonly seen: Set<string>
}

interface Happening {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

export class SimplexNet {
  readonly committee: Committee
  readonly peers: Peer[]
  readonly random: () => number
  readonly faults: string[] = []
  readonly effects: { readonly peer: Peer; readonly effect: SimplexEffect; readonly atMs: number }[] = []
  /** Messages published, by kind; deliveries are not counted. */
  readonly sent: Record<string, number> = {}
  readonly liars = new Set<number>()
  nowMs = 0
  /** Hears all that is published, and may answer: a scripted liar. */
  onPublished: (bytes: Uint8Array, event: SimplexEvent) => void = () => {}
  /** Whether a message gets through at all. */
  reaches: (from: number, to: number, event: SimplexEvent) => boolean = () => true
  readonly #options: NetOptions
  readonly #queue: Happening[] = []
  readonly #said = new Map<string, string>()
  readonly #finalBySlot = new Map<number, string>()
  #order = 0

  constructor(options: NetOptions) {
    this.#options = options
    this.committee = options.committee
    this.random = prng(options.seed)
    const twins = options.twins ?? []
    const seats = [...this.committee.seats.keys(), ...twins]
    for (const seat of twins) this.liars.add(seat)
    this.peers = seats.map((seat, number) => {
      const disk = new Disk()
      return { number, seat, disk, ...this.#create(seat, disk), up: true, fails: false, wakeAtMs: 0, seen: new Set() }
    })
  }

  peer(number: number): Peer {
    return this.peers[number] as Peer
  }

  /** Gives a text to some members, at once. */
  submit(text: string, to: readonly number[] = [...this.peers.keys()]): void {
    for (const number of to) {
      const peer = this.peer(number)
      peer.rules.add(text)
      this.turn(peer, { kind: 'tick' })
    }
  }

  at(atMs: number, run: () => void): void {
    const happening = { atMs, order: this.#order++, run }
    let low = 0
    let high = this.#queue.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (sortsBefore(happening, this.#queue[middle] as Happening)) low = middle + 1
      else high = middle
    }
    this.#queue.splice(low, 0, happening)
  }

  runUntil(untilMs: number): void {
    for (let next = this.#queue.at(-1); next && next.atMs <= untilMs; next = this.#queue.at(-1)) {
      this.#queue.pop()
      this.nowMs = next.atMs
      next.run()
    }
    this.nowMs = untilMs
  }

  /** One event at one member: checked, stepped, signed, stored, sent. */
  turn(peer: Peer, event: SimplexEvent): void {
    if (!peer.up) return
    const { lane, rules, disk } = peer
    if (this.#options.twins?.includes(peer.seat) && isOfSeat(event, peer.seat)) return
    const effects = this.#step(peer, event)
    if (!effects) return
    disk.write([...lane.flush(), ...rules.flush()])
    const fails = peer.fails && effects.some(({ kind }) => kind === 'publish')
    if (!fails) disk.sync()
    if (!fails || this.#options.publishesTooEarly) this.#emit(peer, effects)
    if (fails) {
      peer.up = false
      disk.crash()
      return
    }
    this.#wake(peer)
  }

  restart(peer: Peer): void {
    if (peer.up) return
    const { rules } = peer
    Object.assign(peer, this.#create(peer.seat, peer.disk), { up: true, fails: false })
    Object.assign(peer.rules, { opinionOf: rules.opinionOf, endsWith: rules.endsWith })
    this.turn(peer, { kind: 'tick' })
  }

  /** Publishes to some members. */
  broadcast(from: number, bytes: Uint8Array, to: readonly number[] = [...this.peers.keys()]): void {
    const event = decodeEvent(bytes, this.committee)
    this.#note(from, bytes, event)
    for (const number of to) if (number !== from) this.#send(from, number, event)
    this.onPublished(bytes, event)
  }

  /** Members that tell the truth. */
  get honest(): Peer[] {
    return this.peers.filter(({ seat }) => !this.liars.has(seat))
  }

  /** What is wrong, in words; empty where all is well. */
  complaints(): string[] {
    const longest = this.honest.reduce(
      (most, { rules }) => (rules.executed.length > most.length ? rules.executed : most),
      [] as string[],
    )
    const forks = this.honest
      .filter(({ rules }) => rules.executed.some((text, i) => text !== longest[i]))
      .map(({ seat }) => `seat ${seat} has executed something else`)
    return [...this.faults, ...forks]
  }

  #create(seat: number, disk: Disk): Pick<Peer, 'rules' | 'lane'> {
    const { create = createSimplex, timing = {}, committee } = this.#options
    const rules = new TextRules(disk)
    const options = { committee, seat, beginning: BEGINNING, seed: SEED, records: disk, rules, timing }
    return { rules, lane: create(options) }
  }

  /** An assertion that fails is a fault, too. */
  #step({ lane, seat }: Peer, event: SimplexEvent): SimplexEffect[] | null {
    try {
      const checks = lane.checksFor(event)
      if (!checks?.every(holds)) return null
      const effects = lane.step(event, this.nowMs)
      const { epochKey } = this.committee.seats[seat] as CommitteeSeat
      for (let next = lane.nextSigning(); next; next = lane.nextSigning()) {
        effects.push(...lane.seal(cheapSignature(epochKey, next.message)))
      }
      return effects
    } catch (error) {
      if (!(error instanceof WebxError) || error.code !== 'bad-block') this.faults.push(String(error))
      return null
    }
  }

  #emit(peer: Peer, effects: readonly SimplexEffect[]): void {
    for (const effect of effects) {
      this.effects.push({ peer, effect, atMs: this.nowMs })
      if (effect.kind === 'publish') this.#publish(peer, effect)
      if (effect.kind === 'ask') {
        this.sent['ask'] = (this.sent['ask'] ?? 0) + 1
        for (const { number } of this.peers) if (number !== peer.number) this.#send(peer.number, number, effect)
      }
      if (effect.kind === 'final') this.#final(peer, effect)
      if (effect.kind === 'evidence') this.#evidence(effect)
      if (effect.kind === 'log-lost') this.faults.push(`seat ${peer.seat} has lost its log`)
    }
  }

  #publish(peer: Peer, { what, bytes, rank }: Extract<SimplexEffect, { kind: 'publish' }>): void {
    if (what === 'evidence') return
    if (rank === 0) {
      this.broadcast(peer.number, bytes)
      return
    }
    const name = nameOf(decodeEvent(bytes, this.committee))
    peer.seen.delete(name)
    this.at(this.nowMs + 15 * rank, () => {
      if (peer.up && !peer.seen.has(name)) this.broadcast(peer.number, bytes)
    })
  }

  #send(from: number, to: number, event: SimplexEvent): void {
    const { loss = 0, duplication = 0, delayMs = [1, 20] } = this.#options
    const [low, high] = delayMs
    const copies = this.random() < duplication ? 2 : 1
    for (let i = 0; i < copies; i++) {
      if (this.random() < loss || !this.reaches(from, to, event)) continue
      this.at(this.nowMs + low + this.random() * (high - low), () => {
        const peer = this.peer(to)
        peer.seen.add(nameOf(event))
        this.turn(peer, event)
      })
    }
  }

  #wake(peer: Peer): void {
    const wakeAtMs = peer.lane.wakeAtMs()
    if (wakeAtMs === null) return
    const atMs = Math.max(wakeAtMs, this.nowMs)
    if (peer.wakeAtMs > this.nowMs && peer.wakeAtMs <= atMs) return
    peer.wakeAtMs = atMs
    const { lane } = peer
    this.at(atMs, () => {
      if (peer.lane === lane && (lane.wakeAtMs() ?? Number.POSITIVE_INFINITY) <= this.nowMs)
        this.turn(peer, { kind: 'tick' })
      else if (peer.lane === lane) this.#wake(peer)
    })
  }

  /** The oracle on the wire: nobody honest says what the rules forbid. */
  #note(from: number, bytes: Uint8Array, event: SimplexEvent): void {
    const what = event.kind === 'ballot' ? 'ballot' : event.kind
    this.sent[what] = (this.sent[what] ?? 0) + 1
    const { type } = decodeEnvelope(bytes)
    if (type === TYPE.candidate && event.kind === 'candidate') {
      const { leader, slot, hash } = event.candidate
      this.#once(leader, `candidate ${slot}`, toHex(hash))
    }
    if (event.kind !== 'ballot') return
    const { seat, kind, slot, hash } = event.ballot
    if (kind !== BALLOT.skip) this.#once(seat, `block ${slot}`, toHex(hash))
    if (kind !== BALLOT.notarize) this.#once(seat, `end ${slot}`, kind === BALLOT.skip ? 'SKIP' : 'FINALIZE')
    if (this.peers[from]?.seat !== seat && from < this.committee.seats.length)
      this.faults.push(`${from} says what ${seat} says`)
  }

  #once(seat: number, name: string, value: string): void {
    if (this.liars.has(seat)) return
    const key = `seat ${seat} ${name}`
    const before = this.#said.get(key)
    if (before !== undefined && before !== value) this.faults.push(`${key}: ${before} and ${value}`)
    this.#said.set(key, value)
  }

  #final(peer: Peer, { block, finality }: Extract<SimplexEffect, { kind: 'final' }>): void {
    if (this.liars.has(peer.seat)) return
    const hash = toHex(block.hash)
    const before = this.#finalBySlot.get(block.slot)
    if (before !== undefined && before !== hash) this.faults.push(`two final blocks in slot ${block.slot}`)
    this.#finalBySlot.set(block.slot, hash)
    if (!finality) return
    const proof = readFinality(finality, this.committee)
    if (!equal(proof.hash, block.hash) || !proof.checks.every(holds)) this.faults.push(`slot ${block.slot}: not proven`)
  }

  #evidence({ bytes, guilty }: Extract<SimplexEffect, { kind: 'evidence' }>): void {
    const { checks, guilty: read } = readEvidence(decodeEnvelope(bytes), this.committee)
    if (!checks.every(holds) || !equal(read, guilty)) this.faults.push('evidence that does not hold')
    const seat = this.committee.seats.findIndex(({ memberId }) => equal(memberId, guilty))
    if (!this.liars.has(seat)) this.faults.push(`seat ${seat} is accused`)
  }
}

export function decodeEvent(bytes: Uint8Array, committee: Committee): SimplexEvent {
  const envelope = decodeEnvelope(bytes)
  if (envelope.type === TYPE.candidate)
    return { kind: 'candidate', candidate: readCandidate(envelope, committee), bytes }
  if (envelope.type === TYPE.ballot) return { kind: 'ballot', ballot: readBallot(envelope, committee) }
  return { kind: 'certificate', certificate: readBlockCertificate(envelope, committee), bytes }
}

/** The later one first; what was put in first sorts last, where it is taken. */
function sortsBefore(one: Happening, other: Happening): boolean {
  return one.atMs !== other.atMs ? one.atMs < other.atMs : one.order < other.order
}

function nameOf(event: SimplexEvent): string {
  if (event.kind === 'certificate') {
    const { kind, slot, hash } = event.certificate
    return `${kind} ${slot} ${toHex(hash)}`
  }
  return event.kind === 'candidate' ? toHex(event.candidate.hash) : event.kind
}

function isOfSeat(event: SimplexEvent, seat: number): boolean {
  if (event.kind === 'ballot') return event.ballot.seat === seat
  if (event.kind === 'candidate') return event.candidate.leader === seat
  return event.kind === 'certificate' && event.certificate.ballots.some((ballot) => ballot.seat === seat)
}
