/**
 * Backing up: a whole node, running or not, or an identity alone, into one file that a passphrase opens.
 *
 * A running node copies its own store (`station-backup.ts`); the copies in its vault are held on to before and after that, so that what comes or goes meanwhile is among
 * them. A copy that the store speaks of and that is not, all the same, is named. What a sealed key file holds stays sealed inside. Back is `restore.ts`.
 */

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { checkCopy, checkKeyFile } from './backup-check.ts'
import { fromText, toHex } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import type { BackupAbout, BackupKind, BackupSize } from './data/backup.ts'
import { BackupWriter } from './data/backup-stream.ts'
import { holdCopies, withBackupDraft } from './drivers/backup-folder.ts'
import { newBackup } from './drivers/backup-seal.ts'
import { callControl } from './drivers/control-socket.ts'
import { hostClock } from './drivers/host.ts'
import { readPrivate } from './drivers/key-file-disk.ts'
import { isSealed, readKeyFile } from './drivers/key-file-format.ts'
import { eventsBeside, keyLogFileBytes } from './drivers/key-file-log.ts'
import type { PassphraseCost } from './drivers/passphrase.ts'
import { BLOCK_BYTES, BlockWriter, blocksOf, fileReader, withFile, writeDraft } from './drivers/qnt-blocks.ts'
import { checkStoreFile } from './drivers/sqlite-check.ts'
import { openSqliteStore } from './drivers/sqlite-store.ts'
import './drivers/wasm-files.ts'
import { readGenesis } from './identity/genesis.ts'
import { Catalogue } from './services/vault-catalogue.ts'
import type { SnapshotAnswer } from './station-backup.ts'

/** How a backup is sealed, and who hears how far it is. */
export interface BackupOptions {
  readonly passphrase: string
  /** What a guess at the passphrase costs. */
  readonly cost?: PassphraseCost
  /** Called with the bytes that are copied by now; what it throws ends the backup. */
  readonly onProgress?: (bytes: number) => void
}

/** What a node's backup is made of. */
export interface NodeToBackUp {
  readonly dataDir: string
  readonly keyFile: string
  /** Path of the genesis, '' where none is named; a running node says it itself. */
  readonly genesis: string
  /** The node's settings as TOML; '' for none. */
  readonly settings: string
}

/** What was backed up. */
export interface BackedUp extends BackupSize {
  /** 32 bytes. */
  readonly id: Uint8Array
  readonly backupBytes: number
  /** Whether the node was running, so that it copied its store itself. */
  readonly wasRunning: boolean
  readonly hasGenesis: boolean
  /** Names of copies in the vault that are damaged on this disk, and therefore not in the backup. */
  readonly damaged: readonly string[]
  /** Names of copies that its store speaks of and that are not in the vault: lost, or gone while the backup was made. */
  readonly missing: readonly string[]
}

/** A file on its way into a backup: what stands in memory, or lies somewhere. */
interface Source {
  readonly path: string
  readonly from: Uint8Array | string
}

const SOFTWARE = 'webx 0.1.0'
const SNAPSHOT_MS_MAX = 600_000
/** What is sealed between two writes at most: a block, what was held of a chunk before it, and the tags. */
const OUT_BYTES = BLOCK_BYTES + 2 * 65_536

/**
 * Backs up a node into the new file `target`.
 *
 * Throws `key-file-missing` and what key files throw; `store-damaged` where the store is; `store-failed`, also where another process than a station has it open;
 * `wrong-identity` where the node that runs there has other keys; `bad-argument` for what is no passphrase.
 */
export async function backUpNode(target: string, node: NodeToBackUp, options: BackupOptions): Promise<BackedUp> {
  const { dataDir } = node
  // the key file first, its log second: a log may be ahead of its key file, never behind
  const identity = await identityOf(node.keyFile)
  const copied = withBackupDraft(dataDir, async (folder) => {
    const vault = join(dataDir, 'qnt')
    const copies = new Map<string, string>()
    await holdCopies(vault, folder, copies)
    const answer = await copyStore(dataDir, folder)
    await holdCopies(vault, folder, copies)
    if (answer !== null && answer.id !== toHex(identity.id)) {
      throw new WebxError('wrong-identity', `the node that runs in ${dataDir} has other keys than ${node.keyFile}`, {
        hint: 'Name the profile that it runs with.',
      })
    }
    const store = join(folder, 'webx.db')
    const missing = existsSync(store) ? (await namesIn(store)).filter((name) => !copies.has(name)) : []
    const genesis = await genesisOf(node, folder)
    const damaged = await takeOutDamaged(copies)
    const sources: Source[] = [
      ...identity.sources,
      ...(genesis === null ? [] : [{ path: 'genesis.webx', from: genesis }]),
      ...(node.settings === '' ? [] : [{ path: 'settings.toml', from: fromText(node.settings) }]),
      ...(existsSync(store) ? [{ path: 'webx.db', from: store }] : []),
      ...[...copies].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, from]) => ({ path: `qnt/${name}`, from })),
    ]
    const made = await write(target, aboutOf('node', identity.id), sources, options)
    return { ...made, wasRunning: answer !== null, hasGenesis: genesis !== null, damaged, missing }
  })
  return copied.finally(() => wipe(identity.sources))
}

