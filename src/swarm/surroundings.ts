/**
 * Who looks after whom in a neighborhood of seats and spares.
 *
 * Seats watch their row and column of the matrix (`matrix.ts`). Spares stand in further rows below, so that they watch and are watched along the same columns;
 * but what they say of others counts with themselves alone, for they have no seat.
 */

import { SIDE } from './matrix.ts'

/** Where members stand. Names are identities in 64 hexadecimal digits. */
export interface Surroundings {
  /** Everyone in the neighborhood, spares too. */
  readonly members: readonly string[]
  /** Whom a member probes: those in its row and column. */
  peers(member: string): readonly string[]
  /** Row of a member's seat, or null for one without a seat, and for strangers. */
  row(member: string): number | null
}

/** A neighborhood without members. */
export const NOWHERE: Surroundings = { members: [], peers: () => [], row: () => null }

/** The surroundings of these seats (null: vacant) and spares, all of them different. */
export function surroundingsOf(seats: readonly (string | null)[], spares: readonly string[]): Surroundings {
  const firstSpare = Math.ceil(seats.length / SIDE) * SIDE
  const places = new Map<string, number>()
  for (const [seat, member] of seats.entries()) if (member !== null) places.set(member, seat)
  for (const [i, spare] of spares.entries()) places.set(spare, firstSpare + i)
  const members = [...places.keys()]
  return {
    members,
    peers: (member) => {
      const own = places.get(member)
      if (own === undefined) return []
      return members.filter((other) => other !== member && isPeer(own, places.get(other) as number))
    },
    row: (member) => {
      const place = places.get(member)
      return place === undefined || place >= firstSpare ? null : Math.floor(place / SIDE)
    },
  }
}

function isPeer(one: number, other: number): boolean {
  return Math.floor(one / SIDE) === Math.floor(other / SIDE) || one % SIDE === other % SIDE
}
