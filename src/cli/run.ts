/**
 * `webx run`: this machine as a node, until it is told to stop.
 *
 * With `--json`, one line of JSON for each thing that a program may wait for: `connected`, `voting`, `settled`,
 * `presence`, `epoch`, `roles`, `convicted`, `stopped`. Logs go to stderr.
 */

import { toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { createLog } from '../kernel/observe.ts'
import { assertRunnable, printProfile, type ResolvedProfile, withoutPassword } from '../kernel/profile.ts'
import { openStation, type Station } from '../station.ts'
import { readArguments } from './arguments.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'
import { settingsOf } from './settings.ts'

const VOTING_CHECK_MS = 50

export async function command(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('run', args)
  const settings = settingsOf(given, io)
  if (given.flag('print-config')) {
    if (given.flag('json')) printJson(io, { ok: true, settings: shown(settings) })
    else io.stdout(`${printProfile(settings).join('\n')}\n`)
    return EXIT.done
  }
  const { profile } = settings
  assertRunnable(profile)
  const stopped = untilAborted(io.signal)
  const station = await openStation(
    profile,
    createLog(profile.log.level, profile.name === '' ? {} : { name: profile.name }),
  )
  const report = given.flag('json') ? (event: object) => printJson(io, event) : () => undefined
  tell(station, report)
  try {
    const failure = await Promise.race([stopped, station.node.failed])
    if (failure instanceof WebxError) throw failure
    return EXIT.done
  } finally {
    await station.stop()
    report({ event: 'stopped' })
  }
}

/** Each setting by its name, with where it comes from; passwords in URLs are not shown. */
function shown({ settings }: ResolvedProfile): object {
  return Object.fromEntries(
    settings.map(({ name, value, source }) => [name, { value: withoutPassword(value), source }]),
  )
}

function tell({ node, broker }: Station, report: (event: object) => void): void {
  const { events, schedule, keys, log } = node.context
  if (broker) log.info({ url: broker.url }, 'the broker is up')
  const connected = (): void => {
    log.info({ id: toHex(keys.id) }, 'connected')
    report({ event: 'connected', id: toHex(keys.id), ...(broker && { broker: broker.url }) })
  }
  events.on('link', ({ up }) => (up ? connected() : log.warn({}, 'the broker is out of reach')))
  if (node.link.state === 'up') connected()
  events.on('settled', ({ orderDigest, locks, confirms }) =>
    report({ event: 'settled', order: toHex(orderDigest), locks, confirms }),
  )
  events.on('presence', (presence) => report({ event: 'presence', ...presence }))
  events.on('epoch', ({ epoch, members, seats }) =>
    report({ event: 'epoch', epoch, members: members.map(toHex), seats: seats.map(toHex) }),
  )
  events.on('roles', ({ epoch, masterNodes, brokers }) =>
    report({ event: 'roles', epoch, masterNodes: masterNodes.map(toHex), brokers: brokers.map(toHex) }),
  )
  events.on('convicted', ({ guilty }) => report({ event: 'convicted', id: toHex(guilty) }))
  const cancel = schedule.every(VOTING_CHECK_MS, 'voting check', () => {
    if (!node.recovered()) return
    cancel()
    log.info({ voting: node.posts.post.agreed.voting }, 'the vote log is judged')
    report({ event: 'voting', voting: node.posts.post.agreed.voting })
  })
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
