/**
 * What a backup holds, byte by byte: a head that a passphrase opens, and behind it one sealed stream of records and files.
 *
 * A backup is of a whole node (its key file, its store, its .qnt files and what it takes to start) or of an identity alone. It names its files by a closed list of
 * paths, in one fixed order, so that no backup can write anywhere else, or anything twice. Layout and CDDL: `src/PROTOCOL.md`.
 */

import { concat, equal, fromText } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'

/** What was backed up. */
export type BackupKind = 'node' | 'identity'

/** What stands before the files. */
export interface BackupAbout {
  readonly kind: BackupKind
  /** 32-byte identity of the key file. */
  readonly id: Uint8Array
  readonly createdMs: number
  /** The program that made it. */
  readonly software: string
}

/** A file of a backup. */
export interface BackupEntry {
  readonly path: string
  readonly bytes: number
}

/** Files of a backup, and the bytes in them. */
export interface BackupSize {
  readonly files: number
  readonly bytes: number
}

/** A head as it was read. */
export interface BackupHead {
  /** The sealed content key (`drivers/passphrase.ts`). */
  readonly seal: Uint8Array
  /** 32 bytes, to which every chunk is bound. */
  readonly digest: Uint8Array
}

/** One record of the stream. */
export type BackupRecord =
  | ({ readonly is: 'about' } & BackupAbout)
  | ({ readonly is: 'file' } & BackupEntry)
  | ({ readonly is: 'end' } & BackupSize)

/** Bytes of the magic and the length, before the rest of a head. */
export const HEAD_PREFIX_BYTES = 8
/** Bytes of the digest behind each file. */
export const FILE_DIGEST_BYTES = 32

const MAGIC = fromText('WBK1')
const VERSION = 1
const HEAD_DIGEST_BYTES = 32
const KINDS: readonly BackupKind[] = ['node', 'identity']
const SOFTWARE_CHARACTERS_MAX = 40
const PATH_CHARACTERS_MAX = 72

/** Files before the .qnt files, in their order, with the most that each may have. */
const SINGLE: readonly { readonly path: string; readonly bytesMax: number; readonly kinds: readonly BackupKind[] }[] = [
  { path: 'node.key', bytesMax: LIMITS.keyFileBytesMax, kinds: KINDS },
  { path: 'node.key.log', bytesMax: LIMITS.keyLogFileBytesMax, kinds: KINDS },
  { path: 'genesis.webx', bytesMax: LIMITS.genesisBytesMax, kinds: ['node'] },
  { path: 'settings.toml', bytesMax: LIMITS.profileBytesMax, kinds: ['node'] },
  { path: 'webx.db', bytesMax: LIMITS.qntContentBytesMax, kinds: ['node'] },
]
const QNT_PATH = /^qnt\/[0-9a-f]{64}\.qnt$/

/** What the passphrase's seal of a backup's key is bound to. */
export function backupBound(): Uint8Array {
  return encode(['webx backup', VERSION])
}

/** The head around a sealed content key. Throws `bad-argument` for one that is too long. */
export function backupHead(seal: Uint8Array): Uint8Array {
  const content = encode([VERSION, seal])
  if (content.length > LIMITS.backupHeadBytesMax) throw new WebxError('bad-argument', 'this seal is too long')
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, content.length)
  const head = concat(MAGIC, length, content)
  return concat(head, digestOf(head))
}

/**
 * Bytes of a whole head, by its first 8 bytes.
 *
 * Throws `bad-shape` for what is no backup, `too-long`.
 */
export function backupHeadBytes(prefix: Uint8Array): number {
  if (prefix.length < HEAD_PREFIX_BYTES || !equal(prefix.subarray(0, MAGIC.length), MAGIC)) {
    throw new WebxError('bad-shape', 'this is no backup of webx')
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset).getUint32(MAGIC.length)
  if (length > LIMITS.backupHeadBytesMax) throw new WebxError('too-long', 'the head of this backup is too long')
  return HEAD_PREFIX_BYTES + length + HEAD_DIGEST_BYTES
}

/** Reads a whole head. Throws `tampered` where its digest is another, `bad-version`, `bad-shape`, `not-canonical`, `too-long`. */
export function readBackupHead(bytes: Uint8Array): BackupHead {
  if (bytes.length !== backupHeadBytes(bytes)) throw new WebxError('tampered', 'the head of this backup is cut off')
  const head = bytes.subarray(0, -HEAD_DIGEST_BYTES)
  const digest = bytes.slice(-HEAD_DIGEST_BYTES)
  if (!equal(digestOf(head), digest)) throw new WebxError('tampered', 'the head of this backup is damaged')
  const fields = Fields.of('backup head', head.subarray(HEAD_PREFIX_BYTES), LIMITS.backupHeadBytesMax)
  const version = fields.uint('version')
  if (version !== VERSION) {
    throw new WebxError('bad-version', `this backup has version ${version}, known is ${VERSION}`)
  }
  const seal = fields.bytesBetween('seal', 1, LIMITS.backupHeadBytesMax).slice()
  fields.end()
  return { seal, digest }
}

