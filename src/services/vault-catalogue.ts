/**
 * What the vault knows of its files, as it stands in the store: one small record a file, one a version with its manifest, one a tombstone.
 *
 * Nothing of it is kept in memory: a vault of many files starts fast and stays small. Records are read and written by whoever holds the file alone (`vault.ts`).
 */

import { concat, equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { manifestPayload, readManifest, readManifestDocument, type SignedManifest } from '../data/manifest.ts'
import { readTombstoneDocument, type SignedTombstone } from '../data/tombstone.ts'
import type { Store, Write } from '../kernel/ports.ts'
import type { CheckedManifest, KeptVersion } from '../kernel/vault.ts'

/** One file. */
export interface FileRecord {
  readonly dataId: Uint8Array
  readonly ownerId: Uint8Array
  /** 16 bytes: with the owner, what the file's object in the register is called by. */
  readonly salt: Uint8Array
  /** Versions that are known, from the first to the newest, without gaps. */
  readonly first: number
  readonly newest: number
  /** The version whose content is on this disk, or null. */
  readonly held: HeldContent | null
  /** True while the neighborhood is to settle the newest version, or the end, and has not. */
  readonly waits: boolean
  /** True once a tombstone is here. */
  readonly buried: boolean
}

/** Content on this disk. */
export interface HeldContent {
  readonly version: number
  /** Digest of its manifest: the copy's name. */
  readonly digest: Uint8Array
  readonly fileBytes: number
  /** As the policy says; 0 for no end. */
  readonly retainUntilMs: number
  /** True where a runnable is to be asked before the content goes. */
  readonly asks: boolean
}

const FILES = 'vault-file'
const VERSIONS = 'vault-version'
const TOMBSTONES = 'vault-tombstone'
const FORMAT = 1
/** Of a version whose file has ended. */
const ENDED_FORMAT = 2

/** The records of one vault. */
export class Catalogue {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  file(dataId: Uint8Array): FileRecord | null {
    const value = this.#store.get(FILES, dataId)
    return value === null ? null : readFile(dataId, value)
  }

  /** All files in the order of their ids. */
  *files(): Iterable<FileRecord> {
    for (const { key, value } of this.#store.scan(FILES)) yield readFile(key.slice(), value.slice())
  }

  /** One version of a file; null where it is not known. */
  version(file: FileRecord, fileVersion: number): KeptVersion | null {
    const value = this.#store.get(VERSIONS, versionKey(file.dataId, fileVersion))
    return value === null ? null : readVersion(value, file)
  }

  /** Every known version, oldest first. */
  *versions(file: FileRecord): Iterable<KeptVersion> {
    for (let number = file.first; number <= file.newest; number++) {
      const version = this.version(file, number)
      if (version) yield version
    }
  }

  /** The newest version that is known. Throws `store-damaged` where its record is lost. */
  newest(file: FileRecord): KeptVersion {
    const version = this.version(file, file.newest)
    if (version) return version
    throw new WebxError('store-damaged', 'the newest version of a file in the vault is missing')
  }

  tombstone(dataId: Uint8Array): SignedTombstone | null {
    const document = this.#store.get(TOMBSTONES, dataId)
    if (document === null) return null
    const { tombstone, digest } = readTombstoneDocument(document)
    return { tombstone, digest }
  }
}

/** A version as content that lies on this disk. */
export function heldContent({ manifest, digest }: SignedManifest, fileBytes: number): HeldContent {
  const { fileVersion: version, policy, runnables } = manifest
  const asks = runnables.some(({ hook, module }) => hook === 'expire' && module !== null)
  return { version, digest, fileBytes, retainUntilMs: policy.retainUntilMs, asks }
}

/** What storing a file's record takes. */
export function fileWrite(file: FileRecord): Write {
  const { dataId, ownerId, salt, first, newest, held, waits, buried } = file
  const content = held ? [held.version, held.digest, held.fileBytes, held.retainUntilMs, held.asks] : []
  return { space: FILES, key: dataId, value: encode([FORMAT, ownerId, salt, first, newest, content, waits, buried]) }
}

/** What storing a version takes; one without its document is stored as of a file that has ended. */
export function versionWrite(version: CheckedManifest, keptMs: number, certified: boolean): Write {
  const { manifest, digest, document } = version
  const key = versionKey(manifest.dataId, manifest.fileVersion)
  const said = document.length > 0 ? [FORMAT, document] : [ENDED_FORMAT, digest, manifestPayload(manifest)]
  return { space: VERSIONS, key, value: encode([...said, keptMs, certified]) }
}

/**
 * What forgetting the wrapped keys of a file takes: of each version stays what it was called and what it said, but to nobody. Modules go, too: with them all versions of a
 * file were more than one commit holds.
 */
export function* endedWrites(versions: Iterable<KeptVersion>): Iterable<Write> {
  for (const { manifest, digest, document, keptMs, certified } of versions) {
    if (document.length === 0) continue
    const runnables = manifest.runnables.map((runnable) => ({ ...runnable, module: null }))
    const said = { ...manifest, recipients: [], runnables }
    yield versionWrite({ manifest: said, digest, document: NOTHING }, keptMs, certified)
  }
}

/** What storing a tombstone takes. */
export function tombstoneWrite(dataId: Uint8Array, document: Uint8Array): Write {
  return { space: TOMBSTONES, key: dataId, value: document }
}

function readFile(dataId: Uint8Array, value: Uint8Array): FileRecord {
  const fields = Fields.of('vault file', value)
  assertFormat(fields)
  const file = {
    dataId,
    ownerId: fields.bytes('owner', 32),
    salt: fields.bytes('salt', 16),
    first: fields.uint('first'),
    newest: fields.uint('newest'),
    held: readHeld(fields),
    waits: fields.boolean('waits'),
    buried: fields.boolean('buried'),
  }
  fields.end()
  return file
}

function readHeld(fields: Fields): HeldContent | null {
  const value = fields.any('held')
  if (Array.isArray(value) && value.length === 0) return null
  const content = new Fields('held content', value)
  const held = {
    version: content.uint('version'),
    digest: content.bytes('digest', 32),
    fileBytes: content.uint('file bytes'),
    retainUntilMs: content.uint('retain until'),
    asks: content.boolean('asks'),
  }
  content.end()
  return held
}

function readVersion(value: Uint8Array, { held }: FileRecord): KeptVersion {
  const fields = Fields.of('vault version', value, LIMITS.manifestBytesMax + 128)
  const { manifest, digest, document } = readSaid(fields)
  const keptMs = fields.uint('kept')
  const certified = fields.boolean('certified')
  fields.end()
  const fileBytes = held !== null && equal(held.digest, digest) ? held.fileBytes : 0
  return { manifest, digest, document, fileBytes, keptMs, certified }
}

function readSaid(fields: Fields): CheckedManifest {
  const format = assertFormat(fields, ENDED_FORMAT)
  if (format === ENDED_FORMAT) {
    const digest = fields.bytes('digest', 32)
    const manifest = readManifest(fields.bytesBetween('manifest', 1, LIMITS.manifestBytesMax))
    return { manifest, digest, document: NOTHING }
  }
  const document = fields.bytesBetween('document', 1, LIMITS.manifestBytesMax)
  return { ...readManifestDocument(document), document }
}

function assertFormat(fields: Fields, most: number = FORMAT): number {
  const format = fields.uint('format')
  if (format >= FORMAT && format <= most) return format
  throw new WebxError('bad-version', `vault: record of format ${format}, known is ${most}`)
}

const NOTHING = new Uint8Array(0)

function versionKey(dataId: Uint8Array, fileVersion: number): Uint8Array {
  const number = new Uint8Array(8)
  new DataView(number.buffer).setBigUint64(0, BigInt(fileVersion))
  return concat(dataId, number)
}
