/** Files for vaults: versions of .qnt sealed by a person's keys, tombstones, and vaults on disks and nodes in memory. */

import { join } from 'node:path'
import { dataIdOf, type Manifest, readManifestDocument } from '../../src/data/manifest.ts'
import { FREE_POLICY } from '../../src/data/policy.ts'
import { publicKeyOf, type RecipientKey, type RecipientSuite, wrapKeyToAll } from '../../src/data/recipients.ts'
import { keyCommitment } from '../../src/data/stream.ts'
import { type Tombstone, tombstoneDocument, tombstoneMessage, tombstonePayload } from '../../src/data/tombstone.ts'
import { sealQnt } from '../../src/drivers/qnt-file.ts'
import { HOST_CHANCE, holdersOf } from '../../src/drivers/qnt-holder.ts'
import { manifestMaker } from '../../src/drivers/qnt-manifest.ts'
import { openQntStore } from '../../src/drivers/qnt-store.ts'
import '../../src/drivers/wasm-files.ts'
import type { ComposedNode } from '../../src/compose.ts'
import type { Keys } from '../../src/kernel/ports.ts'
import type { QntStore, Runnables } from '../../src/kernel/vault.ts'
import { NodeVault } from '../../src/services/vault.ts'
import { pattern } from './qnt.ts'

/** A version that was sealed. */
export interface Sealed {
  readonly path: string
  readonly manifest: Manifest
  readonly digest: Uint8Array
  readonly document: Uint8Array
  readonly content: Uint8Array
  readonly contentKey: Uint8Array
}

/** What a version is to be like; the rest is a private file with rules for nobody. */
export type Change = Partial<Omit<Manifest, 'root' | 'contentBytes' | 'suite'>> & {
  readonly content?: Uint8Array
  /** How the key is wrapped to the author; X-Wing unless said. */
  readonly suite?: RecipientSuite
}

type Author = Pick<Keys, 'id' | 'position' | 'sign' | 'deriveSecret'>

let sealedCount = 0

/** Seals a version into a folder: the first of a new file, or what follows `before`. */
export async function sealed(folder: string, author: Author, change: Change = {}, before?: Sealed): Promise<Sealed> {
  const { content = pattern(1_000), suite = 'x-wing', ...rest } = change
  const salt = before?.manifest.salt ?? rest.salt ?? HOST_CHANCE.random(16)
  const dataId = dataIdOf(author.id, salt)
  const keyEpoch = rest.keyEpoch ?? (before?.manifest.keyEpoch ?? 0) + 1
  const contentKey = rest.keyEpoch === before?.manifest.keyEpoch && before ? before.contentKey : HOST_CHANCE.random(32)
  const payload = { contentKey, dataId, keyEpoch }
  const own = await recipientOf(author, suite)
  const maker = manifestMaker(
    {
      ...{ dataId, ownerId: author.id, salt, ownerPosition: author.position, suite: 'chacha20-poly1305-blake3' },
      ...{ fileVersion: (before?.manifest.fileVersion ?? 0) + 1, previous: before?.digest ?? null },
      ...{ keyEpoch, keyCommitment: keyCommitment(contentKey, dataId) },
      recipients: wrapKeyToAll(contentKey, [own], [], payload, HOST_CHANCE),
      ...{
        tier: before?.manifest.tier ?? 'private',
        fieldDigests: [],
        policy: FREE_POLICY,
        runnables: [],
        parents: [],
      },
      ...rest,
    },
    (message) => author.sign(message),
  )
  const path = join(folder, `${++sealedCount}.qnt`)
  const { manifest: document } = await sealQnt(pieces(content), path, payload, maker)
  return { path, document, content, contentKey, ...readManifestDocument(document) }
}

const recipients = new WeakMap<object, ReturnType<typeof holdersOf>>()

/** The author as a recipient; keys are derived once. */
async function recipientOf(author: Author, suite: RecipientSuite): Promise<RecipientKey> {
  const known = recipients.get(author) ?? holdersOf(author)
  recipients.set(author, known)
  return publicKeyOf((await known)[suite])
}

/** The owner's end of a file after a version. */
export async function tombstoneAfter(
  author: Author,
  last: Pick<Sealed, 'manifest' | 'digest'>,
  change: Partial<Tombstone> = {},
): Promise<Uint8Array> {
  const { dataId, ownerId, salt, fileVersion } = last.manifest
  const payload = tombstonePayload({
    ...{ dataId, ownerId, salt, ownerPosition: author.position, fileVersion: fileVersion + 1 },
    ...{ previous: last.digest, atMs: 1_790_000_000_000 },
    ...change,
  })
  const owner = change.ownerId ?? ownerId
  return tombstoneDocument(payload, owner, await author.sign(tombstoneMessage(payload, owner)))
}

/** Runnables that nobody asks. */
export const NO_RUNNABLES: Runnables = {
  run: () => Promise.reject(new Error('no runnable was to be asked')),
}

/** A vault of a node, with its copies in a folder; not started. */
export async function vaultOf(
  node: Pick<ComposedNode, 'context' | 'agreed' | 'orders'>,
  folder: string,
  parts: { readonly runnables?: Runnables; readonly copies?: (copies: QntStore) => QntStore } = {},
): Promise<NodeVault> {
  const { context, agreed, orders } = node
  const disk = await openQntStore(folder)
  const copies = parts.copies ? parts.copies(disk) : disk
  const holders = Object.values(await holdersOf(context.keys))
  return new NodeVault(context, { agreed, orders, copies, holders, runnables: parts.runnables ?? NO_RUNNABLES })
}

async function* pieces(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content
}
