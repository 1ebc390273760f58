/**
 * Changes of a key file that its key log knows nothing of: sealed, unsealed, or taken apart into one to be put away and one for every day.
 *
 * One change at a time (`key-file-lock.ts`); whatever goes wrong on the way, the file is then as it was.
 */

import { createKeyFileOf, noRoot, type OwnerKeys } from './key-file.ts'
import { replacePrivate } from './key-file-disk.ts'
import { dailyFileBytes } from './key-file-format.ts'
import { withKeyFileLock } from './key-file-lock.ts'
import { placed } from './key-file-log.ts'
import { seedOfRoot } from './key-file-root.ts'
import { type KeyFileOptions, readClear, readUnsealed, sealedOr } from './key-file-sealed.ts'
import { assertPassphrase } from './passphrase.ts'

/**
 * Seals a key file, or gives a sealed one another passphrase; `now` opens it as it is.
 *
 * Throws what `openKeyFile` throws, `key-file-busy`, and `store-failed`; the file is then as it was.
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
 * Makes a daily file at `to` for the machine that signs every day, from the file at `path`, which can then be put away: it has the same identity, key and
 * secrets of today, the same key log, and nothing of what comes next.
 *
 * Throws `no-root` where `path` has no root itself, what `openKeyFile` throws for `path`, and what `createKeyFile` throws for `to`.
 */
export async function createDailyKeyFile(
  path: string,
  to: string,
  options: KeyFileOptions = {},
  toOptions: KeyFileOptions = {},
): Promise<OwnerKeys> {
  const clear = await readUnsealed(path, options)
  const content = readClear(path, clear)
  try {
    if (content.root === null) throw noRoot(path)
    const here = await placed(path, content)
    const { rotation, since } = here.content
    const seed = seedOfRoot(content.root, rotation - since)
    const daily = dailyFileBytes(here.content, seed)
    seed.fill(0)
    return await createKeyFileOf(to, daily, toOptions, here.isWhole ? here.log : [])
  } finally {
    content.wipe()
    clear.fill(0)
  }
}

/** Replaces a file by what `changed` makes of its unsealed bytes; nothing is written unless all of it succeeds. */
async function change(
  path: string,
  options: KeyFileOptions,
  changed: (clear: Uint8Array) => { clear: Uint8Array; options: KeyFileOptions },
): Promise<void> {
  await withKeyFileLock(path, async () => {
    const before = await readUnsealed(path, options)
    try {
      const after = changed(before)
      const bytes = await sealedOr(path, after.clear, after.options).finally(() => after.clear.fill(0))
      await replacePrivate(path, bytes).finally(() => bytes.fill(0))
    } finally {
      before.fill(0)
    }
  })
}
