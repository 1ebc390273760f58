/**
 * The key log as an object of the register: who speaks for an owner at this home.
 *
 * Its first version carries the owner's signed inception event and so proves itself; the owner is known here once that is settled. Identities of the
 * genesis are known from the start.
 */

import { equal, toHex } from '../core/bytes.ts'
import type { Genesis, Seat } from '../identity/genesis.ts'
import { type KeyState, readInception } from '../identity/keylog.ts'
import type { OwnerKeys } from './account.ts'
import type { Incept } from './payment.ts'
import { KEY_LOG_NONCE, type OrderView } from './terms.ts'

const read = new WeakMap<Incept, KeyState>()

/** The verified state of an inception event. Throws what `readInception` throws. */
export function inceptionState(operation: Incept): KeyState {
  const known = read.get(operation)
  if (known) return known
  const state = readInception(operation.inception)
  read.set(operation, state)
  return state
}

/** What the settled key log of these events says. */
export function ownerKeys(operation: Incept): OwnerKeys {
  const state = inceptionState(operation)
  return {
    key: (state.keys[0] as Uint8Array).slice(),
    position: state.position,
    inception: operation.inception.slice(),
  }
}

/** True for the one valid order that opens this owner's key log. */
export function isKeyLogOrder(order: OrderView, operation: Incept): boolean {
  return (
    equal(order.nonce, KEY_LOG_NONCE) &&
    order.version === 1 &&
    order.keyPosition === 0 &&
    order.maxEpoch === Number.MAX_SAFE_INTEGER &&
    equal(order.idem, order.owner.subarray(0, 16)) &&
    equal(inceptionState(operation).id, order.owner)
  )
}

/** Keys of the identities in a genesis, found by 32-byte id. */
export function genesisKeys(genesis: Genesis): (owner: Uint8Array) => OwnerKeys | null {
  const known = new Map<string, OwnerKeys>()
  const add = (state: KeyState, inception: Uint8Array): void => {
    known.set(toHex(state.id), { key: state.keys[0] as Uint8Array, position: state.position, inception })
  }
  add(genesis.organizationState, genesis.organization)
  for (const [i, state] of genesis.memberStates.entries()) add(state, (genesis.seats[i] as Seat).inception)
  for (const [i, state] of genesis.terminalStates.entries()) add(state, genesis.terminals[i] as Uint8Array)
  return (owner) => known.get(toHex(owner)) ?? null
}
