/**
 * Counts votes in WebAssembly: each member at most once per key, for one of several candidates.
 *
 * A key is the digest of what is voted on (kind, object, version), a candidate the digest of what is voted for. Votes
 * must have been verified before. Each tally has a kernel instance of its own; the same calls always give the same
 * answers.
 */

import { assertArray, assertBytes, assertInteger } from './check.ts'
import { type Build, instantiate, type KernelExports, kernelBuild } from './load.ts'

interface TallyExports extends KernelExports {
  readonly input: WebAssembly.Global
  readonly entriesMax: WebAssembly.Global
  readonly events: WebAssembly.Global
  readonly weights: WebAssembly.Global
  readonly seed: WebAssembly.Global
  readonly membersMax: WebAssembly.Global
  readonly capacityMax: WebAssembly.Global
  readonly QUORUM: WebAssembly.Global
  readonly STRONG: WebAssembly.Global
  readonly EQUIVOCATION: WebAssembly.Global
  readonly FULL: WebAssembly.Global
  create(members: number, quorum: number, strong: number, capacity: number): number
  addBatch(member: number, count: number): number
  maskOf(): number
  weightOf(): number
  anyMaskOf(): number
  stateOf(): number
  remove(): number
  size(): number
  evictions(): number
}

/**
 * What an entry of a batch brought about: its candidate reached the quorum or the strong quorum; its member has
 * already voted for another candidate of that key (and this vote is not counted); or the tally is full of certified
 * keys (not counted either).
 */
export type TallyEventKind = 'QUORUM' | 'STRONG' | 'EQUIVOCATION' | 'FULL'

/** An event, and the index of the entry in its batch. */
export interface TallyEvent {
  readonly index: number
  readonly kind: TallyEventKind
}

/** How a tally is set up. */
export interface TallyOptions {
  /** Weight of each member, 1 … 32 of them; unsigned 32-bit integers, as is their sum. */
  readonly weights: readonly number[]
  /** Weight at which a candidate is certified. */
  readonly quorum: number
  /** Weight of a strong certificate, at least the quorum. */
  readonly strong: number
  /**
   * Keys held, a power of two up to 65,536 (default 4,096). Beyond it the never certified key used longest ago goes.
   */
  readonly capacity?: number
  /** 64 secret bytes that place the keys, so that nobody can choose colliding ones; they change no answer. */
  readonly seed?: Uint8Array
  readonly build?: Build
}

/** A running count. Keys and candidates are 32 bytes. */
export interface Tally {
  readonly build: Build
  /** Counts one member's votes: `entries` is key ‖ candidate, 64 bytes each. A repeated vote is no event. */
  addBatch(member: number, entries: Uint8Array): readonly TallyEvent[]
  /** Counts a single vote of one member. */
  add(member: number, key: Uint8Array, candidate: Uint8Array): readonly TallyEvent[]
  /** Members who voted for that candidate: bit i for member i, unsigned. 0 where there are none. */
  mask(key: Uint8Array, candidate: Uint8Array): number
  /** Weight of the votes for that candidate. 0 where there are none. */
  weight(key: Uint8Array, candidate: Uint8Array): number
  /** Members who voted on that key at all. */
  voters(key: Uint8Array): number
  /** Whether a candidate of that key has reached the quorum. Null where the key is not held. */
  certified(key: Uint8Array): boolean | null
  /** Forgets a key and its votes. False if it was not held. */
  remove(key: Uint8Array): boolean
  /** Keys held. */
  readonly size: number
  /** Keys evicted so far, because the tally was full. */
  readonly evictions: number
}

const NO_EVENTS: readonly TallyEvent[] = Object.freeze([])
const CAPACITY = 4096
const ENTRY = 64
/** Any constants do where nobody chooses keys in order to slow the table down. */
const SEED = Uint8Array.from({ length: 64 }, (_, i) => (7 * i * i + 151 * i + 197) & 255)

