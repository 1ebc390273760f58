/**
 * `webx id create` and `webx id show`: identities that nobody hands out, kept in key files of their owner's.
 */

import { toBase64url, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { createKeyFile, describeKeyFile, type KeyFileDescription, openKeyFile } from '../drivers/key-file.ts'
import '../drivers/wasm-files.ts'
import { resolve } from 'node:path'
import { KINDS, type Kind } from '../identity/xqident.ts'
import { offerSeat } from '../net.ts'
import { type Arguments, didYouMean, readArguments } from './arguments.ts'
import type { Io } from './io.ts'
import { delegationData, delegationText, recoveryData, recoveryText } from './key-event-text.ts'
import { ageOf, keyLogChangedMs } from './key-log.ts'
import { EXIT, printJson } from './output.ts'
import { keyFileOptions } from './passphrase.ts'

/** Makes an identity and its key file. Throws `usage`, `bad-argument`, and what the key file does. */
export async function create(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id create', args)
  const path = pathOf(given, io)
  const kind = kindOf(given.text('kind') ?? 'device')
  const options = await keyFileOptions(given, io)
  await createKeyFile(path, kind, options)
  await report(path, given, io)
  return EXIT.done
}

/** Shows whose key file it is, and what its key log says. Throws what the key file does. */
export async function show(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id show', args)
  const path = pathOf(given, io)
  await report(path, given, io)
  return EXIT.done
}

function pathOf(given: Arguments, io: Io): string {
  return resolve(io.workingDirectory, given.operands['FILE'] ?? '')
}

function kindOf(text: string): Kind {
  const kind = KINDS.find((candidate) => candidate === text)
  if (kind !== undefined) return kind
  throw new WebxError('bad-argument', `an identity is of no kind "${text}"`, {
    hint: didYouMean(text, KINDS) ?? `Choose one of ${KINDS.join(', ')}.`,
  })
}

async function report(path: string, given: Arguments, io: Io): Promise<void> {
  const shown = await describeKeyFile(path)
  const options = await keyFileOptions(given, io)
  const { state } = shown.history
  const changedMs = await keyLogChangedMs(path)
  const delegations = [...state.delegations.values()]
  const identity = {
    label: shown.label,
    id: toHex(shown.id),
    kind: shown.kind,
    position: shown.position,
    publicKey: toHex(shown.publicKey),
    inception: toBase64url(shown.inception),
    sealed: shown.sealed,
    log: { position: state.position, isWhole: shown.isWhole, changed: changedMs && new Date(changedMs).toISOString() },
    delegations: delegations.map(delegationData),
    ...recoveryData(state),
    seat: shown.sealed && options.passphrase === undefined ? '' : await offerSeat(await openKeyFile(path, options)),
  }
  if (given.flag('json')) {
    printJson(io, { file: path, ...identity })
    return
  }
  const { label, id, kind, position, publicKey, inception, sealed, seat } = identity
  const rows = [
    ['label', label],
    ['id', id],
    ['kind', kind],
    ['public key', `${publicKey} (position ${position} of its key log)`],
    ['key log', logText(shown, changedMs)],
    ...delegations.map((delegation) => ['delegated', delegationText(delegation)]),
    ['recovery', recoveryText(state)],
    ['inception', inception],
    ...(seat === '' ? [] : [['seat', seat]]),
    ['keys', sealed ? `${path} (sealed)` : path],
  ]
  for (const [name, value] of rows) io.stdout(`${name!.padEnd(12)}${value}\n`)
}

function logText({ history, isWhole, position }: KeyFileDescription, changedMs: number | null): string {
  if (!isWhole)
    return `ends before position ${position}: nothing can be added before the rest of it is here (webx id log --take)`
  const { state } = history
  return `up to position ${state.position}${changedMs === null ? '' : `, ${ageOf(changedMs, Date.now())}`}; what others said since is not known here`
}
