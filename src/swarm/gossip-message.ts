/**
 * What the seats of a neighborhood pass on to each other beside the broker. Layout and CDDL: `src/PROTOCOL.md` §32.
 *
 * Nothing of it is signed by itself: what a rumor carries is, and the rest only says who lacks what.
 */

import { concat, fromHex, toHex } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'

/** A message, and over how many hops it may still go, this one included. */
export interface Rumor {
  readonly kind: 'rumor'
  readonly hops: number
  readonly bytes: Uint8Array
}

/** *This is all that I hold*: how many messages, and a digest of their sorted ids. */
export interface Summary {
  readonly kind: 'summary'
  readonly count: number
  readonly digest: Uint8Array
}

/** *These I hold* (the answer to a summary that differs), or *of these I want the bytes*. Ids in hexadecimal, ascending. */
export interface Listed {
  readonly kind: 'list' | 'want'
  readonly ids: readonly string[]
}

export type GossipMessage = Rumor | Summary | Listed

const KINDS = ['rumor', 'summary', 'list', 'want'] as const
const ID_BYTES = 16
/** A rumor around the largest envelope. */
const BYTES_MAX = LIMITS.envelopeBytesMax + 16

/** Name of a message among those that are passed on: 16 bytes in hexadecimal. */
export function gossipId(bytes: Uint8Array): string {
  return toHex(blake3Of('webx v1 gossip', bytes).subarray(0, ID_BYTES))
}

/** The summary of these ids. */
export function summaryOf(ids: readonly string[]): Summary {
  const digest = blake3Of('webx v1 gossip summary', packed(ids.toSorted()))
  return { kind: 'summary', count: ids.length, digest }
}

export function encodeGossip(message: GossipMessage): Uint8Array {
  const number = KINDS.indexOf(message.kind)
  if (message.kind === 'rumor') return encode([number, message.hops, message.bytes])
  if (message.kind === 'summary') return encode([number, message.count, message.digest])
  return encode([number, packed(message.ids)])
}

/** Throws `too-long`, `not-canonical`, `bad-shape`. */
export function decodeGossip(bytes: Uint8Array): GossipMessage {
  const fields = Fields.of('gossip', bytes, BYTES_MAX)
  const kind = KINDS[fields.uint('kind', KINDS.length - 1)] as (typeof KINDS)[number]
  const message = read(kind, fields)
  fields.end()
  return message
}

function read(kind: (typeof KINDS)[number], fields: Fields): GossipMessage {
  if (kind === 'rumor') {
    const hops = fields.uint('hops', LIMITS.gossipHopsMax)
    if (hops === 0) throw new WebxError('bad-shape', 'gossip: a rumor has a hop left')
    return { kind, hops, bytes: fields.bytesBetween('bytes', 1, LIMITS.envelopeBytesMax) }
  }
  if (kind === 'summary') {
    return { kind, count: fields.uint('count', LIMITS.gossipHeldMax), digest: fields.bytes('digest', 32) }
  }
  const idsMax = kind === 'list' ? LIMITS.gossipHeldMax : LIMITS.gossipWantedMax
  return { kind, ids: unpacked(fields.bytesBetween('ids', 0, idsMax * ID_BYTES)) }
}

function packed(ids: readonly string[]): Uint8Array {
  return concat(...ids.map(fromHex))
}

function unpacked(bytes: Uint8Array): string[] {
  if (bytes.length % ID_BYTES !== 0) throw new WebxError('bad-shape', `gossip: ids have ${ID_BYTES} bytes each`)
  const ids = Array.from({ length: bytes.length / ID_BYTES }, (_, i) =>
    toHex(bytes.subarray(ID_BYTES * i, ID_BYTES * (i + 1))),
  )
  if (ids.some((id, i) => i > 0 && (ids[i - 1] as string) >= id)) {
    throw new WebxError('bad-shape', 'gossip: ids ascend, each once')
  }
  return ids
}
