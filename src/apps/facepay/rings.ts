/**
 * Rings: the proof keys of the shoppers enrolled at a till, as the till's signed statement says them.
 *
 * A shopper checks in as somebody of one ring. Anonymity is as large as the ring, so shoppers are kept together: in rings of up to 25 that stay as they are as long
 * as they can, since whoever proves himself in two different rings on one day is known to be in both.
 */

import { compare, equal } from '../../core/bytes.ts'
import { type Cbor, encode } from '../../core/codec.ts'
import { type Envelope, TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'

/** Keys of 32 bytes. */
export type Ring = readonly Uint8Array[]

/** What a RING statement says. */
export interface RingStatement {
  /** 32-byte identity of the terminal. */
  readonly terminalId: Uint8Array
  /** Counts up with every change. */
  readonly number: number
  /** Up to `LIMITS.checkinRingsMax`, each of 2 to 25 keys in ascending order; no key stands twice. */
  readonly rings: readonly Ring[]
}

const { checkinRingKeysMax: KEYS_MAX, checkinRingsMax: RINGS_MAX } = LIMITS
/** Fewer hide nobody, and no proof is made for them. */
const KEYS_MIN = LIMITS.proofRingMin
/** A ring that has shrunk below this joins another one where there is room. */
const KEYS_FEW = 8

/** Body of a RING statement. Groups of one are left out: nobody hides alone. */
export function ringBody(terminalId: Uint8Array, number: number, groups: readonly Ring[]): Uint8Array {
  const rings = groups.filter((group) => group.length >= KEYS_MIN).map((group): Cbor => group.toSorted(compare))
  return encode([terminalId, number, rings])
}

/** The statement in an envelope; whether its signature holds is another matter. Throws `bad-shape`, `not-canonical`. */
export function readRingStatement(envelope: Envelope): RingStatement {
  if (envelope.type !== TYPE.ring) throw new WebxError('bad-shape', 'not a list of rings')
  const fields = Fields.of('rings', envelope.body)
  const statement = {
    terminalId: fields.bytes('terminalId', 32),
    number: fields.uint('number'),
    rings: fields.list('rings', RINGS_MAX, readRing),
  }
  fields.end()
  const all = statement.rings.flat().toSorted(compare)
  if (all.some((key, i) => i > 0 && equal(key, all[i - 1] as Uint8Array))) {
    throw new WebxError('bad-shape', 'rings: a key stands in two of them')
  }
  return statement
}

/** Whose statement it is, read before anything else is checked. Throws `bad-shape`. */
export function terminalOfRings(envelope: Envelope): Uint8Array {
  return Fields.of('rings', envelope.body).bytes('terminalId', 32)
}

/** Which ring holds a key, or −1. */
export function ringOf(rings: readonly Ring[], key: Uint8Array): number {
  return rings.findIndex((ring) => ring.some((member) => equal(member, key)))
}

/**
 * The groups with one more key: in the smallest that has room, else in a new one together with half of the last. Throws `bad-argument` for a key that is
 * there, `limit` where all are full.
 */
export function withKey(groups: readonly Ring[], key: Uint8Array): readonly Ring[] {
  if (ringOf(groups, key) >= 0) throw new WebxError('bad-argument', 'this key is enrolled already')
  const at = smallest(groups)
  const ring = groups[at]
  if (!ring) return [[key]]
  if (ring.length < KEYS_MAX) return groups.with(at, [...ring, key])
  if (groups.length >= RINGS_MAX) throw new WebxError('limit', `all ${RINGS_MAX} rings of this till are full`)
  const last = groups.at(-1) as Ring
  const half = Math.ceil(last.length / 2)
  return [...groups.slice(0, -1), last.slice(0, half), [...last.slice(half), key]]
}

/** The groups without a key; one that has become too small joins others. Throws `bad-argument` for a key that is not there. */
export function withoutKey(groups: readonly Ring[], key: Uint8Array): readonly Ring[] {
  const at = ringOf(groups, key)
  if (at < 0) throw new WebxError('bad-argument', 'this key is not enrolled')
  const left = (groups[at] as Ring).filter((member) => !equal(member, key))
  const others = groups.toSpliced(at, 1)
  if (left.length >= KEYS_FEW || others.length === 0) return left.length > 0 ? groups.with(at, left) : others
  const to = smallest(others)
  const neighbor = others[to] as Ring
  if (left.length + neighbor.length <= KEYS_MAX) return others.with(to, [...neighbor, ...left])
  if (left.length >= KEYS_MIN) return groups.with(at, left)
  const half = Math.ceil(neighbor.length / 2)
  return [...others.with(to, neighbor.slice(0, half)), [...neighbor.slice(half), ...left]]
}

/** The first of the smallest groups. */
function smallest(groups: readonly Ring[]): number {
  const least = Math.min(...groups.map(({ length }) => length))
  return groups.findIndex(({ length }) => length === least)
}

function readRing(item: Cbor): Ring {
  const isRing = Array.isArray(item) && item.length >= KEYS_MIN && item.length <= KEYS_MAX
  const keys = isRing ? (item as Uint8Array[]) : []
  const isOrdered = keys.every(
    (key, i) =>
      key instanceof Uint8Array && key.length === 32 && (i === 0 || compare(keys[i - 1] as Uint8Array, key) < 0),
  )
  if (isRing && isOrdered) return keys
  throw new WebxError('bad-shape', `rings: each has ${KEYS_MIN} to ${KEYS_MAX} keys of 32 bytes in ascending order`)
}
