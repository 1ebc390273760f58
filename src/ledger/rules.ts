/**
 * The meaning of orders: what the register lane is handed to decide about money and key logs.
 *
 * Same shape as consensus' `ObjectRules`, to which it is joined where a node is put together. Money leaves an account when the order is certified and arrives
 * when it is settled, so that what is neither here nor there can always be named.
 */

import { equal } from '../core/bytes.ts'
import { asWebxError, type Code, WebxError } from '../core/errors.ts'
import type { Genesis } from '../identity/genesis.ts'
import { objectId } from '../identity/objectid.ts'
import { decodeState, EMPTY_STATE, encodeState, type FileState, type ObjectState, type OwnerKeys } from './account.ts'
import { type Asset, assetTable } from './asset.ts'
import { Imports, NO_SETTLEMENTS, type Settlements } from './import.ts'
import { eventOf, inceptionState, isKeyLogOrder, KeyLogs, ownerKeys } from './keylog.ts'
import { Recoveries } from './keylog-recovery.ts'
import { refusalOf } from './keylog-rules.ts'
import { isMoney, type LedgerVerdict, Money, type StateChange } from './money.ts'
import { type CertifyVersion, type EnforceRecovery, operationOf, type SettleKeyEvent } from './payment.ts'
import { accountNonce, KEY_LOG_NONCE, type OrderView, type StateReader } from './terms.ts'

export type { LedgerVerdict, StateChange } from './money.ts'
export { operationOf } from './payment.ts'
export type { StateReader } from './terms.ts'

/** The key that must have signed an order. */
export type ActingKey = Pick<OwnerKeys, 'key' | 'position' | 'contested'>

/** The rules of one net. */
export interface LedgerRules {
  readonly assets: ReadonlyMap<string, Asset>
  readonly keyLogs: KeyLogs
  readonly recoveries: Recoveries
  /** `key` is null for an order that proved itself. Throws `bad-identity`, `not-allowed`, `bad-signature`, … where a key log order disproves itself. */
  ownerKey(order: OrderView, objects: StateReader): ActingKey | null
  ownerOf(owner: Uint8Array, objects: StateReader): ActingKey | null
  ownerObject(order: OrderView): Uint8Array
  ownerProof(order: OrderView, objects: StateReader): readonly Uint8Array[] | null
  check(order: OrderView, objects: StateReader): LedgerVerdict
  certified(order: OrderView, state: ObjectState | null): ObjectState
  settled(order: OrderView, objects: StateReader): StateChange[]
  encodeState(state: ObjectState): Uint8Array
  decodeState(bytes: Uint8Array): ObjectState
}

/**
 * Rules of the net that a genesis begins.
 *
 * @param settlements knows the committees of other homes: without them nothing is paid abroad and nothing imported
 * @param home 16-byte id of the neighborhood that decides by these rules: the one of the genesis, where none is given. Key logs are settled at home
 */
export function createLedgerRules(
  genesis: Genesis,
  settlements: Settlements = NO_SETTLEMENTS,
  home: Uint8Array = genesis.neighborhood,
): LedgerRules {
  const assets = assetTable(genesis.assets)
  const money = new Money(genesis, assets, new Imports(genesis.netId, settlements))
  const here = { ...genesis, neighborhood: home }
  const keyLogs = new KeyLogs(here)
  const recoveries = new Recoveries(here, keyLogs)
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
    if (operation.kind === 'import') return money.proves(order, operation) ? 0 : null
    return keyLogs.place(order, eventOf(order, operation), objects)?.state.position ?? null
  }

  function check(order: OrderView, objects: StateReader): LedgerVerdict {
    const operation = operationOf(order)
    if (operation.kind === 'incept') {
      return isKeyLogOrder(order, operation) ? touching(order.oid) : refusal('not-allowed')
    }
    if (operation.kind === 'key-event') return checkKeyEvent(order, operation, objects)
    if (operation.kind === 'enforce') return checkEnforcing(order, operation, objects)
    if (operation.kind === 'version') return checkVersion(order, operation, objects.stateOf(order.oid))
    // of what nobody signs only an import moves money, in a lane that no account is
    if (equal(order.nonce, KEY_LOG_NONCE) !== (operation.kind === 'import')) return refusal('not-allowed')
    return money.check(order, operation, objects)
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

  /** What a file becomes is never less than what was certified; what is gone stays gone. */
  function checkVersion(order: OrderView, version: CertifyVersion, state: ObjectState | null): LedgerVerdict {
    const { fileCertified: before } = state ?? EMPTY_STATE
    // an account stays one, or a thief of the key that pays could close it for good
    const isAccount = !before && (order.version > 1 || equal(order.nonce, account))
    if (equal(order.nonce, KEY_LOG_NONCE) || money.issues(order) || isAccount) return refusal('not-allowed')
    if (before?.gone) return refusal('shredded')
    return version.fileVersion <= (before?.version ?? 0) ? refusal('wrong-version') : touching(order.oid)
  }

  function certified(order: OrderView, state: ObjectState | null): ObjectState {
    const operation = operationOf(order)
    if (isMoney(operation)) return money.certified(order, operation, state)
    const own = state ?? EMPTY_STATE
    return operation.kind === 'version' ? { ...own, fileCertified: fileOf(operation) } : own
  }

  function settled(order: OrderView, objects: StateReader): StateChange[] {
    const operation = operationOf(order)
    if (isMoney(operation)) return money.settled(order, operation, objects)
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
      case 'version': {
        const own = objects.stateOf(order.oid) ?? EMPTY_STATE
        return [{ oid: order.oid, state: { ...own, file: fileOf(operation) } }]
      }
    }
  }

  return {
    assets,
    keyLogs,
    recoveries,
    ownerKey: keyOf,
    ownerOf: (owner, objects) => keyLogs.keysOf(owner, objects),
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
    settled,
    encodeState,
    decodeState,
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
