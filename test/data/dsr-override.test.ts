/** The owner's override: it lets the owner in, nobody else, nowhere else and not for ever; @auth0/cose verifies it, too. */

import { createPublicKey } from 'node:crypto'
import { Sign1 } from '@auth0/cose'
import { ed25519 } from '@noble/curves/ed25519.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64url } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { encodeSign1, sign1Message } from '../../src/core/cose.ts'
import { WebxError } from '../../src/core/errors.ts'
import {
  encodeOverride,
  type OverrideQuestion,
  overriddenVerdict,
  overrideMessage,
} from '../../src/data/dsr-override.ts'
import { provideFromFiles } from '../../src/drivers/wasm-files.ts'
import { codeOf } from '../kit/refusal.ts'
import { Chance } from '../kit/targets/chance.ts'

provideFromFiles()
const test = suite('data/dsr: override')
const SECRET = new Uint8Array(32).fill(5)
const KEY = ed25519.getPublicKey(SECRET)
const OWNER = new Uint8Array(32).fill(1)
const OVERRIDE = { dataId: new Uint8Array(32).fill(2), moduleDigest: new Uint8Array(32).fill(3), untilMs: 1_000 }
const DOCUMENT = encodeOverride(OVERRIDE, OWNER, ed25519.sign(overrideMessage(OVERRIDE, OWNER), SECRET))
const { dataId, moduleDigest } = OVERRIDE
const QUESTION: OverrideQuestion = { dataId, moduleDigest, owner: OWNER, ownerKey: KEY, requester: OWNER, nowMs: 999 }
const OTHER = new Uint8Array(32).fill(9)

test('allows the owner', () => {
  const allow = { kind: 'allow', reason: 0, fields: [], payload: new Uint8Array(0) }
  assert.equal(overriddenVerdict(DOCUMENT, QUESTION), allow)
})

test('refuses everything else, each by its code', () => {
  const code = (changed: Partial<OverrideQuestion>) =>
    codeOf(() => overriddenVerdict(DOCUMENT, { ...QUESTION, ...changed }))
  assert.is(code({ nowMs: 1_000 }), 'expired')
  assert.is(code({ requester: OTHER }), 'not-allowed')
  assert.is(code({ owner: OTHER }), 'not-allowed')
  assert.is(code({ owner: OTHER, requester: OTHER }), 'not-allowed')
  assert.is(code({ dataId: OTHER }), 'wrong-file')
  assert.is(code({ moduleDigest: OTHER }), 'wrong-file')
  assert.is(code({ ownerKey: ed25519.getPublicKey(OTHER) }), 'bad-signature')
})

test('refuses other documents', () => {
  const signed = (payload: Uint8Array, header: { contentType?: string; keyId?: Uint8Array }) =>
    codeOf(() => {
      const document = encodeSign1(payload, ed25519.sign(sign1Message(payload, header), SECRET), header)
      overriddenVerdict(document, QUESTION)
    })
  const header = { contentType: 'application/webx-override', keyId: OWNER }
  const fields = [1, dataId, moduleDigest, 1_000]
  assert.is(signed(encode(fields), { ...header, contentType: 'application/webx-ping' }), 'bad-shape')
  assert.is(signed(encode(fields), { contentType: header.contentType }), 'bad-shape')
  assert.is(signed(encode([2, ...fields.slice(1)]), header), 'bad-version')
  assert.is(signed(encode([...fields, 0]), header), 'bad-shape')
  assert.is(signed(encode(fields.slice(0, 3)), header), 'bad-shape')
  assert.is(signed(Uint8Array.of(0x84, 1), header), 'not-canonical')
  assert.is(
    codeOf(() => overriddenVerdict(new Uint8Array(1_000), QUESTION)),
    'too-long',
  )
})

test('no changed bit is accepted', () => {
  const chance = new Chance(1)
  for (let i = 0; i < 300; i++) {
    const damaged = chance.flip(DOCUMENT)
    assert.throws(
      () => overriddenVerdict(damaged, QUESTION),
      (error: unknown) => error instanceof WebxError,
    )
  }
})

test('a foreign library verifies it', async () => {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: toBase64url(KEY) }
  const foreign = Sign1.decode(DOCUMENT)
  await foreign.verify(createPublicKey({ key: jwk, format: 'jwk' }))
  assert.equal(new Uint8Array(foreign.payload), encode([1, dataId, moduleDigest, 1_000]))
})

test.run()
