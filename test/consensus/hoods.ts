/**
 * Neighborhoods in one process: nodes that run the production engine over a net in virtual time, with keys, disks and a genesis made from numbers.
 *
 * The smallest thing that shows whole epochs; faults and oracles are the simulator's business.
 */

import { committeeOf } from '../../src/consensus/committee.ts'
import type { Kin } from '../../src/consensus/epoch/kin.ts'
import type { Opening } from '../../src/consensus/epoch/opening.ts'
import type { EpochRules, LendingInput, RosterEntry } from '../../src/consensus/epoch/rules.ts'
import { keyOf } from '../../src/consensus/key.ts'
import { createNeighborhood, type Neighborhood } from '../../src/consensus/neighborhood.ts'
import type { NeighborhoodEffect, NeighborhoodEvent } from '../../src/consensus/neighborhood-effects.ts'
import { openStatement } from '../../src/consensus/neighborhood-open.ts'
import type { Order } from '../../src/consensus/order.ts'
import { orderBytes } from '../../src/consensus/order.ts'
import { compare, equal, toHex } from '../../src/core/bytes.ts'
import { blake3Of } from '../../src/core/digest.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import { asWebxError } from '../../src/core/errors.ts'
import { SPOKEN, type VersionRange } from '../../src/core/versions.ts'
import type { ObjectState } from '../../src/ledger/account.ts'
import type { Settlements } from '../../src/ledger/import.ts'
import { createLedgerRules } from '../../src/ledger/rules.ts'
import { vrfKeyOf, vrfProve } from '../../src/proof/vrf.ts'
import { versionOf } from '../../src/swarm/hello.ts'
import { Disk, prng } from './network.ts'
import { bytesOf, type KeyPair, keyPair, type Person, person, type World } from './people.ts'

const RANK_STEP_MS = 250
const ZEROS = new Uint8Array(32)

/** How the kin of a neighborhood helps: with fewer people than `below` so many come that they are `to`. */
export interface Lending {
  readonly below: number
  readonly to: number
}

/** Seats by rank: incumbents stay, holes are filled by whoever comes first. With `halfMin`: divided by rank as soon as both halves have so many. */
export const plainSeating = (
  seats: number,
  halfMin = Number.POSITIVE_INFINITY,
  lending: Lending | null = null,
): EpochRules => ({
  seat: ({ roster, incumbents, seed }) => {
    const isThere = (id: Uint8Array): boolean => roster.some((entry) => equal(entry.id, id))
    const kept = Array.from({ length: seats }, (_, seat) => incumbents[seat] ?? null).map((id) =>
      id && isThere(id) ? id : null,
    )
    const spares = byRank(
      seed,
      roster.filter(({ id }) => !kept.some((other) => other && equal(other, id))),
    )
    return kept.map((id) => id ?? spares.shift()?.id ?? null)
  },
  divide: ({ roster, ready, seed }) => {
    const ranked = byRank(seed, roster)
    const halves = [ranked.slice(0, ranked.length >> 1), ranked.slice(ranked.length >> 1)] as const
    const isReady = ({ id }: RosterEntry): boolean => ready.some((entry) => equal(entry.id, id))
    const isLarge = halves.every((half) => half.length >= halfMin && half.filter(isReady).length >= seats)
    return isLarge ? halves[1].map(({ id }) => id) : null
  },
  ...(lending && {
    lend: ({ roster, offered, seed }: LendingInput) => {
      const needed = roster.length < lending.below ? lending.to - roster.length : 0
      return byRank(seed, offered)
        .slice(0, Math.max(0, needed))
        .map(({ id }) => id)
    },
  }),
  version: (candidates, today) => versionOf(candidates, today)?.version ?? null,
})

function byRank(seed: Uint8Array, roster: readonly RosterEntry[]): RosterEntry[] {
  const rank = (id: Uint8Array): Uint8Array => blake3Of('test rank', Uint8Array.of(...seed, ...id))
  const ranked = roster.map((entry) => ({ entry, rank: rank(entry.id) }))
  return ranked.sort((a, b) => compare(a.rank, b.rank)).map(({ entry }) => entry)
}

/** What opens epoch 0: the members of the genesis, and everybody else who belongs to the neighborhood from the start. */
export function anchorOf(world: World, spares: readonly Person[] = []): Opening {
  const committee = committeeOf(world.genesis)
  const roster = [...world.members, ...spares].map(rosterEntry).sort((a, b) => compare(a.id, b.id))
  const { netId, nid, seats } = committee
  return {
    ...{ netId, nid, epoch: 0, seed: bytesOf('seed 0'), stateRoot: ZEROS, roster, seats },
    ...{ shares: [], blocks: 0, attendance: [], convicted: [], version: 1 },
  }
}

function rosterEntry({ id, publicKey }: Person): RosterEntry {
  const vrfKey = vrfKeyOf(vrfSecretOf(id))
  return { id, key: publicKey, vrfKey, organization: ZEROS, voucher: ZEROS, since: 0, capabilities: 0, weight: 1 }
}

