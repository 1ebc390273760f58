/**
 * What the codec suite encodes and decodes: one vote of 14 fields, as webx sends it and as its rivals would.
 *
 * webx sends the fields in their order (246 bytes), the others a map by their names (330 bytes where it is canonical). Every rival is set up as its users
 * would for small, safe messages: no records and no tags from cbor-x, all checks on in cborg. JSON carries byte strings as base64.
 */

import type { Cbor } from '../src/core/codec.ts'

/** A field's value on any of the wires. */
export type Field = number | boolean | string | Uint8Array
/** A vote by the names of its fields. */
export type Vote = Readonly<Record<string, Field>>

/** Bytes of the positional array, and of the canonical map. */
export const SAMPLE_BYTES = { positional: 246, map: 330 } as const

/** Options of `new Encoder(…)` of cbor-x for plain maps, as they are without records and tags. */
export const CBOR_X_PLAIN = {
  useRecords: false,
  tagUint8Array: false,
  variableMapSize: true,
  mapsAsObjects: true,
} as const
/** Options of `decode` of cborg; its `encode` sorts keys by default. */
export const CBORG_STRICT = { strict: true, rejectDuplicateMapKeys: true } as const
/** Options of `new Packr(…)` of msgpackr for plain maps. */
export const MSGPACKR_PLAIN = { useRecords: false, variableMapSize: true } as const

/** A vote that differs from the others by `number`, so that nobody is timed on one message over and over. */
export function sampleVote(number = 0): Vote {
  return {
    kind: 1,
    epoch: 40 + (number % 60),
    seat: number % 24,
    seq: 4_096 + (number % 60_000),
    object: digest(number, 1, 32),
    version: 24 + (number % 200),
    order: digest(number, 2, 32),
    root: digest(number, 3, 32),
    signer: digest(number, 4, 16),
    sentMs: 1_795_000_000_000 + number,
    expires: 1_795_000_030_000 + number,
    topic: `webx/9f86d081884c7d65/${String(number % 10_000).padStart(4, '0')}/vb/`,
    final: number % 2 === 0,
    sig: digest(number, 5, 64),
  }
}

/** The vote as webx sends it: its values in the order of its fields. */
export function positionalOf(vote: Vote): Cbor {
  return Object.values(vote)
}

/** The vote as JSON can say it: byte strings in base64. */
export function jsonOf(vote: Vote): Readonly<Record<string, string | number | boolean>> {
  return Object.fromEntries(
    Object.entries(vote).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    ]),
  )
}

/** The vote out of what `jsonOf` made. */
export function fromJson(parsed: Readonly<Record<string, string | number | boolean>>): Vote {
  const isBytes = new Set(['object', 'order', 'root', 'signer', 'sig'])
  return Object.fromEntries(
    Object.entries(parsed).map(([name, value]) => [
      name,
      isBytes.has(name) ? new Uint8Array(Buffer.from(value as string, 'base64')) : value,
    ]),
  )
}

function digest(number: number, salt: number, length: number): Uint8Array {
  let state = (number * 2_654_435_761 + salt * 40_503) >>> 0
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 24
  })
}
