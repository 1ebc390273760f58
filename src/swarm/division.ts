/**
 * When a neighborhood is divided, and who goes: the same answer on every member, and no half that anybody could have chosen for himself.
 *
 * It is divided as soon as both halves would have their seats and a fifth more members, 30 for 25 seats, so that they can lose a few. Halves are cut in the middle of the
 * positions under the seed of the epoch that begins, which nobody knew when identities were made: a share of liars in the whole is about the same share in either half. And both must be able
 * to fill every seat at once, by the same rules of probation, trees and organizations as ever; else all stay together, and a later epoch sees.
 */

import { compare, toHex } from '../core/bytes.ts'
import { type Member, positionOf } from './placement.ts'
import { type Seatable, type SeatingInput, type SeatingRules, seatsOf } from './seating.ts'

/** What decides whether a neighborhood is divided. */
export interface DivisionInput extends SeatingInput {
  /** Those of the roster who may be seated: the others had a place and did not get ready for it. */
  readonly ready: readonly Seatable[]
}

/** Identities of those who found a neighborhood of their own with the next epoch, by position; null where all stay together. */
export function dividedOf(input: DivisionInput, rules: SeatingRules): Uint8Array[] | null {
  const members = input.roster.map(({ id }): Member => ({ id, position: positionOf(id, 0, () => input.seed) }))
  members.sort((a, b) => compare(a.position, b.position))
  const middle = members.length >> 1
  const [lower, upper] = [members.slice(0, middle), members.slice(middle)]
  if (lower.length < halfMinOf(rules)) return null
  const fills = (half: readonly Member[], incumbents: SeatingInput['incumbents']): boolean => {
    const ids = new Set(half.map(({ id }) => toHex(id)))
    const roster = input.ready.filter(({ id }) => ids.has(toHex(id)))
    return seatsOf({ ...input, roster, incumbents, isDivided: true }, rules).every((id) => id !== null)
  }
  return fills(lower, input.incumbents) && fills(upper, []) ? upper.map(({ id }) => id) : null
}

/** How many members either half has at least: never fewer than there are seats. */
export function halfMinOf({ seats, halfMin = null }: Pick<SeatingRules, 'seats' | 'halfMin'>): number {
  return Math.max(seats, halfMin ?? seats + Math.ceil(seats / 5))
}
