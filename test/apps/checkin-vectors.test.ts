/** Golden bytes of anonymous check-in: made again, refused where something is wrong, and judged alike by a verifier that shares nothing with the code. */

import { readFileSync } from 'node:fs'
import { ed25519 } from '@noble/curves/ed25519.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex, fromText, toHex } from '../../src/core/bytes.ts'
import { createGroup } from '../../src/wasm/group.ts'
import { type Item, readCbor } from '../kit/cddl.ts'
import { type CheckinVectors, checkinVectors, readerOf } from '../kit/checkin-vectors.ts'
import * as oracle from '../kit/proof-oracle.ts'
import { codeOf } from '../kit/refusal.ts'
import { BUILDS } from '../kit/wasm.ts'

const test = suite('anonymous check-in: vectors')
const file = new URL('../vectors/checkin.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as CheckinVectors
const NONE = new Uint8Array(0)

function fieldsOf(hex: string | Item): Item[] {
  return (typeof hex === 'string' ? readCbor(fromHex(hex)) : hex) as Item[]
}

test('today’s code makes them, byte for byte, on both builds of the kernel', () => {
  for (const build of BUILDS) assert.equal(checkinVectors(createGroup(build)), vectors)
})

test('each broken one is refused by its code', () => {
  const readers = readerOf(vectors.golden)
  assert.is(toHex(readers.checkin(fromHex(vectors.golden.checkin))), vectors.tag)
  for (const { name, reader, code, bytes } of vectors.refused) {
    assert.is(
      codeOf(() => readers[reader](fromHex(bytes))),
      code,
      name,
    )
  }
  assert.ok(vectors.refused.length >= 20)
})

test('another verifier reads the same rings, tag and proofs out of them', () => {
  const [version, suiteNumber, type, scope, body, signature, attachment] = fieldsOf(vectors.golden.rings) as [
    ...[number, number, number],
    ...[Uint8Array, Uint8Array, Uint8Array, Uint8Array],
  ]
  assert.equal([version, suiteNumber, type, attachment.length], [1, 0, 11, 0])
  const [terminal, number, rings] = readCbor(body) as [Uint8Array, number, Uint8Array[][]]
  assert.equal(
    rings.map(({ length }) => length),
    [25, 2],
  )
  const signed = concat(fromText('webx\0v1'), Uint8Array.of(type), scope, body)
  const terminalKey = ed25519.getPublicKey(new Uint8Array(32).fill(6))
  assert.ok(ed25519.verify(signature, signed, terminalKey, { zip215: false }))
  const [pseudonym, key, , model, proven] = fieldsOf(vectors.golden.checkin) as [
    ...[Uint8Array, Uint8Array, number, string],
    [number, number, number, Uint8Array],
  ]
  const [list, index, day, proof] = proven
  assert.equal([list, index, day], [number, 0, vectors.day])
  const about = oracle.cbor(['webx v1 check-in', fromHex(vectors.guest), pseudonym, key, model])
  const nonce = blake3(signed, { context: fromText('webx v1 statement') })
  const context = { audience: terminal, nonce, purpose: 'check-in', ping: NONE }
  const ring = rings[index] as Uint8Array[]
  assert.ok(oracle.linkable(ring, about, fromHex(vectors.shop), day, proof, context))
  assert.not.ok(oracle.linkable(ring, about, fromHex(vectors.shop), day + 1, proof, context))
  assert.is(toHex((fieldsOf(readCbor(proof))[1] as Uint8Array).slice(0, 32)), vectors.tag)
  const [, enrolled, possession] = fieldsOf(vectors.golden.proofKey) as [number, Uint8Array, Uint8Array]
  const enrolment = { audience: fromHex(vectors.shop), nonce: scope, purpose: 'enrolment', ping: NONE }
  assert.ok(ring.some((member) => toHex(member) === toHex(enrolled)))
  assert.ok(oracle.possession(enrolled, possession, enrolment))
  assert.not.ok(oracle.possession(enrolled, possession, { ...enrolment, purpose: 'age' }))
})

test.run()
