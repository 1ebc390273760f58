/**
 * Conservation of money: at every moment, at every member, issued + imported = held + in flight + exported + elsewhere, asset by asset.
 *
 * Held is what is in accounts, holds included. In flight is what certified orders have taken and not yet settled orders have not yet brought; elsewhere is what
 * the neighborhood itself keeps: pools, escrow, what was burned. Nothing but a bug, or a quorum of liars, can break this. So a home never exports more of an
 * asset than it issued and imported.
 */

import { toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import type { Genesis } from '../identity/genesis.ts'
import { homeOf } from '../identity/home.ts'
import { objectId } from '../identity/objectid.ts'
import { FLOW_RING, flowBetween } from './abroad.ts'
import type { ObjectState } from './account.ts'
import { type Asset, assetTable } from './asset.ts'
import { creditsOf } from './credit.ts'
import { operationOf } from './payment.ts'
import type { OrderView } from './terms.ts'

/** Totals of one asset, in its smallest unit. */
export interface Supply {
  readonly asset: Asset
  readonly issued: number
  readonly held: number
  readonly inFlight: number
  /** Sent to other homes, and come from there; each less all whole turns of `FLOW_RING`. */
  readonly exported: number
  readonly imported: number
  readonly elsewhere: number
}

/** So much of an asset. */
export interface Stock {
  readonly assetId: Uint8Array
  readonly amount: number
}

/** What is compared: all objects of a register, and its certified orders that are not settled. */
export interface Books {
  readonly objects: Iterable<{ readonly oid: Uint8Array; readonly state: ObjectState | null }>
  readonly inFlight: Iterable<OrderView>
  /** What the neighborhood keeps outside of accounts; nothing where it is left out. */
  readonly elsewhere?: Iterable<Stock>
}

/** Totals of every asset that a genesis allows. */
export function supplies(books: Books, genesis: Genesis): Supply[] {
  const totals = new Map<string, Total>()
  const byIssuingObject = new Map<string, Total>()
  for (const asset of assetTable(genesis.assets).values()) {
    const total = { asset, issued: 0, held: 0, inFlight: 0, exported: 0, imported: 0, elsewhere: 0 }
    totals.set(toHex(asset.id), total)
    const { neighborhood } = homeOf(genesis, asset.issuer)
    byIssuingObject.set(toHex(objectId(genesis.netId, neighborhood, asset.issuer, asset.nonce)), total)
  }
  for (const { oid, state } of books.objects) {
    if (!state) continue
    const issuing = state.issued > 0 ? byIssuingObject.get(toHex(oid)) : undefined
    if (issuing) {
      issuing.issued += state.issued
      issuing.inFlight += state.issued - state.delivered
    }
    for (const { assetId, amount } of state.balances) add(totals, assetId, { held: amount })
    for (const { assetId, left } of state.holds) add(totals, assetId, { held: left })
    for (const { assetId, exported, imported } of state.flows) addFlow(totals, assetId, exported, imported)
  }
  for (const order of books.inFlight) {
    for (const { assetId, amount } of inTransit(order, genesis.netId)) add(totals, assetId, { inFlight: amount })
  }
  for (const { assetId, amount } of books.elsewhere ?? []) add(totals, assetId, { elsewhere: amount })
  return [...totals.values()]
}

/** What an order has taken once it is certified, and brings once it is settled. A capture takes what goes back to the payer, too. */
function inTransit(order: OrderView, netId: Uint8Array): readonly Stock[] {
  const operation = operationOf(order)
  if (operation.kind !== 'capture') return creditsOf(order, netId)
  return [{ assetId: operation.assetId, amount: operation.amount + operation.released }]
}

function add(totals: ReadonlyMap<string, Total>, assetId: Uint8Array, more: Partial<Amounts>): void {
  const total = totals.get(toHex(assetId))
  if (!total) return
  for (const [name, amount] of Object.entries(more)) total[name as keyof Amounts] += amount
}

function addFlow(totals: ReadonlyMap<string, Total>, assetId: Uint8Array, exported: number, imported: number): void {
  const total = totals.get(toHex(assetId))
  if (!total) return
  total.exported = (total.exported + exported) % FLOW_RING
  total.imported = (total.imported + imported) % FLOW_RING
}

/** Throws `internal` where an asset's totals do not add up, or exceed its cap. */
export function assertConserved(list: readonly Supply[]): void {
  for (const { asset, issued, held, inFlight, exported, imported, elsewhere } of list) {
    if (flowBetween(issued + imported, held + inFlight + exported + elsewhere) !== 0 || issued > asset.cap) {
      const abroad = `exported ${exported}, imported ${imported}, elsewhere ${elsewhere}`
      throw new WebxError('internal', `${asset.code}: issued ${issued}, held ${held}, in flight ${inFlight}, ${abroad}`)
    }
  }
}

type Amounts = { -readonly [K in Exclude<keyof Supply, 'asset'>]: Supply[K] }
type Total = Amounts & { readonly asset: Asset }
