/**
 * The best plain JavaScript that counts votes as `src/wasm/tally.ts` does, in two ways: Maps of strings, and typed arrays with open addressing.
 *
 * Both are bounded, compare keys and candidates in full, find equivocation, know weights, and tell the same events. They are written to be fast: the
 * typed-array version has the layout of the kernel, one store for "used last", a cheap keyed hash, and leaves the search for what to evict to the moment
 * when room is wanted; the Map version makes its strings with Node's own latin1 conversion.
 */

/** What the bench calls: the same as the kernel's door. */
export interface VoteCounter {
  /** Counts one member's votes, key ‖ candidate, 64 bytes each; writes (index, kind) pairs to `events`; answers how many. */
  addBatchInto(events: Uint32Array, member: number, entries: Uint8Array): number
  /** Members who voted for that candidate, bit i for member i. */
  mask(key: Uint8Array, candidate: Uint8Array): number
  /** Forgets keys of 32 bytes and their votes; answers how many were held. */
  remove(keys: Uint8Array): number
}

export interface CounterOptions {
  readonly weights: readonly number[]
  readonly quorum: number
  readonly strong: number
  /** Keys held, a power of two. */
  readonly capacity: number
}

const QUORUM = 1
const STRONG = 2
const EQUIVOCATION = 3
const FULL = 4
const ENTRY_BYTES = 64

interface Votes {
  readonly candidate: string
  mask: number
  weight: number
}

interface HeldKey {
  any: number
  certified: boolean
  usedLast: number
  readonly votes: Votes[]
}

/** Maps of strings: one lookup by key, then the few candidates one after the other. */
export function createMapCounter({ weights, quorum, strong, capacity }: CounterOptions): VoteCounter {
  const keys = new Map<string, HeldKey>()
  let clock = 0

  function hold(key: string): HeldKey | null {
    if (keys.size === capacity) {
      let victim: string | null = null
      let least = Number.POSITIVE_INFINITY
      for (const [name, held] of keys) {
        if (held.certified || held.usedLast >= least) continue
        victim = name
        least = held.usedLast
      }
      if (victim === null) return null
      keys.delete(victim)
    }
    const held: HeldKey = { any: 0, certified: false, usedLast: 0, votes: [] }
    keys.set(key, held)
    return held
  }

  return {
    addBatchInto(events, member, entries) {
      const text = latin(entries)
      const bit = 1 << member
      const weight = weights[member] as number
      let told = 0
      const tell = (index: number, kind: number): void => {
        events[told++] = index
        events[told++] = kind
      }
      for (let at = 0, index = 0; at < entries.length; at += ENTRY_BYTES, index++) {
        const key = text.latin1Slice(at, at + 32)
        const candidate = text.latin1Slice(at + 32, at + ENTRY_BYTES)
        const held = keys.get(key) ?? hold(key)
        if (held === null) {
          tell(index, FULL)
          continue
        }
        held.usedLast = clock++
        let votes: Votes | undefined
        for (let i = 0; i < held.votes.length; i++) {
          if ((held.votes[i] as Votes).candidate !== candidate) continue
          votes = held.votes[i]
          break
        }
        if ((held.any & bit) !== 0) {
          if (votes === undefined || (votes.mask & bit) === 0) tell(index, EQUIVOCATION)
          continue
        }
        if (votes === undefined) {
          votes = { candidate, mask: 0, weight: 0 }
          held.votes.push(votes)
        }
        held.any |= bit
        votes.mask |= bit
        const before = votes.weight
        votes.weight = before + weight
        if (before < quorum && votes.weight >= quorum) {
          held.certified = true
          tell(index, QUORUM)
        }
        if (before < strong && votes.weight >= strong) tell(index, STRONG)
      }
      return told >> 1
    },
    mask(key, candidate) {
      const wanted = latin(candidate).latin1Slice()
      const held = keys.get(latin(key).latin1Slice())
      return (held?.votes.find((votes) => votes.candidate === wanted)?.mask ?? 0) >>> 0
    },
    remove(gone) {
      const text = latin(gone)
      let count = 0
      for (let at = 0; at < gone.length; at += 32) if (keys.delete(text.latin1Slice(at, at + 32))) count++
      return count
    },
  }
}

/** Node's own conversion, without the look at its arguments that `toString` takes; its typings do not tell of it. */
function latin(bytes: Uint8Array): { latin1Slice(start?: number, end?: number): string } {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as Buffer & {
    latin1Slice(start?: number, end?: number): string
  }
}

/** Words of an entry: key and first candidate, then these, then the second candidate. */
const ANY = 16
const MASK = 17
const WEIGHT = 18
const CERTIFIED = 19
const USED_LAST = 20
const SECOND_MASK = 21
const SECOND_WEIGHT = 22
const SECOND = 24
const WORDS = 32
const INPUT_ENTRIES = 256

