/**
 * Joins the files of `qnt-file.ts` with their manifests (`data/manifest.ts`): what is signed when content has been sealed, and what a manifest must
 * prove before content is opened.
 */

import { WebxError } from '../core/errors.ts'
import { type Manifest, manifestDocument, manifestMessage, manifestPayload, verifyManifest } from '../data/manifest.ts'
import { type Holder, unwrapKey } from '../data/recipients.ts'
import type { ContentClaims, ManifestMaker, Unlocked } from './qnt-file.ts'

/** A manifest but for what is known only when the content has been sealed. */
export type ManifestDraft = Omit<Manifest, keyof ContentClaims>

/** The key (raw 32-byte Ed25519) of an owner at a position of the owner's key log; null where it is not known. */
export type KeyOf = (ownerId: Uint8Array, ownerPosition: number) => Uint8Array | null

/** Makes and signs manifests of a draft. `make` throws `bad-argument` where the draft is none. */
export function manifestMaker(draft: ManifestDraft, sign: (message: Uint8Array) => Promise<Uint8Array>): ManifestMaker {
  const { ownerId } = draft
  return {
    bytesFor(content) {
      const payload = manifestPayload({ ...draft, ...content, root: new Uint8Array(32) })
      return manifestDocument(payload, ownerId, new Uint8Array(64)).length
    },
    async make(content) {
      const payload = manifestPayload({ ...draft, ...content })
      return manifestDocument(payload, ownerId, await sign(manifestMessage(payload, ownerId)))
    },
  }
}

/** What a document says of the content, once its signature holds. Throws as `verifyManifest`. */
export function claimsOf(document: Uint8Array, keyOf: KeyOf): ContentClaims {
  return verifyManifest(document, keyOf).manifest
}

/** The key and claims of a document whose signature holds. Throws as `verifyManifest`; `not-allowed` where no holder is a recipient, `tampered`. */
export function unlockedBy(holder: Holder | readonly Holder[], document: Uint8Array, keyOf: KeyOf): Unlocked {
  return unlockedManifest(holder, verifyManifest(document, keyOf).manifest)
}

/** The same of a manifest whose signature has been checked. */
export function unlockedManifest(holder: Holder | readonly Holder[], manifest: Manifest): Unlocked {
  const { dataId, keyEpoch, contentBytes, chunkLog2, root, keyCommitment } = manifest
  const contentKey = unwrappedBy([holder].flat(), manifest)
  if (contentKey === null) {
    const hint = 'Ask its owner for a grant, or use the key that it was sealed to.'
    throw new WebxError('not-allowed', 'this .qnt is not sealed to this key', { hint })
  }
  return { keys: { contentKey, dataId, keyEpoch }, commitment: keyCommitment, contentBytes, chunkLog2, root }
}

function unwrappedBy(holders: readonly Holder[], { recipients, dataId, keyEpoch }: Manifest): Uint8Array | null {
  for (const holder of holders) {
    const contentKey = unwrapKey(recipients, holder, { dataId, keyEpoch })
    if (contentKey !== null) return contentKey
  }
  return null
}
