/**
 * Hashes long messages with several threads, short ones on the spot: always the same bytes, and the event loop is never held up for
 * more than a millisecond or two at a time.
 *
 * Nothing of Node is used here: threads and pauses are handed in, so that pages can bring Workers of their own. Where
 * there is no shared memory, or no thread is wanted, one thread does the work in slices.
 */

import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { blake3, createBlake3 } from '../wasm/hash.ts'
import { canShare, LEFT, SharedHash, THREADS_MAX, type ThreadStart } from '../wasm/hash-shared.ts'
import { MessageEnds } from './hash-ends.ts'

/** A thread that was spawned with a `ThreadStart`. */
export interface HashThread {
  /** Runs its share of the next message once: see `createShare`. */
  go(): void
  /** Whether the process must stay for it. */
  hold(busy: boolean): void
  /** Ends it, whatever it does. */
  end(): Promise<void>
}

/** What the surroundings lend. */
export interface HashThreads {
  /** Starts a thread; `report` hears what its share reports, `fail` why it died. */
  spawn(start: ThreadStart, report: (group: number) => void, fail: (cause: unknown) => void): HashThread
  /** Lets other events have their turn. */
  pause(): Promise<void>
  /** Copies `part` to the beginning of `into`, which may lie in shared memory. */
  copy(into: Uint8Array, part: Uint8Array): void
}

/** Writes the next bytes of a message at the beginning of `into` and answers how many, 0 at the end. */
export type Fill = (into: Uint8Array) => number | Promise<number>

/** Megabytes in flight: more would leave the processor's caches, less would make the threads wait for whoever fills the ring. */
const RING_GROUPS = 4
/** Bytes copied at once, so that the threads can begin early; bytes read at once, for every read takes its time. */
const COPY = 262_144
const READ = 1_048_576
/** Below this the threads would take longer to wake than to hash. */
const SHARED_BYTES_MIN = 1_048_576
const SLICE = 524_288

/** See the header. One message is hashed at a time, the others wait. */
export class HashPool {
  readonly #threads: number
  readonly #lent: HashThreads
  #crew: Crew | null = null
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #closed = false

  /** @param threads 0 … 16; with 0, or where memory cannot be shared, the calling thread does the work */
  constructor(threads: number, lent: HashThreads) {
    if (!Number.isInteger(threads) || threads < 0 || threads > THREADS_MAX) {
      throw new WebxError('bad-argument', `threads: expected an integer in 0 … ${THREADS_MAX}, got ${threads}`)
    }
    this.#threads = canShare() ? threads : 0
    this.#lent = lent
  }

  /** How many threads work on a long message; 0: the calling one, in slices. */
  get threads(): number {
    return this.#threads
  }

  /** BLAKE3 of `message`, 32 bytes. The message must not change until then. Throws `stopped` and `limit`. */
  async hash(message: Uint8Array): Promise<Uint8Array> {
    if (this.#closed) throw stopped()
    if (message.length < SHARED_BYTES_MIN) return blake3(message)
    return this.#inTurn(() => {
      const ends = new MessageEnds(message, this.#lent.copy)
      return this.#threads > 0 ? this.#together((crew) => crew.hashEnds(ends)) : hashEndsAlone(ends, this.#lent)
    })
  }

  /** BLAKE3 of all that `fill` writes. `lengthExpected` decides whether threads are worth while. Rejects as `fill` does. */
  hashFrom(fill: Fill, lengthExpected: number): Promise<Uint8Array> {
    return this.#inTurn(() => {
      const shared = this.#threads > 0 && lengthExpected >= SHARED_BYTES_MIN
      return shared ? this.#together((crew) => crew.hashFrom(fill)) : hashAlone(fill, this.#lent)
    })
  }

  /** Ends all threads. What is still being hashed rejects with `stopped`. */
  async close(): Promise<void> {
    this.#closed = true
    const crew = this.#crew
    this.#crew = null
    await crew?.end(stopped())
  }

  async #inTurn<T>(turn: () => Promise<T>): Promise<T> {
    if (this.#closed) throw stopped()
    if (this.#waiting >= LIMITS.hashesWaitingMax) {
      throw new WebxError('limit', `more than ${LIMITS.hashesWaitingMax} messages wait to be hashed`)
    }
    this.#waiting++
    const before = this.#last
    const result = (async () => {
      await before
      if (this.#closed) throw stopped()
      return turn()
    })()
    this.#last = result.then(ignore, ignore)
    try {
      return await result
    } finally {
      this.#waiting--
    }
  }

  async #together(hash: (crew: Crew) => Promise<Uint8Array>): Promise<Uint8Array> {
    this.#crew ??= new Crew(this.#threads, this.#lent)
    const crew = this.#crew
    try {
      return await hash(crew)
    } finally {
      if (crew.broken) {
        if (this.#crew === crew) this.#crew = null
        await crew.end(stopped())
      }
    }
  }
}

