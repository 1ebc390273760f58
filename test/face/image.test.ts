/** Whole-picture arithmetic against values worked out by hand. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/core/limits.ts'
import {
  blank,
  brightness,
  crop,
  gray,
  type Image,
  imageOf,
  letterbox,
  mirror,
  pad,
  resize,
} from '../../src/face/image.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('face/image')

/** A gray picture out of rows of values. */
function grayImage(rows: readonly (readonly number[])[]): Image {
  return imageOf(rows[0]!.length, rows.length, Uint8Array.from(rows.flat().flatMap((value) => [value, value, value])))
}

function values(image: Image): number[][] {
  return Array.from({ length: image.height }, (_, y) =>
    Array.from({ length: image.width }, (_, x) => image.rgb[3 * (y * image.width + x)]!),
  )
}

test('refuses sizes that do not fit the bytes', () => {
  assert.is(
    codeOf(() => imageOf(2, 2, new Uint8Array(11))),
    'bad-argument',
  )
  assert.is(
    codeOf(() => imageOf(0, 2, new Uint8Array(0))),
    'bad-argument',
  )
  assert.is(
    codeOf(() => imageOf(1.5, 2, new Uint8Array(9))),
    'bad-argument',
  )
  assert.is(
    codeOf(() => imageOf(LIMITS.imagePixelsMax, 2, new Uint8Array(0))),
    'limit',
  )
})

test('crops inside, across and outside of the picture', () => {
  const image = grayImage([
    [1, 2, 3],
    [4, 5, 6],
  ])
  assert.equal(values(crop(image, { left: 1, top: 0, right: 3, bottom: 2 })), [
    [2, 3],
    [5, 6],
  ])
  assert.equal(values(crop(image, { left: -1, top: 1, right: 1, bottom: 3 }, 9)), [
    [9, 4],
    [9, 9],
  ])
  assert.equal(values(crop(image, { left: 5, top: 5, right: 6, bottom: 6 }, 7)), [[7]])
  assert.equal(
    values(
      pad(
        grayImage([
          [1, 2],
          [3, 4],
        ]),
        0.5,
        8,
      ),
    ),
    [
      [8, 8, 8, 8],
      [8, 1, 2, 8],
      [8, 3, 4, 8],
      [8, 8, 8, 8],
    ],
  )
})

test('resizing to the same size changes nothing', () => {
  const image = grayImage([
    [10, 200, 30],
    [40, 50, 255],
  ])
  assert.equal(resize(image, 3, 2), image)
})

test('enlarging is bilinear with pixel centres at one half', () => {
  assert.equal(values(resize(grayImage([[0, 100]]), 4, 1)), [[0, 25, 75, 100]])
  assert.equal(
    values(resize(grayImage([[0], [100]]), 1, 4)).map((row) => row[0]),
    [0, 25, 75, 100],
  )
})

test('shrinking averages, so that a fine pattern becomes gray instead of aliasing', () => {
  const stripes = grayImage(Array.from({ length: 16 }, () => Array.from({ length: 16 }, (_, x) => (x % 2) * 200)))
  for (const row of values(resize(stripes, 4, 4)))
    for (const value of row) assert.ok(Math.abs(value - 100) <= 15, `${value}`)
  assert.equal(values(resize(blank(640, 480, 77), 320, 240))[100]![100], 77)
  assert.is(brightness(resize(blank(641, 427, 31), 300, 200)), 31)
})

test('letterboxing keeps proportions, centres, and says where the picture lies', () => {
  const { image, placement } = letterbox(blank(100, 100, 200), 320, 240, 5)
  assert.equal(placement, { scale: 2.4, offsetX: 40, offsetY: 0 })
  assert.is(image.width * image.height, 320 * 240)
  const rows = values(image)
  assert.equal([rows[0]![39], rows[0]![40], rows[239]![279], rows[239]![280]], [5, 200, 200, 5])
})

test('gray is BT.601, brightness its mean, a mirror swaps left and right', () => {
  const image = imageOf(3, 1, Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255))
  const luma = gray(image)
  assert.ok(
    Math.abs(luma[0]! - 76.245) < 1e-3 && Math.abs(luma[1]! - 149.685) < 1e-3 && Math.abs(luma[2]! - 29.07) < 1e-3,
  )
  assert.ok(Math.abs(brightness(image) - 85) < 1e-3)
  assert.equal([...mirror(image).rgb], [0, 0, 255, 0, 255, 0, 255, 0, 0])
  assert.equal(mirror(mirror(image)), image)
})

test.run()
