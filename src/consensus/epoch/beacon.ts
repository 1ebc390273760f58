/** What the verifiable random function of a seat is asked, once in each epoch, and the seed that comes of the answers. */

import { concat, fromText } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { blake3Of } from '../../core/digest.ts'
import type { Committee } from '../committee.ts'

const PURPOSE = fromText('webx v1 beacon')

/**
 * The input: net, neighborhood, epoch and its seed. Not the committee digest: epoch keys are named when the seed is known already, and whoever named his last could
 * choose among the outputs of all.
 */
export function beaconInput(
  seed: Uint8Array,
  { netId, nid, epoch }: Pick<Committee, 'netId' | 'nid' | 'epoch'>,
): Uint8Array {
  return concat(PURPOSE, encode([netId, nid, epoch, seed]))
}

/** The seed of the next epoch: a hash of all outputs, so that nobody selects among them. `outputs`: 64 bytes by seat, in any order. */
export function nextSeed(seed: Uint8Array, outputs: Iterable<readonly [seat: number, output: Uint8Array]>): Uint8Array {
  const sorted = [...outputs].sort(([a], [b]) => a - b)
  return blake3Of('webx v1 seed', concat(seed, ...sorted.map(([seat, output]) => concat(Uint8Array.of(seat), output))))
}
