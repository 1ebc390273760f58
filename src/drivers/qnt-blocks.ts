/**
 * Files in blocks of half a megabyte, so that reading, sealing and writing happen at the same time in bounded memory; and drafts that get their name only
 * when they are whole.
 */

import { randomBytes } from 'node:crypto'
import { read } from 'node:fs'
import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { WebxError } from '../core/errors.ts'

/** Bytes that are read at once. */
export const BLOCK_BYTES = 524_288
/** A pipe whose other end does not block says that it is empty instead of waiting. */
const EMPTY_PIPE_MS = 5
const readDescriptor = promisify(read)

/** Writes the next bytes of a source at the beginning of `into`; answers how many, 0 at its end. */
export type ReadBlock = (into: Uint8Array) => Promise<number>

/**
 * The blocks of a source, each while the next one is being read: good until the next is asked for. Two blocks of memory, wiped at the end.
 *
 * @param blockBytes bytes of a block
 */
export async function* blocksOf(read: ReadBlock, blockBytes: number = BLOCK_BYTES): AsyncGenerator<Uint8Array> {
  const blocks: [Uint8Array, Uint8Array] = [new Uint8Array(blockBytes), new Uint8Array(blockBytes)]
  const wipe = (): void => {
    for (const block of blocks) block.fill(0)
  }
  let coming: Promise<number> | null = filled(read, blocks[0])
  try {
    for (let turn = 0; ; turn++) {
      const bytes: number = await coming
      coming = null
      if (bytes === 0) return
      if (bytes === blockBytes) coming = filled(read, blocks[(turn + 1) % 2] as Uint8Array)
      // one that fails while the block before is in work is reported when it is its turn
      coming?.catch(() => 0)
      yield (blocks[turn % 2] as Uint8Array).subarray(0, bytes)
      if (coming === null) return
    }
  } finally {
    // a source that is slow to answer must not hold up whoever has given up
    if (coming === null) wipe()
    else coming.then(wipe, wipe)
  }
}

/** Reads on until the block is full or the source ends. */
async function filled(read: ReadBlock, block: Uint8Array): Promise<number> {
  let at = 0
  while (at < block.length) {
    const bytes = await read(block.subarray(at))
    if (bytes === 0) break
    at += bytes
  }
  return at
}

/** Reads a file from its beginning to its end, wherever that is by then. */
export function wholeReader(file: FileHandle): ReadBlock {
  let at = 0
  return async (into) => {
    const { bytesRead } = await file.read(into, 0, into.length, at)
    at += bytesRead
    return bytesRead
  }
}

/** Reads `length` bytes of a file from `at` on, piece by piece. Throws `tampered` where the file ends before. */
export function fileReader(file: FileHandle, at: number, length: number): ReadBlock {
  let from = at
  const end = at + length
  return async (into) => {
    if (from === end) return 0
    const { bytesRead } = await file.read(into, 0, Math.min(into.length, end - from), from)
    if (bytesRead === 0) throw new WebxError('tampered', 'the file is shorter than it was a moment ago')
    from += bytesRead
    return bytesRead
  }
}

/** Reads pieces of any length of a stream, which stays its owner's to close. */
export function streamReader(source: AsyncIterable<Uint8Array>): ReadBlock {
  const pieces = source[Symbol.asyncIterator]()
  let rest: Uint8Array = new Uint8Array(0)
  return async (into) => {
    while (rest.length === 0) {
      const { value, done } = await pieces.next()
      if (done === true) return 0
      rest = value
    }
    const part = rest.subarray(0, into.length)
    into.set(part)
    rest = rest.subarray(part.length)
    return part.length
  }
}

/**
 * Reads an open descriptor, such as 0 for what comes through a pipe: into the blocks themselves, where `process.stdin` would make a new buffer for
 * every piece and leave it to be collected.
 */
export function descriptorReader(descriptor: number): ReadBlock {
  return async (into) => {
    for (;;) {
      try {
        return (await readDescriptor(descriptor, into, 0, into.length, null)).bytesRead
      } catch (cause) {
        const { code, message } = cause as NodeJS.ErrnoException
        if (code === 'EOF') return 0
        if (code !== 'EAGAIN') throw new WebxError('file-unreadable', `cannot read the pipe: ${message}`, { cause })
        await pause(EMPTY_PIPE_MS)
      }
    }
  }
}

/** A file without a name beside `path`, for what must wait; gone when it is closed. */
export async function withSpill<T>(path: string, use: (spill: FileHandle) => Promise<T>): Promise<T> {
  const name = `${path}.${randomBytes(6).toString('hex')}.spill`
  const spill = await orFailed(path, () => open(name, 'wx+', 0o600))
  try {
    await unlink(name)
    return await use(spill)
  } finally {
    await spill.close()
  }
}

