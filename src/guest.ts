/**
 * Makes guests of a node: fresh keys, a link and a road of their own, beside the node and on its store and clock.
 */

import { WebxError } from './core/errors.ts'
import { LIMITS } from './core/limits.ts'
import type { Context } from './kernel/context.ts'
import { Events } from './kernel/events.ts'
import type { Guest, OpenGuest } from './kernel/guest.ts'
import type { Clock, Keys, Link, Random } from './kernel/ports.ts'
import { Road } from './kernel/road.ts'
import { Schedule } from './kernel/schedule.ts'

/** What a guest is made of that its node does not have already. */
export interface GuestParts {
  /** Keys that nobody has seen, and a connection that signs in with them and leaves no will; nothing where this node has no guests. */
  readonly open: () => { readonly keys: Keys; readonly link: Link } | undefined
  /** Called where a guest can no longer store what it notes: the node must stop. */
  readonly halt: (error: WebxError) => void
}

/** Every identity here is new, so its first start is its only one. */
const BOOT = 1

/**
 * A clock that is off by a constant, a drawn one for each guest: the times in frames of guest and node, off alike to the millisecond, would show that they are of one
 * device.
 */
function offClock(clock: Clock, random: Random): Clock {
  const [a = 0, b = 0] = random.bytes(2)
  const offMs = Math.round(((256 * a + b) / 65_535) * 2 * LIMITS.guestClockOffMsMax) - LIMITS.guestClockOffMsMax
  return {
    nowMs: () => clock.nowMs() + offMs,
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, action) => clock.after(delayMs, action),
  }
}

/** How this node makes guests. */
export function guestsOf(node: Context, parts: GuestParts): OpenGuest {
  return async () => {
    const { netId, clock, store, directory, counters, genesis, topics, random } = node
    const opened = parts.open()
    if (!opened) throw new WebxError('not-allowed', 'this node has no guests')
    const { keys, link } = opened
    const log = node.log.child({ part: 'guest' })
    const events = new Events(log)
    const schedule = new Schedule(clock, log)
    const ports = { netId, clock, keys, store, link, directory, counters, log }
    const road = new Road({ ...ports, clock: offClock(clock, random), boot: BOOT, halt: parts.halt })
    const context: Context = { ...ports, genesis, topics, random, events, schedule, road }
    link.onMessage((topic, bytes) => road.receive(topic, bytes))
    link.onState((state) => events.emit('link', { up: state === 'up' }))
    return { context, close: () => closeGuest(context) } satisfies Guest
  }
}

async function closeGuest({ schedule, road, link }: Context): Promise<void> {
  schedule.stop()
  await road.stop()
  await link.close()
}
