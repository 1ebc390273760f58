/**
 * Conservation of money: at every moment, at every member, issued = held + in flight, asset by asset.
 *
 * In flight is what certified orders have taken and not yet settled orders have not yet brought. Nothing but a bug, or a quorum of liars, can break this.
 */

import { toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import type { Genesis } from '../identity/genesis.ts'
import { objectId } from '../identity/objectid.ts'
import type { ObjectState } from './account.ts'
import { type Asset, assetTable } from './asset.ts'
import { operationOf } from './rules.ts'
import type { OrderView } from './terms.ts'

/** Totals of one asset, in its smallest unit. */
export interface Supply {
  readonly asset: Asset
  readonly issued: number
  readonly held: number
  readonly inFlight: number
}

/** What is compared: all objects of a register, and its certified orders that are not settled. */
export interface Books {
  readonly objects: Iterable<{ readonly oid: Uint8Array; readonly state: ObjectState | null }>
  readonly inFlight: Iterable<OrderView>
}

/** Totals of every asset that a genesis allows. */
export function supplies(books: Books, genesis: Genesis): Supply[] {
  const totals = new Map<string, Total>()
  const byIssuingObject = new Map<string, Total>()
  for (const asset of assetTable(genesis.assets).values()) {
    const total = { asset, issued: 0, held: 0, inFlight: 0 }
    totals.set(toHex(asset.id), total)
    byIssuingObject.set(toHex(objectId(genesis.netId, genesis.neighborhood, asset.issuer, asset.nonce)), total)
  }
  for (const { oid, state } of books.objects) {
    if (!state) continue
    const issuing = state.issued > 0 ? byIssuingObject.get(toHex(oid)) : undefined
    if (issuing) {
      issuing.issued += state.issued
      issuing.inFlight += state.issued - state.delivered
    }
    for (const { assetId, amount } of state.balances) {
      const total = totals.get(toHex(assetId))
      if (total) total.held += amount
    }
  }
  for (const order of books.inFlight) {
    const operation = operationOf(order)
    if (operation.kind !== 'pay') continue
    const total = totals.get(toHex(operation.assetId))
    if (total) total.inFlight += operation.amount
  }
  return [...totals.values()]
}

/** Throws `internal` where an asset's totals do not add up, or exceed its cap. */
export function assertConserved(list: readonly Supply[]): void {
  for (const { asset, issued, held, inFlight } of list) {
    if (issued !== held + inFlight || issued > asset.cap) {
      throw new WebxError('internal', `${asset.code}: issued ${issued}, held ${held}, in flight ${inFlight}`)
    }
  }
}

interface Total {
  readonly asset: Asset
  issued: number
  held: number
  inFlight: number
}
