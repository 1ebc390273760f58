/**
 * A tombstone: the owner's signed end of a .qnt. It takes the place of the version after the last one, and nothing follows it.
 *
 * A COSE_Sign1 document (RFC 9052) of content type `application/webx-tombstone` over a positional array (PROTOCOL.md). Whoever keeps the file removes its content; the
 * manifests and the tombstone stay, so that an old copy is known for what it is. That a content key is forgotten everywhere is nothing that a document can bring about.
 */

import { equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { decodeSign1, encodeSign1, type Sign1Header, sign1Message } from '../core/cose.ts'
import { verifySignature } from '../core/crypto.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { dataIdOf, type SignedManifest } from './manifest.ts'

/** Media type of a tombstone's payload. */
export const TOMBSTONE_CONTENT_TYPE = 'application/webx-tombstone'

/** The end of one file. Digests and ids have 32 bytes. */
export interface Tombstone {
  /** `dataIdOf(ownerId, salt)`. */
  readonly dataId: Uint8Array
  readonly ownerId: Uint8Array
  /** 16 bytes, as in every version of the file. */
  readonly salt: Uint8Array
  /** Position in the owner's key log at which it was signed. */
  readonly ownerPosition: number
  /** One more than the last version's: from 2. */
  readonly fileVersion: number
  /** `manifestDigest` of the last version. */
  readonly previous: Uint8Array
  /** When its owner signed it, as the owner says, in milliseconds since 1970. */
  readonly atMs: number
}

/** A document that was read and whose signature is not yet checked. */
export interface TombstoneDocument {
  readonly tombstone: Tombstone
  readonly digest: Uint8Array
  /** What the signature must cover. */
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** A tombstone whose signature holds. */
export interface SignedTombstone {
  readonly tombstone: Tombstone
  /** `tombstoneDigest` of its payload. */
  readonly digest: Uint8Array
}

/** What stands for a tombstone in the register: a digest of the payload. */
export function tombstoneDigest(payload: Uint8Array): Uint8Array {
  return blake3Of('webx v1 tombstone', payload)
}

/** The bytes of a tombstone. Throws `bad-argument` where `readTombstone` would refuse them. */
export function tombstonePayload(tombstone: Tombstone): Uint8Array {
  const { dataId, ownerId, salt, ownerPosition, fileVersion, previous, atMs } = tombstone
  try {
    const payload = encode([VERSION, dataId, ownerId, salt, ownerPosition, fileVersion, previous, atMs])
    readTombstone(payload)
    return payload
  } catch (cause) {
    throw new WebxError('bad-argument', `this tombstone cannot be made: ${(cause as Error).message}`, { cause })
  }
}

/** What the owner signs for a payload. */
export function tombstoneMessage(payload: Uint8Array, ownerId: Uint8Array): Uint8Array {
  return sign1Message(payload, headerOf(ownerId))
}

/** The document of a payload and the signature over `tombstoneMessage`. */
export function tombstoneDocument(payload: Uint8Array, ownerId: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeSign1(payload, signature, headerOf(ownerId))
}

/** Reads a document, to learn which key must have signed it. Throws `too-long`, `bad-shape`, `bad-version`, `not-canonical` or `wrong-owner`. */
export function readTombstoneDocument(document: Uint8Array): TombstoneDocument {
  if (document.length > LIMITS.tombstoneBytesMax)
    throw new WebxError('too-long', `${document.length} bytes of tombstone`)
  const { header, payload, message, signature } = decodeSign1(document)
  if (header.contentType !== TOMBSTONE_CONTENT_TYPE || header.keyId === undefined) {
    throw new WebxError('bad-shape', `not a document of type ${TOMBSTONE_CONTENT_TYPE} with a key id`)
  }
  const tombstone = readTombstone(payload)
  if (!equal(header.keyId, tombstone.ownerId)) {
    throw new WebxError('wrong-owner', 'tombstone: signed in the name of another')
  }
  return { tombstone, digest: tombstoneDigest(payload), message, signature }
}

/**
 * The tombstone in a document that the file's owner signed.
 *
 * @param keyOf the owner's Ed25519 key (32 bytes) at a position of the key log, or null where that is not known
 * @throws WebxError what `readTombstoneDocument` throws, `unknown-owner`, `bad-signature`
 */
export function verifyTombstone(
  document: Uint8Array,
  keyOf: (ownerId: Uint8Array, ownerPosition: number) => Uint8Array | null,
): SignedTombstone {
  const { tombstone, digest, message, signature } = readTombstoneDocument(document)
  const key = keyOf(tombstone.ownerId, tombstone.ownerPosition)
  if (key === null) throw new WebxError('unknown-owner', 'the key of this tombstone is not known')
  if (!verifySignature(key, message, signature)) {
    throw new WebxError('bad-signature', 'tombstone: the signature is wrong')
  }
  return { tombstone, digest }
}

/** Reads the payload of a tombstone. Throws `too-long`, `not-canonical`, `bad-version`, `bad-shape`, `wrong-owner`. */
export function readTombstone(payload: Uint8Array): Tombstone {
  const fields = Fields.of('tombstone', payload, LIMITS.tombstoneBytesMax)
  const version = fields.uint('version')
  if (version !== VERSION) throw new WebxError('bad-version', `tombstone: version ${version}, known is ${VERSION}`)
  const tombstone: Tombstone = {
    dataId: fields.bytes('dataId', 32),
    ownerId: fields.bytes('ownerId', 32),
    salt: fields.bytes('salt', SALT_LENGTH),
    ownerPosition: fields.uint('ownerPosition'),
    fileVersion: fields.uint('fileVersion'),
    previous: fields.bytes('previous', 32),
    atMs: fields.uint('at'),
  }
  fields.end()
  if (!equal(tombstone.dataId, dataIdOf(tombstone.ownerId, tombstone.salt))) {
    throw new WebxError('wrong-owner', 'tombstone: this data id does not belong to this owner')
  }
  if (tombstone.fileVersion < 2) throw new WebxError('bad-shape', 'tombstone: it follows at least one version')
  return tombstone
}

/**
 * Throws unless `tombstone` ends the file of which `held` is the newest version that is known here: same file and owner, a later version, no older position, and linked by
 * digest where `held` is the very last. A replica that missed the last versions obeys all the same: they cannot matter any more, and content must not outlive its end
 * because a node was away.
 *
 * @throws WebxError `wrong-file`, `wrong-version` or `broken-history`
 */
export function assertBuries(held: SignedManifest, tombstone: Tombstone): void {
  const { manifest, digest } = held
  if (!equal(manifest.dataId, tombstone.dataId) || !equal(manifest.ownerId, tombstone.ownerId)) {
    throw new WebxError('wrong-file', 'tombstone: the end of another file')
  }
  if (tombstone.fileVersion <= manifest.fileVersion) {
    const { fileVersion } = manifest
    throw new WebxError(
      'wrong-version',
      `tombstone: as version ${tombstone.fileVersion} it cannot follow ${fileVersion}`,
    )
  }
  if (tombstone.ownerPosition < manifest.ownerPosition) {
    throw new WebxError('broken-history', 'tombstone: signed at an older position of the key log than the last version')
  }
  if (tombstone.fileVersion === manifest.fileVersion + 1 && !equal(tombstone.previous, digest)) {
    throw new WebxError('broken-history', 'tombstone: names another version as the last one')
  }
}

const VERSION = 1
const SALT_LENGTH = 16

function headerOf(ownerId: Uint8Array): Sign1Header {
  return { contentType: TOMBSTONE_CONTENT_TYPE, keyId: ownerId }
}
