/**
 * Orders as owners' wallets make them and as the ledger's rules see them.
 *
 * The ledger knows nothing of votes: it reads the few fields of an order that money depends on. Terms made here are completed by a signature elsewhere.
 */

import { fromText } from '../core/bytes.ts'
import { blake3Of } from '../core/digest.ts'
import { objectId } from '../identity/objectid.ts'
import type { ObjectState } from './account.ts'
import { type EnforceRecovery, encodeOperation, type OwnOperation } from './payment.ts'

/** States of objects; null where nothing is known of one. */
export interface StateReader {
  stateOf(oid: Uint8Array): ObjectState | null
  /**
   * How many epochs are over and wholly applied here: of every order that was settled in an epoch before this one the effects are in these states. 0 where it
   * is left out. A number too low only makes an order wait.
   */
  readonly epochsClosed?: number
  /** Orders that are not settled and that this member has voted for, or knows to be certified. None where it is left out. */
  readonly underWay?: () => Iterable<OrderView>
}

/** The fields of an order that the rules of the ledger look at. */
export interface OrderView {
  readonly oid: Uint8Array
  /** 32-byte digest of the order. */
  readonly od: Uint8Array
  readonly home: Uint8Array
  readonly owner: Uint8Array
  readonly keyPosition: number
  readonly nonce: Uint8Array
  readonly version: number
  readonly maxEpoch: number
  readonly idem: Uint8Array
  readonly op: Uint8Array
  /** What the order proves itself by, in place of a signature: an encoded key event, or the witnesses of a recovery. Empty for all others. */
  readonly attached: Uint8Array
}

/** All that an owner signs; the same shape as consensus' `OrderTerms`. */
export interface OrderFields extends Omit<OrderView, 'oid' | 'od' | 'attached'> {
  readonly previous: Uint8Array
}

/** Where an owner's object stands, and by which key it is moved. */
export interface Standing {
  readonly home: Uint8Array
  readonly owner: Uint8Array
  readonly keyPosition: number
  readonly nonce: Uint8Array
  /** Version and digest of the newest order of the object; 0 and zeros for none. */
  readonly version: number
  readonly head: Uint8Array
}

/** The key log object's nonce: an owner has one key log in a home. */
export const KEY_LOG_NONCE: Uint8Array = new Uint8Array(16)
/** Head of an object without orders. */
export const NO_HEAD: Uint8Array = new Uint8Array(32)

/** 16-byte nonce of an owner's account number `index`. */
export function accountNonce(index = 0): Uint8Array {
  return blake3Of('webx v1 account', fromText(`account ${index}`)).slice(0, 16)
}

/** 32-byte id of an owner's account number `index` at a home. */
export function accountId(netId: Uint8Array, home: Uint8Array, owner: Uint8Array, index = 0): Uint8Array {
  return objectId(netId, home, owner, accountNonce(index))
}

/** 32-byte id of an owner's key log at a home. */
export function keyLogId(netId: Uint8Array, home: Uint8Array, owner: Uint8Array): Uint8Array {
  return objectId(netId, home, owner, KEY_LOG_NONCE)
}

/**
 * The one valid order that opens an owner's key log at a home.
 *
 * Nothing in it is free, so that no owner can sign two of them and lock itself out, and no stranger can fill the members' tables with such pairs.
 */
export function keyLogOrder(home: Uint8Array, owner: Uint8Array, inception: Uint8Array): OrderFields {
  return {
    home,
    owner,
    keyPosition: 0,
    nonce: KEY_LOG_NONCE,
    version: 1,
    previous: NO_HEAD,
    maxEpoch: Number.MAX_SAFE_INTEGER,
    idem: owner.slice(0, 16),
    op: encodeOperation({ kind: 'incept', inception }),
  }
}

/** Where a lane of a key log stands. */
export interface LaneStanding {
  readonly home: Uint8Array
  /** 32-byte name of the lane. */
  readonly lane: Uint8Array
  /** Version and digest of the newest order of the lane; 0 and zeros for none. */
  readonly version: number
  readonly head: Uint8Array
}

/** The one valid order that settles a key event next in its lane; it is sent with the event attached, in place of a signature. */
export function keyEventOrder(standing: LaneStanding, position: number, digest: Uint8Array): OrderFields {
  return {
    home: standing.home,
    owner: standing.lane,
    keyPosition: position,
    nonce: KEY_LOG_NONCE,
    version: standing.version + 1,
    previous: standing.head,
    maxEpoch: Number.MAX_SAFE_INTEGER,
    idem: digest.slice(0, 16),
    op: encodeOperation({ kind: 'key-event', digest }),
  }
}

/**
 * The one valid order that puts a recovery in force, at the place of its veto: the first of the lane of current keys behind it. It is sent with the witnesses
 * attached, in place of a signature.
 *
 * @param lane 32-byte name of that lane
 * @param position of the recovery in its key log
 */
export function enforcementOrder(
  { home, lane }: Pick<LaneStanding, 'home' | 'lane'>,
  position: number,
  terms: Pick<EnforceRecovery, 'identity' | 'recovery'>,
): OrderFields {
  return {
    home,
    owner: lane,
    keyPosition: position,
    nonce: KEY_LOG_NONCE,
    version: 1,
    previous: NO_HEAD,
    maxEpoch: Number.MAX_SAFE_INTEGER,
    idem: terms.recovery.slice(0, 16),
    op: encodeOperation({ kind: 'enforce', ...terms }),
  }
}

/** The order that comes next on an account, asset or file object. `idem`: 16 random bytes, kept with the wish before the first attempt. */
export function nextOrder(
  standing: Standing,
  operation: OwnOperation,
  idem: Uint8Array,
  maxEpoch: number,
): OrderFields {
  const { home, owner, keyPosition, nonce, version, head } = standing
  const op = encodeOperation(operation)
  return { home, owner, keyPosition, nonce, version: version + 1, previous: head, maxEpoch, idem, op }
}
