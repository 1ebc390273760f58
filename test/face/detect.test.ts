/** Reading the detector's numbers: mapping back, thinning out, choosing whom to serve. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/core/limits.ts'
import { DETECTOR, detections, detectorInput, overlap } from '../../src/face/detect.ts'
import { blank } from '../../src/face/image.ts'
import type { Face } from '../../src/face/model.ts'
import { fullness, prominence, subjectOf } from '../../src/face/subject.ts'
import { planes } from '../../src/face/tensor.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('face/detect')
const OPTIONS = { scoreMin: 0.65, overlapMax: 0.4 }
const AS_IS = { scale: 1, offsetX: 0, offsetY: 0 }

/** The network's two outputs for boxes in pixels of its frame. */
function outputOf(found: readonly { score: number; box: readonly [number, number, number, number] }[]) {
  const scores = Float32Array.from(found.flatMap(({ score }) => [1 - score, score]))
  const boxes = Float32Array.from(
    found.flatMap(({ box: [left, top, right, bottom] }) => [left / 320, top / 240, right / 320, bottom / 240]),
  )
  return { scores, boxes }
}

function rounded(box: object): number[] {
  return Object.values(box).map((value: number) => Math.round(value))
}

test('a tensor is planar, in the named order and normalization', () => {
  const picture = blank(2, 1, 255, 127, 63)
  assert.equal([...planes(picture, { mean: 127, scale: 128, channels: 'rgb' })], [1, 1, 0, 0, -0.5, -0.5])
  assert.equal([...planes(picture, { mean: 127, scale: 128, channels: 'bgr' })], [-0.5, -0.5, 0, 0, 1, 1])
  assert.equal([...planes(blank(2, 1, 64), { mean: 0, scale: 256, channels: 'gray' })], [0.25, 0.25])
})

test('the input is letterboxed', () => {
  const { tensor, placement } = detectorInput(blank(640, 640, 255), { mean: 127, scale: 128, channels: 'rgb' })
  assert.is(tensor.length, 3 * DETECTOR.width * DETECTOR.height)
  assert.equal(placement, { scale: 0.375, offsetX: 40, offsetY: 0 })
  assert.is(tensor[40], 1)
  assert.is(tensor[39], Math.fround(-127 / 128))
})

test('boxes come back in pixels of the picture', () => {
  const { scores, boxes } = outputOf([{ score: 0.9, box: [40, 0, 160, 120] }])
  const found = detections(scores, boxes, { scale: 0.375, offsetX: 40, offsetY: 0 }, OPTIONS)
  assert.equal(rounded(found[0]!.box), [0, 0, 320, 320])
})

test('the unsure and the twice-found are dropped, the surest stays, neighbors stay', () => {
  const { scores, boxes } = outputOf([
    { score: 0.7, box: [12, 10, 62, 70] },
    { score: 0.95, box: [10, 10, 60, 70] },
    { score: 0.64, box: [200, 100, 250, 160] },
    { score: 0.8, box: [55, 10, 105, 70] },
    { score: 0.99, box: [30, 30, 30, 50] },
    { score: Number.NaN, box: [120, 120, 180, 190] },
    { score: 0.99, box: [120, Number.NaN, 180, 190] },
  ])
  const found = detections(scores, boxes, AS_IS, OPTIONS)
  assert.equal(
    found.map(({ box, score }) => [Math.round(score * 100), ...rounded(box)]),
    [
      [95, 10, 10, 60, 70],
      [80, 55, 10, 105, 70],
    ],
  )
})

test('no more faces than the bound, and no outputs of another shape', () => {
  const many = Array.from({ length: 70 }, (_, i) => ({
    score: 0.9,
    box: [(i % 10) * 30, Math.floor(i / 10) * 30, (i % 10) * 30 + 20, Math.floor(i / 10) * 30 + 20] as const,
  }))
  const { scores, boxes } = outputOf(many)
  assert.is(detections(scores, boxes, AS_IS, OPTIONS).length, LIMITS.facesPerImageMax)
  assert.is(
    codeOf(() => detections(scores, boxes.subarray(4), AS_IS, OPTIONS)),
    'bad-argument',
  )
})

test('overlap is intersection over union', () => {
  const box = { left: 0, top: 0, right: 10, bottom: 10 }
  assert.is(overlap(box, box), 1)
  assert.is(overlap(box, { left: 5, top: 0, right: 15, bottom: 10 }), 1 / 3)
  assert.is(overlap(box, { left: 10, top: 0, right: 20, bottom: 10 }), 0)
})

test('the one who is served is large and central', () => {
  const frame = { width: 640, height: 480 }
  const central = { left: 270, top: 180, right: 370, bottom: 300 }
  const atTheEdge = { left: 0, top: 0, right: 120, bottom: 140 }
  const smallBehind = { left: 300, top: 60, right: 340, bottom: 110 }
  assert.ok(prominence(central, frame) > prominence(atTheEdge, frame))
  assert.ok(prominence(central, frame) > prominence(smallBehind, frame))
  assert.is(prominence(central, frame), 12_000)
  assert.is(fullness(central, frame), 0.25)
})

test('the subject is refused by name, and nobody else taken in its stead', () => {
  const good: Face = {
    box: { left: 0, top: 0, right: 1, bottom: 1 },
    score: 1,
    landmarks: new Float32Array(136),
    quality: { interEyePx: 50, sharpness: 100, yawDegrees: 0, pitchDegrees: 0 },
    refusal: null,
  }
  assert.is(subjectOf([good]), good)
  assert.is(
    codeOf(() => subjectOf([])),
    'no-face',
  )
  for (const refusal of ['face-small', 'face-turned', 'face-unsharp'] as const) {
    assert.is(
      codeOf(() => subjectOf([{ ...good, refusal }, good])),
      refusal,
    )
  }
})

test.run()
