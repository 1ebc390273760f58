/**
 * `webx qnt seal`, `open`, `verify`, `info` and `recipient`: files that only those can read to whom they are sealed, and that everybody can verify.
 */

import { unlink } from 'node:fs/promises'
import { resolve } from 'node:path'
import { equal, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { dataIdOf, type Manifest, readManifestDocument } from '../data/manifest.ts'
import { FREE_POLICY } from '../data/policy.ts'
import { recipientText } from '../data/recipient-text.ts'
import { publicKeyOf, type RecipientKey, wrapKeyToAll } from '../data/recipients.ts'
import { keyCommitment } from '../data/stream.ts'
import type { ReadBlock } from '../drivers/qnt-blocks.ts'
import { layoutOf, openQnt, sealQnt, verifyQnt, withQnt } from '../drivers/qnt-file.ts'
import { HOST_CHANCE, holdersOf } from '../drivers/qnt-holder.ts'
import { claimsOf, manifestMaker, unlockedBy } from '../drivers/qnt-manifest.ts'
import '../drivers/wasm-files.ts'
import { labelOf } from '../identity/xqident.ts'
import type { Keys } from '../kernel/ports.ts'
import { type Arguments, readArguments } from './arguments.ts'
import { writeDisclosures } from './disclosures.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'
import { ownerKeys } from './owner.ts'
import {
  countOf,
  keysOf,
  newFile,
  pathOf,
  recipientsOf,
  report,
  shown,
  sourceOf,
  suiteOf,
  unused,
} from './qnt-common.ts'
import { type GivenTerms, termsOf } from './qnt-terms.ts'

/** Seals a file, or stdin, to its owner and to others. Throws `usage`, `bad-argument`, and what key files and disks do. */
export async function seal(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt seal', args)
  const target = newFile(given, io)
  const keys = await keysOf(given, io)
  const sealed = await sealAs(given, io, keys, target, sourceOf(given, io))
  report(given, io, sealed)
  return EXIT.done
}

/**
 * Seals what `source` reads into `target` as the options say; answers what there is to tell. Where disclosures are kept, they are on the disk before the file is.
 *
 * Throws as `seal`.
 */
export async function sealAs(
  given: Arguments,
  io: Io,
  keys: Keys,
  target: string,
  source: string | ReadBlock | AsyncIterable<Uint8Array>,
  contentBytes?: number,
): Promise<Record<string, string | number | boolean>> {
  const { terms, disclosures } = await termsOf(given, io, FREE_TERMS)
  const kept = disclosuresFile(given, io, disclosures.length)
  const suite = suiteOf(given) ?? 'x-wing'
  const decoys = Array.from({ length: countOf(given, 'decoys', LIMITS.qntFieldsMax) }, () => suite)
  const recipients = await readersOf(given, io, publicKeyOf((await holdersOf(keys))[suite]))
  const salt = HOST_CHANCE.random(16)
  const dataId = dataIdOf(keys.id, salt)
  const contentKey = HOST_CHANCE.random(32)
  const payload = { contentKey, dataId, keyEpoch: 1 }
  try {
    const maker = manifestMaker(
      {
        ...{ dataId, ownerId: keys.id, salt, ownerPosition: keys.position, fileVersion: 1, previous: null },
        ...{ suite: 'chacha20-poly1305-blake3', keyEpoch: 1, keyCommitment: keyCommitment(contentKey, dataId) },
        recipients: wrapKeyToAll(contentKey, recipients, decoys, payload, HOST_CHANCE),
        ...terms,
      },
      (message) => keys.sign(message),
    )
    if (kept !== null) await writeDisclosures(kept, dataId, disclosures)
    const hasTree = !given.flag('no-tree')
    const name = given.operands['FILE'] ?? ''
    const options = contentBytes === undefined ? { hasTree } : { hasTree, contentBytes }
    const work = () => sealQnt(source, target, payload, maker, options)
    const sealed = await shown(io, `sealing ${name}`, work).catch(async (cause: unknown) => {
      if (kept !== null) await unlink(kept).catch(() => undefined)
      throw cause
    })
    const { fileBytes, root } = sealed
    return {
      ...{ ok: true, file: target, dataId: toHex(dataId), owner: labelOf(keys.id), recipients: recipients.length },
      ...{ contentBytes: sealed.contentBytes, fileBytes, root: toHex(root) },
      ...(kept === null ? {} : { disclosures: kept }),
    }
  } finally {
    contentKey.fill(0)
  }
}

/** What holds where nothing is said. */
const FREE_TERMS: GivenTerms = { tier: 'private', policy: FREE_POLICY, fieldDigests: [], runnables: [], parents: [] }

/** Where disclosures go; null where there are none. Throws `usage` for fields that nobody could ever disclose. */
export function disclosuresFile(given: Arguments, io: Io, disclosures: number): string | null {
  const file = given.text('disclosures')
  if (disclosures === 0 && file === undefined) return null
  if (file !== undefined && disclosures > 0) return unused(resolve(io.workingDirectory, file))
  const hint = 'Without their disclosures nobody can ever be shown them.'
  if (file === undefined) throw new WebxError('usage', 'fields need --disclosures FILE', { hint })
  throw new WebxError('usage', '--disclosures needs fields to disclose', { hint: 'Give --fields or --fields-file.' })
}

/** The owner's own key first, then the others'. */
async function readersOf(given: Arguments, io: Io, own: RecipientKey): Promise<RecipientKey[]> {
  const others = await recipientsOf(given.text('to'), io)
  return [own, ...others.filter(({ publicKey }) => !equal(publicKey, own.publicKey))]
}

/** Opens a file that is sealed to these keys. Throws as `seal`; `not-allowed`, `tampered`, `bad-signature`, `unknown-owner`. */
export async function open(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt open', args)
  const target = newFile(given, io)
  const keys = await keysOf(given, io)
  const holders = Object.values(await holdersOf(keys))
  const keyOf = await ownerKeys(given, io, keys)
  const path = pathOf(given, io)
  const layout = await shown(io, `opening ${path}`, () =>
    openQnt(path, target, async (document) => unlockedBy(holders, document, keyOf)),
  )
  report(given, io, { ok: true, file: target, contentBytes: layout.chunks.contentBytes })
  return EXIT.done
}

/** Verifies the signature and every chunk; needs no key of a recipient. Throws as `open`. */
export async function verify(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt verify', args)
  const keyOf = await ownerKeys(given, io, null)
  const path = pathOf(given, io)
  const layout = await shown(io, `verifying ${path}`, () =>
    verifyQnt(path, async (document) => claimsOf(document, keyOf)),
  )
  const { contentBytes, chunks } = layout.chunks
  report(given, io, { ok: true, file: path, contentBytes, chunks, fileBytes: layout.fileBytes })
  return EXIT.done
}

/** Shows what a file says of itself. Throws `bad-shape`, `tampered`, `file-unreadable`. */
export async function info(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt info', args)
  const path = pathOf(given, io)
  await withQnt(path, async (qnt) => {
    const { manifest } = readManifestDocument(qnt.manifest)
    const layout = layoutOf(qnt, manifest)
    const hasTree = layout.fileBytes > layout.treeAt
    report(given, io, {
      file: path,
      ...described(manifest),
      fileBytes: qnt.fileBytes,
      hasTree,
      signature: 'not checked',
    })
  })
  return EXIT.done
}

/** Shows the text that others need to seal a file to these keys. Throws what the key file does. */
export async function recipient(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt recipient', args)
  const keys = await keysOf(given, io)
  const text = recipientText(publicKeyOf((await holdersOf(keys))[suiteOf(given) ?? 'x-wing']))
  if (given.flag('json')) printJson(io, { owner: labelOf(keys.id), recipient: text })
  else io.stdout(`${text}\n`)
  return EXIT.done
}

function described(manifest: Manifest): Record<string, string | number> {
  const { dataId, ownerId, ownerPosition, fileVersion, contentBytes, root, keyEpoch, tier, recipients } = manifest
  const { purposes, retainUntilMs, jurisdictions, legalBasis } = manifest.policy
  const { fieldDigests, runnables, parents } = manifest
  return {
    ...{ dataId: toHex(dataId), owner: labelOf(ownerId), ownerPosition, version: fileVersion, tier, contentBytes },
    ...{ root: toHex(root), keyEpoch, recipients: recipients.length, purposes: purposes.join(', ') },
    retainUntil: retainUntilMs === 0 ? '' : shownTime(retainUntilMs),
    ...{ jurisdictions: jurisdictions.join(', '), legalBasis, fields: fieldDigests.length },
    ...{ runnables: runnables.map(({ hook }) => hook).join(', '), parents: parents.length },
  }
}

/** Manifests can name times beyond those of calendars. */
function shownTime(ms: number): string {
  return ms <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`
}
