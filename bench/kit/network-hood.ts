/**
 * One neighborhood of a simulated net: the production engine at every member, as the simulator drives it, with everything counted that crosses its border.
 *
 * Calm weather: nothing is lost, every message takes the same time, every disk syncs in the same. What is measured is the protocol, not its repair.
 */

import { type Order, orderBytes } from '../../src/consensus/order.ts'
import { SPACE } from '../../src/consensus/records.ts'
import { toHex } from '../../src/core/bytes.ts'
import type { Cbor } from '../../src/core/codec.ts'
import { TYPE } from '../../src/core/envelope.ts'
import { Topics } from '../../src/kernel/topics.ts'
import { issuerWallet, mint, type Person, person, Wallet } from '../../test/consensus/people.ts'
import type { Chance } from '../../test/sim/chance.ts'
import { HoodMachine } from '../../test/sim/hood-machine.ts'
import type { Machine, MachineMaker, Notice, Publication } from '../../test/sim/machine.ts'
import { SimNode } from '../../test/sim/node.ts'
import { envelopeOf, frameFields } from '../../test/sim/said.ts'
import type { Timeline } from '../../test/sim/timeline.ts'
import { type Lane, laneOf, type Meter } from './network-meter.ts'
import type { Hood } from './network-town.ts'
import { frameBytes, Watch } from './network-watch.ts'

/** One way over the broker, and a sync of a disk. */
const DELAY_MS = 5
const SYNC_MS = 2
const SKIP_MS = 1_000
/** How many people of a neighborhood pay, in turn. */
const PAYERS = 3
/** Between the steps by which they come to money. */
const STEP_MS = 1_500
/** Frames of the simulator by the type that they have on the wire. */
const FRAMES: Readonly<Record<number, number>> = { 200: TYPE.blockQuery, 201: TYPE.epochQuery, 202: TYPE.stateChunk }

const owners: readonly Person[] = Array.from({ length: PAYERS }, (_, i) => person(`payer ${i}`))

/** What runs it. */
export interface Surroundings {
  readonly timeline: Timeline
  readonly chance: Chance
  readonly meter: Meter
}

/** A neighborhood at work. */
export class LiveHood {
  readonly members: number
  readonly seats: number
  readonly watch: Watch
  /** How many members have entered another epoch since they all wished for it. */
  entered = 0
  /** Bytes of the hand-over that ended the last epoch. */
  handOverBytes = 0
  readonly #hood: Hood
  readonly #around: Surroundings
  readonly #nodes: SimNode[] = []
  readonly #wallets: readonly Wallet[]
  readonly #issuer: Wallet
  /** How many nodes have settled an order, by its digest. */
  readonly #settled = new Map<string, number>()
  /** The lane of the message that is taken in. */
  #lane: Lane = 'orders'

