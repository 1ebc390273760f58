/**
 * Passphrases in files: never on a command line or in an environment, which others can see.
 */

import { open } from 'node:fs/promises'
import { WebxError } from '../core/errors.ts'

const TEXT_BYTES_MAX = 64 * 1024

/** The passphrase in a file, without a mark of byte order before it and one end of line behind it. Throws `file-unreadable`, `too-long`, `bad-argument`. */
export async function readPassphraseFile(path: string): Promise<string> {
  const passphrase = (await readTextFile(path)).replace(/^\ufeff/, '').replace(/\r?\n$/, '')
  if (passphrase === '') throw new WebxError('bad-argument', `${path} holds no passphrase`)
  return passphrase
}

/**
 * A small text file, 64 KiB unless said otherwise. Throws `file-unreadable`, `too-long`, `bad-argument` for what is not UTF-8.
 *
 * @param isStrict whether what is not UTF-8 is refused; else it is read as U+FFFD
 */
export async function readTextFile(path: string, bytesMax: number = TEXT_BYTES_MAX, isStrict = true): Promise<string> {
  const buffer = new Uint8Array(bytesMax + 1)
  try {
    const bytes = buffer.subarray(0, await readInto(buffer, path))
    if (bytes.length > bytesMax) throw new WebxError('too-long', `${path} has more than ${bytesMax} bytes`)
    // what is not UTF-8 would be read as the same sign over and over, and one passphrase would pass for another
    return new TextDecoder('utf-8', { fatal: isStrict }).decode(bytes)
  } catch (cause) {
    if (cause instanceof WebxError) throw cause
    throw new WebxError('bad-argument', `${path} is not text in UTF-8`, { cause })
  } finally {
    buffer.fill(0)
  }
}

/** Reads a file or pipe until it ends or the buffer is full; answers how many bytes came. */
async function readInto(buffer: Uint8Array, path: string): Promise<number> {
  const unreadable = (cause: unknown): never => {
    throw new WebxError('file-unreadable', `${path} cannot be read`, { hint: 'Check the name and its rights.', cause })
  }
  const file = await open(path, 'r').catch(unreadable)
  try {
    for (let at = 0; ; ) {
      const { bytesRead } = await file.read(buffer, at, buffer.length - at, null).catch(unreadable)
      at += bytesRead
      if (bytesRead === 0 || at === buffer.length) return at
    }
  } finally {
    await file.close()
  }
}
