/**
 * What a runnable is asked and what it may answer: canonical CBOR in, canonical CBOR out (profile DSR-1).
 *
 * Everything that a verdict may depend on stands in the request: the time, who asks, for what purpose. The owner's parameters come with the file. A verdict that is not
 * exactly of this form is no verdict.
 */

import { encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'

/** When a runnable is asked; the number is what travels. */
export const HOOKS = ['access', 'expire', 'notify', 'aggregate'] as const
export type Hook = (typeof HOOKS)[number]

/** What it may say; the number is what travels. */
export const VERDICTS = ['allow', 'deny', 'redact', 'notify', 'aggregate'] as const
export type VerdictKind = (typeof VERDICTS)[number]

/** What makes sense where: `expire` allows what may stay; `notify` allows where nobody needs to be told. */
const PROPER: Readonly<Record<Hook, readonly VerdictKind[]>> = {
  access: ['allow', 'deny', 'redact'],
  expire: ['allow', 'deny'],
  notify: ['allow', 'notify'],
  aggregate: ['deny', 'aggregate'],
}

const VERSION = 1

/** One of the things a request is about: a field's name and value, or with `aggregate` a contributor and its record. */
export interface RequestField {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** A question to a runnable. */
export interface RunnableRequest {
  readonly hook: Hook
  /** Server's clock, or the time of a finalized block where many evaluate. */
  readonly nowMs: number
  /** 32-byte identity of who asks. */
  readonly requester: Uint8Array
  readonly purpose: string
  /** The operation asked for, one bit as in a ping; 0 where there is none. */
  readonly operation: number
  /** First byte asked for, and the one after the last. */
  readonly from: number
  readonly to: number
  /** The owner's parameters, as they stand in the manifest. */
  readonly params: Uint8Array
  readonly fields: readonly RequestField[]
}

/** A runnable's answer. */
export interface Verdict {
  readonly kind: VerdictKind
  /** Why it denies, by its own numbers from 1; 0 for every other verdict. */
  readonly reason: number
  /** Which fields of the request to leave out, ascending; only with `redact`. */
  readonly fields: readonly number[]
  /** Result or message; only with `aggregate` and `notify`. */
  readonly payload: Uint8Array
}

/** Bytes of a request. Throws `bad-argument`, and `too-long` where it does not fit a runnable's memory. */
export function encodeRequest(request: RunnableRequest): Uint8Array {
  const { hook, nowMs, requester, purpose, operation, from, to, params, fields } = request
  const pairs = fields.map(({ key, value }) => [key, value])
  const bytes = encode([VERSION, HOOKS.indexOf(hook), nowMs, requester, purpose, operation, [from, to], params, pairs])
  if (bytes.length > LIMITS.runnableRequestBytesMax) {
    const most = LIMITS.runnableRequestBytesMax
    throw new WebxError('too-long', `a request of ${bytes.length} bytes to a runnable, at most ${most} allowed`)
  }
  return bytes
}

/** Reads a request. Throws `too-long`, `not-canonical`, `bad-version`, `bad-shape`. */
export function readRequest(bytes: Uint8Array): RunnableRequest {
  const fields = Fields.of('request', bytes, LIMITS.runnableRequestBytesMax)
  assertVersion('request', fields)
  const hook = HOOKS[fields.uint('hook', HOOKS.length - 1)] as Hook
  const nowMs = fields.uint('now')
  const requester = fields.bytes('requester', 32)
  const purpose = fields.text('purpose', LIMITS.runnablePurposeCharactersMax)
  const operation = fields.uint('operation', 0xff)
  const { from, to } = fields.tuple('range', (range) => ({ from: range.uint('from'), to: range.uint('to') }))
  const params = fields.bytesBetween('params', 0, LIMITS.runnableParamsBytesMax)
  const pairs = fields.list('fields', LIMITS.runnableFieldsMax, (item) => {
    const pair = new Fields('field', item)
    const key = pair.bytesBetween('key', 0, LIMITS.runnableFieldBytesMax)
    const value = pair.bytesBetween('value', 0, LIMITS.runnableFieldBytesMax)
    pair.end()
    return { key, value }
  })
  fields.end()
  if (from > to) throw new WebxError('bad-shape', 'request: the range ends before it begins')
  return { hook, nowMs, requester, purpose, operation, from, to, params, fields: pairs }
}

/** Bytes of a verdict, as runnables write them. */
export function encodeVerdict({ kind, reason, fields, payload }: Verdict): Uint8Array {
  return encode([VERSION, VERDICTS.indexOf(kind), reason, fields, payload])
}

/**
 * Reads the verdict on a request. Throws `too-long`, `not-canonical`, `bad-version`, `bad-shape`, the latter also where it does not fit the hook or names fields that the
 * request does not have.
 */
export function readVerdict(bytes: Uint8Array, hook: Hook, fieldsAsked: number): Verdict {
  const parts = Fields.of('verdict', bytes, LIMITS.runnableVerdictBytesMax)
  assertVersion('verdict', parts)
  const kind = VERDICTS[parts.uint('kind', VERDICTS.length - 1)] as VerdictKind
  const reason = parts.uint('reason', LIMITS.runnableReasonMax)
  const fields = parts.list('fields', LIMITS.runnableFieldsMax, (item) => {
    if (typeof item !== 'number') throw new WebxError('bad-shape', 'verdict: a field is named by its number')
    return item
  })
  const payload = parts.bytesBetween('payload', 0, LIMITS.runnablePayloadBytesMax).slice()
  parts.end()
  const verdict = { kind, reason, fields, payload }
  assertMeaning(verdict, hook, fieldsAsked)
  return verdict
}

function assertVersion(what: string, fields: Fields): void {
  const version = fields.uint('version')
  if (version !== VERSION) throw new WebxError('bad-version', `${what}: version ${version}, only ${VERSION} is known`)
}

function assertMeaning({ kind, reason, fields, payload }: Verdict, hook: Hook, fieldsAsked: number): void {
  const wrong = (why: string) => new WebxError('bad-shape', `verdict: ${why}`)
  if (!PROPER[hook].includes(kind)) throw wrong(`"${kind}" is no answer to "${hook}"`)
  if ((kind === 'deny') !== reason > 0) throw wrong('a reason stands with "deny" and nowhere else')
  if ((kind === 'redact') !== fields.length > 0) throw wrong('fields stand with "redact" and nowhere else')
  const ascend = fields.every((field, i) => field < fieldsAsked && (i === 0 || field > (fields[i - 1] as number)))
  if (!ascend) throw wrong('fields must ascend and be among those asked for')
  if (payload.length > 0 && kind !== 'aggregate' && kind !== 'notify') throw wrong(`a payload with "${kind}"`)
}
