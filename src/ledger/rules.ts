/**
 * The meaning of orders: what the register lane is handed to decide about money and key logs.
 *
 * Same shape as consensus' `ObjectRules`, to which it is joined where a node is put together. Money leaves an account when the order is certified and arrives
 * when it is settled, so that what is neither here nor there can always be named.
 */

import { equal, toHex } from '../core/bytes.ts'
import { asWebxError, type Code, WebxError } from '../core/errors.ts'
import type { Genesis } from '../identity/genesis.ts'
import { objectId } from '../identity/objectid.ts'
import {
  adjust,
  balanceOf,
  decodeState,
  EMPTY_STATE,
  encodeState,
  type FileState,
  type ObjectState,
  type OwnerKeys,
} from './account.ts'
import { type Asset, assetTable } from './asset.ts'
import { eventOf, inceptionState, isKeyLogOrder, KeyLogs, ownerKeys } from './keylog.ts'
import { Recoveries } from './keylog-recovery.ts'
import { refusalOf } from './keylog-rules.ts'
import {
  type CertifyVersion,
  decodeOperation,
  type EnforceRecovery,
  type Mint,
  type Operation,
  type Pay,
  type SettleKeyEvent,
} from './payment.ts'
import { accountNonce, KEY_LOG_NONCE, type OrderView, type StateReader } from './terms.ts'

export type { StateReader } from './terms.ts'

/** May an order be voted for? */
export type LedgerVerdict =
  | { readonly ok: true; readonly touches: readonly Uint8Array[] }
  | { readonly ok: false; readonly code: Code; readonly retry: boolean }

/** A new state of an object. */
export interface StateChange {
  readonly oid: Uint8Array
  readonly state: ObjectState
}

/** The key that must have signed an order. */
export type ActingKey = Pick<OwnerKeys, 'key' | 'position' | 'contested'>

/** The rules of one net. */
export interface LedgerRules {
  readonly assets: ReadonlyMap<string, Asset>
  readonly keyLogs: KeyLogs
  readonly recoveries: Recoveries
  /** `key` is null for an order that proved itself. Throws `bad-identity`, `not-allowed`, `bad-signature`, … where a key log order disproves itself. */
  ownerKey(order: OrderView, objects: StateReader): ActingKey | null
  ownerObject(order: OrderView): Uint8Array
  ownerProof(order: OrderView, objects: StateReader): readonly Uint8Array[] | null
  check(order: OrderView, objects: StateReader): LedgerVerdict
  certified(order: OrderView, state: ObjectState | null): ObjectState
  settled(order: OrderView, objects: StateReader): StateChange[]
  encodeState(state: ObjectState): Uint8Array
  decodeState(bytes: Uint8Array): ObjectState
}