/** A record as it stands in the stream: its length in 16 bits, and its bytes. Throws `bad-argument` for a path that is not of the list. */
export function recordBytes(record: BackupRecord): Uint8Array {
  const content = encode(fieldsOf(record))
  if (content.length > LIMITS.backupRecordBytesMax) throw new WebxError('bad-argument', 'this record is too long')
  return concat(Uint8Array.of(content.length >> 8, content.length & 0xff), content)
}

/** Reads a record without its length. Throws `bad-shape`, `not-canonical`, `too-long`. */
export function readRecord(bytes: Uint8Array): BackupRecord {
  const fields = Fields.of('backup record', bytes, LIMITS.backupRecordBytesMax)
  const record = readKind(fields, fields.uint('record', 2))
  fields.end()
  return record
}

/** Holds the files of a backup to the list: each where it may stand, none twice, none too long, not too many. */
export class BackupOrder {
  readonly #kind: BackupKind
  #last = ''
  #files = 0
  #bytes = 0

  constructor(kind: BackupKind) {
    this.#kind = kind
  }

  /** What there was by now. */
  get size(): BackupSize {
    return { files: this.#files, bytes: this.#bytes }
  }

  /** Takes the next file. Throws `bad-shape`, `too-long`, `limit`. */
  next({ path, bytes }: BackupEntry): void {
    const single = SINGLE.find((each) => each.path === path)
    const isOf = single ? single.kinds.includes(this.#kind) : this.#kind === 'node' && QNT_PATH.test(path)
    if (!isOf) throw new WebxError('bad-shape', `a backup of this kind holds no "${path.slice(0, 80)}"`)
    if (this.#files === 0 && path !== SINGLE[0]?.path) {
      throw new WebxError('bad-shape', 'a backup begins with the key file')
    }
    if (this.#files > 0 && !isBefore(this.#last, path)) {
      throw new WebxError('bad-shape', `"${path}" stands in the wrong place`)
    }
    if (bytes > (single?.bytesMax ?? LIMITS.qntContentBytesMax))
      throw new WebxError('too-long', `"${path}" is too long`)
    if (this.#files >= LIMITS.backupFilesMax) throw new WebxError('limit', 'a backup does not hold so many files')
    if (this.#bytes + bytes > LIMITS.qntContentBytesMax)
      throw new WebxError('too-long', 'a backup does not hold so much')
    this.#last = path
    this.#files++
    this.#bytes += bytes
  }

  /** Throws `bad-shape` unless there was a key file, and these are the numbers of the record that ends a backup. */
  end({ files, bytes }: BackupSize): void {
    if (files > 0 && files === this.#files && bytes === this.#bytes) return
    throw new WebxError('bad-shape', 'the end of this backup speaks of other files')
  }
}

function fieldsOf(record: BackupRecord): Cbor {
  switch (record.is) {
    case 'about':
      return [0, KINDS.indexOf(record.kind), record.id, record.createdMs, record.software]
    case 'file':
      return [1, record.path, record.bytes]
    case 'end':
      return [2, record.files, record.bytes]
  }
}

function readKind(fields: Fields, kind: number): BackupRecord {
  if (kind === 0) {
    return {
      is: 'about',
      kind: KINDS[fields.uint('kind', KINDS.length - 1)] as BackupKind,
      id: fields.bytes('id', 32).slice(),
      createdMs: fields.uint('createdMs'),
      software: fields.text('software', SOFTWARE_CHARACTERS_MAX),
    }
  }
  if (kind === 1) return { is: 'file', path: fields.text('path', PATH_CHARACTERS_MAX), bytes: fields.uint('bytes') }
  return { is: 'end', files: fields.uint('files'), bytes: fields.uint('bytes') }
}

/** Whether a file stands before another one: as the list has them, the .qnt files last, by their names. */
function isBefore(one: string, other: string): boolean {
  const place = (path: string): number => {
    const found = SINGLE.findIndex((each) => each.path === path)
    return found < 0 ? SINGLE.length : found
  }
  return place(one) < place(other) || (place(one) === SINGLE.length && place(other) === SINGLE.length && one < other)
}

function digestOf(head: Uint8Array): Uint8Array {
  return blake3Of('webx v1 backup head', head)
}
