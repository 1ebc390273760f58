/**
 * The two ends of a backup where the pure format (`data/backup.ts`) meets a passphrase: the head with the sealed key, and the stream of what lies behind it.
 *
 * The key is drawn for one backup and sealed by the passphrase, so that the passphrase is derived once, and no two backups share a key. Whatever is
 * wrong with a backup is one of two things for whoever wants it back: another passphrase, or a file that is not the one that was written.
 */

import { randomBytes } from 'node:crypto'
import { concat } from '../core/bytes.ts'
import { type Code, WebxError } from '../core/errors.ts'
import {
  type BackupHead,
  backupBound,
  backupHead,
  backupHeadBytes,
  HEAD_PREFIX_BYTES,
  readBackupHead,
} from '../data/backup.ts'
import { type BackupKeys, type BackupPart, BackupReader } from '../data/backup-stream.ts'
import { openWithPassphrase, type PassphraseCost, sealWithPassphrase } from './passphrase.ts'

/** Finds the 32-byte content key of a backup by its head; whoever asked wipes it. */
export type UnlockBackup = (head: BackupHead) => Promise<Uint8Array>

const KEY_BYTES = 32
/** What a reader of the format complains about, which only somebody with the key, or damage, can have caused. */
const BROKEN: ReadonlySet<Code> = new Set<Code>(['tampered', 'bad-shape', 'not-canonical', 'too-long', 'limit'])

/** A new head, and the keys of the stream behind it; the caller wipes the content key. Throws `bad-argument` for what is no passphrase. */
export async function newBackup(
  passphrase: string,
  cost?: PassphraseCost,
): Promise<{ readonly head: Uint8Array; readonly keys: BackupKeys }> {
  const contentKey = new Uint8Array(randomBytes(KEY_BYTES))
  const head = backupHead(await sealWithPassphrase(contentKey, passphrase, backupBound(), cost))
  return { head, keys: { contentKey, headDigest: readBackupHead(head).digest } }
}

/** Unlocks by a passphrase. The result throws `wrong-passphrase`, and `backup-broken` for a seal that is none. */
export function unlockWith(passphrase: string): UnlockBackup {
  return async ({ seal }) => {
    const key = await openWithPassphrase(seal, passphrase, backupBound())
    if (key.length === KEY_BYTES) return key
    key.fill(0)
    throw new WebxError('bad-shape', 'its key has another length')
  }
}

/**
 * Takes a backup apart while it is read: see `BackupPart`. Nothing may be believed to be all of it before the end has come.
 *
 * Throws `wrong-passphrase`, `bad-argument` for what is no passphrase, `bad-version`, `backup-broken` for everything else that is wrong with it, and what `blocks` throws.
 */
export async function* readBackup(blocks: AsyncIterable<Uint8Array>, unlock: UnlockBackup): AsyncGenerator<BackupPart> {
  let reader: BackupReader | null = null
  let first: Uint8Array = new Uint8Array(0)
  try {
    for await (const block of blocks) {
      if (reader !== null) {
        yield* reader.write(block)
        continue
      }
      first = concat(first, block)
      const head = headOf(first)
      if (head === null) continue
      reader = await readerFor(readBackupHead(head), unlock)
      yield* reader.write(first.subarray(head.length))
    }
    if (reader === null) throw new WebxError('tampered', 'it is cut off in its head')
    yield* reader.end()
  } catch (cause) {
    throw asBroken(cause)
  } finally {
    reader?.wipe()
  }
}

/** The head at the beginning of what has come by now, or null where it is not all there. Throws `bad-shape` for what is no backup. */
function headOf(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length < HEAD_PREFIX_BYTES) return null
  const length = backupHeadBytes(bytes)
  return bytes.length < length ? null : bytes.slice(0, length)
}

async function readerFor(head: BackupHead, unlock: UnlockBackup): Promise<BackupReader> {
  const contentKey = await unlock(head)
  try {
    return new BackupReader({ contentKey, headDigest: head.digest })
  } finally {
    contentKey.fill(0)
  }
}

function asBroken(cause: unknown): unknown {
  if (!(cause instanceof WebxError) || !BROKEN.has(cause.code)) return cause
  return new WebxError('backup-broken', `the backup is not whole: ${cause.message}`, {
    hint: 'Nothing was changed. Take another copy of it.',
    cause,
  })
}
