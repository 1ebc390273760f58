/**
 * Registers over several epochs, and in place of a chain of blocks a list of decisions that every member obeys in the same order, each in its own time.
 *
 * Messages are lost and come in any order; a crash loses whatever was not synced, a decision that was just obeyed included. What anybody says is final is watched across all epochs.
 */

import { readCertificate } from '../../src/consensus/certificate.ts'
import { type Committee, committeeOf, createCommittee } from '../../src/consensus/committee.ts'
import { CommitteeBook } from '../../src/consensus/committee-book.ts'
import type { Effect, Event, Write } from '../../src/consensus/effects.ts'
import { type Order, readOrder } from '../../src/consensus/order.ts'
import { createRegister, type Decision, type Register } from '../../src/consensus/register.ts'
import { headerCheck, readVoteBatch } from '../../src/consensus/statement.ts'
import { equal, fromText, toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import type { ObjectState } from '../../src/ledger/account.ts'
import { createLedgerRules, type LedgerRules } from '../../src/ledger/rules.ts'
import { cheapSigning, Disk, prng, type Signing } from './network.ts'
import type { World } from './people.ts'

/** What the chain decides, in the order in which it does. */
export type Said =
  | { readonly kind: 'freeze'; readonly oid: Uint8Array; readonly version: number }
  | { readonly kind: 'resolve'; readonly oid: Uint8Array; readonly version: number; readonly od: Uint8Array | null }
  | { readonly kind: 'cover'; readonly entries: readonly Decision[] }
  | { readonly kind: 'freeze-all' }
  | { readonly kind: 'close'; readonly entries: readonly Decision[] }
  | { readonly kind: 'enter' }

export interface Peer {
  readonly seat: number
  readonly disk: Disk
  register: Register<ObjectState>
  epoch: number
  /** How many decisions it has obeyed. */
  obeyed: number
  up: boolean
}

interface Delivery {
  readonly to: number
  readonly bytes: Uint8Array
}

/** A report, by the index of the decision that asked for it. */
interface Report {
  readonly seat: number
  readonly entries: readonly Decision[]
}

export interface LanesOptions {
  readonly world: World
  readonly seed: number
  readonly loss: number
  /** Seats whose reports leave everything out. */
  readonly liars?: readonly number[]
  /** Chance that what happens next is that a member obeys a decision, not that a message arrives. */
  readonly obeys?: number
  /** The mutant: reports, and goes on voting. */
  readonly neverFreezes?: boolean
}

const PLACE = { space: 'test', key: fromText('place') }

export class Lanes {
  readonly world: World
  readonly rules: LedgerRules
  readonly random: () => number
  readonly peers: Peer[]
  readonly committees: Committee[]
  readonly book: CommitteeBook
  readonly chain: Said[] = []
  readonly faults: string[] = []
  /** Roots of closed lanes by epoch, as members see them once nothing is lacking. */
  readonly roots = new Map<number, Set<string>>()
  nowMs = 0
  readonly #options: LanesOptions
  readonly #signing: Signing
  readonly #reports = new Map<number, Report[]>()
  readonly #final = new Map<string, string>()
  readonly #votes = new Map<string, string>()
  #queue: Delivery[] = []
  #needs: { readonly from: number; readonly event: Event }[] = []

  constructor(options: LanesOptions) {
    this.#options = options
    this.world = options.world
    this.rules = createLedgerRules(options.world.genesis)
    this.random = prng(options.seed)
    this.#signing = cheapSigning(options.world)
    this.committees = [committeeOf(options.world.genesis)]
    this.book = new CommitteeBook(...this.committees)
    this.peers = options.world.members.map((_, seat) => {
      const disk = new Disk()
      return { seat, disk, register: this.#create(seat, disk, 0), epoch: 0, obeyed: 0, up: true }
    })
  }

  /** The chain decides. Members obey when they get to it. */
  say(said: Said): void {
    this.chain.push(said)
    if (said.kind === 'enter') {
      const newest = this.committees.at(-1) as Committee
      const next = createCommittee({ ...newest, epoch: newest.epoch + 1 })
      this.committees.push(next)
      this.book.add(next)
    }
  }

  /** True once a quorum has reported on the newest decision; then the chain decides by the union. */
  decideByReports(): boolean {
    const index = this.chain.length - 1
    const asked = this.chain[index]
    const reports = this.#reports.get(index) ?? []
    const { quorum } = this.committees[0] as Committee
    if (!asked || reports.length < quorum) return false
    const union = new Map<string, Decision>()
    // the first quorum to report decides, whoever that is
    for (const { entries } of reports.slice(0, quorum)) {
      for (const entry of entries) union.set(`${toHex(entry.oid)}/${entry.version}/${toHex(entry.od)}`, entry)
    }
    if (asked.kind === 'freeze-all') this.say({ kind: 'close', entries: [...union.values()] })
    if (asked.kind === 'freeze') {
      const { oid, version } = asked
      this.say({ kind: 'resolve', oid, version, od: [...union.values()][0]?.od ?? null })
    }
    return true
  }

  /** A member proposes a checkpoint, which a quorum votes for only where it holds what it names. */
  checkpoint(): void {
    const { quorum } = this.committees[0] as Committee
    const [proposer] = this.peers.filter(({ up, epoch }) => up && epoch === this.committees.length - 1)
    const entries = (proposer?.register.uncovered(8) ?? []).filter(({ oid, version, od }) => {
      const holders = this.peers.filter(({ up, register }) => up && register.holdsSettled(oid, version, od))
      return holders.length >= quorum
    })
    if (entries.length > 0) this.say({ kind: 'cover', entries })
  }

  send(bytes: Uint8Array): void {
    for (const { seat } of this.peers) this.#queue.push({ to: seat, bytes })
  }

  /** One random thing happens: a delivery, or a member obeys its next decision; in the middle of either its power may fail. */
  happen(crash: number): void {
    const chance = this.random()
    const synced = this.random() >= crash
    if (chance < (this.#options.obeys ?? 0.1)) {
      const peer = this.peers[Math.floor(this.random() * this.peers.length)] as Peer
      this.obey(peer, synced)
      return
    }
    if (this.#queue.length === 0) return
    const at = Math.floor(this.random() * this.#queue.length)
    const { to, bytes } = this.#queue[at] as Delivery
    this.#queue[at] = this.#queue.at(-1) as Delivery
    this.#queue.pop()
    if (this.random() < this.#options.loss) return
    this.#turn(this.peers[to] as Peer, (peer) => this.#deliver(peer, bytes), synced)
  }

  /** A member does what the next decision asks for. */
  obey(peer: Peer, synced = true): void {
    const said = this.chain[peer.obeyed]
    if (!said || !peer.up) return
    const index = peer.obeyed
    this.#turn(
      peer,
      () => {
        peer.obeyed++
        return this.#obeyOne(peer, said)
      },
      synced,
    )
    if (peer.up && (said.kind === 'freeze' || said.kind === 'freeze-all')) this.#report(peer, said, index)
  }

  restart(peer: Peer): void {
    if (peer.up) return
    const place = peer.disk.get(PLACE.space, PLACE.key)
    peer.obeyed = place ? new DataView(place.buffer, place.byteOffset).getUint32(0) : 0
    peer.epoch = this.chain.slice(0, peer.obeyed).filter(({ kind }) => kind === 'enter').length
    peer.register = this.#create(peer.seat, peer.disk, peer.epoch)
    peer.up = true
    // what it is asked again it answers again
    const asked = this.chain[peer.obeyed - 1]
    if (asked && (asked.kind === 'freeze' || asked.kind === 'freeze-all')) this.#report(peer, asked, peer.obeyed - 1)
  }

  /** All wake up, obey everything, repeat, ask, and deliver until nothing is left. */
  settleDown(rounds: number): void {
    for (let round = 0; round < rounds; round++) {
      for (const peer of this.peers) this.restart(peer)
      for (const peer of this.peers) while (peer.obeyed < this.chain.length) this.obey(peer)
      this.nowMs += 20_000
      for (const peer of this.peers) this.#turn(peer, ({ register }) => register.step({ kind: 'tick' }, this.nowMs))
      for (const { from, event } of this.#needs.splice(0)) {
        for (const peer of this.peers) {
          if (peer.seat !== from) this.#turn(peer, ({ register }) => register.step(event, this.nowMs))
        }
      }
      for (let i = 0; i < 50_000 && this.#queue.length > 0; i++) {
        const { to, bytes } = this.#queue.pop() as Delivery
        this.#turn(this.peers[to] as Peer, (peer) => this.#deliver(peer, bytes))
      }
    }
  }

  #create(seat: number, records: Disk, epoch: number): Register<ObjectState> {
    const committee = this.committees[epoch] as Committee
    return createRegister({ committee, seat, rules: this.rules, records })
  }

  #obeyOne(peer: Peer, said: Said): Effect[] {
    const { register } = peer
    switch (said.kind) {
      case 'freeze':
        register.freeze(said.oid, said.version)
        return []
      case 'resolve':
        return register.resolve(said.oid, said.version, said.od ? { od: said.od } : 'void')
      case 'cover':
        return said.entries.flatMap(({ oid, version, od }) => register.cover(oid, version, od))
      case 'freeze-all':
        if (!this.#options.neverFreezes) register.freezeAll()
        return []
      case 'close':
        return register.close(said.entries)
      case 'enter': {
        peer.epoch++
        return register.enterEpoch(this.committees[peer.epoch] as Committee, peer.seat)
      }
    }
  }

  #report({ seat, register }: Peer, said: Said, index: number): void {
    const reports = this.#reports.get(index) ?? []
    this.#reports.set(index, reports)
    if (reports.some((report) => report.seat === seat)) return
    const lies = this.#options.liars?.includes(seat) ?? false
    if (said.kind === 'freeze') {
      const proof = lies ? null : register.proofOf(said.oid, said.version)
      reports.push({ seat, entries: proof ? [proof] : [] })
    } else reports.push({ seat, entries: lies ? [] : register.openProofs() })
  }

  #turn(peer: Peer, act: (peer: Peer) => Effect[], synced = true): void {
    if (!peer.up) return
    const effects = act(peer)
    const { register, disk, seat } = peer
    const batch = register.nextBatch()
    if (batch) effects.push(...register.sealBatch(this.#signing.sign(seat, batch.message)))
    const place: Write = { ...PLACE, value: placeBytes(peer.obeyed) }
    disk.write([...register.flush(), place])
    if (!synced) {
      peer.up = false
      disk.crash()
      return
    }
    disk.sync()
    for (const effect of effects) this.#follow(peer, effect)
    this.#noteRoot(peer)
  }

  #follow({ seat }: Peer, effect: Effect): void {
    if (effect.kind === 'publish') {
      this.#watch(effect.bytes)
      for (const other of this.peers) if (other.seat !== seat) this.#queue.push({ to: other.seat, bytes: effect.bytes })
    }
    if (effect.kind === 'need') this.#needs.push({ from: seat, event: effect })
    if (effect.kind === 'settled') this.#finally(effect.order, effect.order.od, seat)
    if (effect.kind === 'settled-by-chain') this.#finally(effect, effect.od, seat)
  }

  /** The oracle: what was once final anywhere stays so, in all epochs. */
  #finally({ oid, version }: Pick<Order, 'oid' | 'version'>, od: Uint8Array, seat: number): void {
    const slot = `${toHex(oid)}/${version}`
    const before = this.#final.get(slot)
    if (before !== undefined && before !== toHex(od))
      this.faults.push(`seat ${seat}: ${slot} was final for another order`)
    this.#final.set(slot, toHex(od))
  }

  #watch(bytes: Uint8Array): void {
    const envelope = decodeEnvelope(bytes)
    if (envelope.type === TYPE.settlement) {
      const { oid, version, od } = readCertificate(envelope, this.book.of(envelope))
      this.#finally({ oid, version }, od, -1)
    }
    if (envelope.type !== TYPE.voteBatch) return
    const committee = this.book.of(envelope)
    const { seat, entries } = readVoteBatch(envelope, committee)
    for (const { kind, oid, version, od } of entries) {
      const name = `epoch ${committee.epoch} seat ${seat} ${kind} ${toHex(oid)}/${version}`
      const before = this.#votes.get(name)
      if (before !== undefined && before !== toHex(od)) this.faults.push(`voted two ways: ${name}`)
      this.#votes.set(name, toHex(od))
    }
  }

  #noteRoot({ register, epoch, obeyed }: Peer): void {
    if (this.chain[obeyed - 1]?.kind !== 'close' || register.lacking().length > 0) return
    const roots = this.roots.get(epoch) ?? new Set<string>()
    this.roots.set(epoch, roots.add(toHex(register.stateRoot())))
  }

  #deliver(peer: Peer, bytes: Uint8Array): Effect[] {
    const envelope = decodeEnvelope(bytes)
    const { register, epoch } = peer
    const committee = this.committees[epoch] as Committee
    if (envelope.type === TYPE.order) return this.#deliverOrder(register, readOrder(envelope))
    if (envelope.type === TYPE.voteBatch) {
      if (!equal(envelope.scope, committee.cid)) return []
      const batch = readVoteBatch(envelope, committee)
      const { key, message, signature } = headerCheck(committee, batch)
      return this.#signing.holds(key, message, signature) ? register.step({ kind: 'votes', batch }, this.nowMs) : []
    }
    if (envelope.type !== TYPE.certificate && envelope.type !== TYPE.settlement) return []
    const certificate = readCertificate(envelope, this.book.of(envelope))
    if (certificate.committee.epoch > epoch || !register.checksFor(certificate)) return []
    return register.step({ kind: 'certificate', certificate, bytes }, this.nowMs)
  }

  #deliverOrder(register: Register<ObjectState>, order: Order): Effect[] {
    const effects = register.step({ kind: 'order', order, verified: register.keyOf(order) !== null }, this.nowMs)
    return effects.flatMap((effect) =>
      effect.kind === 'verify' ? this.#deliverOrder(register, effect.order) : [effect],
    )
  }
}

function placeBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, count)
  return bytes
}
