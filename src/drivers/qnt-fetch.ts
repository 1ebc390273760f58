/**
 * Where a redeemed ping's content goes: sealed bytes into a draft beside the target, in any order; the target appears, opened, when all of them were verified.
 *
 * What is there already is never replaced, and whatever fails leaves nothing behind but what was there before.
 */

import { randomBytes } from 'node:crypto'
import { type FileHandle, open, stat, unlink } from 'node:fs/promises'
import { WebxError } from '../core/errors.ts'
import { assertCommitted, chunkLayout, PayloadReader } from '../data/stream.ts'
import type { FetchTarget, OpenedManifest } from '../kernel/redeeming.ts'
import { TAG_LENGTH } from '../wasm/seal.ts'
import { BLOCK_BYTES, BlockWriter, blocksOf, fileReader, writeAll, writeDraft } from './qnt-blocks.ts'
import { openQnt } from './qnt-file.ts'

/** A draft for `path`. Throws `store-failed` where something is there, or nothing can be written there. */
export async function openFetchTarget(path: string): Promise<FetchTarget> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  )
  if (isThere) {
    throw new WebxError('store-failed', `${path} is there already`, { hint: 'Name another file, or move it away.' })
  }
  const name = `${path}.${randomBytes(6).toString('hex')}.fetch`
  return new Draft(path, name, await orFailed(path, () => open(name, 'wx+', 0o600)))
}

/** What comes out of a block at most: what the reader held of a chunk comes with it. */
const OUT_BYTES = BLOCK_BYTES + 2 * (65_536 + TAG_LENGTH)

class Draft implements FetchTarget {
  readonly #path: string
  readonly #name: string
  readonly #file: FileHandle
  #isDiscarded = false

  constructor(path: string, name: string, file: FileHandle) {
    this.#path = path
    this.#name = name
    this.#file = file
  }

  put(at: number, bytes: Uint8Array): Promise<void> {
    return orFailed(this.#path, () => writeAll(this.#file, bytes, at))
  }

  async openFile(unlock: (manifest: Uint8Array) => Promise<OpenedManifest>): Promise<number> {
    const layout = await openQnt(this.#name, this.#path, unlock)
    return layout.chunks.contentBytes
  }

  async openChunks({ keys, commitment, root, contentBytes, chunkLog2 }: OpenedManifest): Promise<number> {
    assertCommitted(keys, commitment)
    const layout = chunkLayout(contentBytes, chunkLog2)
    await writeDraft(this.#path, async (draft) => {
      const out = new BlockWriter(draft, 0, OUT_BYTES)
      const sink = { room: (bytes: number) => out.room(bytes), value: () => {} }
      const reader = new PayloadReader(keys, { layout, root }, sink)
      try {
        for await (const block of blocksOf(fileReader(this.#file, 0, layout.sealedBytes))) {
          reader.write(block)
          await out.flush()
        }
        reader.end()
        await out.end()
      } finally {
        reader.wipe()
        await out.wipe()
      }
    })
    return contentBytes
  }

  async discard(): Promise<void> {
    if (this.#isDiscarded) return
    this.#isDiscarded = true
    await Promise.allSettled([this.#file.close(), unlink(this.#name)])
  }
}

async function orFailed<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    throw new WebxError('store-failed', `cannot write ${path}: ${(cause as Error).message}`, { cause })
  }
}
