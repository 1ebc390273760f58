/**
 * BLAKE3 with worker threads: long messages and files of any length, in bounded memory, without holding up the event loop.
 *
 * The threads start with the first long message, do not keep the process alive while they have nothing to do, and end with `close`.
 */

import { existsSync, readFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { setImmediate as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { WebxError } from '../core/errors.ts'
import { THREADS_MAX, type ThreadStart } from '../wasm/hash-shared.ts'
import { provideShared } from '../wasm/load.ts'
import { HashPool, type HashThread, type HashThreads } from './hash-pool.ts'

/** Hashes what is long. */
export interface ParallelHasher {
  /** How many threads work on a long message; 0: the calling one, in slices. */
  readonly threads: number
  /** BLAKE3 of `message`, 32 bytes. The message must not change until then. Throws `stopped` and `limit`. */
  hash(message: Uint8Array): Promise<Uint8Array>
  /**
   * BLAKE3 of a regular file, 32 bytes. Throws `file-unreadable`, `file-changed` where the file was written to
   * while it was read, `stopped` and `limit`.
   */
  hashFile(path: string): Promise<Uint8Array>
  /** Ends the threads; what is being hashed rejects with `stopped`. */
  close(): Promise<void>
}

/** @param options.threads 0 … 16, default: as many as the machine runs at once */
export function createParallelHasher(options: { readonly threads?: number } = {}): ParallelHasher {
  if (existsSync(KERNEL)) provideShared(readFileSync(KERNEL))
  const wanted = options.threads ?? Math.min(availableParallelism(), THREADS_MAX)
  const pool = new HashPool(existsSync(WORKER) ? wanted : 0, HASH_THREADS)
  return {
    threads: pool.threads,
    hash: (message) => pool.hash(message),
    hashFile: (path) => hashFile(pool, path),
    close: () => pool.close(),
  }
}

const KERNEL = new URL('../../build/hash-shared.threads.wasm', import.meta.url)
const WORKER = new URL(`hash-worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url)

/** What Node lends to a `HashPool`. */
export const HASH_THREADS: HashThreads = { spawn, pause: () => pause(), copy }

/** A worker thread; it does not keep the process alive but while it is held. */
function spawn(start: ThreadStart, report: (group: number) => void, fail: (cause: unknown) => void): HashThread {
  const worker = new Worker(WORKER, { name: 'webx-hash', workerData: start, execArgv: [] })
  worker.unref()
  worker.on('message', report)
  worker.on('error', fail)
  worker.on('exit', (code) => fail(new WebxError('internal', `a thread that hashes ended with code ${code}`)))
  return {
    go: () => worker.postMessage(null),
    hold: (busy) => (busy ? worker.ref() : worker.unref()),
    end: async () => {
      await worker.terminate()
    },
  }
}

/** As `into.set(part)`, which writes shared memory word by word and takes a third longer. */
function copy(into: Uint8Array, part: Uint8Array): void {
  Buffer.from(part.buffer, part.byteOffset, part.length).copy(into)
}

async function hashFile(pool: HashPool, path: string): Promise<Uint8Array> {
  const file = await orUnreadable(path, () => open(path, 'r'))
  try {
    const before = await stateOf(file, path)
    const digest = await pool.hashFrom(reader(file, path, before.length), before.length)
    const after = await stateOf(file, path)
    if (after.length !== before.length || after.modifiedNs !== before.modifiedNs) throw changed(path)
    return digest
  } finally {
    await file.close()
  }
}

/** Reads on from the beginning; throws where the file turns out longer or shorter than `length`. */
function reader(file: FileHandle, path: string, length: number): (into: Uint8Array) => Promise<number> {
  let at = 0
  return async (into) => {
    const { bytesRead } = await orUnreadable(path, () => file.read(into, 0, into.length, at))
    at += bytesRead
    if (at > length || (bytesRead === 0 && at < length)) throw changed(path)
    return bytesRead
  }
}

async function stateOf(file: FileHandle, path: string): Promise<{ length: number; modifiedNs: bigint }> {
  const state = await orUnreadable(path, () => file.stat({ bigint: true }))
  if (!state.isFile()) throw new WebxError('file-unreadable', `${path} is not a regular file`)
  return { length: Number(state.size), modifiedNs: state.mtimeNs }
}

async function orUnreadable<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    throw new WebxError('file-unreadable', `cannot read ${path}`, { cause })
  }
}

function changed(path: string): WebxError {
  const hint = 'Hash it again when nothing writes to it.'
  return new WebxError('file-changed', `${path} changed while it was read`, { hint })
}
