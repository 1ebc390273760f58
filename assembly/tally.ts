/**
 * Counts votes: members 0 … 31 with weights, each at most once per key, for one of several candidates.
 *
 * A key is the digest of what is voted on, a candidate the digest of what is voted for; both are compared in full,
 * because shortened ones can be made to collide. The first candidate of a key lies in its entry, further ones in a pool
 * sized for the worst case (every member another candidate), so that no flood keeps a vote from being counted.
 * Signatures are checked before this. The memory is laid out by `create`, and again for the next committee.
 */

import { copy32, same32, same64 } from './bytes'
import * as recency from './tally/recency'
import * as table from './tally/table'

export { bitmapBytes, countBitmap, createBitmaps, nodesMax, orBitmap, weightOfBitmap } from './tally/bitmap'

export const QUORUM: u32 = 1
export const STRONG: u32 = 2
export const EQUIVOCATION: u32 = 3
/** The entry was not counted: every key held is certified. */
export const FULL: u32 = 4

export const membersMax: u32 = 32
export const capacityMax: u32 = 65536
/** Entries of 64 bytes that `input` holds. */
export const entriesMax: u32 = 256
/** Entries: key (32 bytes), candidate (32 bytes). */
export const input: usize = memory.data(256 * 64, 64)
/** Events: index of the entry (u32), kind (u32); at most two for each entry. */
export const events: usize = memory.data(256 * 16, 16)
/** u32 for each member. */
export const weights: usize = memory.data(32 * 4, 16)
/** An odd u64 for the hash of keys. */
export const seed: usize = table.SEED

/**
 * A candidate: digest, mask, weight, and the next of the same key (address, 0 = none). The first of a key has the mask of
 * all members who voted on that key at all beside its own; there the others have nothing.
 */
const CANDIDATE: usize = 48
const MASK: usize = 32
const ANY: usize = 36
const WEIGHT: usize = 40
const NEXT: usize = 44

let quorum: u32 = 0
let strong: u32 = 0
let poolFree: usize = 0
let poolFresh: usize = 0
let eventCount: u32 = 0
let evicted: u32 = 0

/**
 * Lays out an empty tally of `capacity` keys (a power of two), after `weights` and `seed` are written. Whatever was
 * counted before is forgotten. 0 if there is not that much memory.
 */
export function create(memberCount: u32, quorumWeight: u32, strongWeight: u32, capacity: u32): u32 {
  const spare: u32 = memberCount - 1
  const base = (__heap_base + 63) & ~63
  const bytes = table.tableBytes(capacity) + CANDIDATE * capacity * spare
  const used = <usize>memory.size() << 16
  const pages = <i32>((base + bytes + 0xffff) >> 16) - memory.size()
  if (pages > 0 && memory.grow(pages) < 0) return 0
  quorum = quorumWeight
  strong = strongWeight
  table.layOut(base, capacity, used)
  poolFree = 0
  poolFresh = base + table.tableBytes(capacity)
  return 1
}

/**
 * Counts the votes of one member for the first `count` entries of `input`; returns the number of events.
 *
 * The loop does what most votes need, with all it uses in registers: a known key whose first slot is the right one, its
 * first candidate, a member who has not voted on it yet. Everything else is `addVote`'s.
 */
export function addBatch(member: u32, count: u32): u32 {
  const bit: u32 = 1 << member
  const bits = (<u64>bit << 32) | bit
  const weight = load<u32>(weights + 4 * member)
  const multiplier = load<u64>(seed)
  const slots = table.slots, shift = table.shift, entries = table.entries
  const certain = quorum, final = strong
  const end = input + 64 * <usize>count
  let time = recency.takeTimes(count)
  eventCount = 0
  for (let key = input; key < end; key += 64) {
    const hash = table.hashOf(key, multiplier)
    const entry = table.guess(hash, slots, shift, entries)
    const first = entry + table.CANDIDATE
    const masks = load<u64>(first, MASK)
    if ((masks & bits) == 0 && same64(entry, key)) {
      const before = load<u32>(first, WEIGHT)
      const after = before + weight
      store<u64>(first, masks | bits, MASK)
      store<u32>(first, after, WEIGHT)
      table.use(entry, time)
      if (after >= certain && before < final) cross(key, entry, before, after)
    } else {
      addVote(key, hash, bit, weight, time)
    }
    time++
  }
  return eventCount
}

