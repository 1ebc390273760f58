/**
 * Small files that only their owner may read, made and changed so that a power cut leaves the old one or the new one, never half of one.
 *
 * A new content is written beside the file, brought to the disk, and only then gets the file's name. What a cut left behind beside it is a whole secret
 * of its own; the next change removes it. What lay on a disk unsealed may still be found on it by who takes the disk apart.
 */

import { randomBytes } from 'node:crypto'
import { type FileHandle, link, mkdir, open, readdir, realpath, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'

/** The bytes of a file that nobody else may read; the question is put to the opened file, so it cannot change in between. */
export async function readPrivate(path: string, bytesMax: number = LIMITS.keyFileBytesMax): Promise<Uint8Array> {
  const file = await open(path, 'r').catch((cause) => {
    if (cause.code !== 'ENOENT') throw broken(`cannot open ${path}: ${cause.message}`, cause)
    throw missing(path, cause)
  })
  try {
    const about = await file.stat()
    if (!about.isFile()) throw broken(`${path} is not a file`)
    const { mode, size } = about
    if ((mode & 0o077) !== 0) {
      throw new WebxError('key-file-open-to-others', `${path} can be read or changed by others (mode ${octal(mode)})`, {
        hint: `chmod 600 ${path}${path.endsWith('.log') ? '.' : ' – and make a new identity if somebody may have read it.'}`,
      })
    }
    if (size > bytesMax) throw broken(`${path} is too long to be a key file`)
    const bytes = new Uint8Array(size)
    await file.read(bytes, 0, size, 0)
    return bytes
  } finally {
    await file.close()
  }
}

/**
 * Write, fsync, give it its name only if that name is free, fsync the folder. Missing folders are made with mode 0700.
 *
 * Throws `key-file-exists`, `store-failed`.
 */
export async function writeExclusive(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const draft = await writeDraft(path, bytes)
    try {
      await link(draft, path)
    } finally {
      await unlink(draft)
    }
    await syncFolder(dirname(path))
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST') {
      throw new WebxError('key-file-exists', `${path} exists already and was left as it is`, {
        hint: 'Choose another path; an identity is never overwritten.',
        cause,
      })
    }
    throw new WebxError('store-failed', `cannot write ${path}: ${message}`, { cause })
  }
}

/**
 * Write, fsync, rename over the file, fsync the folder. Owner stays who it was; a link keeps pointing where it did.
 *
 * Throws `store-failed`; the file is then as it was.
 */
export async function replacePrivate(path: string, bytes: Uint8Array): Promise<void> {
  const file = await realpath(path).catch((cause: unknown) => {
    throw new WebxError('store-failed', `cannot change ${path}: ${(cause as Error).message}`, { cause })
  })
  await putPrivate(file, bytes, file)
}

/** The same for a file that may not be there yet; it gets the owner of `like`. Throws as `replacePrivate`. */
export async function putPrivate(file: string, bytes: Uint8Array, like: string): Promise<void> {
  try {
    await removeDrafts(file)
    const { uid, gid } = await stat(like)
    const draft = await writeDraft(file, bytes, async (handle) => {
      const own = await handle.stat()
      if (own.uid !== uid || own.gid !== gid) await handle.chown(uid, gid)
    })
    await rename(draft, file).catch(async (cause) => {
      await unlink(draft)
      throw cause
    })
    await syncFolder(dirname(file))
  } catch (cause) {
    throw new WebxError('store-failed', `cannot change ${file}: ${(cause as Error).message}`, { cause })
  }
}

/** Where a file truly lies, behind symbolic links; the path itself where there is nothing yet. */
export async function truePath(path: string): Promise<string> {
  return realpath(path).catch(() => path)
}

/** The error for a key file that is not there. */
export function missing(path: string, cause?: unknown): WebxError {
  return new WebxError('key-file-missing', `there is no key file at ${path}`, {
    hint: `Make one with: webx id create ${path}`,
    cause,
  })
}

/** The error for what is not, or no longer, a key file. */
export function broken(message: string, cause?: unknown): WebxError {
  return new WebxError('key-file-broken', message, {
    hint: 'Restore it from a copy, from its 24 words, or with its guardians.',
    cause,
  })
}

async function writeDraft(path: string, bytes: Uint8Array, adjust?: (file: FileHandle) => Promise<void>) {
  const draft = `${path}.${randomBytes(6).toString('hex')}.draft`
  const file = await open(draft, 'wx', 0o600)
  try {
    await adjust?.(file)
    await file.writeFile(bytes)
    await file.sync()
  } catch (cause) {
    await unlink(draft)
    throw cause
  } finally {
    await file.close()
  }
  return draft
}

/** Who is writing a draft at this moment fails at its rename, and changes nothing. */
async function removeDrafts(path: string): Promise<void> {
  const folder = dirname(path)
  const name = basename(path)
  for (const found of await readdir(folder)) {
    const isDraft = found.startsWith(`${name}.`) && /^\.[0-9a-f]{12}\.draft$/.test(found.slice(name.length))
    if (isDraft) await unlink(join(folder, found))
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await folder.sync().finally(() => folder.close())
}

function octal(mode: number): string {
  return `0${(mode & 0o777).toString(8)}`
}
