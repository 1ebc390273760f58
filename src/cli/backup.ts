/**
 * `webx backup`, `webx restore`, `webx id backup` and `webx id restore`: a node, or an identity alone, in one encrypted file.
 */

import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type BackedUp, backUpIdentity, backUpNode } from '../backup.ts'
import { settingsText } from '../backup-settings.ts'
import { toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { unlockWith } from '../drivers/backup-seal.ts'
import { blocksOf, descriptorReader, wholeReader, withFile } from '../drivers/qnt-blocks.ts'
import { labelOf } from '../identity/xqident.ts'
import { type Restored, restoreIdentity, restoreNode } from '../restore.ts'
import { type Arguments, readArguments } from './arguments.ts'
import type { Io } from './io.ts'
import { createProgress, EXIT, printJson } from './output.ts'
import { keyFileOptions } from './passphrase.ts'
import { settingsOf } from './settings.ts'
import { assertWanted } from './wish.ts'

/** Backs up a node. Throws `usage`, `bad-argument`, and what `backUpNode` does. */
export async function backup(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('backup', args)
  const passphrase = await passphraseOf(given, io)
  const target = targetOf(given, io)
  const settings = settingsOf(given, io)
  const { data, keys, net } = settings.profile
  const dataDir = resolve(io.workingDirectory, data.dir)
  const node = {
    dataDir,
    keyFile: keys.file === '' ? join(dataDir, 'node.key') : resolve(io.workingDirectory, keys.file),
    genesis: net.genesis === '' ? '' : resolve(io.workingDirectory, net.genesis),
    settings: settingsText(settings),
  }
  const made = await shown(io, 'backing up', (onProgress) => backUpNode(target, node, { passphrase, onProgress }))
  for (const name of made.damaged) io.stderr(`not in it: ${name} in the vault is damaged\n`)
  for (const name of made.missing) io.stderr(`not in it: ${name} is not in the vault, though the node knows the file\n`)
  if (!made.hasGenesis) io.stderr('not in it: no genesis is named (--net); keep one beside it\n')
  report(given, io, { ...madeOf(target, made), running: made.wasRunning, genesis: made.hasGenesis }, [
    ['damaged', made.damaged],
    ['missing', made.missing],
  ])
  return EXIT.done
}

/** Puts a node back. Throws `usage`, and what `restoreNode` does. */
export async function restore(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('restore', args)
  const unlock = unlockWith(await passphraseOf(given, io))
  const data = given.text('data')
  if (data === undefined) throw new WebxError('usage', '--data is missing', { hint: 'Name the folder for the node.' })
  const dataDir = resolve(io.workingDirectory, data)
  const restored = await shown(io, 'restoring', (onProgress) =>
    withBackup(given.operands['FILE'] ?? '', io, (blocks) => restoreNode(blocks, dataDir, { unlock, onProgress })),
  )
  const warnings = warningsFor(restored)
  for (const warning of warnings) io.stderr(`${warning}\n`)
  report(given, io, { ok: true, data: dataDir, ...restoredOf(restored), next: nextFor(dataDir, restored) }, [
    ['warnings', warnings],
  ])
  return EXIT.done
}

/** Backs up a key file and its log. Throws as `backup`. */
export async function backupIdentity(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id backup', args)
  const passphrase = await passphraseOf(given, io)
  const target = targetOf(given, io)
  const file = resolve(io.workingDirectory, given.operands['FILE'] ?? '')
  const made = await shown(io, 'backing up', (onProgress) => backUpIdentity(target, file, { passphrase, onProgress }))
  report(given, io, madeOf(target, made))
  return EXIT.done
}

/** Puts a key file and its log back. Throws `usage`, and what `restoreIdentity` does. */
export async function restoreKeys(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id restore', args)
  const unlock = unlockWith(await passphraseOf(given, io))
  const file = resolve(io.workingDirectory, given.operands['FILE'] ?? '')
  const restored = await shown(io, 'restoring', (onProgress) =>
    withBackup(given.operands['BACKUP'] ?? '', io, (blocks) => restoreIdentity(blocks, file, { unlock, onProgress })),
  )
  report(given, io, { ok: true, file, ...restoredOf(restored) })
  return EXIT.done
}

function madeOf(target: string, { id, files, bytes, backupBytes }: BackedUp) {
  return { ok: true, file: target, id: toHex(id), label: labelOf(id), files, bytes, backupBytes }
}

function restoredOf({ about, files, bytes }: Restored) {
  const { id, createdMs, software } = about
  return { id: toHex(id), label: labelOf(id), madeAt: new Date(createdMs).toISOString(), software, files, bytes }
}

/** How the node is started again. */
function nextFor(dataDir: string, { hasSettings, genesis }: Restored): string {
  const profile = hasSettings ? ` --profile ${join(dataDir, 'settings.toml')}` : ''
  const net = genesis === null ? '' : ` --net ${join(dataDir, 'genesis.webx')}`
  return `webx run${profile}${net} --data ${dataDir}`
}

/** What an old copy of a node cannot know. */
function warningsFor({ isSeated, genesis, about }: Restored): string[] {
  const since = new Date(about.createdMs).toISOString()
  return [
    'Start it only where the node that was backed up will never run again.',
    ...(isSeated ? ['It has a seat: two nodes that vote for one seat convict each other, and the seat is lost.'] : []),
    `It knows nothing since ${since}: how often a ping was used since then is forgotten; revoke those that matter.`,
    'What was shredded since is back: keep the tombstones again.',
    ...(genesis === null ? ['There was no genesis in it: name one with --net.'] : []),
  ]
}

/** Opens a backup by its name; - is what comes through a pipe. */
function withBackup<T>(name: string, io: Io, use: (blocks: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T> {
  if (name === '-') return use(blocksOf(descriptorReader(0)))
  return withFile(resolve(io.workingDirectory, name), (file) => use(blocksOf(wholeReader(file))))
}

async function passphraseOf(given: Arguments, io: Io): Promise<string> {
  const { passphrase } = await keyFileOptions(given, io)
  if (passphrase !== undefined) return passphrase
  throw new WebxError('usage', '--passphrase-file is missing', {
    hint: 'A backup holds everything that the node is: it is never written without a passphrase.',
  })
}

/** Where a backup goes; nothing that is there is overwritten. */
function targetOf(given: Arguments, io: Io): string {
  const path = resolve(io.workingDirectory, given.operands['TARGET'] ?? '')
  if (!existsSync(path)) return path
  throw new WebxError('bad-argument', `${path} exists already and was left as it is`, { hint: 'Choose another name.' })
}

/** Shows how far something is, and ends it where somebody wishes so. */
async function shown<T>(io: Io, what: string, work: (onProgress: (bytes: number) => void) => Promise<T>): Promise<T> {
  const { signal } = io
  const progress = createProgress(io)
  progress.show(what)
  try {
    return await work((bytes) => {
      assertWanted(signal)
      progress.show(`${what}: ${(bytes / 1e6).toFixed(1)} MB`)
    })
  } finally {
    progress.end()
  }
}

function report(
  given: Arguments,
  io: Io,
  values: Readonly<Record<string, string | number | boolean>>,
  lists: readonly (readonly [string, readonly string[]])[] = [],
): void {
  if (given.flag('json')) {
    printJson(io, { ...values, ...Object.fromEntries(lists) })
    return
  }
  for (const [name, value] of Object.entries(values)) if (name !== 'ok') io.stdout(`${name.padEnd(14)}${value}\n`)
}
