/**
 * What a running station does for a backup: its store is open to it alone, so the copy as of one moment is its own to make.
 *
 * The rest of the data folder is copied by whoever makes the backup (`backup.ts`).
 */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { WebxNode } from './boot.ts'
import { toHex } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import { BACKUP_DRAFT, removeDeadDrafts } from './drivers/backup-folder.ts'
import type { ControlCall, ControlMethod } from './drivers/control-socket.ts'

/** What a station answers when its store is copied. */
export interface SnapshotAnswer {
  /** Whose node it is: 32 bytes in hexadecimal. */
  readonly id: string
}

/**
 * The method `snapshot`: copies store and genesis into a working folder of a backup, which is there already. Folders of backups that were killed are removed first, for they
 * hold on to files that the vault has removed.
 */
export async function backupMethods(node: WebxNode, dataDir: string): Promise<Readonly<Record<string, ControlMethod>>> {
  await removeDeadDrafts(dataDir)
  return { snapshot: (call) => snapshot(node, dataDir, call) }
}

async function snapshot(node: WebxNode, dataDir: string, { params }: ControlCall): Promise<SnapshotAnswer> {
  const folder = (params as { folder?: unknown } | null)?.folder
  if (typeof folder !== 'string' || !BACKUP_DRAFT.test(folder)) {
    throw new WebxError('bad-argument', 'a snapshot goes into the working folder of a backup')
  }
  const { store, genesis, keys } = node.context
  if (store.snapshot === undefined) throw new WebxError('not-allowed', 'the store of this node lies on no disk')
  await store.sync()
  await store.snapshot(join(dataDir, folder, 'webx.db'))
  await writeFile(join(dataDir, folder, 'genesis.webx'), genesis.bytes, { flag: 'wx', mode: 0o600 })
  return { id: toHex(keys.id) }
}
