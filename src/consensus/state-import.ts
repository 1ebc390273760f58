/**
 * A settled state as it comes in, chunk by chunk, each checked against the root that a hand-over names before anything is believed.
 *
 * Chunk 0 is the table of buckets and tells how many chunks there are; the others may come in any order and from anybody.
 */

import { equal } from '../core/bytes.ts'
import { type Cbor, decode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { merkleVerify } from './merkle.ts'
import {
  type BucketMark,
  EMPTY_BUCKET,
  join,
  partLeaf,
  type SettledObject,
  stateBucketOf,
  stateRootOf,
} from './statetree.ts'

export class StateImport {
  readonly #root: Uint8Array
  #marks: readonly BucketMark[] | null = null
  /** By chunk. */
  readonly #parts: (Uint8Array | undefined)[] = []
  #count = 0
  #taken = 0

  /** @param root 32 bytes, of an opening that a hand-over names */
  constructor(root: Uint8Array) {
    this.#root = root.slice()
  }

  /** How many chunks there are; 1 as long as the table of buckets has not come. */
  get chunkCount(): number {
    return this.#marks ? 1 + this.#count : 1
  }

  get isComplete(): boolean {
    return this.#marks !== null && this.#taken === this.#count
  }

  /** Up to `countMax` numbers of chunks that have not come yet. */
  missing(countMax: number): number[] {
    if (!this.#marks) return [0]
    const missing: number[] = []
    for (let index = 1; index <= this.#count && missing.length < countMax; index++) {
      if (!this.#parts[index]) missing.push(index)
    }
    return missing
  }

  /** Takes in a chunk. Throws `tampered` where the root does not name it, `bad-shape`, `not-canonical`, `too-long`; `not-settled` for a part before the table. */
  take(index: number, bytes: Uint8Array): void {
    if (index === 0) {
      if (!this.#marks) this.#takeTable(bytes)
      return
    }
    if (!this.#marks) throw new WebxError('not-settled', 'a part of the state before its table')
    if (this.#parts[index]) return
    const fields = Fields.of('state chunk', bytes, LIMITS.stateChunkBytesMax)
    const path = fields.bytesBetween('path', 0, PATH_BYTES_MAX)
    const part = fields.bytesBetween('part', 1, LIMITS.statePartBytesMax)
    fields.end()
    const place = this.#placeOf(index)
    if (!place || !merkleVerify(place.mark.root, place.mark.parts, place.part, partLeaf(part), path)) {
      throw new WebxError('tampered', 'the root does not name this part of the state')
    }
    this.#parts[index] = part.slice()
    this.#taken++
  }

  /** All objects. Throws `not-settled` where chunks are missing, `bad-shape` where a quorum has signed nonsense. */
  *objects(): Iterable<SettledObject> {
    if (!this.#marks || !this.isComplete) throw new WebxError('not-settled', 'parts of the state are missing')
    let next = 1
    for (const [bucket, { parts }] of this.#marks.entries()) {
      const stream = join(this.#parts.slice(next, next + parts) as Uint8Array[])
      next += parts
      yield* readBucket(stream, bucket)
    }
  }

  #takeTable(bytes: Uint8Array): void {
    const table = decode(bytes, LIMITS.stateChunkBytesMax)
    if (!Array.isArray(table) || table.length !== LIMITS.stateBuckets) {
      throw new WebxError('bad-shape', 'state table: names every bucket')
    }
    const marks = table.map(readMark)
    if (!equal(stateRootOf(marks), this.#root)) throw new WebxError('tampered', 'the root does not name this table')
    this.#marks = marks
    this.#count = marks.reduce((sum, { parts }) => sum + parts, 0)
  }

  #placeOf(index: number): { readonly mark: BucketMark; readonly part: number } | null {
    let part = index - 1
    for (const mark of this.#marks ?? []) {
      if (part < mark.parts) return { mark, part }
      part -= mark.parts
    }
    return null
  }
}

/** Depth of the tree over the most parts that a bucket can have: all objects in one. */
const PATH_BYTES_MAX = 32 * 32

function readMark(value: Cbor): BucketMark {
  if (Array.isArray(value) && value.length === 0) return EMPTY_BUCKET
  const fields = new Fields('bucket', value)
  const mark = { parts: fields.uint('parts', PARTS_MAX), root: fields.bytes('root', 32).slice() }
  fields.end()
  if (mark.parts === 0) throw new WebxError('bad-shape', 'bucket: one without parts has no root')
  return mark
}

const PARTS_MAX = 0xff_ffff

function* readBucket(stream: Uint8Array, bucket: number): Iterable<SettledObject> {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.length)
  let at = 0
  while (at < stream.length) {
    const length = at + 4 <= stream.length ? view.getUint32(at) : stream.length
    at += 4
    if (at + length > stream.length) throw new WebxError('bad-shape', 'bucket: an object is cut off')
    const object = readSettled(Fields.of('settled object', stream.subarray(at, at + length), LIMITS.storeValueBytesMax))
    if (stateBucketOf(object.oid) !== bucket) throw new WebxError('bad-shape', 'bucket: holds an object of another one')
    yield object
    at += length
  }
}

function readSettled(fields: Fields): SettledObject {
  const oid = fields.bytes('oid', 32).slice()
  const settled = fields.uint('settled')
  const head = fields.bytes('head', 32).slice()
  const hasState = fields.boolean('hasState')
  const state = fields.bytesBetween('state', 0, LIMITS.storeValueBytesMax)
  fields.end()
  return { oid, settled, head, state: hasState ? state.slice() : null }
}
