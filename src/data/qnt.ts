/**
 * Where things lie in a .qnt file: `QNT1`, the length of the manifest in 32 bits, the manifest (a COSE_Sign1 document), the sealed chunks, and the
 * stored hash tree or nothing.
 *
 * The manifest says how long the content is and what root its sealed chunks have; so every byte of the file is accounted for, and a file that is
 * longer or shorter than it says is refused before anything of it is looked at.
 */

import { concat, equal, fromText } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type ChunkLayout, chunkLayout } from './stream.ts'
import { type TreeLayout, treeLayout } from './tree.ts'

/** Bytes before the manifest. */
export const QNT_PREFIX_BYTES = 8

/** The offsets of a file. */
export interface QntLayout {
  readonly chunks: ChunkLayout
  readonly tree: TreeLayout
  /** Offset of the first chunk. */
  readonly bodyAt: number
  /** Offset of the stored tree: where a file without one ends. */
  readonly treeAt: number
  /** Bytes of the file; with the stored tree, if it has one. */
  readonly fileBytes: number
}

const MAGIC = fromText('QNT1')

/** What comes before the first chunk. Throws `too-long`. */
export function qntHead(manifest: Uint8Array): Uint8Array {
  assertManifestBytes(manifest.length)
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, manifest.length)
  return concat(MAGIC, length, manifest)
}

/** Length of the manifest, from the first 8 bytes of a file. Null where they are not those of a .qnt; throws `too-long`. */
export function manifestBytes(prefix: Uint8Array): number | null {
  if (prefix.length < QNT_PREFIX_BYTES || !equal(prefix.subarray(0, MAGIC.length), MAGIC)) return null
  const length = new DataView(prefix.buffer, prefix.byteOffset).getUint32(MAGIC.length)
  assertManifestBytes(length)
  return length
}

/** The offsets of a file with a manifest of that length and so much content. Throws `too-long`. */
export function qntLayout(
  manifestLength: number,
  contentBytes: number,
  options: { readonly chunkLog2?: number; readonly hasTree?: boolean } = {},
): QntLayout {
  const chunks = chunkLayout(contentBytes, options.chunkLog2)
  const tree = treeLayout(chunks.chunks)
  const bodyAt = QNT_PREFIX_BYTES + manifestLength
  const treeAt = bodyAt + chunks.sealedBytes
  return { chunks, tree, bodyAt, treeAt, fileBytes: treeAt + (options.hasTree === false ? 0 : tree.bytes) }
}

/** The same of a file that is there: its length says whether the tree is stored. Throws `tampered` for any other length. */
export function layoutOfFile(
  fileBytes: number,
  manifestLength: number,
  contentBytes: number,
  chunkLog2?: number,
): QntLayout & { readonly hasTree: boolean } {
  const options = chunkLog2 === undefined ? {} : { chunkLog2 }
  for (const hasTree of [true, false]) {
    const layout = qntLayout(manifestLength, contentBytes, { ...options, hasTree })
    if (layout.fileBytes === fileBytes) return { ...layout, hasTree }
  }
  const { treeAt, tree } = qntLayout(manifestLength, contentBytes, options)
  throw new WebxError(
    'tampered',
    `the file has ${fileBytes} bytes, its manifest says ${treeAt} or ${treeAt + tree.bytes}`,
  )
}

function assertManifestBytes(length: number): void {
  if (length === 0) throw new WebxError('bad-shape', 'a .qnt needs a manifest')
  if (length > LIMITS.manifestBytesMax) {
    throw new WebxError('too-long', `${length} bytes of manifest, at most ${LIMITS.manifestBytesMax} allowed`)
  }
}
