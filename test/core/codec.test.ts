import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { WebxError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('codec')

/** Values and their only encodings, from RFC 8949 appendix A and by hand. */
const VECTORS: readonly [Cbor, string][] = [
  [0, '00'],
  [23, '17'],
  [24, '1818'],
  [255, '18ff'],
  [256, '190100'],
  [65535, '19ffff'],
  [65536, '1a00010000'],
  [1_000_000, '1a000f4240'],
  [4_294_967_295, '1affffffff'],
  [4_294_967_296, '1b0000000100000000'],
  [1_000_000_000_000, '1b000000e8d4a51000'],
  [Number.MAX_SAFE_INTEGER, '1b001fffffffffffff'],
  [true, 'f5'],
  [false, 'f4'],
  ['', '60'],
  ['ü', '62c3bc'],
  ['水', '63e6b0b4'],
  [new Uint8Array([1, 2, 3, 4]), '4401020304'],
  [[], '80'],
  [[1, [2, 3], [4, 5]], '8301820203820405'],
]

test('encodes and decodes the vectors', () => {
  for (const [value, hex] of VECTORS) {
    assert.is(toHex(encode(value)), hex)
    assert.equal(decode(fromHex(hex)), value)
  }
})

/** What other CBOR decoders let through. */
const REFUSED: readonly [string, string][] = [
  ['', 'truncated'],
  ['1800', 'shortest'],
  ['1817', 'shortest'],
  ['190017', 'shortest'],
  ['1900ff', 'shortest'],
  ['1a0000ffff', 'shortest'],
  ['1b00000000ffffffff', 'shortest'],
  ['580100', 'shortest'],
  ['1b0020000000000000', '2^53'],
  ['1bffffffffffffffff', '2^53'],
  ['20', 'major type 1'],
  ['a0', 'major type 5'],
  ['a10102', 'major type 5'],
  ['c001', 'major type 6'],
  ['d9dfff', 'major type 6'],
  ['f6', 'major type 7'],
  ['f7', 'major type 7'],
  ['f90000', 'major type 7'],
  ['fb3ff0000000000000', 'major type 7'],
  ['5f4101ff', 'indefinite'],
  ['9f01ff', 'indefinite'],
  ['7f6161ff', 'indefinite'],
  ['1c', 'indefinite'],
  ['8201', 'truncated'],
  ['4401', 'truncated'],
  ['19ff', 'truncated'],
  ['9affffffff', 'truncated'],
  ['5affffffff', 'truncated'],
  ['0000', 'after the end'],
  ['61ff', 'UTF-8'],
  ['62c080', 'UTF-8'],
  ['63eda080', 'UTF-8'],
  [`${'81'.repeat(10)}00`, 'nested'],
]

test('refuses what is not canonical, and says why', () => {
  for (const [hex, why] of REFUSED) {
    try {
      decode(fromHex(hex))
      assert.unreachable(`${hex} was accepted`)
    } catch (error) {
      assert.instance(error, WebxError)
      assert.is((error as WebxError).code, 'not-canonical', hex)
      assert.match((error as WebxError).message, why, hex)
    }
  }
})

test('says where the fault is', () => {
  const faults: readonly [string, string][] = [
    ['83011817f4', 'not the shortest form at byte 2'],
    ['820161ff', 'text is not UTF-8 at byte 3'],
    ['82014401', 'truncated at byte 3'],
    ['8201', 'truncated at byte 2'],
    ['820119ff', 'truncated at byte 2'],
    ['8201f6', 'major type 7 is not in use here at byte 2'],
    ['82019f', 'indefinite at byte 2'],
    ['010203', 'bytes after the end at byte 1'],
    [`${'81'.repeat(9)}00`, 'nested too deep at byte 9'],
  ]
  for (const [hex, message] of faults) assert.throws(() => decode(fromHex(hex)), new RegExp(`^${message}$`), hex)
})

test('lengths at every border of a head and of what is believed', () => {
  for (const length of [0, 1, 23, 24, 31, 32, 33, 255, 256, 257, 16_383]) {
    const values: Cbor[] = Array.from({ length }, (_, i) => i)
    assert.equal(decode(encode(values)), values)
  }
  for (const length of [23, 24, 255, 256, 65_535, 65_536]) {
    const bytes = new Uint8Array(length).fill(length)
    const text = 'ü'.repeat(length >> 1) + 'x'.repeat(length & 1)
    assert.equal(decode(encode([bytes, text]), 2 ** 20), [bytes, text])
  }
})

test('a number of items beyond the bound is refused, and an announced one costs nothing', () => {
  const items = LIMITS.cborItemsMax
  assert.throws(() => decode(encode(Array.from({ length: items }, () => 0))), /^too many items at byte 16386$/)
  assert.throws(() => decode(fromHex('9affffffff00')), /^truncated at byte 6$/)
  assert.throws(() => decode(fromHex('9b001fffffffffffff00')), /^truncated at byte 10$/)
})

test('byte strings are plain views into the input, wherever that lies', () => {
  const whole = Buffer.concat([Buffer.from('xx'), encode([1, Uint8Array.of(5, 6, 7)]), Buffer.from('yy')])
  const [, view] = decode(whole.subarray(2, -2)) as [number, Uint8Array]
  assert.equal(view, Uint8Array.of(5, 6, 7))
  assert.is(Object.getPrototypeOf(view), Uint8Array.prototype)
  assert.is(view.buffer, whole.buffer)
  const bytes = encode([1, view])
  assert.is(bytes.buffer.byteLength, bytes.length, 'what is encoded shares its memory with nobody')
})

test('refuses to encode what has no place on the wire', () => {
  const values: unknown[] = [
    -1,
    1.5,
    -0,
    Number.NaN,
    2 ** 53,
    null,
    undefined,
    {},
    new Map(),
    '\ud800',
    1n,
    [[[[[[[[[[1]]]]]]]]]],
    'x\udc00',
    ['\ud800x'],
    new Array(1),
    [new Uint8Array(1), null],
    new Uint16Array(1),
    () => 1,
  ]
  for (const value of values)
    assert.is(
      codeOf(() => encode(value as Cbor)),
      'bad-argument',
    )
})

test('refuses more bytes than allowed', () => {
  assert.is(
    codeOf(() => decode(new Uint8Array(101), 100)),
    'too-long',
  )
})

const leaf: fc.Arbitrary<Cbor> = fc.oneof(
  fc.maxSafeNat(),
  fc.boolean(),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.uint8Array({ maxLength: 300 }),
)
const value: fc.Arbitrary<Cbor> = fc.oneof(
  leaf,
  fc.array(fc.oneof(leaf, fc.array(leaf, { maxLength: 30 })), { maxLength: 30 }),
)

test('every value has one encoding and comes back', () => {
  fc.assert(
    fc.property(value, (original) => {
      const bytes = encode(original)
      assert.equal(decode(bytes), original)
      assert.equal(encode(decode(bytes)), bytes)
    }),
    { numRuns: 500 },
  )
})

test('random and damaged bytes are refused or canonical, never anything else', () => {
  fc.assert(
    fc.property(value, fc.nat(), fc.nat(255), (original, at, byte) => {
      const bytes = encode(original)
      bytes[at % bytes.length] = byte
      let decoded: Cbor
      try {
        decoded = decode(bytes)
      } catch (error) {
        assert.is((error as WebxError).code, 'not-canonical')
        return
      }
      assert.equal(encode(decoded), bytes)
    }),
    { numRuns: 2000 },
  )
})

test.run()
