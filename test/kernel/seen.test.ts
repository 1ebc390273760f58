import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/core/limits.ts'
import { Seen } from '../../src/kernel/seen.ts'
import '../kit/wasm.ts'

const test = suite('seen')
const message = (i: number): Uint8Array => Uint8Array.of(i >> 8, i & 255)

test('remembers what was added, by content', () => {
  const seen = new Seen()
  assert.not.ok(seen.has(message(1)))
  seen.add(message(1))
  assert.ok(seen.has(message(1).slice()))
  assert.not.ok(seen.has(message(2)))
  assert.not.ok(seen.has(Uint8Array.of(0)))
})

test('the oldest makes room, and a repeated one is not counted twice', () => {
  const seen = new Seen(8)
  for (let i = 0; i < 8; i++) seen.add(message(i))
  for (let i = 0; i < 100; i++) seen.add(message(3))
  for (let i = 0; i < 8; i++) assert.ok(seen.has(message(i)))
  for (let i = 8; i < 24; i++) seen.add(message(i))
  assert.equal(
    Array.from({ length: 24 }, (_, i) => i).filter((i) => seen.has(message(i))),
    [16, 17, 18, 19, 20, 21, 22, 23],
  )
})

test('its bound is the one of the house', () => {
  const seen = new Seen()
  seen.add(message(0))
  for (let i = 1; i < LIMITS.seenDigestsMax; i++) seen.add(message(i))
  assert.ok(seen.has(message(0)))
  seen.add(Uint8Array.of(1, 2, 3))
  assert.not.ok(seen.has(message(0)))
  assert.ok(seen.has(message(1)))
})

test.run()
