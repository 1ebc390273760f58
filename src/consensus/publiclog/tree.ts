/**
 * The Merkle tree of the public log as it grows: tiles in the store, the right edge in memory (RFC 9162 §2.1, C2SP tlog-tiles).
 *
 * An append touches one tile; a tile that is full gets its root into the level above. Everything else – roots of any size, inclusion, consistency – is worked out from
 * tiles when it is asked for, and nothing but tiles and the size is stored.
 */

import { encode } from '../../core/codec.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import { EMPTY_TREE, HASH_BYTES, nodeHash, splitOf, type TreeHead } from './proof.ts'
import { LOG_KEY, LOG_SPACE, type LogStore } from './store.ts'
import { edgeWidth, TILE_WIDTH } from './tile.ts'

const TILE_HEIGHT = 8

/** A level's last tile, which is not full; on the disk only after `save`. */
interface Edge {
  index: number
  width: number
  readonly hashes: Uint8Array
}

export class LogTree {
  readonly #store: LogStore
  readonly #edges: Edge[] = []
  #size = 0
  #isChanged = false

  /** Goes on with the tree in the store. Throws `store-damaged` where a tile is missing. */
  constructor(store: LogStore) {
    this.#store = store
    const stored = store.get(LOG_SPACE.meta, LOG_KEY.size)
    if (stored) this.#begin(readSize(stored))
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size
  }

