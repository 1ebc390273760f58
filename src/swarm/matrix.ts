/**
 * The 5×5 matrix of a neighborhood: who passes messages on to whom, and who keeps an eye on whom.
 *
 * Everyone has the 8 others in its row and column as peers, so any two seats are at most two hops apart, over two ways that share nobody between them.
 */

import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'

/** Seats in a row. */
export const SIDE = 5

/** Place of a seat in the matrix. */
export function placeOf(seat: number): { readonly row: number; readonly column: number } {
  return { row: Math.floor(seat / SIDE), column: seat % SIDE }
}

/**
 * The other seats in the row and the column of one, ascending: 8 in a full matrix of 25.
 *
 * @param seats how many seats there are; the last row may be short
 */
export function peersOf(seat: number, seats: number): number[] {
  if (!(seat >= 0 && seat < seats && seats <= LIMITS.seatsMax)) {
    throw new WebxError('bad-argument', `seat ${seat} of ${seats}: no such place in the matrix`)
  }
  const own = placeOf(seat)
  return Array.from({ length: seats }, (_, other) => other).filter((other) => {
    const { row, column } = placeOf(other)
    return other !== seat && (row === own.row || column === own.column)
  })
}
