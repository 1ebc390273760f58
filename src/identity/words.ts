/**
 * The root of an identity as 24 words that a person writes down: BIP39 with its English list, 256 bits and a checksum of 8.
 *
 * What people type is read forgivingly: any case, any separators and numbering, and each word by its first four letters, which are unique in the list.
 * What is wrong is said by its place, since a person looks at a sheet of paper.
 */

import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { assertBytes } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'

const ENTROPY_BYTES = 32
const WORDS = 24
const PREFIX_LETTERS = 4
const TYPED_LETTERS_MAX = 16

/** The 24 words of 32 bytes, with single spaces between. */
export function wordsOf(entropy: Uint8Array): string {
  assertBytes('entropy', entropy, ENTROPY_BYTES)
  return entropyToMnemonic(entropy, wordlist)
}

/**
 * The 32 bytes of 24 words.
 *
 * Throws `word-count`, `unknown-word` with its place and the nearest word, or `wrong-words` where the checksum does not hold.
 */
export function entropyOf(text: string): Uint8Array {
  const typed =
    text
      .slice(0, LIMITS.paperCharactersMax)
      .toLowerCase()
      .match(/\p{L}+/gu) ?? []
  if (typed.length !== WORDS) {
    throw new WebxError('word-count', `these are ${typed.length} words, not ${WORDS}`, {
      hint: 'Give all words in the order in which they were written down.',
    })
  }
  const words = typed.map((word, i) => listed(word) ?? refuse(word, i + 1))
  try {
    return mnemonicToEntropy(words.join(' '), wordlist)
  } catch (cause) {
    throw new WebxError('wrong-words', 'every word is in the list, but together they do not fit', {
      hint: 'One of them is another than was written down, or two have changed places.',
      cause,
    })
  }
}

/** The word itself, or the only one that starts with these four or more letters. */
function listed(typed: string): string | null {
  if (wordlist.includes(typed)) return typed
  if (typed.length < PREFIX_LETTERS) return null
  return wordlist.find((word) => word.startsWith(typed)) ?? null
}

function refuse(typed: string, place: number): never {
  const shown = typed.slice(0, TYPED_LETTERS_MAX)
  throw new WebxError('unknown-word', `word ${place}, "${shown}", is not in the list`, {
    hint: `Did you mean "${nearest(shown)}"?`,
  })
}

function nearest(typed: string): string {
  let best = ''
  let bestSteps = Number.POSITIVE_INFINITY
  for (const word of wordlist) {
    const steps = stepsBetween(typed, word)
    if (steps < bestSteps) [best, bestSteps] = [word, steps]
  }
  return best
}

/** Letters changed, left out, put in, or swapped with their neighbor (optimal string alignment). */
function stepsBetween(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const simple = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(swapped ? Math.min(simple, at(before, j - 2) + 1) : simple)
    }
    before = last
    last = row
  }
  return at(last, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] as number
}
