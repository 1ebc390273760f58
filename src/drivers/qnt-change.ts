/**
 * The next version of a .qnt as a file: one recipient more under the same key, or a new key for those who remain, with the same content or another.
 *
 * There is no revocation without a new content key and epoch: who had the old key keeps what it opens. Recipients are known by their hints alone, so whoever
 * changes the key has to say again to whom. Every change is the owner's, signed at today's position of the owner's key log, and succeeds the version that it was
 * made of (`assertSucceeds`); that one stays as it is.
 */

import { equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import {
  assertSucceeds,
  type Manifest,
  manifestDocument,
  manifestMessage,
  manifestPayload,
  type SignedManifest,
  verifyManifest,
} from '../data/manifest.ts'
import {
  addRecipients,
  type Holder,
  publicKeyOf,
  type RecipientKey,
  type RecipientSuite,
  recipientOf,
  wrapKeyToAll,
} from '../data/recipients.ts'
import { assertCommitted, keyCommitment, type PayloadKeys } from '../data/stream.ts'
import { tombstoneDocument, tombstoneMessage, tombstonePayload } from '../data/tombstone.ts'
import type { Keys } from '../kernel/ports.ts'
import type { ReadBlock } from './qnt-blocks.ts'
import { contentOf, copyUnder } from './qnt-body.ts'
import { layoutOf, type QntFile, sealQnt, type Unlocked, withQnt } from './qnt-file.ts'
import { HOST_CHANCE } from './qnt-holder.ts'
import { type KeyOf, type ManifestDraft, manifestMaker, unlockedManifest } from './qnt-manifest.ts'

/** Who changes a file. */
export interface Owner {
  readonly keys: Pick<Keys, 'id' | 'position' | 'sign'>
  /** All that open files for the owner: `holdersOf(keys)`. */
  readonly holders: readonly Holder[]
  /** The owner's keys of all positions at which versions may have been signed. */
  readonly keyOf: KeyOf
}

/** What of a manifest its owner decides anew; what is left out stays as it was. */
export type Terms = Partial<Pick<Manifest, 'tier' | 'policy' | 'fieldDigests' | 'runnables' | 'parents'>>

/** Who reads the next version: its owner besides. */
export interface Readers {
  /** Public keys; the owner's own among them is no mistake. */
  readonly to: readonly RecipientKey[]
  readonly decoys: readonly RecipientSuite[]
  /** How the owner's own key is wrapped; as before where it is left out. */
  readonly ownSuite?: RecipientSuite
  /** Called with the version before, to refuse what is not meant to be. */
  readonly check?: (held: Manifest) => void
}

/** A version that was made. */
export interface Changed {
  readonly manifest: Manifest
  readonly fileBytes: number
  /** Wrappings of the version before, decoys among them, whose holders were not named and do not read this one. */
  readonly dropped: number
}

/**
 * The next version of the file at `path` with more recipients: same content, same key, same epoch.
 *
 * @throws WebxError `wrong-owner` where it is another's, `not-allowed` where its owner is no recipient, `bad-argument` for one who is a recipient already, `limit`,
 *   `broken-history` where the keys stand at an older position than the version; what `verifyManifest` and files throw
 */
export async function grantQnt(
  path: string,
  target: string,
  owner: Owner,
  to: readonly RecipientKey[],
): Promise<Changed> {
  return withQnt(path, async (qnt) => {
    const held = heldBy(qnt, owner)
    const { manifest } = held
    const { keys, commitment } = unlockedManifest(owner.holders, manifest)
    try {
      assertCommitted(keys, commitment)
      const recipients = addRecipients(manifest.recipients, keys.contentKey, to, manifest, HOST_CHANCE)
      const next: Manifest = { ...manifest, ...following(held, owner), recipients }
      assertSucceeds(held, next)
      const payload = manifestPayload(next)
      const signature = await owner.keys.sign(manifestMessage(payload, next.ownerId))
      const document = manifestDocument(payload, next.ownerId, signature)
      return { manifest: next, fileBytes: await copyUnder(qnt, manifest, document, target), dropped: 0 }
    } finally {
      keys.contentKey.fill(0)
    }
  })
}

/**
 * The next version of the file at `path` under a new content key and epoch, for its owner and `readers`: with the same content, or with what `source` reads.
 *
 * @throws WebxError as `grantQnt`; `empty-replica` where nothing is to take the place of content
 */
export async function rekeyQnt(
  path: string,
  target: string,
  owner: Owner,
  change: { readonly readers: Readers; readonly terms?: Terms; readonly source?: string | ReadBlock },
): Promise<Changed> {
  return withQnt(path, async (qnt) => {
    const held = heldBy(qnt, owner)
    const { manifest } = held
    const unlocked = unlockedManifest(owner.holders, manifest)
    const contentKey = HOST_CHANCE.random(32)
    const keys: PayloadKeys = { contentKey, dataId: manifest.dataId, keyEpoch: manifest.keyEpoch + 1 }
    try {
      const { readers, terms = {}, source } = change
      readers.check?.(manifest)
      const all = allReaders(manifest, owner, readers)
      const { contentBytes: _, chunkLog2, root: __, ...rest } = manifest
      const draft: ManifestDraft = {
        ...{ ...rest, ...terms, ...following(held, owner), keyEpoch: keys.keyEpoch },
        keyCommitment: keyCommitment(contentKey, keys.dataId),
        recipients: wrapKeyToAll(contentKey, all, readers.decoys, keys, HOST_CHANCE),
      }
      const made = await sealNext(qnt, target, { held, unlocked, keys, draft, chunkLog2, source }, owner)
      const kept = all.filter((key) => recipientOf(manifest.recipients, key, manifest) !== null).length
      return { ...made, dropped: manifest.recipients.length - kept }
    } finally {
      contentKey.fill(0)
      unlocked.keys.contentKey.fill(0)
    }
  })
}

/** The owner's signed end of the file at `path`: nothing follows it. Throws as `grantQnt`. */
export async function tombstoneOf(path: string, owner: Omit<Owner, 'holders'>, atMs: number): Promise<Uint8Array> {
  return withQnt(path, async (qnt) => {
    const { manifest, digest } = heldBy(qnt, owner)
    const { dataId, ownerId, salt, ownerPosition, fileVersion } = manifest
    if (owner.keys.position < ownerPosition) throw older()
    const payload = tombstonePayload({
      ...{ dataId, ownerId, salt, ownerPosition: owner.keys.position, fileVersion: fileVersion + 1 },
      ...{ previous: digest, atMs },
    })
    return tombstoneDocument(payload, ownerId, await owner.keys.sign(tombstoneMessage(payload, ownerId)))
  })
}

interface Next {
  readonly held: SignedManifest
  readonly unlocked: Unlocked
  readonly keys: PayloadKeys
  readonly draft: ManifestDraft
  readonly chunkLog2: number
  readonly source: string | ReadBlock | undefined
}

async function sealNext(
  qnt: QntFile,
  target: string,
  { held, unlocked, keys, draft, chunkLog2, source }: Next,
  owner: Owner,
): Promise<Omit<Changed, 'dropped'>> {
  const maker = manifestMaker(draft, (message) => owner.keys.sign(message))
  const checked: typeof maker = {
    bytesFor: (content) => maker.bytesFor(content),
    make: async (content) => {
      assertSucceeds(held, { ...draft, ...content })
      return maker.make(content)
    },
  }
  const layout = layoutOf(qnt, held.manifest)
  const hasTree = layout.fileBytes > layout.treeAt || layout.chunks.chunks === 1
  const content = contentOf(qnt, unlocked)
  const options =
    source === undefined ? { hasTree, chunkLog2, contentBytes: held.manifest.contentBytes } : { hasTree, chunkLog2 }
  try {
    const { manifest: _, fileBytes, ...claims } = await sealQnt(source ?? content, target, keys, checked, options)
    return { manifest: { ...draft, ...claims }, fileBytes }
  } finally {
    await content.return(undefined)
  }
}

/** The version in the file, if it is the owner's. */
function heldBy(qnt: QntFile, { keys, keyOf }: Omit<Owner, 'holders'>): SignedManifest {
  const held = verifyManifest(qnt.manifest, keyOf)
  if (equal(held.manifest.ownerId, keys.id)) return held
  throw new WebxError('wrong-owner', 'this .qnt is of another: only its owner makes its next version', {
    hint: 'Seal a file of your own, and name this one with --parents.',
  })
}

function following({ manifest, digest }: SignedManifest, { keys }: Owner) {
  if (keys.position < manifest.ownerPosition) throw older()
  return { ownerPosition: keys.position, fileVersion: manifest.fileVersion + 1, previous: digest }
}

function older(): WebxError {
  return new WebxError('broken-history', 'this version was signed by a newer key than these', {
    hint: 'Use the key file as it is since the last rotation.',
  })
}

/** The owner's own key, as it was wrapped before unless asked otherwise, and the others. */
function allReaders(held: Manifest, { holders }: Owner, { to, ownSuite }: Readers): RecipientKey[] {
  const own = holders.map(publicKeyOf)
  const first =
    ownSuite === undefined
      ? own.find((key) => recipientOf(held.recipients, key, held) !== null)
      : own.find(({ suite }) => suite === ownSuite)
  if (first === undefined) throw new WebxError('not-allowed', 'this .qnt is not sealed to these keys')
  const others = to.filter((key) => !own.some(({ publicKey }) => equal(publicKey, key.publicKey)))
  return [first, ...others]
}
