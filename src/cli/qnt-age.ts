/**
 * `webx qnt export` and `import`: the content of a .qnt as an age file, and an age file as a .qnt.
 */

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { WebxError } from '../core/errors.ts'
import type { Holder, RecipientKey } from '../data/recipients.ts'
import { exportAge, withAge } from '../drivers/qnt-age.ts'
import { readAgeIdentity, readAgeRecipient } from '../drivers/qnt-age-header.ts'
import { holdersOf } from '../drivers/qnt-holder.ts'
import { unlockedBy } from '../drivers/qnt-manifest.ts'
import '../drivers/wasm-files.ts'
import { readArguments } from './arguments.ts'
import type { Io } from './io.ts'
import { EXIT } from './output.ts'
import { ownerKeys } from './owner.ts'
import { textFile } from './passphrase.ts'
import { sealAs } from './qnt.ts'
import { keysOf, listOf, newFile, pathOf, report, shown } from './qnt-common.ts'

/** Writes an age file of what a .qnt holds. Throws `usage`, `bad-argument`, and as `exportAge`. */
export async function exportFile(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt export', args)
  const as = given.text('as') ?? 'age'
  if (as !== 'age') throw new WebxError('bad-argument', `--as ${as} is not in use`, { hint: 'There is age.' })
  const target = newFile(given, io)
  const to = await ageRecipients(given.text('to'), io)
  const keys = await keysOf(given, io)
  const holders = Object.values(await holdersOf(keys))
  const keyOf = await ownerKeys(given, io, keys)
  const path = pathOf(given, io)
  const contentBytes = await shown(io, `exporting ${path}`, () =>
    exportAge(path, target, async (document) => unlockedBy(holders, document, keyOf), to),
  )
  io.stderr('An age file has no owner and no rules: what the .qnt says of its use was left behind.\n')
  report(given, io, { ok: true, file: target, recipients: to.length, contentBytes })
  return EXIT.done
}

/** Seals what an age file holds. Throws as `seal` and `withAge`. */
export async function importFile(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt import', args)
  const target = newFile(given, io)
  const identities = await ageIdentities(given.text('identity'), io)
  const keys = await keysOf(given, io)
  const sealed = await withAge(pathOf(given, io), identities, ({ blocks, contentBytes }) =>
    sealAs(given, io, keys, target, blocks, contentBytes),
  )
  report(given, io, sealed)
  return EXIT.done
}

/** Recipients with commas between: texts, and files with one a line as age reads them. */
async function ageRecipients(given: string | undefined, io: Io): Promise<RecipientKey[]> {
  const found: RecipientKey[] = []
  for (const part of listOf(given)) {
    const isFile = existsSync(resolve(io.workingDirectory, part))
    for (const line of isFile ? await linesOf(part, io) : [part]) found.push(readAgeRecipient(line))
  }
  if (found.length > 0) return found
  throw new WebxError('usage', 'for whom? --to age1… is missing', { hint: 'age-keygen prints one.' })
}

/** What age-keygen writes. */
async function ageIdentities(file: string | undefined, io: Io): Promise<Holder[]> {
  if (file === undefined) throw new WebxError('usage', 'opened by what? --identity FILE is missing')
  const found = (await linesOf(file, io)).map(readAgeIdentity)
  if (found.length > 0) return found
  throw new WebxError('bad-argument', `${file} holds no identity of age`)
}

/** Lines that are neither empty nor comments. */
async function linesOf(file: string, io: Io): Promise<string[]> {
  const lines = (await textFile(file, io, TEXT_BYTES_MAX)).split(/\r?\n/)
  return lines.filter((line) => line !== '' && !line.startsWith('#'))
}

/** A hundred recipients of 2 KiB and more. */
const TEXT_BYTES_MAX = 524_288