/** Counts the vote at `key`, whatever may come of it. Exported, as is `cross`, to stay a call and out of that loop. */
export function addVote(key: usize, hash: u32, bit: u32, weight: u32, time: u32): void {
  let entry = table.find(key, hash)
  if (entry == 0) {
    entry = claim(key, hash)
    if (entry == 0) return tell(key, FULL)
  }
  table.use(entry, time)
  const first = entry + table.CANDIDATE
  const any = load<u32>(first, ANY)
  let at = candidateOf(first, key + 32)
  if ((any & bit) != 0) {
    if (at == 0 || (load<u32>(at, MASK) & bit) == 0) tell(key, EQUIVOCATION)
    return
  }
  store<u32>(first, any | bit, ANY)
  if (at == 0) at = addCandidate(first, key + 32)
  const before = load<u32>(at, WEIGHT)
  const after = before + weight
  store<u32>(at, load<u32>(at, MASK) | bit, MASK)
  store<u32>(at, after, WEIGHT)
  cross(key, entry, before, after)
}

/** Tells which bounds a candidate of the entry has come to by the vote at `key`. */
export function cross(key: usize, entry: usize, before: u32, after: u32): void {
  if (before < quorum && after >= quorum) {
    table.certify(entry)
    tell(key, QUORUM)
  }
  if (before < strong && after >= strong) tell(key, STRONG)
}

/** Members who voted for the candidate in entry 0 of `input` (bit i = member i). */
export function maskOf(): u32 {
  const at = lookUp()
  return at == 0 ? 0 : load<u32>(at, MASK)
}

/** Weight of the votes for the candidate in entry 0 of `input`. */
export function weightOf(): u32 {
  const at = lookUp()
  return at == 0 ? 0 : load<u32>(at, WEIGHT)
}

/** Members who voted on the key in entry 0 of `input` at all. */
export function anyMaskOf(): u32 {
  const entry = entryOfInput()
  return entry == 0 ? 0 : load<u32>(entry + table.CANDIDATE, ANY)
}

/** Whether the key in entry 0 of `input` is held: 0 no, 1 yes, 2 yes and certified. */
export function stateOf(): u32 {
  const entry = entryOfInput()
  if (entry == 0) return 0
  return table.isCertified(entry) ? 2 : 1
}

/** Forgets `count` keys of 32 bytes at `input`; answers how many of them were there. */
export function remove(count: u32): u32 {
  const multiplier = load<u64>(seed)
  const end = input + 32 * <usize>count
  let found: u32 = 0
  for (let key = input; key < end; key += 32) {
    const entry = table.find(key, table.hashOf(key, multiplier))
    if (entry == 0) continue
    forget(entry)
    found++
  }
  return found
}

/** Keys held. */
export function size(): u32 {
  return table.held
}

/** Keys evicted so far. */
export function evictions(): u32 {
  return evicted
}

function tell(key: usize, kind: u32): void {
  store<u32>(events + 8 * eventCount, <u32>((key - input) / 64))
  store<u32>(events + 8 * eventCount, kind, 4)
  eventCount++
}

function entryOfInput(): usize {
  return table.find(input, table.hashOf(input, load<u64>(seed)))
}

/** A new entry for the vote at `key`; where there is no room, instead of the open one used longest ago. 0 if none is. */
function claim(key: usize, hash: u32): usize {
  if (table.isFull()) {
    const victim = table.oldest()
    if (victim == 0) return 0
    forget(victim)
    evicted++
  }
  const entry = table.claim(key, hash)
  copy32(entry + table.CANDIDATE, key + 32)
  return entry
}

function forget(entry: usize): void {
  const first = entry + table.CANDIDATE
  for (let at: usize = load<u32>(first, NEXT); at != 0;) {
    const next = load<u32>(at, NEXT)
    store<u32>(at, <u32>poolFree, NEXT)
    poolFree = at
    at = next
  }
  table.release(entry)
}

function lookUp(): usize {
  const entry = entryOfInput()
  if (entry == 0) return 0
  return candidateOf(entry + table.CANDIDATE, input + 32)
}

/** The candidate of that digest: the first one of its key, one of those behind it, or 0. */
function candidateOf(first: usize, digest: usize): usize {
  let at = first
  while (!same32(at, digest)) {
    at = load<u32>(at, NEXT)
    if (at == 0) return 0
  }
  return at
}

/** A new candidate behind the first one. */
function addCandidate(first: usize, digest: usize): usize {
  let at = poolFree
  if (at != 0) {
    poolFree = load<u32>(at, NEXT)
  } else {
    at = poolFresh
    poolFresh += CANDIDATE
  }
  copy32(at, digest)
  store<u64>(at, 0, MASK)
  store<u32>(at, 0, WEIGHT)
  store<u32>(at, load<u32>(first, NEXT), NEXT)
  store<u32>(first, <u32>at, NEXT)
  return at
}
