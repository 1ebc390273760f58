/**
 * The content of a .qnt as sealed chunks: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015) over ChaCha20-Poly1305, as age and
 * Tink use it, in bounded memory for content of any length.
 *
 * A sealed chunk has 64 KiB: 65,520 bytes of content and a tag of 16. Its nonce is three zero bytes, its number in 64 bits, and 1 for the last chunk
 * or 0, under a key for this content alone; so chunks that were dropped, repeated, moved or added do not open. Empty content is one empty last
 * chunk, and no other chunk is empty. The reader also demands the root of the hash tree, for who shares the key could seal other chunks.
 */

import { assertBytes, concat, equal, equalConstantTime } from '../core/bytes.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { deriveKey } from '../wasm/hash.ts'
import { openInto, sealInto, TAG_LENGTH } from '../wasm/seal.ts'
import { CHUNK_LOG2, TreeBuilder } from './tree.ts'

/** What the chunks of one version of one file are sealed under. */
export interface PayloadKeys {
  /** 32 bytes; wrapped to every recipient. */
  readonly contentKey: Uint8Array
  /** 32 bytes. */
  readonly dataId: Uint8Array
  readonly keyEpoch: number
}

/** How content of some length lies in chunks of 2^`chunkLog2` bytes. */
export interface ChunkLayout {
  readonly chunkLog2: number
  readonly contentBytes: number
  /** At least one. */
  readonly chunks: number
  /** Bytes of content in all chunks but the last. */
  readonly chunkContentBytes: number
  /** Bytes of all sealed chunks. */
  readonly sealedBytes: number
}

/** The layout of content. Throws `too-long`; `bad-argument` for a length that is none, or chunks that are not 2^10 … 2^16 bytes. */
export function chunkLayout(contentBytes: number, chunkLog2: number = CHUNK_LOG2): ChunkLayout {
  if (!Number.isInteger(chunkLog2) || chunkLog2 < 10 || chunkLog2 > CHUNK_LOG2) {
    throw new WebxError('bad-argument', `chunks of 2^${chunkLog2} bytes are not in use`)
  }
  if (!Number.isSafeInteger(contentBytes) || contentBytes < 0) {
    throw new WebxError('bad-argument', `content cannot have ${contentBytes} bytes`)
  }
  if (contentBytes > LIMITS.qntContentBytesMax) {
    throw new WebxError('too-long', `${contentBytes} bytes of content, at most ${LIMITS.qntContentBytesMax} allowed`)
  }
  const chunkContentBytes = 2 ** chunkLog2 - TAG_LENGTH
  const chunks = Math.max(1, Math.ceil(contentBytes / chunkContentBytes))
  return { chunkLog2, contentBytes, chunks, chunkContentBytes, sealedBytes: contentBytes + chunks * TAG_LENGTH }
}

/** Bytes of one sealed chunk. */
export function sealedChunkBytes({ chunkLog2, chunks, sealedBytes }: ChunkLayout, chunk: number): number {
  return chunk < chunks - 1 ? 2 ** chunkLog2 : sealedBytes - (chunks - 1) * 2 ** chunkLog2
}

/**
 * What a manifest says of its content key, so that no two recipients can be given keys under which one ciphertext opens to different content:
 * ChaCha20-Poly1305 by itself does not commit to its key.
 */
export function keyCommitment(contentKey: Uint8Array, dataId: Uint8Array): Uint8Array {
  const material = concat(contentKey, dataId)
  const commitment = blake3Of('webx v1 qnt commitment', material)
  material.fill(0)
  return commitment
}

/** Throws `bad-key` unless this is the content key that the manifest committed to. */
export function assertCommitted({ contentKey, dataId }: PayloadKeys, commitment: Uint8Array): void {
  if (!equalConstantTime(keyCommitment(contentKey, dataId), commitment)) {
    throw new WebxError('bad-key', 'this content key is not the one that the manifest committed to')
  }
}

