/**
 * Why everyone on the roster of an epoch has the place that it has: `swarm/seating.ts` asked again, with what the openings of the epoch and of the one before say.
 *
 * Seats may have been planned more than once, without those who did not get ready; openings do not say so. It follows from them: whoever would have had a seat and has none.
 */

import { isSprouts } from './consensus/epoch/division.ts'
import { type Opening, VACANT } from './consensus/epoch/opening.ts'
import { equal, toHex } from './core/bytes.ts'
import { placesOf, type SeatingReason, type SeatingRules, treesOf } from './swarm/seating.ts'

/** Why somebody has its place. `not-recorded`: the epoch before is not kept here; `lent`: it has come from the kin of the neighborhood with this epoch. */
export type PlaceReason = SeatingReason | 'founder' | 'not-ready' | 'not-recorded' | 'lent'

/** What became of one of the roster. */
export interface Place {
  readonly id: Uint8Array
  /** Number of its seat; null for a spare. */
  readonly seat: number | null
  readonly why: PlaceReason
  /** The founder at the root of its voucher tree, 32 bytes. */
  readonly tree: Uint8Array
}

/**
 * Everyone's place in the epoch of an opening: spares in the order in which they were called, so the first of them stood first in line.
 *
 * @param before the opening before it; null where there is none, or where it is not known
 */
export function placesIn(before: Opening | null, opening: Opening, rules: SeatingRules): Place[] {
  const { epoch, seed, roster, seats } = opening
  const seatOf = new Map(seats.map(({ memberId }, seat) => [toHex(memberId), seat]))
  if (!before) {
    const trees = treesOf(roster)
    const why = epoch === 0 ? 'founder' : 'not-recorded'
    return roster.map(({ id }) => {
      const name = toHex(id)
      return { id, seat: seatOf.get(name) ?? null, why, tree: trees.get(name) ?? id }
    })
  }
  const isDivided = opening.division !== undefined
  const holders = before.seats.map(({ memberId }) => (equal(memberId, VACANT.id) ? null : memberId))
  const incumbents = isSprouts(opening) ? [] : holders
  const lent = new Set(opening.loan?.lent.map(toHex))
  const unready = new Set<string>()
  for (;;) {
    const eligible = roster.filter(({ id }) => !unready.has(toHex(id)) && !lent.has(toHex(id)))
    const placed = placesOf({ epoch, seed, roster: eligible, incumbents, isDivided }, rules)
    const late = placed.filter(({ id, seat }) => seat !== null && !seatOf.has(toHex(id)))
    if (late.length === 0)
      return [...placed, ...without(opening, unready, 'not-ready'), ...without(opening, lent, 'lent')]
    for (const { id } of late) unready.add(toHex(id))
  }
}

function without({ roster }: Opening, names: ReadonlySet<string>, why: PlaceReason): Place[] {
  const trees = treesOf(roster)
  return roster
    .filter(({ id }) => names.has(toHex(id)))
    .map(({ id }) => ({ id, seat: null, why, tree: trees.get(toHex(id)) ?? id }))
}
