/**
 * Makes guests of a node: fresh keys, a link and a road of their own, beside the node and on its store and clock.
 */

import { WebxError } from './core/errors.ts'
import type { Context } from './kernel/context.ts'
import { Events } from './kernel/events.ts'
import type { Guest, OpenGuest } from './kernel/guest.ts'
import type { Keys, Link } from './kernel/ports.ts'
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
    const road = new Road({ ...ports, boot: BOOT, halt: parts.halt })
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
