/**
 * Requests to runnables and what is expected of them, as people write them in JSON.
 *
 * `params` and the like are JSON for the values of `core/codec.ts`: numbers are unsigned integers, texts are texts, `{"hex": "00ff"}` is a byte string. A field's key is a text or
 * hexadecimal; a number as its value stands for eight bytes, most significant first.
 */

import { fromHex, fromText, toHex } from '../core/bytes.ts'
import { type Cbor, decode, encode } from '../core/codec.ts'
import { asWebxError, WebxError } from '../core/errors.ts'
import { HOOKS, type RequestField, type RunnableRequest } from '../data/dsr-abi.ts'
import type { Outcome } from '../data/dsr-run.ts'
import { didYouMean } from './arguments.ts'

/** One thing to try: a request, and the verdict in the words of `spoken`. */
export interface Case {
  readonly name: string
  readonly request: RunnableRequest
  readonly expect: string
}

/** A verdict in words: `allow`, `deny 2`, `redact 0 3`, `aggregate [3,321]`, `notify …`, or the name of a failure. */
export function spoken({ failure, verdict }: Outcome): string {
  if (failure !== 'none') return failure
  const { kind, reason, fields, payload } = verdict
  if (kind === 'deny') return `deny ${reason}`
  if (kind === 'redact') return ['redact', ...fields].join(' ')
  return kind === 'allow' ? kind : `${kind} ${payloadText(payload)}`
}

/** Reads one request. Throws `bad-argument`. */
export function readRequestJson(text: string, where: string): RunnableRequest {
  return requestOf(parse(text, where), where)
}

/** Reads a list of `{"name", "request", "expect"}`. Throws `bad-argument`. */
export function readCasesJson(text: string, where: string): Case[] {
  const cases = parse(text, where)
  if (!Array.isArray(cases) || cases.length === 0) throw wrong(where, 'a list of cases, and not an empty one')
  return cases.map((item, i) => {
    const at = `${where}: case ${i + 1}`
    const { name, request, expect } = known(item, ['name', 'request', 'expect'], at)
    if (typeof name !== 'string' || typeof expect !== 'string') throw wrong(at, 'a name and what is expected, as texts')
    return { name, request: requestOf(request, at), expect }
  })
}

const KEYS = ['hook', 'nowMs', 'requester', 'purpose', 'operation', 'range', 'params', 'fields']

function requestOf(value: unknown, where: string): RunnableRequest {
  const given = known(value, KEYS, where)
  const { hook: hookName = 'access', nowMs = 0, requester = '00'.repeat(32), purpose = '', operation = 1 } = given
  const { range = [0, 0], params = [], fields = [] } = given
  const hook = HOOKS.find((candidate) => candidate === hookName)
  if (hook === undefined) throw wrong(where, `hook as one of ${HOOKS.join(', ')}`)
  const from = Array.isArray(range) ? range[0] : undefined
  const to = Array.isArray(range) ? range[1] : undefined
  if (![nowMs, operation, from, to].every(isUint)) throw wrong(where, 'nowMs, operation and range as whole numbers')
  if (typeof purpose !== 'string' || typeof requester !== 'string') throw wrong(where, 'purpose and requester as texts')
  if (!Array.isArray(fields)) throw wrong(where, 'fields as a list')
  return {
    ...{ hook, purpose, requester: fromHex(requester), params: encode(cborOf(params, where)) },
    ...{ nowMs: nowMs as number, operation: operation as number, from: from as number, to: to as number },
    fields: fields.map((field) => fieldOf(field, where)),
  }
}

function fieldOf(value: unknown, where: string): RequestField {
  const field = known(value, ['key', 'value'], where)
  return { key: bytesOf(field['key'], where), value: bytesOf(field['value'] ?? '', where) }
}

function bytesOf(value: unknown, where: string): Uint8Array {
  if (isUint(value)) {
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
    return bytes
  }
  const cbor = cborOf(value, where)
  if (typeof cbor === 'string') return fromText(cbor)
  if (cbor instanceof Uint8Array) return cbor
  throw wrong(where, 'keys and values of fields as texts, whole numbers or {"hex": …}')
}

function cborOf(value: unknown, where: string): Cbor {
  if (isUint(value) || typeof value === 'string' || typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.map((item) => cborOf(item, where))
  const { hex } = known(value, ['hex'], where)
  if (typeof hex !== 'string') throw wrong(where, 'whole numbers, texts, booleans, lists or {"hex": …}')
  return fromHex(hex)
}

/** The object, where it has no other keys. */
function known(value: unknown, keys: readonly string[], where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrong(where, `an object of ${keys.join(', ')}`)
  }
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) {
      const hint = didYouMean(key, keys) ?? `Known are ${keys.join(', ')}.`
      throw new WebxError('bad-argument', `${where}: "${key}" is not known`, { hint })
    }
  }
  return value as Readonly<Record<string, unknown>>
}

function isUint(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new WebxError('bad-argument', `${where} is not JSON: ${asWebxError(cause).message}`, { cause })
  }
}

function wrong(where: string, expected: string): WebxError {
  return new WebxError('bad-argument', `${where}: expected ${expected}`)
}

/** A payload of canonical CBOR as JSON, any other in hexadecimal. */
function payloadText(payload: Uint8Array): string {
  try {
    return JSON.stringify(decode(payload), (_, value) => (value instanceof Uint8Array ? { hex: toHex(value) } : value))
  } catch (error) {
    if (!(error instanceof WebxError)) throw error
    return toHex(payload)
  }
}
