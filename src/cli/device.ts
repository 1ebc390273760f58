/**
 * `webx device …`: the shopper's own device on this machine – whose face it knows, where it is, and who looked.
 */

import { resolve } from 'node:path'
import { WebxError } from '../core/errors.ts'
import { readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'

/** Opening a model takes seconds, more on a small board. */
const ENROL_TIMEOUT_MS = 120_000
const PROBES_SHOWN = 20

/** Makes templates of photographs. Throws `no-face`, `face-small`, `face-turned`, `face-unsharp`, `faces-differ`, `model-missing`. */
export async function enrol(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('device enrol', args)
  const photos = given.repeated.map((photo) => resolve(io.workingDirectory, photo))
  const { templates } = await askStation<{ templates: number }>(given, io, {
    method: 'enrol',
    params: { photos },
    timeoutMs: ENROL_TIMEOUT_MS,
    waiting: 'looking at the photographs',
  })
  if (given.flag('json')) printJson(io, { ok: true, templates })
  else io.stdout(`enrolled: ${count(templates, 'template')}, sealed on this device; the photographs are not kept\n`)
  return EXIT.done
}

/** Deletes the templates. */
export async function forget(args: readonly string[], io: Io): Promise<number> {
  return tell('forget', 'forgotten: this device knows nobody’s face\n', args, io)
}

/**
 * Checks in at a terminal. Throws `not-allowed` for one that the net does not have, `bad-argument` before enrolment; anonymously `not-enrolled`, and `timeout` where
 * the terminal does not say whom it has enrolled.
 */
export async function checkin(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('device checkin', args)
  const params = { terminal: given.operands['TERMINAL'], ...(given.flag('anonymous') && { anonymous: true }) }
  const there = await askStation<{ terminal: string; id: string; among?: number }>(given, io, {
    method: 'checkin',
    params,
  })
  const how = there.among === undefined ? 'by name' : `as one of ${there.among}, without saying which`
  if (given.flag('json')) printJson(io, { ok: true, ...there })
  else io.stdout(`checked in at ${there.terminal} for an hour, ${how}\n`)
  return EXIT.done
}

/** Shows by what a shop enrols this device. */
export async function proofKey(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('device proof-key', args)
  const { text } = await askStation<{ text: string }>(given, io, { method: 'proofKey' })
  if (given.flag('json')) printJson(io, { ok: true, text })
  else io.stdout(`${text}\n`)
  return EXIT.done
}

/** Checks out. */
export async function checkout(args: readonly string[], io: Io): Promise<number> {
  return tell('checkout', 'checked out\n', args, io)
}

interface ProbeLog {
  readonly total: number
  readonly probes: readonly {
    readonly atMs: number
    readonly terminal: string | null
    readonly terminalId: string
    readonly reference: string
    readonly outcome: string
  }[]
}

/** Shows the shopper's log, oldest first. */
export async function probes(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('device probes', args)
  const text = given.text('last') ?? String(PROBES_SHOWN)
  if (!/^[1-9]\d{0,5}$/.test(text)) {
    throw new WebxError('bad-argument', `--last takes a number of entries, not "${text}"`, {
      hint: 'Such as --last 5.',
    })
  }
  const log = await askStation<ProbeLog>(given, io, { method: 'probes', params: { last: Number(text) } })
  if (given.flag('json')) {
    printJson(io, { ok: true, ...log })
    return EXIT.done
  }
  for (const { atMs, terminal, terminalId, reference, outcome } of log.probes) {
    const who = terminal ?? terminalId
    io.stdout(`${new Date(atMs).toISOString()}  ${who}  ${outcome.padEnd(8)}  payment ${reference.slice(0, 16)}…\n`)
  }
  io.stdout(`${log.probes.length} of ${count(log.total, 'probe')}\n`)
  return EXIT.done
}

async function tell(verb: 'forget' | 'checkout', said: string, args: readonly string[], io: Io): Promise<number> {
  const given = readArguments(`device ${verb}`, args)
  await askStation(given, io, { method: verb })
  if (given.flag('json')) printJson(io, { ok: true })
  else io.stdout(said)
  return EXIT.done
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
