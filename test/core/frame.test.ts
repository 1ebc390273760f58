import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encode } from '../../src/core/codec.ts'
import {
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  isStatement,
  signedBytes,
  statementDigest,
  TYPE,
} from '../../src/core/envelope.ts'
import { assertTimely, decodeFrame, encodeFrame, type Frame, ReplayGuard } from '../../src/core/frame.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { codeOf } from '../kit/refusal.ts'
import '../kit/wasm.ts'

const test = suite('envelope and frame')
const NET = new Uint8Array(32).fill(7)

function envelopeOf(change: Partial<Envelope> = {}): Envelope {
  return {
    type: TYPE.health,
    scope: NET,
    body: encode([1]),
    signature: new Uint8Array(64),
    attachment: new Uint8Array(0),
    ...change,
  }
}

function frameOf(change: Partial<Frame> = {}): Frame {
  return {
    sender: new Uint8Array(32).fill(1),
    boot: 1,
    sequence: 1,
    sentMs: 1000,
    expiresMs: 2000,
    topic: 't',
    payload: [1, 'x'],
    ...change,
  }
}

test('an envelope comes back as it was, and its head is where the inbox looks for the type', () => {
  const envelope = envelopeOf({ type: TYPE.voteBatch, attachment: new Uint8Array([1, 2]) })
  const bytes = encodeEnvelope(envelope)
  assert.equal(decodeEnvelope(bytes), envelope)
  assert.equal([...bytes.subarray(0, 4)], [0x87, 1, 0, TYPE.voteBatch])
  assert.ok(isStatement(TYPE.tagEvent))
  assert.not(isStatement(TYPE.health))
})

test('other versions, suites and shapes are refused', () => {
  const parts = [1, 0, TYPE.health, NET, encode([1]), new Uint8Array(64), new Uint8Array(0)]
  const refusals: [number, number | Uint8Array | string, string][] = [
    [0, 2, 'bad-version'],
    [1, 1, 'bad-version'],
    [2, 256, 'bad-shape'],
    [3, new Uint8Array(31), 'bad-shape'],
    [4, new Uint8Array(0), 'bad-shape'],
    [5, new Uint8Array(63), 'bad-shape'],
    [6, 'text', 'bad-shape'],
  ]
  for (const [at, value, code] of refusals) {
    assert.is(
      codeOf(() => decodeEnvelope(encode(parts.with(at, value as never)))),
      code,
      `field ${at}`,
    )
  }
  assert.is(
    codeOf(() => decodeEnvelope(encode([...parts, 0]))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => decodeEnvelope(encode(parts.slice(0, 6)))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => decodeEnvelope(new Uint8Array(LIMITS.envelopeBytesMax + 1))),
    'too-long',
  )
  assert.is(
    codeOf(() => encodeEnvelope(envelopeOf({ attachment: new Uint8Array(LIMITS.envelopeBytesMax) }))),
    'too-long',
  )
})

test('what is signed names type and scope, and the digest ignores the signature', () => {
  const body = encode([1])
  assert.not.equal(signedBytes(1, NET, body), signedBytes(2, NET, body))
  assert.not.equal(signedBytes(1, NET, body), signedBytes(1, new Uint8Array(32), body))
  const one = envelopeOf({ signature: new Uint8Array(64).fill(1) })
  const other = envelopeOf({ signature: new Uint8Array(64).fill(2) })
  assert.equal(statementDigest(one), statementDigest(other))
  assert.not.equal(statementDigest(one), statementDigest(envelopeOf({ body: encode([2]) })))
})

test('a frame comes back as it was', () => {
  const frame = frameOf({ payload: [[new Uint8Array([1]), 2], 'ü', true] })
  assert.equal(decodeFrame(envelopeOf({ body: encodeFrame(frame) })), frame)
  assert.is(
    codeOf(() => decodeFrame(envelopeOf({ body: encode([1, 2]) }))),
    'bad-shape',
  )
})

test('topic and time are checked', () => {
  assertTimely(frameOf(), 't', 1500)
  assert.is(
    codeOf(() => assertTimely(frameOf(), 'u', 1500)),
    'wrong-topic',
  )
  assert.is(
    codeOf(() => assertTimely(frameOf(), 't', 2000)),
    'expired',
  )
  assert.is(
    codeOf(() => assertTimely(frameOf({ sentMs: 40_001, expiresMs: 50_000 }), 't', 10_000)),
    'from-the-future',
  )
  assert.is(
    codeOf(() => assertTimely(frameOf({ expiresMs: 1001 + LIMITS.frameLifetimeMsMax }), 't', 1500)),
    'bad-shape',
  )
  assert.is(
    codeOf(() => assertTimely(frameOf({ sentMs: 3000, expiresMs: 2900 }), 't', 1500)),
    'bad-shape',
  )
})

function take(guard: ReplayGuard, frame: Frame): boolean {
  try {
    guard.check(frame)
  } catch {
    return false
  }
  guard.accept(frame)
  return true
}

test('a number is taken once, out of order too, and an older boot never again', () => {
  const guard = new ReplayGuard()
  assert.ok(take(guard, frameOf({ sequence: 5 })))
  assert.not(take(guard, frameOf({ sequence: 5 })))
  assert.ok(take(guard, frameOf({ sequence: 3 })))
  assert.not(take(guard, frameOf({ sequence: 3 })))
  assert.ok(take(guard, frameOf({ sequence: 5 + LIMITS.replayWindowFrames })))
  assert.not(take(guard, frameOf({ sequence: 5 })), 'older than the window')
  assert.ok(take(guard, frameOf({ sequence: 6 })), 'the oldest of the window')
  assert.ok(take(guard, frameOf({ boot: 2, sequence: 1 })))
  assert.not(take(guard, frameOf({ boot: 1, sequence: 1000 })))
  assert.ok(take(guard, frameOf({ sender: new Uint8Array(32).fill(9), sequence: 5 })))
})

test('whatever comes in whatever order, nothing is taken twice', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 200 })), { maxLength: 300 }),
      (numbers) => {
        const guard = new ReplayGuard()
        const taken = new Set<string>()
        for (const [boot, sequence] of numbers) {
          const name = `${boot}/${sequence}`
          if (!take(guard, frameOf({ boot, sequence }))) continue
          assert.not.ok(taken.has(name), name)
          taken.add(name)
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('senders are bounded', () => {
  const guard = new ReplayGuard()
  for (let i = 0; i <= LIMITS.replaySendersMax; i++) {
    const sender = new Uint8Array(32)
    new DataView(sender.buffer).setUint32(0, i)
    take(guard, frameOf({ sender }))
  }
  assert.ok(take(guard, frameOf({ sender: new Uint8Array(32) })), 'the first sender made room')
})

test.run()
