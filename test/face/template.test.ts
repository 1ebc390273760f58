/** Unit vectors, their cosine, and the decision. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { cosine, decide, likeness, merge, unit } from '../../src/face/template.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('face/template')
const vector = (...values: number[]): Float32Array => Float32Array.from(values)
const near = (a: number, b: number): void => assert.ok(Math.abs(a - b) < 1e-6, `${a} is not ${b}`)

test('a unit vector has length 1 and the same direction', () => {
  assert.equal(unit(vector(3, 4)), vector(0.6, 0.8))
  const given = vector(3, 4)
  unit(given)
  assert.equal(given, vector(3, 4))
})

test('no direction, no template', () => {
  for (const bad of [vector(0, 0), vector(Number.NaN, 1), vector(Number.POSITIVE_INFINITY, 1), vector()]) {
    assert.is(
      codeOf(() => unit(bad)),
      'bad-argument',
    )
  }
  assert.is(
    codeOf(() => merge()),
    'bad-argument',
  )
  assert.is(
    codeOf(() => merge(vector(1, 0), vector(-1, 0))),
    'bad-argument',
  )
})

test('views weigh the same, whatever their length', () => {
  const merged = merge(vector(10, 0), vector(0, 1))
  near(merged[0]!, Math.SQRT1_2)
  near(merged[1]!, Math.SQRT1_2)
})

test('the cosine of known angles', () => {
  near(cosine(vector(1, 0), vector(0.6, 0.8)), 0.6)
  near(cosine(vector(1, 0), vector(-1, 0)), -1)
  assert.is(
    codeOf(() => cosine(vector(1, 0), vector(1, 0, 0))),
    'bad-argument',
  )
})

test('likeness is that to the best of several templates, and to nobody is -1', () => {
  near(likeness(vector(1, 0), [vector(0, 1), vector(0.6, 0.8), vector(-1, 0)]), 0.6)
  assert.is(likeness(vector(1, 0), []), -1)
})

test('the nearest one is unknown all the same below the threshold', () => {
  assert.is(decide(0.47, 0.47), 'match')
  assert.is(decide(0.469999, 0.47), 'unknown')
  assert.is(decide(Number.NaN, 0.47), 'unknown')
  assert.is(decide(likeness(vector(1, 0), []), 0.47), 'unknown')
})

test.run()
