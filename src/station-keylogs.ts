/**
 * What the owner of a running station may ask of it about key logs: what the neighborhood has settled of one, and which recoveries wait in it.
 */

import type { WebxNode } from './boot.ts'
import { fromHex, toBase64url, toHex } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import type { ControlMethod } from './drivers/control-socket.ts'
import { KeyLogs } from './ledger/keylog.ts'
import { Recoveries } from './ledger/keylog-recovery.ts'

/** Part of a settled key log, as JSON. */
export interface KeyLogPage {
  readonly id: string
  /** Position of the event whose keys act. */
  readonly position: number
  /** Hexadecimal; null where several keys act together. */
  readonly key: string | null
  readonly recoveries: readonly { readonly digest: string; readonly delaySeconds: number; readonly isFinal: boolean }[]
  /** Events in base64url, from the one that was asked for on; the last is the recovery that waits, if one does. */
  readonly events: readonly string[]
  /** Number of the event to ask for next, or null. */
  readonly next: number | null
}

/** Characters of events in one answer: what fits a line. */
const PAGE_CHARACTERS_MAX = 40 * 1024
const ID = /^[0-9a-f]{64}$/

/** The methods. `keyLog` throws `bad-argument`, and `unknown-owner` for an identity whose key log is not settled here. */
export function keyLogMethods({ context, agreed }: WebxNode): Readonly<Record<string, ControlMethod>> {
  const objects = { stateOf: (oid: Uint8Array) => agreed.register.object(oid)?.state ?? null }
  const keyLogs = new KeyLogs(context.genesis)
  const recoveries = new Recoveries(context.genesis, keyLogs)
  return {
    keyLog: async ({ params }): Promise<KeyLogPage> => {
      const { id: named = '', from = 0 } = (params ?? {}) as { id?: unknown; from?: unknown }
      if (named !== '' && !(typeof named === 'string' && ID.test(named))) {
        throw new WebxError('bad-argument', 'an identity has 64 hexadecimal digits')
      }
      if (!Number.isSafeInteger(from)) throw new WebxError('bad-argument', 'events are counted from 0')
      const id = named === '' ? context.keys.id : fromHex(named)
      const log = recoveries.logOf(id, objects)
      const keys = keyLogs.keysOf(id, objects)
      if (!log || !keys) throw new WebxError('unknown-owner', 'the key log of this identity is not settled here')
      const open = recoveries.openOf(id, objects)
      return {
        ...{ id: toHex(id), position: keys.position, key: keys.key && toHex(keys.key) },
        recoveries: open.map(({ digest, delayMs, isFinal }) => {
          return { digest: toHex(digest), delaySeconds: delayMs / 1000, isFinal }
        }),
        ...pageOf(log, from as number),
      }
    },
  }
}

function pageOf(log: readonly Uint8Array[], from: number): Pick<KeyLogPage, 'events' | 'next'> {
  const events: string[] = []
  let characters = 0
  for (const bytes of log.slice(Math.max(0, from))) {
    const event = toBase64url(bytes)
    characters += event.length
    if (events.length > 0 && characters > PAGE_CHARACTERS_MAX) return { events, next: from + events.length }
    events.push(event)
  }
  return { events, next: null }
}
