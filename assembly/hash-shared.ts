/**
 * BLAKE3 of one long message by several threads over one shared memory: each hashes whole segments of the message to
 * their chaining values, which the caller's own hasher adopts (`adopt` in hash.ts) and turns into the root.
 *
 * The message runs through a ring of segments. Whoever fills it publishes how many segments may be read; the threads
 * draw tickets, wait until theirs is published, and count what they have done per group of segments, so that the ring
 * can be filled again. Threads share the module's constants, which every instance initializes with the same bytes, and
 * nothing that changes except `control` and the ring: each brings a workspace of its own.
 */

import { hashSubtree, SCRATCH_LENGTH } from './blake3/many'
import { IV0, IV1, IV2, IV3, IV4, IV5, IV6, IV7 } from './blake3/rounds'
import { copy32 } from './bytes'

const SEGMENT_CHUNKS: u32 = 64

/** Bytes of a segment. */
const SEGMENT: u32 = 65536
/** Segments of a group: what is counted and freed together. */
export const groupSegments: u32 = 16
/** The most groups that a ring holds. */
export const groupsMax: u32 = 64

/** Bytes that each thread needs for itself. */
export const workspaceLength: u32 = 32 * 64 + SCRATCH_LENGTH

/**
 * Where everything lies, from the first page that the module leaves free: u32 of tickets drawn, u32 of segments published × 2 + (1 where no
 * more will come), then u32 per group of segments done, then 32 bytes per segment of chaining values.
 */
export const control: usize = 65536
export const drawn: usize = control
export const published: usize = control + 64
export const done: usize = control + 128
export const values: usize = control + 4096
/** The first byte after all that: workspaces and ring go from here on. */
export const free: usize = values + 32 * 16 * 64

const IV: usize = memory.data<u32>([IV0, IV1, IV2, IV3, IV4, IV5, IV6, IV7], 16)

/**
 * Hashes segments of the `ring`, which has `groups` groups, until a group is complete: its index in the ring; or until
 * the last published segment has been taken and no more will come: -1. Blocks while there is nothing to do.
 */
export function work(workspace: usize, ring: usize, groups: u32): i32 {
  while (true) {
    const ticket = atomic.add<u32>(drawn, 1)
    if (!awaitTicket(ticket)) return -1
    const place = ticket % (groups * groupSegments)
    const segment = ring + <usize>place * SEGMENT
    const scratch = workspace + 32 * 64
    hashSubtree(segment, SEGMENT_CHUNKS, 1, IV, <u64>ticket * SEGMENT_CHUNKS, 0, workspace, scratch)
    copy32(values + 32 * place, workspace)
    const group = place / groupSegments
    if (atomic.add<u32>(done + 4 * group, 1) == groupSegments - 1) return group
  }
}

/** Waits until segment `ticket` may be read; false where it will never come. */
function awaitTicket(ticket: u32): bool {
  while (true) {
    const seen = atomic.load<u32>(published)
    if (ticket < seen >> 1) return true
    if (seen & 1) return false
    atomic.wait<i32>(published, <i32>seen, -1)
  }
}
