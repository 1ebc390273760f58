/**
 * The sealed stream of a backup, written and read piece by piece in the memory of a chunk or two, however large it is.
 *
 * Its chunks are those of `stream.ts`, under a key for this backup alone and bound to its head. Nobody says beforehand how many there are: a chunk is the last one
 * where nothing follows it, and does not open where that is untrue. What comes out was written by somebody with the key, in that place; that all of it
 * is there is certain only once `end` has not thrown.
 */

import { equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type Blake3, createBlake3 } from '../wasm/hash.ts'
import { TAG_LENGTH } from '../wasm/seal.ts'
import {
  type BackupAbout,
  type BackupEntry,
  BackupOrder,
  type BackupSize,
  FILE_DIGEST_BYTES,
  readRecord,
  recordBytes,
} from './backup.ts'
import { ChunkCipher, type ChunkSink, PayloadWriter } from './stream.ts'
import { CHUNK_LOG2 } from './tree.ts'

/** What a backup's chunks are sealed under; 32 bytes each. */
export interface BackupKeys {
  readonly contentKey: Uint8Array
  readonly headDigest: Uint8Array
}

/** What a reader finds, in this order: what it is about; each file, its pieces (views, good until the next) and its end; the end of all. */
export type BackupPart =
  | { readonly is: 'about'; readonly about: BackupAbout }
  | { readonly is: 'file'; readonly entry: BackupEntry }
  | { readonly is: 'piece'; readonly piece: Uint8Array }
  | { readonly is: 'file-end'; readonly entry: BackupEntry }
  | { readonly is: 'end'; readonly size: BackupSize }

const CHUNK_BYTES = 2 ** CHUNK_LOG2

/** Writes about, then file after file, then the end. What is called out of order throws `bad-argument`. */
export class BackupWriter {
  readonly #payload: PayloadWriter
  readonly #order: BackupOrder
  #entry: BackupEntry | null = null
  #left = 0
  #hash: Blake3 = createBlake3()

  /** @param room where the next so many sealed bytes go */
  constructor(keys: BackupKeys, about: BackupAbout, room: ChunkSink['room']) {
    this.#payload = new PayloadWriter(payloadKeys(keys), { room, value: () => undefined })
    this.#order = new BackupOrder(about.kind)
    this.#payload.write(recordBytes({ is: 'about', ...about }))
  }

  /** Begins a file, of which exactly so many bytes must follow. Throws as `BackupOrder.next`. */
  file(entry: BackupEntry): void {
    this.#assertBetween()
    this.#order.next(entry)
    this.#payload.write(recordBytes({ is: 'file', ...entry }))
    this.#entry = entry
    this.#left = entry.bytes
    this.#hash = createBlake3()
    this.#closeFull()
  }

  /** Takes in the next bytes of the file. Seals at most a chunk more than would fit into the piece. Throws `file-changed` for more than there were. */
  write(piece: Uint8Array): void {
    if (piece.length > this.#left) throw changed(this.#entry)
    this.#hash.update(piece)
    this.#payload.write(piece)
    this.#left -= piece.length
    this.#closeFull()
  }

  /** Seals the last chunk. The writer is spent and wiped. Throws `bad-argument` for a backup without a key file. */
  end(): BackupSize {
    this.#assertBetween()
    const { size } = this.#order
    if (size.files === 0) throw new WebxError('bad-argument', 'a backup without a key file is none')
    this.#payload.write(recordBytes({ is: 'end', ...size }))
    this.#payload.end()
    return size
  }

  /** Forgets key and content, also of a writer that did not come to its end. */
  wipe(): void {
    this.#payload.wipe()
  }

  #closeFull(): void {
    if (this.#entry === null || this.#left > 0) return
    this.#payload.write(this.#hash.digest(FILE_DIGEST_BYTES))
    this.#entry = null
  }

  #assertBetween(): void {
    if (this.#entry !== null) throw changed(this.#entry)
  }
}

/** Takes the sealed stream apart. Every complaint about it is `tampered`, `bad-shape`, `not-canonical`, `too-long` or `limit`. */
export class BackupReader {
  readonly #cipher: ChunkCipher
  readonly #sealed = new Uint8Array(CHUNK_BYTES)
  readonly #content = new Uint8Array(CHUNK_BYTES - TAG_LENGTH)
  readonly #parser = new Parser()
  #sealedBytes = 0
  #chunk = 0

  constructor(keys: BackupKeys) {
    this.#cipher = new ChunkCipher(payloadKeys(keys))
  }

