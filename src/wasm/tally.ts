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
  remove(count: number): number
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

/** Whose votes are counted, and what makes a quorum of them. */
export interface TallyCommittee {
  /** Weight of each member, 1 … 32 of them; unsigned 32-bit integers, as is their sum. */
  readonly weights: readonly number[]
  /** Weight at which a candidate is certified. */
  readonly quorum: number
  /** Weight of a strong certificate, at least the quorum. */
  readonly strong: number
}

/** How a tally is set up. */
export interface TallyOptions extends TallyCommittee {
  /**
   * Keys held, a power of two up to 65,536 (default 4,096). Beyond it the never certified key used longest ago goes.
   */
  readonly capacity?: number
  /** 8 secret bytes that place the keys, so that nobody can choose colliding ones; they change no answer. */
  readonly seed?: Uint8Array
  readonly build?: Build
}

/** A running count. Keys and candidates are 32 bytes. */
export interface Tally {
  readonly build: Build
  /** Counts one member's votes: `entries` is key ‖ candidate, 64 bytes each. A repeated vote is no event. */
  addBatch(member: number, entries: Uint8Array): readonly TallyEvent[]
  /**
   * The same without a new object: writes index and kind of each event to `events`, which has room for four numbers an
   * entry, and answers how many events there are. `kindOf` names a kind. (Beyond 256 entries: one view for each 256.)
   */
  addBatchInto(events: Uint32Array, member: number, entries: Uint8Array): number
  /** What a kind in `events` means. */
  kindOf(kind: number): TallyEventKind
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
  /** Forgets keys and their votes: 32 bytes each, one behind the other. Answers how many of them were held. */
  remove(keys: Uint8Array): number
  /**
   * Forgets every key and vote, and counts for another committee from now on: a vote counts in its own epoch only.
   * Capacity, seed and memory stay.
   */
  renew(committee: TallyCommittee): void
  /** Keys held. */
  readonly size: number
  /** Keys evicted so far, because the tally was full. */
  readonly evictions: number
}

const NO_EVENTS: readonly TallyEvent[] = Object.freeze([])
const CAPACITY = 4096
const ENTRY = 64
const KEY = 32
const NUMBERS_PER_ENTRY = 4
/** Any constants do where nobody chooses keys in order to slow the table down. */
const SEED = Uint8Array.of(0x15, 0x7c, 0x4a, 0x7f, 0xb9, 0x79, 0x37, 0x9e)

