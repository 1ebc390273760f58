/**
 * Whether the parts of a backup hold, each by its own means: key files by their digests and logs, stores by their checksums, copies of .qnt files by their manifests.
 *
 * A backup that was written by somebody with the passphrase is what it was; this finds what was wrong before it was written, or went wrong after it was read.
 */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { equal, toHex } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import { readManifestDocument } from './data/manifest.ts'
import { readPrivate } from './drivers/key-file-disk.ts'
import { isSealed, readKeyFile } from './drivers/key-file-format.ts'
import { eventsBeside, historyOf, placed } from './drivers/key-file-log.ts'
import { verifyQnt } from './drivers/qnt-file.ts'
import { checkStoreFile } from './drivers/sqlite-check.ts'
import { type Genesis, readGenesis } from './identity/genesis.ts'

/**
 * Checks a file of a backup by its path in it, where it lies in a folder. Answers the genesis, where it is that.
 *
 * Throws what the part's own reader throws; `wrong-identity` for a key file of another identity than `id`.
 */
export async function checkPart(folder: string, path: string, id: Uint8Array): Promise<Genesis | null> {
  const file = join(folder, path)
  if (path === 'node.key') await checkKeyFile(file, id)
  else if (path === 'webx.db') checkStoreFile(file)
  else if (path === 'genesis.webx') return readGenesis(new Uint8Array(await readFile(file)))
  else if (path.startsWith('qnt/')) await checkCopy(file, path.slice('qnt/'.length))
  return null
}

/** Holds a key file, and the log beside it, against themselves and each other, as far as that goes without a passphrase. Throws `key-file-broken`, `wrong-identity`. */
export async function checkKeyFile(file: string, id: Uint8Array): Promise<void> {
  const bytes = await readPrivate(file)
  const content = readKeyFile(file, bytes)
  try {
    if (!equal(content.state.id, id)) throw new WebxError('wrong-identity', 'its key file is of another identity')
    const events = await eventsBeside(file)
    if (events === null) return
    if (isSealed(content)) historyOf(file, events, content.inception)
    else {
      await placed(file, content).catch((error: WebxError) => {
        // a key that has been rotated away is kept as it was
        if (error.code !== 'retired-key') throw error
      })
    }
  } finally {
    if (!isSealed(content)) content.wipe()
    bytes.fill(0)
  }
}

/** Holds a copy of the vault against its manifest, and that against the name. Throws `tampered` and what reading it throws. */
export async function checkCopy(path: string, name: string): Promise<void> {
  await verifyQnt(path, async (document) => {
    const { manifest, digest } = readManifestDocument(document)
    if (`${toHex(digest)}.qnt` === name) return manifest
    throw new WebxError('tampered', `${name} holds another manifest than its name says`)
  })
}
