/**
 * Who is at home where: the neighborhood that decides about an identity's objects (`src/PROTOCOL.md`, "Homes").
 *
 * A founder is at home where it has its seat, the organization in the first neighborhood. Everybody else has a place between 0 and 1, a digest that nobody chooses, and the founding neighborhoods share
 * that stretch evenly, in their order: the leaves of a prefix tree that was cut once. So whoever holds the genesis knows everybody's home, without being told of anybody.
 */

import { concat, equal } from '../core/bytes.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import type { FoundedHome, Genesis } from './genesis.ts'

/** The neighborhood that an identity is at home in. */
export function homeOf(genesis: Pick<Genesis, 'netId' | 'homes' | 'organizationState'>, id: Uint8Array): FoundedHome {
  const { homes, netId, organizationState } = genesis
  const first = homes[0] as FoundedHome
  if (homes.length === 1 || equal(id, organizationState.id)) return first
  const seated = homes.find(({ memberStates }) => memberStates.some((member) => equal(member.id, id)))
  if (seated) return seated
  const place = blake3Of('webx v1 home', concat(netId, id))
  const high = new DataView(place.buffer, place.byteOffset).getUint32(0)
  return homes[Math.floor((high * homes.length) / 2 ** 32)] as FoundedHome
}

/** A genesis as it is seen from one of its neighborhoods. Throws `wrong-home` for another one. */
export function seenFrom(genesis: Genesis, nid: Uint8Array): Genesis {
  const home = genesis.homes.find(({ neighborhood }) => equal(neighborhood, nid))
  if (!home) throw new WebxError('wrong-home', 'this net did not begin with such a neighborhood')
  return { ...genesis, ...home }
}
