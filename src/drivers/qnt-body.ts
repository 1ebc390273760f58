/**
 * The body of a .qnt that is there, for whoever makes another file of it: its content block by block, or its sealed chunks as they are under another
 * manifest; verified to the last byte before the other file gets its name, and in bounded memory.
 */

import type { FileHandle } from 'node:fs/promises'
import { type QntLayout, qntHead, qntLayout } from '../data/qnt.ts'
import { assertCommitted, type ChunkSink, PayloadReader, SealedReader } from '../data/stream.ts'
import { createBlake3 } from '../wasm/hash.ts'
import { BLOCK_BYTES, BlockWriter, blocksOf, fileReader, writeAll, writeDraft } from './qnt-blocks.ts'
import { assertTree, type ContentClaims, layoutOf, type QntFile, type Unlocked } from './qnt-file.ts'

/** What comes out of a block at most: what the reader held of a chunk comes with it. */
const OUT_BYTES = BLOCK_BYTES + 2 * 65_536

/**
 * The content of an opened .qnt, each block good until the next is asked for. That it is what the owner signed is certain only when the last one has been
 * taken: whoever writes it somewhere gives that no name before. `return` it where it is not read to its end; that wipes.
 *
 * @throws WebxError `tampered`, `bad-key`
 */
export async function* contentOf(qnt: QntFile, unlocked: Unlocked): AsyncGenerator<Uint8Array> {
  const { keys, commitment, ...claims } = unlocked
  assertCommitted(keys, commitment)
  const layout = layoutOf(qnt, claims)
  const out = new Uint8Array(OUT_BYTES)
  let outBytes = 0
  const values = createBlake3()
  const sink: ChunkSink = {
    room: (bytes) => {
      outBytes += bytes
      return out.subarray(outBytes - bytes, outBytes)
    },
    value: (value) => values.update(value),
  }
  const reader = new PayloadReader(keys, { layout: layout.chunks, root: claims.root }, sink)
  try {
    for await (const block of blocksOf(fileReader(qnt.file, layout.bodyAt, layout.chunks.sealedBytes))) {
      outBytes = 0
      reader.write(block)
      if (outBytes > 0) yield out.subarray(0, outBytes)
    }
    await assertTree(qnt.file, layout, values.update(reader.end()).digest())
  } finally {
    reader.wipe()
    out.fill(0)
  }
}

/**
 * Writes the sealed chunks of a .qnt, and its tree, into the file `target` under another manifest of the same content. What is at `target` is never replaced.
 *
 * @param claims what the manifest of both says of the content
 * @param document the other manifest, signed
 * @returns bytes of the new file
 * @throws WebxError `tampered`, `store-failed`, `too-long`
 */
export async function copyUnder(
  qnt: QntFile,
  claims: ContentClaims,
  document: Uint8Array,
  target: string,
): Promise<number> {
  const from = layoutOf(qnt, claims)
  const hasTree = from.fileBytes > from.treeAt
  const to = qntLayout(document.length, claims.contentBytes, { chunkLog2: claims.chunkLog2, hasTree })
  await writeDraft(target, async (draft) => {
    await writeAll(draft, qntHead(document), 0)
    const treeDigest = await copyChunks(qnt.file, from, claims.root, draft, to.bodyAt)
    await copyBytes(qnt.file, { at: from.treeAt, length: from.fileBytes - from.treeAt }, draft, to.treeAt)
    // what was copied, not what it was copied from: another process may write to that meanwhile
    await assertTree(draft, to, treeDigest)
  })
  return to.fileBytes
}

/** Copies and verifies the chunks; answers the digest of the stored tree that belongs to them. */
async function copyChunks(
  file: FileHandle,
  from: QntLayout,
  root: Uint8Array,
  draft: FileHandle,
  at: number,
): Promise<Uint8Array> {
  const values = createBlake3()
  const reader = new SealedReader({ layout: from.chunks, root }, (_sealed, _chunk, value) => void values.update(value))
  const out = new BlockWriter(draft, at, BLOCK_BYTES)
  for await (const block of blocksOf(fileReader(file, from.bodyAt, from.chunks.sealedBytes))) {
    reader.write(block)
    out.room(block.length).set(block)
    await out.flush()
  }
  await out.end()
  return values.update(reader.end()).digest()
}

async function copyBytes(
  file: FileHandle,
  { at, length }: { at: number; length: number },
  draft: FileHandle,
  to: number,
): Promise<void> {
  let written = to
  for await (const block of blocksOf(fileReader(file, at, length))) {
    await writeAll(draft, block, written)
    written += block.length
  }
}