/** A tally in a new instance of the kernel. Throws a RangeError where an option is out of its bounds. */
export function createTally(options: TallyOptions): Tally {
  const { build = kernelBuild('tally'), capacity = CAPACITY, seed = SEED } = options
  const kernel = instantiate<TallyExports>('tally', build)
  const input = kernel.input.value
  const entriesMax = kernel.entriesMax.value
  const kinds = new Map<number, TallyEventKind>([
    [kernel.QUORUM.value, 'QUORUM'],
    [kernel.STRONG.value, 'STRONG'],
    [kernel.EQUIVOCATION.value, 'EQUIVOCATION'],
    [kernel.FULL.value, 'FULL'],
  ])
  assertInteger('capacity', capacity, 1, kernel.capacityMax.value)
  if ((capacity & (capacity - 1)) !== 0) throw new RangeError(`capacity: expected a power of two, got ${capacity}`)
  assertBytes('seed', seed, SEED.length)
  const told = new Uint32Array(NUMBERS_PER_ENTRY * entriesMax)
  let members: number
  // views, which renew() makes anew, as it alone lets the memory grow
  let bytes: Uint8Array
  let events: Uint32Array

  function renew(committee: TallyCommittee): void {
    layOut(kernel, committee, capacity)
    members = committee.weights.length
    bytes = new Uint8Array(kernel.memory.buffer)
    bytes.set(seed, kernel.seed.value)
    bytes[kernel.seed.value] = (seed[0] as number) | 1
    events = new Uint32Array(kernel.memory.buffer, kernel.events.value, NUMBERS_PER_ENTRY * entriesMax)
  }

  function setKey(key: Uint8Array): void {
    assertBytes('key', key, 32)
    bytes.set(key, input)
  }

  function setEntry(key: Uint8Array, candidate: Uint8Array): void {
    setKey(key)
    assertBytes('candidate', candidate, 32)
    bytes.set(candidate, input + 32)
  }

  /** Counts what lies in the kernel's input, entries `first` and on of a batch; writes the events behind `before` others. */
  function count(into: Uint32Array, before: number, member: number, first: number, entries: number): number {
    const more = kernel.addBatch(member, entries)
    for (let i = 0; i < 2 * more; i += 2) {
      into[2 * before + i] = first + (events[i] as number)
      into[2 * before + i + 1] = events[i + 1] as number
    }
    return before + more
  }

  function addBatchInto(into: Uint32Array, member: number, entries: Uint8Array): number {
    assertInteger('member', member, 0, members - 1)
    assertArray('entries', entries)
    if (entries.length % ENTRY !== 0) {
      throw new RangeError(`entries: expected a multiple of ${ENTRY} bytes, got ${entries.length}`)
    }
    const total = entries.length / ENTRY
    if (!(into instanceof Uint32Array) || into.length < NUMBERS_PER_ENTRY * total) {
      throw new RangeError(`events: expected a Uint32Array of at least ${NUMBERS_PER_ENTRY * total} numbers`)
    }
    if (total <= entriesMax) {
      bytes.set(entries, input)
      return count(into, 0, member, 0, total)
    }
    let found = 0
    for (let first = 0; first < total; first += entriesMax) {
      const part = entries.subarray(ENTRY * first, ENTRY * (first + entriesMax))
      bytes.set(part, input)
      found = count(into, found, member, first, part.length / ENTRY)
    }
    return found
  }

  function kindOf(kind: number): TallyEventKind {
    const name = kinds.get(kind)
    if (name === undefined) throw new RangeError(`kind: expected a kind of event, got ${kind}`)
    return name
  }

  function listed(found: number, into: Uint32Array): readonly TallyEvent[] {
    if (found === 0) return NO_EVENTS
    return Array.from({ length: found }, (_, i) => {
      return { index: into[2 * i] as number, kind: kindOf(into[2 * i + 1] as number) }
    })
  }

  renew(options)
  return {
    build,
    addBatch(member, entries) {
      assertArray('entries', entries)
      const needed = NUMBERS_PER_ENTRY * Math.ceil(entries.length / ENTRY)
      const into = needed > told.length ? new Uint32Array(needed) : told
      return listed(addBatchInto(into, member, entries), into)
    },
    addBatchInto,
    kindOf,
    add(member, key, candidate) {
      assertInteger('member', member, 0, members - 1)
      setEntry(key, candidate)
      return listed(count(told, 0, member, 0, 1), told)
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
    remove(keys) {
      assertArray('keys', keys)
      if (keys.length % KEY !== 0) throw new RangeError(`keys: expected a multiple of ${KEY} bytes, got ${keys.length}`)
      const roomBytes = ENTRY * entriesMax
      let held = 0
      for (let at = 0; at < keys.length; at += roomBytes) {
        const part = keys.length <= roomBytes ? keys : keys.subarray(at, at + roomBytes)
        bytes.set(part, input)
        held += kernel.remove(part.length / KEY)
      }
      return held
    },
    renew,
    get size() {
      return kernel.size()
    },
    get evictions() {
      return kernel.evictions() >>> 0
    },
  }
}

/** Checks a committee and has the kernel begin anew for it. */
function layOut(kernel: TallyExports, committee: TallyCommittee, capacity: number): void {
  const { weights, quorum, strong } = committee
  assertInteger('weights.length', weights.length, 1, kernel.membersMax.value)
  let total = 0
  weights.forEach((weight, i) => {
    assertInteger(`weights[${i}]`, weight, 0, 0xffffffff)
    total += weight
  })
  assertInteger('sum of weights', total, 1, 0xffffffff)
  assertInteger('quorum', quorum, 1, total)
  assertInteger('strong', strong, quorum, total)
  if (kernel.create(weights.length, quorum, strong, capacity) !== 1) {
    throw new RangeError(`capacity: no memory for ${capacity} keys of ${weights.length} members`)
  }
  new Uint32Array(kernel.memory.buffer, kernel.weights.value, weights.length).set(weights)
}
