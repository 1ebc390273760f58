/**
 * Reading and writing a key file that may be sealed by a passphrase: what lies unsealed in the one and what is to be written into the other.
 *
 * A sealed file that shows another identity than it holds is refused, although nobody without the passphrase could make one.
 */

import { equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { broken, readPrivate } from './key-file-disk.ts'
import { boundOf, isSealed, type KeyContent, readKeyFile, sealedFileBytes } from './key-file-format.ts'
import { openWithPassphrase, type PassphraseCost, sealWithPassphrase } from './passphrase.ts'

/** How a key file is sealed or opened; without a passphrase it lies open to whoever can read it. */
export interface KeyFileOptions {
  readonly passphrase?: string
  /** What a guess at the passphrase costs; matters where a file is sealed. */
  readonly cost?: PassphraseCost
}

/** The bytes of the unsealed file, which is the file itself or lies sealed in it; the caller wipes them. */
export async function readUnsealed(path: string, { passphrase }: KeyFileOptions): Promise<Uint8Array> {
  const bytes = await readPrivate(path)
  const shown = readKeyFile(path, bytes)
  if (!isSealed(shown)) {
    shown.wipe()
    return bytes
  }
  if (passphrase === undefined) {
    throw new WebxError('passphrase-needed', `${path} is sealed`, { hint: 'Give its passphrase.' })
  }
  const clear = await openWithPassphrase(shown.sealed, passphrase, shown.bound).catch((cause: WebxError) => {
    if (cause.code === 'wrong-passphrase' || cause.code === 'bad-argument') throw cause
    throw broken(`${path} is not a whole key file: ${cause.message}`, cause)
  })
  try {
    const inside = readClear(path, clear)
    inside.wipe()
    if (!equal(boundOf(inside), shown.bound)) throw broken(`${path} shows another identity than it holds`)
    return clear
  } catch (cause) {
    clear.fill(0)
    throw cause
  }
}

/** The content of an unsealed file; the caller wipes it. Throws `key-file-broken`. */
export function readClear(path: string, clear: Uint8Array): KeyContent {
  const content = readKeyFile(path, clear)
  if (isSealed(content)) throw broken(`${path} is sealed within a seal`)
  return content
}

/** What is to be written: a copy of the unsealed bytes, or these sealed. */
export async function sealedOr(
  path: string,
  clear: Uint8Array,
  { passphrase, cost }: KeyFileOptions,
): Promise<Uint8Array> {
  if (passphrase === undefined) return clear.slice()
  const content = readClear(path, clear)
  content.wipe()
  return sealedFileBytes(content, await sealWithPassphrase(clear, passphrase, boundOf(content), cost))
}
