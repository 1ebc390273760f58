/**
 * From .qnt to age (C2SP age.md) and back, for whoever has only the one or the other: in bounded memory, verified to the last byte before the result gets its name.
 *
 * An age file says neither whose it is nor what it may be used for: what a manifest says is left behind, and its rules with it.
 */

import { concat } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Holder, RecipientKey } from '../data/recipients.ts'
import { openInto, sealInto, TAG_LENGTH } from '../wasm/seal.ts'
import { ageHeader, FILE_KEY_BYTES, fileKeyOf, hkdf, readAgeHeader } from './qnt-age-header.ts'
import { BlockWriter, blocksOf, fileReader, streamReader, withFile, writeAll, writeDraft } from './qnt-blocks.ts'
import { contentOf } from './qnt-body.ts'
import { piece, type Unlocked, withQnt } from './qnt-file.ts'
import { HOST_CHANCE } from './qnt-holder.ts'

/** Bytes of content in all chunks but the last. */
const CHUNK_BYTES = 65_536
const SEALED_BYTES = CHUNK_BYTES + TAG_LENGTH
const NONCE_BYTES = 16
const CHUNKS_AT_ONCE = 8

/** Content that is being opened. */
export interface AgeContent {
  readonly contentBytes: number
  /** Good each until the next is asked for; all that comes is authentic, but only the end says that nothing is missing. */
  readonly blocks: AsyncGenerator<Uint8Array>
}

/**
 * Writes the content of the .qnt at `path` into the age file `target`, which appears only when all is verified. What is there is never replaced.
 *
 * @param unlock checks the manifest and unwraps the key
 * @returns bytes of content
 * @throws WebxError as `openQnt`, and as `ageHeader`
 */
export async function exportAge(
  path: string,
  target: string,
  unlock: (manifest: Uint8Array) => Promise<Unlocked>,
  recipients: readonly RecipientKey[],
): Promise<number> {
  return withQnt(path, async (qnt) => {
    const unlocked = await unlock(qnt.manifest)
    const fileKey = HOST_CHANCE.random(FILE_KEY_BYTES)
    const nonce = HOST_CHANCE.random(NONCE_BYTES)
    const cipher = new AgeCipher(fileKey, nonce)
    const content = contentOf(qnt, unlocked)
    try {
      const head = concat(ageHeader(fileKey, recipients), nonce)
      await writeDraft(target, async (draft) => {
        await writeAll(draft, head, 0)
        const out = new BlockWriter(draft, head.length, CHUNKS_AT_ONCE * SEALED_BYTES)
        for await (const block of aligned(content)) {
          for (let at = 0; at === 0 || at < block.bytes.length; at += CHUNK_BYTES) {
            const part = block.bytes.subarray(at, at + CHUNK_BYTES)
            cipher.seal(
              out.room(part.length + TAG_LENGTH),
              block.isLast && at + CHUNK_BYTES >= block.bytes.length,
              part,
            )
          }
          await out.flush()
        }
        await out.end()
      })
      return unlocked.contentBytes
    } finally {
      await content.return(undefined)
      cipher.wipe()
      for (const secret of [fileKey, unlocked.keys.contentKey]) secret.fill(0)
    }
  })
}

/**
 * Opens the age file at `path` for `use`, which takes the blocks to their end and gives nothing a name before.
 *
 * @throws WebxError `file-unreadable`, `bad-shape`, `bad-version`, `too-long`, `not-allowed` where it is for none of these, `tampered`, and what `use` throws
 */
export async function withAge<T>(
  path: string,
  holders: readonly Holder[],
  use: (content: AgeContent) => Promise<T>,
): Promise<T> {
  return withFile(path, async (file, fileBytes) => {
    const header = readAgeHeader(await piece(file, 0, Math.min(fileBytes, LIMITS.ageHeaderBytesMax)))
    const fileKey = fileKeyOf(header, holders)
    const payloadAt = header.bytes + NONCE_BYTES
    const sealedBytes = fileBytes - payloadAt
    const chunks = Math.ceil(sealedBytes / SEALED_BYTES)
    const lastBytes = sealedBytes - (chunks - 1) * SEALED_BYTES - TAG_LENGTH
    // an empty chunk is the only one there is, or none at all
    if (chunks < 1 || lastBytes < 0 || (lastBytes === 0 && chunks > 1)) {
      fileKey.fill(0)
      throw new WebxError('tampered', 'this age file is cut off')
    }
    const cipher = new AgeCipher(fileKey, await piece(file, header.bytes, NONCE_BYTES))
    fileKey.fill(0)
    const blocks = opened(fileReader(file, payloadAt, sealedBytes), cipher, chunks)
    try {
      return await use({ contentBytes: sealedBytes - chunks * TAG_LENGTH, blocks })
    } finally {
      await blocks.return(undefined)
      cipher.wipe()
    }
  })
}

async function* opened(
  read: (into: Uint8Array) => Promise<number>,
  cipher: AgeCipher,
  chunks: number,
): AsyncGenerator<Uint8Array> {
  const out = new Uint8Array(CHUNKS_AT_ONCE * CHUNK_BYTES)
  let chunk = 0
  try {
    for await (const block of blocksOf(read, CHUNKS_AT_ONCE * SEALED_BYTES)) {
      let outBytes = 0
      for (let at = 0; at < block.length; at += SEALED_BYTES) {
        const sealed = block.subarray(at, at + SEALED_BYTES)
        const part = out.subarray(outBytes, outBytes + sealed.length - TAG_LENGTH)
        cipher.open(part, ++chunk === chunks, sealed)
        outBytes += part.length
      }
      if (outBytes > 0) yield out.subarray(0, outBytes)
    }
  } finally {
    out.fill(0)
  }
}

/** Pieces of any length as blocks of whole chunks, each with whether it is the last one; empty content is one empty block. */
async function* aligned(
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly isLast: boolean }> {
  const held = new Uint8Array(CHUNKS_AT_ONCE * CHUNK_BYTES)
  let heldBytes = 0
  try {
    for await (const block of blocksOf(streamReader(content), held.length)) {
      if (heldBytes > 0) yield { bytes: held.subarray(0, heldBytes), isLast: false }
      held.set(block)
      heldBytes = block.length
    }
    yield { bytes: held.subarray(0, heldBytes), isLast: true }
  } finally {
    held.fill(0)
  }
}

/** Seals or opens one chunk after the other. */
class AgeCipher {
  readonly #key: Uint8Array
  readonly #nonce = new Uint8Array(12)
  readonly #view = new DataView(this.#nonce.buffer)
  #chunk = 0

  constructor(fileKey: Uint8Array, nonce: Uint8Array) {
    this.#key = hkdf(fileKey, nonce, 'payload')
  }

  seal(out: Uint8Array, isLast: boolean, content: Uint8Array): void {
    sealInto(out, this.#key, this.#next(isLast), content)
  }

  /** Throws `tampered`. */
  open(out: Uint8Array, isLast: boolean, sealed: Uint8Array): void {
    if (openInto(out, this.#key, this.#next(isLast), sealed)) return
    throw new WebxError('tampered', `chunk ${this.#chunk - 1} of this age file is not what was encrypted`)
  }

  wipe(): void {
    this.#key.fill(0)
  }

  #next(isLast: boolean): Uint8Array {
    this.#view.setBigUint64(3, BigInt(this.#chunk++))
    this.#nonce[11] = isLast ? 1 : 0
    return this.#nonce
  }
}