  constructor(hood: Hood, around: Surroundings) {
    this.#hood = hood
    this.#around = around
    const { stage, nid } = hood
    const { timeline, chance, meter } = around
    this.members = stage.people.length
    this.seats = stage.world.members.length
    stage.onCheck = () => meter.checked(this.#lane)
    const { netId } = stage.world.genesis
    this.watch = new Watch({ netId, nid, people: stage.people, seats: this.seats, delayMs: DELAY_MS, ...around })
    this.#wallets = owners.map((owner) => new Wallet(stage.world, owner))
    this.#issuer = issuerWallet(stage.world)
    const make: MachineMaker = (number, records, options) =>
      this.#metered(new HoodMachine(stage, number, records, options))
    for (const number of stage.people.keys()) {
      const node = new SimNode({
        ...{ id: number, seat: number, honest: true, make, timeline, chance, clockRate: 1, skipMs: SKIP_MS },
        outside: {
          publish: (from, publication) => this.#publish(from, publication),
          report: (_, notice) => this.#report(notice),
          turned() {},
          reached: ({ committee, opening }) => stage.reach(committee, opening.seed),
          broke: (_, error) => {
            throw error
          },
        },
        syncMs: [SYNC_MS, SYNC_MS],
      })
      this.#nodes.push(node)
    }
  }

  /** Payers come to their key logs and to money; answers how long that takes. */
  fund(): number {
    const { timeline } = this.#around
    const { world } = this.#hood.stage
    const steps = this.#wallets.map((wallet) => () => this.submit(wallet.incept()))
    for (const [i, wallet] of this.#wallets.entries())
      steps.push(() => this.submit(this.#issuer.order(mint(world, 1_000 * (i + 1), wallet.oid))))
    for (const [i, step] of steps.entries()) timeline.after(i * STEP_MS, step)
    return (steps.length + 1) * STEP_MS
  }

  /** The next payer in turn pays the next one. */
  pay(turn: number): void {
    const wallet = this.#wallets[turn % PAYERS] as Wallet
    const payee = this.#wallets[(turn + 1) % PAYERS] as Wallet
    this.submit(wallet.order(wallet.pay(payee.oid, 1)))
  }

  /** Everybody wishes for the end of the epoch. */
  wantTurn(): void {
    this.entered = 0
    for (const node of this.#nodes) node.wish({ kind: 'turn' })
  }

  /** Orders that were handed in, and how many of them all members have settled. */
  get orders(): { readonly given: number; readonly settled: number } {
    const counts = [...this.#settled.values()]
    return { given: counts.length, settled: counts.filter((count) => count === this.members).length }
  }

  /** What stands on the disk of the first seat: rows, and bytes of keys and values. */
  stored(): { readonly rows: number; readonly bytes: number } {
    const { disk } = this.#nodes[0] as SimNode
    let [rows, bytes] = [0, 0]
    for (const space of Object.values(SPACE))
      for (const { key, value } of disk.scan(space)) {
        rows++
        bytes += key.length + value.length
      }
    return { rows, bytes }
  }

  submit(order: Order): void {
    this.#settled.set(toHex(order.od), 0)
    const bytes = orderBytes(order)
    this.#around.meter.sent('orders', bytes.length)
    this.#deliver(this.#nodes, bytes, bytes.length, 'orders', 0)
  }

  #publish(from: SimNode, { bytes, to }: Publication): void {
    const fields = frameFields(bytes)
    const type = typeOf(bytes)
    const size = fields ? this.#sizeOf(from, type, fields, to) : bytes.length
    const lane = laneOf(type)
    if (type === TYPE.handOver) this.handOverBytes = size
    this.#around.meter.sent(lane, size)
    const others = to === null ? this.#nodes.filter((node) => node !== from) : [this.#nodes[to] as SimNode]
    // who gets a frame verifies its signature first
    this.#deliver(others, bytes, size, lane, fields ? 1 : 0)
  }

  #deliver(to: readonly SimNode[], bytes: Uint8Array, size: number, lane: Lane, checks: number): void {
    const { timeline, meter } = this.#around
    timeline.after(DELAY_MS, () => {
      meter.heard(lane, size, to.length)
      meter.checked(lane, checks * to.length)
      for (const node of to) node.receive(bytes)
    })
  }

  #sizeOf(from: SimNode, type: number, fields: readonly Cbor[], to: number | null): number {
    const { stage, nid } = this.#hood
    const { netId } = stage.world.genesis
    const topics = new Topics(netId, nid)
    const { id } = stage.people[from.id] as Person
    return frameBytes(netId, id, type, to === null ? topics.neighborhood(nid) : topics.to(id), fields.slice(2))
  }

  #report(notice: Notice): void {
    if (notice.kind === 'epoch') this.entered++
    if (notice.kind !== 'settled') return
    const name = toHex(notice.order.od)
    this.#settled.set(name, (this.#settled.get(name) ?? 0) + 1)
  }

  /** The machine, with what it checks told apart by lane and what it writes counted. */
  #metered(machine: Machine): Machine {
    const { meter } = this.#around
    return {
      get home() {
        return machine.home
      },
      hears: (home) => machine.hears?.(home) ?? true,
      receive: (bytes, nowMs) => {
        this.#lane = laneOf(typeOf(bytes))
        machine.receive(bytes, nowMs)
      },
      tick: (nowMs) => machine.tick(nowMs),
      wakeAtMs: () => machine.wakeAtMs(),
      wish: (wish) => machine.wish?.(wish),
      end: (nowMs) => {
        const turn = machine.end(nowMs)
        for (const { key, value } of turn.writes) meter.wrote(key.length + (value?.length ?? 0))
        return turn
      },
    }
  }
}

/** The type that a message has on the wire. */
function typeOf(bytes: Uint8Array): number {
  const [kind] = frameFields(bytes) ?? []
  return kind === undefined ? envelopeOf(bytes).type : (FRAMES[kind as number] ?? (kind as number))
}
