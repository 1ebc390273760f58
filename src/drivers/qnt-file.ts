/**
 * .qnt files on a disk: sealed from a file or a stream in one pass, opened, and verified without a key; in bounded memory whatever their size.
 *
 * The manifest comes first but names the root, which is known last: so the chunks are written at the offset where a manifest for that much content
 * will end, and the manifest at last before them. The stored tree waits in a file without a name. A result gets its name only when it is whole, on the
 * disk, and verified to its last byte. What a manifest says and who may have the key is decided by whoever calls (`data/manifest.ts`).
 */

import type { FileHandle } from 'node:fs/promises'
import { equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { layoutOfFile, manifestBytes, QNT_PREFIX_BYTES, type QntLayout, qntHead, qntLayout } from '../data/qnt.ts'
import {
  assertCommitted,
  type ChunkSink,
  type PayloadKeys,
  PayloadReader,
  PayloadWriter,
  SealedReader,
} from '../data/stream.ts'
import { VALUE_BYTES } from '../data/subtree.ts'
import { CHUNK_LOG2 } from '../data/tree.ts'
import { createBlake3 } from '../wasm/hash.ts'
import {
  BLOCK_BYTES,
  BlockWriter,
  blocksOf,
  fileReader,
  moveBytes,
  type ReadBlock,
  streamReader,
  wholeReader,
  withFile,
  withSpill,
  writeAll,
  writeDraft,
} from './qnt-blocks.ts'

/** Makes the manifest once the content is known. */
export interface ManifestMaker {
  /** Bytes of the manifest document of so much content. */
  bytesFor(content: Omit<ContentClaims, 'root'>): number
  /** The signed document. */
  make(content: ContentClaims): Promise<Uint8Array>
}

/** What a manifest says of the content. */
export interface ContentClaims {
  readonly contentBytes: number
  /** Two to this power are the bytes of a sealed chunk. */
  readonly chunkLog2: number
  /** 32 bytes: the BLAKE3 of the sealed chunks. */
  readonly root: Uint8Array
}

/** What opening takes, once somebody has checked the manifest and unwrapped the key. */
export interface Unlocked extends ContentClaims {
  readonly keys: PayloadKeys
  readonly commitment: Uint8Array
}

/** What was sealed. */
export interface SealedFile extends ContentClaims {
  readonly manifest: Uint8Array
  readonly fileBytes: number
}

/** A file whose prefix and manifest have been read. */
export interface QntFile {
  readonly file: FileHandle
  readonly fileBytes: number
  readonly manifest: Uint8Array
}

/** Beyond this a length takes more bytes in a manifest; streams are taken to end before. */
const STREAM_BYTES_GUESS = 2 ** 32 - 1
/** What comes out of a block at most, tags included: what the reader or writer held of a chunk comes with it. */
const OUT_BYTES = BLOCK_BYTES + 2 * 65_536
/** The values of a block: at most one for each KiB. Those of several blocks go to the disk together. */
const BLOCK_VALUES_BYTES = 2 * (BLOCK_BYTES / 1024) * VALUE_BYTES
const VALUES_BYTES = 32_768

/**
 * Seals a file, a stream of pieces of any length, or what a function reads, into the .qnt `target`. What is there already is never replaced: `store-failed`.
 *
 * @param options.hasTree whether the hash tree is stored, 32 bytes for 64 KiB (default); without it a range cannot be read by itself
 * @param options.chunkLog2 two to this power are the bytes of a sealed chunk: 10 … 16 (default)
 * @param options.contentBytes how long a stream is where that is known: a wrong or missing guess may cost moving what was written
 * @throws WebxError `file-unreadable`, `store-failed`, `too-long`
 */
export async function sealQnt(
  source: string | AsyncIterable<Uint8Array> | ReadBlock,
  target: string,
  keys: PayloadKeys,
  manifest: ManifestMaker,
  options: { readonly hasTree?: boolean; readonly chunkLog2?: number; readonly contentBytes?: number } = {},
): Promise<SealedFile> {
  const { hasTree = true, chunkLog2 = CHUNK_LOG2, contentBytes: guess = null } = options
  const seal = (blocks: AsyncGenerator<Uint8Array>, contentBytes: number | null): Promise<SealedFile> =>
    writeDraft(target, (draft) =>
      withSpill(target, (spill) => {
        return new Sealing(draft, spill, { keys, manifest, hasTree, chunkLog2 }).run(blocks, contentBytes)
      }),
    )
  if (typeof source === 'function') return seal(blocksOf(source), guess)
  if (typeof source !== 'string') return seal(blocksOf(streamReader(source)), guess)
  return withFile(source, (file, bytes) => seal(blocksOf(wholeReader(file)), bytes))
}

/**
 * Opens a .qnt into the file `target`, which appears only when all is verified: a failure leaves no content behind, and what is there already is never replaced.
 *
 * @param unlock checks the manifest and unwraps the key
 * @throws WebxError `bad-shape` where this is no .qnt, `tampered`, `bad-key`, `file-unreadable`, `store-failed`, and what `unlock` throws
 */
export async function openQnt(
  path: string,
  target: string,
  unlock: (manifest: Uint8Array) => Promise<Unlocked>,
): Promise<QntLayout> {
  return withQnt(path, async (qnt) => {
    const { keys, commitment, ...claims } = await unlock(qnt.manifest)
    assertCommitted(keys, commitment)
    const layout = layoutOf(qnt, claims)
    await writeDraft(target, async (draft) => {
      const out = new BlockWriter(draft, 0, OUT_BYTES)
      const values = createBlake3()
      const sink: ChunkSink = { room: (bytes) => out.room(bytes), value: (value) => values.update(value) }
      const reader = new PayloadReader(keys, { layout: layout.chunks, root: claims.root }, sink)
      try {
        for await (const block of blocksOf(fileReader(qnt.file, layout.bodyAt, layout.chunks.sealedBytes))) {
          reader.write(block)
          await out.flush()
        }
        const upper = reader.end()
        await out.end()
        await assertTree(qnt.file, layout, values.update(upper).digest())
      } finally {
        reader.wipe()
        await out.wipe()
      }
    })
    return layout
  })
}

/**
 * Verifies the chunks, and the stored tree, of a .qnt against its manifest; needs no key.
 *
 * @param claims checks the manifest
 * @throws WebxError as `openQnt`
 */
export async function verifyQnt(
  path: string,
  claims: (manifest: Uint8Array) => Promise<ContentClaims>,
): Promise<QntLayout> {
  return withQnt(path, async (qnt) => {
    const content = await claims(qnt.manifest)
    const layout = layoutOf(qnt, content)
    const values = createBlake3()
    const reader = new SealedReader({ layout: layout.chunks, root: content.root }, (_sealed, _chunk, value) => {
      values.update(value)
    })
    for await (const block of blocksOf(fileReader(qnt.file, layout.bodyAt, layout.chunks.sealedBytes))) {
      reader.write(block)
    }
    const upper = reader.end()
    await assertTree(qnt.file, layout, values.update(upper).digest())
    return layout
  })
}

/** Opens a .qnt for reading and hands on its manifest, which nobody has checked yet. Throws `bad-shape`, `tampered`, `file-unreadable`. */
export async function withQnt<T>(path: string, use: (qnt: QntFile) => Promise<T>): Promise<T> {
  return withFile(path, async (file, fileBytes) => {
    const prefix = await piece(file, 0, Math.min(QNT_PREFIX_BYTES, fileBytes))
    const length = manifestBytes(prefix)
    if (length === null) throw new WebxError('bad-shape', `${path} is not a .qnt file`)
    if (QNT_PREFIX_BYTES + length > fileBytes) throw new WebxError('tampered', `${path} is cut off in its manifest`)
    return use({ file, fileBytes, manifest: await piece(file, QNT_PREFIX_BYTES, length) })
  })
}

/** The offsets of a file as its manifest says. Throws `tampered` where the file has another length. */
export function layoutOf(qnt: QntFile, { contentBytes, chunkLog2 }: ContentClaims): QntLayout {
  return layoutOfFile(qnt.fileBytes, qnt.manifest.length, contentBytes, chunkLog2)
}

/** Bytes of a file in one array. */
export async function piece(file: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  const read = fileReader(file, at, length)
  for (let done = 0; done < length; ) done += await read(bytes.subarray(done))
  return bytes
}

interface SealingParts {
  readonly keys: PayloadKeys
  readonly manifest: ManifestMaker
  readonly hasTree: boolean
  readonly chunkLog2: number
}

/** One file being sealed into a draft. */
class Sealing {
  readonly #draft: FileHandle
  readonly #spill: FileHandle
  readonly #parts: SealingParts

  constructor(draft: FileHandle, spill: FileHandle, parts: SealingParts) {
    this.#draft = draft
    this.#spill = spill
    this.#parts = parts
  }

  async run(blocks: AsyncGenerator<Uint8Array>, contentBytes: number | null): Promise<SealedFile> {
    const { keys, manifest, hasTree, chunkLog2 } = this.#parts
    const values = new BlockWriter(this.#spill, 0, VALUES_BYTES + BLOCK_VALUES_BYTES)
    let out: BlockWriter | null = null
    let bodyAt = 0
    let valuesHeld = 0
    const begin = (bytes: number): BlockWriter => {
      bodyAt = QNT_PREFIX_BYTES + manifest.bytesFor({ contentBytes: bytes, chunkLog2 })
      return new BlockWriter(this.#draft, bodyAt, OUT_BYTES)
    }
    const sink: ChunkSink = {
      room: (bytes) => (out as BlockWriter).room(bytes),
      value: (value) => {
        valuesHeld += VALUE_BYTES
        values.room(VALUE_BYTES).set(value)
      },
    }
    const writer = new PayloadWriter(keys, sink, chunkLog2)
    try {
      for await (const block of blocks) {
        out ??= begin(contentBytes ?? (block.length < BLOCK_BYTES ? block.length : STREAM_BYTES_GUESS))
        writer.write(block)
        await out.flush()
        if (valuesHeld < VALUES_BYTES) continue
        await values.flush()
        valuesHeld = 0
      }
      out ??= begin(0)
      const { upper, ...sealed } = writer.end()
      const content = { ...sealed, chunkLog2 }
      await out.end()
      await writeAll(this.#spill, upper, await values.end())
      const document = await manifest.make(content)
      const layout = qntLayout(document.length, content.contentBytes, { hasTree, chunkLog2 })
      await this.#assemble(document, layout, bodyAt)
      return { ...content, manifest: document, fileBytes: layout.fileBytes }
    } finally {
      writer.wipe()
    }
  }

  /** Puts the manifest before the chunks, which are moved where it has another length than was expected, and the tree behind them. */
  async #assemble(document: Uint8Array, layout: QntLayout, bodyAt: number): Promise<void> {
    if (layout.bodyAt !== bodyAt) await moveBytes(this.#draft, bodyAt, layout.bodyAt, layout.chunks.sealedBytes)
    await writeAll(this.#draft, qntHead(document), 0)
    let at = layout.treeAt
    if (layout.fileBytes > layout.treeAt) {
      for await (const block of blocksOf(fileReader(this.#spill, 0, layout.tree.bytes))) {
        await writeAll(this.#draft, block, at)
        at += block.length
      }
    }
    await this.#draft.truncate(layout.fileBytes)
  }
}

/** Throws `tampered` unless the stored tree is the one whose digest was computed from the chunks. */
export async function assertTree(file: FileHandle, layout: QntLayout, digest: Uint8Array): Promise<void> {
  if (layout.fileBytes === layout.treeAt) return
  const hasher = createBlake3()
  for await (const block of blocksOf(fileReader(file, layout.treeAt, layout.tree.bytes))) hasher.update(block)
  if (!equal(hasher.digest(), digest)) {
    throw new WebxError('tampered', 'the stored tree of hashes is not that of the chunks')
  }
}
