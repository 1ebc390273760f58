/** Sharpness, pose and size of faces, on faces made of numbers. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type FivePoints, move, type Point, TEMPLATE } from '../../src/face/align.ts'
import { blank, imageOf } from '../../src/face/image.ts'
import { laplacianVariance, measure, type QualityLimits, refusal } from '../../src/face/quality.ts'

const test = suite('face/quality')
const LIMITS: QualityLimits = { interEyePxMin: 24, sharpnessMin: 12, yawDegreesMax: 35, pitchDegreesMax: 30 }

/** 68 landmarks of a flat face with its nose moved by (right, down), then tilted by `tilt` radians. */
function marks(right: number, down: number, tilt = 0, scale = 1): Float32Array {
  const turn = { a: scale * Math.cos(tilt), b: scale * Math.sin(tilt), x0: 200, y0: 100 }
  const [eyeLeft, eyeRight, nose, mouthLeft, mouthRight] = TEMPLATE
  const five = [eyeLeft, eyeRight, [nose[0] + right, nose[1] + down] as Point, mouthLeft, mouthRight]
  const [a, b, c, d, e] = five.map((point) => move(turn, point)) as unknown as FivePoints
  const points = new Float32Array(136)
  for (const i of [37, 38, 40, 41]) points.set(a, 2 * i)
  for (const i of [43, 44, 46, 47]) points.set(b, 2 * i)
  points.set(c, 60)
  for (const i of [48, 60]) points.set(d, 2 * i)
  for (const i of [54, 64]) points.set(e, 2 * i)
  return points
}

test('the Laplacian of a flat picture and of a slope is zero, of single dots known', () => {
  assert.is(laplacianVariance(blank(20, 20, 90)), 0)
  const slope = imageOf(
    20,
    20,
    new Uint8Array(1_200).map((_, i) => 5 * (Math.floor(i / 3) % 20)),
  )
  assert.ok(laplacianVariance(slope) < 1e-6)
  const dot = blank(5, 5)
  dot.rgb.fill(100, 3 * 12, 3 * 13)
  assert.ok(Math.abs(laplacianVariance(dot) - (400 ** 2 + 4 * 100 ** 2) / 9) < 0.1)
  assert.is(laplacianVariance(blank(2, 2)), 0)
})

test('a face that looks straight ahead has no angles, however it is tilted or large', () => {
  for (const [tilt, scale] of [
    [0, 1],
    [0.5, 1],
    [-0.7, 2],
  ] as const) {
    const { yawDegrees, pitchDegrees, interEyePx } = measure(marks(0, 0, tilt, scale), blank(112, 112))
    assert.ok(Math.abs(yawDegrees) < 1.5 && Math.abs(pitchDegrees) < 1.5, `${yawDegrees} ${pitchDegrees}`)
    assert.ok(Math.abs(interEyePx - 35.24 * scale) < 0.1)
  }
})

test('the nose tells the turn: to the right, to the left, down and up', () => {
  const at = (right: number, down: number) => measure(marks(right, down), blank(112, 112))
  assert.ok(at(10, 0).yawDegrees > 20 && at(-10, 0).yawDegrees < -20)
  assert.ok(at(15, 0).yawDegrees > at(10, 0).yawDegrees + 5)
  assert.ok(at(0, 8).pitchDegrees > 15 && at(0, -8).pitchDegrees < -15)
})

test('each fault has its name, and the first one counts', () => {
  const good = { interEyePx: 50, sharpness: 100, yawDegrees: 5, pitchDegrees: -5 }
  assert.is(refusal(good, LIMITS), null)
  assert.is(refusal({ ...good, interEyePx: 23 }, LIMITS), 'face-small')
  assert.is(refusal({ ...good, yawDegrees: -36 }, LIMITS), 'face-turned')
  assert.is(refusal({ ...good, pitchDegrees: 31 }, LIMITS), 'face-turned')
  assert.is(refusal({ ...good, sharpness: 11 }, LIMITS), 'face-unsharp')
  assert.is(refusal({ interEyePx: 1, sharpness: 0, yawDegrees: 90, pitchDegrees: 0 }, LIMITS), 'face-small')
})

test('what is not a number is never good enough', () => {
  const good = { interEyePx: 50, sharpness: 100, yawDegrees: 5, pitchDegrees: -5 }
  for (const key of ['interEyePx', 'sharpness', 'yawDegrees', 'pitchDegrees'] as const) {
    assert.is.not(refusal({ ...good, [key]: Number.NaN }, LIMITS), null, key)
  }
})

test.run()
