/**
 * `webx id rotate|delegate|revoke|veto|log`: what an owner says in the key log beside a key file, and how it is shown and handed on.
 */

import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fromHex, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { describeKeyFile } from '../drivers/key-file.ts'
import {
  delegateByKeyFile,
  type EventOptions,
  revokeByKeyFile,
  rotateKeyFile,
  takeKeyLog,
  vetoByKeyFile,
} from '../drivers/key-file-events.ts'
import '../drivers/wasm-files.ts'
import { REVOCATION_REASONS, type RevocationReason } from '../identity/delegation.ts'
import { eventOf } from '../identity/keylog-history.ts'
import type { KeyState } from '../identity/keylog-state.ts'
import { labelOf } from '../identity/xqident.ts'
import { type Arguments, didYouMean, readArguments } from './arguments.ts'
import { renewalOf } from './id-reclaim.ts'
import type { Io } from './io.ts'
import { delegationText, eventData, eventText, recoveryData, recoveryText } from './key-event-text.ts'
import { ageOf, givenLog, keyLogText } from './key-log.ts'
import { namedIdentity } from './named.ts'
import { EXIT, printJson } from './output.ts'
import { keyFileOptions } from './passphrase.ts'
import { whenMs } from './when.ts'

/** Rotates to the next key. Throws `usage`, `no-root`, and what key files and key logs do. */
export async function rotate(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id rotate', args)
  const path = pathOf(given, io)
  const { history } = await describeKeyFile(path)
  const names = list(given.text('keep'))
  const kept = names.flatMap((name) => delegatedKeys(history.state, name, '--keep'))
  const renewal = renewalOf(given, io)
  const options = await eventOptions(given, io)
  const keys = await rotateKeyFile(path, { kept, ...(renewal && { renewal }) }, options)
  const ended = [...history.state.delegations.keys()].filter((key) => !kept.some((one) => toHex(one) === key))
  const said = { position: keys.position, publicKey: toHex(keys.publicKey), kept: kept.map(toHex), ended }
  if (given.flag('json')) printJson(io, { ok: true, file: path, ...said, renewed: renewal !== undefined })
  else {
    io.stdout(`${labelOf(keys.id)} has the key ${said.publicKey} from position ${keys.position} of its log on\n`)
    for (const key of ended) io.stdout(`delegation ended: ${key}\n`)
    io.stderr('Make daily files anew, and let others have the log: webx id log.\n')
  }
  return EXIT.done
}

/** Lets a device or agent act. Throws `usage`, `bad-argument`, `bad-scope`, `unsupported-key-event` for one of several keys, and as `rotate`. */
export async function delegate(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id delegate', args)
  const path = pathOf(given, io)
  const to = await namedIdentity(wanted(given, 'to'), io, 'to')
  const delegation = {
    ...{ delegate: to.id, key: to.key },
    scopes: [...new Set(list(wanted(given, 'scopes')))].sort(),
    amountPerDayMax: count(given, 'amount-per-day'),
    usesMax: count(given, 'uses'),
    expiresMs: whenMs(wanted(given, 'expires'), '--expires', Date.now()),
  }
  if (delegation.expiresMs <= Date.now()) throw new WebxError('bad-argument', '--expires is over already')
  const position = await delegateByKeyFile(path, delegation, await eventOptions(given, io))
  if (given.flag('json'))
    printJson(io, { ok: true, file: path, ...eventData({ event: 'delegation', delegation, ...nowhere(position) }) })
  else io.stdout(`${delegationText(delegation)} (position ${position} of the log)\n`)
  return EXIT.done
}

/** Ends a delegation for good. Throws `usage`, `not-delegated`, and as `rotate`. */
export async function revoke(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id revoke', args)
  const path = pathOf(given, io)
  const name = wanted(given, 'key')
  const reason = reasonOf(given.text('reason') ?? 'retired')
  let key = new Uint8Array(0)
  const pick = (state: KeyState): Uint8Array => {
    const keys = delegatedKeys(state, name, '--key')
    if (keys.length > 1) {
      const hint = `Name one of them: ${keys.map(toHex).join(', ')}.`
      throw new WebxError('bad-argument', `${name} has ${keys.length} delegated keys`, { hint })
    }
    key = (keys[0] as Uint8Array).slice()
    return key
  }
  const position = await revokeByKeyFile(path, pick, reason, await eventOptions(given, io))
  if (given.flag('json')) printJson(io, { ok: true, file: path, position, key: toHex(key), reason })
  else io.stdout(`key ${toHex(key)} does not act any more: ${reason} (position ${position} of the log)\n`)
  return EXIT.done
}

