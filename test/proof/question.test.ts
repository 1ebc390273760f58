/** Are you 18, and can you pay? Asked and answered over bytes, with an issuer who vouches; every other answer is refused. */

import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex } from '../../src/core/bytes.ts'
import { decode, encode } from '../../src/core/codec.ts'
import type { WebxError } from '../../src/core/errors.ts'
import { proveAtMost } from '../../src/proof/bound.ts'
import { commit, type Opening, openingOf } from '../../src/proof/commitment.ts'
import { dayNumber, latestBirthday } from '../../src/proof/day.ts'
import { encodeIssued, issuedMessage, issuedPayload } from '../../src/proof/issued.ts'
import { answerQuestion, checkAnswer, encodeQuestion, type Question, readQuestion } from '../../src/proof/question.ts'
import { group as defaultGroup } from '../../src/wasm/group.ts'
import { CONTEXT, chanceOf, mutations, OTHER_CONTEXTS } from '../kit/proof-stage.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('proof/question')
const group = defaultGroup()
const random = chanceOf('question')
const NOW_MS = 1_790_000_000_000
const ISSUER = new Uint8Array(32).fill(11)
const SUBJECT = new Uint8Array(32).fill(12)
const key: KeyObject = createPrivateKey({
  key: Buffer.from(concat(fromHex('302e020100300506032b657004220420'), new Uint8Array(32).fill(1))),
  format: 'der',
  type: 'pkcs8',
})
const issuerKey = new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32))
const expected = { issuer: ISSUER, issuerKey, subject: SUBJECT, nowMs: NOW_MS }
const question: Question = {
  ...CONTEXT,
  what: 'birthday',
  relation: 'at most',
  bound: latestBirthday({ year: 2026, month: 11, day: 22 }, 18),
  bits: 16,
}

function born(year: number): Opening {
  return openingOf(group, BigInt(dayNumber({ year, month: 6, day: 1 })), random)
}

function issue(opening: Opening, what = 'birthday', subject = SUBJECT): Uint8Array {
  const payload = issuedPayload({
    issuer: ISSUER,
    subject,
    what,
    commitment: commit(group, opening),
    issuedAtMs: NOW_MS - 1,
    expiresAtMs: NOW_MS + 1_000,
  })
  return encodeIssued(payload, new Uint8Array(sign(null, issuedMessage(payload), key)))
}

function verdict(answer: Uint8Array, asked = question, other: Partial<typeof expected> = {}): string {
  try {
    checkAnswer(group, asked, answer, { ...expected, ...other })
    return ''
  } catch (error) {
    return (error as WebxError).code
  }
}

test('asked and answered over bytes, both ways of asking', () => {
  const adult = born(1990)
  const asked = readQuestion(encodeQuestion(question))
  assert.equal(asked, question)
  const answer = answerQuestion(group, asked, issue(adult), adult, random)
  assert.ok(answer.length < 850, `${answer.length} bytes`)
  assert.equal(checkAnswer(group, question, answer, expected).subject, SUBJECT)
  const price: Question = { ...question, what: 'balance', relation: 'at least', bound: 2n ** 64n - 9n, bits: 64 }
  assert.equal(readQuestion(encodeQuestion(price)), price)
  const rich = openingOf(group, 2n ** 64n - 1n, random)
  const yes = answerQuestion(group, price, issue(rich, 'balance'), rich, random)
  assert.is(verdict(yes, price), '')
})

test('whom the truth does not help cannot answer', () => {
  const child = born(2015)
  assert.is(
    codeOf(() => answerQuestion(group, question, issue(child), child, random)),
    'bad-argument',
  )
  const adult = born(1990)
  for (const document of [issue(child), issue(adult, 'wedding')]) {
    assert.is(
      codeOf(() => answerQuestion(group, question, document, adult, random)),
      'bad-argument',
    )
  }
  // a true proof about a number that nobody vouched for, beside a document about another one
  const proof = proveAtMost(group, adult, question, question, random)
  assert.is(verdict(encode([1, issue(child), proof])), 'bad-proof')
})

test('an answer is for one question, one subject, one issuer', () => {
  const adult = born(1990)
  const answer = answerQuestion(group, question, issue(adult), adult, random)
  assert.is(verdict(answer), '')
  for (const context of OTHER_CONTEXTS) assert.is(verdict(answer, { ...question, ...context }), 'bad-proof')
  assert.is(verdict(answer, { ...question, bound: question.bound - 1n }), 'bad-proof')
  assert.is(verdict(answer, { ...question, relation: 'at least' }), 'bad-proof')
  assert.is(verdict(answer, { ...question, bits: 32 }), 'bad-shape')
  assert.is(verdict(answer, { ...question, what: 'wedding' }), 'wrong-claim')
  assert.is(verdict(answer, question, { subject: ISSUER }), 'wrong-claim')
  assert.is(verdict(answer, question, { issuer: SUBJECT }), 'wrong-claim')
  assert.is(verdict(answer, question, { nowMs: NOW_MS + 1_000 }), 'expired')
})

test('every changed byte of an answer is refused, and of a question noticed', () => {
  const adult = born(1990)
  const answer = answerQuestion(group, question, issue(adult), adult, random)
  for (const { name, bytes } of mutations(answer)) assert.is.not(verdict(bytes), '', name)
  for (const { name, bytes } of mutations(encodeQuestion(question))) {
    let asked: Question
    try {
      asked = readQuestion(bytes)
    } catch {
      continue
    }
    assert.is.not(verdict(answer, asked), '', name)
  }
})

test('questions that are none', () => {
  const fields = decode(encodeQuestion(question)) as Uint8Array[]
  const code = (...changed: readonly [number, unknown][]): string => {
    const values = [...fields]
    for (const [i, value] of changed) values[i] = value as Uint8Array
    return codeOf(() => readQuestion(encode(values)))
  }
  assert.is(code([0, 2]), 'bad-version')
  assert.is(code([9, 0]), 'bad-shape')
  assert.is(code([2, new Uint8Array(15)]), 'bad-shape')
  assert.is(code([4, new Uint8Array(33)]), 'bad-shape')
  assert.is(code([6, 2]), 'bad-shape')
  assert.is(code([7, new Uint8Array(7)]), 'bad-shape')
  assert.is(code([8, 7]), 'bad-shape')
  assert.is(
    codeOf(() => readQuestion(new Uint8Array(513))),
    'too-long',
  )
  assert.is(
    codeOf(() => encodeQuestion({ ...question, bound: 2n ** 64n })),
    'bad-argument',
  )
})

test.run()
