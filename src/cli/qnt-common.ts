/**
 * What the commands around .qnt files have in common: whose keys, which files, to whom, and how what came out is told.
 */

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { readRecipientText } from '../data/recipient-text.ts'
import type { RecipientKey, RecipientSuite } from '../data/recipients.ts'
import { openKeyFile } from '../drivers/key-file.ts'
import { descriptorReader, type ReadBlock } from '../drivers/qnt-blocks.ts'
import type { Keys } from '../kernel/ports.ts'
import type { Arguments } from './arguments.ts'
import type { Io } from './io.ts'
import { createProgress, printJson } from './output.ts'
import { keyFileOptions, textFile } from './passphrase.ts'

/** A text of 1,630 characters for each recipient that a file can have. */
const RECIPIENTS_TEXT_BYTES_MAX = 2_048 * LIMITS.qntRecipientsMax

/** The path in an operand. */
export function pathOf(given: Arguments, io: Io, operand = 'FILE'): string {
  return resolve(io.workingDirectory, given.operands[operand] ?? '')
}

/** Where the result goes. Throws `bad-argument` where there is something already: nothing is overwritten. */
export function newFile(given: Arguments, io: Io, operand = 'TARGET'): string {
  return unused(pathOf(given, io, operand))
}

/** The same of any path. */
export function unused(path: string): string {
  if (!existsSync(path)) return path
  throw new WebxError('bad-argument', `${path} exists already and was left as it is`, { hint: 'Choose another name.' })
}

/** What an operand names, or stdin for `-`. */
export function sourceOf(given: Arguments, io: Io, operand = 'FILE'): string | ReadBlock {
  return given.operands[operand] === '-' ? descriptorReader(0) : pathOf(given, io, operand)
}

/** The keys of `--keys`. Throws `usage` and what the key file does. */
export async function keysOf(given: Arguments, io: Io): Promise<Keys> {
  const file = given.text('keys')
  if (file === undefined) throw new WebxError('usage', 'whose file? --keys FILE is missing')
  return openKeyFile(resolve(io.workingDirectory, file), await keyFileOptions(given, io))
}

/**
 * Recipients with commas between, each once: texts, and files that hold one text a line.
 *
 * @throws WebxError `bad-argument` for what is neither, and what the texts do
 */
export async function recipientsOf(given: string | undefined, io: Io): Promise<RecipientKey[]> {
  const found: RecipientKey[] = []
  for (const part of listOf(given)) {
    const isFile = existsSync(resolve(io.workingDirectory, part))
    const lines = isFile ? (await textFile(part, io, RECIPIENTS_TEXT_BYTES_MAX)).split(/\r?\n/) : [part]
    for (const line of lines) {
      if (line.trim() === '') continue
      const key = readRecipientText(line.trim())
      if (!found.some(({ publicKey }) => equal(publicKey, key.publicKey))) found.push(key)
    }
  }
  return found
}

/** Words with commas between, without the empty ones. */
export function listOf(given: string | undefined): string[] {
  return (given ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
}

/** The suite of `--suite`; undefined where it was not given. Throws `bad-argument`. */
export function suiteOf(given: Arguments): RecipientSuite | undefined {
  const suite = given.text('suite')
  if (suite === undefined || suite === 'x-wing' || suite === 'x25519') return suite
  throw new WebxError('bad-argument', `--suite ${suite} is not in use`, { hint: 'There are x-wing and x25519.' })
}

/** A whole number of an option, 0 where it was not given. Throws `bad-argument`. */
export function countOf(given: Arguments, option: string, most: number): number {
  const text = given.text(option) ?? '0'
  const count = Number(text)
  if (/^\d{1,9}$/.test(text) && count <= most) return count
  throw new WebxError('bad-argument', `--${option} ${text}: expected a whole number from 0 to ${most}`)
}

/** Shows what is going on while it does. */
export async function shown<T>(io: Io, text: string, work: () => Promise<T>): Promise<T> {
  const progress = createProgress(io)
  progress.show(text)
  try {
    return await work()
  } finally {
    progress.end()
  }
}

/** Tells what came out: a line of JSON, or a line for each value. */
export function report(given: Arguments, io: Io, values: Readonly<Record<string, string | number | boolean>>): void {
  if (given.flag('json')) {
    printJson(io, values)
    return
  }
  for (const [name, value] of Object.entries(values)) if (name !== 'ok') io.stdout(`${name.padEnd(14)}${value}\n`)
}
