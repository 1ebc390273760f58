/**
 * The hand-overs of every home of a net since the genesis, as this node's disk has them: what an epoch of any of them began with, and how to prove it to a stranger.
 *
 *     hand-over        epoch          → HAND-OVER that ended it, of the home that this node runs
 *     home-hand-over   nid ‖ epoch    → likewise, of another one
 */

import { decodeOpening, type Opening } from '../consensus/epoch/opening.ts'
import { batchKey, SPACE } from '../consensus/records.ts'
import { concat, equal } from '../core/bytes.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import type { Store, Write } from './ports.ts'

const OTHERS = 'home-hand-over'

export class Chains {
  readonly #store: Pick<Store, 'get'>
  readonly #own: Uint8Array
  readonly #first: readonly Opening[]

  /**
   * @param own 16-byte id of the home that this node runs
   * @param first openings of epoch 0 of all homes that the genesis names
   */
  constructor(store: Pick<Store, 'get'>, own: Uint8Array, first: readonly Opening[]) {
    this.#store = store
    this.#own = own
    this.#first = first
  }

  /** What an epoch of a home began with; null where that is not on this disk. */
  opening(nid: Uint8Array, epoch: number): Opening | null {
    if (epoch === 0) return this.#first.find((opening) => equal(opening.nid, nid)) ?? null
    const handOver = this.#handOver(nid, epoch - 1)
    return handOver && decodeOpening(decodeEnvelope(handOver).attachment)
  }

  /** The encoded hand-overs that lead from the genesis to an epoch of a home. Throws `broken-chain` where one is not on this disk. */
  upTo(nid: Uint8Array, epoch: number): Uint8Array[] {
    return Array.from({ length: epoch }, (_, past) => {
      const bytes = this.#handOver(nid, past)
      if (bytes) return bytes
      throw new WebxError('broken-chain', `the hand-over of epoch ${past} is not on this disk`, {
        hint: 'Ask a node that has been there since the beginning.',
      })
    })
  }

  #handOver(nid: Uint8Array, epoch: number): Uint8Array | null {
    const isOwn = equal(nid, this.#own)
    return this.#store.get(isOwn ? SPACE.handOver : OTHERS, isOwn ? batchKey(epoch) : keyOf(nid, epoch))
  }
}

/** What to store of the encoded hand-over that ended an epoch of another home. */
export function chainWrite(nid: Uint8Array, epoch: number, value: Uint8Array): Write {
  return { space: OTHERS, key: keyOf(nid, epoch), value }
}

function keyOf(nid: Uint8Array, epoch: number): Uint8Array {
  return concat(nid, batchKey(epoch))
}
