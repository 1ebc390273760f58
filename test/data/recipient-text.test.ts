/** The text of a recipient: read back, golden, and what is refused. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBase64url, toBase64url } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { readRecipientText, recipientText } from '../../src/data/recipient-text.ts'
import { pattern } from '../kit/qnt.ts'
import { codeOf } from '../kit/refusal.ts'

const texts = suite('data/recipient-text')

texts('are read back, and are what they always were', () => {
  const holder = { suite: 'x-wing', publicKey: pattern(1216) } as const
  assert.equal(readRecipientText(recipientText(holder)), holder)
  const short = { suite: 'x25519', publicKey: pattern(32) } as const
  assert.is(recipientText(short), 'gwEBWCAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw')
  assert.equal(readRecipientText(recipientText(short)), short)
})

texts('what is not one is refused', () => {
  const key = pattern(32)
  const cases: [string, string][] = [
    ['no text', 'bad-argument'],
    [`${toBase64url(encode([1, 1, key]))}=`, 'bad-argument'],
    [toBase64url(encode([2, 1, key])), 'bad-version'],
    [toBase64url(encode([1, 0, key])), 'bad-shape'],
    [toBase64url(encode([1, 3, key])), 'bad-shape'],
    [toBase64url(encode([1, 2, key])), 'bad-shape'],
    [toBase64url(encode([1, 1, key.subarray(1)])), 'bad-shape'],
    [toBase64url(encode([1, 1, key, 0])), 'bad-shape'],
    [toBase64url(fromBase64url(recipientText({ suite: 'x25519', publicKey: key })).subarray(0, 20)), 'not-canonical'],
  ]
  for (const [text, code] of cases) {
    assert.is(
      codeOf(() => readRecipientText(text)),
      code,
      text,
    )
  }
})

texts.run()
