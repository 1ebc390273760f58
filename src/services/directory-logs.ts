/**
 * Key logs as the neighborhood has settled them: which key acts for whoever has rotated, and which acted before.
 *
 * Also remembers who was seen to sign two key events for one place. Until keys of a higher rank have spoken, or one of the two is settled after all, nobody can
 * say who of the two is the owner: documents of such an identity should not be believed. This is a warning in memory; what may be settled is for the members.
 */

import { toHex } from '../core/bytes.ts'
import { LIMITS } from '../core/limits.ts'
import type { Genesis } from '../identity/genesis.ts'
import type { KeyState } from '../identity/keylog.ts'
import type { OwnerKeys } from '../ledger/account.ts'
import { KeyLogs } from '../ledger/keylog.ts'
import { type KeyNode, type ReadEvent, readSettling } from '../ledger/keylog-tree.ts'
import type { StateReader } from '../ledger/terms.ts'

export class SettledLogs {
  readonly #keyLogs: KeyLogs
  readonly #objects: StateReader
  /** By identity: two events for one place, the newest such pair. */
  readonly #doubles = new Map<string, readonly [ReadEvent, ReadEvent]>()

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
    const name = toHex(pair[0].event.id)
    this.#doubles.delete(name)
    this.#doubles.set(name, pair)
    for (const oldest of this.#doubles.keys()) {
      if (this.#doubles.size <= LIMITS.directoryIdentitiesMax) break
      this.#doubles.delete(oldest)
    }
  }

  /** True while nobody can say which of two histories of an identity is the owner's. */
  frozen(id: Uint8Array): boolean {
    const pair = this.#doubles.get(toHex(id))
    const tree = pair && this.#keyLogs.treeOf(id, this.#objects)
    if (!pair || !tree || pair.some(({ digest }) => tree.nodes.has(toHex(digest)))) return false
    const [{ event, rank }] = pair
    const parent = tree.nodes.get(toHex(event.previous))
    return parent !== undefined && baseOf(parent, rank) === baseOf(tree.standing.at(-1) as KeyNode, rank)
  }

  #standing(id: Uint8Array): readonly KeyNode[] {
    return this.#keyLogs.treeOf(id, this.#objects)?.standing ?? []
  }
}

function pairOf(one: Uint8Array, other: Uint8Array): readonly [ReadEvent, ReadEvent] | null {
  try {
    return [readSettling(one), readSettling(other)]
  } catch {
    return null
  }
}

/** The newest event up to there that outranks this rank. */
function baseOf(node: KeyNode, rank: number): string {
  return toHex(node.bases[rank] as Uint8Array)
}
