/**
 * `webx pay AMOUNT ASSET`: asks the terminal that runs on this machine to take a payment. Ends well only when it is SETTLED.
 */

import { join } from 'node:path'
import { callControl } from '../drivers/control-socket.ts'
import { hostClock } from '../drivers/host.ts'
import { CONTROL_SOCKET } from '../station.ts'
import { readArguments } from './arguments.ts'
import type { Io } from './io.ts'
import { createProgress, EXIT, painter, printJson } from './output.ts'
import { settingsOf } from './settings.ts'

const TIMEOUT_MS = 120_000
const STAGES: Readonly<Record<string, string>> = {
  looking: 'looking at who stands there',
  asking: 'asking the devices that are checked in',
  confirming: 'waiting for the shopper to confirm',
  settling: 'waiting for the neighborhood',
}

interface Paid {
  readonly grade: string
  readonly shopper: string
  readonly amount: string
  readonly asset: string
  readonly locks: number
  readonly confirms: number
}

export async function command(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('pay', args)
  const { AMOUNT: amount, ASSET: asset } = given.operands
  const { profile } = settingsOf(given, io)
  const progress = createProgress(io)
  const onProgress = (value: unknown): void => {
    const { stage } = value as { stage: string }
    progress.show(STAGES[stage] ?? stage)
  }
  const path = join(profile.data.dir, CONTROL_SOCKET)
  const call = { path, method: 'pay', params: { amount, asset }, timeoutMs: TIMEOUT_MS, clock: hostClock(), onProgress }
  const paid = (await callControl(call).finally(() => progress.end())) as Paid
  if (given.flag('json')) printJson(io, { ok: true, ...paid })
  else {
    const grade = painter(io, 'stdout')('green', paid.grade)
    io.stdout(
      `${paid.shopper} paid ${paid.amount} ${paid.asset}  ${grade}  ${paid.locks} locks, ${paid.confirms} confirms\n`,
    )
  }
  return EXIT.done
}