/** Seals and opens single chunks; makes no garbage. `wipe` when done. */
export class ChunkCipher {
  readonly #key: Uint8Array
  readonly #aad: Uint8Array
  readonly #nonce = new Uint8Array(12)
  readonly #nonceView = new DataView(this.#nonce.buffer)

  constructor({ contentKey, dataId, keyEpoch }: PayloadKeys) {
    assertBytes('content key', contentKey, 32)
    assertBytes('data id', dataId, 32)
    this.#aad = new Uint8Array(40)
    this.#aad.set(dataId)
    new DataView(this.#aad.buffer).setBigUint64(32, BigInt(keyEpoch))
    const material = concat(contentKey, this.#aad)
    this.#key = deriveKey('webx v1 qnt payload', material)
    material.fill(0)
  }

  /** Seals content into all of `out`, which is 16 bytes longer. */
  seal(out: Uint8Array, chunk: number, isLast: boolean, content: Uint8Array): void {
    sealInto(out, this.#key, this.#nonceOf(chunk, isLast), content, this.#aad)
  }

  /** Opens into all of `out`. Throws `tampered`, and leaves zeros, where this is not that chunk. */
  open(out: Uint8Array, chunk: number, isLast: boolean, sealed: Uint8Array): void {
    if (openInto(out, this.#key, this.#nonceOf(chunk, isLast), sealed, this.#aad)) return
    throw new WebxError('tampered', `chunk ${chunk} is not what was sealed, or the key is another`)
  }

  wipe(): void {
    this.#key.fill(0)
  }

  #nonceOf(chunk: number, isLast: boolean): Uint8Array {
    this.#nonceView.setUint32(3, Math.floor(chunk / 2 ** 32))
    this.#nonceView.setUint32(7, chunk % 2 ** 32)
    this.#nonce[11] = isLast ? 1 : 0
    return this.#nonce
  }
}

/** Where writers and readers put their results. */
export interface ChunkSink {
  /** Room for what comes out of the next chunk, so many bytes. */
  room(bytes: number): Uint8Array
  /** The chunk's value, for the stored tree: 32 bytes, good until the next. */
  value(value: Uint8Array): void
}

/** Content in pieces of any length in, sealed chunks out, built right where the sink wants them. */
export class PayloadWriter {
  readonly #cipher: ChunkCipher
  readonly #sink: ChunkSink
  readonly #tree: TreeBuilder
  readonly #held: Uint8Array
  #heldBytes = 0
  #chunk = 0
  #contentBytes = 0

  constructor(keys: PayloadKeys, sink: ChunkSink, chunkLog2: number = CHUNK_LOG2) {
    this.#held = new Uint8Array(chunkLayout(0, chunkLog2).chunkContentBytes)
    this.#cipher = new ChunkCipher(keys)
    this.#sink = sink
    this.#tree = new TreeBuilder(chunkLog2)
  }

  /** Takes in the next piece. Seals at most a chunk more than would fit into the piece. Throws `too-long`. */
  write(piece: Uint8Array): void {
    this.#contentBytes = chunkLayout(this.#contentBytes + piece.length).contentBytes
    const whole = this.#held.length
    let rest = piece
    while (rest.length > 0) {
      if (this.#heldBytes === whole) this.#flush(false)
      if (this.#heldBytes === 0 && rest.length > whole) {
        this.#seal(rest.subarray(0, whole), false)
        rest = rest.subarray(whole)
        continue
      }
      const part = rest.subarray(0, whole - this.#heldBytes)
      this.#held.set(part, this.#heldBytes)
      this.#heldBytes += part.length
      rest = rest.subarray(part.length)
    }
  }

  /** Seals the last chunk. The writer is spent and wiped. */
  end(): { readonly contentBytes: number; readonly root: Uint8Array; readonly upper: Uint8Array } {
    this.#flush(true)
    this.wipe()
    return { contentBytes: this.#contentBytes, ...this.#tree.finish() }
  }

  /** Forgets key and content, also of a writer that did not come to its end. */
  wipe(): void {
    this.#held.fill(0)
    this.#cipher.wipe()
  }

  #flush(isLast: boolean): void {
    this.#seal(this.#held.subarray(0, this.#heldBytes), isLast)
    this.#heldBytes = 0
  }

  #seal(content: Uint8Array, isLast: boolean): void {
    const out = this.#sink.room(content.length + TAG_LENGTH)
    this.#cipher.seal(out, this.#chunk++, isLast, content)
    this.#sink.value(this.#tree.add(out))
  }
}

/** What the manifest says of the sealed chunks. */
export interface SealedContent {
  readonly layout: ChunkLayout
  /** 32 bytes: the BLAKE3 of all sealed chunks. */
  readonly root: Uint8Array
}

/** Hears of every chunk that a reader has put together: a view, good until the next, and its value for the stored tree. */
export type TakeChunk = (sealed: Uint8Array, chunk: number, value: Uint8Array) => void

/** Sealed chunks in pieces of any length in; checks that they are what the root says. Needs no key. */
export class SealedReader {
  readonly #content: SealedContent
  readonly #take: TakeChunk
  readonly #tree: TreeBuilder
  readonly #held: Uint8Array
  #heldBytes = 0
  #chunk = 0

  constructor(content: SealedContent, take: TakeChunk) {
    this.#content = content
    this.#take = take
    this.#tree = new TreeBuilder(content.layout.chunkLog2)
    this.#held = new Uint8Array(2 ** content.layout.chunkLog2)
  }

  /** Takes in the next piece. Throws `tampered` where more comes than there is, and what `take` throws. */
  write(piece: Uint8Array): void {
    const { layout } = this.#content
    let rest = piece
    while (rest.length > 0) {
      if (this.#chunk === layout.chunks) throw new WebxError('tampered', 'there are bytes after the last chunk')
      const whole = sealedChunkBytes(layout, this.#chunk)
      const part = rest.subarray(0, whole - this.#heldBytes)
      rest = rest.subarray(part.length)
      if (part.length === whole) {
        this.#complete(part)
        continue
      }
      this.#held.set(part, this.#heldBytes)
      this.#heldBytes += part.length
      if (this.#heldBytes < whole) return
      this.#heldBytes = 0
      this.#complete(this.#held.subarray(0, whole))
    }
  }

  /**
   * The end of the pieces: they were the chunks of the root if this does not throw `tampered`. The reader is spent.
   *
   * @returns the levels of the stored tree above the lowest
   */
  end(): Uint8Array {
    const { layout, root } = this.#content
    if (this.#chunk < layout.chunks) {
      throw new WebxError('tampered', `the content is cut off in chunk ${this.#chunk} of ${layout.chunks}`)
    }
    const found = this.#tree.finish()
    if (!equal(found.root, root)) throw new WebxError('tampered', 'the chunks are not those that the owner signed')
    return found.upper
  }

  #complete(sealed: Uint8Array): void {
    this.#take(sealed, this.#chunk++, this.#tree.add(sealed))
  }
}

/**
 * Sealed chunks in pieces of any length in, content out. What comes out of one chunk was sealed by somebody with the key; that all of it is what the
 * owner signed is certain only after `end`.
 */
export class PayloadReader {
  readonly #cipher: ChunkCipher
  readonly #reader: SealedReader

  /** Puts the content of every chunk where `sink` says. */
  constructor(keys: PayloadKeys, content: SealedContent, sink: ChunkSink) {
    const cipher = new ChunkCipher(keys)
    const last = content.layout.chunks - 1
    this.#cipher = cipher
    this.#reader = new SealedReader(content, (sealed, chunk, value) => {
      cipher.open(sink.room(sealed.length - TAG_LENGTH), chunk, chunk === last, sealed)
      sink.value(value)
    })
  }

  /** As `SealedReader.write`; throws `tampered` where a chunk is not authentic. */
  write(piece: Uint8Array): void {
    this.#reader.write(piece)
  }

  /** As `SealedReader.end`. The reader is wiped. */
  end(): Uint8Array {
    this.wipe()
    return this.#reader.end()
  }

  /** Forgets the key, also of a reader that did not come to its end. */
  wipe(): void {
    this.#cipher.wipe()
  }
}
