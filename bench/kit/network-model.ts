/**
 * The cost model: what each quantity grows with, fitted to what was measured at several sizes, and what that comes to at a million nodes.
 *
 * There are two kinds. What happens inside a neighborhood cannot depend on the size of the net, only on that of the neighborhood, and stays as it was at the largest
 * net measured; how far the two largest differ says whether that holds. What everybody hears of everybody is a + b·x, x what it is made of: cosigners, leaves, hand-overs.
 */

import type { LogFigures } from './network-log.ts'
import type { NodeFigures } from './network-run.ts'
import type { Unit } from './report.ts'

/** What a net of one size gave. */
export interface SizeFigures {
  readonly town: NodeFigures
  readonly log: LogFigures
}

/** What something in the whole net is made of. */
export type Base = 'nodes' | 'cosigners' | 'leaves' | 'neighborhoods'

/** One quantity, always of one node. */
export interface Quantity {
  readonly name: string
  readonly unit: Unit
  readonly of: (figures: SizeFigures) => number
  /** What it grows with; null: with nothing outside the own neighborhood. */
  readonly base: Base | null
}

/** A leaf is NETWORK when two thirds have cosigned that two thirds had cosigned it. */
const ROUNDS = 2

/** In the order in which they are told. */
export const QUANTITIES: readonly Quantity[] = [
  within('idle, a second: messages sent', 'messages', ({ town }) => town.idle.sent),
  within('idle, a second: of these for orders, blocks and epochs', 'messages', ({ town }) => {
    return town.idleOf.orders.sent + town.idleOf.blocks.sent
  }),
  within('idle, a second: bytes sent', 'bytes', ({ town }) => town.idle.sentBytes),
  within('idle, a second: messages heard of the neighborhood', 'messages', ({ town }) => town.idle.heard),
  within('idle, a second: bytes heard of it', 'bytes', ({ town }) => town.idle.heardBytes),
  within('idle, a second: signatures to verify of the neighborhood', 'signatures', ({ town }) => town.idle.checks),
  within('a payment: messages sent', 'messages', ({ town }) => town.payment.sent),
  within('a payment: messages heard', 'messages', ({ town }) => town.payment.heard),
  within('a payment: bytes heard', 'bytes', ({ town }) => town.payment.heardBytes),
  within('a payment: signatures to verify', 'signatures', ({ town }) => town.payment.checks),
  within('paying, a second: messages heard of covering blocks', 'messages', ({ town }) => town.cover.heard),
  within('a payment: rows written', 'rows', ({ town }) => town.paymentWrites),
  within('a payment: bytes written', 'bytes', ({ town }) => town.paymentWrittenBytes),
  within('a payment: rows kept', 'rows', ({ town }) => town.rowsPerPayment),
  within('a payment: bytes kept', 'bytes', ({ town }) => town.bytesPerPayment),
  within('an epoch: messages sent', 'messages', ({ town }) => town.turn.sent),
  within('an epoch: messages heard', 'messages', ({ town }) => town.turn.heard),
  within('an epoch: bytes heard', 'bytes', ({ town }) => town.turn.heardBytes),
  within('an epoch: signatures to verify', 'signatures', ({ town }) => town.turn.checks),
  within('an epoch: turns in', 'ms', ({ town }) => town.turnMs),
  ofNet('an epoch: hand-overs of others heard', 'bytes', 'neighborhoods', ({ town }) => {
    return town.handOverBytes * (town.neighborhoods - 1)
  }),
  within('on the disk in the end', 'rows', ({ town }) => town.storedRows),
  within('on the disk in the end', 'bytes', ({ town }) => town.storedBytes),
  within('memory of the engines', 'bytes', ({ town }) => town.memoryBytes),
  within('a checkpoint: leaves validated by a witness', 'leaves', ({ log }) => log.validated),
  within('a checkpoint: signatures under them', 'signatures', ({ log }) => log.validatedChecks),
  ofNet('a checkpoint: cosignatures heard', 'messages', 'cosigners', ({ log }) => ROUNDS * log.cosigners),
  ofNet('a checkpoint: their bytes, one by one', 'bytes', 'cosigners', ({ log }) => ROUNDS * log.singleBytes),
  ofNet('a checkpoint: their bytes, bundled', 'bytes', 'cosigners', ({ log }) => ROUNDS * log.bundledBytes),
  ofNet('a checkpoint: time to verify and count them', 'ms', 'cosigners', ({ log }) => ROUNDS * log.countMs),
  ofNet('a checkpoint: bytes of leaves heard', 'bytes', 'leaves', ({ log }) => log.leaves * log.leafBytes),
  ofNet('a checkpoint: rows of the log kept', 'rows', 'leaves', ({ log }) => log.leaves * (log.rowsPerLeaf + 1)),
  ofNet('a checkpoint: bytes of the log kept', 'bytes', 'leaves', ({ log }) => {
    return log.leaves * (log.bytesPerLeaf + log.leafBytes)
  }),
]

