/** A part of the vectors of all targets, here: both builds answer right, and the same to the last bit. */

import '../kit/wasm.ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { complaints } from '../kit/targets/judge.ts'
import { Ledger } from '../kit/targets/ledger.ts'
import { runVectors } from '../kit/targets/run.ts'

const test = suite('wasm/targets')
const CASES_MIN = 7_000
const reports = [await runVectors('scalar', 'quick'), await runVectors('simd', 'quick')]

test('both builds answer the quick part of the vectors, alike', () => {
  assert.equal(complaints(reports, 'quick', CASES_MIN), [])
})

test('the ledger tells wrong answers from right ones, and digests every bit', () => {
  const [right, wrong] = [new Ledger('right'), new Ledger('wrong')]
  right.bytes('bytes', Uint8Array.of(1, 2), Uint8Array.of(1, 2))
  right.bytes('nothing', null, null)
  right.answer('verdict', true, true)
  right.sound('score', 0.5)
  assert.equal([right.passed, right.failed], [4, []])
  wrong.bytes('bytes', Uint8Array.of(1, 3), Uint8Array.of(1, 2))
  wrong.bytes('nothing', null, Uint8Array.of())
  wrong.answer('verdict', false, true)
  wrong.sound('score', 0.5, false)
  wrong.broken(new Error('gave up'))
  assert.is(wrong.passed, 0)
  assert.is(wrong.failed.length, 5)
  assert.is(wrong.failed[0], 'wrong: bytes: got 0103, expected 0102')
  assert.match(wrong.failed[4] as string, /gave up/)
  assert.not.equal(right.digest(), wrong.digest())
})

test('a report with a failed case, too few cases or other bits is refused', () => {
  const change = (changed: object) => reports.map((report, i) => (i === 1 ? { ...report, ...changed } : report))
  const failed = ['seal: out of order']
  assert.equal(complaints(change({ failed }), 'quick', CASES_MIN), ['simd: seal: out of order', 'simd: 1 cases failed'])
  assert.equal(complaints(change({ passed: 1 }), 'quick', 7), ['simd: only 1 cases, expected 7'])
  const digests = { ...reports[1]?.digests, match: '00' }
  assert.equal(complaints(change({ digests }), 'quick', 7), ['simd: match: other answers than the golden ones'])
  assert.is(complaints(change({ digests: {} }), 'quick', 7).length, Object.keys(digests).length)
  assert.equal(complaints(reports.slice(1), 'quick', 7), ['scalar: was not asked'])
})

test.run()
