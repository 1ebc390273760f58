/**
 * `webx qnt grant`, `revoke`, `rekey`, `update` and `shred`: the next version of a file, or its end. What there is stays as it is.
 */

import { randomFillSync } from 'node:crypto'
import { open, unlink } from 'node:fs/promises'
import { equal, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type Manifest, readManifestDocument } from '../data/manifest.ts'
import { publicKeyOf, type RecipientKey, recipientOf } from '../data/recipients.ts'
import { readTombstoneDocument } from '../data/tombstone.ts'
import { writeAll, writeDraft } from '../drivers/qnt-blocks.ts'
import { type Changed, grantQnt, type Owner, rekeyQnt, tombstoneOf } from '../drivers/qnt-change.ts'
import { withQnt } from '../drivers/qnt-file.ts'
import { holdersOf } from '../drivers/qnt-holder.ts'
import '../drivers/wasm-files.ts'
import { type Arguments, readArguments } from './arguments.ts'
import { writeDisclosures } from './disclosures.ts'
import type { Io } from './io.ts'
import { EXIT } from './output.ts'
import { ownerKeys } from './owner.ts'
import { disclosuresFile } from './qnt.ts'
import { countOf, keysOf, newFile, pathOf, recipientsOf, report, shown, sourceOf, suiteOf } from './qnt-common.ts'
import { termsOf } from './qnt-terms.ts'

/** One recipient more, or several, under the same key. Throws `usage`, and as `grantQnt`. */
export async function grant(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt grant', args)
  const target = newFile(given, io)
  const to = await recipientsOf(needed(given, 'to'), io)
  const owner = await ownerOf(given, io)
  const path = pathOf(given, io)
  tell(given, io, target, await shown(io, `granting ${path}`, () => grantQnt(path, target, owner, to)))
  return EXIT.done
}

/** Recipients fewer, and a new key for those who remain. Throws `usage`, `bad-argument` for who is no recipient, and as `rekeyQnt`. */
export async function revoke(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt revoke', args)
  const from = await recipientsOf(needed(given, 'from'), io)
  return change(given, io, 'revoking', (held, owner, to) => {
    for (const key of from) {
      if (owner.holders.some((holder) => isSame(publicKeyOf(holder), key))) throw refused('the owner always reads it')
      if (to.some((one) => isSame(one, key))) throw refused('one stands in --from and in --to')
      if (recipientOf(held.recipients, key, held) === null) throw refused('one of --from is no recipient')
    }
    for (const key of to) {
      if (recipientOf(held.recipients, key, held) === null) throw refused('one of --to is no recipient of it yet')
    }
    return from.length
  })
}

/** A new key for the owner and those who are named. Throws as `rekeyQnt`. */
export async function rekey(args: readonly string[], io: Io): Promise<number> {
  return change(readArguments('qnt rekey', args), io, 'sealing anew', () => 0)
}

/** Other content, under a new key, for the owner and those who are named. Throws as `rekeyQnt`. */
export async function update(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt update', args)
  return change(given, io, 'sealing', () => 0, { source: sourceOf(given, io, 'CONTENT') })
}

/** The end of a file: a signed tombstone, and with `--wipe` no file any more. Throws as `tombstoneOf`; `store-failed`. */
export async function shred(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt shred', args)
  const target = newFile(given, io, 'TOMBSTONE')
  const keys = await keysOf(given, io)
  const path = pathOf(given, io)
  const document = await tombstoneOf(path, { keys, keyOf: await ownerKeys(given, io, keys) }, Date.now())
  await writeDraft(target, (draft) => writeAll(draft, document, 0))
  const wiped = given.flag('wipe')
  if (wiped) {
    await shown(io, `wiping ${path}`, () => wipe(path))
    io.stderr(
      'Overwritten once and unlinked. Flash memory, snapshots and backups may keep copies, and whoever opened it may, too.\n',
    )
  }
  const { tombstone } = readTombstoneDocument(document)
  const { dataId, fileVersion } = tombstone
  report(given, io, { ok: true, tombstone: target, dataId: toHex(dataId), version: fileVersion, wiped })
  return EXIT.done
}

