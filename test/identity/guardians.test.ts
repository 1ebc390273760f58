import '../kit/wasm.ts'
import { readFileSync } from 'node:fs'
import { blake3 } from '@noble/hashes/blake3.js'
import { Decoder, Encoder } from 'cbor-x'
import { combine, split } from 'shamir-secret-sharing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex, fromText, toHex } from '../../src/core/bytes.ts'
import { WebxError } from '../../src/core/errors.ts'
import {
  combineShares,
  type GuardianShare,
  gatherShares,
  readShare,
  shareBytes,
  shareText,
  splitForGuardians,
} from '../../src/identity/guardians.ts'
import { fromPaper, toPaper } from '../../src/identity/paper.ts'
import { joinPoints, splitSecret } from '../../src/identity/shamir.ts'
import { uniform } from '../kit/vectors.ts'

const vectors = JSON.parse(readFileSync(new URL('../vectors/recovery.json', import.meta.url), 'utf8'))
const NAMES = ['Ada', 'Bo', 'Chloë', 'Dee', 'Eve'] as const
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const cbor = new Decoder({ mapsAsObjects: false, useRecords: false })
const SECRET = fromHex(vectors.root.root)

const shamir = suite('identity/shamir')
const test = suite('identity/guardians')
const paper = suite('identity/paper')

function randomOf(seed: number): (length: number) => Uint8Array {
  const next = uniform(seed)
  return (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256))
}

function codeOf(attempt: () => unknown): string {
  return failure(attempt).code
}

