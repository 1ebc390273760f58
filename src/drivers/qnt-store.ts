/**
 * Copies of .qnt files in one folder, each under the digest of its manifest: whole and verified, or not there at all.
 *
 * A copy is held against its manifest chunk by chunk while it is written, and gets its name only when it is on the disk; what a crash left unfinished is removed at the next
 * start. Names are made of digests alone, so that nothing that anybody sends can point outside the folder.
 */

import { mkdir, open, readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { assertBytes, equal, fromHex, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type QntLayout, qntHead } from '../data/qnt.ts'
import { type PayloadKeys, SealedReader } from '../data/stream.ts'
import type { CheckedManifest, QntStore } from '../kernel/vault.ts'
import { createBlake3 } from '../wasm/hash.ts'
import { blocksOf, fileReader, withFile, writeAll, writeDraft } from './qnt-blocks.ts'
import { type ContentClaims, layoutOf, piece, type QntFile, withQnt } from './qnt-file.ts'
import { readQntRange } from './qnt-range.ts'

/** Opens the folder, making it where it is missing, and removes unfinished copies. Throws `store-failed`. */
export async function openQntStore(folder: string): Promise<QntStore> {
  await onDisk(folder, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const names = await readdir(folder)
    for (const name of names.filter((each) => UNFINISHED.test(each))) await unlink(join(folder, name))
  })
  return new Folder(folder)
}

const COPY = /^[0-9a-f]{64}\.qnt$/
/** What `writeDraft` and `withSpill` call what is not whole yet. */
const UNFINISHED = /^[0-9a-f]{64}\.qnt\.[0-9a-f]{12}\.(?:draft|spill)$/

class Folder implements QntStore {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async manifestAt(path: string): Promise<Uint8Array> {
    await assertRegular(path)
    return withQnt(path, async ({ manifest }) => manifest)
  }

