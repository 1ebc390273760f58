/**
 * Counts votes: members 0 … 31 with weights, each at most once per key, for one of several candidates.
 *
 * A key is the digest of what is voted on, a candidate the digest of what is voted for; both are compared in full,
 * because shortened ones can be made to collide. The first two candidates of a key lie inline, further ones in a
 * pool sized for the worst case (every member another candidate), so that no flood keeps a vote from being counted.
 * Signatures are checked before this. The memory is laid out once, by `create`.
 */

import { copy32, same32 } from './bytes'
import * as table from './tally/table'

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
export const input: usize = memory.data(256 * 64, 16)
/** Events: index of the entry (u32), kind (u32); at most two for each entry. */
export const events: usize = memory.data(256 * 16, 16)
/** u32 for each member. */
export const weights: usize = memory.data(32 * 4, 16)
/** 64 bytes for the hash of keys. */
export const seed: usize = table.SEED

/** A candidate: digest, then mask, weight and next of the same key (number + 1, 0 = none). */
const CANDIDATE: usize = 48
const MASK: usize = 32
const WEIGHT: usize = 36
const NEXT: usize = 40

let quorum: u32 = 0
let strong: u32 = 0
let anyMasks: usize = 0
/** Two candidates for each entry, then the pool. */
let candidates: usize = 0
let poolFree: u32 = 0
let poolFresh: u32 = 0
let eventCount: u32 = 0

/**
 * Lays out room for `capacity` keys (a power of two), once, after `weights` and `seed` are written.
 * 0 if there is not that much memory.
 */
export function create(memberCount: u32, quorumWeight: u32, strongWeight: u32, capacity: u32): u32 {
  quorum = quorumWeight
  strong = strongWeight
  const spare: u32 = memberCount > 2 ? memberCount - 2 : 0
  const base = (__heap_base + 63) & ~63
  const bytes = table.tableBytes(capacity) + 4 * capacity + CANDIDATE * capacity * (2 + spare)
  const pages = <i32>((base + bytes + 0xffff) >> 16) - memory.size()
  if (pages > 0 && memory.grow(pages) < 0) return 0
  table.layOut(base, capacity)
  anyMasks = base + table.tableBytes(capacity)
  candidates = anyMasks + 4 * capacity
  poolFree = 0
  poolFresh = 2 * capacity
  return 1
}

/** Counts the votes of one member for the first `count` entries of `input`; returns the number of events. */
export function addBatch(member: u32, count: u32): u32 {
  eventCount = 0
  for (let i: u32 = 0; i < count; i++) addVote(member, i, input + 64 * i)
  return eventCount
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
  const entry = table.find(input)
  return entry == table.NONE ? 0 : load<u32>(anyMasks + 4 * entry)
}

/** Whether the key in entry 0 of `input` is held: 0 no, 1 yes, 2 yes and certified. */
export function stateOf(): u32 {
  const entry = table.find(input)
  if (entry == table.NONE) return 0
  return table.isCertified(entry) ? 2 : 1
}

/** Forgets the key in entry 0 of `input`; 0 if it was not there. */
export function remove(): u32 {
  const entry = table.find(input)
  if (entry == table.NONE) return 0
  forget(entry, false)
  return 1
}

/** Keys held. */
export function size(): u32 {
  return table.held
}

/** Keys evicted so far. */
export function evictions(): u32 {
  return table.evicted
}

function addVote(member: u32, index: u32, key: usize): void {
  let entry = table.find(key)
  if (entry == table.NONE) {
    if (table.isFull()) {
      const victim = table.leastRecent()
      if (victim == table.NONE) return tell(index, FULL)
      forget(victim, true)
    }
    entry = table.claim(key)
    store<u32>(anyMasks + 4 * entry, 0)
    clearCandidate(candidates + CANDIDATE * 2 * entry)
    clearCandidate(candidates + CANDIDATE * (2 * entry + 1))
  } else {
    table.touch(entry)
  }
  const bit: u32 = 1 << member
  const any = load<u32>(anyMasks + 4 * entry)
  if ((any & bit) != 0) {
    const known = candidateOf(entry, key + 32)
    if (known == 0 || (load<u32>(known, MASK) & bit) == 0) tell(index, EQUIVOCATION)
    return
  }
  store<u32>(anyMasks + 4 * entry, any | bit)
  let at = candidateOf(entry, key + 32)
  if (at == 0) at = addCandidate(entry, key + 32)
  const before = load<u32>(at, WEIGHT)
  const after = before + load<u32>(weights + 4 * member)
  store<u32>(at, load<u32>(at, MASK) | bit, MASK)
  store<u32>(at, after, WEIGHT)
  if (before < quorum && after >= quorum) {
    table.certify(entry)
    tell(index, QUORUM)
  }
  if (before < strong && after >= strong) tell(index, STRONG)
}

function tell(index: u32, kind: u32): void {
  store<u32>(events + 8 * eventCount, index)
  store<u32>(events + 8 * eventCount, kind, 4)
  eventCount++
}

function lookUp(): usize {
  const entry = table.find(input)
  return entry == table.NONE ? 0 : candidateOf(entry, input + 32)
}

/** Where the entry keeps the candidate of that digest, or 0. A candidate in use has a vote. */
function candidateOf(entry: u32, digest: usize): usize {
  let number = 2 * entry
  let at = candidates + CANDIDATE * number
  if (load<u32>(at, MASK) != 0 && same32(at, digest)) return at
  at += CANDIDATE
  while (load<u32>(at, MASK) != 0) {
    if (same32(at, digest)) return at
    number = load<u32>(at, NEXT)
    if (number == 0) return 0
    at = candidates + CANDIDATE * (number - 1)
  }
  return 0
}

/** Room for one more candidate: the first inline, the second, then the pool, chained behind the second. */
function addCandidate(entry: u32, digest: usize): usize {
  let at = candidates + CANDIDATE * 2 * entry
  if (load<u32>(at, MASK) != 0) at += CANDIDATE
  if (load<u32>(at, MASK) != 0) {
    const second = at
    let number = poolFree
    if (number != 0) poolFree = load<u32>(candidates + CANDIDATE * (number - 1), NEXT)
    else number = ++poolFresh
    at = candidates + CANDIDATE * (number - 1)
    clearCandidate(at)
    store<u32>(at, load<u32>(second, NEXT), NEXT)
    store<u32>(second, number, NEXT)
  }
  copy32(at, digest)
  return at
}

function clearCandidate(at: usize): void {
  memory.fill(at, 0, CANDIDATE)
}

function forget(entry: u32, asEviction: bool): void {
  const second = candidates + CANDIDATE * (2 * entry + 1)
  let number = load<u32>(second, NEXT)
  while (number != 0) {
    const at = candidates + CANDIDATE * (number - 1)
    const after = load<u32>(at, NEXT)
    store<u32>(at, poolFree, NEXT)
    poolFree = number
    number = after
  }
  store<u32>(second, 0, NEXT)
  table.release(entry, asEviction)
}
