/**
 * `webx swarm leave` and `webx swarm turn`: what the node on this machine says about its own place, and about the end of the epoch.
 */

import type { Leaving, Wish } from '../station-swarm-place.ts'
import { readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'

/** A little longer than the node itself waits. */
const LEAVE_TIMEOUT_MS = 25 * 3_600_000
const TURN_TIMEOUT_MS = 40_000

/** Gives up the place. Throws `unreachable`, `not-allowed`, `not-settled`; `stopped` by a signal, which does not take it back. */
export async function leave(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('swarm leave', args)
  const progressOf = (value: unknown): string => {
    const { epoch, phase, accepted } = value as Leaving
    return `leaving with epoch ${epoch} (${phase}): ${accepted ? 'taken down, waiting for its end' : 'saying so'}`
  }
  const { signal } = io
  const question = { method: 'leave', timeoutMs: LEAVE_TIMEOUT_MS, waiting: 'leaving', progressOf, signal }
  const { epoch } = await askStation<Leaving>(given, io, question)
  if (given.flag('json')) printJson(io, { ok: true, epoch })
  else io.stdout(`left: in epoch ${epoch} this node has no place. Started with an admission it applies again.\n`)
  return EXIT.done
}

/** Wishes for the end of the epoch. Throws `unreachable`, `not-allowed`, `not-settled`. */
export async function turn(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('swarm turn', args)
  const question = { method: 'turn', timeoutMs: TURN_TIMEOUT_MS, waiting: 'waiting for a block that takes up the wish' }
  const wish = await askStation<Wish>(given, io, question)
  if (given.flag('json')) printJson(io, { ok: true, ...wish })
  else io.stdout(`${words(wish)}\n`)
  return EXIT.done
}

function words({ epoch, weight, needed, turned }: Wish): string {
  if (turned) return `epoch ${epoch} has begun`
  const enough =
    weight >= needed ? 'the epoch ends' : 'one seat alone ends no epoch, more than may lie must wish for it'
  return `epoch ${epoch}: seats of weight ${weight} wish for its end, of ${needed} that it takes: ${enough}`
}
