/**
 * What consensus asks of those who give objects a meaning.
 *
 * The register orders the versions of single-owner objects; what a version does to a state is said by the rules that it is handed. Rules are pure: the same
 * orders in the same order give the same states everywhere.
 */

import type { Code } from '../core/errors.ts'
import type { Order } from './order.ts'

/** States of objects, by 32-byte id; null where nothing was ever settled for or by an object. */
export interface ObjectReader<S> {
  stateOf(oid: Uint8Array): S | null
  /** How many epochs are over of which every settled order is applied here, where the reader knows epochs. */
  readonly epochsClosed?: number
  /** Orders that are not settled and that this member has voted for, or knows to be certified. None where it is left out. */
  readonly underWay?: () => Iterable<Order>
}

/** May this order be voted for? `retry` marks what time can cure: what is lacking may be settled here later. */
export type Verdict =
  /** `touches`: ids of all objects that settling the order will change. */
  | { readonly ok: true; readonly touches: readonly Uint8Array[] }
  | { readonly ok: false; readonly code: Code; readonly retry: boolean }

/** The key that speaks for an owner. */
export interface OwnerKey {
  /** Raw Ed25519 key; null for an order that has proved itself by what is attached to it. */
  readonly key: Uint8Array | null
  /** Its position in the owner's key log. */
  readonly position: number
  /** True where another key has spoken for this owner under the same position. */
  readonly contested: boolean
}

/** A new state of an object. */
export interface ObjectChange<S> {
  readonly oid: Uint8Array
  readonly state: S
}

/** The meaning of orders. */
export interface ObjectRules<S> {
  /**
   * The key that must have signed this order; null where its owner is not known here (yet). Throws where the order disproves itself: of one that carries its
   * proof with it, all that could be free and every signature are judged here.
   */
  ownerKey(order: Order, objects: ObjectReader<S>): OwnerKey | null
  /** The key that acts for an identity; null where its key log is not known here. */
  ownerOf(owner: Uint8Array, objects: ObjectReader<S>): OwnerKey | null
  /** Id of the object whose settling makes the owner of an order known. */
  ownerObject(order: Order): Uint8Array
  /** What proves to a stranger which key spoke for the owner (a key log, the inception first); null where it is not known here. */
  ownerProof(order: Order, objects: ObjectReader<S>): readonly Uint8Array[] | null
  /** Judges the meaning of an order that is next in its chain. */
  check(order: Order, objects: ObjectReader<S>): Verdict
  /** State of the order's own object once the order is certified: what it gives away is gone. Throws where `op` makes no sense. */
  certified(order: Order, state: S | null): S
  /** All states that change once the order is settled: what it gives arrives. */
  settled(order: Order, objects: ObjectReader<S>): readonly ObjectChange<S>[]
  encodeState(state: S): Uint8Array
  decodeState(bytes: Uint8Array): S
}
