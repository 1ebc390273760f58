/**
 * Hashing with threads on any target that has them: long messages about the edges of segments, groups and the ring.
 * Where there are no threads, the same messages must come to the same hashes by the way round.
 */

import { blake3 as oracle } from '@noble/hashes/blake3.js'
import { HashPool, type HashThreads } from '../../../src/drivers/hash-pool.ts'
import { createHashDoor } from '../../../src/wasm/hash.ts'
import type { Build } from '../../../src/wasm/load.ts'
import type { Extent, Ledger } from './ledger.ts'

/** How many are asked for, where there are any. */
export const THREADS = 2
const KIB = 1024
const MIB = 1024 * KIB
const EDGES = [MIB, MIB + 16 * KIB, 2 * MIB, 8 * MIB].flatMap((length) => [length - 1, length, length + 1])
/** More than the ring holds. */
const LONG = 25 * MIB + 1

/** Without threads to start: the calling thread does it all, in slices. */
const NONE: HashThreads = {
  spawn() {
    throw new Error('there are no threads here')
  },
  pause: () => Promise.resolve(),
  copy: (into, part) => into.set(part),
}

/** Asks a crew of threads for long hashes, several at a time. Returns how many threads there were. */
export async function threadVectors(
  ledger: Ledger,
  build: Build,
  extent: Extent,
  lent: HashThreads | undefined,
): Promise<number> {
  const door = createHashDoor(build)
  const pool = new HashPool(lent === undefined ? 0 : THREADS, lent ?? NONE)
  const lengths = extent === 'all' ? [0, 1, 70_000, ...EDGES, LONG] : [1, MIB, 2 * MIB + 1]
  const whole = new Uint8Array(Math.max(...lengths))
  for (let i = 0; i < whole.length; i++) whole[i] = (i * 251 + (i >> 10)) & 255
  try {
    const hashes = await Promise.all(lengths.map((length) => pool.hash(whole.subarray(0, length))))
    lengths.forEach((length, i) => {
      ledger.bytes(`${length} bytes`, hashes[i] ?? null, door.hash(whole.subarray(0, length)))
    })
    const once = whole.subarray(0, MIB + 1)
    ledger.bytes('by the oracle', await pool.hash(once), oracle(once))
  } finally {
    await pool.close()
  }
  return pool.threads
}
