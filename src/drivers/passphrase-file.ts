/**
 * Passphrases in files: never on a command line or in an environment, which others can see.
 */

import { readFile } from 'node:fs/promises'
import { WebxError } from '../core/errors.ts'

const TEXT_BYTES_MAX = 64 * 1024

/** The passphrase in a file, without a mark of byte order before it and one end of line behind it. Throws `file-unreadable`, `too-long`, `bad-argument`. */
export async function readPassphraseFile(path: string): Promise<string> {
  const passphrase = (await readTextFile(path)).replace(/^\ufeff/, '').replace(/\r?\n$/, '')
  if (passphrase === '') throw new WebxError('bad-argument', `${path} holds no passphrase`)
  return passphrase
}

/** A small text file, 64 KiB unless said otherwise. Throws `file-unreadable`, `too-long`, `bad-argument` for what is not UTF-8. */
export async function readTextFile(path: string, bytesMax: number = TEXT_BYTES_MAX): Promise<string> {
  const bytes = await readFile(path).catch((cause: unknown) => {
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
