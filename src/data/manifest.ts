/**
 * The manifest of a .qnt: the signed head that says whose a file is, how its content is sealed, who can open it, and under which rules.
 *
 * A COSE_Sign1 document (RFC 9052) of content type `application/webx-qnt` over a positional array (PROTOCOL.md). The data id is a digest of the owner and a salt, so
 * that nobody can claim another's; every version names the digest of the one before. Where the owner's keys come from is the caller's business: the manifest names the
 * position in the owner's key log at which it was signed.
 */

import { compare, concat, equal } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { decodeSign1, encodeSign1, type Sign1Header, sign1Message } from '../core/cose.ts'
import { verifySignature } from '../core/crypto.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { type Policy, policyCbor, readPolicy } from './policy.ts'
import { type Recipient, readRecipients, recipientCbor } from './recipients.ts'
import { type RunnableEntry, readRunnables, runnableCbor } from './runnable.ts'

/** Media type of a manifest's payload. */
export const MANIFEST_CONTENT_TYPE = 'application/webx-qnt'

/** Who agrees on the versions of a file: its owner alone, the owner's neighborhood, or the whole network. In the order of their numbers. */
export const TIERS = ['private', 'protected', 'public'] as const
export type Tier = (typeof TIERS)[number]

/** How content is sealed, numbered from 1: chunks of ChaCha20-Poly1305 under counter nonces with a BLAKE3 tree over them. */
export const CONTENT_SUITES = ['chacha20-poly1305-blake3'] as const
export type ContentSuite = (typeof CONTENT_SUITES)[number]

/** One version of one file. Digests and ids have 32 bytes. */
export interface Manifest {
  /** `dataIdOf(ownerId, salt)`, the same in every version. */
  readonly dataId: Uint8Array
  readonly ownerId: Uint8Array
  /** 16 random bytes. */
  readonly salt: Uint8Array
  /** Position in the owner's key log at which this version was signed. */
  readonly ownerPosition: number
  /** From 1, without gaps. */
  readonly fileVersion: number
  /** `manifestDigest` of the version before; null for version 1. */
  readonly previous: Uint8Array | null
  readonly contentBytes: number
  /** Sealed chunks have 2 to this power bytes: 10 to 16. */
  readonly chunkLog2: number
  readonly suite: ContentSuite
  /** Root of the tree over the sealed chunks. */
  readonly root: Uint8Array
  /** Counts the content keys of this file; a new key for every revocation. */
  readonly keyEpoch: number
  /** What the content key was committed to. */
  readonly keyCommitment: Uint8Array
  readonly tier: Tier
  readonly recipients: readonly Recipient[]
  /** Digests of blinded metadata and decoys, ascending. */
  readonly fieldDigests: readonly Uint8Array[]
  readonly policy: Policy
  /** At most one for each hook. */
  readonly runnables: readonly RunnableEntry[]
  /** Digests of the manifests from which this file was made, ascending. */
  readonly parents: readonly Uint8Array[]
}

