/**
 * A second reader of key logs, made of other parts: cbor-x, BLAKE3 of @noble/hashes, Ed25519 of node:crypto, and the text of `src/PROTOCOL.md`.
 *
 * It believes that a log is well-formed and says what is in force after it; it shares no code with `src/identity`.
 */

import { createPublicKey, verify } from 'node:crypto'
import { blake3 } from '@noble/hashes/blake3.js'
import { Encoder } from 'cbor-x'

/** What is in force, everything in hexadecimal. */
export interface OracleState {
  readonly id: string
  readonly position: number
  readonly digest: string
  readonly keys: readonly string[]
  readonly threshold: number
  readonly next: readonly string[]
  readonly recovery: readonly string[]
  /** Delegated keys, sorted. */
  readonly delegated: readonly string[]
  readonly pending: boolean
}

type List = readonly unknown[]
type Bytes = Uint8Array

const PREFIX = Buffer.from('webx\0v1\u0001', 'latin1')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const hex = (bytes: unknown): string => Buffer.from(bytes as Bytes).toString('hex')
const hexes = (list: unknown): string[] => (list as List).map(hex)

/** Replays a log; throws an Error where a link, a promise or a signature does not hold. */
export function oracleState(
  events: readonly Bytes[],
  nowMs = 0,
  witnessedMs: (digest: Bytes) => number | null = () => null,
): OracleState {
  let keys: string[] = []
  let [threshold, nextThreshold, recoveryThreshold, delayMs, vetoes] = [0, 0, 0, 0, 0]
  let next: string[] = []
  let recovery: string[] = []
  let [id, digest] = ['', '']
  const delegated = new Set<string>()
  let pending: { body: List; dueMs: number } | null = null
  const settle = (atMs: number): void => {
    if (!pending || atMs < pending.dueMs) return
    const [, , , , , newKeys, newThreshold, digests, newNextThreshold, terms] = pending.body as List
    keys = hexes(newKeys)
    next = hexes(digests)
    threshold = newThreshold as number
    nextThreshold = newNextThreshold as number
    takeRecovery(terms as List)
    delegated.clear()
    pending = null
    vetoes = 0
  }
  const takeRecovery = ([digests, count, seconds]: List): void => {
    recovery = hexes(digests ?? [])
    recoveryThreshold = (count as number) ?? 0
    delayMs = ((seconds as number) ?? 0) * 1000
  }
  for (const [position, event] of events.entries()) {
    const [version, suite, type, scope, bytes, signature, attachment] = cbor(event) as List
    if (version !== 1 || suite !== 0 || type !== 1 || !/^0{64}$/.test(hex(scope))) throw new Error('not a key event')
    const body = cbor(bytes as Bytes) as List
    const message = Buffer.concat([PREFIX, scope as Bytes, bytes as Bytes])
    const ownDigest = hex(derive('webx v1 statement', message))
    const seenMs = witnessedMs(Buffer.from(ownDigest, 'hex'))
    settle(seenMs ?? nowMs)
    const [kind, at] = body as [number, number]
    if (at !== position) throw new Error('position')
    if (position > 0 && (hex(body[2]) !== id || hex(body[3]) !== digest)) throw new Error('link')
    const signs = (groups: [string[], number][]): void => assertSigned(message, signature, attachment, groups)
    if (kind === 0) {
      const [, , , first, count, digests, nextCount, , more] = body
      id = hex(derive('webx v1 identity', bytes as Bytes))
      ;[keys, next, threshold, nextThreshold] = [hexes(first), hexes(digests), count as number, nextCount as number]
      if (more) takeRecovery((more as List)[0] as List)
      signs([[keys, threshold]])
    } else if (kind === 1) {
      const [, , , , shown, digests, nextCount, kept, renewal] = body
      assertPromised(hexes(shown), next)
      const [oldRecovery = [], terms] = renewal as [List?, List?]
      assertPromised(hexes(oldRecovery), recovery)
      const groups: [string[], number][] = [[hexes(shown), nextThreshold]]
      if (terms) groups.push([hexes(oldRecovery), recoveryThreshold])
      signs(groups)
      ;[keys, threshold, next, nextThreshold] = [hexes(shown), nextThreshold, hexes(digests), nextCount as number]
      if (terms) takeRecovery(terms)
      if (terms) [pending, vetoes] = [null, 0]
      const names = new Set(hexes(kept))
      for (const key of delegated) if (!names.has(key)) delegated.delete(key)
    } else if (kind === 4) {
      const [, , , , shown, newKeys, count] = body
      assertPromised(hexes(shown), recovery)
      signs([
        [hexes(newKeys), count as number],
        [hexes(shown), recoveryThreshold],
      ])
      pending = { body, dueMs: seenMs === null ? Number.POSITIVE_INFINITY : seenMs + delayMs * (vetoes > 0 ? 3 : 1) }
    } else {
      signs([[keys, threshold]])
      if (kind === 2) delegated.add(hex(body[5]))
      else if (kind === 3) delegated.delete(hex(body[4]))
      else if (kind === 5) [pending, vetoes] = [null, 1]
      else throw new Error(`event ${kind}`)
    }
    digest = ownDigest
  }
  settle(nowMs)
  const last = { position: events.length - 1, digest, delegated: [...delegated].sort(), pending: pending !== null }
  return { id, keys, threshold, next, recovery, ...last }
}

function cbor(bytes: Bytes): unknown {
  return new Encoder({ useRecords: false, tagUint8Array: false }).decode(bytes)
}

function derive(context: string, bytes: Bytes): Bytes {
  return blake3(bytes, { context: Buffer.from(context) })
}

function assertPromised(shown: readonly string[], promised: readonly string[]): void {
  for (const key of shown) {
    if (!promised.includes(hex(derive('webx v1 next key', Buffer.from(key, 'hex'))))) throw new Error('not promised')
  }
}

function assertSigned(message: Bytes, signature: unknown, attachment: unknown, groups: [string[], number][]): void {
  const keys = groups.flatMap(([list]) => list)
  const pairs = keys.length === 1 ? [[0, signature]] : (cbor(attachment as Bytes) as List[])
  const valid = new Set(
    pairs.map(([index, bytes]) => {
      const der = Buffer.concat([SPKI_PREFIX, Buffer.from(keys[index as number] ?? '', 'hex')])
      const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
      if (!verify(null, message, key, bytes as Bytes)) throw new Error('signature')
      return keys[index as number] as string
    }),
  )
  for (const [list, count] of groups) {
    if (list.filter((key) => valid.has(key)).length < count) throw new Error('threshold')
  }
}
