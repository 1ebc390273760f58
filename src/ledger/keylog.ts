/**
 * The key log as objects of the register: who speaks for an owner at this home.
 *
 * The *root* object (nonce zeros) is opened by the owner's signed inception event, which proves itself; the owner is known here once that is settled. Identities of
 * the genesis are known from the start. Later events are settled in lanes (`keylog-node.ts`), each an object of its own, by orders that carry no signature
 * but the event: nothing in such an order is free, so that one event is one order whoever hands it in, and which of the keyholders signed changes no digest. All
 * that is settled is gathered in the root object, and what stands of it says which key acts.
 */

import { compare, equal, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Genesis, Seat } from '../identity/genesis.ts'
import { type KeyState, readInception } from '../identity/keylog.ts'
import { EMPTY_STATE, type ObjectState, type OwnerKeys } from './account.ts'
import { type KeyNode, nodeBehind, type ReadEvent, readSettling } from './keylog-node.ts'
import { type KeyRefusal, refusalOf } from './keylog-rules.ts'
import { actingPosition, authorityOf, growTree, type KeyTree, type SettledSet, withEvent } from './keylog-tree.ts'
import type { Incept, Operation } from './payment.ts'
import {
  KEY_LOG_NONCE,
  keyEventOrder,
  keyLogId,
  type LaneStanding,
  type OrderFields,
  type OrderView,
  type StateReader,
} from './terms.ts'

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
    contested: false,
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
    const key = state.keys[0] as Uint8Array
    known.set(toHex(state.id), { key, position: state.position, contested: false, inception })
  }
  add(genesis.organizationState, genesis.organization)
  for (const [i, state] of genesis.memberStates.entries()) add(state, (genesis.seats[i] as Seat).inception)
  for (const [i, state] of genesis.terminalStates.entries()) add(state, genesis.terminals[i] as Uint8Array)
  return (owner) => known.get(toHex(owner)) ?? null
}

const attached = new WeakMap<Uint8Array, ReadEvent>()

/** The event that an order carries, read once. Throws `not-allowed` where the order is about something else, `tampered`, and what `readSettling` throws. */
export function eventOf(order: OrderView, operation: Operation): ReadEvent {
  if (operation.kind !== 'key-event') throw new WebxError('not-allowed', 'only a key event proves itself')
  let event = attached.get(order.attached)
  if (!event) {
    event = readSettling(order.attached)
    attached.set(order.attached, event)
  }
  if (!equal(event.digest, operation.digest)) throw new WebxError('tampered', 'the order names another key event')
  return event
}

/** A key event on its way into the net. */
export interface Proposal {
  readonly order: OrderFields
  /** Why members would not vote for it, as far as is known here; `replayed` where it is settled. */
  readonly refusal: KeyRefusal | null
}

/** The settled key logs of one net. */
export class KeyLogs {
  readonly #genesis: Genesis
  readonly #named: (owner: Uint8Array) => OwnerKeys | null
  /** By owner, the one that was grown longest ago first: replaying a log is dear, and so is keeping the states of a long one. */
  readonly #trees = new Map<string, { readonly set: SettledSet; readonly tree: KeyTree }>()
  readonly #proven = new WeakMap<Uint8Array, KeyNode>()
  #nodeCount = 0

  constructor(genesis: Genesis) {
    this.#genesis = genesis
    this.#named = genesisKeys(genesis)
  }

