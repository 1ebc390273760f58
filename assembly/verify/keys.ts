/**
 * The keys whose tables are kept: those of the neighborhood, which sign at every tick.
 *
 * A kept key has two tables, of A and of 2^128 · A, so that a sum needs no more than 128 doublings. A key earns its
 * place by use in three batches, and then takes that of the key which was not used in any of these, the longest
 * unused; so keys that come once do not push out those that come always. A pinned key stays. Keys are compared
 * byte by byte, never hashed: nobody can choose colliding ones.
 */

import { copy32, same32 } from '../bytes'
import { double, makeTable } from './point'

/** Most keys that can be kept. */
export const keysMax: u32 = 1024

/** Digits of kept keys have so many bits, sign included. */
export const KEPT_WIDTH: u32 = 7
const ENTRIES: u32 = 1 << (KEPT_WIDTH - 2)
const TABLE: usize = 32 * 160
/** Batches in which a key is used before it is kept. */
const USES: u32 = 3
const PINNED: u64 = u64.MAX_VALUE

/** What lies where: keys of 32 bytes, the batches of their last use, their tables. */
let keys: usize = 0
let stamps: usize = 0
let tables: usize = 0
let capacity: u32 = 0
let kept: u32 = 0
/** The number of the present batch. */
let now: u64 = 0

/** A ring of keys that may earn a place: 32 bytes, the batch of first use, the number of uses. */
const CANDIDATE: usize = 48
const CANDIDATES: u32 = 256
const RING: usize = memory.data(48 * 256, 16)
let next: u32 = 0

/** Makes room for `count` keys, once. False if there is no such memory. */
export function reserveKeys(count: u32): bool {
  keys = (__heap_base + 15) & ~15
  stamps = keys + 32 * count
  tables = (stamps + 8 * count + 15) & ~15
  const end = <u64>tables + <u64>count * 2 * TABLE
  const pages = <i32>((end + 0xffff) >> 16) - memory.size()
  if (pages > 0 && memory.grow(pages) < 0) return false
  capacity = count
  return true
}

/** Begins a batch: what is used in it is not evicted before the next. */
export function tick(): void {
  now++
}

/** The place of a kept key, and marks it used; −1 where it is not kept. */
export function placeOf(key: usize): i32 {
  for (let place: u32 = 0, at = keys; place < kept; place++, at += 32) {
    if (load<u64>(at) != load<u64>(key) || !same32(at, key)) continue
    if (load<u64>(stamps + 8 * place) != PINNED) store<u64>(stamps + 8 * place, now)
    return place
  }
  return -1
}

/** Counts a batch's use of a key that is not kept. The place that it has earned, or −1. */
export function earnPlace(key: usize): i32 {
  for (let i: u32 = 0, at = RING; i < CANDIDATES; i++, at += CANDIDATE) {
    if (load<u64>(at) != load<u64>(key) || !same32(at, key) || load<u32>(at, 40) == 0) continue
    const uses = load<u32>(at, 40) + 1
    store<u32>(at, uses, 40)
    if (uses < USES) return -1
    const place = freePlace(load<u64>(at, 32))
    // gone from the ring, or begun anew
    store<u32>(at, place < 0 ? 1 : 0, 40)
    store<u64>(at, now, 32)
    return place
  }
  const at = RING + <usize>next * CANDIDATE
  next = (next + 1) % CANDIDATES
  copy32(at, key)
  store<u64>(at, now, 32)
  store<u32>(at, 1, 40)
  return -1
}

/** A place for a key to be pinned, or −1 where all are pinned or in use by this batch. */
export function pinPlace(): i32 {
  return freePlace(now)
}

/** Keeps a key: its bytes, its tables of the point, which is lost. */
export function keep(place: i32, key: usize, point: usize, pinned: bool): void {
  copy32(keys + 32 * place, key)
  store<u64>(stamps + 8 * place, pinned ? PINNED : now)
  makeTable(lowTable(place), point, ENTRIES)
  for (let i = 0; i < 128; i++) double(point, point)
  makeTable(highTable(place), point, ENTRIES)
}

/** Pins a kept key. */
export function pinKept(place: i32): void {
  store<u64>(stamps + 8 * place, PINNED)
}

/** Unpins all keys; they stay as long as the others that were used in this batch. */
export function unpinAll(): void {
  for (let place: u32 = 0; place < kept; place++) {
    if (load<u64>(stamps + 8 * place) == PINNED) store<u64>(stamps + 8 * place, now)
  }
}

/** Address of the table of A. */
export function lowTable(place: i32): usize {
  return tables + <usize>place * 2 * TABLE
}

/** Address of the table of 2^128 · A. */
export function highTable(place: i32): usize {
  return lowTable(place) + TABLE
}

/** A place never used, or that of the key unused for the longest time, if that is before batch `since`; or −1. */
function freePlace(since: u64): i32 {
  if (kept < capacity) return kept++
  let best: i32 = -1, oldest = since
  for (let place: u32 = 0; place < kept; place++) {
    const stamp = load<u64>(stamps + 8 * place)
    if (stamp < oldest) {
      oldest = stamp
      best = place
    }
  }
  return best
}