  manifestOf(digest: Uint8Array): Promise<Uint8Array> {
    return this.manifestAt(this.#pathOf(digest))
  }

  async take(path: string, manifest: CheckedManifest, signal?: AbortSignal): Promise<number> {
    const there = await this.fileBytes(manifest.digest)
    if (there !== null && (await this.#isWhole(manifest, signal))) return there
    await assertRegular(path)
    if (there !== null) {
      // the damaged copy may be the only one, or the very file that is handed in
      await verified(path, manifest, { signal })
      await this.remove(manifest.digest)
    }
    return writeDraft(this.#pathOf(manifest.digest), (draft) => verified(path, manifest, { signal, draft }))
  }

  async fileBytes(digest: Uint8Array): Promise<number | null> {
    const found = await stat(this.#pathOf(digest)).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return null
      throw unreadable(this.#pathOf(digest), cause)
    })
    return found?.isFile() ? found.size : null
  }

  async digests(): Promise<Uint8Array[]> {
    const names = await readdir(this.#folder).catch((cause: Error) => {
      throw unreadable(this.#folder, cause)
    })
    return names.filter((name) => COPY.test(name)).map((name) => fromHex(name.slice(0, 64)))
  }

  async remove(digest: Uint8Array): Promise<void> {
    const path = this.#pathOf(digest)
    await onDisk(this.#folder, async () => {
      try {
        await unlink(path)
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return
        throw cause
      }
      const folder = await open(this.#folder, 'r')
      await folder.sync().finally(() => folder.close())
    })
  }

  async readSealed(digest: Uint8Array, at: number, length: number): Promise<Uint8Array> {
    return withFile(this.#pathOf(digest), async (file, bytes) => {
      const isRange = [at, length].every((value) => Number.isSafeInteger(value) && value >= 0) && at + length <= bytes
      if (!isRange || length > LIMITS.qntRangeBytesMax) {
        throw new WebxError('out-of-range', `${length} bytes from ${at} on cannot be read of a .qnt of ${bytes}`)
      }
      return piece(file, at, length)
    })
  }

  async readRange(
    manifest: CheckedManifest,
    range: { at: number; length: number },
    keys: PayloadKeys,
  ): Promise<Uint8Array> {
    const { keyCommitment: commitment } = manifest.manifest
    const { content } = await readQntRange(this.#pathOf(manifest.digest), range, async (document) => {
      return { ...claimsOf(document, manifest), commitment, keys }
    })
    return content
  }

  async scrub(manifest: CheckedManifest, signal?: AbortSignal): Promise<void> {
    await verified(this.#pathOf(manifest.digest), manifest, { signal })
  }

  #isWhole(manifest: CheckedManifest, signal?: AbortSignal): Promise<boolean> {
    return this.scrub(manifest, signal).then(
      () => true,
      () => false,
    )
  }

  #pathOf(digest: Uint8Array): string {
    assertBytes('digest', digest, 32)
    return join(this.#folder, `${toHex(digest)}.qnt`)
  }
}

/** Where what is verified goes, if anywhere, and what calls it off. */
interface Verifying {
  readonly signal?: AbortSignal | undefined
  readonly draft?: Parameters<typeof writeAll>[0]
}

/** Holds a .qnt against its manifest, head, chunks and tree, while it is copied into a draft; answers its bytes. Throws `tampered`, `file-unreadable`, `stopped`. */
function verified(path: string, manifest: CheckedManifest, { signal, draft }: Verifying): Promise<number> {
  return withQnt(path, async (qnt) => {
    const layout = layoutOf(qnt, claimsOf(qnt.manifest, manifest))
    await readVerified(qnt, layout, manifest.manifest.root, async (bytes, at) => {
      if (signal?.aborted) throw new WebxError('stopped', 'the vault is being stopped')
      if (draft) await writeAll(draft, bytes, at)
    })
    return qnt.fileBytes
  })
}

async function readVerified(
  qnt: QntFile,
  layout: QntLayout,
  root: Uint8Array,
  put: (bytes: Uint8Array, at: number) => Promise<void>,
): Promise<void> {
  const values = createBlake3()
  const chunks = new SealedReader({ layout: layout.chunks, root }, (_sealed, _chunk, value) => {
    values.update(value)
  })
  await put(qntHead(qnt.manifest), 0)
  let at = layout.bodyAt
  for await (const block of blocksOf(fileReader(qnt.file, at, layout.chunks.sealedBytes))) {
    chunks.write(block)
    await put(block, at)
    at += block.length
  }
  const expected = values.update(chunks.end()).digest()
  if (layout.fileBytes === layout.treeAt) return
  const tree = createBlake3()
  for await (const block of blocksOf(fileReader(qnt.file, at, layout.tree.bytes))) {
    tree.update(block)
    await put(block, at)
    at += block.length
  }
  if (!equal(tree.digest(), expected)) {
    throw new WebxError('tampered', 'the stored tree of hashes is not that of the chunks')
  }
}

/** What a file must hold. Throws `tampered` unless it begins with this very manifest, signature and all. */
function claimsOf(found: Uint8Array, { document, manifest }: CheckedManifest): ContentClaims {
  const { contentBytes, chunkLog2, root } = manifest
  if (equal(found, document)) return { contentBytes, chunkLog2, root }
  throw new WebxError('tampered', 'the file does not begin with the manifest that it is to be held against')
}

/** Opening a pipe would wait for whoever writes into it. */
async function assertRegular(path: string): Promise<void> {
  const found = await stat(path).catch((cause: Error) => {
    throw unreadable(path, cause)
  })
  if (!found.isFile()) throw new WebxError('file-unreadable', `${path} is not a regular file`)
}

function unreadable(path: string, cause: Error): WebxError {
  return new WebxError('file-unreadable', `cannot read ${path}: ${cause.message}`, { cause })
}

async function onDisk(folder: string, action: () => Promise<void>): Promise<void> {
  try {
    await action()
  } catch (cause) {
    throw new WebxError('store-failed', `cannot change ${folder}: ${(cause as Error).message}`, { cause })
  }
}