/** Rules of the net that a genesis begins. */
export function createLedgerRules(genesis: Genesis): LedgerRules {
  const assets = assetTable(genesis.assets)
  const keyLogs = new KeyLogs(genesis)
  const recoveries = new Recoveries(genesis, keyLogs)
  const account = accountNonce()

  function keyOf(order: OrderView, objects: StateReader): ActingKey | null {
    if (isUnsignedIncept(order)) return { key: null, position: 0, contested: false }
    if (order.attached.length > 0) {
      const position = positionOf(order, objects)
      return position === null ? null : { key: null, position, contested: false }
    }
    if (!equal(order.nonce, KEY_LOG_NONCE)) {
      const keys = keyLogs.keysOf(order.owner, objects)
      return keys?.key ? keys : null
    }
    const operation = operationOf(order)
    if (operation.kind !== 'incept') throw new WebxError('not-allowed', 'a key log takes key events only')
    if (!equal(inceptionState(operation).id, order.owner)) {
      throw new WebxError('bad-identity', 'the inception event is not that of the owner')
    }
    return ownerKeys(operation)
  }

  /** Of an order that proves itself. */
  function positionOf(order: OrderView, objects: StateReader): number | null {
    const operation = operationOf(order)
    if (operation.kind === 'enforce') return recoveries.place(order, operation, objects)
    return keyLogs.place(order, eventOf(order, operation), objects)?.state.position ?? null
  }

  function check(order: OrderView, objects: StateReader): LedgerVerdict {
    const operation = operationOf(order)
    if (operation.kind === 'incept') {
      return isKeyLogOrder(order, operation) ? touching(order.oid) : refusal('not-allowed')
    }
    if (operation.kind === 'key-event') return checkKeyEvent(order, operation, objects)
    if (operation.kind === 'enforce') return checkEnforcing(order, operation, objects)
    const state = objects.stateOf(order.oid)
    if (operation.kind === 'version') return checkVersion(order, operation, state)
    const asset = assets.get(toHex(operation.assetId))
    if (!asset) return refusal('unknown-asset')
    return operation.kind === 'mint' ? checkMint(order, operation, asset, state) : checkPay(order, operation, state)
  }

  function checkKeyEvent(order: OrderView, operation: SettleKeyEvent, objects: StateReader): LedgerVerdict {
    if (order.attached.length === 0) return refusal('not-allowed')
    const event = eventOf(order, operation)
    const node = keyLogs.place(order, event, objects)
    const tree = keyLogs.treeOf(event.event.id, objects)
    if (!node || !tree) return refusal('wrong-previous')
    const refused = refusalOf(tree, node)
    return refused ? { ok: false, ...refused } : touching(keyLogs.rootOf(event.event.id))
  }

  function checkEnforcing(order: OrderView, operation: EnforceRecovery, objects: StateReader): LedgerVerdict {
    if (order.attached.length === 0) return refusal('not-allowed')
    const refused = recoveries.refusalOf(operation, objects)
    return refused ? { ok: false, ...refused } : touching(keyLogs.rootOf(operation.identity))
  }

  function checkPay(order: OrderView, pay: Pay, state: ObjectState | null): LedgerVerdict {
    if (!isFree(order) || state?.fileCertified) return refusal('not-allowed')
    if (balanceOf(state, pay.assetId) < pay.amount) return { ok: false, code: 'insufficient-funds', retry: true }
    return touching(pay.to)
  }

  /** What a file becomes is never less than what was certified; what is gone stays gone. */
  function checkVersion(order: OrderView, version: CertifyVersion, state: ObjectState | null): LedgerVerdict {
    const { fileCertified: before } = state ?? EMPTY_STATE
    // an account stays one, or a thief of the key that pays could close it for good
    const isAccount = !before && (order.version > 1 || equal(order.nonce, account))
    if (!isFree(order) || isAccount) return refusal('not-allowed')
    if (before?.gone) return refusal('shredded')
    return version.fileVersion <= (before?.version ?? 0) ? refusal('wrong-version') : touching(order.oid)
  }

  /** True for an object that is neither a key log nor issues an asset. */
  function isFree(order: OrderView): boolean {
    if (equal(order.nonce, KEY_LOG_NONCE)) return false
    for (const asset of assets.values()) {
      if (equal(asset.nonce, order.nonce) && equal(asset.issuer, order.owner)) return false
    }
    return true
  }

  return {
    assets,
    keyLogs,
    recoveries,
    ownerKey: keyOf,
    ownerObject: (order) => objectId(genesis.netId, order.home, identityBehind(order), KEY_LOG_NONCE),
    ownerProof: (order, objects) => keyLogs.proofOf(order.owner, objects),
    check(order, objects) {
      try {
        return check(order, objects)
      } catch (error) {
        return refusal(asWebxError(error).code)
      }
    },
    certified,
    settled: (order, objects) => settled(order, objects, keyLogs),
    encodeState,
    decodeState,
  }
}

const operations = new WeakMap<Uint8Array, Operation>()

/** The operation of an order, read once. Throws what `decodeOperation` throws. */
export function operationOf(order: Pick<OrderView, 'op'>): Operation {
  const known = operations.get(order.op)
  if (known) return known
  const operation = decodeOperation(order.op)
  operations.set(order.op, operation)
  return operation
}

