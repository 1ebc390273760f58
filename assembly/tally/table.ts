/**
 * The tally's table: 32-byte keys to entry numbers, open addressing with linear probing, at most half full; entries are
 * arrays by field. What was never certified hangs in a list by last use and is evicted from its end when room is
 * wanted; what was certified leaves only by `release`. The same calls always give the same table.
 */

import { copy32, same32 } from '../bytes'

/** 8 × u64 of the multilinear hash (strongly universal, so that chosen keys cannot be made to collide). */
export const SEED: usize = memory.data(64, 16)

/** No entry, or no candidate. */
export const NONE: u32 = 0xffffffff

export let capacity: u32 = 0
/** Keys held. */
export let held: u32 = 0
/** Keys evicted since `layOut`. */
export let evicted: u32 = 0

let slotMask: u32 = 0
let slots: usize = 0
let keys: usize = 0
let hashes: usize = 0
let previous: usize = 0
let next: usize = 0
let certified: usize = 0

/** Most and least recently used of those never certified. */
let newest: u32 = NONE
let oldest: u32 = NONE
let free: u32 = NONE
let fresh: u32 = 0

/** Bytes that a table of `count` keys takes. */
export function tableBytes(count: u32): usize {
  return count * (2 * 4 + 32 + 4 + 4 + 4 + 4)
}

/** Places a table of `count` keys (a power of two) at `at`, where the memory is all zeros. */
export function layOut(at: usize, count: u32): void {
  capacity = count
  slotMask = 2 * count - 1
  keys = at
  slots = keys + 32 * count
  hashes = slots + 8 * count
  previous = hashes + 4 * count
  next = previous + 4 * count
  certified = next + 4 * count
}

/** The entry of the key at `key`, or NONE. */
export function find(key: usize): u32 {
  const slot = slotOf(key, hashOf(key))
  return load<u32>(slots + 4 * slot) - 1
}

/** A new entry for the key at `key`, which must not be there yet; NONE if every entry is certified. */
export function claim(key: usize): u32 {
  let entry = free
  if (entry != NONE) {
    free = load<u32>(next + 4 * entry)
  } else if (fresh < capacity) {
    entry = fresh++
  } else {
    return NONE
  }
  const hash = hashOf(key)
  copy32(keys + 32 * entry, key)
  store<u32>(hashes + 4 * entry, hash)
  store<u32>(certified + 4 * entry, 0)
  store<u32>(slots + 4 * slotOf(key, hash), entry + 1)
  linkNewest(entry)
  held++
  return entry
}

/** Whether `claim` would find no room; then `leastRecent` is what may be released for it. */
export function isFull(): bool {
  return free == NONE && fresh == capacity
}

/** The never certified entry used longest ago, or NONE. */
export function leastRecent(): u32 {
  return oldest
}

/** Marks an entry as used just now. */
export function touch(entry: u32): void {
  if (isCertified(entry) || newest == entry) return
  unlink(entry)
  linkNewest(entry)
}

/** Takes an entry out of reach of eviction. */
export function certify(entry: u32): void {
  if (isCertified(entry)) return
  unlink(entry)
  store<u32>(certified + 4 * entry, 1)
}

/** Whether `certify` was called on this entry. */
export function isCertified(entry: u32): bool {
  return load<u32>(certified + 4 * entry) != 0
}

/** Forgets an entry and its key. */
export function release(entry: u32, asEviction: bool): void {
  if (!isCertified(entry)) unlink(entry)
  closeGap(slotOf(keys + 32 * entry, load<u32>(hashes + 4 * entry)))
  store<u32>(next + 4 * entry, free)
  free = entry
  held--
  if (asEviction) evicted++
}

/** Where the key is, or the empty slot where it belongs. */
function slotOf(key: usize, hash: u32): u32 {
  let slot = hash & slotMask
  while (true) {
    const entry = load<u32>(slots + 4 * slot)
    if (entry == 0) return slot
    if (load<u32>(hashes + 4 * (entry - 1)) == hash && same32(keys + 32 * (entry - 1), key)) return slot
    slot = (slot + 1) & slotMask
  }
}

/** Empties a slot and moves back what probing would no longer reach. */
function closeGap(gap: u32): void {
  let slot = gap
  while (true) {
    slot = (slot + 1) & slotMask
    const entry = load<u32>(slots + 4 * slot)
    if (entry == 0) break
    const home = load<u32>(hashes + 4 * (entry - 1)) & slotMask
    if (((slot - home) & slotMask) >= ((slot - gap) & slotMask)) {
      store<u32>(slots + 4 * gap, entry)
      gap = slot
    }
  }
  store<u32>(slots + 4 * gap, 0)
}

function hashOf(key: usize): u32 {
  let sum: u64 = 0
  for (let i: usize = 0; i < 8; i++) sum += load<u64>(SEED + 8 * i) * <u64>load<u32>(key + 4 * i)
  return <u32>(sum >> 32)
}

function linkNewest(entry: u32): void {
  store<u32>(previous + 4 * entry, NONE)
  store<u32>(next + 4 * entry, newest)
  if (newest != NONE) store<u32>(previous + 4 * newest, entry)
  newest = entry
  if (oldest == NONE) oldest = entry
}

function unlink(entry: u32): void {
  const before = load<u32>(previous + 4 * entry), after = load<u32>(next + 4 * entry)
  if (before == NONE) newest = after
  else store<u32>(next + 4 * before, after)
  if (after == NONE) oldest = before
  else store<u32>(previous + 4 * after, before)
}
