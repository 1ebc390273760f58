/**
 * The key log that stands, out of all key events that were settled in any order.
 *
 * Lanes (`keylog-node.ts`) are settled side by side, so members see their events in different orders, and a rotation may be settled beside delegations that it does
 * not follow. What stands is therefore a function of the *set*: a tree by `previous` from the inception on, in which at every fork the branch stands on which the
 * higher rank spoke; of two events of one rank, the one that was settled first in its lane. A recovery speaks once it is in force, its veto not at all.
 */

import { compare, toHex } from '../core/bytes.ts'
import type { KeyState, Rank } from '../identity/keylog-state.ts'
import type { SettledKeyEvent } from './account.ts'
import { type KeyNode, nodeBehind, type ReadEvent, readSettling, rootNode } from './keylog-node.ts'

/** What is settled of one key log beside its inception. */
export interface SettledSet {
  readonly events: readonly SettledKeyEvent[]
  /** Digests of the recoveries that were put in force. */
  readonly enforced: readonly Uint8Array[]
}

/** All settled key events of one identity. */
export interface KeyTree {
  /** By digest in hexadecimal. */
  readonly nodes: ReadonlyMap<string, KeyNode>
  /** What stands, the inception first. */
  readonly standing: readonly KeyNode[]
}

/**
 * The tree of a set. What hangs on nothing here, or breaks a rule where it hangs, is left out.
 *
 * @param before a tree of most of it, whose nodes need not be verified again
 */
export function growTree(inception: Uint8Array, { events, enforced }: SettledSet, before?: KeyTree): KeyTree {
  const root = before?.standing[0] ?? rootNode(inception)
  const nodes = new Map([[toHex(root.digest), root]])
  const inForce = new Set(enforced.map(toHex))
  for (const { version, bytes } of events) {
    const node = nodeOf({ nodes, inForce, before }, bytes, version)
    if (node) nodes.set(toHex(node.digest), node)
  }
  return { nodes, standing: standingOf(root, nodes) }
}

/** The events with one more, in the order in which sets are kept; the same ones where it is among them. */
export function withEvent(events: readonly SettledKeyEvent[], version: number, read: ReadEvent): SettledKeyEvent[] {
  const others = events.filter(({ bytes }) => compare(placeOf(bytes), placeOf(read.bytes)) !== 0)
  if (others.length < events.length) return [...events]
  return [...events, { version, bytes: read.bytes.slice() }].sort((a, b) => compare(placeOf(a.bytes), placeOf(b.bytes)))
}

/** Position of the event that showed the keys that act. */
export function actingPosition({ spoken }: KeyState): number {
  return Math.max(0, ...spoken)
}

/** The rank in which an event has spoken; −1 for one that has decided nothing: a recovery that is not in force, and a veto. */
export function authorityOf({ kind, rank, recovery }: KeyNode): Rank | -1 {
  if (kind === 'veto') return -1
  return recovery && !recovery.inForce ? -1 : rank
}

/** What stands behind the point at which a node, or the place of a new one behind it, leaves what stands. */
export function standingBehind({ standing }: KeyTree, node: KeyNode | null): readonly KeyNode[] {
  for (let at = node; at; at = at.parent) {
    const index = standing.indexOf(at)
    if (index >= 0) return standing.slice(index + 1)
  }
  return standing
}

interface Growing {
  readonly nodes: ReadonlyMap<string, KeyNode>
  readonly inForce: ReadonlySet<string>
  readonly before: KeyTree | undefined
}

function nodeOf({ nodes, inForce, before }: Growing, bytes: Uint8Array, version: number): KeyNode | null {
  try {
    const read = readSettling(bytes)
    const name = toHex(read.digest)
    const parent = nodes.get(toHex(read.event.previous))
    const known = before?.nodes.get(name)
    const isKnown = known && known.parent === parent && (known.recovery?.inForce ?? false) === inForce.has(name)
    if (isKnown) return known
    return parent ? nodeBehind(parent, read, version, inForce.has(name)) : null
  } catch {
    return null
  }
}

/** The best of what comes after a node: the highest rank, and where in its lane that rank spoke first. */
interface Claim {
  readonly rank: number
  readonly version: number
  readonly node: KeyNode
}

function standingOf(root: KeyNode, nodes: ReadonlyMap<string, KeyNode>): KeyNode[] {
  const chosen = new Map<KeyNode, Claim>()
  const byPosition = [...nodes.values()].sort((a, b) => b.state.position - a.state.position)
  for (const node of byPosition) {
    if (!node.parent) continue
    const after = chosen.get(node)
    const own = { rank: authorityOf(node), version: node.version }
    const { rank, version } = after && after.rank > own.rank ? after : own
    const claim = { rank, version, node }
    const rival = chosen.get(node.parent)
    if (!rival || isBetter(claim, rival)) chosen.set(node.parent, claim)
  }
  const standing = [root]
  for (let claim = chosen.get(root); claim; claim = chosen.get(claim.node)) standing.push(claim.node)
  return standing
}

function isBetter(one: Claim, other: Claim): boolean {
  if (one.rank !== other.rank) return one.rank > other.rank
  if (one.version !== other.version) return one.version < other.version
  return compare(one.node.digest, other.node.digest) < 0
}

const places = new WeakMap<Uint8Array, Uint8Array>()

/** What sets are sorted by: eight bytes of position, then the digest. */
function placeOf(bytes: Uint8Array): Uint8Array {
  const known = places.get(bytes)
  if (known) return known
  const { event, digest } = readSettling(bytes)
  const place = new Uint8Array(40)
  new DataView(place.buffer).setBigUint64(0, BigInt(event.position))
  place.set(digest, 8)
  places.set(bytes, place)
  return place
}
