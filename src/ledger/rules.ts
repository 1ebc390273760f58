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
  type ObjectState,
  type OwnerKeys,
} from './account.ts'
import { type Asset, assetTable } from './asset.ts'
import { genesisKeys, inceptionState, isKeyLogOrder, ownerKeys } from './keylog.ts'
import { decodeOperation, type Mint, type Operation, type Pay } from './payment.ts'
import { KEY_LOG_NONCE, keyLogId, type OrderView } from './terms.ts'

/** States of objects; null where nothing is known of one. */
export interface StateReader {
  stateOf(oid: Uint8Array): ObjectState | null
}

/** May an order be voted for? */
export type LedgerVerdict =
  | { readonly ok: true; readonly touches: readonly Uint8Array[] }
  | { readonly ok: false; readonly code: Code; readonly retry: boolean }

/** A new state of an object. */
export interface StateChange {
  readonly oid: Uint8Array
  readonly state: ObjectState
}

/** The rules of one net. */
export interface LedgerRules {
  readonly assets: ReadonlyMap<string, Asset>
  /** Throws `bad-identity`, `not-allowed`, `bad-signature` where a key log order does not prove itself. */
  ownerKey(order: OrderView, objects: StateReader): OwnerKeys | null
  ownerObject(order: OrderView): Uint8Array
  ownerProof(order: OrderView, objects: StateReader): Uint8Array | null
  check(order: OrderView, objects: StateReader): LedgerVerdict
  certified(order: OrderView, state: ObjectState | null): ObjectState
  settled(order: OrderView, objects: StateReader): StateChange[]
  encodeState(state: ObjectState): Uint8Array
  decodeState(bytes: Uint8Array): ObjectState
}

/** Rules of the net that a genesis begins. */
export function createLedgerRules(genesis: Genesis): LedgerRules {
  const assets = assetTable(genesis.assets)
  const known = genesisKeys(genesis)

  function keysOf(order: OrderView, objects: StateReader): OwnerKeys | null {
    if (!equal(order.nonce, KEY_LOG_NONCE)) {
      return objects.stateOf(keyLogId(genesis.netId, order.home, order.owner))?.keys ?? known(order.owner)
    }
    const operation = operationOf(order)
    if (operation.kind !== 'incept') throw new WebxError('not-allowed', 'a key log takes key events only')
    if (!equal(inceptionState(operation).id, order.owner)) {
      throw new WebxError('bad-identity', 'the inception event is not that of the owner')
    }
    return ownerKeys(operation)
  }

  function check(order: OrderView, objects: StateReader): LedgerVerdict {
    const operation = operationOf(order)
    if (operation.kind === 'incept') {
      return isKeyLogOrder(order, operation) ? touching(order.oid) : refusal('not-allowed')
    }
    const asset = assets.get(toHex(operation.assetId))
    if (!asset) return refusal('unknown-asset')
    const state = objects.stateOf(order.oid)
    return operation.kind === 'mint' ? checkMint(order, operation, asset, state) : checkPay(order, operation, state)
  }

  function checkPay(order: OrderView, pay: Pay, state: ObjectState | null): LedgerVerdict {
    if (!isAccount(order)) return refusal('not-allowed')
    if (balanceOf(state, pay.assetId) < pay.amount) return { ok: false, code: 'insufficient-funds', retry: true }
    return touching(pay.to)
  }

  function isAccount(order: OrderView): boolean {
    if (equal(order.nonce, KEY_LOG_NONCE)) return false
    for (const asset of assets.values()) {
      if (equal(asset.nonce, order.nonce) && equal(asset.issuer, order.owner)) return false
    }
    return true
  }

  return {
    assets,
    ownerKey: keysOf,
    ownerObject: (order) => objectId(genesis.netId, order.home, order.owner, KEY_LOG_NONCE),
    ownerProof: (order, objects) => keysOf(order, objects)?.inception ?? null,
    check(order, objects) {
      try {
        return check(order, objects)
      } catch (error) {
        return refusal(asWebxError(error).code)
      }
    },
    certified,
    settled,
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
      return state ?? EMPTY_STATE
    case 'mint':
      return { ...(state ?? EMPTY_STATE), issued: operation.cumulative }
    case 'pay':
      return adjust(state, operation.assetId, -operation.amount)
  }
}

function settled(order: OrderView, objects: StateReader): StateChange[] {
  const operation = operationOf(order)
  const own = objects.stateOf(order.oid) ?? EMPTY_STATE
  switch (operation.kind) {
    case 'incept':
      return [{ oid: order.oid, state: { ...own, keys: ownerKeys(operation) } }]
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

function touching(...touches: Uint8Array[]): LedgerVerdict {
  return { ok: true, touches }
}

function refusal(code: Code): LedgerVerdict {
  return { ok: false, code, retry: false }
}
