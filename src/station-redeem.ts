/**
 * Redeeming on a station: the server of the pings that name it, and the holder of its owner's.
 */

import { stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import type { WebxNode } from './boot.ts'
import { fromBase64url, toBase64url, toHex } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import { LIMITS } from './core/limits.ts'
import { END_OF_ANY_FILE, OPERATION, type Operation } from './data/rights.ts'
import type { ControlCall, ControlMethod } from './drivers/control-socket.ts'
import { openFetchTarget } from './drivers/qnt-fetch.ts'
import { agreementHalfOf } from './drivers/qnt-holder.ts'
import { labelOf } from './identity/xqident.ts'
import type { Service } from './kernel/context.ts'
import type { Redeemed, Redeeming } from './kernel/redeeming.ts'
import type { Runnables, StatusLists, Vault } from './kernel/vault.ts'
import { Redeemer } from './services/redeemer.ts'
import { Redemptions } from './services/redemption.ts'

/** What redeeming stands on. */
export interface RedeemParts {
  readonly vault: Vault
  readonly statuses: StatusLists
  readonly runnables: Runnables
  /** Where this station stands, by all names of the place, for policies that name jurisdictions. */
  readonly jurisdictions: readonly string[]
}

/** Both sides of redeeming. */
export interface OpenRedeeming {
  readonly redeeming: Redeeming
  readonly methods: Readonly<Record<string, ControlMethod>>
  close(): Promise<void>
}

/** Starts both sides on a node; what was started by then is stopped where one fails. */
export async function openRedeeming(
  { context }: Pick<WebxNode, 'context'>,
  parts: RedeemParts,
): Promise<OpenRedeeming> {
  const { directory, keys } = context
  const server = new Redemptions(context, parts)
  const holder = new Redeemer(context, {
    agreement: await agreementHalfOf(keys),
    keyOf: (id, position) => directory.keyAt(id, position),
  })
  holder.onNotice(({ dataId, fileVersion, server: from }) => {
    const fields = { file: toHex(dataId), version: fileVersion, server: labelOf(from) }
    context.log.info(fields, 'a file that is watched has a new version')
  })
  const services: Service[] = [server, holder]
  const close = async (): Promise<void> => {
    for (const service of services.toReversed()) await service.stop()
  }
  try {
    for (const service of services) await service.start()
  } catch (error) {
    await close()
    throw error
  }
  return {
    redeeming: holder,
    methods: { redeem: (call) => redeem(holder, call), notices: async (call) => noticesAfter(holder, call) },
    close,
  }
}

/** The control method: `{presentation, operation, from, to, purpose, question?, override?, target?}`; bytes are base64url, `to` null is the end of the file. */
async function redeem(redeeming: Redeeming, { params, progress, signal }: ControlCall): Promise<unknown> {
  const given = (params ?? {}) as Record<string, unknown>
  const operation = textOf(given, 'operation')
  if (!Object.hasOwn(OPERATION, operation)) throw new WebxError('bad-argument', `"${operation}" is no operation`)
  const target =
    given['target'] === undefined || given['target'] === null ? null : await freePath(textOf(given, 'target'))
  const [question, override] = [bytesOf(given, 'question'), bytesOf(given, 'override')]
  const redeemed = await redeeming.redeem(
    {
      presentation: fromBase64url(textOf(given, 'presentation')),
      request: {
        operation: operation as Operation,
        from: placeOf(given, 'from', 0),
        to: placeOf(given, 'to', END_OF_ANY_FILE),
        purpose: textOf(given, 'purpose'),
      },
      ...(question && { question }),
      ...(override && { override }),
      ...(target && { target: () => openFetchTarget(target) }),
      signal,
      onProgress: (bytes, of) => progress({ bytes, of }),
    },
    LIMITS.vaultRequestMsMax,
  )
  return shown(redeemed)
}

/** A notice as it is told: ids and digests in hexadecimal, the payload in base64url. */
export interface NoticeRow {
  readonly number: number
  readonly heardMs: number
  readonly server: string
  readonly dataId: string
  readonly version: number
  readonly digest: string
  readonly payload: string
}

/** What fits a line, with the longest payloads. */
const NOTICES_IN_ANSWER_MAX = 8

/** The control method: `{after?}`, a number; the notices behind it, oldest first, and whether there are more. */
function noticesAfter(redeeming: Redeeming, { params }: ControlCall): { notices: NoticeRow[]; more: boolean } {
  const after = placeOf((params ?? {}) as Record<string, unknown>, 'after', 0)
  const behind = [...redeeming.notices()].filter(({ number }) => number > after)
  const notices = behind.slice(0, NOTICES_IN_ANSWER_MAX).map(({ number, heardMs, fileVersion, ...rest }) => ({
    ...{ number, heardMs, server: toHex(rest.server), dataId: toHex(rest.dataId), version: fileVersion },
    ...{ digest: toHex(rest.digest), payload: toBase64url(rest.payload) },
  }))
  return { notices, more: behind.length > notices.length }
}

/** What was redeemed, as JSON. */
function shown({ operation, fileVersion, digest, statusAgeMs, hidden, content, payload, answer, untilMs }: Redeemed) {
  return {
    ...{ operation, version: fileVersion, digest: toHex(digest), statusAgeMs, hidden },
    ...(content && { from: content.from, bytes: content.bytes, isWhole: content.isWhole }),
    ...(payload && { payload: toBase64url(payload) }),
    ...(answer && { answer: toBase64url(answer) }),
    ...(untilMs !== undefined && { untilMs }),
  }
}

/** An absolute path at which nothing is: looked at before a use of the ping is spent. */
async function freePath(path: string): Promise<string> {
  if (!isAbsolute(path)) throw new WebxError('bad-argument', `${path} is no absolute path`)
  const isFree = await stat(path).then(
    () => false,
    () => true,
  )
  if (isFree) return path
  throw new WebxError('store-failed', `${path} is there already`, { hint: 'Name another file, or move it away.' })
}

function placeOf(params: Record<string, unknown>, name: string, otherwise: number): number {
  const value = params[name] ?? otherwise
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw new WebxError('bad-argument', `"${name}" is a whole number from 0 on`)
}

function bytesOf(params: Record<string, unknown>, name: string): Uint8Array | null {
  const value = params[name]
  return value === undefined || value === null ? null : fromBase64url(textOf(params, name))
}

function textOf(params: Record<string, unknown>, name: string): string {
  const value = params[name]
  if (typeof value === 'string' && value !== '') return value
  throw new WebxError('bad-argument', `"${name}" is missing`)
}
