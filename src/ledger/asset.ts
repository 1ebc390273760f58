/**
 * Assets: what an amount is an amount of.
 *
 * An asset is named by a hash of its terms, so that two issuers' euros can never be taken for each other; programs compare ids, never codes. All that an
 * issuer ever issues of an asset are versions of one object of his, whose nonce follows from the asset id.
 */

import { toHex } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import type { AssetTerms } from '../identity/genesis.ts'

/** An asset that the net's genesis allows. */
export interface Asset extends AssetTerms {
  /** 32 bytes. */
  readonly id: Uint8Array
  /** 16-byte nonce of the issuer's object that mints it. */
  readonly nonce: Uint8Array
}

/** 32-byte id of an asset: H(issuer ‖ code ‖ decimals ‖ cap). */
export function assetId(terms: AssetTerms): Uint8Array {
  return blake3Of('webx v1 asset', encode([terms.issuer, terms.code, terms.decimals, terms.cap]))
}

/** 16-byte nonce of the object through which an asset is issued. */
export function assetNonce(id: Uint8Array): Uint8Array {
  return blake3Of('webx v1 asset object', id).slice(0, 16)
}

/** Assets by the hexadecimal form of their ids. */
export function assetTable(assets: readonly AssetTerms[]): ReadonlyMap<string, Asset> {
  const listed = assets.map((terms): [string, Asset] => {
    const id = assetId(terms)
    return [toHex(id), { ...terms, id, nonce: assetNonce(id) }]
  })
  return new Map(listed)
}
