/**
 * `webx wallet show` and `webx wallet issue`: the money of the node on this machine.
 */

import { fromHex } from '../core/bytes.ts'
import { labelOf } from '../identity/xqident.ts'
import { readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import type { Io } from './io.ts'
import { EXIT, painter, printJson } from './output.ts'
import { balanceRows, type Status } from './status.ts'

const ISSUE_TIMEOUT_MS = 60_000

/** Shows the account and what it holds. */
export async function show(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('wallet show', args)
  const { id, account, address, balances } = await askStation<Status>(given, io, { method: 'status' })
  const label = labelOf(fromHex(id))
  if (given.flag('json')) {
    printJson(io, { ok: true, label, account, address, balances })
    return EXIT.done
  }
  for (const [name, value] of [['label', label], ['account', address], ...balanceRows(balances)] as const) {
    io.stdout(`${name.padEnd(12)}${value}\n`)
  }
  return EXIT.done
}

/** Issues money. Throws `not-allowed`, `over-cap`, `bad-amount`, `no-quorum`, `not-settled`. */
export async function issue(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('wallet issue', args)
  const { AMOUNT: amount, ASSET: asset, TO: to } = given.operands
  const issued = await askStation<{ grade: string; amount: string; asset: string; to: string }>(given, io, {
    method: 'issue',
    params: { amount, asset, to },
    timeoutMs: ISSUE_TIMEOUT_MS,
    waiting: 'waiting for the neighborhood',
  })
  if (given.flag('json')) printJson(io, { ok: true, ...issued })
  else {
    const grade = painter(io, 'stdout')('green', issued.grade)
    io.stdout(`${issued.amount} ${issued.asset} issued to ${issued.to}  ${grade}\n`)
  }
  return EXIT.done
}
