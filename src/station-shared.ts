/**
 * What the owner of a running station may ask of shared objects: to begin one, write it, change its rule, and show what the neighborhood has agreed on.
 */

import type { WebxNode } from './boot.ts'
import type { SharedEntry } from './consensus/shared/book.ts'
import { readShared, type SharedRule, sharedRule } from './consensus/shared/change.ts'
import type { SharedObject } from './consensus/shared/object.ts'
import { fromBase64url, fromHex, toBase64url, toHex } from './core/bytes.ts'
import { decodeEnvelope } from './core/envelope.ts'
import { WebxError } from './core/errors.ts'
import { LIMITS } from './core/limits.ts'
import type { ControlMethod } from './drivers/control-socket.ts'
import type { SharedDone } from './services/shared.ts'

/** A shared object as it is told. Ids and heads in hexadecimal, values in base64url. */
export interface ToldShared {
  readonly oid: string
  readonly sequence: number
  readonly head: string
  readonly creator: string
  readonly writers: readonly string[]
  readonly needed: number
  /** Writers who want another rule, and the digest of the one that each wants. */
  readonly words: readonly { readonly writer: string; readonly rule: string }[]
  readonly value: string
}

/** An applied change. `value` is null where it changed the rule. */
export interface ToldChange {
  readonly sequence: number
  readonly writer: string
  readonly value: string | null
}

/** What became of a change. */
export interface ToldDone {
  readonly oid: string
  readonly sequence: number | null
  readonly isWord: boolean
}

/** Bytes of a receipt in one answer: what fits a line as base64url. */
const PIECE_BYTES = 32 * 1024
const ID = /^[0-9a-f]{64}$/

/** `sharedCreate`, `sharedWrite`, `sharedRule`, `sharedRead`, `sharedList` and `sharedProve`. */
export function sharedMethods({ shared, context }: WebxNode): Readonly<Record<string, ControlMethod>> {
  return {
    sharedCreate: async ({ params }) => done(await shared.create(ruleOf(params, context.keys.id), givenValue(params))),
    sharedWrite: async ({ params }) => {
      const { after = 0 } = params as { after?: unknown }
      if (!Number.isSafeInteger(after) || (after as number) < 0)
        throw new WebxError('bad-argument', 'a sequence number is expected, from 1 on')
      return done(await shared.write(idOf(params), givenValue(params), after as number))
    },
    sharedRule: async ({ params }) => done(await shared.wantRule(idOf(params), ruleOf(params, null))),
    sharedRead: async ({ params }) => {
      const oid = idOf(params)
      const object = shared.get(oid)
      if (!object)
        throw new WebxError('unknown-object', 'this node knows of no such shared object', {
          hint: 'webx shared list shows all of them.',
        })
      return { object: told(object), history: lastOf(params, shared.history(oid)).map(toldChange) }
    },
    sharedProve: async ({ params }) => {
      const { sequence } = params as { sequence?: unknown }
      if (!Number.isSafeInteger(sequence) || (sequence as number) < 1)
        throw new WebxError('bad-argument', 'a sequence number is expected, from 1 on')
      const { from = 0 } = params as { from?: unknown }
      if (!Number.isSafeInteger(from) || (from as number) < 0) throw new WebxError('bad-argument', 'no such place')
      const receipt = shared.receipt(idOf(params), sequence as number)
      const piece = receipt.subarray(from as number, (from as number) + PIECE_BYTES)
      return { bytes: receipt.length, piece: toBase64url(piece) }
    },
    sharedList: async ({ params }) => {
      const { from = 0 } = (params ?? {}) as { from?: unknown }
      if (!Number.isSafeInteger(from) || (from as number) < 0) throw new WebxError('bad-argument', 'no such place')
      const all = shared.list()
      const page = all.slice(from as number, (from as number) + PAGE)
      return { total: all.length, objects: page.map(told) }
    },
  }
}

/** Objects in one answer: what fits a line, however long their values and rules are. */
const PAGE = 12

function told({ oid, sequence, head, creator, rule, words, value }: SharedObject): ToldShared {
  return {
    ...{ oid: toHex(oid), sequence, head: toHex(head), creator: toHex(creator) },
    ...{ writers: rule.writers.map(toHex), needed: rule.needed },
    words: words.map((word) => ({ writer: toHex(word.writer), rule: toHex(word.rule) })),
    value: toBase64url(value),
  }
}

function toldChange({ sequence, bytes }: SharedEntry): ToldChange {
  const { writer, wish } = readShared(decodeEnvelope(bytes))
  return { sequence, writer: toHex(writer), value: wish.kind === 'rule' ? null : toBase64url(wish.value) }
}

function done({ oid, sequence, isWord }: SharedDone): ToldDone {
  return { oid: toHex(oid), sequence, isWord }
}

function lastOf(params: unknown, history: readonly SharedEntry[]): readonly SharedEntry[] {
  const { last = LIMITS.sharedHistoryMax } = params as { last?: unknown }
  if (!Number.isSafeInteger(last) || (last as number) < 1 || (last as number) > LIMITS.sharedHistoryMax)
    throw new WebxError('bad-argument', `expected 1 to ${LIMITS.sharedHistoryMax} changes`)
  return history.slice(-(last as number))
}

/** `own`: who writes it in any case. */
function ruleOf(params: unknown, own: Uint8Array | null): SharedRule {
  const { writers = [], needed = 1 } = (params ?? {}) as { writers?: unknown; needed?: unknown }
  if (!Array.isArray(writers) || !writers.every((id) => typeof id === 'string' && ID.test(id)))
    throw new WebxError('bad-argument', 'writers are ids, 64 hexadecimal digits each')
  if (!Number.isSafeInteger(needed)) throw new WebxError('bad-argument', 'expected how many writers change the rule')
  return sharedRule([...(own ? [own] : []), ...writers.map(fromHex)], needed as number)
}

function idOf(params: unknown): Uint8Array {
  const { oid } = (params ?? {}) as { oid?: unknown }
  if (typeof oid === 'string' && ID.test(oid)) return fromHex(oid)
  throw new WebxError('bad-argument', 'a shared object has an id of 64 hexadecimal digits')
}

function givenValue(params: unknown): Uint8Array {
  const { value } = (params ?? {}) as { value?: unknown }
  if (typeof value === 'string') return fromBase64url(value)
  throw new WebxError('bad-argument', 'a value is expected, as base64url text')
}
