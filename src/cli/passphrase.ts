/**
 * Where commands find the passphrase of a key file: in a file that `--passphrase-file` names, never on the command line, which others can see.
 */

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { WebxError } from '../core/errors.ts'
import type { KeyFileOptions } from '../drivers/key-file-sealed.ts'
import type { Arguments } from './arguments.ts'
import type { Io } from './io.ts'

const TEXT_BYTES_MAX = 64 * 1024

/** What a key file is opened with. Throws `file-unreadable`, `bad-argument`. */
export async function keyFileOptions(given: Arguments, io: Io, option = 'passphrase-file'): Promise<KeyFileOptions> {
  const path = given.text(option)
  if (path === undefined) return {}
  const passphrase = (await textFile(path, io)).replace(/^\ufeff/, '').replace(/\r?\n$/, '')
  if (passphrase === '') throw new WebxError('bad-argument', `${path} holds no passphrase`)
  return { passphrase }
}

/** A small text file, 64 KiB unless said otherwise. Throws `file-unreadable`, `too-long`. */
export async function textFile(path: string, io: Io, bytesMax: number = TEXT_BYTES_MAX): Promise<string> {
  const bytes = await readFile(resolve(io.workingDirectory, path)).catch((cause: unknown) => {
    throw new WebxError('file-unreadable', `${path} cannot be read`, { hint: 'Check the name and its rights.', cause })
  })
  if (bytes.length > bytesMax) throw new WebxError('too-long', `${path} has ${bytes.length} bytes`)
  try {
    // what is not UTF-8 would be read as the same sign over and over, and one passphrase would pass for another
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new WebxError('bad-argument', `${path} is not text in UTF-8`, { cause })
  }
}
