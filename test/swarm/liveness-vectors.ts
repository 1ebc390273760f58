/**
 * Payloads of SWIM and HELLO frames made of fixed values. Written to `test/vectors/liveness.json` by
 *
 *     node test/swarm/liveness-vectors.ts > test/vectors/liveness.json
 *
 * only where the format was changed on purpose; `test/swarm/liveness-formats.test.ts` fails until then.
 */

import { toHex } from '../../src/core/bytes.ts'
import { type Cbor, encode } from '../../src/core/codec.ts'
import { type Hello, helloPayload } from '../../src/swarm/hello.ts'
import { type SwimMessage, swimPayload } from '../../src/swarm/liveness-message.ts'

const id = (fill: number): string => toHex(new Uint8Array(32).fill(fill))
const bytes = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill)

export const SWIMS: Readonly<Record<string, SwimMessage>> = {
  ping: { kind: 'ping', incarnation: 1_796_053_200, number: 1, words: [] },
  ack: { kind: 'ack', incarnation: 7, number: 300, words: [{ about: id(3), accuses: false, incarnation: 24 }] },
  nack: { kind: 'nack', incarnation: 7, number: 2, words: [] },
  request: { kind: 'request', incarnation: 7, number: 70_000, target: id(4), words: [] },
  news: {
    kind: 'news',
    incarnation: 8,
    words: [
      { about: id(1), accuses: true, incarnation: 0 },
      { about: id(2), accuses: false, incarnation: 1_796_053_201 },
    ],
  },
}

export const HELLO: Hello = {
  software: 'webx 0.1.0',
  versions: { min: 1, max: 2 },
  capabilities: 0b101001,
  storeVersion: 3,
  vrfKey: bytes(32, 9),
  load: 40,
}

const word = (fill: number): Cbor => [bytes(32, fill), true, 1]
const hello = (change: Partial<Hello>): Cbor => helloPayload({ ...HELLO, ...change })

/** What must be refused as `bad-shape`. */
const REFUSED: Readonly<Record<'swim' | 'hello', Readonly<Record<string, Cbor>>>> = {
  swim: {
    'no array': 0,
    'an unknown kind': [5, 1, 1, []],
    'a field too many': [0, 1, 1, [], 0],
    'a field too few': [0, 1, 1],
    'news with a number': [4, 1, 1, []],
    'a request without a target': [3, 1, 1, []],
    'a target of 31 bytes': [3, 1, 1, bytes(31, 1), []],
    'an incarnation that is text': [0, '1', 1, []],
    'a word about nobody': [4, 1, [[bytes(0, 0), true, 1]]],
    'a word that is neither true nor false': [4, 1, [[bytes(32, 1), 1, 1]]],
    'a word with a field too many': [4, 1, [[bytes(32, 1), true, 1, 1]]],
    'two words about one': [4, 1, [word(1), word(2), word(1)]],
    'seventeen words': [4, 1, Array.from({ length: 17 }, (_, i) => word(i))],
  },
  hello: {
    'a field too many': [...(hello({}) as Cbor[]), 0],
    'a name of 41 characters': hello({ software: 'x'.repeat(41) }),
    'version 0': hello({ versions: { min: 0, max: 1 } }),
    'versions upside down': hello({ versions: { min: 3, max: 2 } }),
    'a version beyond the byte': hello({ versions: { min: 1, max: 256 } }),
    'a key of 31 bytes': hello({ vrfKey: bytes(31, 9) }),
    'more load than all': hello({ load: 101 }),
    'too many bits': hello({ capabilities: 0x10000 }),
  },
}

export interface LivenessVectors {
  readonly golden: Readonly<Record<string, string>>
  readonly refused: Readonly<Record<'swim' | 'hello', Readonly<Record<string, string>>>>
}

/** All of them as hexadecimal CBOR. */
export function livenessVectors(): LivenessVectors {
  const swims = Object.entries(SWIMS).map(([name, message]) => [name, swimPayload(message)] as const)
  return {
    golden: hexOf(Object.fromEntries([...swims, ['hello', helloPayload(HELLO)]])),
    refused: { swim: hexOf(REFUSED.swim), hello: hexOf(REFUSED.hello) },
  }
}

function hexOf(values: Readonly<Record<string, Cbor>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, toHex(encode(value))]))
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(livenessVectors(), null, 2)}\n`)
