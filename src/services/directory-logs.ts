/**
 * Key logs as the neighborhood has settled them: which key acts for whoever has rotated, and which acted before.
 *
 * Also remembers who was seen to sign two key events for one place. Until keys of a higher rank have spoken, or one of the two is settled after all, nobody can
 * say who of the two is the owner: documents of such an identity should not be believed. This is a warning in memory; what may be settled is for the members.
 */

import { equal, toHex } from '../core/bytes.ts'
import { LIMITS } from '../core/limits.ts'
import type { Genesis } from '../identity/genesis.ts'
import type { KeyState } from '../identity/keylog.ts'
import type { OwnerKeys } from '../ledger/account.ts'
import { KeyLogs } from '../ledger/keylog.ts'
import { type KeyNode, type ReadEvent, readSettling } from '../ledger/keylog-node.ts'
import { authorityOf, type KeyTree } from '../ledger/keylog-tree.ts'
import type { StateReader } from '../ledger/terms.ts'

type Pair = readonly [ReadEvent, ReadEvent]

export class SettledLogs {
  readonly #keyLogs: KeyLogs
  readonly #objects: StateReader
  /** By identity and rank: two events for one place, the newest such pair. A lower rank takes back nothing that a higher one has done. */
  readonly #doubles = new Map<string, readonly (Pair | undefined)[]>()

  /** @param objects states as the register of this node has them */
  constructor(genesis: Genesis, objects: StateReader) {
    this.#keyLogs = new KeyLogs(genesis)
    this.#objects = objects
  }

  /** The acting key of an identity whose key log has gone on from its inception here; null for all others. */
  keysOf(id: Uint8Array): OwnerKeys | null {
    const state = this.#objects.stateOf(this.#keyLogs.rootOf(id))
    return state && state.events.length > 0 ? state.keys : null
  }

  /** What stands, as of its newest event; null for an identity whose key log has not gone on here. */
  stateOf(id: Uint8Array): KeyState | null {
    return this.keysOf(id) && (this.#standing(id).at(-1)?.state ?? null)
  }

  /** The one key that acted at a position of what stands; null where there is none, or several acted together. */
  keyAt(id: Uint8Array, position: number): Uint8Array | null {
    const keys = this.#standing(id)[position]?.state.keys
    return keys?.length === 1 ? (keys[0] as Uint8Array) : null
  }

  /** Notes two key events that were signed for one place, both properly; nothing else. */
  noteDouble(one: Uint8Array, other: Uint8Array): void {
    const pair = pairOf(one, other)
    if (!pair) return
    const [{ event, rank }] = pair
    const name = toHex(event.id)
    const pairs = [...(this.#doubles.get(name) ?? [])]
    pairs[rank] = pair
    this.#doubles.delete(name)
    this.#doubles.set(name, pairs)
    for (const oldest of this.#doubles.keys()) {
      if (this.#doubles.size <= LIMITS.directoryIdentitiesMax) break
      this.#doubles.delete(oldest)
    }
  }

  /** True while nobody can say which of two histories of an identity is the owner's. */
  frozen(id: Uint8Array): boolean {
    const pairs = this.#doubles.get(toHex(id))
    const tree = pairs && this.#keyLogs.treeOf(id, this.#objects)
    return tree ? pairs.some((pair) => pair !== undefined && isUndecided(pair, tree)) : false
  }

  #standing(id: Uint8Array): readonly KeyNode[] {
    return this.#keyLogs.treeOf(id, this.#objects)?.standing ?? []
  }
}

function pairOf(...bytes: readonly [Uint8Array, Uint8Array]): Pair | null {
  try {
    const [one, other] = [readSettling(bytes[0]), readSettling(bytes[1])]
    const isOnePlace = equal(one.event.id, other.event.id) && equal(one.event.previous, other.event.previous)
    const isDouble = isOnePlace && one.rank === other.rank && !equal(one.digest, other.digest)
    // two recoveries are no two histories: neither has taken effect, and the keys before them act
    return isDouble && one.rank !== 2 ? [one, other] : null
  } catch {
    return null
  }
}

/** True until one of the two is settled, or a higher rank has spoken. */
function isUndecided(pair: Pair, { nodes, standing }: KeyTree): boolean {
  if (pair.some(({ digest }) => nodes.has(toHex(digest)))) return false
  const [{ event, rank }] = pair
  const parent = nodes.get(toHex(event.previous))
  return parent !== undefined && baseOf(parent, rank) === baseOf(standing.at(-1) as KeyNode, rank)
}

/** The newest event up to there that has spoken in a higher rank. */
function baseOf(node: KeyNode, rank: number): KeyNode {
  let at = node
  while (at.parent && authorityOf(at) <= rank) at = at.parent
  return at
}
