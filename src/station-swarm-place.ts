/**
 * What the owner of a running station may have it say about its own place: that it leaves, that the epoch should end.
 */

import { equal } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import type { ControlCall, ControlMethod } from './drivers/control-socket.ts'
import type { SwarmNode } from './station-swarm-view.ts'

/** How far a node is with leaving. */
export interface Leaving {
  readonly epoch: number
  readonly phase: string
  /** The neighborhood has it in writing. */
  readonly accepted: boolean
}

/** The wish of a seat for the end of an epoch. */
export interface Wish {
  readonly epoch: number
  /** Weight of the seats that wish for it so far, and the least that it takes: more than may lie. */
  readonly weight: number
  readonly needed: number
  /** The epoch has turned meanwhile. */
  readonly turned: boolean
}

const CHECK_MS = 100
/** How long `leave` may wait for the end of an epoch. */
const LEAVE_MS_MAX = 24 * 3_600_000
/** How long `turn` waits for its word to be ordered. */
const WISH_MS_MAX = 30_000

export function placeMethods(node: SwarmNode): Readonly<Record<string, ControlMethod>> {
  return { leave: (call) => leave(node, call), turn: (call) => turn(node, call) }
}

/** Answers when this node has no place any more. Throws `not-allowed` where it has none, `not-settled` where no epoch ends in a day. */
async function leave(node: SwarmNode, call: ControlCall): Promise<Leaving> {
  const { turning, agreed } = node.posts.post
  const { hood } = agreed
  if (!hood.isMember)
    throw new WebxError('not-allowed', 'this node has no place in the neighborhood that it could leave')
  assertTurns(node)
  const id = node.context.keys.id
  const standing = (): Leaving => {
    const { opening, state } = hood.term
    const accepted = !hood.isMember || state.membership.next(0).every((entry) => !equal(entry.id, id))
    return { epoch: opening.epoch, phase: state.phase, accepted }
  }
  turning.leave()
  const left = await until(node, call, LEAVE_MS_MAX, () => {
    call.progress(standing())
    return !hood.isMember
  })
  if (left) return standing()
  throw new WebxError('not-settled', 'no epoch has ended', {
    hint: 'The node leaves as soon as one does, as long as it runs.',
  })
}

/** Answers when this seat's wish is ordered, or the epoch has turned over it. Throws `not-allowed` for a node without a seat, `not-settled`. */
async function turn(node: SwarmNode, call: ControlCall): Promise<Wish> {
  const { turning, agreed } = node.posts.post
  const { hood } = agreed
  const { seat, opening } = hood.term
  if (seat === null) throw new WebxError('not-allowed', 'only who has a seat may wish for the end of the epoch')
  assertTurns(node)
  const wishOf = (): Wish => {
    const { committee, state } = hood.term
    const turned = committee.epoch !== opening.epoch
    const wishing = committee.seats.filter((_, number) => state.turning.hasTurned(number))
    const weight = wishing.reduce((sum, each) => sum + each.weight, 0)
    return { epoch: committee.epoch, weight, needed: committee.faultyMax + 1, turned }
  }
  turning.wish()
  const said = await until(node, call, WISH_MS_MAX, () => wishOf().turned || hood.term.state.turning.hasTurned(seat))
  if (said) return wishOf()
  throw new WebxError('not-settled', 'no block has taken up the wish yet', {
    hint: 'It is said again until one does. webx swarm status shows how many seats answer.',
  })
}

/** Throws `not-allowed` for a net whose members have no verifiable random functions. */
function assertTurns({ posts, context }: SwarmNode): void {
  const own = posts.post.agreed.hood.term.opening.roster.find(({ id }) => equal(id, context.keys.id))
  if (own?.vrfKey.some((byte) => byte !== 0)) return
  throw new WebxError('not-allowed', 'this net was founded before there were epochs, and stays in its first', {
    hint: 'Found it anew: webx net found.',
  })
}

/** True once `holds`, false after `ms`. Throws `stopped` where the caller goes away. */
function until({ context }: SwarmNode, { signal }: ControlCall, ms: number, holds: () => boolean): Promise<boolean> {
  const { schedule, clock } = context
  const endMs = clock.monotonicMs() + ms
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  const check = (): void => {
    if (signal.aborted) reject(new WebxError('stopped', 'nobody waits for it any more'))
    else if (holds()) resolve(true)
    else if (clock.monotonicMs() >= endMs) resolve(false)
  }
  const cancel = schedule.every(CHECK_MS, 'place', check)
  check()
  return promise.finally(cancel)
}
