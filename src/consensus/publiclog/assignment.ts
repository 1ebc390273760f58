/**
 * Which neighborhood validates which leaf: about three for each, drawn by the public epoch's seed.
 *
 * So what a node validates grows with what its own neighborhood logs, and not with the network. Cosigning says "it only grew, and the leaves that were mine are true".
 */

import { concat } from '../../core/bytes.ts'
import { blake3Of } from '../../core/digest.ts'

/** How many neighborhoods validate a leaf, on average; all of them where there are no more. */
export const VALIDATORS = 3

/** Whose leaves are asked for. */
export interface Assignment {
  /** 32-byte seed of the public epoch. */
  readonly seed: Uint8Array
  /** 16-byte id of the neighborhood. */
  readonly nid: Uint8Array
  /** Neighborhoods of the network in that epoch. */
  readonly neighborhoods: number
  /** Validates everything, as Operators and Brokers do. */
  readonly all: boolean
}

/** Whether a leaf is to be validated there. */
export function isAssigned({ seed, nid, neighborhoods, all }: Assignment, index: number): boolean {
  if (all || neighborhoods <= VALIDATORS) return true
  const place = new Uint8Array(8)
  const view = new DataView(place.buffer)
  view.setBigUint64(0, BigInt(index))
  const digest = blake3Of('webx v1 leaf validator', concat(seed, place, nid))
  const drawn = new DataView(digest.buffer, digest.byteOffset).getUint32(0)
  return drawn < (VALIDATORS / neighborhoods) * 2 ** 32
}

/** Indexes from `from` up to but without `to` that are to be validated there. */
export function assignedLeaves(assignment: Assignment, from: number, to: number): number[] {
  const indexes: number[] = []
  for (let index = from; index < to; index++) if (isAssigned(assignment, index)) indexes.push(index)
  return indexes
}
