/**
 * How deep a runnable's calls can go: no function comes back to itself, and the deepest path fits where every engine has room.
 *
 * Engines, and the tiers of one engine, run out of stack at different depths; a runnable that could get there would end differently on different nodes.
 */

import { LIMITS } from '../core/limits.ts'
import { refusal } from './dsr-binary.ts'
import type { CheckedBody } from './dsr-checked.ts'

/** What a call takes beside its variables and operands: return address, instance, what the meter puts on the stack. */
export const FRAME_SLOTS = 8

interface Depth {
  readonly slots: number
  readonly calls: number
}

/** Slots of the deepest path of calls through these functions. Throws `runnable-refused` for recursion and for paths that are too deep. */
export function assertShallow(bodies: readonly CheckedBody[]): number {
  const depths = new Map<number, Depth>()
  const open = new Set<number>()

  const visit = (index: number): Depth => {
    const known = depths.get(index)
    if (known !== undefined) return known
    const body = bodies[index] as CheckedBody
    if (open.has(index)) throw refusal(`function ${index}: it calls itself, by whatever way`, body.start)
    open.add(index)
    let slots = 0
    let calls = 0
    for (const callee of body.calls) {
      const depth = visit(callee)
      slots = Math.max(slots, depth.slots)
      calls = Math.max(calls, depth.calls)
    }
    open.delete(index)
    const depth = { slots: slots + body.slots + FRAME_SLOTS, calls: calls + 1 }
    if (depth.slots > LIMITS.runnableSlotsMax || depth.calls > LIMITS.runnableCallDepthMax) {
      throw refusal(
        `function ${index}: calls ${depth.calls} deep need ${depth.slots} slots of stack, at most ${LIMITS.runnableCallDepthMax} and ${LIMITS.runnableSlotsMax} allowed`,
        body.start,
      )
    }
    depths.set(index, depth)
    return depth
  }

  return bodies.reduce((deepest, _, index) => Math.max(deepest, visit(index).slots), 0)
}
