/** The codec against cbor-x: the same bytes for every value, and of all bytes exactly those accepted that cbor-x would write. */

import { Encoder } from 'cbor-x'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { WebxError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'

const test = suite('codec: against cbor-x')

/** A new one each time, as bytes may define records that a decoder remembers. */
function oracle(): Encoder {
  return new Encoder({ useRecords: false, tagUint8Array: false, variableMapSize: true, mapsAsObjects: true })
}

/** What cbor-x needs in order to write integers, not floats. */
function toOracle(value: Cbor): unknown {
  if (typeof value === 'number') return value > 0xffff_ffff ? BigInt(value) : value
  return Array.isArray(value) ? value.map(toOracle) : value
}

/** The value that cbor-x reads, or null where that is none of the subset. */
function fromOracle(value: unknown, depth = 0): Cbor | null {
  if (depth > LIMITS.cborDepthMax) return null
  if (typeof value === 'bigint') return value >= 0n && value <= Number.MAX_SAFE_INTEGER ? Number(value) : null
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null
  if (typeof value === 'string') return value.isWellFormed() ? value : null
  if (typeof value === 'boolean') return value
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (!Array.isArray(value)) return null
  const items = value.map((item) => fromOracle(item, depth + 1))
  return items.some((item) => item === null) ? null : (items as Cbor[])
}

/** The value of bytes that are its canonical encoding by cbor-x's account, or null. */
function judge(bytes: Uint8Array): Cbor | null {
  let read: unknown
  try {
    read = oracle().decode(bytes)
  } catch {
    return null
  }
  const value = fromOracle(read)
  return value !== null && Buffer.compare(oracle().encode(toOracle(value)), bytes) === 0 ? value : null
}

function decoded(bytes: Uint8Array): Cbor | null {
  try {
    return decode(bytes)
  } catch (error) {
    assert.instance(error, WebxError)
    assert.is((error as WebxError).code, 'not-canonical')
    return null
  }
}

const leaf: fc.Arbitrary<Cbor> = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.nat(0x1_0100),
  fc.boolean(),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.uint8Array({ maxLength: 300 }),
)
const { value } = fc.letrec<{ value: Cbor }>((tie) => ({
  value: fc.oneof({ maxDepth: LIMITS.cborDepthMax }, leaf, fc.array(tie('value'), { maxLength: 40 })),
}))

test('every value: the same bytes', () => {
  fc.assert(
    fc.property(value, (original) => {
      const expected = new Uint8Array(oracle().encode(toOracle(original)))
      assert.equal(encode(original), expected)
      assert.equal(decode(expected), original)
    }),
    { numRuns: 1_000 },
  )
})

test('damaged and cut bytes: the same verdict, the same value', () => {
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 2 })
  let accepted = 0
  let refused = 0
  fc.assert(
    fc.property(value, edits, fc.option(fc.nat()), (original, changes, cut) => {
      const damaged = encode(original)
      for (const [at, byte] of changes) damaged[at % damaged.length] = byte
      const bytes = cut === null ? damaged : damaged.subarray(0, cut % damaged.length)
      const expected = judge(bytes)
      assert.equal(decoded(bytes), expected)
      if (expected === null) refused++
      else accepted++
    }),
    { numRuns: 3_000 },
  )
  assert.ok(accepted > 100 && refused > 100, `${accepted} accepted, ${refused} refused: one kind was hardly tried`)
})

test('short byte strings, one after the other', () => {
  const same = (...bytes: number[]): void => {
    const given = Uint8Array.from(bytes)
    assert.equal(decoded(given), judge(given), `${bytes}`)
  }
  for (let first = 0; first < 256; first++) {
    same(first)
    for (let second = 0; second < 256; second += 3) same(first, second)
  }
  for (const first of [0x18, 0x19, 0x58, 0x62, 0x78, 0x81, 0x82, 0x98]) {
    for (let second = 0; second < 256; second += 5) {
      for (let third = 0; third < 256; third += 15) same(first, second, third)
    }
  }
})

test.run()
