/**
 * The form of a suite's report, `{suite, machine, rows, unavailable}`, and how a person reads it.
 *
 * In every row with peers higher is better, and a ratio is ours / theirs.
 */

import { type Machine, machine } from './machine.ts'
import type { Rates } from './measure.ts'

/** What a row counts. */
export type Unit = 'MB/s' | 'ops/s' | 'ms' | 'bytes' | 'messages' | 'signatures' | 'leaves' | 'rows' | '%'

/** A rival's figure and ours divided by it. */
export interface Peer {
  readonly value: number
  readonly ratio: number
}

/** One case: our figure beside those of the peers, by `name@version`. */
export interface Row {
  readonly case: string
  readonly unit: Unit
  readonly ours: number
  readonly peers: Readonly<Record<string, Peer>>
  /** How often a search that may miss found the best row, 0..1. */
  readonly recallAt1?: number
  /** How it was measured, where that does not go without saying. */
  readonly note?: string
}

/** What a suite answers. */
export interface Report {
  readonly suite: string
  readonly machine: Machine
  readonly rows: readonly Row[]
  /** Peers and data that are not there, with the reason. */
  readonly unavailable: Readonly<Record<string, string>>
  /** What stands on the page of results in place of a table of the rows, in lines of Markdown. */
  readonly page?: readonly string[]
}

/** A suite's report, with the machine as it is now. */
export function reportOf(suite: string, rows: readonly Row[], unavailable: Readonly<Record<string, string>>): Report {
  return { suite, machine: machine(), rows, unavailable }
}

/** The name that our own contender goes by. */
export const OURS = 'webx'

/**
 * A row out of measured rates, ours under the name `OURS`.
 *
 * @param perRun what one run handles, in the unit: bytes / 1e6 for MB/s, operations for ops/s
 */
export function rowOf(name: string, unit: Unit, rates: Rates, perRun: number, extra: Partial<Row> = {}): Row {
  const own = rates.get(OURS)
  if (own === undefined) throw new RangeError(`rates: expected one of ${OURS}`)
  const peers: Record<string, Peer> = {}
  for (const [peer, rate] of rates) {
    if (peer !== OURS) peers[peer] = { value: digits(rate * perRun), ratio: digits(own / rate) }
  }
  return { case: name, unit, ours: digits(own * perRun), peers, ...extra }
}

/** Rounded to four significant digits. */
export function digits(value: number): number {
  return Number(value.toPrecision(4))
}

/** A suite's report as text: one line a row, each peer with its figure and the ratio. */
export function textOf({ suite, rows, unavailable, machine }: Report): string {
  const lines = [`${suite} on ${machine.cpu}, ${machine.cores} cores, ${machine.arch}, Node ${machine.node}`]
  for (const row of rows) {
    const recall = row.recallAt1 === undefined ? '' : `, recall@1 ${row.recallAt1}`
    lines.push('', `${row.case}: ${row.ours} ${row.unit}${recall}`)
    if (row.note !== undefined) lines.push(`  (${row.note})`)
    const width = Math.max(...Object.keys(row.peers).map((name) => name.length))
    for (const [name, { value, ratio }] of Object.entries(row.peers)) {
      lines.push(`  ${name.padEnd(width)}  ${String(value).padStart(10)}  ${ratio.toFixed(2)} x`)
    }
  }
  const missing = Object.entries(unavailable)
  if (missing.length > 0) lines.push('', 'not measured:')
  for (const [name, reason] of missing) lines.push(`  ${name}: ${reason}`)
  return `${lines.join('\n')}\n`
}

/** Whether a value is a report of this form, and not one of a suite's own. */
export function isReport(value: unknown): value is Report {
  if (typeof value !== 'object' || value === null) return false
  const { suite, machine: where, rows } = value as Partial<Report>
  return typeof suite === 'string' && typeof where === 'object' && Array.isArray(rows)
}
