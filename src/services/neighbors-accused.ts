/**
 * Whom of the dead a member should accuse before the neighborhood: those whose place somebody would take.
 *
 * Whoever is accused by enough seats leaves with the epoch, and must be admitted again. Where nobody could take its seat that would be for nothing: the quorum reckons with its absence anyway, and a
 * shop that switches off for the night would have lost its members by the morning. A dead spare holds up whoever plans with it, and goes at once.
 */

import type { Opening } from '../consensus/epoch/opening.ts'
import type { EpochRules } from '../consensus/epoch/rules.ts'
import { toHex } from '../core/bytes.ts'

/** Identities to accuse, in hexadecimal. All who hold the same for dead come to the same. */
export function accusedOf(opening: Opening, dead: ReadonlySet<string>, seat: EpochRules['seat']): Set<string> {
  const { epoch, seed, roster, seats } = opening
  const incumbents = seats.map(({ memberId, weight }) => (weight > 0 ? memberId : null))
  const seatOf = new Map(incumbents.flatMap((id, number) => (id ? [[toHex(id), number] as const] : [])))
  const living = roster.filter(({ id }) => !dead.has(toHex(id)))
  const planned = seat({ epoch: epoch + 1, seed, roster: living, incumbents })
  const isTaken = (number: number | undefined): boolean => number === undefined || (planned[number] ?? null) !== null
  const gone = roster.map(({ id }) => toHex(id)).filter((name) => dead.has(name))
  return new Set(gone.filter((name) => isTaken(seatOf.get(name))))
}