/** Backs up a key file and its log. Throws as `backUpNode`. */
export async function backUpIdentity(target: string, keyFile: string, options: BackupOptions): Promise<BackedUp> {
  const { id, sources } = await identityOf(keyFile)
  const made = await write(target, aboutOf('identity', id), sources, options).finally(() => wipe(sources))
  return { ...made, wasRunning: false, hasGenesis: false, damaged: [], missing: [] }
}

function aboutOf(kind: BackupKind, id: Uint8Array): BackupAbout {
  return { kind, id, createdMs: hostClock().nowMs(), software: SOFTWARE }
}

/** A key file and its log, as they stand in a backup. */
async function identityOf(keyFile: string): Promise<{ readonly id: Uint8Array; readonly sources: readonly Source[] }> {
  const bytes = await readPrivate(keyFile)
  try {
    const content = readKeyFile(keyFile, bytes)
    if (!isSealed(content)) content.wipe()
    await checkKeyFile(keyFile, content.state.id)
    const events = await eventsBeside(keyFile)
    const log = events === null ? [] : [{ path: 'node.key.log', from: keyLogFileBytes(events) }]
    return { id: content.state.id, sources: [{ path: 'node.key', from: bytes }, ...log] }
  } catch (error) {
    bytes.fill(0)
    throw error
  }
}

/** Has the running node copy its store; where none runs, copies it itself. Answers null then. */
async function copyStore(dataDir: string, folder: string): Promise<SnapshotAnswer | null> {
  // all of a node is behind this name, and an identity alone needs none of it
  const { CONTROL_SOCKET } = await import('./station.ts')
  const path = join(dataDir, CONTROL_SOCKET)
  const params = { folder: basename(folder) }
  const call = { path, method: 'snapshot', params, timeoutMs: SNAPSHOT_MS_MAX, clock: hostClock() }
  const answer = await callControl(call).catch((error: WebxError) => {
    if (error.code === 'unreachable') return null
    throw error
  })
  if (answer !== null) return answer as SnapshotAnswer
  const file = join(dataDir, 'webx.db')
  if (!existsSync(file)) return null
  const store = await openSqliteStore({ path: file })
  try {
    await store.snapshot?.(join(folder, 'webx.db'))
  } finally {
    await store.close()
  }
  return null
}

/** Names of the copies that a store speaks of. Throws `store-damaged` where it is not whole. */
async function namesIn(path: string): Promise<string[]> {
  checkStoreFile(path)
  const store = await openSqliteStore({ path })
  try {
    return [...new Catalogue(store).files()].flatMap(({ held }) => (held ? [`${toHex(held.digest)}.qnt`] : [])).sort()
  } finally {
    await store.close()
  }
}

/** Takes copies that do not hold against their manifests out of the list: one of them must not make all of a backup useless. */
async function takeOutDamaged(copies: Map<string, string>): Promise<string[]> {
  const damaged: string[] = []
  for (const [name, path] of [...copies]) {
    const isWhole = await checkCopy(path, name).then(
      () => true,
      () => false,
    )
    if (isWhole) continue
    copies.delete(name)
    damaged.push(name)
  }
  return damaged.sort()
}

/** The genesis: what the running node put there, what is named, or what lies in the data folder. Throws `bad-config` for what is none. */
async function genesisOf({ dataDir, genesis }: NodeToBackUp, folder: string): Promise<Uint8Array | null> {
  const places = [join(folder, 'genesis.webx'), genesis, join(dataDir, 'genesis.webx')]
  const path = places.find((place) => place !== '' && existsSync(place))
  if (path === undefined) {
    if (genesis === '') return null
    throw new WebxError('bad-config', `there is no genesis at ${genesis}`)
  }
  const bytes = new Uint8Array(await readFile(path))
  try {
    readGenesis(bytes)
  } catch (cause) {
    throw new WebxError('bad-config', `${path} is no genesis: ${(cause as Error).message}`, { cause })
  }
  return bytes
}

/** Writes all of it into a draft that gets its name last. */
async function write(target: string, about: BackupAbout, sources: readonly Source[], options: BackupOptions) {
  const { passphrase, cost, onProgress = () => undefined } = options
  const { head, keys } = await newBackup(passphrase, cost)
  return writeDraft(target, async (draft) => {
    const out = new BlockWriter(draft, 0, OUT_BYTES)
    out.room(head.length).set(head)
    const writer = new BackupWriter(keys, about, (bytes) => out.room(bytes))
    let done = 0
    try {
      for (const { path, from } of sources) {
        await withSource(from, async (blocks, bytes) => {
          writer.file({ path, bytes })
          for await (const block of blocks) {
            writer.write(block)
            await out.flush()
            done += block.length
            onProgress(done)
          }
        })
        await out.flush()
      }
      const size = writer.end()
      const backupBytes = await out.end()
      return { ...size, id: about.id, backupBytes }
    } finally {
      writer.wipe()
      await out.wipe()
    }
  }).finally(() => keys.contentKey.fill(0))
}

function wipe(sources: readonly Source[]): void {
  for (const { from } of sources) if (typeof from !== 'string') from.fill(0)
}

async function withSource(
  from: Uint8Array | string,
  use: (blocks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, bytes: number) => Promise<void>,
): Promise<void> {
  if (typeof from !== 'string') return use(piecesOf(from), from.length)
  return withFile(from, (file, bytes) => {
    const blockBytes = Math.max(1, Math.min(BLOCK_BYTES, bytes))
    return use(blocksOf(fileReader(file, 0, bytes), blockBytes), bytes)
  })
}

function* piecesOf(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) yield bytes.subarray(at, at + BLOCK_BYTES)
}
