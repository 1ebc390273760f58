/**
 * May a key event be voted for, or a recovery put in force? The rules of lanes, for members that hold the same settlements and read no clock.
 *
 * What is said of an event of one rank never turns from yes to no by events of lower ranks: members who heard of those in different orders would vote for one place
 * in two ways, and a thief of lower keys could bring the lane of higher ones to a stop.
 */

import { equal, toHex } from '../core/bytes.ts'
import { LIMITS } from '../core/limits.ts'
import type { Rank } from '../identity/keylog-state.ts'
import type { KeyNode } from './keylog-node.ts'
import { authorityOf, type KeyTree, standingBehind } from './keylog-tree.ts'

/** A refusal; `retry` marks what a settlement that is on its way can cure. */
export interface KeyRefusal {
  readonly code: 'outranked' | 'replayed' | 'wrong-version' | 'limit'
  readonly retry: boolean
}

/**
 * Null where an event may be settled: nothing that stands beside it is of its rank or above, it is the next of its lane, and there is room. Whoever holds keys of a
 * higher rank finds room whatever those below have filled.
 */
export function refusalOf(tree: KeyTree, node: KeyNode): KeyRefusal | null {
  if (tree.nodes.has(toHex(node.digest))) return refusal('replayed')
  const isOutranked =
    node.kind === 'veto'
      ? isOverruled(tree, node.parent)
      : standingBehind(tree, node.parent).some(bars(tree, node.rank))
  if (isOutranked) return refusal('outranked')
  const settled = [...tree.nodes.values()].slice(1)
  const inLane = settled.filter(({ lane }) => equal(lane, node.lane)).length
  const next = inLane + (isInForce(tree, node.base) && node.rank === 0 ? 1 : 0) + 1
  if (node.version !== next) return { code: 'wrong-version', retry: node.version > next }
  if (node.rank === 0 && inLane >= LIMITS.settledEventsPerGenerationMax) return refusal('limit')
  const alike = settled.filter((each) => roomOf(each) === roomOf(node))
  const bytes = alike.reduce((sum, each) => sum + each.bytes.length, node.bytes.length)
  return alike.length >= LIMITS.settledEventsMax || bytes > LIMITS.settledEventsBytesMax ? refusal('limit') : null
}

/** Recoveries that wait: neither in force, nor vetoed, nor overruled. Which of them stand makes no difference, nobody is taken over unseen. */
export function openRecoveries(tree: KeyTree): KeyNode[] {
  return [...tree.nodes.values()].filter((node) => node.recovery && isOpen(tree, node))
}

/** True for a recovery that may be put in force, and may be vetoed unless it is final. */
export function isOpen(tree: KeyTree, node: KeyNode): boolean {
  return node.recovery?.inForce === false && !isVetoed(tree, node) && !isOverruled(tree, node)
}

/** True where keys above the current and the next ones have spoken beside a recovery, or behind it: what becomes of it does not matter any more. */
function isOverruled(tree: KeyTree, recovery: KeyNode | null): boolean {
  return standingBehind(tree, recovery).some((node) => authorityOf(node) >= 2)
}

/** Whether something that stands keeps out an event of this rank beside it. What recovery keys say goes before current and next ones until it is vetoed. */
function bars(tree: KeyTree, rank: Rank): (standing: KeyNode) => boolean {
  return (standing) => standing.rank >= rank && !(standing.recovery && isVetoed(tree, standing))
}

function isVetoed({ nodes }: KeyTree, recovery: KeyNode): boolean {
  for (const { kind, parent } of nodes.values()) if (kind === 'veto' && parent === recovery) return true
  return false
}

function isInForce({ nodes }: KeyTree, digest: Uint8Array): boolean {
  return nodes.get(toHex(digest))?.recovery?.inForce ?? false
}

/** Events that share room: those of one rank, and vetoes with what they end. */
function roomOf({ kind, rank }: KeyNode): Rank {
  return kind === 'veto' ? 2 : rank
}

function refusal(code: KeyRefusal['code']): KeyRefusal {
  return { code, retry: false }
}
