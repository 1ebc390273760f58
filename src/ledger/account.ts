/**
 * The state of an object: what it holds, what it has issued, which key it names.
 *
 * Every object can hold money, even one whose owner never appeared. On a member that lags behind a balance may be below zero for a while: the order was
 * certified by a quorum that had seen a credit which is not settled here yet.
 */

import { compare, equal } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'

/** So much of an asset, in its smallest unit. */
export interface Balance {
  readonly assetId: Uint8Array
  readonly amount: number
}

/** The key that a settled key log names. */
export interface OwnerKeys {
  readonly key: Uint8Array
  readonly position: number
  /** Encoded, signed inception event. */
  readonly inception: Uint8Array
}

/** State of one object. */
export interface ObjectState {
  /** Sorted by asset id; none is zero. */
  readonly balances: readonly Balance[]
  /** Of an asset object: all that its certified orders have issued. */
  readonly issued: number
  /** Of an asset object: the part of it that has arrived. */
  readonly delivered: number
  /** Of a key log. */
  readonly keys: OwnerKeys | null
}

/** The state of an object that nothing has happened to. */
export const EMPTY_STATE: ObjectState = { balances: [], issued: 0, delivered: 0, keys: null }

/** How much of an asset an object holds. */
export function balanceOf(state: ObjectState | null, assetId: Uint8Array): number {
  return state?.balances.find((balance) => equal(balance.assetId, assetId))?.amount ?? 0
}

/** The state with `change` (may be negative) added to one balance. Throws `internal` beyond 2^53−1, which caps make impossible. */
export function adjust(state: ObjectState | null, assetId: Uint8Array, change: number): ObjectState {
  const before = state ?? EMPTY_STATE
  const amount = balanceOf(before, assetId) + change
  if (!Number.isSafeInteger(amount)) throw new WebxError('internal', 'a balance has left the range of amounts')
  const others = before.balances.filter((balance) => !equal(balance.assetId, assetId))
  const balances = amount === 0 ? others : [...others, { assetId: assetId.slice(), amount }].sort(byAsset)
  return { ...before, balances }
}

/** Bytes of a state as stored. */
export function encodeState(state: ObjectState): Uint8Array {
  const balances = state.balances.map(({ assetId, amount }): Cbor => [assetId, Math.abs(amount), amount < 0])
  const keys: Cbor = state.keys ? [state.keys.key, state.keys.position, state.keys.inception] : []
  return encode([balances, state.issued, state.delivered, keys])
}

/** Reads what `encodeState` wrote. */
export function decodeState(bytes: Uint8Array): ObjectState {
  const fields = Fields.of('object state', bytes)
  const state = {
    balances: fields.list('balances', LIMITS.genesisAssetsMax, (item) => readBalance(new Fields('balance', item))),
    issued: fields.uint('issued'),
    delivered: fields.uint('delivered'),
    keys: readKeys(fields.any('keys')),
  }
  fields.end()
  return state
}

function readBalance(fields: Fields): Balance {
  const assetId = fields.bytes('assetId', 32)
  const amount = fields.uint('amount')
  const owed = fields.boolean('owed')
  fields.end()
  return { assetId, amount: owed ? -amount : amount }
}

function readKeys(value: Cbor): OwnerKeys | null {
  if (Array.isArray(value) && value.length === 0) return null
  const fields = new Fields('keys', value)
  const keys = {
    key: fields.bytes('key', 32),
    position: fields.uint('position'),
    inception: fields.bytesBetween('inception', 1, LIMITS.orderBytesMax),
  }
  fields.end()
  return keys
}

function byAsset(a: Balance, b: Balance): number {
  return compare(a.assetId, b.assetId)
}
