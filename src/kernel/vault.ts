/**
 * The vault of a node, as its parts meet: which versions of which .qnt files it keeps, who has revoked what, and how content is reached without anybody
 * above the drivers ever opening a file.
 */

import type { SignedManifest } from '../data/manifest.ts'
import type { StatusList } from '../data/statuslist.ts'
import type { PayloadKeys } from '../data/stream.ts'

/** A version of a .qnt that this node knows. */
export interface KeptVersion extends SignedManifest {
  /** The signed manifest as it stands in the file. */
  readonly document: Uint8Array
  /** Bytes of the file on this disk; 0 where only its manifest is kept (an older version, or a shredded file). */
  readonly fileBytes: number
  /** When this node took it in, in milliseconds since 1970. */
  readonly keptMs: number
  /** True once the neighborhood has settled it; always false for tier private, which needs only its owner. */
  readonly certified: boolean
}

/** What a node keeps. Digests and ids have 32 bytes. */
export interface Vault {
  /**
   * Takes in a copy of the .qnt at `path`: its signature, every chunk, and that it succeeds what is kept (`assertSucceeds`). Resolves when it is on the disk; where the
   * tier asks for the neighborhood, the order is in the outbox by then. The same version again is no error.
   *
   * Throws what `verifyManifest` and `assertSucceeds` throw, `shredded` for a file with a tombstone, `limit`, `tampered`, `file-unreadable`, `store-failed`.
   */
  keep(path: string): Promise<KeptVersion>
  /** Takes a tombstone by the owner: content goes from the disk, manifests stay. Throws `bad-signature`, `wrong-file`, `wrong-version`, `not-allowed`. */
  bury(tombstone: Uint8Array): Promise<void>
  /** The newest version of a file whose content is here; null where none is known. Throws `shredded`. */
  newest(dataId: Uint8Array): KeptVersion | null
  /** All versions that are known of a file, oldest first. */
  versions(dataId: Uint8Array): readonly KeptVersion[]
  /** The newest version of every file that is not shredded. */
  files(): Iterable<KeptVersion>
  /** The content key, as this node is a recipient; the caller wipes it. Throws `not-allowed` where it is none. */
  unlock(version: KeptVersion): Promise<PayloadKeys>
  /** Bytes [from, to) of the content, at most `LIMITS.qntRangeBytesMax`, proved and opened. Throws `not-allowed`, `tampered`, `out-of-range`. */
  readContent(version: KeptVersion, from: number, to: number): Promise<Uint8Array>
  /** Bytes of the .qnt itself, as they lie on the disk: sealed. Throws `out-of-range`, `shredded` where they are gone. */
  readSealed(version: KeptVersion, at: number, length: number): Promise<Uint8Array>
  /** Called after a new version of any file is kept. */
  onVersion(listen: (version: KeptVersion) => void): () => void
}

/** Who has revoked what. */
export interface StatusLists {
  /** The newest edition that was accepted, or null. */
  list(issuer: Uint8Array, listId: Uint8Array): StatusList | null
  /** Has this node listen for editions of that list from now on. */
  follow(issuer: Uint8Array, listId: Uint8Array): Promise<void>
}
