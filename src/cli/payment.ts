/**
 * `webx payment …`: a payment that this machine's terminal took or still waits for, by the reference that `webx pay` named.
 */

import { WebxError } from '../core/errors.ts'
import { type Arguments, readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import type { Io } from './io.ts'
import { EXIT, painter, printJson } from './output.ts'

const AWAIT_SECONDS = 60
const AWAIT_SECONDS_MAX = 3_600
/** What the node may need beside the waiting. */
const ANSWER_MS = 10_000

interface Payment {
  readonly reference: string
  readonly state: string
  readonly amount: string
  readonly asset: string
  readonly startedMs: number
  readonly shopper: string | null
  /** Base64url of the document. */
  readonly receipt: string | null
}

/** Shows what became of a payment. Throws `bad-argument` where the terminal knows of none. */
export async function show(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('payment show', args)
  const payment = await askStation<Payment>(given, io, { method: 'payment', params: referenceIn(given) })
  return print(payment, given, io)
}

/** Waits until it is settled. Throws `timeout`; `not-settled`, `stopped` where nobody may pay it any more. */
export async function awaitSettled(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('payment await', args)
  const text = given.text('timeout') ?? String(AWAIT_SECONDS)
  const seconds = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN
  if (!(seconds <= AWAIT_SECONDS_MAX)) {
    throw new WebxError('bad-argument', `--timeout takes 0 to ${AWAIT_SECONDS_MAX} seconds, not "${text}"`)
  }
  const timeoutMs = seconds * 1_000
  const payment = await askStation<Payment>(given, io, {
    method: 'awaitPayment',
    params: { ...referenceIn(given), timeoutMs },
    timeoutMs: timeoutMs + ANSWER_MS,
    waiting: 'waiting for the neighborhood',
  })
  return print(payment, given, io)
}

/** Closes it. Throws `not-allowed` where it is settled. */
export async function cancel(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('payment cancel', args)
  const payment = await askStation<Payment>(given, io, { method: 'cancelPayment', params: referenceIn(given) })
  return print(payment, given, io)
}

function referenceIn(given: Arguments): { reference: string | undefined } {
  return { reference: given.operands['REFERENCE'] }
}

function print(payment: Payment, given: Arguments, io: Io): number {
  const { state, amount, asset, startedMs, shopper } = payment
  if (given.flag('json')) printJson(io, { ok: true, ...payment })
  else {
    const shown = state === 'settled' ? painter(io, 'stdout')('green', 'SETTLED') : state
    const who = shopper === null ? '' : `  ${shopper}`
    io.stdout(`${new Date(startedMs).toISOString()}  ${amount} ${asset}  ${shown}${who}\n`)
  }
  return EXIT.done
}