/** Says before anything is written whether the change may be made; answers how many lose the file on purpose. */
type Check = (held: Manifest, owner: Owner, to: readonly RecipientKey[]) => number

async function change(
  given: Arguments,
  io: Io,
  doing: string,
  check: Check,
  content: Pick<Parameters<typeof rekeyQnt>[3], 'source'> = {},
): Promise<number> {
  const target = newFile(given, io)
  const path = pathOf(given, io)
  const owner = await ownerOf(given, io)
  const to = await recipientsOf(given.text('to'), io)
  const suite = suiteOf(given)
  const before = await withQnt(path, async (qnt) => readManifestDocument(qnt.manifest).manifest)
  const wrapped = owner.holders.find((holder) => recipientOf(before.recipients, publicKeyOf(holder), before) !== null)
  // decoys of another suite than the owner's own would be told from it
  const decoySuite = suite ?? wrapped?.suite ?? 'x-wing'
  const decoys = Array.from({ length: countOf(given, 'decoys', LIMITS.qntFieldsMax) }, () => decoySuite)
  const { terms, disclosures } = await termsOf(given, io, before)
  const kept = disclosuresFile(given, io, disclosures.length)
  let leaving = 0
  const readers = {
    ...{ to, decoys, ...(suite === undefined ? {} : { ownSuite: suite }) },
    check: (held: Manifest) => {
      leaving = check(held, owner, to)
    },
  }
  if (kept !== null) await writeDisclosures(kept, before.dataId, disclosures)
  const work = () => rekeyQnt(path, target, owner, { readers, terms, ...content })
  const changed = await shown(io, `${doing} ${path}`, work).catch(async (cause: unknown) => {
    if (kept !== null) await unlink(kept).catch(() => undefined)
    throw cause
  })
  const dropped = changed.dropped - leaving
  if (dropped > 0) {
    io.stderr(
      `wrapped keys of the version before that are gone, decoys among them: ${dropped}. Only who is named with --to reads this one.\n`,
    )
  }
  tell(given, io, target, changed, { dropped })
  return EXIT.done
}

async function ownerOf(given: Arguments, io: Io): Promise<Owner> {
  const keys = await keysOf(given, io)
  return { keys, holders: Object.values(await holdersOf(keys)), keyOf: await ownerKeys(given, io, keys) }
}

function tell(
  given: Arguments,
  io: Io,
  target: string,
  { manifest, fileBytes }: Changed,
  more: Readonly<Record<string, number>> = {},
): void {
  const { dataId, fileVersion, keyEpoch, recipients, contentBytes, root } = manifest
  report(given, io, {
    ...{ ok: true, file: target, dataId: toHex(dataId), version: fileVersion, keyEpoch },
    ...{ recipients: recipients.length, ...more, contentBytes, fileBytes, root: toHex(root) },
  })
}

function needed(given: Arguments, option: string): string {
  const text = given.text(option)
  if (text !== undefined) return text
  throw new WebxError('usage', `who? --${option} RECIPIENT is missing`, { hint: 'webx qnt recipient prints one.' })
}

function refused(why: string): WebxError {
  return new WebxError('bad-argument', `nothing was revoked: ${why}`)
}

function isSame(a: RecipientKey, b: RecipientKey): boolean {
  return a.suite === b.suite && equal(a.publicKey, b.publicKey)
}

const WIPE_BYTES = 1_048_576

/** Overwrites a file with random bytes, waits until they are on the disk, and unlinks it. */
async function wipe(path: string): Promise<void> {
  try {
    const file = await open(path, 'r+')
    try {
      const { size } = await file.stat()
      const noise = new Uint8Array(Math.min(WIPE_BYTES, size))
      for (let at = 0; at < size; at += noise.length) {
        await writeAll(file, randomFillSync(noise).subarray(0, size - at), at)
      }
      await file.sync()
    } finally {
      await file.close()
    }
    await unlink(path)
  } catch (cause) {
    throw new WebxError('store-failed', `cannot wipe ${path}: ${(cause as Error).message}`, { cause })
  }
}
