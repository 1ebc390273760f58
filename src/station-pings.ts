/**
 * What an owner asks of a running node about pings through its control socket: mint, revoke, list. The node's identity is the issuer, its key never leaves the node.
 */

import type { WebxNode } from './boot.ts'
import { equal, fromBase64url, fromHex, toBase64url, toHex } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import { LIMITS } from './core/limits.ts'
import { readHolderText } from './data/holder-text.ts'
import type { ControlMethod } from './drivers/control-socket.ts'
import { labelOf } from './identity/xqident.ts'
import type { Minted } from './services/issuer.ts'

/** A ping as the command line shows it. */
export interface PingEntry {
  /** 16 bytes in hexadecimal. */
  readonly id: string
  readonly dataId: string
  /** Id of the server that redeems it, in hexadecimal. */
  readonly server: string
  readonly holderKey: string
  readonly operations: number
  readonly purposes: readonly string[]
  readonly uses: number
  readonly expiresMs: number
  readonly mintedMs: number
  readonly revokedMs: number | null
}

/** What `mint` and `revokePing` answer. */
export interface PingAnswer extends PingEntry {
  /** The signed ping, base64url. */
  readonly ping: string
  /** The newest edition of its status list, base64url of the document. */
  readonly statusList: string
}

/** What is asked of `mint`: hexadecimal ids and digests, times in milliseconds since 1970. */
export interface MintWish {
  readonly dataId: string
  /** Whose file it is, where that is known; empty else. */
  readonly owner: string
  readonly versionFrom: number
  /** Text of the holder. */
  readonly to: string
  /** Empty: this node. */
  readonly server: string
  readonly operations: number
  readonly from: number
  readonly until: number
  readonly purposes: readonly string[]
  readonly notBeforeMs: number
  readonly expiresMs: number
  readonly uses: number
  readonly fieldDigests: readonly string[]
  readonly locators: readonly string[]
}

/** Entries in one answer: what fits a line. */
const ENTRIES_MAX = 64

/** The methods. */
export function pingMethods({ issuer, context }: WebxNode): Readonly<Record<string, ControlMethod>> {
  const answer = (minted: Minted): PingAnswer => ({
    ...entryOf(minted),
    ping: toBase64url(minted.document),
    statusList: toBase64url(issuer.ownDocument(minted.ping)),
  })
  return {
    mint: async ({ params }) => {
      const wish = wishOf(params)
      const { id } = context.keys
      if (wish.owner !== '' && !equal(fromHex(wish.owner), id)) {
        throw new WebxError('wrong-owner', `the file is not of this node, which is ${labelOf(id)}`, {
          hint: 'Ask the node of its owner: a ping by anybody else is refused everywhere.',
        })
      }
      const { holderKey, agreementKey } = readHolderText(wish.to)
      const { operations, from, until, purposes, notBeforeMs, expiresMs, uses } = wish
      const grant = { holderKey, agreementKey, operations, from, to: until, purposes, notBeforeMs, expiresMs, uses }
      const minted = await issuer.mint({
        ...{ dataId: bytesOf(wish.dataId, 32), fileVersionFrom: wish.versionFrom, grant, locators: wish.locators },
        audience: wish.server === '' ? id : bytesOf(wish.server, 32),
        fieldDigests: wish.fieldDigests.map((digest) => bytesOf(digest, 32)),
      })
      return answer(minted)
    },
    revokePing: async ({ params }) => {
      const id = (params as { id?: unknown } | null)?.id
      return answer(await issuer.revoke(bytesOf(typeof id === 'string' ? id : '', 16)))
    },
    pings: async ({ params }) => {
      const after = (params as { after?: unknown } | null)?.after
      const from = typeof after === 'string' && after !== '' ? bytesOf(after, 16) : null
      const pings: PingEntry[] = []
      for (const minted of issuer.minted(from)) {
        if (pings.length === ENTRIES_MAX) return { pings, more: true }
        pings.push(entryOf(minted))
      }
      return { pings, more: false }
    },
  }
}

function entryOf({ ping, mintedMs, revokedMs }: Minted): PingEntry {
  const { holderKey, operations, purposes, uses, expiresMs } = ping.rights
  return {
    ...{ id: toHex(ping.id), dataId: toHex(ping.dataId), server: toHex(ping.audience), holderKey: toHex(holderKey) },
    ...{ operations, purposes, uses, expiresMs, mintedMs, revokedMs },
  }
}

/** Checks the shapes; what the numbers may be is for the ping's own rules. */
function wishOf(params: unknown): MintWish {
  const wish = (params ?? {}) as Record<string, unknown>
  const isText = ['dataId', 'owner', 'to', 'server'].every((name) => typeof wish[name] === 'string')
  const numbers = ['versionFrom', 'operations', 'from', 'until', 'notBeforeMs', 'expiresMs', 'uses']
  const isNumber = numbers.every((name) => Number.isSafeInteger(wish[name]) && (wish[name] as number) >= 0)
  const lists = ['purposes', 'fieldDigests', 'locators'].map((name) => wish[name])
  const isList = lists.every((list) => Array.isArray(list) && list.every((each) => typeof each === 'string'))
  if (isText && isNumber && isList && (lists[1] as unknown[]).length <= LIMITS.pingFieldsMax) {
    return params as MintWish
  }
  throw new WebxError('bad-argument', 'this is not what a ping is minted from')
}

/** Bytes of hexadecimal text, or of base64url where that is shorter. Throws `bad-argument` for another length. */
function bytesOf(text: string, length: number): Uint8Array {
  const bytes = text.length === 2 * length ? fromHex(text) : fromBase64url(text)
  if (bytes.length === length) return bytes
  throw new WebxError('bad-argument', `expected ${length} bytes in hexadecimal, got "${text.slice(0, 80)}"`)
}
