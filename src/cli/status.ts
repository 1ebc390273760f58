/**
 * `webx status`: how the node on this machine is, as it says itself.
 */

import { fromHex } from '../core/bytes.ts'
import { labelOf } from '../identity/xqident.ts'
import { readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'

/** What a station answers to `status`; the parts about a terminal and a device are there only where it is one. */
export interface Status {
  readonly id: string
  /** Up to which position the neighborhood has settled this identity's key log, and whether the node signs with the key that acts by it. */
  readonly keyLog: number
  readonly keyActs: boolean
  readonly account: string
  /** The account as it is passed on: with its home behind it where the net has several neighborhoods. */
  readonly address: string
  readonly link: string
  readonly seatsUp: number
  readonly quorum: number
  readonly voting: boolean
  readonly balances: Readonly<Record<string, string>>
  readonly checkins?: number
  readonly enrolled?: boolean
  readonly checkedIn?: boolean
  readonly counters: Readonly<Record<string, number>>
}

export async function command(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('status', args)
  const status = await askStation<Status>(given, io, { method: 'status' })
  if (given.flag('json')) printJson(io, { ok: true, label: labelOf(fromHex(status.id)), ...status })
  else for (const [name, value] of rowsOf(status)) io.stdout(`${name.padEnd(12)}${value}\n`)
  return EXIT.done
}

/** What a node holds, a line for each asset. */
export function balanceRows(balances: Status['balances']): [string, string][] {
  return Object.entries(balances).map(([code, amount]) => ['holds', `${amount} ${code}`])
}

function rowsOf(status: Status): [string, string][] {
  const { id, keyLog, keyActs, address, link, seatsUp, quorum, voting, balances, checkins, enrolled, checkedIn } =
    status
  const rows: [string, string][] = [
    ['label', labelOf(fromHex(id))],
    ['id', id],
    [
      'key log',
      `settled up to position ${keyLog}${keyActs ? '' : '; this node signs with another key than acts there: start it again'}`,
    ],
    ['account', address],
    ['link', link],
    ['seats', `${seatsUp} heard of, ${quorum} needed`],
    ['votes', yes(voting)],
    ...balanceRows(balances),
  ]
  if (checkins !== undefined) rows.push(['check-ins', String(checkins)])
  if (enrolled !== undefined) rows.push(['enrolled', yes(enrolled)])
  if (checkedIn !== undefined) rows.push(['checked in', yes(checkedIn)])
  return rows
}

function yes(value: boolean): string {
  return value ? 'yes' : 'no'
}