  get head(): TreeHead {
    return this.headAt(this.#size)
  }

  /** Adds a leaf hash and answers its index. Throws `limit`. */
  append(leaf: Uint8Array): number {
    if (this.#size >= LIMITS.logLeavesMax) throw new WebxError('limit', 'the public log is full')
    this.#push(0, leaf)
    this.#isChanged = true
    return this.#size++
  }

  /** Size and root as they were when the tree had `size` leaves. Throws `bad-argument` beyond what is there. */
  headAt(size: number): TreeHead {
    this.#assertSize('size', size, this.#size)
    return size === 0 ? EMPTY_TREE : { size, root: this.#range(0, size) }
  }

  /** Proof that leaf `index` is in the tree of `size` leaves, from the leaf's neighbor up. Throws `bad-argument`. */
  inclusion(index: number, size: number = this.#size): Uint8Array[] {
    this.#assertSize('size', size, this.#size)
    this.#assertSize('index', index, size - 1)
    const path: Uint8Array[] = []
    let [start, at, count] = [0, index, size]
    while (count > 1) {
      const split = splitOf(count)
      if (at < split) {
        path.push(this.#range(start + split, count - split))
        count = split
      } else {
        path.push(this.#range(start, split))
        start += split
        at -= split
        count -= split
      }
    }
    return path.reverse()
  }

  /** Proof that the tree of `size` leaves extends the one of `old` leaves; empty where nothing is to be shown. Throws `bad-argument`. */
  consistency(old: number, size: number = this.#size): Uint8Array[] {
    this.#assertSize('size', size, this.#size)
    this.#assertSize('old', old, size)
    if (old === 0 || old === size) return []
    const proof: Uint8Array[] = []
    let [start, kept, count] = [0, old, size]
    while (kept !== count) {
      const split = splitOf(count)
      if (kept <= split) {
        proof.push(this.#range(start + split, count - split))
        count = split
      } else {
        proof.push(this.#range(start, split))
        start += split
        kept -= split
        count -= split
      }
    }
    // where all the old leaves are one subtree from the first on, the verifier has its root already
    if (start > 0) proof.push(this.#range(start, count))
    return proof.reverse()
  }

  /** The hashes of a tile, as far as it goes; null for a tile that is not there. */
  tile(level: number, index: number): Uint8Array | null {
    const edge = this.#edges[level]
    if (!edge || index > edge.index) return null
    if (index === edge.index) return edge.width === 0 ? null : edge.hashes.slice(0, edge.width * HASH_BYTES)
    return this.#full(level, index)
  }

  /** Back to the first `size` leaves: what a new generation of the log begins with. Throws `bad-argument`. */
  truncate(size: number): void {
    this.#assertSize('size', size, this.#size)
    this.#begin(size)
    this.#isChanged = true
  }

  /** Puts the right edge into the store, where full tiles are already. */
  save(): void {
    if (!this.#isChanged) return
    for (const [level, { index, width, hashes }] of this.#edges.entries()) {
      if (width > 0) this.#put(level, index, hashes.slice(0, width * HASH_BYTES))
    }
    this.#store.put(LOG_SPACE.meta, LOG_KEY.size, encode([this.#size]))
    this.#isChanged = false
  }

  /** Takes the right edge of the tree of `size` leaves from its tiles. */
  #begin(size: number): void {
    const edges: Edge[] = []
    for (let level = 0; TILE_WIDTH ** level <= size; level++) {
      const index = Math.floor(size / TILE_WIDTH ** (level + 1))
      const width = edgeWidth(size, level)
      const hashes = new Uint8Array(TILE_WIDTH * HASH_BYTES)
      if (width > 0) hashes.set(this.#stored(level, index, width))
      edges.push({ index, width, hashes })
    }
    this.#edges.splice(0, this.#edges.length, ...edges)
    this.#size = size
  }

  #push(level: number, hash: Uint8Array): void {
    let edge = this.#edges[level]
    if (!edge) {
      edge = { index: 0, width: 0, hashes: new Uint8Array(TILE_WIDTH * HASH_BYTES) }
      this.#edges.push(edge)
    }
    edge.hashes.set(hash, edge.width * HASH_BYTES)
    edge.width++
    if (edge.width < TILE_WIDTH) return
    this.#put(level, edge.index, edge.hashes.slice())
    this.#push(level + 1, rootOf(edge.hashes))
    edge.index++
    edge.width = 0
  }

  /** Hash of the leaves from `start` on, which the tree cuts off as one subtree. */
  #range(start: number, count: number): Uint8Array {
    let height = 0
    let width = 1
    while (width < count) {
      width *= 2
      height++
    }
    if (width === count) return this.#node(height, start / width)
    const split = width / 2
    return nodeHash(this.#range(start, split), this.#range(start + split, count - split))
  }

  /** Root of the full subtree number `index` of 2^`height` leaves. */
  #node(height: number, index: number): Uint8Array {
    const level = Math.floor(height / TILE_HEIGHT)
    const count = 2 ** (height % TILE_HEIGHT)
    const first = index * count
    const at = (first % TILE_WIDTH) * HASH_BYTES
    const tile = this.#stored(level, Math.floor(first / TILE_WIDTH), (first % TILE_WIDTH) + count)
    return rootOf(tile.subarray(at, at + count * HASH_BYTES))
  }

  /** The first `width` hashes of a tile. */
  #stored(level: number, index: number, width: number): Uint8Array {
    const edge = this.#edges[level]
    const hashes = edge?.index === index ? edge.hashes.subarray(0, edge.width * HASH_BYTES) : this.#full(level, index)
    if (!hashes || hashes.length < width * HASH_BYTES) {
      throw new WebxError('store-damaged', `public log: tile ${index} of level ${level} is missing`)
    }
    return hashes.subarray(0, width * HASH_BYTES)
  }

  #full(level: number, index: number): Uint8Array | null {
    return this.#store.get(LOG_SPACE.tile, tileKey(level, index))
  }

  #put(level: number, index: number, hashes: Uint8Array): void {
    this.#store.put(LOG_SPACE.tile, tileKey(level, index), hashes)
  }

  #assertSize(name: string, value: number, max: number): void {
    if (!Number.isSafeInteger(value) || value < 0 || value > max) {
      throw new WebxError('bad-argument', `${name}: expected 0 to ${max}, got ${value}`)
    }
  }
}

/** Root over 2^n hashes that stand one after the other. */
function rootOf(hashes: Uint8Array): Uint8Array {
  if (hashes.length === HASH_BYTES) return hashes.slice()
  const half = hashes.length / 2
  return nodeHash(rootOf(hashes.subarray(0, half)), rootOf(hashes.subarray(half)))
}

function tileKey(level: number, index: number): Uint8Array {
  const key = new Uint8Array(9)
  key[0] = level
  new DataView(key.buffer).setBigUint64(1, BigInt(index))
  return key
}

function readSize(bytes: Uint8Array): number {
  const fields = Fields.of('size of the public log', bytes)
  const size = fields.uint('size', LIMITS.logLeavesMax)
  fields.end()
  return size
}