function vrfSecretOf(id: Uint8Array): Uint8Array {
  return bytesOf(`vrf ${toHex(id)}`)
}

export class Node {
  readonly person: Person
  readonly disk = new Disk()
  /** Everything that came. */
  readonly heard = new Set<string>()
  readonly #make: (disk: Disk) => Neighborhood<ObjectState>
  readonly #name: (epoch: number) => string
  hood: Neighborhood<ObjectState>
  isUp = true

  constructor(who: Person, name: (epoch: number) => string, make: (disk: Disk) => Neighborhood<ObjectState>) {
    this.person = who
    this.#name = name
    this.#make = make
    this.hood = make(this.disk)
  }

  epochKey(epoch: number): KeyPair {
    return keyPair(this.#name(epoch))
  }

  restart(): void {
    this.disk.crash()
    this.hood = this.#make(this.disk)
    this.isUp = true
  }

  /** Answers everything that is asked, stores, and returns what may be sent. */
  finish(
    effects: NeighborhoodEffect[],
    sign: (key: Uint8Array, message: Uint8Array) => Uint8Array,
  ): NeighborhoodEffect[] {
    for (let asked = this.hood.nextSigning(); asked; asked = this.hood.nextSigning()) {
      if (asked.with === 'epoch-key')
        effects.push(...this.hood.seal(sign(this.epochKey(asked.epoch).publicKey, asked.message)))
      else if (asked.with === 'identity-key')
        effects.push(...this.hood.seal(sign(this.person.publicKey, asked.message)))
      else if (asked.with === 'vrf-key')
        effects.push(...this.hood.seal(vrfProve(vrfSecretOf(this.person.id), asked.message)))
      else effects.push(...this.hood.seal(this.epochKey(asked.epoch).publicKey))
    }
    this.disk.write(this.hood.flush())
    this.disk.sync()
    return effects
  }
}

export interface HoodsOptions {
  readonly world: World
  readonly spares?: readonly Person[]
  readonly seed?: number
  readonly loss?: number
  readonly delayMs?: number
  readonly jitterMs?: number
  /** Wire versions that a node speaks in the life that begins. */
  readonly versions?: (node: number) => VersionRange
  /** How epoch 0 begins, where that is not what the genesis says: another neighborhood of its net. */
  readonly anchor?: Opening
  /** The neighborhood is divided once both halves have so many. */
  readonly halfMin?: number
  /** A neighborhood that has become too small is joined by people of its kin. */
  readonly lending?: Lending
  /** What each node knows of the kin, in the life that begins. */
  readonly kin?: (node: number, nid: Uint8Array) => Kin | null
  /** What each node knows of other homes. */
  readonly homes?: Settlements
}

interface Flight {
  readonly atMs: number
  readonly to: number
  readonly bytes: Uint8Array
  /** Neighborhood whose topics it is said on; null for those of the net. */
  readonly nid: Uint8Array | null
}

/** A net of nodes. */
export class Hoods {
  readonly nodes: Node[]
  readonly random: () => number
  readonly refused: string[] = []
  /** Everything that was sent, in order. */
  readonly wire: Uint8Array[] = []
  /** Messages by type. */
  readonly sent = new Map<number, number>()
  nowMs = 0
  readonly #options: HoodsOptions
  readonly #queue: Flight[] = []
  #later: Flight[] = []

  constructor(options: HoodsOptions) {
    this.#options = options
    this.random = prng(options.seed ?? 1)
    const { world, spares = [], versions = () => SPOKEN } = options
    const anchor = options.anchor ?? anchorOf(world, spares)
    const epochRules = plainSeating(world.members.length, options.halfMin, options.lending)
    this.nodes = [...world.members, ...spares].map((who, i) => {
      const name = (epoch: number): string =>
        i < world.members.length && epoch === 0 ? `epoch 0 member ${i}` : `epoch ${epoch} ${toHex(who.id)}`
      return new Node(who, name, (disk) =>
        createNeighborhood({
          anchor,
          memberId: who.id,
          versions: versions(i),
          rules: (nid) => createLedgerRules(world.genesis, options.homes, nid),
          epochRules,
          records: disk,
          kin: (nid) => options.kin?.(i, nid) ?? null,
        }),
      )
    })
  }

  send(order: Order): void {
    this.broadcast(orderBytes(order), null, order.home)
  }

  broadcast(bytes: Uint8Array, from: number | null, nid: Uint8Array | null = null): void {
    const { loss = 0, delayMs = 10, jitterMs = 0 } = this.#options
    const { type } = decodeEnvelope(bytes)
    this.wire.push(bytes)
    this.sent.set(type, (this.sent.get(type) ?? 0) + 1)
    for (const to of this.nodes.keys()) {
      if (to === from || this.random() < loss) continue
      this.#queue.push({ atMs: this.nowMs + delayMs + this.random() * jitterMs, to, bytes, nid })
    }
    this.#queue.sort((a, b) => a.atMs - b.atMs)
  }

