/**
 * The hash tree over the sealed chunks of a .qnt: BLAKE3's own, so that the root is the BLAKE3 of the ciphertext, which anyone's tool computes.
 *
 * A chunk is a subtree of it, 64 KiB, and its chaining value a leaf here. Beside the chunks a file may store the tree: the values of all chunks, and
 * above them those of every 256 values, as long as there are more than 256. That is 32 bytes a chunk and a little, written in one pass; from the
 * root down a page of 8 KiB a level proves 256 chunks to whoever wants to read only those. One chunk alone is proved by its siblings.
 */

import { concat, equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { blake3 } from '../wasm/hash.ts'
import { LEAF_BYTES, mergeAll, mergePairs, partValueInto, VALUE_BYTES } from './subtree.ts'

/** Values in a page. */
export const PAGE_VALUES = 256
/** Two to this power are the bytes of a sealed chunk. */
export const CHUNK_LOG2 = 16

/** Where in the stored tree the values of each level lie, from the chunks' up; none for a single chunk. */
export interface TreeLayout {
  readonly chunks: number
  readonly levels: readonly { readonly at: number; readonly count: number }[]
  readonly bytes: number
}

/** A piece of the stored tree. */
export interface TreePage {
  readonly at: number
  readonly bytes: number
}

/** The layout of the stored tree of so many chunks. */
export function treeLayout(chunks: number): TreeLayout {
  const levels: { at: number; count: number }[] = []
  let at = 0
  for (let count = chunks; count > 1; count = Math.ceil(count / PAGE_VALUES)) {
    levels.push({ at, count })
    at += count * VALUE_BYTES
    if (count <= PAGE_VALUES) break
  }
  return { chunks, levels, bytes: at }
}

/** Builds the tree chunk by chunk, in memory of 32 bytes for every 256 chunks. */
export class TreeBuilder {
  readonly #leavesPerChunk: number
  readonly #value = new Uint8Array(VALUE_BYTES)
  readonly #levels: Level[] = [new Level()]
  #chunks = 0
  #first: Uint8Array = new Uint8Array(0)

  /** @param chunkLog2 all chunks but the last have 2^chunkLog2 bytes, 10 … 16 */
  constructor(chunkLog2: number = CHUNK_LOG2) {
    this.#leavesPerChunk = 2 ** chunkLog2 / LEAF_BYTES
  }

  /** Takes in the next sealed chunk. Answers its value, for the lowest level of the stored tree; good until the next call. */
  add(sealed: Uint8Array): Uint8Array {
    if (this.#chunks === 0) this.#first = blake3(sealed)
    partValueInto(this.#value, sealed, this.#chunks * this.#leavesPerChunk)
    this.#chunks++
    this.#put(0, this.#value)
    return this.#value
  }

  /** The root, and the levels of the stored tree above the lowest. The builder is spent. */
  finish(): { readonly root: Uint8Array; readonly upper: Uint8Array } {
    if (this.#chunks < 2) return { root: this.#first, upper: new Uint8Array(0) }
    for (let level = 0; level < this.#levels.length - 1; level++) this.#close(level)
    const upper = this.#levels.slice(1).map((level) => level.stored())
    const root = (this.#levels.at(-1) as Level).merged(true)
    return { root, upper: concat(...upper) }
  }

  #put(level: number, value: Uint8Array): void {
    this.#levels[level] ??= new Level()
    if ((this.#levels[level] as Level).isFull) this.#close(level)
    ;(this.#levels[level] as Level).put(value, level > 0)
  }

  #close(level: number): void {
    this.#put(level + 1, (this.#levels[level] as Level).merged(false))
  }
}

/** The pages that prove `chunk`, from the lowest level up. */
export function pagesOf(layout: TreeLayout, chunk: number): TreePage[] {
  return layout.levels.map(({ at, count }, level) => {
    const first = Math.floor(chunk / PAGE_VALUES ** (level + 1)) * PAGE_VALUES
    return { at: at + first * VALUE_BYTES, bytes: Math.min(PAGE_VALUES, count - first) * VALUE_BYTES }
  })
}

/**
 * Checks pages as `pagesOf` names them against the root, from the root down. The values in the lowest are then those of the chunks about `chunk`.
 *
 * @throws WebxError `tampered`
 */
export function checkPages(layout: TreeLayout, root: Uint8Array, chunk: number, pages: readonly Uint8Array[]): void {
  const wanted = pagesOf(layout, chunk)
  let expected = root
  for (let level = layout.levels.length - 1; level >= 0; level--) {
    const page = pages[level]
    if (page === undefined || page.length !== wanted[level]?.bytes) throw torn()
    const copy = new Uint8Array(page)
    mergeAll(copy, copy.length / VALUE_BYTES, level === layout.levels.length - 1)
    if (!equal(copy.subarray(0, VALUE_BYTES), expected)) throw torn()
    expected = valueAt(page, Math.floor(chunk / PAGE_VALUES ** level) % PAGE_VALUES)
  }
}

/** The siblings that prove one chunk, from below up, out of its checked pages. */
export function siblingsOf(chunk: number, pages: readonly Uint8Array[]): Uint8Array[] {
  const siblings: Uint8Array[] = []
  pages.forEach((page, level) => {
    const values = new Uint8Array(page)
    let at = Math.floor(chunk / PAGE_VALUES ** level) % PAGE_VALUES
    for (let count = values.length / VALUE_BYTES; count > 1; at >>= 1) {
      if ((at ^ 1) < count) siblings.push(valueAt(values, at ^ 1).slice())
      count = mergePairs(values, count, false)
    }
  })
  return siblings
}

/** True where `sealed` is chunk number `chunk` of so many below the root, as its siblings prove. */
export function isChunkOf(
  root: Uint8Array,
  { chunks, chunk, chunkLog2 = CHUNK_LOG2 }: { chunks: number; chunk: number; chunkLog2?: number },
  sealed: Uint8Array,
  siblings: readonly Uint8Array[],
): boolean {
  if (chunk >= chunks || siblings.some(({ length }) => length !== VALUE_BYTES)) return false
  const isWhole = sealed.length === 2 ** chunkLog2
  if (!isWhole && (chunk < chunks - 1 || sealed.length === 0 || sealed.length > 2 ** chunkLog2)) return false
  if (chunks === 1) return siblings.length === 0 && equal(blake3(sealed), root)
  const pair = new Uint8Array(2 * VALUE_BYTES)
  chunkValueInto(pair, chunk, sealed, chunkLog2)
  let used = 0
  let at = chunk
  for (let count = chunks; count > 1; count = Math.ceil(count / 2)) {
    if ((at ^ 1) < count) {
      const sibling = siblings[used++]
      if (sibling === undefined) return false
      if (at % 2 === 1) pair.copyWithin(VALUE_BYTES, 0, VALUE_BYTES)
      pair.set(sibling, at % 2 === 1 ? 0 : VALUE_BYTES)
      mergePairs(pair, 2, count === 2)
    }
    at >>= 1
  }
  return used === siblings.length && equal(pair.subarray(0, VALUE_BYTES), root)
}

/** Writes the value of a chunk that is not the only one into the first 32 bytes of `out`. */
export function chunkValueInto(
  out: Uint8Array,
  chunk: number,
  sealed: Uint8Array,
  chunkLog2: number = CHUNK_LOG2,
): void {
  partValueInto(out.subarray(0, VALUE_BYTES), sealed, (chunk * 2 ** chunkLog2) / LEAF_BYTES)
}

/** The page of a level that is being filled, and all values of the level that are to be stored. */
class Level {
  readonly #page = new Uint8Array(PAGE_VALUES * VALUE_BYTES)
  #count = 0
  #kept = new Uint8Array(0)
  #keptBytes = 0

  get isFull(): boolean {
    return this.#count === PAGE_VALUES
  }

  put(value: Uint8Array, isKept: boolean): void {
    this.#page.set(value, this.#count++ * VALUE_BYTES)
    if (isKept) this.#keep(value)
  }

  /** The value above the page, which is empty then. */
  merged(isRoot: boolean): Uint8Array {
    mergeAll(this.#page, this.#count, isRoot)
    this.#count = 0
    return this.#page.slice(0, VALUE_BYTES)
  }

  stored(): Uint8Array {
    return this.#kept.subarray(0, this.#keptBytes)
  }

  #keep(value: Uint8Array): void {
    if (this.#keptBytes + VALUE_BYTES > this.#kept.length) {
      const wider = new Uint8Array(Math.max(PAGE_VALUES * VALUE_BYTES, 2 * this.#kept.length))
      wider.set(this.#kept)
      this.#kept = wider
    }
    this.#kept.set(value, this.#keptBytes)
    this.#keptBytes += VALUE_BYTES
  }
}

function valueAt(page: Uint8Array, index: number): Uint8Array {
  return page.subarray(index * VALUE_BYTES, (index + 1) * VALUE_BYTES)
}

function torn(): WebxError {
  return new WebxError('tampered', 'the stored tree of hashes does not lead to the root')
}
