/**
 * Where commands find the passphrase of a key file: in a file that `--passphrase-file` names.
 */

import { resolve } from 'node:path'
import type { KeyFileOptions } from '../drivers/key-file-sealed.ts'
import { readPassphraseFile, readTextFile } from '../drivers/passphrase-file.ts'
import type { Arguments } from './arguments.ts'
import type { Io } from './io.ts'

/** What a key file is opened with. Throws `file-unreadable`, `bad-argument`. */
export async function keyFileOptions(given: Arguments, io: Io, option = 'passphrase-file'): Promise<KeyFileOptions> {
  const path = given.text(option)
  return path === undefined ? {} : { passphrase: await readPassphraseFile(resolve(io.workingDirectory, path)) }
}

/** A small text file, 64 KiB unless said otherwise. Throws `file-unreadable`, `too-long`, `bad-argument`. */
export function textFile(path: string, io: Io, bytesMax?: number): Promise<string> {
  return readTextFile(resolve(io.workingDirectory, path), bytesMax)
}

/** The same of a file that may be damaged, for a reader who finds out where. */
export function damagedTextFile(path: string, io: Io): Promise<string> {
  return readTextFile(resolve(io.workingDirectory, path), undefined, false)
}
