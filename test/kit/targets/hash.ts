/** BLAKE3 on any target: the official vectors, the edges of chunks, blocks and trees, and chance against @noble/hashes. */

import { blake3 as oracle } from '@noble/hashes/blake3.js'
import { fromHex, fromText } from '../../../src/core/bytes.ts'
import { createHashDoor, type HashDoor } from '../../../src/wasm/hash.ts'
import type { Build } from '../../../src/wasm/load.ts'
import official from '../../vectors/blake3.json' with { type: 'json' }
import { Chance } from './chance.ts'
import type { Extent, Ledger } from './ledger.ts'

const key = fromText(official.key)
const KIB = 1024
/** Multiples of a chunk about which lengths are tried: powers of two, the lanes of the kernel and what is beside them. */
const CHUNKS = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 80, 127, 128]

/** Asks one build everything about BLAKE3. */
export function hashVectors(ledger: Ledger, build: Build, extent: Extent): void {
  const door = createHashDoor(build)
  asPublished(ledger, door)
  atTheEdges(ledger, door, extent)
  everyLength(ledger, door, extent)
  byChance(ledger, door, extent)
  inPieces(ledger, door, extent)
}

function asPublished(ledger: Ledger, door: HashDoor): void {
  const { cases, context_string: context } = official
  for (const { input_len: length, hash, keyed_hash, derive_key } of cases) {
    const message = pattern(length)
    for (const size of [32, 131]) {
      const name = `${size} bytes of ${length}`
      ledger.bytes(`hash, ${name}`, door.hash(message, size), fromHex(hash).subarray(0, size))
      ledger.bytes(`keyed, ${name}`, door.keyed(key, message, size), fromHex(keyed_hash).subarray(0, size))
      ledger.bytes(`derived, ${name}`, door.deriveKey(context, message, size), fromHex(derive_key).subarray(0, size))
    }
  }
}

function atTheEdges(ledger: Ledger, door: HashDoor, extent: Extent): void {
  const whole = pattern(128 * KIB + 1)
  for (const chunks of extent === 'all' ? CHUNKS : CHUNKS.slice(0, 12)) {
    for (const length of [-1, 0, 1].map((about) => chunks * KIB + about)) {
      const message = whole.subarray(0, length)
      ledger.bytes(`${length} bytes`, door.hash(message), oracle(message))
    }
  }
  const long = oracle(whole.subarray(0, 2000), { dkLen: 65_536 })
  for (const length of [1, 31, 33, 63, 64, 65, 127, 128, 129, 1000, 65_535, 65_536]) {
    ledger.bytes(`${length} bytes of output`, door.hash(whole.subarray(0, 2000), length), long.subarray(0, length))
  }
}

/** Without an oracle: the digest that all targets share tells. */
function everyLength(ledger: Ledger, door: HashDoor, extent: Extent): void {
  const whole = new Chance(11).bytes(8 * KIB + 70)
  for (let length = 0; length <= whole.length; length += extent === 'all' ? 1 : 61) {
    const message = whole.subarray(whole.length - length)
    ledger.sound(`${length} bytes`, door.hash(message))
  }
}

function byChance(ledger: Ledger, door: HashDoor, extent: Extent): void {
  const chance = new Chance(12)
  for (let i = 0; i < (extent === 'all' ? 300 : 30); i++) {
    const message = chance.bytes(chance.integer(0, chance.one([70, 1100, 6000])))
    const secret = chance.bytes(32)
    const size = chance.integer(1, 200)
    const context = `context ${i} é`
    ledger.bytes(`hash ${i}`, door.hash(message, size), oracle(message, { dkLen: size }))
    ledger.bytes(`keyed ${i}`, door.keyed(secret, message, size), oracle(message, { key: secret, dkLen: size }))
    const expected = oracle(message, { context: fromText(context), dkLen: size })
    ledger.bytes(`derived ${i}`, door.deriveKey(context, message, size), expected)
  }
}

/** Two hashers at a time, so that the state of one is put aside for the other. */
function inPieces(ledger: Ledger, door: HashDoor, extent: Extent): void {
  const chance = new Chance(13)
  for (let i = 0; i < (extent === 'all' ? 60 : 8); i++) {
    const message = chance.bytes(chance.integer(0, 40_000))
    const hashers = [door.create(), door.create(key)] as const
    for (let at = 0; at < message.length; ) {
      const end = at + chance.integer(0, chance.one([3, 70, 1025, 20_000]))
      for (const hasher of hashers) hasher.update(message.subarray(at, end))
      at = end
    }
    ledger.bytes(`in pieces ${i}`, hashers[0].digest(70), oracle(message, { dkLen: 70 }))
    ledger.bytes(`keyed in pieces ${i}`, hashers[1].digest(70), oracle(message, { key, dkLen: 70 }))
  }
}

/** The message of the official vectors. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i % 251)
}
