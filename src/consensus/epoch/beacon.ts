/** What the verifiable random function of a seat is asked, once in each epoch. */

import { concat, fromText } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
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
