/** The text by which holders are named comes back as it was, and is refused where it is none. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBase64url, toBase64url } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { holderText, readHolderText } from '../../src/data/holder-text.ts'
import { ALICE, fill } from '../kit/pings.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('data/holder-text')
const HOLDER = { id: fill(32, 7), holderKey: ALICE.key, agreementKey: ALICE.agreementKey }

test('it comes back as it was, and fits a line', () => {
  const text = holderText(HOLDER)
  assert.equal(readHolderText(text), HOLDER)
  assert.is(text.length, 139)
  assert.equal(fromBase64url(text), encode([1, HOLDER.id, HOLDER.holderKey, HOLDER.agreementKey]))
})

test('what is none is refused by name', () => {
  const { id, holderKey, agreementKey } = HOLDER
  const cases: [string, string][] = [
    ['bad-argument', 'no holder!'],
    ['bad-version', toBase64url(encode([2, id, holderKey, agreementKey]))],
    ['bad-shape', toBase64url(encode([1, id, holderKey]))],
    ['bad-shape', toBase64url(encode([1, id, holderKey, fill(31, 1)]))],
    ['bad-key', toBase64url(encode([1, id, fill(32, 0), agreementKey]))],
    ['bad-argument', `${holderText(HOLDER)}AA`],
  ]
  for (const [code, text] of cases) {
    assert.is(
      codeOf(() => readHolderText(text)),
      code,
      text,
    )
  }
})

test.run()