  /** What the next bytes, of any length, bring to light. */
  *write(bytes: Uint8Array): Generator<BackupPart> {
    let rest = bytes
    while (rest.length > 0) {
      // a full chunk stays sealed until it is known whether another one follows
      if (this.#sealedBytes === CHUNK_BYTES) yield* this.#open(false)
      const part = rest.subarray(0, CHUNK_BYTES - this.#sealedBytes)
      this.#sealed.set(part, this.#sealedBytes)
      this.#sealedBytes += part.length
      rest = rest.subarray(part.length)
    }
  }

  /** The end of the bytes: all was there, and nothing else, if this does not throw. The reader is wiped. */
  *end(): Generator<BackupPart> {
    try {
      yield* this.#open(true)
      this.#parser.assertEnded()
    } finally {
      this.wipe()
    }
  }

  /** Forgets key and content, also of a reader that did not come to its end. */
  wipe(): void {
    this.#cipher.wipe()
    this.#content.fill(0)
  }

  *#open(isLast: boolean): Generator<BackupPart> {
    const length = this.#sealedBytes - TAG_LENGTH
    // no chunk is empty, for there is always something to say
    if (length <= 0) throw new WebxError('tampered', `it is cut off in chunk ${this.#chunk}`)
    const content = this.#content.subarray(0, length)
    this.#cipher.open(content, this.#chunk++, isLast, this.#sealed.subarray(0, this.#sealedBytes))
    this.#sealedBytes = 0
    yield* this.#parser.write(content)
  }
}

/** The content of the stream: records, and the bytes that follow the records of files. */
class Parser {
  /** What is being gathered: the length of a record, a record, the digest behind a file. */
  #wanted: 'length' | 'record' | 'digest' = 'length'
  #held: Uint8Array = new Uint8Array(2)
  #heldBytes = 0
  #order: BackupOrder | null = null
  #entry: BackupEntry | null = null
  #left = 0
  #hash: Blake3 = createBlake3()
  #ended = false

  assertEnded(): void {
    if (!this.#ended) throw new WebxError('bad-shape', 'this backup has no end')
  }

  *write(content: Uint8Array): Generator<BackupPart> {
    let rest = content
    while (rest.length > 0) {
      if (this.#ended) throw new WebxError('bad-shape', 'something follows the end of this backup')
      if (this.#left > 0) {
        const piece = rest.subarray(0, this.#left)
        rest = rest.subarray(piece.length)
        this.#left -= piece.length
        this.#hash.update(piece)
        yield { is: 'piece', piece }
        continue
      }
      const part = rest.subarray(0, this.#held.length - this.#heldBytes)
      this.#held.set(part, this.#heldBytes)
      this.#heldBytes += part.length
      rest = rest.subarray(part.length)
      if (this.#heldBytes === this.#held.length) yield* this.#gathered()
    }
  }

  *#gathered(): Generator<BackupPart> {
    const held = this.#held
    if (this.#wanted === 'length') return this.#want('record', ((held[0] as number) << 8) | (held[1] as number))
    if (this.#wanted === 'record') return yield* this.#record(held)
    const entry = this.#entry as BackupEntry
    if (!equal(this.#hash.digest(FILE_DIGEST_BYTES), held)) {
      throw new WebxError('tampered', `"${entry.path}" is not what was backed up`)
    }
    this.#want('length', 2)
    yield { is: 'file-end', entry }
  }

  *#record(bytes: Uint8Array): Generator<BackupPart> {
    const record = readRecord(bytes)
    this.#want('length', 2)
    if (this.#order === null) {
      if (record.is !== 'about') throw new WebxError('bad-shape', 'this backup does not say what it is about')
      const { is: _, ...about } = record
      this.#order = new BackupOrder(about.kind)
      yield { is: 'about', about }
    } else if (record.is === 'file') {
      const { path, bytes: left } = record
      this.#entry = { path, bytes: left }
      this.#order.next(this.#entry)
      this.#left = left
      this.#hash = createBlake3()
      this.#want('digest', FILE_DIGEST_BYTES)
      yield { is: 'file', entry: this.#entry }
    } else if (record.is === 'end') {
      const { files, bytes: sum } = record
      this.#order.end({ files, bytes: sum })
      this.#ended = true
      yield { is: 'end', size: { files, bytes: sum } }
    } else throw new WebxError('bad-shape', 'this backup says twice what it is about')
  }

  #want(what: 'length' | 'record' | 'digest', bytes: number): void {
    if (bytes === 0 || bytes > LIMITS.backupRecordBytesMax)
      throw new WebxError('too-long', `a record of ${bytes} bytes`)
    this.#wanted = what
    this.#held = new Uint8Array(bytes)
    this.#heldBytes = 0
  }
}

function payloadKeys({ contentKey, headDigest }: BackupKeys) {
  return { contentKey, dataId: headDigest, keyEpoch: 0 }
}

function changed(entry: BackupEntry | null): WebxError {
  const what = entry === null ? 'a file' : `"${entry.path}"`
  return new WebxError('file-changed', `${what} has another length than a moment ago`, { hint: 'Try again.' })
}
