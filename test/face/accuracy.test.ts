/** The bench's error rates, on scores whose rates are counted by hand. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { equalErrorRate, missed, missedAt, passed } from '../../bench/faces.ts'

const test = suite('face/accuracy')

test('shares at a threshold', () => {
  assert.is(passed([0.1, 0.5, 0.9, 0.5], 0.5), 0.75)
  assert.is(missed([0.1, 0.5, 0.9, 0.5], 0.5), 0.25)
})

test('no errors where the scores do not mix', () => {
  assert.is(equalErrorRate([0.6, 0.7], [0.1, 0.2]), 0)
  assert.is(missedAt([0.6, 0.7], [0.1, 0.2], 0.01), 0)
})

test('one of four on each side mixed up is an equal error rate of a quarter', () => {
  assert.is(equalErrorRate([0.3, 0.7, 0.8, 0.9], [0.1, 0.2, 0.25, 0.75]), 0.25)
  assert.is(equalErrorRate([0.1, 0.2], [0.6, 0.7]), 1)
})

test('missed where one of a hundred impostors passes', () => {
  const impostor = Array.from({ length: 100 }, (_, i) => i / 100)
  assert.is(missedAt([0.5, 0.98, 0.985, 0.995], impostor, 0.01), 0.5)
  assert.is(missedAt([0.5, 0.98, 0.985, 0.995], impostor, 0), 0.75)
})

test.run()
