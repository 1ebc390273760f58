/**
 * Changes of a key file after it was made: sealed, unsealed, rotated, or taken apart into one to be put away and one for every day.
 *
 * Whatever goes wrong on the way, the file is then as it was.
 */

import { WebxError } from '../core/errors.ts'
import { createKeyFileOf, describeKeyFile, type OwnerKeys, openKeyFile, rootOfKeyFile } from './key-file.ts'
import { replacePrivate } from './key-file-disk.ts'
import { dailyFileBytes, rootFileBytes } from './key-file-format.ts'
import { seedOfRoot } from './key-file-root.ts'
import { type KeyFileOptions, readClear, readUnsealed, sealedOr } from './key-file-sealed.ts'
import { assertPassphrase } from './passphrase.ts'

/**
 * Seals a key file, or gives a sealed one another passphrase; `now` opens it as it is.
 *
 * Throws what `openKeyFile` throws, and `store-failed`; the file is then as it was.
 */
export async function sealKeyFile(
  path: string,
  passphrase: string,
  options: Omit<KeyFileOptions, 'passphrase'> & { readonly now?: string } = {},
): Promise<void> {
  assertPassphrase(passphrase)
  const { now, ...rest } = options
  await change(path, now === undefined ? {} : { passphrase: now }, (clear) => ({
    clear,
    options: { ...rest, passphrase },
  }))
}

/** Makes a sealed key file the unsealed one that it was, byte for byte. Throws as `sealKeyFile`. */
export async function unsealKeyFile(path: string, passphrase: string): Promise<void> {
  await change(path, { passphrase }, (clear) => ({ clear, options: {} }))
}

/**
 * Notes that the log of the identity has rotated to the next key, at this position. A sealed file stays sealed.
 *
 * Throws as `sealKeyFile`, `no-root` for a daily file and one of version 1, `bad-argument` for a position that is not a later one.
 */
export async function rotateKeyFile(path: string, position: number, options: KeyFileOptions = {}): Promise<OwnerKeys> {
  const wasSealed = (await describeKeyFile(path)).sealed
  await change(path, options, (before) => {
    const content = readClear(path, before)
    const { root, rotation, inception } = content
    if (root === null) throw new WebxError('no-root', `${path} holds no root, so it cannot rotate`)
    if (position <= content.position) throw new WebxError('bad-argument', `position ${position} is not a later one`)
    const clear = rootFileBytes({ root, rotation: rotation + 1, position, inception })
    content.wipe()
    return { clear, options: wasSealed ? options : {} }
  })
  return openKeyFile(path, options)
}

/**
 * Makes a daily file at `to` for the machine that signs every day, from the file at `path`, which can then be put away: it has the same identity, key and
 * secrets of today, and nothing of what comes next.
 *
 * Throws `no-root` where `path` has no root itself, what `openKeyFile` throws for `path`, and what `createKeyFile` throws for `to`.
 */
export async function createDailyKeyFile(
  path: string,
  to: string,
  options: KeyFileOptions = {},
  toOptions: KeyFileOptions = {},
): Promise<OwnerKeys> {
  const root = await rootOfKeyFile(path, options)
  const clear = await readUnsealed(path, options)
  const content = readClear(path, clear)
  const seed = seedOfRoot(root, content.rotation)
  const daily = dailyFileBytes(content, seed)
  content.wipe()
  for (const secret of [root, clear, seed]) secret.fill(0)
  return createKeyFileOf(to, daily, toOptions)
}

/** Replaces a file by what `changed` makes of its unsealed bytes; nothing is written unless all of it succeeds. */
async function change(
  path: string,
  options: KeyFileOptions,
  changed: (clear: Uint8Array) => { clear: Uint8Array; options: KeyFileOptions },
): Promise<void> {
  const before = await readUnsealed(path, options)
  try {
    const after = changed(before)
    const bytes = await sealedOr(path, after.clear, after.options).finally(() => after.clear.fill(0))
    await replacePrivate(path, bytes).finally(() => bytes.fill(0))
  } finally {
    before.fill(0)
  }
}
