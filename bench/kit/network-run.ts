/**
 * Runs a net of so many nodes in virtual time, all neighborhoods at once, and says what each node had to do: while nothing happens, while people pay, and when an epoch turns.
 */

import { Chance } from '../../test/sim/chance.ts'
import { Timeline } from '../../test/sim/timeline.ts'
import { LiveHood } from './network-hood.ts'
import { type Count, LANES, type Lane, Meter, sumOf, type Tallied } from './network-meter.ts'
import { PLAN, type Plan } from './network-plan.ts'
import type { Hood } from './network-town.ts'

/** From the beginning until summaries come at their slowest. */
const CALM_MS = 20_000
/** All that a payment brings about has happened. */
const DRAIN_MS = 6_000
const TURN_MS_MAX = 60_000

/** What one node does on average, all members of all neighborhoods counted alike. */
export interface NodeFigures {
  readonly nodes: number
  readonly neighborhoods: number
  /** Members of a neighborhood on average. */
  readonly members: number
  /** A second in which nothing happens. */
  readonly idle: Count
  readonly idleOf: Readonly<Record<Lane, Count>>
  /** One payment in the own neighborhood: the order, votes and proofs of it. */
  readonly payment: Count
  /** Blocks that cover what is settled, in a second in which people pay. */
  readonly cover: Count
  /** Covering blocks included. */
  readonly paymentWrites: number
  readonly paymentWrittenBytes: number
  /** One epoch of the own neighborhood, from the first wish until all have entered the next. */
  readonly turn: Count
  readonly turnMs: number
  /** Of the hand-over, which everybody in the net hears. */
  readonly handOverBytes: number
  /** On the disk of a member in the end. */
  readonly storedRows: number
  readonly storedBytes: number
  /** What of that one payment adds. */
  readonly rowsPerPayment: number
  readonly bytesPerPayment: number
  /** Resident memory of this process for each node. */
  readonly memoryBytes: number
  readonly virtualMs: number
  readonly events: number
}

/** Measures. Throws where not everything settles, somebody is taken for dead, or an epoch does not turn: then the figures would be of something else. */
export function runTown(town: readonly Hood[], plan: Plan = PLAN, say: (line: string) => void = () => {}): NodeFigures {
  const nodes = town.reduce((sum, { stage }) => sum + stage.people.length, 0)
  const before = residentBytes()
  const timeline = new Timeline()
  const meter = new Meter()
  const chance = new Chance(nodes, 1)
  const hoods = town.map((hood) => new LiveHood(hood, { timeline, chance, meter }))
  say(`${nodes} nodes are up in ${hoods.length} neighborhoods`)
  const fundedMs = hoods.reduce((ms, hood) => Math.max(ms, hood.fund()), 0)
  pass(timeline, fundedMs + CALM_MS)
  const memoryBytes = (residentBytes() - before) / nodes
  assertSettled(hoods)
  meter.take()
  pass(timeline, plan.idleMs)
  const idle = meter.take()
  say('idle')
  const stored = averageStored(hoods)
  for (const hood of hoods) spread(timeline, hood, plan)
  pass(timeline, plan.loadMs + DRAIN_MS)
  const load = meter.take()
  assertSettled(hoods)
  const after = averageStored(hoods)
  say('paid')
  const [first] = hoods as [LiveHood]
  const turnMs = turnEpoch(timeline, first)
  const turned = meter.take()
  if (hoods.some(({ watch }) => watch.deaths > 0)) throw new Error('somebody was taken for dead')
  const payments = plan.paymentsPerHood * hoods.length
  const extra = without(load, idle, (plan.loadMs + DRAIN_MS) / plan.idleMs)
  const perMember = nodes / hoods.length
  return {
    ...{ nodes, neighborhoods: hoods.length, members: perMember },
    idle: scaled(sumOf(idle), 1000 / plan.idleMs / nodes),
    idleOf: mapLanes(idle, (count) => scaled(count, 1000 / plan.idleMs / nodes)),
    // a payment concerns the members of one neighborhood
    payment: scaled(extra.lanes.orders, 1 / payments / perMember),
    cover: scaled(extra.lanes.blocks, 1000 / plan.loadMs / nodes),
    paymentWrites: extra.writes / payments / perMember,
    paymentWrittenBytes: extra.writtenBytes / payments / perMember,
    turn: scaled(without(turned, idle, turnMs / plan.idleMs).lanes.blocks, 1 / first.members),
    ...{ turnMs, handOverBytes: first.handOverBytes },
    ...{ storedRows: after.rows, storedBytes: after.bytes },
    rowsPerPayment: (after.rows - stored.rows) / plan.paymentsPerHood,
    bytesPerPayment: (after.bytes - stored.bytes) / plan.paymentsPerHood,
    ...{ memoryBytes, virtualMs: timeline.nowMs, events: timeline.events },
  }
}

function pass(timeline: Timeline, forMs: number): void {
  const untilMs = timeline.nowMs + forMs
  while (timeline.step(untilMs));
  timeline.at(untilMs, () => {})
  timeline.step(untilMs)
}

function spread(timeline: Timeline, hood: LiveHood, { loadMs, paymentsPerHood }: Plan): void {
  for (let turn = 0; turn < paymentsPerHood; turn++)
    timeline.after((turn * loadMs) / paymentsPerHood, () => hood.pay(turn))
}

/** Ends the epoch of one neighborhood; how long that takes. */
function turnEpoch(timeline: Timeline, hood: LiveHood): number {
  const startMs = timeline.nowMs
  hood.wantTurn()
  while (hood.entered < hood.members && timeline.step(startMs + TURN_MS_MAX));
  if (hood.entered < hood.members) throw new Error(`${hood.entered} of ${hood.members} have entered the next epoch`)
  return timeline.nowMs - startMs
}

function assertSettled(hoods: readonly LiveHood[]): void {
  for (const { orders } of hoods)
    if (orders.settled < orders.given) throw new Error(`${orders.settled} of ${orders.given} orders are settled by all`)
}

function averageStored(hoods: readonly LiveHood[]): { rows: number; bytes: number } {
  const all = hoods.map((hood) => hood.stored())
  const mean = (of: 'rows' | 'bytes'): number => all.reduce((sum, one) => sum + one[of], 0) / all.length
  return { rows: mean('rows'), bytes: mean('bytes') }
}

/** What is left of one count when so much of another is taken away. */
function without(of: Tallied, other: Tallied, share: number): Tallied {
  return {
    lanes: mapLanes(of, (count, lane) => {
      const less = scaled(other.lanes[lane], share)
      return map(count, (value, name) => value - less[name])
    }),
    writes: of.writes - other.writes * share,
    writtenBytes: of.writtenBytes - other.writtenBytes * share,
  }
}

function mapLanes({ lanes }: Tallied, change: (count: Count, lane: Lane) => Count): Record<Lane, Count> {
  return Object.fromEntries(LANES.map((lane) => [lane, change(lanes[lane], lane)])) as Record<Lane, Count>
}

function scaled(count: Count, by: number): Count {
  return map(count, (value) => value * by)
}

function map(count: Count, change: (value: number, name: keyof Count) => number): Count {
  const names = Object.keys(count) as (keyof Count)[]
  return Object.fromEntries(names.map((name) => [name, change(count[name], name)])) as unknown as Count
}

function residentBytes(): number {
  ;(globalThis as { gc?: () => void }).gc?.()
  return process.memoryUsage.rss()
}