function checkMint(order: OrderView, mint: Mint, asset: Asset, state: ObjectState | null): LedgerVerdict {
  if (!equal(order.owner, asset.issuer) || !equal(order.nonce, asset.nonce)) return refusal('not-allowed')
  if (mint.cumulative > asset.cap) return refusal('over-cap')
  if (mint.cumulative <= (state?.issued ?? 0)) return refusal('bad-amount')
  return touching(order.oid, mint.to)
}

function certified(order: OrderView, state: ObjectState | null): ObjectState {
  const operation = operationOf(order)
  switch (operation.kind) {
    case 'incept':
    case 'key-event':
    case 'enforce':
      return state ?? EMPTY_STATE
    case 'mint':
      return { ...(state ?? EMPTY_STATE), issued: operation.cumulative }
    case 'pay':
      return adjust(state, operation.assetId, -operation.amount)
    case 'version':
      return { ...(state ?? EMPTY_STATE), fileCertified: fileOf(operation) }
  }
}

function settled(order: OrderView, objects: StateReader, keyLogs: KeyLogs): StateChange[] {
  const operation = operationOf(order)
  const own = objects.stateOf(order.oid) ?? EMPTY_STATE
  switch (operation.kind) {
    case 'incept':
      return [{ oid: order.oid, state: keyLogs.openedState(order, operation, objects) }]
    case 'key-event': {
      const event = eventOf(order, operation)
      const state = keyLogs.settledState(order, event, objects)
      return state ? [{ oid: keyLogs.rootOf(event.event.id), state }] : []
    }
    case 'enforce': {
      const { identity, recovery } = operation
      const state = keyLogs.enforcedState(identity, recovery, objects)
      return state ? [{ oid: keyLogs.rootOf(identity), state }] : []
    }
    case 'version':
      return [{ oid: order.oid, state: { ...own, file: fileOf(operation) } }]
    case 'mint': {
      const minted = operation.cumulative - own.delivered
      const issuer = { ...own, delivered: operation.cumulative }
      if (equal(operation.to, order.oid)) return [{ oid: order.oid, state: adjust(issuer, operation.assetId, minted) }]
      const payee = adjust(objects.stateOf(operation.to), operation.assetId, minted)
      return [
        { oid: order.oid, state: issuer },
        { oid: operation.to, state: payee },
      ]
    }
    case 'pay':
      return [{ oid: operation.to, state: adjust(objects.stateOf(operation.to), operation.assetId, operation.amount) }]
  }
}

function fileOf({ fileVersion, digest, gone }: CertifyVersion): FileState {
  return { version: fileVersion, digest: digest.slice(), gone }
}

/** Whose key log decides about an order: a lane is not an identity, the event says whose it is. */
function identityBehind(order: OrderView): Uint8Array {
  if (order.attached.length === 0) return order.owner
  const operation = operationOf(order)
  if (operation.kind === 'enforce') return operation.identity
  return operation.kind === 'key-event' ? eventOf(order, operation).event.id : order.owner
}

/**
 * True for the order that opens a key log without a signature of its own: of an owner who has rotated before anybody here knew of him, and may not have the first
 * key any more. It is the same order as the signed one. Throws `not-allowed` where it is another one, and what reading an inception throws.
 */
function isUnsignedIncept(order: OrderView): boolean {
  if (order.attached.length === 0) return false
  const operation = operationOf(order)
  if (operation.kind !== 'incept') return false
  if (!equal(operation.inception, order.attached) || !isKeyLogOrder(order, operation)) {
    throw new WebxError('not-allowed', 'the order that opens a key log says something of its own')
  }
  return true
}

function touching(...touches: Uint8Array[]): LedgerVerdict {
  return { ok: true, touches }
}

function refusal(code: Code): LedgerVerdict {
  return { ok: false, code, retry: false }
}
