/**
 * May a key event be voted for? The rules of lanes, for members that hold the same settlements and read no clock.
 */

import { equal, toHex } from '../core/bytes.ts'
import { LIMITS } from '../core/limits.ts'
import type { KeyNode, KeyTree } from './keylog-tree.ts'

/** A refusal; `retry` marks what a settlement that is on its way can cure. */
export interface KeyRefusal {
  readonly code: 'outranked' | 'replayed' | 'wrong-version' | 'limit'
  readonly retry: boolean
}

/**
 * Null where an event may be settled: it hangs on what stands, nothing that stands behind that is of its rank or above, it is the next of its lane, and there is
 * room. Whoever holds keys of a higher rank finds room whatever those below have filled.
 */
export function refusalOf(tree: KeyTree, node: KeyNode): KeyRefusal | null {
  if (tree.nodes.has(toHex(node.digest))) return refusal('replayed')
  const at = node.parent ? tree.standing.indexOf(node.parent) : -1
  if (at < 0 || tree.standing.slice(at + 1).some(({ rank }) => rank >= node.rank)) return refusal('outranked')
  const settled = [...tree.nodes.values()].slice(1)
  const inLane = settled.filter(({ lane }) => equal(lane, node.lane)).length
  if (node.version !== inLane + 1) return { code: 'wrong-version', retry: node.version > inLane + 1 }
  if (node.rank === 0 && inLane >= LIMITS.settledEventsPerGenerationMax) return refusal('limit')
  const alike = settled.filter(({ rank }) => (rank === 0) === (node.rank === 0))
  const bytes = alike.reduce((sum, each) => sum + each.bytes.length, node.bytes.length)
  return alike.length >= LIMITS.settledEventsMax || bytes > LIMITS.settledEventsBytesMax ? refusal('limit') : null
}

function refusal(code: KeyRefusal['code']): KeyRefusal {
  return { code, retry: false }
}
