/**
 * Takes named files out of an npm package's tarball: gzip of POSIX tar (ustar) with pax headers, as `npm pack` writes it.
 *
 * Nothing is ever written where the archive says: files are asked for by name and handed back as bytes, so a
 * hostile path has no effect. Every size is bounded before memory is taken, and every header's checksum is checked.
 */

import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'

/**
 * The wanted files of a `.tgz`, those that it has.
 *
 * @param wanted path inside the archive → the most bytes it may have
 * Throws `download-failed` where the file is no such archive, `limit` where a file or the whole is larger than allowed.
 */
export async function extract(
  tarball: string,
  wanted: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  const source = createReadStream(tarball)
  const gunzip = createGunzip()
  source.on('error', (cause) => gunzip.destroy(cause))
  source.pipe(gunzip)
  try {
    const bytes = new Bytes(gunzip)
    let path: string | null = null
    for (let header = await nextHeader(bytes); header !== null; header = await nextHeader(bytes)) {
      if (header.type === 'x' || header.type === 'L') {
        const text = new TextDecoder().decode(await bytes.take(bounded(header.size, NAME_BYTES_MAX)))
        path = header.type === 'L' ? text.replace(/\0.*$/s, '') : (paxPath(text) ?? path)
      } else {
        const name = path ?? header.path
        path = null
        const bytesMax = header.type === '0' ? wanted.get(name) : undefined
        if (bytesMax === undefined) await bytes.skip(header.size)
        else found.set(name, await bytes.take(bounded(header.size, bytesMax)))
      }
      await bytes.skip(-header.size & (BLOCK - 1))
    }
    return found
  } catch (cause) {
    if (cause instanceof WebxError) throw cause
    throw broken(cause instanceof Error ? cause.message : String(cause), cause)
  } finally {
    source.destroy()
    gunzip.destroy()
  }
}

const BLOCK = 512
const NAME_BYTES_MAX = 64 * 1024

interface Header {
  readonly path: string
  readonly size: number
  readonly type: string
}

/** The next header, or null at the end of the archive (a block of zeros, or no more bytes). */
async function nextHeader(bytes: Bytes): Promise<Header | null> {
  const block = await bytes.take(BLOCK, true)
  if (block.length === 0 || block.every((byte) => byte === 0)) return null
  let sum = 8 * 0x20
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += block[i]!
  if (octal(block, 148, 8) !== sum) throw broken('a header fails its checksum')
  const name = field(block, 0, 100)
  const prefix = field(block, 257, 5) === 'ustar' ? field(block, 345, 155) : ''
  const type = field(block, 156, 1)
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    size: octal(block, 124, 12),
    type: type === '' ? '0' : type,
  }
}

function field(block: Uint8Array, at: number, length: number): string {
  const bytes = block.subarray(at, at + length)
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}

function octal(block: Uint8Array, at: number, length: number): number {
  const digits = field(block, at, length).trim()
  if (!/^[0-7]+$/.test(digits)) throw broken('a header holds no octal number where one belongs')
  return Number.parseInt(digits, 8)
}

/** The path in a pax header's records ("length key=value\n"), if one is there. */
function paxPath(records: string): string | null {
  return /^\d+ path=(.*)$/m.exec(records)?.[1] ?? null
}

function bounded(size: number, bytesMax: number): number {
  if (size > bytesMax) throw new WebxError('limit', `archive: a file of ${size} bytes, at most ${bytesMax} are allowed`)
  return size
}

function broken(why: string, cause?: unknown): WebxError {
  return new WebxError('download-failed', `the archive is damaged: ${why}`, {
    hint: 'Try again; if it stays so, the package registry or its cache is damaged (npm cache verify).',
    cause,
  })
}

/** Reads exact numbers of bytes off a stream of chunks, and no more than an archive may hold. */
class Bytes {
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array(0)
  #total = 0

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /** The next `length` bytes as a copy; fewer (none) only where `orEnd` is set and the stream has ended. */
  async take(length: number, orEnd = false): Promise<Uint8Array> {
    const taken = new Uint8Array(length)
    let at = 0
    while (at < length) {
      if (this.#rest.length === 0 && !(await this.#more())) {
        if (orEnd && at === 0) return new Uint8Array(0)
        throw broken('it ends too early')
      }
      const part = this.#rest.subarray(0, length - at)
      taken.set(part, at)
      at += part.length
      this.#rest = this.#rest.subarray(part.length)
    }
    return taken
  }

  async skip(length: number): Promise<void> {
    let left = length
    while (left > 0) {
      if (this.#rest.length === 0 && !(await this.#more())) throw broken('it ends too early')
      const step = Math.min(left, this.#rest.length)
      this.#rest = this.#rest.subarray(step)
      left -= step
    }
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#chunks.next()
    if (done) return false
    this.#total += value.length
    bounded(this.#total, LIMITS.archiveBytesMax)
    this.#rest = value
    return true
  }
}