/** Where a message comes from, and what the calling thread does while the ring is full. */
interface Source {
  readonly fill: Fill
  /** The most bytes that `fill` is asked for at once. */
  readonly most: number
  /** Does something useful for a moment; false where there is nothing to do. */
  help(): boolean
  /** Whether more follows that does not come through `fill`. */
  readonly followed: boolean
}

/** The threads and what they share. */
class Crew {
  readonly #shared: SharedHash
  readonly #lent: HashThreads
  readonly #members: readonly HashThread[]
  #left = 0
  #failure: { readonly cause: unknown } | null = null
  #wake: () => void = ignore

  constructor(threads: number, lent: HashThreads) {
    this.#shared = new SharedHash(threads, RING_GROUPS)
    this.#lent = lent
    this.#members = this.#shared.starts.map((start) => {
      return lent.spawn(
        start,
        (group) => this.#heard(group),
        (cause) => this.#fail(cause),
      )
    })
  }

  /** Whether a thread has died: then no more can be hashed. */
  get broken(): boolean {
    return this.#failure !== null
  }

  /** The hash of all that `fill` writes. */
  async hashFrom(fill: Fill): Promise<Uint8Array> {
    await this.#gather({ fill, most: READ, help: () => false, followed: false })
    return this.#shared.root().digest()
  }

  /** The hash of the message, which the calling thread hashes from the other end. */
  async hashEnds(ends: MessageEnds): Promise<Uint8Array> {
    await this.#gather({
      fill: (into) => ends.fill(into),
      most: COPY,
      help: () => ends.help(),
      followed: true,
    })
    return ends.finish(this.#shared.root())
  }

  async #gather(source: Source): Promise<void> {
    this.#shared.begin()
    this.#left = 0
    for (const member of this.#members) {
      member.hold(true)
      member.go()
    }
    try {
      await this.#pour(source)
    } finally {
      this.#shared.end(source.followed)
      await this.#until(() => this.#left === this.#members.length)
      for (const member of this.#members) member.hold(false)
    }
  }

  /** Ends the threads; whoever waits for them is told `cause`. */
  async end(cause: unknown): Promise<void> {
    this.#fail(cause)
    await Promise.all(this.#members.map((member) => member.end()))
  }

  async #pour({ fill, most, help }: Source): Promise<void> {
    for (;;) {
      const room = this.#shared.room(most)
      if (room === null) {
        if (help()) await this.#lent.pause()
        else await this.#until(() => this.#shared.room(most) !== null)
        continue
      }
      const length = await fill(room)
      if (this.#failure !== null) throw this.#failure.cause
      if (length === 0) return
      this.#shared.filled(length)
    }
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#failure !== null) throw this.#failure.cause
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #heard(group: number): void {
    if (group === LEFT) this.#left++
    else this.#shared.completed(group)
    this.#wake()
  }

  #fail(cause: unknown): void {
    this.#failure ??= { cause }
    this.#wake()
  }
}

async function hashEndsAlone(ends: MessageEnds, lent: HashThreads): Promise<Uint8Array> {
  while (ends.help()) await lent.pause()
  return ends.finish(createBlake3())
}

async function hashAlone(fill: Fill, lent: HashThreads): Promise<Uint8Array> {
  const hasher = createBlake3()
  const slice = new Uint8Array(SLICE)
  for (;;) {
    const length = await fill(slice)
    if (length === 0) return hasher.digest()
    hasher.update(slice.subarray(0, length))
    await lent.pause()
  }
}

function stopped(): WebxError {
  return new WebxError('stopped', 'the hasher has been closed')
}

function ignore(): void {}
