import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compare } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { blindFields, checkDisclosure, disclose, type FieldValue, fieldDigest } from '../../src/data/metadata.ts'
import { chance, fill } from '../kit/manifests.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('blinded metadata')
const FIELDS = [
  { name: 'title', value: 'Blood pressure' },
  { name: 'rows', value: 17_280 },
  { name: 'serial', value: fill(5, 1) },
  { name: 'calibrated', value: false },
]

test('every field can be shown, alone, and nothing else can', () => {
  const { digests, disclosures } = blindFields(FIELDS, 3, chance('fields').random)
  assert.is(digests.length, 7)
  assert.equal([...digests].sort(compare), digests)
  assert.equal(
    disclosures.map((disclosure) => checkDisclosure(disclosure, digests)),
    FIELDS,
  )
  const other = disclose(fill(16, 1), { name: 'title', value: 'Blood pressure' })
  assert.is(checkDisclosure(other, digests), null, 'the same field under another salt')
  assert.is(checkDisclosure(disclosures[0] as Uint8Array, digests.slice(0, 0)), null)
})

test('any field is read back, and any changed byte stands for nothing', () => {
  const value: fc.Arbitrary<FieldValue> = fc.oneof(
    fc.maxSafeNat(),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.boolean(),
    fc.uint8Array({ maxLength: 60 }),
  )
  const name = fc.string({ minLength: 1, maxLength: 20 })
  const check = fc.property(name, value, fc.nat(), (drawnName, drawnValue, where) => {
    const field = { name: drawnName, value: drawnValue }
    const { digests, disclosures } = blindFields([field], 1, chance('any').random)
    const disclosure = disclosures[0] as Uint8Array
    assert.equal(checkDisclosure(disclosure, digests), field)
    const changed = disclosure.slice()
    const at = where % changed.length
    changed[at] = (changed[at] as number) ^ 1
    assert.is(checkDisclosure(changed, digests), null)
  })
  fc.assert(check, { numRuns: 200, seed: 7 })
})

test('what is no field is refused, though a digest stands for it', () => {
  const salt = fill(16, 1)
  const cases: [bytes: Uint8Array, code: string][] = [
    [encode([salt, '', 1]), 'bad-shape'],
    [encode([salt, 'n'.repeat(65), 1]), 'bad-shape'],
    [encode([salt, 'list', [1]]), 'bad-shape'],
    [encode([salt, 'long', fill(LIMITS.qntFieldValueBytesMax + 1, 1)]), 'bad-shape'],
    [encode([fill(15, 1), 'salt', 1]), 'bad-shape'],
    [encode([salt, 'more', 1, 2]), 'bad-shape'],
    [encode([salt, 'less']), 'bad-shape'],
    [encode([salt, 'too long', fill(LIMITS.qntDisclosureBytesMax, 1)]), 'too-long'],
    [Uint8Array.of(0x18, 0x01), 'not-canonical'],
  ]
  for (const [bytes, code] of cases) {
    assert.is(
      codeOf(() => checkDisclosure(bytes, [fieldDigest(bytes)])),
      code,
    )
  }
})

test('what could not be read is not made', () => {
  const { random } = chance('wrong')
  const many = Array.from({ length: LIMITS.qntFieldsMax }, (_, i) => ({ name: `${i}`, value: i }))
  assert.is(blindFields(many, 0, random).digests.length, LIMITS.qntFieldsMax)
  const wrong = [
    () => blindFields(many, 1, random),
    () => blindFields([], -1, random),
    () => blindFields([...FIELDS, { name: 'rows', value: 1 }], 0, random),
    () => disclose(fill(15, 1), { name: 'a', value: 1 }),
    () => disclose(fill(16, 1), { name: '', value: 1 }),
    () => disclose(fill(16, 1), { name: 'a', value: -1 }),
    () => disclose(fill(16, 1), { name: 'a', value: 0.5 }),
    () => disclose(fill(16, 1), { name: 'a', value: '\ud800' }),
    () => disclose(fill(16, 1), { name: 'a', value: [] as unknown as string }),
    () => disclose(fill(16, 1), { name: 'a', value: 'x'.repeat(LIMITS.qntFieldValueBytesMax) }),
  ]
  for (const action of wrong) assert.is(codeOf(action), 'bad-argument')
})

test.run()
