/**
 * `webx ping redeem`: has the holder's own node redeem a ping at the server that it names.
 */

import { fromBase64url, toBase64url } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type Arguments, readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import { documentBytes, newPath, required, writeNew } from './handed.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'
import { presentationOf } from './ping.ts'
import { dateText, operationOf, rangeOf } from './ping-terms.ts'

/** What the node answers. */
interface Redeemed {
  readonly operation: string
  readonly version: number
  readonly bytes?: number
  /** Places of the fields that a runnable left out. */
  readonly hidden?: readonly number[]
  /** Until when notices come, in milliseconds since 1970. */
  readonly untilMs?: number
  /** What a runnable made of the content, base64url. */
  readonly payload?: string
  /** The answer to the question, base64url. */
  readonly answer?: string
  readonly statusAgeMs: number | null
}

/** Beyond the life of a ticket nothing comes any more. */
const TIMEOUT_MS = LIMITS.vaultTicketMsMax + LIMITS.vaultRequestMsMax

/** Redeems a ping. Throws `usage`, the server's refusal by its code, and what asking the node does. */
export async function redeem(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('ping redeem', args)
  const operation = operationOf(given.text('operation') ?? 'read')
  const target = newPath(given.operands['TARGET'], io)
  if (operation === 'read' && target === null) throw new WebxError('usage', 'where to? TARGET is missing')
  const { bytes, read } = await presentationOf(given.operands['PRESENTATION'] ?? '', io)
  const held = read.narrowings.at(-1)?.rights ?? read.ping.rights
  const range = given.text('range')
  const redeemed = await askStation<Redeemed>(given, io, {
    method: 'redeem',
    params: {
      ...{ presentation: toBase64url(bytes), operation, purpose: required(given, 'purpose', 'what for?') },
      ...(range === undefined ? { from: held.from, to: held.to } : rangeOf(range)),
      ...(await documentParam(given, io, 'question', LIMITS.proofQuestionBytesMax)),
      ...(await documentParam(given, io, 'override', LIMITS.overrideBytesMax)),
      ...(operation === 'read' && { target }),
    },
    timeoutMs: TIMEOUT_MS,
    waiting: 'asking the server of the ping',
    progressOf: progressText,
  })
  const made = redeemed.answer ?? redeemed.payload
  if (made !== undefined && target !== null) await writeNew(target, fromBase64url(made))
  report(given, io, redeemed, target)
  return EXIT.done
}

async function documentParam(
  given: Arguments,
  io: Io,
  option: 'question' | 'override',
  bytesMax: number,
): Promise<Record<string, string>> {
  const named = given.text(option)
  if (named === undefined) return {}
  return { [option]: toBase64url(await documentBytes(named, io, `a document for --${option}`, bytesMax)) }
}

function report(given: Arguments, io: Io, redeemed: Redeemed, target: string | null): void {
  const { operation, version, bytes, hidden = [], untilMs, payload, answer, statusAgeMs } = redeemed
  if (given.flag('json')) {
    printJson(io, { ...redeemed, ok: true, ...(target && { file: target }) })
    return
  }
  const rows = {
    ...{ operation, version },
    ...(target !== null && { file: target }),
    ...(bytes !== undefined && { bytes }),
    ...(hidden.length > 0 && { hidden: `${hidden.length} fields` }),
    ...(untilMs !== undefined && { notices: `until ${dateText(untilMs)}` }),
    ...(target === null && (answer ?? payload) !== undefined && { result: answer ?? payload }),
    revocations:
      statusAgeMs === null ? 'the ping names no status list' : `as of ${Math.ceil(statusAgeMs / 1000)} s before`,
  }
  for (const [name, value] of Object.entries(rows)) io.stdout(`${name.padEnd(14)}${value}\n`)
}

function progressText(value: unknown): string {
  const { bytes, of } = (value ?? {}) as { bytes?: unknown; of?: unknown }
  return typeof bytes === 'number' && typeof of === 'number' ? `${bytes} of ${of} bytes are here` : 'redeeming'
}