/** Typed arrays with open addressing: slots of (hash, entry + 1), entries of 128 bytes, further candidates in a Map that nobody honest needs. */
export function createArrayCounter(options: CounterOptions): VoteCounter {
  return new ArrayCounter(options)
}

class ArrayCounter implements VoteCounter {
  readonly quorum: number
  readonly strong: number
  readonly slotMask: number
  readonly slots: Int32Array
  readonly table: Int32Array
  readonly free: Int32Array
  readonly bytes = new Uint8Array(INPUT_ENTRIES * ENTRY_BYTES)
  readonly words = new Int32Array(this.bytes.buffer)
  readonly weights: Uint32Array
  readonly further = new Map<number, { readonly words: Int32Array; mask: number; weight: number }[]>()
  freeCount: number
  clock = 0
  told = 0

  constructor({ weights, quorum, strong, capacity }: CounterOptions) {
    this.quorum = quorum
    this.strong = strong
    this.slotMask = 4 * capacity - 1
    this.slots = new Int32Array(8 * capacity)
    this.table = new Int32Array(WORDS * capacity)
    this.free = Int32Array.from({ length: capacity }, (_, i) => capacity - 1 - i)
    this.freeCount = capacity
    this.weights = Uint32Array.from(weights)
  }

  addBatchInto(events: Uint32Array, member: number, entries: Uint8Array): number {
    const count = entries.length / ENTRY_BYTES
    this.told = 0
    if (count <= INPUT_ENTRIES) {
      this.bytes.set(entries)
      this.#addInput(events, member, 0, count)
    } else {
      for (let first = 0; first < count; first += INPUT_ENTRIES) {
        const part = entries.subarray(ENTRY_BYTES * first, ENTRY_BYTES * (first + INPUT_ENTRIES))
        this.bytes.set(part)
        this.#addInput(events, member, first, part.length / ENTRY_BYTES)
      }
    }
    return this.told >> 1
  }

  mask(key: Uint8Array, candidate: Uint8Array): number {
    const { table, words } = this
    this.bytes.set(key)
    const entry = this.#find(0)
    this.bytes.set(candidate)
    if (entry < 0) return 0
    if (same(table, entry + 8, words, 0)) return (table[entry + MASK] as number) >>> 0
    if (table[entry + SECOND_MASK] !== 0 && same(table, entry + SECOND, words, 0)) {
      return (table[entry + SECOND_MASK] as number) >>> 0
    }
    return (this.further.get(entry)?.find((votes) => same(votes.words, 0, words, 0))?.mask ?? 0) >>> 0
  }

  remove(keys: Uint8Array): number {
    if (keys.length > this.bytes.length) throw new RangeError('keys: more than fit')
    this.bytes.set(keys)
    const words = keys.length / 4
    let count = 0
    for (let at = 0; at < words; at += 8) {
      const entry = this.#find(at)
      if (entry < 0) continue
      this.#release(entry, hashAt(this.words, at))
      count++
    }
    return count
  }

