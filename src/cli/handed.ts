/**
 * What people hand to a command: documents as text, as files of text or as files of bytes; and where a command puts what it made.
 */

import { existsSync } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fromBase64url, fromText } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { openKeyFile } from '../drivers/key-file.ts'
import { blocksOf, descriptorReader, writeAll, writeDraft } from '../drivers/qnt-blocks.ts'
import type { Keys } from '../kernel/ports.ts'
import type { Arguments } from './arguments.ts'
import type { Io } from './io.ts'
import { keyFileOptions } from './passphrase.ts'

const BASE64URL = /^[A-Za-z0-9_-]+$/

/**
 * The bytes of a document: of the file that is named, itself or in base64url, or else of the text as it stands.
 *
 * @throws WebxError `file-unreadable`, `too-long`; `bad-argument` for what is neither a file nor such a text
 */
export async function documentBytes(named: string, io: Io, what: string, bytesMax: number): Promise<Uint8Array> {
  const path = resolve(io.workingDirectory, named)
  if (existsSync(path)) return fileBytes(path, what, 2 * bytesMax + 16)
  if (BASE64URL.test(named)) return fromBase64url(named)
  throw new WebxError('bad-argument', `"${named.slice(0, 80)}" is neither a file nor the text of ${what}`)
}

/** Where something new goes; null where the option or operand is absent. Throws `bad-argument` where there is a file already. */
export function newPath(named: string | undefined, io: Io): string | null {
  if (named === undefined) return null
  const path = resolve(io.workingDirectory, named)
  if (!existsSync(path)) return path
  throw new WebxError('bad-argument', `${path} exists already and was left as it is`, { hint: 'Choose another name.' })
}

/** Writes a file that only its owner may read, durable when this resolves. Throws `store-failed`. */
export async function writeNew(path: string, content: Uint8Array | string): Promise<void> {
  await writeDraft(path, (draft) => writeAll(draft, typeof content === 'string' ? fromText(content) : content, 0))
}

/** The keys that `--keys` names. Throws `usage`, and what the key file does. */
export async function ownKeys(given: Arguments, io: Io): Promise<Keys> {
  const file = given.text('keys')
  if (file === undefined) throw new WebxError('usage', 'with whose keys? --keys FILE is missing')
  return openKeyFile(resolve(io.workingDirectory, file), await keyFileOptions(given, io))
}

/** The value of an option that must be there. Throws `usage`. */
export function required(given: Arguments, option: string, why: string): string {
  const value = given.text(option)
  if (value !== undefined) return value
  throw new WebxError('usage', `${why} --${option} is missing`)
}

/** What a file or pipe holds, itself or in base64url; no more of it is read than may be, and only what is returned stays in memory. */
async function fileBytes(path: string, what: string, bytesMax: number): Promise<Uint8Array> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new WebxError('file-unreadable', `${path} cannot be read`, { hint: 'Check the name and its rights.', cause })
  })
  try {
    for await (const content of blocksOf(descriptorReader(file.fd), bytesMax + 1)) {
      if (content.length > bytesMax) throw new WebxError('too-long', `${path} is too long for ${what}`)
      const text = content.every((byte) => byte < 128) ? Buffer.from(content).toString('latin1').trim() : ''
      return BASE64URL.test(text) ? fromBase64url(text) : content.slice()
    }
    return new Uint8Array(0)
  } finally {
    await file.close()
  }
}

/** A whole file. Throws `too-long` above `bytesMax`, `bad-argument` where it cannot be read. */
export async function readBounded(path: string, bytesMax: number): Promise<Uint8Array> {
  try {
    if ((await stat(path)).size > bytesMax) throw new WebxError('too-long', `${path} is too long for what it should be`)
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    if (cause instanceof WebxError) throw cause
    throw new WebxError('bad-argument', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
}
