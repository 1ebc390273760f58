/** Bech32: the vectors of BIP 173 (without its bound on length), keys of age’s specification, and every mistyped character. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBech32, toBech32 } from '../../src/core/bech32.ts'
import { toHex } from '../../src/core/bytes.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('core/bech32')

/** The key and recipient of C2SP age.md, made of 32 times 0x42. */
const IDENTITY = 'AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX'
const RECIPIENT = 'age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj'

test('age’s own example', () => {
  const { prefix, bytes } = fromBech32(IDENTITY)
  assert.is(prefix, 'age-secret-key-')
  assert.is(toHex(bytes), '42'.repeat(32))
  assert.is(toBech32('age-secret-key-', bytes).toUpperCase(), IDENTITY)
  assert.is(toBech32('age', fromBech32(RECIPIENT).bytes), RECIPIENT)
})

test('what BIP 173 takes, as far as it is whole bytes, and what it refuses', () => {
  assert.equal(fromBech32('A12UEL5L'), { prefix: 'a', bytes: new Uint8Array(0) })
  assert.is(
    toHex(fromBech32('abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw').bytes),
    '00443214c74254b635cf84653a56d7c675be77df',
  )
  const refused = [
    'A1G7SGD8',
    '1nwldj5',
    'pzry9x0s0muk',
    '1pzry9x0s0muk',
    'x1b4n0q5v',
    'li1dgmt3',
    'A12uEL5L',
    '10a06t8',
    '1qzzfhee',
    '',
  ]
  for (const text of refused)
    assert.is(
      codeOf(() => fromBech32(text)),
      'bad-argument',
      text,
    )
  // the sign of Kelvin, whose small letter is k
  assert.is(
    codeOf(() => fromBech32(IDENTITY.replace('K', '\u212a'))),
    'bad-argument',
  )
  // bits that are left over: a group that no byte needs, and one that is not zero
  assert.is(
    codeOf(() => fromBech32(withSum('a', [0]))),
    'bad-argument',
  )
  assert.is(
    codeOf(() => fromBech32(withSum('a', [0, 1]))),
    'bad-argument',
  )
  assert.equal(fromBech32(withSum('a', [0, 0])).bytes, new Uint8Array(1))
})

test('there and back, and no single character can be mistyped', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(), fc.nat(30), (bytes, at, by) => {
      const text = toBech32('age', bytes)
      assert.equal(fromBech32(text).bytes, bytes)
      const place = 4 + (at % (text.length - 4))
      const other = CHARACTERS[(CHARACTERS.indexOf(text[place] as string) + 1 + by) % 32]
      const mistyped = text.slice(0, place) + other + text.slice(place + 1)
      assert.is(
        codeOf(() => fromBech32(mistyped)),
        'bad-argument',
      )
    }),
  )
})

const CHARACTERS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

/** A text of groups of five bits with the checksum that makes it right, computed otherwise than there. */
function withSum(prefix: string, groups: readonly number[]): string {
  const codes = [...prefix].map((character) => character.charCodeAt(0))
  const values = [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31), ...groups]
  let sum = 1n
  for (const value of [...values, 0, 0, 0, 0, 0, 0]) {
    const top = sum >> 25n
    sum = ((sum & 0x1ffffffn) << 5n) ^ BigInt(value)
    for (const [i, term] of [0x3b6a57b2n, 0x26508e6dn, 0x1ea119fan, 0x3d4233ddn, 0x2a1462b3n].entries()) {
      if ((top >> BigInt(i)) & 1n) sum ^= term
    }
  }
  sum ^= 1n
  const tail = [25n, 20n, 15n, 10n, 5n, 0n].map((shift) => CHARACTERS[Number((sum >> shift) & 31n)])
  return `${prefix}1${groups.map((group) => CHARACTERS[group]).join('')}${tail.join('')}`
}

test.run()
