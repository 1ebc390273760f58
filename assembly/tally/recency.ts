/**
 * Which of the tally's open entries was used longest ago.
 *
 * A use is one store, no list is relinked: every entry carries the time of its last use, counted in votes. The open
 * ones are sorted by it only when one must go and all that were sorted before have been used, certified or released
 * since; so a sort of n entries comes after n votes at the earliest. Entries are numbers; the caller says where the
 * times lie.
 */

/** No entry. */
export const NONE: u32 = 0xffffffff

const COUNTS: usize = memory.data(256 * 4, 16)

/** Votes so far: the time of the next use. */
export let clock: u32 = 0
/** Entries that may be evicted. */
export let open: u32 = 0

/** The open entries in any order, where each of them stands there, the same sorted, and room for sorting. */
let list: usize = 0
let places: usize = 0
let sorted: usize = 0
let scratch: usize = 0
/** What of `sorted` may still be the oldest. */
let at: u32 = 0
let end: u32 = 0
/** The time of entry e lies at `times + stride * e`. */
let times: usize = 0
let stride: usize = 0

/** Bytes that entries numbered up to `count` − 1 take here. */
export function recencyBytes(count: u32): usize {
  return 16 * <usize>count
}

/** Begins anew, with no entry open; the time of entry e lies at `firstTime` + `timeStride` · e. */
export function layOut(base: usize, count: u32, firstTime: usize, timeStride: usize): void {
  list = base
  places = list + 4 * count
  sorted = places + 4 * count
  scratch = sorted + 4 * count
  times = firstTime
  stride = timeStride
  clock = 0
  open = 0
  at = 0
  end = 0
}

/** Takes the times of `count` uses; answers the first. */
export function takeTimes(count: u32): u32 {
  if (clock > 0xffffffff - count) {
    sort()
    clock = open
  }
  const first = clock
  clock += count
  return first
}

/** An entry that may be evicted; its time is set by the caller. */
export function admit(entry: u32): void {
  store<u32>(list + 4 * open, entry)
  store<u32>(places + 4 * entry, open)
  open++
}

/** An entry that is certified or released. */
export function dismiss(entry: u32): void {
  const place = load<u32>(places + 4 * entry)
  open--
  const last = load<u32>(list + 4 * open)
  store<u32>(list + 4 * place, last)
  store<u32>(places + 4 * last, place)
  store<u32>(places + 4 * entry, NONE)
}

/** The open entry used longest ago, or NONE. */
export function oldest(): u32 {
  while (true) {
    for (; at < end; at++) {
      const entry = load<u32>(sorted + 4 * at)
      // sorting sets an entry's time to its rank
      if (load<u32>(times + stride * entry) == at && load<u32>(places + 4 * entry) != NONE) return entry
    }
    if (open == 0) return NONE
    sort()
  }
}

/** Sorts the open entries by time, lowest byte first, and makes their ranks their times: less than any time to come. */
function sort(): void {
  memory.copy(sorted, list, 4 * open)
  for (let shift: u32 = 0; shift < 32; shift += 8) {
    sortByDigit(sorted, scratch, shift)
    const other = sorted
    sorted = scratch
    scratch = other
  }
  for (let rank: u32 = 0; rank < open; rank++) {
    store<u32>(times + stride * load<u32>(sorted + 4 * rank), rank)
  }
  at = 0
  end = open
}

function sortByDigit(from: usize, to: usize, shift: u32): void {
  memory.fill(COUNTS, 0, 256 * 4)
  for (let i: u32 = 0; i < open; i++) {
    const counter = counterOf(load<u32>(from + 4 * i), shift)
    store<u32>(counter, load<u32>(counter) + 1)
  }
  let before: u32 = 0
  for (let digit: usize = 0; digit < 256; digit++) {
    const count = load<u32>(COUNTS + 4 * digit)
    store<u32>(COUNTS + 4 * digit, before)
    before += count
  }
  for (let i: u32 = 0; i < open; i++) {
    const entry = load<u32>(from + 4 * i)
    const counter = counterOf(entry, shift)
    const place = load<u32>(counter)
    store<u32>(counter, place + 1)
    store<u32>(to + 4 * place, entry)
  }
}

@inline
function counterOf(entry: u32, shift: u32): usize {
  return COUNTS + 4 * ((load<u32>(times + stride * entry) >> shift) & 255)
}