  /** The hot loop, with all it uses in locals: known keys and their first candidates. */
  #addInput(events: Uint32Array, member: number, first: number, count: number): void {
    const { slots, table, words, slotMask, quorum, strong } = this
    const bit = 1 << member
    const weight = this.weights[member] as number
    for (let i = 0; i < count; i++) {
      const at = 16 * i
      const hash = hashAt(words, at)
      let slot = hash & slotMask
      let entry = -1
      while (true) {
        const number = slots[2 * slot + 1] as number
        if (number === 0) break
        if (slots[2 * slot] === hash && same(table, WORDS * (number - 1), words, at)) {
          entry = WORDS * (number - 1)
          break
        }
        slot = (slot + 1) & slotMask
      }
      if (entry < 0) entry = this.#claim(at, hash)
      if (entry < 0) {
        this.#tell(events, first + i, FULL)
        continue
      }
      table[entry + USED_LAST] = this.clock++
      if (!same(table, entry + 8, words, at + 8)) {
        this.#addFurther(events, first + i, entry, at, bit, weight)
        continue
      }
      const any = table[entry + ANY] as number
      const mask = table[entry + MASK] as number
      if ((any & bit) === 0) {
        table[entry + ANY] = any | bit
        table[entry + MASK] = mask | bit
        const before = (table[entry + WEIGHT] as number) >>> 0
        table[entry + WEIGHT] = before + weight
        if (before + weight >= quorum && before < strong) this.#cross(events, first + i, entry, before, before + weight)
      } else if ((mask & bit) === 0) {
        this.#tell(events, first + i, EQUIVOCATION)
      }
    }
  }

  /** A vote for another than the first candidate. */
  #addFurther(events: Uint32Array, index: number, entry: number, at: number, bit: number, weight: number): void {
    const { table, words } = this
    const any = table[entry + ANY] as number
    const isSecond = table[entry + SECOND_MASK] !== 0 && same(table, entry + SECOND, words, at + 8)
    const list = this.further.get(entry)
    const other = isSecond ? undefined : list?.find((votes) => same(votes.words, 0, words, at + 8))
    const mask = isSecond ? (table[entry + SECOND_MASK] as number) : (other?.mask ?? 0)
    if ((any & bit) !== 0) {
      if ((mask & bit) === 0) this.#tell(events, index, EQUIVOCATION)
      return
    }
    table[entry + ANY] = any | bit
    if (isSecond || table[entry + SECOND_MASK] === 0) {
      if (!isSecond) table.set(words.subarray(at + 8, at + 16), entry + SECOND)
      const before = isSecond ? (table[entry + SECOND_WEIGHT] as number) >>> 0 : 0
      table[entry + SECOND_MASK] = mask | bit
      table[entry + SECOND_WEIGHT] = before + weight
      this.#cross(events, index, entry, before, before + weight)
      return
    }
    const votes = other ?? { words: words.slice(at + 8, at + 16), mask: 0, weight: 0 }
    if (other === undefined) this.further.set(entry, [...(list ?? []), votes])
    votes.mask |= bit
    votes.weight += weight
    this.#cross(events, index, entry, votes.weight - weight, votes.weight)
  }

  #cross(events: Uint32Array, index: number, entry: number, before: number, after: number): void {
    if (before < this.quorum && after >= this.quorum) {
      this.table[entry + CERTIFIED] = 1
      this.#tell(events, index, QUORUM)
    }
    if (before < this.strong && after >= this.strong) this.#tell(events, index, STRONG)
  }

  #tell(events: Uint32Array, index: number, kind: number): void {
    events[this.told++] = index
    events[this.told++] = kind
  }

  /** A new entry for what lies at `at`, or -1. */
  #claim(at: number, hash: number): number {
    if (this.freeCount === 0 && !this.#evict()) return -1
    const { slots, table, words, slotMask } = this
    const number = this.free[--this.freeCount] as number
    let slot = hash & slotMask
    while (slots[2 * slot + 1] !== 0) slot = (slot + 1) & slotMask
    slots[2 * slot] = hash
    slots[2 * slot + 1] = number + 1
    const entry = WORDS * number
    for (let i = 0; i < 16; i++) table[entry + i] = words[at + i] as number
    for (let i = ANY; i < SECOND; i++) table[entry + i] = 0
    return entry
  }

  /** Looks for the open entry used longest ago; a sorted list would cost more at every vote than this costs when it is wanted. */
  #evict(): boolean {
    const { table } = this
    let victim = -1
    let least = Number.POSITIVE_INFINITY
    for (let entry = 0; entry < table.length; entry += WORDS) {
      const age = (table[entry + USED_LAST] as number) >>> 0
      if (table[entry + CERTIFIED] !== 0 || age >= least) continue
      victim = entry
      least = age
    }
    if (victim >= 0) this.#release(victim, hashAt(table, victim))
    return victim >= 0
  }

  #release(entry: number, hash: number): void {
    const { slots, slotMask } = this
    this.further.delete(entry)
    this.free[this.freeCount++] = entry / WORDS
    let gap = hash & slotMask
    while (slots[2 * gap + 1] !== entry / WORDS + 1) gap = (gap + 1) & slotMask
    for (let next = (gap + 1) & slotMask; slots[2 * next + 1] !== 0; next = (next + 1) & slotMask) {
      const home = (slots[2 * next] as number) & slotMask
      if (((next - home) & slotMask) < ((next - gap) & slotMask)) continue
      slots[2 * gap] = slots[2 * next] as number
      slots[2 * gap + 1] = slots[2 * next + 1] as number
      gap = next
    }
    slots[2 * gap + 1] = 0
  }

  /** The entry of the key at `at` in `words`, or -1. */
  #find(at: number): number {
    const { slots, table, words, slotMask } = this
    const hash = hashAt(words, at)
    let slot = hash & slotMask
    while (true) {
      const number = slots[2 * slot + 1] as number
      if (number === 0) return -1
      if (slots[2 * slot] === hash && same(table, WORDS * (number - 1), words, at)) return WORDS * (number - 1)
      slot = (slot + 1) & slotMask
    }
  }
}

/** A keyed hash of the first two words: keys are digests, few can be found that share these. */
function hashAt(words: Int32Array, at: number): number {
  const sum =
    Math.imul((words[at] as number) ^ 0x3c6ef372, 0x9e3779b1) +
    Math.imul((words[at + 1] as number) ^ 0x1b873593, 0x85ebca77)
  return sum ^ (sum >>> 15)
}

function same(a: Int32Array, i: number, b: Int32Array, k: number): boolean {
  return (
    a[i] === b[k] &&
    a[i + 1] === b[k + 1] &&
    a[i + 2] === b[k + 2] &&
    a[i + 3] === b[k + 3] &&
    a[i + 4] === b[k + 4] &&
    a[i + 5] === b[k + 5] &&
    a[i + 6] === b[k + 6] &&
    a[i + 7] === b[k + 7]
  )
}
