import '../kit/wasm.ts'
import { createHash } from 'node:crypto'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import { WebxError } from '../../src/core/errors.ts'
import { entropyOf, wordsOf } from '../../src/identity/words.ts'
import { uniform } from '../kit/vectors.ts'

const test = suite('identity/words')

/** The 256-bit vectors of BIP39's reference implementation (vectors.json). */
const PUBLISHED: readonly (readonly [string, string])[] = [
  ['00'.repeat(32), `${'abandon '.repeat(23)}art`],
  ['ff'.repeat(32), `${'zoo '.repeat(23)}vote`],
  [
    '7f'.repeat(32),
    `${'legal winner thank year wave sausage worth useful '.repeat(2)}legal winner thank year wave sausage worth title`,
  ],
  [
    '80'.repeat(32),
    `${'letter advice cage absurd amount doctor acoustic avoid '.repeat(2)}letter advice cage absurd amount doctor acoustic bless`,
  ],
  [
    '68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c',
    'hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel tennis maple dilemma loan word shrug inflict delay length',
  ],
  [
    'f585c11aec520db57dd353c69554b21a89b20fb0650966fa0a9d6f74fd989d8f',
    'void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing screen patrol group space point ten exist slush involve unfold',
  ],
]

function failure(attempt: () => unknown): WebxError {
  try {
    attempt()
  } catch (error) {
    if (error instanceof WebxError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

test('the published vectors, both ways', () => {
  for (const [entropy, words] of PUBLISHED) {
    assert.is(wordsOf(fromHex(entropy)), words)
    assert.is(toHex(entropyOf(words)), entropy)
  }
})

test('random entropy agrees with eleven bits a word, read by hand', () => {
  const next = uniform(39)
  for (let round = 0; round < 50; round++) {
    const entropy = Uint8Array.from({ length: 32 }, () => Math.floor(next() * 256))
    const check = createHash('sha256').update(entropy).digest()[0] as number
    const bits = [...entropy, check].map((byte) => byte.toString(2).padStart(8, '0')).join('')
    const words = Array.from({ length: 24 }, (_, i) => wordlist[Number.parseInt(bits.slice(11 * i, 11 * i + 11), 2)])
    assert.is(wordsOf(entropy), words.join(' '))
    assert.equal(entropyOf(words.join(' ')), entropy)
  }
})

test('what people type is read: case, numbers, line breaks, four letters', () => {
  const [entropy, words] = PUBLISHED[4] as readonly [string, string]
  const list = words.split(' ')
  const typed = [
    words.toUpperCase(),
    `  ${list.join('\n\t')}  `,
    list.map((word, i) => `${i + 1}. ${word}`).join('; '),
    list.map((word) => word.slice(0, 4)).join(' '),
    list.map((word) => word.slice(0, 5)).join(','),
  ]
  for (const text of typed) assert.is(toHex(entropyOf(text)), entropy)
})

test('four letters name one word for the whole list', () => {
  const prefixes = new Set(wordlist.map((word) => word.slice(0, 4)))
  assert.is(prefixes.size, 2048)
})

test('an unknown word is named by its place, with the nearest one', () => {
  const list = (PUBLISHED[4] as readonly [string, string])[1].split(' ')
  const cases: readonly (readonly [number, string, string])[] = [
    [1, 'hamstre', 'hamster'],
    [3, 'privatte', 'private'],
    [12, 'bo', 'box'],
    [24, 'lenght', 'length'],
    [10, 'todller', 'toddler'],
  ]
  for (const [place, typed, meant] of cases) {
    const words = list.with(place - 1, typed)
    const error = failure(() => entropyOf(words.join(' ')))
    assert.is(error.code, 'unknown-word')
    assert.match(error.message, `word ${place},`)
    assert.match(error.hint, `"${meant}"`)
  }
})

test('a word of the list in a wrong place is seen by the checksum, and too few or many are counted', () => {
  const words = (PUBLISHED[5] as readonly [string, string])[1].split(' ')
  const swapped = words.with(0, words[1] as string).with(1, words[0] as string)
  assert.is(failure(() => entropyOf(swapped.join(' '))).code, 'wrong-words')
  assert.is(failure(() => entropyOf(`${'abandon '.repeat(23)}abandon`)).code, 'wrong-words')
  for (const count of [0, 12, 23]) {
    const error = failure(() => entropyOf(words.slice(0, count).join(' ')))
    assert.is(error.code, 'word-count')
    assert.match(error.message, `${count} words`)
  }
  assert.is(failure(() => entropyOf([...words, 'zoo'].join(' '))).code, 'word-count')
  assert.is(failure(() => entropyOf('zoo '.repeat(1_000_000))).code, 'word-count')
  assert.is(failure(() => wordsOf(new Uint8Array(31))).code, 'bad-argument')
})

test.run()