/** A document that was read and whose signature is not yet checked. */
export interface ManifestDocument {
  readonly manifest: Manifest
  readonly digest: Uint8Array
  /** What the signature must cover. */
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** A manifest whose signature holds. */
export interface SignedManifest {
  readonly manifest: Manifest
  /** `manifestDigest` of its payload. */
  readonly digest: Uint8Array
}

/** The id of a file of `ownerId` (32 bytes) with a random salt (16 bytes). */
export function dataIdOf(ownerId: Uint8Array, salt: Uint8Array): Uint8Array {
  return blake3Of('webx v1 qnt data id', concat(ownerId, salt))
}

/** What stands for one version of a file in the next one, in its children and in the register: a digest of the payload. */
export function manifestDigest(payload: Uint8Array): Uint8Array {
  return blake3Of('webx v1 qnt manifest', payload)
}

/** The bytes of a manifest. Throws `bad-argument` where `readManifest` would refuse them. */
export function manifestPayload(manifest: Manifest): Uint8Array {
  const payload = encode(manifestCbor(manifest))
  try {
    readManifest(payload)
  } catch (cause) {
    throw new WebxError('bad-argument', `this manifest cannot be made: ${(cause as Error).message}`, { cause })
  }
  return payload
}

/** What the owner signs for a payload. */
export function manifestMessage(payload: Uint8Array, ownerId: Uint8Array): Uint8Array {
  return sign1Message(payload, headerOf(ownerId))
}

/** The document of a payload and the signature over `manifestMessage`. */
export function manifestDocument(payload: Uint8Array, ownerId: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeSign1(payload, signature, headerOf(ownerId))
}

/** Reads a document, to learn which key must have signed it. Throws `too-long`, `bad-shape`, `bad-version`, `not-canonical` or `wrong-owner`. */
export function readManifestDocument(document: Uint8Array): ManifestDocument {
  if (document.length > LIMITS.manifestBytesMax) throw new WebxError('too-long', `${document.length} bytes of manifest`)
  const { header, payload, message, signature } = decodeSign1(document)
  if (header.contentType !== MANIFEST_CONTENT_TYPE || header.keyId === undefined) {
    throw new WebxError('bad-shape', `not a document of type ${MANIFEST_CONTENT_TYPE} with a key id`)
  }
  const manifest = readManifest(payload)
  if (!equal(header.keyId, manifest.ownerId)) {
    throw new WebxError('wrong-owner', 'manifest: signed in the name of another')
  }
  return { manifest, digest: manifestDigest(payload), message, signature }
}

/**
 * The manifest in a document that its owner signed.
 *
 * @param keyOf the owner's Ed25519 key (32 bytes) at a position of the key log, or null where that is not known
 * @throws WebxError what `readManifestDocument` throws, `unknown-owner`, `bad-signature`
 */
export function verifyManifest(
  document: Uint8Array,
  keyOf: (ownerId: Uint8Array, ownerPosition: number) => Uint8Array | null,
): SignedManifest {
  const { manifest, digest, message, signature } = readManifestDocument(document)
  const key = keyOf(manifest.ownerId, manifest.ownerPosition)
  if (key === null) throw new WebxError('unknown-owner', 'the key of this manifest is not known')
  if (!verifySignature(key, message, signature)) {
    throw new WebxError('bad-signature', 'manifest: the signature is wrong')
  }
  return { manifest, digest }
}

/** Reads the payload of a manifest. Throws `too-long`, `not-canonical`, `bad-version`, `bad-shape`, `wrong-owner`. */
export function readManifest(payload: Uint8Array): Manifest {
  const fields = Fields.of('manifest', payload, LIMITS.manifestBytesMax)
  const version = fields.uint('version')
  if (version !== VERSION) throw new WebxError('bad-version', `manifest: version ${version}, known is ${VERSION}`)
  const manifest: Manifest = {
    dataId: fields.bytes('dataId', 32),
    ownerId: fields.bytes('ownerId', 32),
    salt: fields.bytes('salt', SALT_LENGTH),
    ownerPosition: fields.uint('ownerPosition'),
    fileVersion: fields.uint('fileVersion'),
    previous: orNull(fields.bytesBetween('previous', 0, 32)),
    contentBytes: fields.uint('contentBytes', LIMITS.qntContentBytesMax),
    chunkLog2: fields.uint('chunkLog2', CHUNK_LOG2_MAX),
    suite: readSuite(fields),
    root: fields.bytes('root', 32),
    keyEpoch: fields.uint('keyEpoch'),
    keyCommitment: fields.bytes('keyCommitment', 32),
    tier: TIERS[fields.uint('tier', TIERS.length - 1)] as Tier,
    recipients: readRecipients(fields),
    fieldDigests: fields.list('fieldDigests', LIMITS.qntFieldsMax, readDigest),
    policy: fields.tuple('policy', readPolicy),
    runnables: readRunnables(fields),
    parents: fields.list('parents', LIMITS.qntParentsMax, readDigest),
  }
  fields.end()
  assertConsistent(manifest)
  return manifest
}

/**
 * Throws unless `next` may take the place of `held`: same file and owner, the very next version, linked by digest, no key or key epoch older, and not empty
 * where `held` has content – that is the mark of a replica that lost its data; who wants to delete signs a tombstone.
 *
 * @throws WebxError `wrong-file`, `wrong-version`, `broken-history` or `empty-replica`
 */
export function assertSucceeds(held: SignedManifest, next: Manifest): void {
  const { manifest, digest } = held
  if (!equal(manifest.dataId, next.dataId) || !equal(manifest.ownerId, next.ownerId)) {
    throw new WebxError('wrong-file', 'manifest: a version of another file')
  }
  if (next.fileVersion !== manifest.fileVersion + 1) {
    throw new WebxError('wrong-version', `manifest: version ${next.fileVersion} cannot follow ${manifest.fileVersion}`)
  }
  if (next.previous === null || !equal(next.previous, digest)) {
    throw new WebxError('broken-history', 'manifest: names another version as the one before')
  }
  if (next.ownerPosition < manifest.ownerPosition) {
    throw new WebxError(
      'broken-history',
      'manifest: signed at an older position of the key log than the version before',
    )
  }
  if (next.keyEpoch < manifest.keyEpoch || next.keyEpoch > manifest.keyEpoch + 1) {
    throw new WebxError('broken-history', `manifest: key epoch ${next.keyEpoch} cannot follow ${manifest.keyEpoch}`)
  }
  if (equal(next.keyCommitment, manifest.keyCommitment)) {
    // under one key and the same nonces two contents would give each other away; and who was removed would still read
    if (next.keyEpoch > manifest.keyEpoch) {
      throw new WebxError('broken-history', 'manifest: a new key epoch with the content key of the version before')
    }
    if (!equal(next.root, manifest.root)) {
      throw new WebxError('broken-history', 'manifest: another content under the content key of the version before')
    }
  }
  if (next.contentBytes === 0 && manifest.contentBytes > 0) {
    const hint = 'Fetch the content from another replica; to delete a file, shred it.'
    throw new WebxError('empty-replica', 'manifest: an empty version would replace content', { hint })
  }
}

const VERSION = 1
const SALT_LENGTH = 16
const CHUNK_LOG2_MIN = 10
const CHUNK_LOG2_MAX = 16

function headerOf(ownerId: Uint8Array): Sign1Header {
  return { contentType: MANIFEST_CONTENT_TYPE, keyId: ownerId }
}

function manifestCbor(manifest: Manifest): Cbor {
  return [
    VERSION,
    manifest.dataId,
    manifest.ownerId,
    manifest.salt,
    manifest.ownerPosition,
    manifest.fileVersion,
    manifest.previous ?? new Uint8Array(0),
    manifest.contentBytes,
    manifest.chunkLog2,
    CONTENT_SUITES.indexOf(manifest.suite) + 1,
    manifest.root,
    manifest.keyEpoch,
    manifest.keyCommitment,
    TIERS.indexOf(manifest.tier),
    manifest.recipients.map(recipientCbor),
    manifest.fieldDigests,
    policyCbor(manifest.policy),
    manifest.runnables.map(runnableCbor),
    manifest.parents,
  ]
}

function readSuite(fields: Fields): ContentSuite {
  const suite = CONTENT_SUITES[fields.uint('suite') - 1]
  if (suite === undefined) {
    throw new WebxError('bad-version', 'manifest: sealed in a way that this runtime does not know')
  }
  return suite
}

function orNull(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length !== 0 && bytes.length !== 32) throw new WebxError('bad-shape', 'manifest: a digest has 32 bytes')
  return bytes.length === 0 ? null : bytes
}

function readDigest(value: Cbor): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== 32) {
    throw new WebxError('bad-shape', 'manifest: a digest has 32 bytes')
  }
  return value
}

/** What no single field tells. */
function assertConsistent(manifest: Manifest): void {
  const { dataId, ownerId, salt, fileVersion, previous, chunkLog2 } = manifest
  if (!equal(dataId, dataIdOf(ownerId, salt))) {
    throw new WebxError('wrong-owner', 'manifest: this data id does not belong to this owner')
  }
  if (fileVersion === 0 || (fileVersion === 1) !== (previous === null)) {
    throw new WebxError('bad-shape', 'manifest: version 1 and no other has nothing before it')
  }
  if (chunkLog2 < CHUNK_LOG2_MIN) throw new WebxError('bad-shape', `manifest: chunks of 2^${chunkLog2} bytes`)
  for (const list of [manifest.fieldDigests, manifest.parents]) {
    if (!list.every((digest, i) => i === 0 || compare(list[i - 1] as Uint8Array, digest) < 0)) {
      throw new WebxError('bad-shape', 'manifest: digests ascend and none stands twice')
    }
  }
}
