/**
 * Which wire versions somebody speaks: all from one to another. HELLO says it, and whoever gets ready for a seat says it on the chain.
 */

import { WIRE_VERSION } from './envelope.ts'
import { WebxError } from './errors.ts'
import type { Fields } from './shape.ts'

export interface VersionRange {
  readonly min: number
  readonly max: number
}

/** What this runtime speaks. */
export const SPOKEN: VersionRange = { min: WIRE_VERSION, max: WIRE_VERSION }

/** Wire versions fit the envelope's byte. */
const VERSION_MAX = 255

export function speaks({ min, max }: VersionRange, version: number): boolean {
  return min <= version && version <= max
}

/** The two numbers of a range. Throws `bad-shape`, also where it is empty. */
export function readVersions(fields: Fields): VersionRange {
  const versions = { min: fields.uint('min', VERSION_MAX), max: fields.uint('max', VERSION_MAX) }
  if (versions.min === 0 || versions.min > versions.max) {
    throw new WebxError('bad-shape', `versions from ${versions.min} to ${versions.max}`)
  }
  return versions
}

/** The wire version of an epoch. Throws `bad-shape`. */
export function readVersion(fields: Fields): number {
  const version = fields.uint('version', VERSION_MAX)
  if (version === 0) throw new WebxError('bad-shape', 'versions count up from 1')
  return version
}