/** Moves `length` bytes of a file to another offset, as far as it may overlap, in blocks. */
export async function moveBytes(file: FileHandle, from: number, to: number, length: number): Promise<void> {
  const block = new Uint8Array(Math.min(BLOCK_BYTES, length))
  for (let done = 0; done < length; ) {
    const bytes = Math.min(block.length, length - done)
    const at = to > from ? length - done - bytes : done
    const part = block.subarray(0, bytes)
    await filled(fileReader(file, from + at, bytes), part)
    await writeAll(file, part, to + at)
    done += bytes
  }
}

/** Writes one after the other what it is given in rooms of its two buffers; at most one is on its way to the disk while the other is filled. */
export class BlockWriter {
  readonly #file: FileHandle
  readonly #buffers: [Uint8Array, Uint8Array]
  #at: number
  #turn = 0
  #bytes = 0
  #going: Promise<unknown> = Promise.resolve()

  /** @param bufferBytes the most that is asked for between two calls of `flush` */
  constructor(file: FileHandle, at: number, bufferBytes: number) {
    this.#file = file
    this.#at = at
    this.#buffers = [new Uint8Array(bufferBytes), new Uint8Array(bufferBytes)]
  }

  /** Where the next so many bytes are to be put. */
  room(bytes: number): Uint8Array {
    const start = this.#bytes
    this.#bytes += bytes
    return (this.#buffers[this.#turn] as Uint8Array).subarray(start, this.#bytes)
  }

  /** Sends off what was put, once what was sent before has arrived. */
  async flush(): Promise<void> {
    await this.#going
    if (this.#bytes === 0) return
    const part = (this.#buffers[this.#turn] as Uint8Array).subarray(0, this.#bytes)
    this.#going = writeAll(this.#file, part, this.#at)
    this.#going.catch(() => 0)
    this.#at += part.length
    this.#bytes = 0
    this.#turn = 1 - this.#turn
  }

  /** Waits until all has arrived; answers the offset where it ends. */
  async end(): Promise<number> {
    await this.flush()
    await this.#going
    return this.#at
  }

  /** Overwrites the buffers once nothing is on its way. */
  async wipe(): Promise<void> {
    await Promise.allSettled([this.#going])
    for (const buffer of this.#buffers) buffer.fill(0)
  }
}

/** Writes all of `bytes` at an offset. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done)
    done += bytesWritten
  }
}

/**
 * Lets `fill` write a draft beside `path` and gives it that name once it is on the disk; if `fill` or the disk fails, or something is there by then, the
 * draft is gone and `path` is as it was. Only its owner may read the draft.
 *
 * @throws WebxError `store-failed` where the disk refuses; else what `fill` throws
 */
export async function writeDraft<T>(path: string, fill: (draft: FileHandle) => Promise<T>): Promise<T> {
  const name = `${path}.${randomBytes(6).toString('hex')}.draft`
  const draft = await orFailed(path, () => open(name, 'wx+', 0o600))
  try {
    const result = await fill(draft)
    await orFailed(path, async () => {
      await draft.sync()
      await draft.close()
      await giveName(name, path)
      const folder = await open(dirname(path), 'r')
      await folder.sync().finally(() => folder.close())
    })
    return result
  } catch (cause) {
    await Promise.allSettled([draft.close(), unlink(name)])
    throw isDiskError(cause) ? failed(path, cause) : cause
  }
}

/** Unlike a rename, a link never takes the place of what appeared there meanwhile; file systems without links have to do with a rename. */
async function giveName(draft: string, path: string): Promise<void> {
  try {
    await link(draft, path)
    await unlink(draft)
  } catch (cause) {
    if (!WITHOUT_LINKS.has((cause as NodeJS.ErrnoException).code ?? '')) throw cause
    await rename(draft, path)
  }
}

const WITHOUT_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

/** Opens a file for reading, and closes it again. Throws `file-unreadable`. */
export async function withFile<T>(path: string, use: (file: FileHandle, bytes: number) => Promise<T>): Promise<T> {
  const file = await open(path, 'r').catch((cause: Error) => {
    throw new WebxError('file-unreadable', `cannot open ${path}: ${cause.message}`, { cause })
  })
  try {
    const state = await file.stat()
    if (!state.isFile()) throw new WebxError('file-unreadable', `${path} is not a regular file`)
    return await use(file, state.size)
  } finally {
    await file.close()
  }
}

async function orFailed<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    throw failed(path, cause)
  }
}

function failed(path: string, cause: unknown): WebxError {
  return new WebxError('store-failed', `cannot write ${path}: ${(cause as Error).message}`, { cause })
}

function isDiskError(cause: unknown): boolean {
  return cause instanceof Error && 'syscall' in cause
}
