/**
 * Two tallies that take turns: one counts for this epoch, the other still answers for the last.
 *
 * A vote counts in its own epoch only, so nothing is carried over; but votes of the last epoch arrive late, and what was
 * certified in it and who voted twice must stay known until the next one ends. An epoch's tally is two epochs later the
 * room of another: after the first swap no memory is taken any more, unless a committee grows.
 */

import { createTally, type Tally, type TallyCommittee, type TallyOptions } from './tally.ts'

/** The tallies of this epoch and of the last. Ask for them anew each time: after a swap a tally that was kept may count for another epoch. */
export interface EpochTally {
  /** Counts for the committee of this epoch. */
  readonly current: Tally
  /** Still counts for the committee of the last epoch; null in the first. */
  readonly previous: Tally | null
  /**
   * Begins an epoch: `current` becomes `previous`, and what `previous` held is forgotten. Throws a RangeError where the
   * committee is out of bounds; then nothing has changed.
   */
  swap(committee: TallyCommittee): void
}

/** The options are those of the first epoch; capacity, seed and build hold for all. */
export function createEpochTally(options: TallyOptions): EpochTally {
  let current = createTally(options)
  let previous: Tally | null = null
  return {
    get current() {
      return current
    },
    get previous() {
      return previous
    },
    swap(committee) {
      const next = previous ?? createTally({ ...options, ...committee })
      if (next === previous) next.renew(committee)
      previous = current
      current = next
    },
  }
}