function failure(attempt: () => unknown): WebxError {
  try {
    attempt()
  } catch (error) {
    if (error instanceof WebxError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** Every way to choose `count` of the items. */
function choices<T>(items: readonly T[], count: number): T[][] {
  if (count === 0) return [[]]
  return items.flatMap((item, i) => choices(items.slice(i + 1), count - 1).map((rest) => [item, ...rest]))
}

function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] = (copy[at] as number) ^ 1
  return copy
}

shamir('agrees with the audited package, both ways, for every threshold', async () => {
  const random = randomOf(1)
  for (const [needed, count] of [
    [2, 2],
    [2, 3],
    [3, 5],
    [5, 9],
    [16, 16],
  ] as const) {
    const secret = random(32)
    const ours = splitSecret(secret, count, needed, random)
    const asTheirs = ours.map(({ x, y }) => concat(y, Uint8Array.of(x)))
    assert.equal(await combine(asTheirs.slice(-needed)), secret)
    const theirs = await split(secret, count, needed)
    const asOurs = theirs.map((share) => ({ x: share.at(-1) as number, y: share.slice(0, -1) }))
    assert.equal(joinPoints(asOurs.slice(0, needed)), secret)
    assert.equal(joinPoints(asOurs.slice(-needed)), secret)
  }
})

shamir('one share too few is uniform: every secret is as likely', () => {
  // with one byte of slope for each byte, share 1 = secret + slope takes every value once
  for (const secret of [0, 1, 0x53, 0xff]) {
    const seen = new Set<number>()
    for (let slope = 0; slope < 256; slope++) {
      const [point] = splitSecret(Uint8Array.of(secret), 2, 2, () => Uint8Array.of(slope))
      seen.add(point?.y[0] as number)
    }
    assert.is(seen.size, 256)
  }
})

shamir('refuses numbers and points that make no sense', () => {
  const random = randomOf(2)
  for (const [count, needed] of [
    [3, 1],
    [3, 4],
    [256, 2],
    [2.5, 2],
    [3, Number.NaN],
  ] as const) {
    assert.is(
      codeOf(() => splitSecret(SECRET, count, needed, random)),
      'bad-argument',
    )
  }
  const [one, two] = splitSecret(SECRET, 2, 2, random)
  assert.is(
    codeOf(() => joinPoints([one!, one!])),
    'bad-argument',
  )
  assert.is(
    codeOf(() => joinPoints([{ x: 0, y: one!.y }, two!])),
    'bad-argument',
  )
  assert.is(
    codeOf(() => joinPoints([one!, { x: 2, y: two!.y.slice(1) }])),
    'bad-argument',
  )
})

test('any three of five restore, in any order, as text or bytes; any two do not', () => {
  const set = splitForGuardians(SECRET, NAMES, 3, randomOf(3))
  for (const three of choices(set, 3)) {
    const { secret, problems } = combineShares(
      three.reverse().map((share, i) => (i % 2 ? shareText : shareBytes)(share)),
    )
    assert.equal(secret, SECRET)
    assert.equal(problems, [])
  }
  for (const two of choices(set, 2)) {
    assert.is(
      codeOf(() => combineShares(two.map(shareBytes))),
      'shares-missing',
    )
    assert.not.equal(joinPoints(two.map(({ index, share }) => ({ x: index, y: share }))), SECRET)
  }
})

test('a corrupted share is named, whichever of five it is, and the others restore', () => {
  const set = splitForGuardians(SECRET, NAMES, 3, randomOf(4))
  for (const bad of set) {
    const share = changed(bad.share, 7)
    const given = set.map((good) => (good === bad ? shareBytes({ ...bad, share }) : shareText(good)))
    const { secret, problems } = combineShares(given)
    assert.equal(secret, SECRET)
    assert.is(problems.length, 1)
    const { at, guardian, code, message } = problems[0]!
    assert.equal([at, guardian, code], [bad.index - 1, bad.guardian, 'share-broken'])
    assert.match(message, bad.guardian)
  }
})

test('with one of three corrupted, nothing is joined and the error says whose it is', () => {
  const [a, b, c] = splitForGuardians(SECRET, NAMES, 3, randomOf(5)) as [GuardianShare, GuardianShare, GuardianShare]
  const error = failure(() => combineShares([a, { ...b, share: changed(b.share, 0) }, c].map(shareBytes)))
  assert.is(error.code, 'shares-missing')
  assert.match(error.message, '2 of 3')
  assert.match(error.message, 'share 2, of Bo')
  // what the naive way gives: a wrong secret without a word
  const points = [a, b, c].map(({ index, share }) => ({ x: index, y: index === 2 ? changed(share, 0) : share }))
  assert.not.equal(joinPoints(points), SECRET)
})

test('a typing mistake is named by guardian and line', () => {
  const set = splitForGuardians(SECRET, NAMES, 3, randomOf(6))
  const lines = shareText(set[3]!).split('\n')
  const line = lines[4] as string
  const mistyped = lines.with(4, (line[0] === '7' ? '8' : '7') + line.slice(1)).join('\n')
  assert.is(
    codeOf(() => readShare(mistyped)),
    'mistyped',
  )
  const { shares, problems } = gatherShares([shareText(set[0]!), mistyped])
  assert.is(shares.length, 1)
  assert.is(problems[0]?.guardian, 'Dee')
  assert.match(problems[0]!.message, /share 2, of Dee: line 4 /)
  // where nothing of it can be read any more, its heading still says whose it is
  const torn = gatherShares([lines.slice(0, 2).join('\n'), 'quite another text'])
  assert.equal(
    torn.problems.map(({ guardian, code }) => [guardian, code]),
    [
      ['Dee', 'share-broken'],
      ['', 'mistyped'],
    ],
  )
})

test('a share of another set and one given twice are named', () => {
  const set = splitForGuardians(SECRET, NAMES, 3, randomOf(7))
  const other = splitForGuardians(SECRET, NAMES, 3, randomOf(8))
  const given = [other[4]!, set[0]!, set[1]!, set[0]!, set[2]!].map(shareBytes)
  const { secret, problems } = combineShares(given)
  assert.equal(secret, SECRET)
  assert.equal(
    problems.map(({ at, guardian, code }) => [at, guardian, code]),
    [
      [0, 'Eve', 'share-foreign'],
      [3, 'Ada', 'share-repeated'],
    ],
  )
  assert.is(
    codeOf(() => combineShares([set[0]!, set[0]!, set[0]!].map(shareBytes))),
    'shares-missing',
  )
  assert.is(
    codeOf(() => combineShares([set[0]!, set[1]!, other[2]!].map(shareBytes))),
    'shares-missing',
  )
})

test('a set that is complete goes before a larger one that is not', () => {
  const few = splitForGuardians(SECRET, NAMES, 2, randomOf(9)).slice(0, 2)
  const many = splitForGuardians(SECRET, NAMES, 5, randomOf(10)).slice(0, 4)
  const { secret, problems } = combineShares([...many, ...few].map(shareBytes))
  assert.equal(secret, SECRET)
  assert.is(problems.length, 4)
})

test('every changed byte of a share is seen', () => {
  const set = splitForGuardians(SECRET, NAMES, 3, randomOf(11)).map(shareBytes)
  const bytes = set[1] as Uint8Array
  for (let at = 0; at < bytes.length; at++) {
    for (const flip of [1, 0x80]) {
      const bad = bytes.slice()
      bad[at] = (bad[at] as number) ^ flip
      const { shares, problems } = gatherShares([set[0]!, bad, set[2]!])
      assert.equal(
        shares.map(({ index }) => index),
        [1, 3],
        `byte ${at}`,
      )
      assert.is(problems[0]?.at, 1)
    }
  }
})

test('a set that promises another secret than it holds gives nothing away', () => {
  const set = splitForGuardians(SECRET, NAMES, 2, randomOf(12))
  const lying = forged(set.slice(0, 2), (share, i) => (i === 0 ? changed(share, 3) : share))
  assert.is(
    codeOf(() => combineShares(lying)),
    'share-broken',
  )
})

test('two sets of one secret have nothing in common', () => {
  const one = splitForGuardians(SECRET, NAMES, 3, randomOf(13))
  const two = splitForGuardians(SECRET, NAMES, 3, randomOf(14))
  const parts = (set: GuardianShare[]) => [set[0]!.setId, set[0]!.secretDigest, ...set[0]!.shareDigests].map(toHex)
  const seen = new Set([...parts(one), ...parts(two)])
  assert.is(seen.size, 14)
})

test('guardians are two to sixteen people with different names', () => {
  const random = randomOf(15)
  const bad: readonly (readonly [readonly string[], number])[] = [
    [[], 2],
    [['Ada'], 1],
    [['Ada', 'Bo'], 1],
    [['Ada', 'Bo'], 3],
    [['Ada', 'Ada'], 2],
    [['Ada', ''], 2],
    [['Ada', ' Bo'], 2],
    [['Ada', 'B\no'], 2],
    [['Ada', 'x'.repeat(41)], 2],
    [Array.from({ length: 17 }, (_, i) => `g${i}`), 2],
  ]
  for (const [names, needed] of bad)
    assert.is(
      codeOf(() => splitForGuardians(SECRET, names, needed, random)),
      'bad-argument',
    )
  assert.is(
    codeOf(() => splitForGuardians(SECRET.slice(1), NAMES, 3, random)),
    'bad-argument',
  )
  const sixteen = splitForGuardians(
    SECRET,
    Array.from({ length: 16 }, (_, i) => `g${i}`.padEnd(40, 'x')),
    16,
    random,
  )
  assert.equal(combineShares(sixteen.map(shareText)).secret, SECRET)
  assert.is(
    codeOf(() => gatherShares(new Array(65).fill(''))),
    'limit',
  )
})

test('shares of the first day are read for ever, and an independent reader agrees on every field', () => {
  const { needed, setId, bytes, texts } = vectors.shares
  const shares: Uint8Array[] = bytes.map(fromHex)
  shares.forEach((encoded, i) => {
    const share = readShare(texts[i])
    assert.equal(shareBytes(share), encoded)
    assert.is(shareText(share), texts[i])
    assert.is(toHex(share.setId), setId)
    const [version, threshold, index, guardian, point, secretDigest, digests] = cbor.decode(encoded)
    assert.equal([version, threshold, index, guardian], [1, needed, share.index, share.guardian])
    assert.equal(new Uint8Array(point), share.share)
    assert.is(toHex(digestOf('guardian share', [threshold, index, guardian, point])), toHex(digests[index - 1]))
    assert.is(toHex(digestOf('guarded secret', [SECRET, digests])), toHex(secretDigest))
    assert.is(toHex(digestOf('guardian set', [threshold, secretDigest, digests])), setId)
  })
  for (const three of choices(shares, 3)) assert.equal(combineShares(three).secret, SECRET)
  assert.equal(combineShares(texts.slice(2)).secret, SECRET)
})

test('what is not a share is refused by name', () => {
  assert.ok(vectors.sharesRefused.length >= 20)
  for (const { what, bytes, code } of vectors.sharesRefused) {
    assert.is(
      codeOf(() => readShare(fromHex(bytes))),
      code,
      what,
    )
  }
})

paper('holds bytes of any length, and an independent reader agrees', () => {
  const random = randomOf(16)
  for (let length = 1; length <= 120; length++) {
    const bytes = random(length)
    const text = toPaper(bytes)
    assert.equal(fromPaper(text), bytes)
    assert.equal(byHand(text), bytes)
    for (const line of text.split('\n')) assert.ok(line.length <= 44)
  }
})

paper('is read however a person types it', () => {
  const bytes = randomOf(17)(70)
  const text = toPaper(bytes)
  const typed = [
    text.toLowerCase(),
    text.replaceAll(/\s/g, ''),
    text.replaceAll(' ', '-').replaceAll('\n', '  \r\n\t'),
    `# for people\n${text}\n  # the end`,
    text.replaceAll('0', 'o').replaceAll('1', 'l'),
    text.replaceAll('0', 'O').replaceAll('1', 'I'),
  ]
  for (const one of typed) assert.equal(fromPaper(one), bytes)
})

paper('finds the line of every single wrong, missing, additional or swapped character', () => {
  const text = toPaper(randomOf(18)(60)).replaceAll(/\s/g, '')
  for (let at = 0; at < text.length; at++) {
    const line = Math.floor(at / 36) + 1
    const wrong = [
      text.slice(0, at) + (text[at] === '5' ? '6' : '5') + text.slice(at + 1),
      `${text.slice(0, at)}!${text.slice(at + 1)}`,
      text.slice(0, at) + text.slice(at + 1),
    ]
    const next = text[at + 1]
    if (next !== undefined && next !== text[at] && at % 36 !== 35) {
      wrong.push(text.slice(0, at) + next + text[at] + text.slice(at + 2))
    }
    for (const bad of wrong) {
      const error = failure(() => fromPaper(bad))
      assert.is(error.code, 'mistyped')
      assert.match(error.message, `line ${line} `)
    }
  }
  assert.is(
    codeOf(() => fromPaper('')),
    'mistyped',
  )
  assert.is(
    codeOf(() => fromPaper('# nothing but this')),
    'mistyped',
  )
  assert.is(
    codeOf(() => fromPaper('A'.repeat(8193))),
    'too-long',
  )
})

paper('tells lines that have changed places', () => {
  const [a, b, ...rest] = toPaper(randomOf(19)(60)).split('\n')
  assert.match(failure(() => fromPaper([b, a, ...rest].join('\n'))).message, 'line 1 ')
})

paper('is the only text of its bytes, whatever its checksum says', () => {
  const check = (line: string): string => {
    const plain = new Encoder({ useRecords: false }).encode([0, line])
    const bits = bitsOf(blake3(new Uint8Array(plain), { context: fromText('webx v1 paper line') }))
    return [0, 5, 10, 15].map((at) => ALPHABET[Number.parseInt(bits.slice(at, at + 5), 2)]).join('')
  }
  assert.equal(fromPaper(`04${check('04')}`), Uint8Array.of(1))
  for (const line of ['05', '041', '04U', '0?', '0', ''])
    assert.is(
      codeOf(() => fromPaper(line + check(line))),
      'mistyped',
    )
})

shamir.run()
test.run()
paper.run()

/** The documented digest, by other libraries. */
function digestOf(what: string, value: readonly unknown[]): Uint8Array {
  const plain = new Encoder({ useRecords: false, tagUint8Array: false }).encode(value)
  return blake3(new Uint8Array(plain), { context: fromText(`webx v1 ${what}`) }).slice(0, 16)
}

/** Checksums and bits of a paper, read as its document says and not as our code does. */
function byHand(text: string): Uint8Array {
  let bits = ''
  text.split('\n').forEach((line, number) => {
    const characters = line.replaceAll(' ', '')
    const data = characters.slice(0, -4)
    const plain = new Encoder({ useRecords: false }).encode([number, data])
    const digest = blake3(new Uint8Array(plain), { context: fromText('webx v1 paper line') })
    const expected = bitsOf(digest).slice(0, 20)
    const found = [...characters.slice(-4)].map((c) => ALPHABET.indexOf(c).toString(2).padStart(5, '0')).join('')
    assert.is(found, expected)
    bits += [...data].map((c) => ALPHABET.indexOf(c).toString(2).padStart(5, '0')).join('')
  })
  return Uint8Array.from({ length: Math.floor(bits.length / 8) }, (_, i) =>
    Number.parseInt(bits.slice(8 * i, 8 * i + 8), 2),
  )
}

function bitsOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
}

/** A set whose digests fit its shares but whose secret is another: what only the maker of a set could do. */
function forged(set: readonly GuardianShare[], change: (share: Uint8Array, i: number) => Uint8Array): Uint8Array[] {
  const shares = set.map((share, i) => ({ ...share, share: change(share.share, i) }))
  const digests = [...set[0]!.shareDigests]
  for (const { needed, index, guardian, share } of shares) {
    digests[index - 1] = digestOf('guardian share', [needed, index, guardian, Buffer.from(share)])
  }
  return shares.map((share) => shareBytes({ ...share, shareDigests: digests }))
}
