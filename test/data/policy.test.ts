import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encode } from '../../src/core/codec.ts'
import { Fields } from '../../src/core/shape.ts'
import { evaluatePolicy, FREE_POLICY, LEGAL_BASES, type Policy, policyCbor, readPolicy } from '../../src/data/policy.ts'

const test = suite('policy')
const POLICY: Policy = {
  purposes: ['care', 'research'],
  retainUntilMs: 1_000,
  jurisdictions: ['CH', 'EU'],
  legalBasis: 'consent',
}
const USE = { purpose: 'care', jurisdictions: ['CH'], nowMs: 999 }

test('each rule forbids by its own reason, the first one that does', () => {
  assert.is(evaluatePolicy(POLICY, USE), 'allow')
  assert.is(evaluatePolicy(POLICY, { ...USE, nowMs: 1_000 }), 'retention-over')
  assert.is(evaluatePolicy(POLICY, { ...USE, purpose: 'advertising' }), 'wrong-purpose')
  assert.is(evaluatePolicy(POLICY, { ...USE, purpose: 'Care' }), 'wrong-purpose')
  assert.is(evaluatePolicy(POLICY, { ...USE, jurisdictions: ['US'] }), 'wrong-jurisdiction')
  assert.is(evaluatePolicy(POLICY, { ...USE, jurisdictions: ['US', 'CH'] }), 'allow', 'one of its names is named')
  assert.is(evaluatePolicy(POLICY, { ...USE, jurisdictions: [] }), 'wrong-jurisdiction')
  assert.is(evaluatePolicy(POLICY, { purpose: '', jurisdictions: [], nowMs: 1_000 }), 'retention-over')
})

test('what is left empty binds nobody', () => {
  const use = { purpose: 'anything', jurisdictions: [], nowMs: Number.MAX_SAFE_INTEGER }
  assert.is(evaluatePolicy(FREE_POLICY, use), 'allow')
  assert.is(evaluatePolicy({ ...FREE_POLICY, retainUntilMs: 1 }, use), 'retention-over')
})

test('more rules never allow more', () => {
  const words = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 })
  const places = fc.uniqueArray(fc.constantFrom('CH', 'DE', 'EU'), { maxLength: 3 })
  const check = fc.property(words, places, fc.nat(20), fc.nat(20), (purposes, jurisdictions, retainUntilMs, nowMs) => {
    const policy: Policy = { purposes, jurisdictions, retainUntilMs, legalBasis: 'none' }
    for (const purpose of ['a', 'b', 'd']) {
      for (const jurisdiction of ['CH', 'DE', '']) {
        const [anyPurpose, anyPlace] = [purposes.length === 0, jurisdictions.length === 0]
        const expected =
          (retainUntilMs === 0 || nowMs < retainUntilMs) &&
          (anyPurpose || new Set<string>(purposes).has(purpose)) &&
          (anyPlace || new Set<string>(jurisdictions).has(jurisdiction))
        assert.is(evaluatePolicy(policy, { purpose, jurisdictions: [jurisdiction], nowMs }) === 'allow', expected)
      }
    }
  })
  fc.assert(check, { numRuns: 300, seed: 6 })
})

test('it is read as it was written, lists in their order', () => {
  const read = (policy: Policy) => {
    const fields = Fields.of('test', encode(policyCbor(policy)))
    const result = readPolicy(fields)
    fields.end()
    return result
  }
  assert.equal(read(POLICY), POLICY)
  assert.equal(read(FREE_POLICY), FREE_POLICY)
  const shuffled = { ...POLICY, purposes: ['research', 'care'], jurisdictions: ['US-CA', 'EU', 'CH'] }
  assert.equal(read(shuffled), { ...POLICY, jurisdictions: ['CH', 'EU', 'US-CA'] })
  for (const legalBasis of LEGAL_BASES) assert.is(read({ ...POLICY, legalBasis }).legalBasis, legalBasis)
})

test.run()
