/**
 * The key log that stands, out of all key events that were settled in any order.
 *
 * Events are settled in *lanes*: one for each rank (`keylog-state.ts`) since the newest event of a higher rank, so that nobody can take away a place that he has
 * no keys for. A thief of current keys who signs two delegations for one place brings that lane to a stop, and no other: the rotation that ends him goes its own
 * way, and the lane after it is a new one. Lanes are settled side by side, so members see their events in different orders, and a rotation may be settled beside
 * delegations that it does not follow. What stands is therefore a function of the *set*: a tree by `previous` from the inception on, in which at every fork the
 * branch stands on which the higher rank spoke; of two events of one lane, the one that was settled first.
 */

import { compare, toHex } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { decodeEnvelope, type Envelope, statementDigest } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { applyKeyEvent, readInception } from '../identity/keylog.ts'
import { type KeyEvent, readKeyEvent } from '../identity/keylog-event.ts'
import { type KeyState, RANKS, type Rank, rankOf } from '../identity/keylog-state.ts'
import type { SettledKeyEvent } from './account.ts'

/** An event whose place in the tree is known. */
export interface KeyNode {
  /** Encoded envelope. */
  readonly bytes: Uint8Array
  readonly digest: Uint8Array
  readonly rank: Rank
  /** Version of its lane; 0 for the inception. */
  readonly version: number
  readonly lane: Uint8Array
  readonly parent: KeyNode | null
  /** The log up to here. */
  readonly state: KeyState
  /** By rank: digest of the newest event up to here, itself included, that outranks it; the inception's where none does. */
  readonly bases: readonly Uint8Array[]
}

/** All settled key events of one identity. */
export interface KeyTree {
  /** By digest in hexadecimal. */
  readonly nodes: ReadonlyMap<string, KeyNode>
  /** What stands, the inception first. */
  readonly standing: readonly KeyNode[]
}

/** A key event as it came, read but not judged. */
export interface ReadEvent {
  readonly bytes: Uint8Array
  readonly envelope: Envelope
  readonly event: Exclude<KeyEvent, { event: 'inception' }>
  readonly digest: Uint8Array
  readonly rank: Rank
}

const NO_LANE = new Uint8Array(32)

/** 32-byte name of a lane, which owns the lane's object: H([identity, rank, base]). No inception has it for an identity, so no key but those of the events speaks in it. */
export function laneName(id: Uint8Array, rank: Rank, base: Uint8Array): Uint8Array {
  return blake3Of('webx v1 key log lane', encode([id, rank, base]))
}

/** Reads an event that can be settled. Throws `unsupported-key-event` for inceptions, recoveries and vetoes, and what decoding throws. */
export function readSettling(bytes: Uint8Array): ReadEvent {
  const envelope = decodeEnvelope(bytes, LIMITS.keyEventBytesMax)
  const event = readKeyEvent(envelope)
  if (event.event === 'inception' || event.event === 'recovery' || event.event === 'veto') {
    throw new WebxError('unsupported-key-event', `a net of this version does not settle a key event "${event.event}"`)
  }
  return { bytes, envelope, event, digest: statementDigest(envelope), rank: rankOf(event) }
}

/** The event behind its parent. Throws the code of the first rule of key logs that it breaks there. */
export function nodeBehind(parent: KeyNode, { bytes, digest, rank }: ReadEvent, version: number): KeyNode {
  const state = applyKeyEvent(parent.state, bytes)
  const lane = laneName(state.id, rank, parent.bases[rank] as Uint8Array)
  const bases = parent.bases.map((base, of) => (rank > of ? digest : base))
  return { bytes, digest, rank, version, lane, parent, state, bases }
}

/**
 * The tree of a set of events. What hangs on nothing here, or breaks a rule where it hangs, is left out.
 *
 * @param before a tree of most of them, whose nodes need not be verified again
 */
export function growTree(inception: Uint8Array, events: readonly SettledKeyEvent[], before?: KeyTree): KeyTree {
  const root = before?.standing[0] ?? rootNode(inception)
  const nodes = new Map([[toHex(root.digest), root]])
  for (const { version, bytes } of events) {
    const node = nodeOf(nodes, bytes, version, before)
    if (node) nodes.set(toHex(node.digest), node)
  }
  return { nodes, standing: standingOf(root, nodes) }
}

/** The set with one more event, in the order in which sets are kept; the same set where it is in it. */
export function withEvent(events: readonly SettledKeyEvent[], version: number, read: ReadEvent): SettledKeyEvent[] {
  const others = events.filter(({ bytes }) => compare(placeOf(bytes), placeOf(read.bytes)) !== 0)
  if (others.length < events.length) return [...events]
  return [...events, { version, bytes: read.bytes.slice() }].sort((a, b) => compare(placeOf(a.bytes), placeOf(b.bytes)))
}

/** Position of the event that showed the keys that act. */
export function actingPosition({ spoken }: KeyState): number {
  return Math.max(0, ...spoken)
}

function rootNode(inception: Uint8Array): KeyNode {
  const state = readInception(inception)
  const bases = RANKS.map(() => state.digest)
  const place = { rank: 0, version: 0, lane: NO_LANE, parent: null } as const
  return { bytes: inception, digest: state.digest, ...place, state, bases }
}

function nodeOf(
  nodes: ReadonlyMap<string, KeyNode>,
  bytes: Uint8Array,
  version: number,
  before: KeyTree | undefined,
): KeyNode | null {
  try {
    const read = readSettling(bytes)
    const parent = nodes.get(toHex(read.event.previous))
    const known = before?.nodes.get(toHex(read.digest))
    if (known && known.parent === parent) return known
    return parent ? nodeBehind(parent, read, version) : null
  } catch {
    return null
  }
}

/** The best of what comes after a node: the highest rank, and where in its lane that rank spoke first. */
interface Claim {
  readonly rank: Rank
  readonly version: number
  readonly node: KeyNode
}

function standingOf(root: KeyNode, nodes: ReadonlyMap<string, KeyNode>): KeyNode[] {
  const chosen = new Map<KeyNode, Claim>()
  const byPosition = [...nodes.values()].sort((a, b) => b.state.position - a.state.position)
  for (const node of byPosition) {
    if (!node.parent) continue
    const after = chosen.get(node)
    const { rank, version } = after && after.rank > node.rank ? after : node
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
