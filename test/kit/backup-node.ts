/** Data folders as nodes leave them, for the tests of backups: a key file with its log, a store, copies of .qnt files, a genesis. */

import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex } from '../../src/core/bytes.ts'
import { createKeyFile, type OwnerKeys } from '../../src/drivers/key-file.ts'
import { putKeyLog } from '../../src/drivers/key-file-log.ts'
import type { PassphraseCost } from '../../src/drivers/passphrase.ts'
import { openSqliteStore } from '../../src/drivers/sqlite-store.ts'
import '../../src/drivers/wasm-files.ts'
import { buildProtocol } from './protocol.ts'
import { pattern } from './qnt.ts'
import { sealed } from './vault.ts'

/** The least that a passphrase may cost. */
export const CHEAP: PassphraseCost = { log2N: 14, parallel: 1 }
export const PASSPHRASE = 'three words or four'
export const SETTINGS = 'name = "a till"\n'

/** A node on a disk. */
export interface NodeOnDisk {
  readonly dataDir: string
  readonly keyFile: string
  readonly genesis: string
  readonly settings: string
  readonly keys: OwnerKeys
  /** Names of the copies in its vault. */
  readonly copies: readonly string[]
}

/**
 * Makes a node's folder below `folder`.
 *
 * @param contents bytes of content of each file in its vault
 */
export async function nodeOnDisk(folder: string, contents: readonly number[] = [0, 1_000]): Promise<NodeOnDisk> {
  const dataDir = join(folder, 'node')
  const keyFile = join(dataDir, 'node.key')
  const keys = await createKeyFile(keyFile, 'device')
  await putKeyLog(keyFile, [keys.inception])
  await writeFile(join(folder, 'genesis'), buildProtocol().genesis.bytes)
  const store = await openSqliteStore({ path: join(dataDir, 'webx.db') })
  const writes = Array.from({ length: 50 }, (_, i) => ({
    space: `space-${i % 3}`,
    key: Uint8Array.of(i),
    value: pattern(i),
  }))
  store.write(writes)
  await store.sync()
  await store.close()
  await mkdir(join(dataDir, 'qnt'))
  const copies: string[] = []
  for (const bytes of contents) {
    const { path, digest } = await sealed(folder, keys, { content: pattern(bytes) })
    copies.push(`${toHex(digest)}.qnt`)
    await copyFile(path, join(dataDir, 'qnt', copies.at(-1) as string))
  }
  return { dataDir, keyFile, genesis: join(folder, 'genesis'), settings: SETTINGS, keys, copies: copies.sort() }
}

/** All files below a folder with their bytes in hexadecimal, but for the store, of which its values. */
export async function contentsOf(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true })
  const found: Record<string, string> = {}
  for (const entry of names.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name)
    const name = path.slice(folder.length + 1)
    found[name] = name === 'webx.db' ? await valuesOf(path) : toHex(new Uint8Array(await readFile(path)))
  }
  return found
}

async function valuesOf(path: string): Promise<string> {
  const store = await openSqliteStore({ path })
  const values = [0, 1, 2].flatMap((i) => [...store.scan(`space-${i}`)])
  await store.close()
  return values.map(({ key, value }) => `${toHex(key)}:${toHex(value)}`).join(' ')
}

/** The bytes of a backup as they come from a disk, a few at a time. */
export async function* piecesOf(bytes: Uint8Array, pieceBytes = 50_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
}
