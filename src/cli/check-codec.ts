/**
 * The doctor's check of the codec: what every signature and digest rests on must be written and read here as another implementation does it.
 *
 * `core/codec.ts` is our own; cbor-x is that other implementation. A wrong engine or a damaged installation would show.
 */

import { Encoder } from 'cbor-x'
import { equal } from '../core/bytes.ts'
import { type Cbor, decode, encode } from '../core/codec.ts'
import { broken, type Finding, fine } from './finding.ts'

/** Around every length at which the head of an item grows. */
const EDGES = [0, 23, 24, 0xff, 0x100, 0xffff, 0x1_0000]
const INTEGERS = [...EDGES, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER]

/** Writes and reads items of every kind and length of head, by both. */
export async function checkCodec(): Promise<Finding> {
  try {
    const other = new Encoder({ useRecords: false, tagUint8Array: false })
    for (const item of samples()) {
      const ours = encode([item])
      if (!equal(ours, new Uint8Array(other.encode([forOther(item)])))) throw new Error('cbor-x writes other bytes')
      if (!equal(encode(decode(ours, ours.length)), ours)) throw new Error('what was read is not what was written')
    }
    return fine('codec', 'writes what cbor-x writes, and reads it')
  } catch (thrown) {
    return broken('codec', thrown, 'Install webx again, or another Node.')
  }
}

function samples(): Cbor[] {
  const sized = EDGES.flatMap((length): Cbor[] => [new Uint8Array(length).fill(7), 'x'.repeat(length)])
  return [...INTEGERS, ...sized, true, false, 'é漢😀', [], [[], [1, ['two', new Uint8Array(3)]]]]
}

/** cbor-x takes numbers beyond 32 bits for floats. */
function forOther(item: Cbor): unknown {
  if (typeof item === 'number' && item > 0xffff_ffff) return BigInt(item)
  return Array.isArray(item) ? item.map(forOther) : item
}
