/**
 * One change of a key file at a time: two at the same moment would both say done, and one of them would be lost.
 *
 * The lock is a file beside the key file, `<key file>.lock`, that names its holder: machine, process, when that began, and a number of its own. A holder
 * that is gone is known by that, and his lock is taken away by whoever first makes `<lock>.<number>`, so that two who saw the same dead holder cannot both
 * take the lock of a living one. Holders on other machines are waited for in vain: who shares key files over a network removes such a lock by hand.
 */

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, open, readFile, realpath, unlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { missing } from './key-file-disk.ts'

const ASK_EVERY_MS = 20
const HOLDER = /^(\S+) (\d{1,10}) (\d{0,20}) ([0-9a-f]{16})\n$/

/**
 * Runs a change while nobody else changes that file.
 *
 * @param change gets the file's true path, behind symbolic links
 * @throws WebxError `key-file-missing`, `key-file-busy`, `store-failed`, and what the change throws
 */
export async function withKeyFileLock<T>(
  path: string,
  change: (file: string) => Promise<T>,
  waitMs: number = LIMITS.keyFileLockMsMax,
): Promise<T> {
  const file = await realpath(path).catch((cause: unknown) => {
    throw missing(path, cause)
  })
  const lock = `${file}.lock`
  const own = `${hostname()} ${process.pid} ${beginOf(process.pid)} ${randomBytes(8).toString('hex')}\n`
  await acquire(lock, own, waitMs)
  try {
    return await change(file)
  } finally {
    if ((await holderOf(lock)) === own) await unlink(lock)
  }
}

async function acquire(lock: string, own: string, waitMs: number): Promise<void> {
  const endMs = performance.now() + waitMs
  for (;;) {
    if (await isMade(lock, own)) return
    const holder = await holderOf(lock)
    if (holder === null || (isGone(holder) && (await isTakenAway(lock, holder)))) continue
    if (performance.now() > endMs) {
      const [, machine, pid] = HOLDER.exec(holder) ?? []
      const who = pid === undefined ? 'somebody' : `process ${pid} on ${machine}`
      throw new WebxError('key-file-busy', `${lock.slice(0, -'.lock'.length)} is being changed by ${who}`, {
        hint: `Try again; if nothing changes it, remove ${lock} and what begins with that name.`,
      })
    }
    await wait(ASK_EVERY_MS)
  }
}

/** Makes the lock with its holder in it, at once and only if it is free. */
async function isMade(lock: string, own: string): Promise<boolean> {
  const draft = `${lock}.${randomBytes(6).toString('hex')}.draft`
  try {
    await writeFile(draft, own, { flag: 'wx', mode: 0o600 })
    await link(draft, lock).finally(() => unlink(draft))
    return true
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    throw new WebxError('store-failed', `cannot lock beside ${lock}: ${message}`, { cause })
  }
}

/** Removes the lock of a holder who is gone, unless somebody else does. */
async function isTakenAway(lock: string, holder: string): Promise<boolean> {
  const ticket = `${lock}.${(HOLDER.exec(holder) as RegExpExecArray)[4]}`
  const made = await open(ticket, 'wx', 0o600).catch(() => null)
  if (made === null) return false
  await made.close()
  try {
    if ((await holderOf(lock)) !== holder) return false
    await unlink(lock)
    return true
  } finally {
    await unlink(ticket)
  }
}

async function holderOf(lock: string): Promise<string | null> {
  return readFile(lock, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null
    throw new WebxError('store-failed', `cannot read ${lock}: ${cause.message}`, { cause })
  })
}

function isGone(holder: string): boolean {
  const [, machine, pid, begin] = HOLDER.exec(holder) ?? []
  if (pid === undefined || machine !== hostname()) return false
  try {
    process.kill(Number(pid), 0)
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ESRCH'
  }
  const now = beginOf(Number(pid))
  return begin !== '' && now !== '' && begin !== now
}

/** When a process began, in ticks since the machine did: tells a process from a later one of its number. '' where that is not told. */
function beginOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}