  /** Lets time pass; nodes tick every 50 ms. */
  run(forMs: number): void {
    const until = this.nowMs + forMs
    while (this.nowMs < until) {
      const tickAt = Math.floor(this.nowMs / 50) * 50 + 50
      while ((this.#queue[0]?.atMs ?? Number.POSITIVE_INFINITY) <= tickAt) {
        const { atMs, to, bytes, nid } = this.#queue.shift() as Flight
        this.nowMs = Math.max(this.nowMs, atMs)
        if (this.#listens(to, nid)) this.#deliver(to, bytes)
      }
      this.nowMs = tickAt
      this.#publishDue()
      for (const [i, node] of this.nodes.entries()) if (node.isUp) this.act(i, (hood) => hood.tick(this.nowMs))
    }
  }

  /** Has a node do something, and sends what follows. */
  act(i: number, action: (hood: Neighborhood<ObjectState>) => NeighborhoodEffect[]): void {
    const node = this.nodes[i] as Node
    // what a node says is of the neighborhood that it was in, until it has come into another one
    let { nid } = node.hood.term.opening
    const effects = node.finish(action(node.hood), cheapSignature)
    for (const effect of effects) {
      this.#perform(i, effect, nid)
      if (effect.kind === 'epoch') nid = effect.opening.nid
    }
  }

  #listens(to: number, nid: Uint8Array | null): boolean {
    const { term, standing } = (this.nodes[to] as Node).hood
    return nid === null || equal(nid, term.opening.nid) || equal(nid, standing.nid)
  }

  #deliver(to: number, bytes: Uint8Array): void {
    const node = this.nodes[to] as Node
    if (!node.isUp) return
    node.heard.add(keyOf(bytes))
    try {
      const envelope = decodeEnvelope(bytes)
      const opened = openStatement(node.hood, envelope, bytes)
      if (!opened) return
      for (const { key, message, signature } of opened.checks) {
        if (!equal(cheapSignature(key, message), signature) && envelope.type !== 2) throw new Error('bad signature')
      }
      this.act(to, (hood) => hood.step(opened.event, this.nowMs))
    } catch (error) {
      this.refused.push(`${to}: ${asWebxError(error).code} ${asWebxError(error).message}`)
      if (asWebxError(error).code === 'wrong-epoch') this.act(to, (hood) => hood.hearUnknownEpoch(this.nowMs))
    }
  }

  /** What others can say as well waits for its turn, and is not said where somebody else's copy came meanwhile. */
  #publish(
    from: number,
    { bytes, rank }: { readonly bytes: Uint8Array; readonly rank: number },
    nid: Uint8Array,
  ): void {
    if (rank === 0) this.broadcast(bytes, from, nid)
    else this.#later.push({ atMs: this.nowMs + rank * RANK_STEP_MS, to: from, bytes, nid })
  }

  #publishDue(): void {
    for (const { to: from, bytes, nid } of this.#later.filter(({ atMs }) => atMs <= this.nowMs)) {
      if (this.nodes[from]?.isUp && !this.nodes[from]?.heard.has(keyOf(bytes))) this.broadcast(bytes, from, nid)
    }
    this.#later = this.#later.filter(({ atMs }) => atMs > this.nowMs)
  }

  #perform(from: number, effect: NeighborhoodEffect, nid: Uint8Array): void {
    if (effect.kind === 'say') this.#publish(from, effect, nid)
    if ((effect.kind === 'register' || effect.kind === 'block') && effect.effect.kind === 'publish')
      this.#publish(from, effect.effect, nid)
    const tell = (of: Uint8Array, event: (hood: Neighborhood<ObjectState>) => NeighborhoodEvent): void => {
      for (const [i, { isUp }] of this.nodes.entries()) {
        if (i !== from && isUp && this.#listens(i, of)) this.act(i, (hood) => hood.step(event(hood), this.nowMs))
      }
    }
    if (effect.kind === 'block' && effect.effect.kind === 'ask') {
      const event = effect.effect
      tell(nid, (hood) => ({ kind: 'block', cid: hood.term.committee.cid, event }))
    }
    if (effect.kind === 'ask') tell(effect.nid, () => ({ ...effect, kind: 'asked' }))
    if (effect.kind === 'chunk') tell(nid, () => effect)
  }
}

/** As unforgeable as the test is honest: a hash of key and message. */
export function cheapSignature(key: Uint8Array, message: Uint8Array): Uint8Array {
  const signature = new Uint8Array(64)
  signature.set(blake3Of(`test signature ${toHex(key)}`, message))
  return signature
}

/** People who belong to the neighborhood without a seat. */
export function sparePeople(count: number): Person[] {
  return Array.from({ length: count }, (_, i) => person(`spare ${i}`, 'device'))
}
