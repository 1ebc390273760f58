/**
 * HELLO: what a node says of itself before anybody counts on it, and which wire version an epoch speaks.
 *
 * The payload of a frame of type `TYPE.hello`. It must be readable between nodes of different versions, so its layout is the same in all of them, it always travels in an
 * envelope of version 1, and bits that are not known are passed over. Layout and CDDL: `src/PROTOCOL.md` §33.
 */

import type { Cbor } from '../core/codec.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { readVersions, speaks, type VersionRange } from '../core/versions.ts'

/** What a node says of itself. Believed where it is to its own disadvantage, else a wish: seats and roles follow from the chain. */
export interface Hello {
  /** Name and version of the program, for people. */
  readonly software: string
  readonly versions: VersionRange
  /** Bits of `CAPABILITY`: what it can do for others where it stands today, its NAT among them. */
  readonly capabilities: number
  /** Version of its store: what it wrote an older program cannot read. */
  readonly storeVersion: number
  /** Raw Ed25519 key of its verifiable random function, 32 bytes. */
  readonly vrfKey: Uint8Array
  /** How busy it is, in percent. */
  readonly load: number
}

const CAPABILITIES_MAX = 0xffff
const LOAD_MAX = 100

/** The payload of a frame of type `TYPE.hello`. */
export function helloPayload(hello: Hello): Cbor {
  const { software, versions, capabilities, storeVersion, vrfKey, load } = hello
  return [software, [versions.min, versions.max], capabilities, storeVersion, vrfKey, load]
}

/** What such a payload says. Throws `bad-shape`. */
export function readHello(payload: Cbor): Hello {
  const fields = new Fields('hello', payload)
  const hello: Hello = {
    software: fields.text('software', LIMITS.softwareCharactersMax),
    versions: fields.tuple('versions', readVersions),
    capabilities: fields.uint('capabilities', CAPABILITIES_MAX),
    storeVersion: fields.uint('storeVersion'),
    vrfKey: fields.bytes('vrfKey', 32),
    load: fields.uint('load', LOAD_MAX),
  }
  fields.end()
  return hello
}

/** One who shall have a seat in the next epoch. */
export interface Candidate {
  readonly versions: VersionRange
  readonly weight: number
}

/** What an epoch speaks, and who cannot. */
export interface VersionChoice {
  readonly version: number
  /** Positions of candidates that do not speak it: they stay spare until they do. */
  readonly left: readonly number[]
}

/**
 * The wire version of the next epoch: the highest that all speak; where there is none, the highest that a strong quorum of their weight (W − ⌊W/6⌋) speaks.
 *
 * Never an older one than today's: one straggler must not take everybody back. Null where not even today's has a strong quorum: then nothing is handed over.
 * All must compute it from the same candidates, so their ranges come from the chain, not from frames that each has heard for itself.
 */
export function versionOf(candidates: readonly Candidate[], today: number): VersionChoice | null {
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0)
  const newest = candidates.reduce((most, { versions }) => Math.max(most, versions.max), 0)
  for (const lostMax of [0, Math.floor(total / 6)]) {
    for (let version = newest; version >= today; version--) {
      const left = candidates.flatMap(({ versions }, i) => (speaks(versions, version) ? [] : [i]))
      const lost = left.reduce((sum, i) => sum + (candidates[i] as Candidate).weight, 0)
      if (lost <= lostMax) return { version, left }
    }
  }
  return null
}
