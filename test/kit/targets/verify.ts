/**
 * Verification on any target: RFC 8032's signatures, the torsion set and its relatives, and chance, each alone and in
 * batches, against @noble/curves under the network's rule.
 */

import { ed25519 } from '@noble/curves/ed25519.js'
import { concat, fromHex } from '../../../src/core/bytes.ts'
import type { Build } from '../../../src/wasm/load.ts'
import { createVerifyDoor, type Signed, type VerifyDoor } from '../../../src/wasm/verify.ts'
import edges from '../../vectors/ed25519.json' with { type: 'json' }
import { Chance } from './chance.ts'
import type { Extent, Ledger } from './ledger.ts'
import { anySignature, byOracle, isKeyByOracle } from './signature.ts'

/** RFC 8032, section 7.1: TEST 1, 2, 3 and SHA(abc), as key, message, signature. */
const PUBLISHED: readonly (readonly [string, string, string])[] = [
  [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
  [
    'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  ],
]

/** Lengths of messages at which something else happens within. */
const MESSAGES = [0, 47, 48, 63, 64, 65, 175, 176, 191, 192, 193, 1024, 4031, 4032, 4095, 4096, 4097, 65_536, 70_001]

/** Asks one build everything about signatures. */
export function verifyVectors(ledger: Ledger, build: Build, extent: Extent): void {
  const chance = new Chance(61)
  const door = createVerifyDoor({ build, random: (length) => chance.bytes(length) })
  const cases = [
    ...PUBLISHED.map(([key, message, signature], i) => known(`RFC 8032, ${i}`, key, message, signature)),
    ...edges.cases.map((one) => known(one.name, one.key, one.message, one.signature, one.valid)),
  ]
  alone(ledger, door, cases)
  for (const size of [3, cases.length]) together(ledger, door, cases, size)
  const lengths = extent === 'all' ? [1, 2, 3, 17, 24, 25, 63, 64, 65, 130] : [2, 25]
  lengthsOfMessages(ledger, door, extent)
  for (const length of lengths) inBatches(ledger, door, length)
  byChance(ledger, build, extent === 'all' ? 150 : 10)
}

/** A signature of which it is known whether it holds. */
interface Known extends Signed {
  readonly name: string
  readonly valid: boolean
}

function known(name: string, key: string, message: string, signature: string, valid = true): Known {
  return { name, key: fromHex(key), message: fromHex(message), signature: fromHex(signature), valid }
}

function alone(ledger: Ledger, door: VerifyDoor, cases: readonly Known[]): void {
  for (const { name, key, message, signature, valid } of cases) {
    ledger.answer(name, door.verify(key, message, signature), valid)
    ledger.answer(`${name}, its key`, door.isKey(key), isKeyByOracle(key))
  }
}

/** In batches of so many, where most are beside one of the other verdict. */
function together(ledger: Ledger, door: VerifyDoor, cases: readonly Known[], size: number): void {
  for (let at = 0; at < cases.length; at += size) {
    const part = cases.slice(at, at + size)
    const verdicts = door.verifyBatch(part)
    part.forEach(({ name, valid }, i) => void ledger.answer(`${name}, one of ${size}`, verdicts[i] ?? null, valid))
  }
}

/** About the edges of SHA-512's blocks, with 64 bytes before the message, and of what the kernel takes at once. */
function lengthsOfMessages(ledger: Ledger, door: VerifyDoor, extent: Extent): void {
  const chance = new Chance(65)
  const secret = chance.bytes(32)
  const key = ed25519.getPublicKey(secret)
  const items = (extent === 'all' ? MESSAGES : MESSAGES.slice(0, 4)).map((length) => {
    const message = chance.bytes(length)
    return { key, message, signature: ed25519.sign(message, secret) }
  })
  for (const { message, signature } of items) {
    const name = `message of ${message.length}`
    ledger.answer(name, door.verify(key, message, signature), true)
    ledger.answer(`${name} and one byte`, door.verify(key, concat(message, new Uint8Array(1)), signature), false)
    for (const cut of [signature.subarray(0, 63), concat(signature, new Uint8Array(1)), new Uint8Array(0)]) {
      ledger.answer(`${name}, signature of ${cut.length}`, door.verify(key, message, cut), false)
      const verdicts = door.verifyBatch([
        { key, message, signature: cut },
        { key, message, signature },
      ])
      ledger.answer(`${name}, signature of ${cut.length} in a batch`, verdicts.join(), 'false,true')
    }
  }
  ledger.answer(
    'messages together',
    door.verifyBatch(items).every((valid) => valid),
    true,
  )
}

/**
 * Signatures spoilt and crafted in many ways, alone and in batches of ten, by doors that keep the tables of all keys,
 * of some, and of one at a time.
 */
function byChance(ledger: Ledger, build: Build, count: number): void {
  const chance = new Chance(64)
  const secrets = Array.from({ length: 5 }, () => chance.bytes(32))
  const doors = [undefined, 3, 1].map((keys) => {
    const random = (length: number) => chance.bytes(length)
    return createVerifyDoor({ build, random, ...(keys === undefined ? {} : { keys }) })
  })
  ledger.answer('pinned', doors[1]?.pin(secrets.slice(0, 2).map((secret) => ed25519.getPublicKey(secret))) ?? null, 2)
  for (let first = 0; first < count; first += 10) {
    const items = Array.from({ length: 10 }, () => anySignature(chance, secrets))
    const expected = items.map(byOracle)
    for (const door of doors) {
      const verdicts = door.verifyBatch(items)
      items.forEach(({ key, message, signature }, i) => {
        const right = expected[i] as boolean
        ledger.answer(`by chance ${first + i}`, door.verify(key, message, signature), right)
        ledger.answer(`by chance ${first + i}, in a batch`, verdicts[i] ?? null, right)
        ledger.answer(`by chance ${first + i}, its key`, door.isKey(key), isKeyByOracle(key))
      })
    }
  }
}

/** Honest signatures of a few keys, some of them spoilt in some way. */
function inBatches(ledger: Ledger, door: VerifyDoor, length: number): void {
  const chance = new Chance(63 + length)
  const secrets = Array.from({ length: 7 }, () => chance.bytes(32))
  const items = Array.from({ length }, () => {
    const secret = chance.one(secrets)
    const message = chance.bytes(chance.integer(0, 300))
    return { key: ed25519.getPublicKey(secret), message, signature: ed25519.sign(message, secret) }
  })
  for (const spoilt of [[], [0], [length - 1], [0, length >> 1], items.map((_, i) => i)]) {
    const batch = items.map((item, i) => (spoilt.includes(i) ? spoil(item, chance) : item))
    const verdicts = door.verifyBatch(batch)
    batch.forEach((item, i) => {
      const name = `${i} of ${length}, ${spoilt.length} spoilt`
      ledger.answer(name, verdicts[i] ?? null, !spoilt.includes(i))
      if (spoilt.includes(i))
        ledger.answer(`${name}, alone`, door.verify(item.key, item.message, item.signature), false)
    })
  }
}

function spoil({ key, message, signature }: Signed, chance: Chance): Signed {
  const part = chance.integer(0, 2)
  if (part === 0 && message.length > 0) return { key, message: chance.flip(message), signature }
  return part === 1
    ? { key: chance.flip(key), message, signature }
    : { key, message, signature: chance.flip(signature) }
}
