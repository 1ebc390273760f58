/**
 * The epochs of a neighborhood as a node keeps them: hand-over after hand-over, each checked against the seats that the one before named, from the genesis on.
 *
 * A node stores none that it has not verified. What is checked here is the store itself, and it is what a stranger does who is handed the same bytes and the genesis.
 */

import type { Records } from './consensus/effects.ts'
import { readHandOver } from './consensus/epoch/handover.ts'
import { committeeOfOpening, type Opening } from './consensus/epoch/opening.ts'
import { batchKey, SPACE } from './consensus/records.ts'
import { verifyGroups } from './core/crypto.ts'
import { decodeEnvelope } from './core/envelope.ts'
import { WebxError } from './core/errors.ts'
import { openingsFrom } from './epochs.ts'

/** The end of an epoch and the beginning of the next. */
export interface Passed {
  /** What the epoch began with that has ended; null where that is not kept here. */
  readonly before: Opening | null
  readonly opening: Opening
}

export class EpochHistory {
  readonly #records: Pick<Records, 'get'>
  readonly #openingOf: ReturnType<typeof openingsFrom>
  /** The newest opening to which an unbroken, checked chain leads from the genesis. */
  #verified: Opening

  /** @param anchor how the first epoch began: `anchorOf` a genesis, or the opening of a sprout */
  constructor(anchor: Opening, records: Pick<Records, 'get'>) {
    this.#records = records
    this.#openingOf = openingsFrom(anchor, records)
    this.#verified = anchor
  }

  /** What an epoch began with; null where that is not kept here, and before the first. */
  opening(epoch: number): Opening | null {
    return epoch < 0 ? null : this.#openingOf(epoch)
  }

  /** The hand-over that ended an epoch; null where it is not kept here. */
  passed(epoch: number): Passed | null {
    const opening = this.opening(epoch + 1)
    return opening && { before: this.opening(epoch), opening }
  }

  /** Up to the opening of which epoch the chain from the genesis is checked and unbroken. */
  get verifiedTo(): number {
    return this.#verified.epoch
  }

  /**
   * Checks on, one hand-over at a time, as far as they are kept, and yields the epoch that was come to; what was checked once is not checked again. Throws `bad-hand-over`
   * for one whose signatures do not hold, and what reading one throws.
   */
  *verify(): Generator<number> {
    for (;;) {
      const handOver = this.handOver(this.#verified.epoch)
      if (!handOver) return
      const { opening, checks } = readHandOver(decodeEnvelope(handOver), committeeOfOpening(this.#verified))
      if (verifyGroups([checks])[0] !== true) {
        const { epoch } = this.#verified
        throw new WebxError('bad-hand-over', `the hand-over of epoch ${epoch} is not signed by its seats`)
      }
      this.#verified = opening
      yield opening.epoch
    }
  }

  /** The encoded hand-over that ended an epoch; null where it is not kept here. */
  handOver(epoch: number): Uint8Array | null {
    return this.#records.get(SPACE.handOver, batchKey(epoch))
  }
}
