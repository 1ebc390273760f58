/** A credential is what an issuer vouched for and its opening, whole: what does not fit together is no credential. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat } from '../../src/core/bytes.ts'
import { decode, encode } from '../../src/core/codec.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { commit, openingOf } from '../../src/proof/commitment.ts'
import { encodeCredential, readCredential } from '../../src/proof/credential.ts'
import { encodeIssued, issuedMessage, issuedPayload } from '../../src/proof/issued.ts'
import { answerQuestion, checkAnswer } from '../../src/proof/question.ts'
import { scalarBytes } from '../../src/proof/scalar.ts'
import { group as defaultGroup, ORDER } from '../../src/wasm/group.ts'
import { flip } from '../kit/ed25519.ts'
import { fill, holder } from '../kit/pings.ts'
import { CONTEXT, chanceOf } from '../kit/proof-stage.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('proof/credential')
const group = defaultGroup()
const random = chanceOf('credential')
const ISSUER = holder(51)
const OPENING = openingOf(group, 726_000n, random)
const PAYLOAD = issuedPayload({
  ...{ issuer: fill(32, 1), subject: fill(32, 2), what: 'birthday', commitment: commit(group, OPENING) },
  ...{ issuedAtMs: 1_000, expiresAtMs: 2_000_000 },
})
const DOCUMENT = encodeIssued(PAYLOAD, ISSUER.sign(issuedMessage(PAYLOAD)))
const BYTES = encodeCredential(DOCUMENT, OPENING)

function changed(place: number, value: unknown): Uint8Array {
  return encode((decode(BYTES) as never[]).with(place, value as never))
}

test('it comes back as it was, and answers questions', () => {
  const { document, opening, issued } = readCredential(group, BYTES)
  assert.equal([document, opening, issued.what], [DOCUMENT, OPENING, 'birthday'])
  const question = { ...CONTEXT, what: 'birthday', relation: 'at most' as const, bound: 730_000n, bits: 16 }
  const answer = answerQuestion(group, question, document, opening, random)
  const expected = { issuer: fill(32, 1), issuerKey: ISSUER.key, subject: fill(32, 2), nowMs: 1_500 }
  assert.is(checkAnswer(group, question, answer, expected).what, 'birthday')
})

test('what was read stays when the bytes are wiped', () => {
  const bytes = BYTES.slice()
  const { document, opening } = readCredential(group, bytes)
  bytes.fill(0)
  assert.equal([document, opening], [DOCUMENT, OPENING])
})

test('the greatest value fits, and the longest name', () => {
  const opening = openingOf(group, 2n ** 64n - 1n, random)
  const payload = issuedPayload({
    ...{ issuer: fill(32, 255), subject: fill(32, 255), what: 'ü'.repeat(64), commitment: commit(group, opening) },
    ...{ issuedAtMs: Number.MAX_SAFE_INTEGER - 1, expiresAtMs: Number.MAX_SAFE_INTEGER },
  })
  const bytes = encodeCredential(encodeIssued(payload, ISSUER.sign(issuedMessage(payload))), opening)
  assert.ok(bytes.length <= LIMITS.credentialBytesMax)
  assert.is(readCredential(group, bytes).opening.value, 2n ** 64n - 1n)
  assert.is(
    codeOf(() => encodeCredential(DOCUMENT, { ...OPENING, value: 2n ** 64n })),
    'bad-argument',
  )
})

test('everything else is refused by name', () => {
  const cases: [string, Uint8Array][] = [
    ['bad-shape', changed(0, 'webx key file')],
    ['bad-version', changed(1, 2)],
    ['tampered', changed(3, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1))],
    ['bad-shape', changed(3, Uint8Array.of(1))],
    ['tampered', changed(4, scalarBytes(5n))],
    ['bad-shape', changed(4, scalarBytes(ORDER + 5n))],
    ['bad-shape', encode((decode(BYTES) as never[]).slice(0, 4))],
    ['not-canonical', concat(BYTES, fill(1, 0))],
    ['too-long', concat(BYTES, fill(LIMITS.credentialBytesMax, 0))],
  ]
  for (const [code, bytes] of cases) {
    assert.is(
      codeOf(() => readCredential(group, bytes)),
      code,
    )
  }
})

test('a flipped bit of what is secret or vouched for never passes', () => {
  const first = BYTES.length - 8 - 32 - 3
  for (let at = first; at < BYTES.length; at++) {
    assert.throws(() => readCredential(group, flip(BYTES, 8 * at + (at % 8))), undefined, `byte ${at}`)
  }
})

test.run()
