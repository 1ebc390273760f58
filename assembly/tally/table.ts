/**
 * The tally's table: 32-byte keys to entries, open addressing with linear probing, at most an eighth full.
 *
 * A slot holds the number of an entry and 15 bits of its hash; in an entry the first candidate lies beside the key, so
 * that most votes touch one slot and one entry. What was never certified may be evicted, the one used longest ago
 * first; what was certified leaves only by `release`. The same calls always give the same table.
 */

import { copy32, same32 } from '../bytes'
import * as recency from './recency'

/** An odd u64: keyed multiplicative hashing, so that chosen keys cannot be made to collide. */
export const SEED: usize = memory.data(8, 8)

/** Bytes of an entry, and where its fields lie beside the key: a candidate, for the tally to use; then u32s. */
export const ENTRY: usize = 96
export const CANDIDATE: usize = 32
const TIME: usize = 80
const CERTIFIED: usize = 84

const NUMBER_BITS: u32 = 17
const NUMBER: u32 = (1 << NUMBER_BITS) - 1
const SLOTS_PER_KEY: u32 = 8

/** Keys held. */
export let held: u32 = 0

/** Slots, each the number of an entry counted from 1 (0 = empty) and above it the low bits of its hash. */
export let slots: usize = 0
/** A hash shifted right by this is the slot where its key belongs. */
export let shift: u32 = 0
/** Entries; number 0 is nobody's, it is what a guess by an empty slot finds. */
export let entries: usize = 0

let capacity: u32 = 0
let slotMask: u32 = 0
let free: usize = 0
let freed: u32 = 0
let fresh: u32 = 0

/** Bytes that a table of `count` keys takes. */
export function tableBytes(count: u32): usize {
  return <usize>(count + 1) * ENTRY + <usize>count * (4 * SLOTS_PER_KEY + 4) + recency.recencyBytes(count + 1)
}

/**
 * Places an empty table of `count` keys (a power of two up to 65,536) at `base`, a multiple of 16. Memory from `untouched` on was never written: it is zeros, and stays
 * untouched, since a first touch costs a page fault and a page.
 */
export function layOut(base: usize, count: u32, untouched: usize): void {
  const slotCount = count * SLOTS_PER_KEY
  capacity = count
  slotMask = slotCount - 1
  shift = 32 - ctz(slotCount)
  entries = base
  slots = entries + ENTRY * (count + 1)
  free = slots + 4 * slotCount
  recency.layOut(free + 4 * count, count + 1, entries + TIME, ENTRY)
  if (untouched > slots) memory.fill(slots, 0, min<usize>(4 * slotCount, untouched - slots))
  memory.fill(entries, 0xff, ENTRY)
  held = 0
  freed = 0
  fresh = 1
}

/**
 * Hash of the key at `key` with the multiplier kept in SEED. Its first 8 bytes are enough: keys are digests, and for t of
 * them that share these, someone has to compute 2^(64 (t − 1) / t) others.
 */
@inline
export function hashOf(key: usize, multiplier: u64): u32 {
  return <u32>((load<u64>(key) * multiplier) >> 32)
}

/**
 * The entry that the first slot of a hash names: more often than not the right one; number 0 if it names none. Takes
 * what a loop keeps in registers: `slots`, `shift` and `entries`.
 */
@inline
export function guess(hash: u32, slots: usize, shift: u32, entries: usize): usize {
  return entries + ENTRY * (load<u32>(slots + 4 * (hash >> shift)) & NUMBER)
}

/** The entry of the key at `key`, or 0. */
export function find(key: usize, hash: u32): usize {
  let slot = hash >> shift
  while (true) {
    const content = load<u32>(slots + 4 * slot)
    if (content == 0) return 0
    if ((content ^ (hash << NUMBER_BITS)) <= NUMBER) {
      const entry = entries + ENTRY * (content & NUMBER)
      if (same32(entry, key)) return entry
    }
    slot = (slot + 1) & slotMask
  }
}

/** Whether `claim` has no room; then `oldest` is what may be released for it. */
export function isFull(): bool {
  return freed == 0 && fresh > capacity
}

/** The never certified entry used longest ago, or 0. */
export function oldest(): usize {
  const number = recency.oldest()
  return number == recency.NONE ? 0 : entries + ENTRY * number
}

/** A new entry, all zeros but for the key at `key`, which must not be there yet. */
export function claim(key: usize, hash: u32): usize {
  const number = freed > 0 ? load<u32>(free + 4 * --freed) : fresh++
  let slot = hash >> shift
  while (load<u32>(slots + 4 * slot) != 0) slot = (slot + 1) & slotMask
  store<u32>(slots + 4 * slot, (hash << NUMBER_BITS) | number)
  const entry = entries + ENTRY * number
  for (let at = entry + CANDIDATE; at < entry + ENTRY; at += 8) store<u64>(at, 0)
  copy32(entry, key)
  recency.admit(number)
  held++
  return entry
}

/** Says when an entry was used last. */
@inline
export function use(entry: usize, time: u32): void {
  store<u32>(entry, time, TIME)
}

/** Takes an entry out of reach of eviction. */
export function certify(entry: usize): void {
  if (isCertified(entry)) return
  store<u32>(entry, 1, CERTIFIED)
  recency.dismiss(numberOf(entry))
}

/** Whether `certify` was called on this entry. */
export function isCertified(entry: usize): bool {
  return load<u32>(entry, CERTIFIED) != 0
}

/** Forgets an entry and its key. */
export function release(entry: usize): void {
  const number = numberOf(entry)
  if (!isCertified(entry)) recency.dismiss(number)
  let slot = hashOf(entry, load<u64>(SEED)) >> shift
  while ((load<u32>(slots + 4 * slot) & NUMBER) != number) slot = (slot + 1) & slotMask
  closeGap(slot)
  store<u32>(free + 4 * freed++, number)
  held--
}

@inline
function numberOf(entry: usize): u32 {
  return <u32>((entry - entries) / ENTRY)
}

/** Empties a slot and moves back what probing would no longer reach. */
function closeGap(empty: u32): void {
  let gap = empty
  let slot = empty
  while (true) {
    slot = (slot + 1) & slotMask
    const content = load<u32>(slots + 4 * slot)
    if (content == 0) break
    const home = hashOf(entries + ENTRY * (content & NUMBER), load<u64>(SEED)) >> shift
    if (((slot - home) & slotMask) >= ((slot - gap) & slotMask)) {
      store<u32>(slots + 4 * gap, content)
      gap = slot
    }
  }
  store<u32>(slots + 4 * gap, 0)
}
