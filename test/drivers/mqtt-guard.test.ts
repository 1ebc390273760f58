import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PacketGauge, Throttle } from '../../src/drivers/mqtt-guard.ts'
import type { Clock } from '../../src/kernel/ports.ts'

const test = suite('drivers/mqtt-guard')

/** A PUBLISH-like packet with a body of that length. */
function packet(length: number): Uint8Array {
  const head = [0x30]
  let left = length
  do {
    head.push((left % 128) | (left >= 128 ? 0x80 : 0))
    left = Math.floor(left / 128)
  } while (left > 0)
  const bytes = new Uint8Array(head.length + length).fill(0xff)
  bytes.set(head)
  return bytes
}

test('packets up to the bound pass, however the stream is cut', () => {
  const lengths = [0, 1, 127, 128, 300, 0, 1000, 16_383, 16_384, 20_000]
  const stream = Buffer.concat(lengths.map(packet))
  for (const cut of [1, 2, 3, 7, 128, 5_000, stream.length]) {
    const gauge = new PacketGauge(20_000)
    for (let at = 0; at < stream.length; at += cut) assert.ok(gauge.accepts(stream.subarray(at, at + cut)))
    assert.not(gauge.accepts(packet(20_001)))
  }
})

test('a packet that is too long is refused at its length, before its body', () => {
  for (const length of [20_001, 70_000, 3_000_000]) {
    const head = packet(length).subarray(0, 5)
    assert.not(new PacketGauge(20_000).accepts(head))
  }
})

test('a length of more than four bytes is refused, also where it would be small', () => {
  assert.not(new PacketGauge(2 ** 40).accepts(Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, 0x00)))
  assert.ok(new PacketGauge(2 ** 40).accepts(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f)))
})

/** A clock whose time is moved by hand, calling what is due. */
class HandClock implements Clock {
  #now = 0
  #timers: { at: number; action: () => void }[] = []
  nowMs(): number {
    return this.#now
  }
  monotonicMs(): number {
    return this.#now
  }
  after(delayMs: number, action: () => void): () => void {
    const timer = { at: this.#now + delayMs, action }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }
  get pending(): number {
    return this.#timers.length
  }
  advance(ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.#now++
      const due = this.#timers.filter((timer) => timer.at <= this.#now)
      this.#timers = this.#timers.filter((timer) => timer.at > this.#now)
      for (const timer of due) timer.action()
    }
  }
}

test('a burst of one second passes, the rest at the rate and in order', () => {
  const clock = new HandClock()
  const throttle = new Throttle(10, clock)
  const passed: number[] = []
  const at = Array.from({ length: 30 }, (_, n) => throttle.pass(() => passed.push(n)))
  assert.is(at.filter(Boolean).length, 10)
  assert.is(passed.length, 10)
  clock.advance(1_000)
  assert.ok(passed.length >= 19 && passed.length <= 20, `${passed.length}`)
  clock.advance(1_100)
  assert.equal(
    passed,
    Array.from({ length: 30 }, (_, n) => n),
  )
  assert.is(clock.pending, 0)
  clock.advance(5_000)
  assert.is(Array.from({ length: 30 }, () => throttle.pass(() => undefined)).filter(Boolean).length, 10)
})

test('a stopped throttle holds nobody, and no timer', () => {
  const clock = new HandClock()
  const throttle = new Throttle(1, clock)
  let passed = 0
  for (let n = 0; n < 5; n++) throttle.pass(() => passed++)
  throttle.stop()
  assert.is(clock.pending, 0)
  assert.is(passed, 1)
  assert.ok(throttle.pass(() => passed++))
  assert.is(passed, 2)
})

test.run()
