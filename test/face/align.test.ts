/** Landmarks, the similarity transform and the warp, against transforms that are known. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  align,
  type FivePoints,
  fivePoints,
  landmarkInput,
  landmarks,
  move,
  similarity,
  TEMPLATE,
  warp,
} from '../../src/face/align.ts'
import { blank, crop, type Image, imageOf } from '../../src/face/image.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('face/align')
const SAME = { a: 1, b: 0, x0: 0, y0: 0 }

/** Every pixel tells where it lies: red = 2 x, green = 2 y. */
function ramp(width: number, height: number): Image {
  const rgb = new Uint8Array(3 * width * height)
  for (let i = 0; i < width * height; i++) {
    rgb[3 * i] = 2 * (i % width)
    rgb[3 * i + 1] = 2 * Math.floor(i / width)
  }
  return imageOf(width, height, rgb)
}

function pixel(image: Image, x: number, y: number): number[] {
  return [...image.rgb.subarray(3 * (y * image.width + x), 3 * (y * image.width + x) + 3)]
}

/** 68 landmarks whose five points are the given ones. */
function marksOf([left, right, nose, mouthLeft, mouthRight]: FivePoints): Float32Array {
  const points = new Float32Array(136)
  const put = (indices: number[], [x, y]: readonly [number, number]): void => {
    for (const index of indices) points.set([x, y], 2 * index)
  }
  put([37, 38, 40, 41], left)
  put([43, 44, 46, 47], right)
  put([30], nose)
  put([48, 60], mouthLeft)
  put([54, 64], mouthRight)
  return points
}

test('a known turn, scale and shift is found again', () => {
  const known = { a: 1.5 * Math.cos(0.4), b: 1.5 * Math.sin(0.4), x0: -20, y0: 33 }
  const moved = TEMPLATE.map((point) => move(known, point)) as unknown as FivePoints
  const found = similarity(TEMPLATE, moved)
  for (const key of ['a', 'b', 'x0', 'y0'] as const) assert.ok(Math.abs(found[key] - known[key]) < 1e-9, key)
})

test('of points that fit no similarity the best one is taken: noise that cancels out changes nothing', () => {
  const square: FivePoints = [
    [0, 0],
    [10, 0],
    [5, 5],
    [0, 10],
    [10, 10],
  ]
  const noisy: FivePoints = [
    [-1, -1],
    [11, -1],
    [5, 5],
    [-1, 11],
    [11, 11],
  ]
  const found = similarity(square, noisy)
  assert.ok(Math.abs(found.a - 1.2) < 1e-9 && Math.abs(found.b) < 1e-9)
  assert.is(
    codeOf(() =>
      similarity(
        [
          [1, 1],
          [1, 1],
          [1, 1],
          [1, 1],
          [1, 1],
        ],
        square,
      ),
    ),
    'bad-argument',
  )
})

test('the identity copies, outside is black', () => {
  const image = ramp(100, 90)
  assert.equal(pixel(warp(image, SAME), 31, 47), [62, 94, 0])
  assert.equal(crop(warp(image, SAME), { left: 0, top: 0, right: 100, bottom: 90 }), image)
  assert.equal(pixel(warp(image, SAME), 105, 20), [0, 0, 0])
})

test('a quarter turn about a corner, a shift by half a pixel, halving', () => {
  const image = ramp(112, 112)
  const quarter = warp(image, { a: 0, b: 1, x0: 112, y0: 0 })
  assert.equal(pixel(quarter, 101, 20), [40, 20, 0])
  assert.equal(pixel(warp(image, { ...SAME, x0: -0.5 }), 10, 10), [21, 20, 0])
  const half = warp(image, { a: 0.5, b: 0, x0: 0, y0: 0 }, 56)
  assert.equal(pixel(half, 10, 20), [41, 81, 0])
})

test('shrinking a fine pattern gives gray, not stripes', () => {
  const stripes = imageOf(
    448,
    448,
    new Uint8Array(3 * 448 * 448).map((_, i) => (Math.floor(i / 3) % 2) * 200),
  )
  const small = warp(stripes, { a: 0.25, b: 0, x0: 0, y0: 0 })
  for (let x = 2; x < 110; x++) assert.ok(Math.abs(pixel(small, x, 50)[0]! - 100) <= 2)
})

test('landmarks are fractions of the square around the box', () => {
  const { tensor, square } = landmarkInput(
    blank(200, 200, 128),
    { left: 60, top: 40, right: 120, bottom: 140 },
    {
      mean: 0,
      scale: 256,
      channels: 'gray',
    },
  )
  assert.equal(square, { left: 40, top: 40, right: 140, bottom: 140 })
  assert.is(tensor.length, 64 * 64)
  assert.ok(tensor.every((value) => Math.abs(value - 0.5) < 1e-6))
  const points = landmarks(
    new Float32Array(136).map((_, i) => (i % 2 === 0 ? 0.25 : 0.5)),
    square,
  )
  assert.equal([points[0], points[1]], [65, 90])
  assert.is(
    codeOf(() => landmarks(new Float32Array(10), square)),
    'bad-argument',
  )
})

test('a face that lies elsewhere is brought to the template', () => {
  const away = { a: 0, b: 2, x0: 250, y0: -10 }
  const five = TEMPLATE.map((point) => move(away, point)) as unknown as FivePoints
  assert.equal(fivePoints(marksOf(five)).flat().map(Math.round), five.flat().map(Math.round))
  const image = blank(300, 300)
  const [x, y] = five[2].map(Math.round) as [number, number]
  for (let row = y - 6; row <= y + 6; row++) image.rgb.fill(255, 3 * (row * 300 + x - 6), 3 * (row * 300 + x + 7))
  const upright = align(image, marksOf(five))
  assert.equal(pixel(upright, 55, 71), [255, 255, 255])
  assert.equal(pixel(upright, 70, 71), [0, 0, 0])
})

test.run()
