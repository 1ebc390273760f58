/**
 * When a neighborhood has become too small, and who of its kin comes into it: the same answer on every member, and nobody who could have chosen it for himself.
 *
 * It has become too small when more than an eighth of its seats would stay vacant if all of its people sat in one, with fewer than 22 for 25 seats: a few more who go, and it bears fewer liars than it
 * was made for. Then it is filled up to what a half has where a neighborhood is divided. Who comes is drawn by positions under the seed of the epoch that begins.
 */

import { compare } from '../core/bytes.ts'
import { halfMinOf } from './division.ts'
import { type Member, positionOf } from './placement.ts'
import type { SeatingInput, SeatingRules } from './seating.ts'

/** What decides who comes. */
export interface LendingInput extends Pick<SeatingInput, 'seed' | 'roster'> {
  /** People of the kin who may come, and are not on the roster. */
  readonly offered: readonly { readonly id: Uint8Array }[]
}

/** Identities of those who come with the next epoch, by position; null where nobody is needed, or nobody may come. */
export function lentOf({ seed, roster, offered }: LendingInput, rules: SeatingRules): Uint8Array[] | null {
  if (roster.length >= mergeBelowOf(rules)) return null
  const members = offered.map(({ id }): Member => ({ id, position: positionOf(id, 0, () => seed) }))
  members.sort((a, b) => compare(a.position, b.position))
  const lent = members.slice(0, Math.max(0, halfMinOf(rules) - roster.length)).map(({ id }) => id)
  return lent.length > 0 ? lent : null
}

/** With fewer members than this a neighborhood is too small. */
export function mergeBelowOf({ seats, mergeBelow = null }: Pick<SeatingRules, 'seats' | 'mergeBelow'>): number {
  return mergeBelow ?? seats - Math.floor(seats / 8)
}