  /** 32-byte id of an owner's root object. */
  rootOf(owner: Uint8Array): Uint8Array {
    return keyLogId(this.#genesis.netId, this.#genesis.neighborhood, owner)
  }

  /** Which key acts for an owner; null where its key log is not settled here. */
  keysOf(owner: Uint8Array, objects: StateReader): OwnerKeys | null {
    return objects.stateOf(this.rootOf(owner))?.keys ?? this.#named(owner)
  }

  /** All settled events of an owner; null where its key log is not settled here. */
  treeOf(owner: Uint8Array, objects: StateReader): KeyTree | null {
    const keys = this.keysOf(owner, objects)
    if (!keys) return null
    return this.#tree(owner, keys.inception, objects.stateOf(this.rootOf(owner)) ?? EMPTY_STATE)
  }

  /**
   * What stands up to the event that showed the acting keys: encoded events, the inception first. Null also where a recovery is among them: that it came into
   * force no stranger can tell from the events.
   */
  proofOf(owner: Uint8Array, objects: StateReader): Uint8Array[] | null {
    const keys = this.keysOf(owner, objects)
    if (!keys || keys.position === 0) return keys && [keys.inception]
    const proof = (this.treeOf(owner, objects)?.standing ?? []).slice(0, keys.position + 1)
    return proof.some(({ recovery }) => recovery?.inForce) ? null : proof.map(({ bytes }) => bytes)
  }

  /**
   * Where the event of an order hangs; null where what it follows is not settled here.
   *
   * Throws where the order disproves itself: `not-allowed` for anything free in it, and what `eventOf` and key logs throw.
   */
  place(order: OrderView, event: ReadEvent, objects: StateReader): KeyNode | null {
    assertNothingFree(order, event)
    const parent = this.treeOf(event.event.id, objects)?.nodes.get(toHex(event.event.previous))
    if (!parent) return null
    let node = this.#proven.get(order.attached)
    if (!node || node.version !== order.version || node.parent !== parent) {
      node = nodeBehind(parent, event, order.version, false)
      this.#proven.set(order.attached, node)
    }
    if (!equal(node.lane, order.owner)) throw new WebxError('not-allowed', 'the key event belongs into another lane')
    return node
  }

  /**
   * What settles an event next in its lane, as far as this node knows lane and log; null where the event before it is not settled here. Throws the code of the
   * first rule that the event breaks.
   *
   * @param headOf version and digest of the newest order of a lane, by the id of its object
   */
  propose(
    bytes: Uint8Array,
    objects: StateReader,
    headOf: (oid: Uint8Array) => Pick<LaneStanding, 'version' | 'head'>,
  ): Proposal | null {
    const event = readSettling(bytes)
    const { netId, neighborhood: home } = this.#genesis
    const tree = this.treeOf(event.event.id, objects)
    const parent = tree?.nodes.get(toHex(event.event.previous))
    if (!tree || !parent) return null
    const known = tree.nodes.get(toHex(event.digest))
    const { lane } = known ?? nodeBehind(parent, event, 0, false)
    const { version, head } = headOf(keyLogId(netId, home, lane))
    const order = keyEventOrder({ home, lane, version, head }, event.event.position, event.digest)
    const refusal = refusalOf(tree, known ?? nodeBehind(parent, event, order.version, false))
    return { order, refusal }
  }

  /** The root object once an event is settled too. */
  settledState(order: OrderView, event: ReadEvent, objects: StateReader): ObjectState | null {
    const { id } = event.event
    const keys = this.keysOf(id, objects)
    if (!keys) return null
    const own = objects.stateOf(this.rootOf(id)) ?? EMPTY_STATE
    return this.#following(id, { ...own, keys, events: withEvent(own.events, order.version, event) })
  }

  /** The root object once a recovery is in force too. */
  enforcedState(id: Uint8Array, recovery: Uint8Array, objects: StateReader): ObjectState | null {
    const keys = this.keysOf(id, objects)
    if (!keys) return null
    const own = objects.stateOf(this.rootOf(id)) ?? EMPTY_STATE
    const others = own.enforced.filter((digest) => !equal(digest, recovery))
    return this.#following(id, { ...own, keys, enforced: [...others, recovery.slice()].sort(compare) })
  }

  /** The root object once the inception is settled: identities of the genesis may have rotated before. */
  openedState(order: OrderView, operation: Incept, objects: StateReader): ObjectState {
    const own = objects.stateOf(order.oid) ?? EMPTY_STATE
    return this.#following(order.owner, { ...own, keys: ownerKeys(operation) })
  }

  #following(owner: Uint8Array, state: ObjectState & { readonly keys: OwnerKeys }): ObjectState {
    if (state.events.length === 0) return state
    const { inception } = state.keys
    const { standing, nodes } = this.#tree(owner, inception, state)
    const newest = (standing.at(-1) as KeyNode).state
    const key = newest.keys.length === 1 ? (newest.keys[0] as Uint8Array).slice() : null
    const position = actingPosition(newest)
    const rivals = [...nodes.values()].filter((node) => authorityOf(node) > 0 && node.state.position === position)
    return { ...state, keys: { key, position, contested: rivals.length > 1, inception } }
  }

  #tree(owner: Uint8Array, inception: Uint8Array, set: SettledSet): KeyTree {
    const name = toHex(owner)
    const known = this.#trees.get(name)
    if (known?.set.events === set.events && known.set.enforced === set.enforced) return known.tree
    const tree = growTree(inception, set, known?.tree)
    this.#forget(name)
    this.#trees.set(name, { set: { events: set.events, enforced: set.enforced }, tree })
    this.#nodeCount += tree.nodes.size
    for (const oldest of this.#trees.keys()) {
      if (this.#nodeCount <= LIMITS.settledEventsInMemoryMax || oldest === name) break
      this.#forget(oldest)
    }
    return tree
  }

  #forget(name: string): void {
    this.#nodeCount -= this.#trees.get(name)?.tree.nodes.size ?? 0
    this.#trees.delete(name)
  }
}

function assertNothingFree(order: OrderView, { event, digest }: ReadEvent): void {
  const isFixed =
    equal(order.nonce, KEY_LOG_NONCE) &&
    order.keyPosition === event.position &&
    order.maxEpoch === Number.MAX_SAFE_INTEGER &&
    equal(order.idem, digest.subarray(0, 16))
  if (!isFixed) throw new WebxError('not-allowed', 'the order of a key event says something of its own')
}
