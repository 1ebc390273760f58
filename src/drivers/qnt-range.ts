/**
 * Reads a range out of the middle of a .qnt: only the chunks that hold it are read, and of the stored tree a page a level, which prove that they are
 * the owner's.
 */

import type { FileHandle } from 'node:fs/promises'
import { equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { QntLayout } from '../data/qnt.ts'
import { assertCommitted, ChunkCipher, sealedChunkBytes } from '../data/stream.ts'
import { VALUE_BYTES } from '../data/subtree.ts'
import { checkPages, chunkValueInto, PAGE_VALUES, pagesOf } from '../data/tree.ts'
import { blake3 } from '../wasm/hash.ts'
import { TAG_LENGTH } from '../wasm/seal.ts'
import { layoutOf, piece, type Unlocked, withQnt } from './qnt-file.ts'

/** A range of the content, and what it took. */
export interface QntRange {
  readonly content: Uint8Array
  /** Bytes of the file that were read. */
  readonly bytesRead: number
}

/**
 * The content from `at` on, `length` bytes of it or up to its end.
 *
 * @param unlock checks the manifest and unwraps the key
 * @throws WebxError `too-long` for more than 16 MiB at once, `bad-argument` for a range that begins behind the content or a file of several chunks
 *   without a stored tree; else as `openQnt`
 */
export async function readQntRange(
  path: string,
  range: { readonly at: number; readonly length: number },
  unlock: (manifest: Uint8Array) => Promise<Unlocked>,
): Promise<QntRange> {
  return withQnt(path, async (qnt) => {
    const { keys, commitment, ...claims } = await unlock(qnt.manifest)
    assertCommitted(keys, commitment)
    const layout = layoutOf(qnt, claims)
    const end = assertRange(range, layout)
    const content = new Uint8Array(end - range.at)
    const cipher = new ChunkCipher(keys)
    try {
      const source = new ProvenChunks(qnt.file, layout, claims.root)
      await openRange(source, cipher, content, range.at)
      return { content, bytesRead: layout.bodyAt + source.bytesRead }
    } finally {
      cipher.wipe()
    }
  })
}

/** Where the range ends. */
function assertRange({ at, length }: { at: number; length: number }, layout: QntLayout): number {
  const { contentBytes, chunks } = layout.chunks
  if (!Number.isSafeInteger(at) || !Number.isSafeInteger(length) || at < 0 || length < 0 || at > contentBytes) {
    throw new WebxError('bad-argument', `${length} bytes from ${at} on are no range of ${contentBytes} bytes`)
  }
  if (length > LIMITS.qntRangeBytesMax) {
    throw new WebxError('too-long', `${length} bytes at once, at most ${LIMITS.qntRangeBytesMax} allowed`)
  }
  if (chunks > 1 && layout.fileBytes === layout.treeAt) {
    throw new WebxError('bad-argument', 'this .qnt stores no tree of hashes, so that a range of it cannot be proved', {
      hint: 'Open it as a whole.',
    })
  }
  return Math.min(contentBytes, at + length)
}

/** Opens chunk after chunk and keeps what lies in the range. */
async function openRange(source: ProvenChunks, cipher: ChunkCipher, content: Uint8Array, from: number): Promise<void> {
  const { chunkContentBytes, chunks } = source.layout.chunks
  const opened = new Uint8Array(chunkContentBytes)
  try {
    for (let done = 0; done < content.length; ) {
      const chunk = Math.floor((from + done) / chunkContentBytes)
      const sealed = await source.chunk(chunk)
      const whole = opened.subarray(0, sealed.length - TAG_LENGTH)
      cipher.open(whole, chunk, chunk === chunks - 1, sealed)
      const start = from + done - chunk * chunkContentBytes
      const part = whole.subarray(start, start + content.length - done)
      content.set(part, done)
      done += part.length
    }
  } finally {
    opened.fill(0)
  }
}

/** Chunks of one file that are proved before they are handed out. */
class ProvenChunks {
  readonly layout: QntLayout
  readonly #file: FileHandle
  readonly #root: Uint8Array
  readonly #value = new Uint8Array(VALUE_BYTES)
  /** The page of values that was proved last. */
  #page: { readonly first: number; readonly values: Uint8Array } | null = null
  /** Bytes of the file that were read so far. */
  bytesRead = 0

  constructor(file: FileHandle, layout: QntLayout, root: Uint8Array) {
    this.#file = file
    this.layout = layout
    this.#root = root
  }

  /** A sealed chunk. Throws `tampered`. */
  async chunk(chunk: number): Promise<Uint8Array> {
    const { bodyAt, chunks } = this.layout
    const sealed = await this.#read(bodyAt + chunk * 2 ** chunks.chunkLog2, sealedChunkBytes(chunks, chunk))
    if (!equal(this.#found(sealed, chunk), await this.#expected(chunk))) {
      throw new WebxError('tampered', `chunk ${chunk} is not the one that the owner signed`)
    }
    return sealed
  }

  #found(sealed: Uint8Array, chunk: number): Uint8Array {
    if (this.layout.chunks.chunks === 1) return blake3(sealed)
    chunkValueInto(this.#value, chunk, sealed, this.layout.chunks.chunkLog2)
    return this.#value
  }

  /** What the tree says of a chunk; of a chunk that is the only one, the root. */
  async #expected(chunk: number): Promise<Uint8Array> {
    if (this.layout.chunks.chunks === 1) return this.#root
    const first = chunk - (chunk % PAGE_VALUES)
    if (this.#page?.first !== first) this.#page = { first, values: await this.#proved(chunk) }
    const at = (chunk - first) * VALUE_BYTES
    return this.#page.values.subarray(at, at + VALUE_BYTES)
  }

  async #proved(chunk: number): Promise<Uint8Array> {
    const { tree, treeAt } = this.layout
    const pages: Uint8Array[] = []
    for (const { at, bytes } of pagesOf(tree, chunk)) pages.push(await this.#read(treeAt + at, bytes))
    checkPages(tree, this.#root, chunk, pages)
    return pages[0] as Uint8Array
  }

  async #read(at: number, length: number): Promise<Uint8Array> {
    this.bytesRead += length
    return piece(this.#file, at, length)
  }
}
