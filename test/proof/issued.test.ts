/** An issuer vouches for a commitment: the document is read by a foreign COSE library, and everything that is not as expected is refused. */

import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { Sign1 } from '@auth0/cose'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { encodeSign1, sign1Message } from '../../src/core/cose.ts'
import type { WebxError } from '../../src/core/errors.ts'
import { checkAtLeast, proveAtLeast } from '../../src/proof/bound.ts'
import { commit, openingOf } from '../../src/proof/commitment.ts'
import {
  checkIssued,
  type Expected,
  encodeIssued,
  type IssuedCommitment,
  issuedMessage,
  issuedPayload,
} from '../../src/proof/issued.ts'
import { group as defaultGroup } from '../../src/wasm/group.ts'
import { CONTEXT, chanceOf, mutations } from '../kit/proof-stage.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('proof/issued')
const group = defaultGroup()
const random = chanceOf('issued')
const [key, publicKey] = keyPair(1)
const opening = openingOf(group, 2_500n, random)
const issued: IssuedCommitment = {
  issuer: new Uint8Array(32).fill(11),
  subject: new Uint8Array(32).fill(12),
  what: 'balance',
  commitment: commit(group, opening),
  issuedAtMs: 1_790_000_000_000,
  expiresAtMs: 1_790_000_600_000,
}
const expected: Expected = {
  issuer: issued.issuer,
  issuerKey: publicKey,
  subject: issued.subject,
  what: issued.what,
  nowMs: issued.issuedAtMs + 1,
}

function keyPair(number: number): [KeyObject, Uint8Array] {
  const der = Buffer.from(concat(fromHex('302e020100300506032b657004220420'), new Uint8Array(32).fill(number)))
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return [privateKey, new Uint8Array(spki.subarray(-32))]
}

function documentOf(payload: Uint8Array, signer = key): Uint8Array {
  return encodeIssued(payload, new Uint8Array(sign(null, issuedMessage(payload), signer)))
}

function verdict(document: Uint8Array, other: Partial<Expected> = {}): string {
  try {
    checkIssued(group, document, { ...expected, ...other })
    return ''
  } catch (error) {
    return (error as WebxError).code
  }
}

test('what is issued is read back, and a proof about it holds', () => {
  const read = checkIssued(group, documentOf(issuedPayload(issued)), expected)
  assert.equal(read, issued)
  const bound = { bound: 1_999n, bits: 32 }
  checkAtLeast(group, read.commitment, bound, proveAtLeast(group, opening, bound, CONTEXT, random), CONTEXT)
})

test('a foreign library verifies the document', async () => {
  const document = documentOf(issuedPayload(issued))
  const read = Sign1.decode(document)
  await read.verify(createPublicKey(key))
  assert.equal(new Uint8Array(read.payload), issuedPayload(issued))
})

test('each expectation has its own refusal', () => {
  const document = documentOf(issuedPayload(issued))
  assert.is(verdict(document), '')
  assert.is(verdict(document, { issuerKey: keyPair(2)[1] }), 'bad-signature')
  assert.is(verdict(document, { issuerKey: new Uint8Array(32) }), 'bad-key')
  assert.is(verdict(document, { issuer: issued.subject }), 'wrong-claim')
  assert.is(verdict(document, { subject: issued.issuer }), 'wrong-claim')
  assert.is(verdict(document, { what: 'birthday' }), 'wrong-claim')
  assert.is(verdict(document, { nowMs: issued.expiresAtMs - 1 }), '')
  assert.is(verdict(document, { nowMs: issued.expiresAtMs }), 'expired')
  assert.is(verdict(document, { nowMs: issued.issuedAtMs - 30_000 }), '')
  assert.is(verdict(document, { nowMs: issued.issuedAtMs - 30_001 }), 'from-the-future')
  assert.is(verdict(documentOf(issuedPayload(issued), keyPair(2)[0])), 'bad-signature')
  for (const commitment of [new Uint8Array(32), new Uint8Array(32).fill(255)]) {
    assert.is(verdict(documentOf(issuedPayload({ ...issued, commitment }))), 'bad-proof')
  }
})

test('every changed byte is refused', () => {
  const document = documentOf(issuedPayload(issued))
  for (const { name, bytes } of mutations(document)) assert.is.not(verdict(bytes), '', name)
  assert.is(verdict(new Uint8Array(600)), 'too-long')
})

test('other versions, fields and types of document are refused', () => {
  const { issuer, subject, what, commitment, issuedAtMs, expiresAtMs } = issued
  const fields = [1, issuer, subject, what, commitment, issuedAtMs, expiresAtMs]
  assert.is(verdict(documentOf(encode(fields))), '')
  assert.is(verdict(documentOf(encode(fields.with(0, 2)))), 'bad-version')
  assert.is(verdict(documentOf(encode([...fields, 0]))), 'bad-shape')
  assert.is(verdict(documentOf(encode(fields.slice(0, -1)))), 'bad-shape')
  assert.is(verdict(documentOf(encode(fields.with(3, '')))), 'bad-shape')
  assert.is(verdict(documentOf(encode(fields.with(6, issuedAtMs)))), 'bad-shape')
  const payload = issuedPayload(issued)
  for (const header of [{}, { contentType: 'application/webx-ping' }]) {
    const signature = new Uint8Array(sign(null, sign1Message(payload, header), key))
    assert.is(verdict(encodeSign1(payload, signature, header)), 'bad-shape')
  }
  for (const wrong of [
    { issuer: new Uint8Array(31) },
    { subject: new Uint8Array(33) },
    { commitment: new Uint8Array(0) },
    { what: '' },
    { what: 'x'.repeat(65) },
    { expiresAtMs: issued.issuedAtMs },
  ]) {
    assert.is(
      codeOf(() => issuedPayload({ ...issued, ...wrong })),
      'bad-argument',
    )
  }
})

test.run()
