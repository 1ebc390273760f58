/**
 * Division: a neighborhood that has grown becomes two with an epoch. One goes on being what it was, the *stem*; the other one, the *sprout*, begins.
 *
 * A home is never divided. Ids of objects bind their home, payments at home are one order of one register, and who speaks for an owner stands in key logs of the home: so
 * all objects stay with the stem, and the sprout begins with none. Its residents open accounts there; money comes by payments between homes. The name of a sprout
 * follows from its stem and the epoch, so that it never comes again: an order for a home that is no more means nothing to any later one.
 */

import { equal } from '../../core/bytes.ts'
import { type Cbor, encode } from '../../core/codec.ts'
import { blake3Of } from '../../core/digest.ts'
import type { Fields } from '../../core/shape.ts'

/** Both parts of a neighborhood that was divided, by their 16-byte ids. */
export interface Division {
  readonly stem: Uint8Array
  readonly sprout: Uint8Array
}

/** How both parts of a neighborhood begin. */
export interface Openings<T> {
  /** Of the one that goes on: the stem, where it was divided. */
  readonly own: T
  /** Null where the neighborhood stays one. */
  readonly sprout: T | null
}

const NID_BYTES = 16

/** An epoch of a neighborhood. */
export interface EpochName {
  readonly netId: Uint8Array
  readonly nid: Uint8Array
  readonly epoch: number
}

/** How a neighborhood is divided with this epoch, where it is. */
export function divisionOf({ netId, nid, epoch }: EpochName): Division {
  const name = blake3Of('webx v1 sprout', encode([netId, nid, epoch]))
  return { stem: nid, sprout: name.slice(0, NID_BYTES) }
}

/** True for an opening of the part that begins. */
export function isSprouts(opening: { readonly nid: Uint8Array; readonly division?: Division }): boolean {
  return opening.division !== undefined && equal(opening.nid, opening.division.sprout)
}

/** True for an end of the epoch that names these openings by their digests, and no other. */
export function isSameEnd(
  said: { readonly opening: Uint8Array; readonly sprout: Uint8Array | null },
  { own, sprout }: Openings<Uint8Array>,
): boolean {
  if (!equal(said.opening, own)) return false
  return said.sprout && sprout ? equal(said.sprout, sprout) : !said.sprout && !sprout
}

export function divisionFields({ stem, sprout }: Division): Cbor[] {
  return [stem, sprout]
}

export function readDivision(fields: Fields): Division {
  return { stem: fields.bytes('stem', NID_BYTES), sprout: fields.bytes('sprout', NID_BYTES) }
}