/** A tally in a new instance of the kernel. Throws a RangeError where an option is out of its bounds. */
export function createTally(options: TallyOptions): Tally {
  const build = options.build ?? kernelBuild('tally')
  const kernel = instantiate<TallyExports>('tally', build)
  setUp(kernel, options)
  // the memory has grown for the last time, so views stay valid
  const bytes = new Uint8Array(kernel.memory.buffer)
  const input = kernel.input.value
  const entriesMax = kernel.entriesMax.value
  const events = new Uint32Array(kernel.memory.buffer, kernel.events.value, 4 * entriesMax)
  const members = options.weights.length
  const kinds = new Map<number, TallyEventKind>([
    [kernel.QUORUM.value, 'QUORUM'],
    [kernel.STRONG.value, 'STRONG'],
    [kernel.EQUIVOCATION.value, 'EQUIVOCATION'],
    [kernel.FULL.value, 'FULL'],
  ])

  function setKey(key: Uint8Array): void {
    assertBytes('key', key, 32)
    bytes.set(key, input)
  }

  function setEntry(key: Uint8Array, candidate: Uint8Array): void {
    setKey(key)
    assertBytes('candidate', candidate, 32)
    bytes.set(candidate, input + 32)
  }

  function told(count: number, first: number): TallyEvent[] {
    return Array.from({ length: count }, (_, i) => {
      return {
        index: first + (events[2 * i] as number),
        kind: kinds.get(events[2 * i + 1] as number) as TallyEventKind,
      }
    })
  }

  return {
    build,
    addBatch(member, entries) {
      assertInteger('member', member, 0, members - 1)
      assertArray('entries', entries)
      if (entries.length % ENTRY !== 0) {
        throw new RangeError(`entries: expected a multiple of ${ENTRY} bytes, got ${entries.length}`)
      }
      let all = NO_EVENTS
      for (let first = 0; first < entries.length / ENTRY; first += entriesMax) {
        const part = entries.subarray(ENTRY * first, ENTRY * (first + entriesMax))
        bytes.set(part, input)
        const count = kernel.addBatch(member, part.length / ENTRY)
        if (count > 0) all = [...all, ...told(count, first)]
      }
      return all
    },
    add(member, key, candidate) {
      assertInteger('member', member, 0, members - 1)
      setEntry(key, candidate)
      const count = kernel.addBatch(member, 1)
      return count === 0 ? NO_EVENTS : told(count, 0)
    },
    mask(key, candidate) {
      setEntry(key, candidate)
      return kernel.maskOf() >>> 0
    },
    weight(key, candidate) {
      setEntry(key, candidate)
      return kernel.weightOf() >>> 0
    },
    voters(key) {
      setKey(key)
      return kernel.anyMaskOf() >>> 0
    },
    certified(key) {
      setKey(key)
      const state = kernel.stateOf()
      return state === 0 ? null : state === 2
    },
    remove(key) {
      setKey(key)
      return kernel.remove() === 1
    },
    get size() {
      return kernel.size()
    },
    get evictions() {
      return kernel.evictions() >>> 0
    },
  }
}

function setUp(kernel: TallyExports, options: TallyOptions): void {
  const { weights, quorum, strong, capacity = CAPACITY, seed = SEED } = options
  assertInteger('weights.length', weights.length, 1, kernel.membersMax.value)
  let total = 0
  weights.forEach((weight, i) => {
    assertInteger(`weights[${i}]`, weight, 0, 0xffffffff)
    total += weight
  })
  assertInteger('sum of weights', total, 1, 0xffffffff)
  assertInteger('quorum', quorum, 1, total)
  assertInteger('strong', strong, quorum, total)
  assertInteger('capacity', capacity, 1, kernel.capacityMax.value)
  if ((capacity & (capacity - 1)) !== 0) throw new RangeError(`capacity: expected a power of two, got ${capacity}`)
  assertBytes('seed', seed, 64)
  const bytes = new Uint8Array(kernel.memory.buffer)
  bytes.set(seed, kernel.seed.value)
  new Uint32Array(kernel.memory.buffer, kernel.weights.value, weights.length).set(weights)
  if (kernel.create(weights.length, quorum, strong, capacity) !== 1) {
    throw new RangeError(`capacity: no memory for ${capacity} keys of ${weights.length} members`)
  }
}
