/**
 * The vault of a node, as its parts meet: which versions of which .qnt files it keeps, who has revoked what, and how content is reached without anybody
 * above the drivers ever opening a file.
 */

import type { Outcome } from '../data/dsr-run.ts'
import type { SignedManifest } from '../data/manifest.ts'
import type { StatusList } from '../data/statuslist.ts'
import type { PayloadKeys } from '../data/stream.ts'
import type { SignedTombstone } from '../data/tombstone.ts'

/** A manifest whose signature holds, with the document that it stands in. */
export interface CheckedManifest extends SignedManifest {
  /** The signed manifest as it stands in the file. */
  readonly document: Uint8Array
}

/** A version of a .qnt that this node knows. */
export interface KeptVersion extends CheckedManifest {
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
   * A new version counts only if it is signed at the owner's current position. A vault that knows nothing of a file takes it in at any version.
   *
   * Throws what `verifyManifest` and `assertSucceeds` throw, `retired-key`, `frozen`, `broken-history` for a second document of a version that is known or settled, `shredded` for a file
   * with a tombstone, `retention-over`, `limit`, `tampered`, `file-unreadable`, `store-failed`.
   */
  keep(path: string): Promise<KeptVersion>
  /** Takes a tombstone by the owner: content goes from the disk, manifests stay. Throws what `verifyTombstone` and `assertBuries` throw, `retired-key`, `frozen`; `wrong-file` for a file that is not kept, `shredded` where another is here. */
  bury(tombstone: Uint8Array): Promise<void>
  /** The newest version of a file whose content is here; null where none is known. Throws `shredded`. */
  newest(dataId: Uint8Array): KeptVersion | null
  /** All versions that are known of a file, oldest first. */
  versions(dataId: Uint8Array): readonly KeptVersion[]
  /** The tombstone of a file; null where it has none. */
  ended(dataId: Uint8Array): SignedTombstone | null
  /** The newest version of every file that is not shredded, also where its content is not here any more. */
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
  /**
   * Has this node listen for editions of that list from now on; resolves once one is at hand, or after `LIMITS.statusWaitMs`. To be asked only about lists that a ping
   * names whose signature holds and whose issuer owns a file that is kept here: places are few.
   *
   * Throws `limit` where none is left, `not-allowed` where the broker refuses.
   */
  follow(issuer: Uint8Array, listId: Uint8Array): Promise<void>
}

/** The status lists that this node's own identity issues. */
export interface OwnStatusLists {
  own(listId: Uint8Array): StatusList | null
  /** An edition of a list of one's own came from the net, perhaps later than what one's disk holds. Its signature is not checked yet. */
  heard(edition: StatusList): void
}

/** Copies of .qnt files on this disk, each under the digest of its manifest: whole or not there at all. Digests have 32 bytes. */
export interface QntStore {
  /** The manifest in the .qnt at `path`, checked by nobody. Throws `bad-shape`, `tampered`, `too-long`, `file-unreadable`. */
  manifestAt(path: string): Promise<Uint8Array>
  /**
   * Copies the .qnt at `path` while every chunk and the stored tree are held against the manifest. Resolves with the bytes of the copy when it is on the disk; a copy that is
   * there already is read, and kept where it is whole; a damaged one is replaced once the file at `path` is known to be whole.
   *
   * Throws `tampered`, also where the file has another manifest by now, `file-unreadable`, `store-failed`; `stopped` once the signal aborts.
   */
  take(path: string, manifest: CheckedManifest, signal?: AbortSignal): Promise<number>
  /** The manifest of a copy, checked by nobody. Throws as `manifestAt`. */
  manifestOf(digest: Uint8Array): Promise<Uint8Array>
  /** Bytes of a copy; null where it is not there. */
  fileBytes(digest: Uint8Array): Promise<number | null>
  /** The digests of all copies. */
  digests(): Promise<Uint8Array[]>
  /** Frees the room of a copy; none there is no error. Throws `store-failed`. */
  remove(digest: Uint8Array): Promise<void>
  /** Bytes of a copy as they lie on the disk. Throws `out-of-range`, `file-unreadable`. */
  readSealed(digest: Uint8Array, at: number, length: number): Promise<Uint8Array>
  /** A range of the content, proved and opened. Throws `tampered`, `bad-key`, `too-long`, `bad-argument`, `file-unreadable`. */
  readRange(manifest: CheckedManifest, range: { at: number; length: number }, keys: PayloadKeys): Promise<Uint8Array>
  /** Reads a whole copy again and holds it against its manifest. Throws `tampered`, `file-unreadable`; `stopped` once the signal aborts. */
  scrub(manifest: CheckedManifest, signal?: AbortSignal): Promise<void>
}

/** Asks runnables; what `RunnableHost` of the drivers is to services. */
export interface Runnables {
  /** What a module says to a request (bytes of `encodeRequest`) with that much fuel. Throws `runnable-refused`, `timeout`, `limit`, `stopped`, `internal`. */
  run(module: Uint8Array, request: Uint8Array, fuel: number): Promise<Outcome>
}
