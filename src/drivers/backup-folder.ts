/**
 * The folders that backups work in: one inside a data folder, for what must not change while it is copied, and one beside a data folder that is being put back.
 *
 * What is put back appears under its name whole or not at all: it is written beside, brought to the disk, and renamed over nothing or over an empty folder. A cut
 * leaves a folder `….draft`, of which the next run takes care.
 */

import { randomBytes } from 'node:crypto'
import { chown, link, mkdir, open, readdir, realpath, rename, rm, rmdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { WebxError } from '../core/errors.ts'

/** What the working folder of a backup is called: the process that it belongs to, and a number. */
export const BACKUP_DRAFT = /^backup-(\d{1,10})-[0-9a-f]{12}\.draft$/

const COPY = /^[0-9a-f]{64}\.qnt$/
const RANDOM_BYTES = 6
const WITHOUT_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK'])

/** Hands out a working folder inside a data folder, gone afterwards. Those of processes that died are removed first. Throws `store-failed`, and what `use` throws. */
export async function withBackupDraft<T>(dataDir: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = join(dataDir, `backup-${process.pid}-${randomBytes(RANDOM_BYTES).toString('hex')}.draft`)
  await onDisk(dataDir, async () => {
    await removeDeadDrafts(dataDir)
    await mkdir(folder, { mode: 0o700 })
    // the node writes into it, too, whoever makes the backup
    const { uid, gid } = await stat(dataDir)
    if (process.getuid?.() === 0) await chown(folder, uid, gid)
  })
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Removes working folders whose processes are gone, and with them the last hold on files that the node has removed since. */
export async function removeDeadDrafts(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const pid = BACKUP_DRAFT.exec(name)?.[1]
    if (pid !== undefined && isGone(Number(pid))) await rm(join(dataDir, name), { recursive: true, force: true })
  }
}

/**
 * Holds on to all copies of a vault by hard links, so that what the node removes meanwhile can still be read. A second call adds what came since; where the file system has
 * no links, the copies themselves are named.
 *
 * @param found paths by name, to which is added
 */
export async function holdCopies(vault: string, folder: string, found: Map<string, string>): Promise<void> {
  await onDisk(folder, async () => {
    const names = await readdir(vault).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return []
      throw cause
    })
    for (const name of names.filter((each) => COPY.test(each) && !found.has(each))) {
      const held = join(folder, name)
      try {
        await link(join(vault, name), held)
        found.set(name, held)
      } catch (cause) {
        const code = (cause as NodeJS.ErrnoException).code ?? ''
        if (WITHOUT_LINKS.has(code)) found.set(name, join(vault, name))
        // removed between the look into the folder and now: the node wants it gone
        else if (code !== 'ENOENT') throw cause
      }
    }
  })
}

/**
 * Lets `fill` write a folder that gets the name `target` once all of it is on the disk; if anything fails before, `target` and its surroundings are as they were. Only
 * the name itself may then still be lost with the power: where that is all that fails, the folder stays, whole.
 *
 * Throws `bad-argument` where something is at `target` but an empty folder, `store-failed`, and what `fill` throws.
 */
export async function restoreFolder<T>(target: string, fill: (folder: string) => Promise<T>): Promise<T> {
  const place = await assertFree(target)
  return withDraftBeside(place, async (draft) => {
    const result = await fill(draft)
    await onDisk(target, async () => {
      await syncFolder(draft)
      await rename(draft, place)
      await syncFolder(dirname(place))
    })
    return result
  })
}

/**
 * Hands out a private folder beside `place`, gone afterwards unless it got another name. Folders above that are missing are made, and taken away again where `use` fails.
 *
 * Throws `store-failed`, and what `use` throws.
 */
export async function withDraftBeside<T>(place: string, use: (draft: string) => Promise<T>): Promise<T> {
  const parent = dirname(place)
  const draft = join(parent, `${basename(place)}.${randomBytes(RANDOM_BYTES).toString('hex')}.draft`)
  const made = await onDisk(place, () => mkdir(parent, { recursive: true, mode: 0o700 }))
  try {
    await onDisk(place, async () => {
      await removeDrafts(place)
      await mkdir(draft, { mode: 0o700 })
    })
    const result = await use(draft)
    await rm(draft, { recursive: true, force: true })
    return result
  } catch (cause) {
    await rm(draft, { recursive: true, force: true })
    if (made !== undefined) await removeEmpty(parent, made)
    throw cause
  }
}

/** Brings the names in a folder to the disk. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await folder.sync().finally(() => folder.close())
}

/** Runs an action on the disk; what the system says becomes `store-failed`. */
export async function onDisk<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    if (cause instanceof WebxError) throw cause
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOTEMPTY' || code === 'EEXIST') throw occupied(path)
    throw new WebxError('store-failed', `cannot write ${path}: ${message}`, {
      hint: 'Check free space and rights of the disk; a folder that is a mount point cannot be put in place, one inside it can.',
      cause,
    })
  }
}

/** Where a folder is to come to lie, behind symbolic links. Throws `bad-argument` where something is there but an empty folder, `store-failed`. */
export async function assertFree(target: string): Promise<string> {
  const names = await readdir(target).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null
    if (cause.code === 'ENOTDIR') throw occupied(target)
    throw new WebxError('store-failed', `cannot look into ${target}: ${cause.message}`, { cause })
  })
  if (names !== null && names.length > 0) throw occupied(target)
  return names === null ? target : onDisk(target, () => realpath(target))
}

/** Drafts of the same folder that a cut left behind; who is writing one at this moment fails, and changes nothing. */
async function removeDrafts(place: string): Promise<void> {
  const name = basename(place)
  for (const found of await readdir(dirname(place))) {
    const isDraft = found.startsWith(`${name}.`) && /^\.[0-9a-f]{12}\.draft$/.test(found.slice(name.length))
    if (isDraft) await rm(join(dirname(place), found), { recursive: true, force: true })
  }
}

/** Takes away the folders from `path` up to `first`, which were made for nothing. */
async function removeEmpty(path: string, first: string): Promise<void> {
  for (let at = path; at.length >= first.length; at = dirname(at)) {
    const isGone = await rmdir(at).then(
      () => true,
      () => false,
    )
    if (!isGone) return
  }
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

function occupied(path: string): WebxError {
  return new WebxError('bad-argument', `${path} is there already and was left as it is`, {
    hint: 'Choose another place, or move away what is there.',
  })
}