/** Objects to a pending recovery. Throws `nothing-to-veto`, `recovery-final`, and as `rotate`. */
export async function veto(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id veto', args)
  const path = pathOf(given, io)
  const options = await keyFileOptions(given, io)
  await take(given, io, path, 'log', options)
  const position = await vetoByKeyFile(path, options)
  if (given.flag('json')) printJson(io, { ok: true, file: path, position })
  else
    io.stdout(
      `the recovery is off (position ${position} of the log); renew the recovery keys now: webx id rotate --recovery\n`,
    )
  return EXIT.done
}

/** Shows a key log, writes it as text for others, or takes over a longer one. Throws `bad-argument`, and what key files and key logs do. */
export async function log(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id log', args)
  const path = pathOf(given, io)
  if (given.text('take') !== undefined) await take(given, io, path, 'take', await eventOptions(given, io))
  const shown = await givenLog(given.operands['FILE'] ?? '', io, 'FILE')
  const out = given.text('out')
  if (out !== undefined) await writeText(resolve(io.workingDirectory, out), keyLogText(shown.events))
  const { state } = shown.history
  const events = shown.events.map(eventOf)
  const age = { position: state.position, changed: shown.fileMs === null ? null : new Date(shown.fileMs).toISOString() }
  if (given.flag('json')) {
    const text = out === undefined ? { log: keyLogText(shown.events) } : { out }
    const whose = { label: state.label, id: toHex(state.id), ...age, publicKey: toHex(state.keys[0] as Uint8Array) }
    printJson(io, { ...whose, ...recoveryData(state), events: events.map(eventData), ...text })
    return EXIT.done
  }
  io.stdout(
    `${state.label} (${state.kind}), log up to position ${state.position}, ${ageOf(shown.fileMs, Date.now())}\n`,
  )
  for (const event of events) io.stdout(`${eventText(event)}\n`)
  io.stdout(`acting key ${toHex(state.keys[0] as Uint8Array)}; recovery: ${recoveryText(state)}\n`)
  if (out !== undefined) io.stdout(`written to ${out}\n`)
  return EXIT.done
}

async function take(given: Arguments, io: Io, path: string, option: string, options: EventOptions): Promise<void> {
  const named = given.text(option)
  if (named === undefined) return
  const { events } = await givenLog(named, io, `--${option}`, true)
  await takeKeyLog(path, events, { ...options, isInstead: given.flag('instead') })
}

async function eventOptions(given: Arguments, io: Io): Promise<EventOptions> {
  return { ...(await keyFileOptions(given, io)), isRecovered: given.flag('recovered') }
}

/** The delegated keys that are meant: one by its 64 digits, or all of a device by its label. */
function delegatedKeys({ delegations }: KeyState, name: string, what: string): Uint8Array[] {
  const wantedName = name.toLowerCase()
  const found = [...delegations.values()].filter(
    ({ key, delegate: device }) => toHex(key) === wantedName || [labelOf(device), toHex(device)].includes(wantedName),
  )
  if (found.length > 0) return found.map(({ key }) => key)
  if (/^[0-9a-f]{64}$/.test(wantedName)) return [fromHex(wantedName)]
  const hint =
    delegations.size === 0 ? 'Nobody acts for this identity.' : 'webx id show lists who acts for this identity.'
  throw new WebxError('not-delegated', `${what}: nobody called ${name} acts for this identity`, { hint })
}

function reasonOf(text: string): RevocationReason {
  const reason = REVOCATION_REASONS.find((candidate) => candidate === text)
  if (reason !== undefined) return reason
  throw new WebxError('bad-argument', `"${text}" is no reason`, {
    hint: didYouMean(text, REVOCATION_REASONS) ?? `Choose one of ${REVOCATION_REASONS.join(', ')}.`,
  })
}

function count(given: Arguments, option: string): number | null {
  const text = given.text(option)
  if (text === undefined) return null
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new WebxError('bad-argument', `--${option} ${text} is no whole number`)
}

function nowhere(position: number): { position: number; id: Uint8Array; previous: Uint8Array } {
  return { position, id: new Uint8Array(32), previous: new Uint8Array(32) }
}

function list(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** Writes a line into a new file. Throws as `writeNew`. */
export function writeText(path: string, text: string): Promise<void> {
  return writeNew(path, `${text}\n`)
}

/** Writes a new file; it is on the disk when this resolves. Throws `bad-argument` where there is one, `store-failed`. */
export async function writeNew(path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(path, content, { flag: 'wx', flush: true }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EEXIST')
      throw new WebxError('bad-argument', `${path} exists already and was left as it is`, { cause })
    throw new WebxError('store-failed', `cannot write ${path}: ${cause.message}`, { cause })
  })
}

function wanted(given: Arguments, option: string): string {
  const text = given.text(option)
  if (text !== undefined) return text
  throw new WebxError('usage', `--${option} is missing`)
}

function pathOf(given: Arguments, io: Io): string {
  return resolve(io.workingDirectory, given.operands['FILE'] ?? '')
}
