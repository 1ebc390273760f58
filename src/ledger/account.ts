/**
 * The state of an object: what it holds, what it has issued, which key it names, which version of a file it certifies; what it has set aside, paid back and sent abroad.
 *
 * Every object can hold money, even one whose owner never appeared. On a member that lags behind a balance may be below zero for a while: the order was
 * certified by a quorum that had seen a credit which is not settled here yet.
 */

import { compare, equal } from '../core/bytes.ts'
import { type Cbor, decode, encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { type Flow, flowFields, readFlow, readSent, type Sent, sentFields } from './abroad.ts'
import { type Hold, holdFields, readHold } from './hold.ts'
import { NO_REFUNDS, type Refunds, readRefunds, refundsFields } from './refund.ts'

/** So much of an asset, in its smallest unit. */
export interface Balance {
  readonly assetId: Uint8Array
  readonly amount: number
}

/** The key that a settled key log names. */
export interface OwnerKeys {
  /** Null where several keys act together: an order has one signature, so nobody can give one. */
  readonly key: Uint8Array | null
  /** Position of the event that showed this key. */
  readonly position: number
  /** True where another event of that position was settled too, and another key has signed under this number. */
  readonly contested: boolean
  /** Encoded, signed inception event. */
  readonly inception: Uint8Array
}

/** A key event that is settled. */
export interface SettledKeyEvent {
  /** Version of its lane: of two events of one lane the lower one was first. */
  readonly version: number
  /** Encoded envelope. */
  readonly bytes: Uint8Array
}

/** The newest certified version of a .qnt. */
export interface FileState {
  readonly version: number
  /** 32 bytes, of the manifest; of the tombstone where the file is gone. */
  readonly digest: Uint8Array
  /** True for a shredded file. */
  readonly gone: boolean
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
  /** Of a key log: all settled events but the inception, the ones that do not stand too. Ascending by position, then by digest. */
  readonly events: readonly SettledKeyEvent[]
  /** Of a key log: digests of the recoveries among them that were put in force, ascending. */
  readonly enforced: readonly Uint8Array[]
  /** Of a file, whose salt is the object's nonce: its newest version that is settled. */
  readonly file: FileState | null
  /** Of a file: its newest version that is certified. It is not final; `file` follows it. */
  readonly fileCertified: FileState | null
  /** Of an account: holds of its own, and what its captures under way have taken of others'. Ascending by id. */
  readonly holds: readonly Hold[]
  /** Of an account: what it has paid back. */
  readonly refunds: Refunds
  /** Of an account: how often it has paid to other homes. Ascending by home. */
  readonly sent: readonly Sent[]
  /** Of the books of a home (`abroad.ts`). */
  readonly flows: readonly Flow[]
}

/** The state of an object that nothing has happened to. */
export const EMPTY_STATE: ObjectState = {
  ...{ balances: [], issued: 0, delivered: 0, keys: null, events: [], enforced: [] },
  ...{ file: null, fileCertified: null },
  ...{ holds: [], refunds: NO_REFUNDS, sent: [], flows: [] },
}

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
  const { keys } = state
  const more = moreFields(state)
  return encode([
    ...[balances, state.issued, state.delivered],
    keys ? [keys.key ?? NOTHING, keys.position, keys.contested, keys.inception] : [],
    state.events.map(({ version, bytes }): Cbor => [version, bytes]),
    ...[fileFields(state.file), fileFields(state.fileCertified)],
    ...(more.length > 0 || state.enforced.length > 0 ? [state.enforced] : []),
    ...more,
  ])
}

/** Left out where there is nothing: most accounts just pay and are paid. */
function moreFields({ holds, refunds, sent, flows }: ObjectState): Cbor[] {
  if (holds.length + sent.length + flows.length === 0 && refunds.closed === null && refunds.parts.length === 0)
    return []
  return [[holds.map(holdFields), refundsFields(refunds), sent.map(sentFields), flows.map(flowFields)]]
}

/** Reads what `encodeState` wrote. */
export function decodeState(bytes: Uint8Array): ObjectState {
  const value = decode(bytes, LIMITS.storeValueBytesMax)
  const fields = new Fields('object state', value)
  const count = (value as readonly Cbor[]).length
  const state = {
    balances: fields.list('balances', LIMITS.genesisAssetsMax, (item) => readBalance(new Fields('balance', item))),
    issued: fields.uint('issued'),
    delivered: fields.uint('delivered'),
    keys: readKeys(fields.any('keys')),
    events: fields.list('events', LIMITS.cborItemsMax, (item) => readEvent(new Fields('key event', item))),
    file: readFile(fields.any('file')),
    fileCertified: readFile(fields.any('fileCertified')),
    enforced: count > FIELDS_BEFORE_ENFORCED ? readEnforced(fields) : [],
    ...(count > FIELDS_BEFORE_MORE
      ? fields.tuple('more', readMore)
      : { holds: [], refunds: NO_REFUNDS, sent: [], flows: [] }),
  }
  fields.end()
  return state
}

/** Left out where there is none: most objects are no key logs, and most of those were never recovered. */
const FIELDS_BEFORE_ENFORCED = 7
const FIELDS_BEFORE_MORE = 8

function readMore(fields: Fields): Pick<ObjectState, 'holds' | 'refunds' | 'sent' | 'flows'> {
  return {
    holds: fields.list('holds', LIMITS.cborItemsMax, readHold),
    refunds: fields.tuple('refunds', readRefunds),
    sent: fields.list('sent', LIMITS.homesPaidPerAccountMax, readSent),
    flows: fields.list('flows', LIMITS.cborItemsMax, readFlow),
  }
}

function readEnforced(fields: Fields): Uint8Array[] {
  return fields.list('enforced', LIMITS.settledEventsMax, (digest) => {
    if (digest instanceof Uint8Array && digest.length === 32) return digest
    throw new WebxError('bad-shape', 'object state: digests have 32 bytes')
  })
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
  const key = fields.bytesBetween('key', 0, 32)
  const keys = {
    key: key.length === 0 ? null : key,
    position: fields.uint('position'),
    contested: fields.boolean('contested'),
    inception: fields.bytesBetween('inception', 1, LIMITS.orderBytesMax),
  }
  fields.end()
  return keys
}

function readEvent(fields: Fields): SettledKeyEvent {
  const event = { version: fields.uint('version'), bytes: fields.bytesBetween('bytes', 1, LIMITS.keyEventBytesMax) }
  fields.end()
  return event
}

function fileFields(file: FileState | null): Cbor {
  return file ? [file.version, file.digest, file.gone] : []
}

function readFile(value: Cbor): FileState | null {
  if (Array.isArray(value) && value.length === 0) return null
  const fields = new Fields('file', value)
  const file = { version: fields.uint('version'), digest: fields.bytes('digest', 32), gone: fields.boolean('gone') }
  fields.end()
  return file
}

const NOTHING = new Uint8Array(0)

function byAsset(a: Balance, b: Balance): number {
  return compare(a.assetId, b.assetId)
}
