/**
 * Putting back what `backup.ts` wrote: a whole node into a folder that is not there yet, or an identity into files that are not there yet.
 *
 * Nothing of it is seen before all of it was read to its end, lies on the disk and holds. Whatever fails – the passphrase, one bit of the file, the disk – leaves
 * everything as it was.
 */

import { type FileHandle, link, lstat, mkdir, open, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkPart } from './backup-check.ts'
import { equal } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import type { BackupAbout, BackupKind, BackupSize } from './data/backup.ts'
import type { BackupPart } from './data/backup-stream.ts'
import { assertFree, onDisk, restoreFolder, syncFolder, withDraftBeside } from './drivers/backup-folder.ts'
import { readBackup, type UnlockBackup } from './drivers/backup-seal.ts'
import { writeAll } from './drivers/qnt-blocks.ts'
import './drivers/wasm-files.ts'
import type { Genesis } from './identity/genesis.ts'

/** How a backup is opened, and who hears how far that is. */
export interface RestoreOptions {
  readonly unlock: UnlockBackup
  /** Called with the bytes that are written by now; what it throws ends it, and nothing is left. */
  readonly onProgress?: (bytes: number) => void
}

/** What was put back. */
export interface Restored extends BackupSize {
  readonly about: BackupAbout
  readonly hasLog: boolean
  readonly hasSettings: boolean
  readonly genesis: Genesis | null
  /** True where the genesis gives this identity a seat: two nodes that vote for one seat convict each other. */
  readonly isSeated: boolean
}

/**
 * Puts a node back as the folder `dataDir`, which must not be there, or be empty.
 *
 * Throws `wrong-passphrase`, `backup-broken`, `bad-version`; `bad-argument` where something is at `dataDir`, or this is the backup of an identity alone; `store-failed`.
 */
export async function restoreNode(
  blocks: AsyncIterable<Uint8Array>,
  dataDir: string,
  options: RestoreOptions,
): Promise<Restored> {
  await assertFree(dataDir)
  return withParts(blocks, 'node', options, (about, parts) =>
    restoreFolder(dataDir, (folder) => receive(about, parts, folder, options)),
  )
}

/**
 * Puts an identity back as the key file `file` and its log beside it; neither may be there.
 *
 * Throws as `restoreNode`; `key-file-exists`.
 */
export async function restoreIdentity(
  blocks: AsyncIterable<Uint8Array>,
  file: string,
  options: RestoreOptions,
): Promise<Restored> {
  for (const path of [file, `${file}.log`]) await assertNothingAt(path)
  return withParts(blocks, 'identity', options, (about, parts) =>
    withDraftBeside(file, async (folder) => {
      const restored = await receive(about, parts, folder, options)
      await onDisk(file, () => publishIdentity(folder, file, restored.hasLog))
      return restored
    }),
  )
}

/** Opens a backup far enough to know what it is about; the rest comes as it is asked for. */
async function withParts(
  blocks: AsyncIterable<Uint8Array>,
  kind: BackupKind,
  { unlock }: RestoreOptions,
  use: (about: BackupAbout, parts: AsyncGenerator<BackupPart>) => Promise<Restored>,
): Promise<Restored> {
  const parts = readBackup(blocks, unlock)
  try {
    const { value: first } = await parts.next()
    if (first?.is !== 'about') throw new WebxError('backup-broken', 'the backup does not say what it is about')
    if (first.about.kind === kind) return await use(first.about, parts)
    const [command, other] =
      kind === 'node' ? ['webx id restore', 'an identity alone'] : ['webx restore', 'a whole node']
    throw new WebxError('bad-argument', `this is the backup of ${other}`, { hint: `Use ${command}.` })
  } finally {
    await parts.return(undefined)
  }
}

/** Writes all files of a backup into a folder, brings them to the disk, and checks each of them there. */
async function receive(
  about: BackupAbout,
  parts: AsyncGenerator<BackupPart>,
  folder: string,
  { onProgress = () => undefined }: RestoreOptions,
): Promise<Restored> {
  const paths: string[] = []
  let file: FileHandle | null = null
  let at = 0
  let done = 0
  let size: BackupSize | null = null
  try {
    for await (const part of parts) {
      if (part.is === 'file') {
        at = 0
        paths.push(part.entry.path)
        file = await onDisk(folder, () => newFile(join(folder, part.entry.path)))
      } else if (part.is === 'piece') {
        await onDisk(folder, () => writeAll(file as FileHandle, part.piece, at))
        at += part.piece.length
        done += part.piece.length
        onProgress(done)
      } else if (part.is === 'file-end') {
        await onDisk(folder, async () => {
          await file?.sync()
          await file?.close()
        })
        file = null
      } else if (part.is === 'end') size = part.size
    }
  } finally {
    await file?.close()
  }
  if (size === null) throw new WebxError('backup-broken', 'the backup has no end')
  if (paths.some((path) => path.startsWith('qnt/'))) await onDisk(folder, () => syncFolder(join(folder, 'qnt')))
  const genesis = await checked(folder, paths, about.id)
  return {
    ...size,
    about,
    genesis,
    hasLog: paths.includes('node.key.log'),
    hasSettings: paths.includes('settings.toml'),
    isSeated: genesis?.memberStates.some((state) => equal(state.id, about.id)) ?? false,
  }
}

async function newFile(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  return open(path, 'wx', 0o600)
}

/** Checks every part. Throws `backup-broken`, or `store-failed` where the disk is what fails. */
async function checked(folder: string, paths: readonly string[], id: Uint8Array): Promise<Genesis | null> {
  let genesis: Genesis | null = null
  for (const path of paths) {
    try {
      genesis = (await checkPart(folder, path, id)) ?? genesis
    } catch (cause) {
      const { code, message } = cause as WebxError
      if (code === 'store-failed') throw cause
      throw new WebxError('backup-broken', `"${path}" in the backup does not hold: ${message}`, {
        hint: 'Nothing was changed. It was damaged before it was backed up, or by this disk.',
        cause,
      })
    }
  }
  return genesis
}

/** Gives log and key file their names, the log first: a log without a key file is nothing, a key file behind its log would sign too early. */
async function publishIdentity(folder: string, file: string, hasLog: boolean): Promise<void> {
  const linked: string[] = []
  try {
    for (const [from, to] of [...(hasLog ? [['node.key.log', `${file}.log`]] : []), ['node.key', file]] as const) {
      await link(join(folder, from), to)
      linked.unshift(to)
    }
    await syncFolder(dirname(file))
  } catch (cause) {
    for (const path of linked) await unlink(path)
    throw cause
  }
}

async function assertNothingAt(path: string): Promise<void> {
  const isThere = await lstat(path).then(
    () => true,
    () => false,
  )
  if (!isThere) return
  throw new WebxError('key-file-exists', `${path} exists already and was left as it is`, {
    hint: 'Choose another path; an identity is never overwritten.',
  })
}