/** a + b·x. */
export interface Line {
  readonly a: number
  readonly b: number
  /** How far the worst point is from the line, as a share of its value. */
  readonly residual: number
}

/** Of what a net so small has not at all. */
const NOTHING: Line = { a: 0, b: 0, residual: 0 }

/** A quantity at the sizes measured and beyond. */
export interface Estimate {
  readonly quantity: Quantity
  readonly values: readonly number[]
  /** Null for what does not grow with the net. */
  readonly line: Line | null
  /** How much more it was in the largest net than in the one before, as a share; null where only one was measured. */
  readonly drift: number | null
  readonly extrapolated: number
}

/** The line through points with the least squares of relative errors, so that small nets count as much as large ones. Throws `RangeError` for points of value 0 or less. */
export function fit(points: readonly { readonly x: number; readonly y: number }[]): Line {
  if (points.length === 0 || points.some(({ y }) => y <= 0)) throw new RangeError('fit: expected values above 0')
  const sum = (of: (point: { x: number; y: number }) => number): number =>
    points.reduce((total, point) => total + of(point) / point.y ** 2, 0)
  const [w, x, y] = [sum(() => 1), sum((point) => point.x), sum((point) => point.y)]
  const [xx, xy] = [sum((point) => point.x ** 2), sum((point) => point.x * point.y)]
  const spread = w * xx - x * x
  const b = spread > w * xx * 1e-12 ? (w * xy - x * y) / spread : 0
  const a = (y - b * x) / w
  const residual = Math.max(...points.map((point) => Math.abs((a + b * point.x) / point.y - 1)))
  return { a, b, residual }
}

/** Every quantity at these sizes, the smallest first, and at so many nodes. */
export function estimate(sizes: readonly SizeFigures[], nodes: number): Estimate[] {
  const largest = sizes.at(-1)
  if (!largest) throw new RangeError('estimate: expected at least one size')
  return QUANTITIES.map((quantity) => {
    const values = sizes.map(quantity.of)
    const last = values.at(-1) as number
    const before = values.at(-2)
    const drift = before === undefined ? null : before === last ? 0 : last / before - 1
    const { base } = quantity
    if (base === null) return { quantity, values, line: null, drift, extrapolated: last }
    const points = sizes.map(({ log }, i) => ({ x: log[base], y: values[i] as number })).filter(({ y }) => y > 0)
    const line = points.length > 0 ? fit(points) : NOTHING
    // so many of them for each node as in the largest net
    const x = (largest.log[base] / largest.log.nodes) * nodes
    return { quantity, values, line, drift, extrapolated: line.a + line.b * x }
  })
}

/** How far the leaves that a witness validates are from their mean at most, in percent, in nets of at least so many nodes. */
export function unevenness(sizes: readonly SizeFigures[], nodesMin: number): number {
  const values = sizes.filter(({ log }) => log.nodes >= nodesMin).map(({ log }) => log.validated)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return 100 * Math.max(...values.map((value) => Math.abs(value / mean - 1)))
}

function within(name: string, unit: Unit, of: Quantity['of']): Quantity {
  return { name, unit, of, base: null }
}

function ofNet(name: string, unit: Unit, base: Base, of: Quantity['of']): Quantity {
  return { name, unit, of, base }
}
