/**
 * BLAKE3 of a message that several threads hash together over one shared memory (assembly/hash-shared.ts), as seen by
 * the one thread that owns it: where the next bytes of the message go, what may be hashed, what is done, and the root.
 *
 * The message runs through a ring, so that it may be of any length and the memory stays as it is. Nothing here waits:
 * who starts the threads and awaits their reports calls the methods in turn. The message is public; nothing is wiped.
 */

import { assertInteger } from './check.ts'
import { type Blake3, createBlake3 } from './hash.ts'
import { instantiateShared, sharedModule } from './load.ts'

interface SharedExports {
  readonly groupSegments: WebAssembly.Global
  readonly groupsMax: WebAssembly.Global
  readonly workspaceLength: WebAssembly.Global
  readonly drawn: WebAssembly.Global
  readonly published: WebAssembly.Global
  readonly done: WebAssembly.Global
  readonly values: WebAssembly.Global
  readonly free: WebAssembly.Global
  work(workspace: number, ring: number, groups: number): number
}

/** What a thread needs to take part; can be posted to it. */
export interface ThreadStart {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly workspace: number
  readonly ring: number
  readonly groups: number
}

/** What a thread reports when it leaves: the last published segment has been taken. */
export const LEFT = -1

/** The most threads over one memory. */
export const THREADS_MAX = 16
/** The most bytes that are given out at once. */
export const ROOM_MAX = 1_048_576
/** Bytes that one ticket is for: a subtree of 2^`SEGMENT_LEVEL` chunks. */
export const SEGMENT = 65_536
export const SEGMENT_LEVEL = 6
const PAGE = 65_536
/** Tickets are 31-bit numbers. */
const SEGMENTS_MAX = 2 ** 30

/** Whether this engine can hash with threads: shared memory, SIMD, and the kernel has been provided. */
export function canShare(): boolean {
  return sharedModule() !== null
}

/**
 * A thread's part. The returned function hashes, blocking, until the message is done; it reports every group of
 * segments that it completes by its index, and in the end `LEFT`.
 */
export function createShare(start: ThreadStart, report: (group: number) => void): () => void {
  const kernel = instantiateShared<SharedExports>(start.module, start.memory)
  return () => {
    for (;;) {
      const group = kernel.work(start.workspace, start.ring, start.groups)
      report(group)
      if (group === LEFT) return
    }
  }
}

/** One message at a time: `begin`, then `room` and `filled` in turn, `end`, and when all threads have left, `root`. */
export class SharedHash {
  /** One for each thread. */
  readonly starts: readonly ThreadStart[]
  readonly #bytes: Uint8Array
  readonly #words: Int32Array
  readonly #ring: number
  readonly #groups: number
  readonly #groupSegments: number
  readonly #at: { readonly drawn: number; readonly published: number; readonly done: number; readonly values: number }
  readonly #complete: boolean[]
  #hasher: Blake3
  #length = 0
  #adopted = 0
  #ended = false
  #followed = false

  /** @param groups the ring's length, in groups of 1 MiB: 2 … 64 */
  constructor(threads: number, groups: number) {
    assertInteger('threads', threads, 1, THREADS_MAX)
    const module = sharedModule()
    if (module === null) throw new TypeError('threads: this engine cannot share memory, or the kernel was not provided')
    const probe = instantiateShared<SharedExports>(module, memoryOf(2))
    assertInteger('groups', groups, 2, probe.groupsMax.value)
    const workspaceLength = probe.workspaceLength.value
    this.#groups = groups
    this.#groupSegments = probe.groupSegments.value
    this.#ring = Math.ceil((probe.free.value + threads * workspaceLength) / PAGE) * PAGE
    const memory = memoryOf((this.#ring + groups * this.#groupLength) / PAGE)
    this.#bytes = new Uint8Array(memory.buffer)
    this.#words = new Int32Array(memory.buffer)
    this.#at = {
      drawn: probe.drawn.value >> 2,
      published: probe.published.value >> 2,
      done: probe.done.value >> 2,
      values: probe.values.value,
    }
    this.starts = Array.from({ length: threads }, (_, i) => {
      return { module, memory, workspace: probe.free.value + i * workspaceLength, ring: this.#ring, groups }
    })
    this.#complete = new Array<boolean>(groups).fill(false)
    this.#hasher = createBlake3()
  }

  /** A new message. No thread may be at work. */
  begin(): void {
    Atomics.store(this.#words, this.#at.drawn, 0)
    Atomics.store(this.#words, this.#at.published, 0)
    for (let group = 0; group < this.#groups; group++) this.#free(group)
    this.#hasher = createBlake3()
    this.#length = 0
    this.#adopted = 0
    this.#ended = false
    this.#followed = false
  }

  /** Where the next bytes go, in shared memory: at most `most` at once; null while the ring is full. */
  room(most: number): Uint8Array | null {
    while (this.#length === (this.#adopted + this.#groups) * this.#groupLength) {
      if (!this.#complete[this.#adopted % this.#groups]) return null
      this.#adopt(this.#groupSegments)
    }
    const at = this.#ring + (this.#length % (this.#groups * this.#groupLength))
    return this.#bytes.subarray(at, at + Math.min(most, this.#groupLength - (this.#length % this.#groupLength)))
  }

  /** The first `length` bytes of the last `room` are message. */
  filled(length: number): void {
    assertInteger('length', length, 0, ROOM_MAX)
    this.#length += length
    if (this.#length > SEGMENTS_MAX * SEGMENT) throw new RangeError('message: expected at most 64 TiB')
    if (length > 0) this.#publish()
  }

  /** A thread's report of a group. */
  completed(group: number): void {
    this.#complete[group] = true
  }

  /**
   * No more will come here: threads leave when they have done what there is. `followed`: this is the beginning of a longer message, a
   * multiple of a segment, and `root` goes on with the rest.
   */
  end(followed = false): void {
    if (followed && this.#length % SEGMENT !== 0) throw new RangeError('followed: expected whole segments')
    this.#ended = true
    this.#followed = followed
    this.#publish()
  }

  /** A hasher that has taken in all that was filled in. All threads must have left. */
  root(): Blake3 {
    const whole = this.#whole
    while (this.#adopted * this.#groupSegments < whole) {
      this.#adopt(Math.min(this.#groupSegments, whole - this.#adopted * this.#groupSegments))
    }
    const tail = this.#length - whole * SEGMENT
    const at = this.#ring + ((whole * SEGMENT) % (this.#groups * this.#groupLength))
    return this.#hasher.update(this.#bytes.subarray(at, at + tail))
  }

  get #groupLength(): number {
    return this.#groupSegments * SEGMENT
  }

  /** Segments for the threads: all that are followed by at least a byte, for the last one ends in the root. */
  get #whole(): number {
    if (this.#followed) return this.#length / SEGMENT
    return Math.max(0, Math.ceil(this.#length / SEGMENT) - 1)
  }

  #publish(): void {
    Atomics.store(this.#words, this.#at.published, this.#whole * 2 + (this.#ended ? 1 : 0))
    Atomics.notify(this.#words, this.#at.published)
  }

  /** Takes the first `segments` of the oldest group into the root. */
  #adopt(segments: number): void {
    const group = this.#adopted % this.#groups
    const at = this.#at.values + 32 * group * this.#groupSegments
    this.#hasher.adopt(this.#bytes.subarray(at, at + 32 * segments), SEGMENT_LEVEL)
    this.#adopted++
    this.#free(group)
  }

  #free(group: number): void {
    Atomics.store(this.#words, this.#at.done + group, 0)
    this.#complete[group] = false
  }
}

function memoryOf(pages: number): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
}
