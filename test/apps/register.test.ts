/** The places at a till: one for each name and each tag, and who makes room for whom. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Checkin } from '../../src/apps/facepay/checkin.ts'
import { CheckinRegister, type Proven } from '../../src/apps/facepay/register.ts'
import type { Frame } from '../../src/core/frame.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('places at a till')
const NOW_MS = 1_795_000_000_000
const MINUTE_MS = 60_000
const { checkinsPerTerminalMax: PLACES } = LIMITS

function bytes(value: number, length = 32): Uint8Array {
  return new Uint8Array(length).fill(value)
}

function frame(sender: number, sequence = 1, boot = 1): Frame {
  return { sender: bytes(sender), boot, sequence } as Frame
}

function checkin(change: Partial<Checkin> = {}): Checkin {
  const own = { pseudonym: bytes(1, 16), key: bytes(2), model: 'm', lifetimeMs: MINUTE_MS, ring: null }
  return { ...own, ...change }
}

function proven(proof: number, number = 1): Checkin {
  return checkin({ ring: { number, index: 0, day: 1, proof: bytes(proof) } })
}

function tag(value: number, endsMs = NOW_MS + 10 * MINUTE_MS): Proven {
  return { tag: bytes(value), endsMs }
}

function idsOf(register: CheckinRegister, nowMs = NOW_MS): number[] {
  return register.candidates(nowMs).map(({ id }) => id[0] as number)
}

test('a name has one place, for as long as it asks', () => {
  const register = new CheckinRegister()
  register.accept(frame(1), checkin(), NOW_MS)
  register.accept(frame(1, 2), checkin({ pseudonym: bytes(9, 16) }), NOW_MS + 1)
  assert.equal(
    register.candidates(NOW_MS).map(({ pseudonym, expiresMs }) => [pseudonym[0], expiresMs - NOW_MS]),
    [[9, MINUTE_MS + 1]],
  )
  assert.equal(idsOf(register, NOW_MS + MINUTE_MS), [1])
  assert.equal(idsOf(register, NOW_MS + MINUTE_MS + 1), [])
})

test('what is older than known is refused, in any way of asking', () => {
  const register = new CheckinRegister()
  register.accept(frame(1, 5, 2), proven(7), NOW_MS, tag(1))
  for (const old of [frame(1, 4, 2), frame(1, 9, 1)]) {
    assert.is(
      codeOf(() => register.accept(old, checkin(), NOW_MS)),
      'replayed',
    )
    assert.is(
      codeOf(() => register.renew(old, proven(7), NOW_MS)),
      'replayed',
    )
    assert.is(
      codeOf(() => register.checkOut(old)),
      'replayed',
    )
  }
  register.checkOut(frame(1, 5, 2))
  assert.equal(idsOf(register), [])
})

test('a tag has one place: the later guest has it, and the earlier one is named', () => {
  const register = new CheckinRegister()
  assert.is(register.accept(frame(1), proven(1), NOW_MS, tag(1)), null)
  assert.is(register.accept(frame(1, 2), proven(2), NOW_MS, tag(1)), null, 'the same guest')
  assert.equal(register.accept(frame(2), proven(3), NOW_MS, tag(1)), bytes(1))
  assert.equal(idsOf(register), [2])
  register.checkOut(frame(1, 9))
  assert.equal(idsOf(register), [2], 'who was replaced frees nothing')
})

test('one identity has one place, whatever it proves', () => {
  const register = new CheckinRegister()
  register.accept(frame(1, 1), checkin(), NOW_MS)
  register.accept(frame(1, 2), proven(1), NOW_MS, tag(1))
  register.accept(frame(1, 3), proven(2), NOW_MS, tag(2))
  assert.equal(idsOf(register), [1])
})

test('a repetition is word for word, and lasts no longer than its tag', () => {
  const register = new CheckinRegister()
  const own = proven(1)
  register.accept(frame(1), own, NOW_MS, tag(1, NOW_MS + 90_000))
  assert.ok(register.renew(frame(1, 2), { ...own, lifetimeMs: 3_600_000 }, NOW_MS + 1_000))
  assert.is(register.candidates(NOW_MS)[0]?.expiresMs, NOW_MS + 90_000)
  const others = [{ pseudonym: bytes(3, 16) }, { key: bytes(3) }, { model: 'n' }, { ring: null }]
  for (const change of others) assert.not.ok(register.renew(frame(1, 3), { ...own, ...change }, NOW_MS))
  assert.not.ok(register.renew(frame(1, 3), proven(2), NOW_MS))
  assert.not.ok(register.renew(frame(2), own, NOW_MS), 'of another guest')
  assert.not.ok(register.renew(frame(1, 3), own, NOW_MS + 90_000), 'after its end')
})

test('under another list, places that were proven end soon, those by name do not', () => {
  const register = new CheckinRegister()
  register.accept(frame(1), proven(1, 1), NOW_MS, tag(1))
  register.accept(frame(2), proven(2, 2), NOW_MS, tag(2))
  register.accept(frame(3), checkin(), NOW_MS)
  register.ringsChanged(2, NOW_MS + 1_000)
  assert.ok(register.renew(frame(1, 2), proven(1, 1), NOW_MS))
  assert.equal(idsOf(register, NOW_MS + 1_000), [2, 3])
})

test('a full till: names wait, a proof takes the place of the oldest name, proofs do not displace each other', () => {
  const register = new CheckinRegister()
  register.accept(frame(100), proven(1), NOW_MS, tag(100))
  for (let i = 1; i < PLACES; i++) register.accept(frame(i), checkin(), NOW_MS)
  assert.is(
    codeOf(() => register.accept(frame(50), checkin(), NOW_MS)),
    'limit',
  )
  register.accept(frame(101), proven(2), NOW_MS, tag(101))
  assert.not.ok(idsOf(register).includes(1))
  for (let i = 2; i < PLACES; i++) register.accept(frame(100 + i), proven(i + 1), NOW_MS, tag(100 + i))
  assert.is(
    codeOf(() => register.accept(frame(200), proven(200), NOW_MS, tag(200))),
    'limit',
  )
  assert.equal(idsOf(register).length, PLACES)
  assert.equal(register.accept(frame(201), proven(99), NOW_MS, tag(100)), bytes(100), 'but one’s own')
})

test.run()
