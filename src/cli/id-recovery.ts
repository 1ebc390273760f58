/**
 * `webx id words|guard|recover|seal|unseal|daily`: what keeps an identity through the loss or theft of the machine it lives on.
 */

import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fromText, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { createDailyKeyFile, sealKeyFile, unsealKeyFile } from '../drivers/key-file-change.ts'
import { guardKeyFile, recoverKeyFile, wordsOfKeyFile } from '../drivers/key-file-recover.ts'
import { writeAll, writeDraft } from '../drivers/qnt-blocks.ts'
import '../drivers/wasm-files.ts'
import { shareText } from '../identity/guardians.ts'
import { labelOf } from '../identity/xqident.ts'
import { type Arguments, readArguments } from './arguments.ts'
import type { Io } from './io.ts'
import { givenLog } from './key-log.ts'
import { EXIT, printJson } from './output.ts'
import { damagedTextFile, keyFileOptions, textFile } from './passphrase.ts'

/** Shows the 24 words. Throws `no-root`, and what the key file does. */
export async function words(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id words', args)
  const text = await wordsOfKeyFile(pathOf(given, io), await keyFileOptions(given, io))
  if (given.flag('json')) printJson(io, { words: text })
  else io.stdout(`${text}\n`)
  return EXIT.done
}

/** Splits an identity among guardians: one text for each, on stdout or as a file of a folder. Throws `usage`, `bad-argument`, and as `words`. */
export async function guard(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id guard', args)
  const names = wanted(given, 'guardians')
    .split(',')
    .map((name) => name.trim())
  const needed = Number(wanted(given, 'needed'))
  const shares = await guardKeyFile(pathOf(given, io), names, needed, await keyFileOptions(given, io))
  const out = given.text('out')
  if (out === undefined) {
    if (given.flag('json')) printJson(io, { shares: shares.map(shareText) })
    else for (const share of shares) io.stdout(`${shareText(share)}\n\n`)
    return EXIT.done
  }
  const folder = resolve(io.workingDirectory, out)
  const files = shares.map((share) => ({ share, path: join(folder, `guardian-${share.index}.txt`) }))
  for (const { path } of files) if (existsSync(path)) throw new WebxError('bad-argument', `${path} exists already`)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const { share, path } of files) {
    await writeDraft(path, (draft) => writeAll(draft, fromText(`${shareText(share)}\n`), 0))
  }
  if (given.flag('json')) printJson(io, { files: files.map(({ path }) => path) })
  else for (const { share, path } of files) io.stdout(`${path}  for ${share.guardian}\n`)
  return EXIT.done
}

/** Makes the key file of the same identity again. Throws `usage`, and what words, shares and key files do. */
export async function recover(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id recover', args)
  const [wordsFile, shareFiles] = [given.text('words'), given.text('shares')]
  if ((wordsFile === undefined) === (shareFiles === undefined)) {
    throw new WebxError('usage', 'an identity is recovered from --words or from --shares')
  }
  const from =
    shareFiles === undefined
      ? { words: await textFile(wordsFile ?? '', io) }
      : { shares: await Promise.all(shareFiles.split(',').map((path) => damagedTextFile(path.trim(), io))) }
  const path = pathOf(given, io)
  const [wantedId, named] = [given.text('id'), given.text('log')]
  const options = {
    ...(await keyFileOptions(given, io)),
    ...(wantedId !== undefined && { wanted: wantedId }),
    ...(named !== undefined && { log: (await givenLog(named, io, '--log', true)).events }),
  }
  const { keys, problems } = await recoverKeyFile(path, from, options)
  for (const { message } of problems) io.stderr(`not used: ${message}\n`)
  const found = { file: path, label: labelOf(keys.id), id: toHex(keys.id), position: keys.position }
  const refused = problems.map(({ guardian, code, message }) => ({ guardian, code, message }))
  if (given.flag('json')) printJson(io, { ...found, problems: refused })
  else io.stdout(`${found.label} is back, its keys are in ${path}\n`)
  if (named === undefined) {
    io.stderr(
      `Its key is that of its beginning. If it was rotated since, bring its log before you do anything else: webx id log ${path} --take LOG.\n`,
    )
  }
  return EXIT.done
}

/** Seals a key file, or gives it another passphrase. Throws `usage`, and what the key file does. */
export async function seal(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id seal', args)
  wanted(given, 'passphrase-file')
  const { passphrase = '' } = await keyFileOptions(given, io)
  const { passphrase: now } = await keyFileOptions(given, io, 'old-passphrase-file')
  const path = pathOf(given, io)
  await sealKeyFile(path, passphrase, now === undefined ? {} : { now })
  return told(given, io, path, 'is sealed')
}

/** Takes the seal off. Throws as `seal`. */
export async function unseal(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id unseal', args)
  wanted(given, 'passphrase-file')
  const { passphrase = '' } = await keyFileOptions(given, io)
  const path = pathOf(given, io)
  await unsealKeyFile(path, passphrase)
  return told(given, io, path, 'is not sealed any more')
}

/** Makes a file for daily use. Throws `no-root`, and what key files do. */
export async function daily(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id daily', args)
  const to = resolve(io.workingDirectory, given.operands['TO'] ?? '')
  const options = await keyFileOptions(given, io)
  await createDailyKeyFile(pathOf(given, io), to, options, options)
  return told(given, io, to, 'signs every day and holds no key that comes next; put the other file away')
}

function told(given: Arguments, io: Io, file: string, what: string): number {
  if (given.flag('json')) printJson(io, { ok: true, file })
  else io.stdout(`${file} ${what}\n`)
  return EXIT.done
}

function wanted(given: Arguments, option: string): string {
  const text = given.text(option)
  if (text !== undefined) return text
  throw new WebxError('usage', `--${option} is missing`)
}

function pathOf(given: Arguments, io: Io): string {
  return resolve(io.workingDirectory, given.operands['FILE'] ?? '')
}
