/**
 * From a detected box to an upright face of fixed size: 68 landmarks, five points, one similarity transform.
 *
 * The landmark numbering is that of the iBUG 300-W mark-up (68 points). The target is ArcFace's template of five
 * points in a 112 x 112 picture (Deng et al., 2019), which nearly every face embedding expects.
 */

import { WebxError } from '../core/errors.ts'
import { type Box, crop, type Image, resize } from './image.ts'
import { type Normalization, planes } from './tensor.ts'

/** Side of the landmark network's frame, and the number of points it gives. */
export const LANDMARKS: { readonly side: number; readonly points: number } = { side: 64, points: 68 }

/** Side of an aligned face in pixels. */
export const ALIGNED_SIDE = 112

/** A point in pixels, x then y. */
export type Point = readonly [x: number, y: number]

/** Eyes (the picture's left one first), tip of the nose, corners of the mouth. */
export type FivePoints = readonly [Point, Point, Point, Point, Point]

/** Where the five points of an upright face lie in an aligned picture. */
export const TEMPLATE: FivePoints = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041],
]

/** Turning, scaling and shifting: `x' = a x - b y + x0`, `y' = b x + a y + y0`. */
export interface Similarity {
  readonly a: number
  readonly b: number
  readonly x0: number
  readonly y0: number
}

/** What the landmark network is fed: the square around the detected face, gray, and that square. */
export function landmarkInput(
  image: Image,
  box: Box,
  normalization: Normalization,
): { tensor: Float32Array; square: Box } {
  const half = (box.bottom - box.top) / 2
  const x = (box.left + box.right) / 2
  const y = (box.top + box.bottom) / 2
  const left = Math.round(x - half)
  const top = Math.round(y - half)
  const side = Math.max(1, Math.round(2 * half))
  const square = { left, top, right: left + side, bottom: top + side }
  const face = resize(crop(image, square), LANDMARKS.side, LANDMARKS.side)
  return { tensor: planes(face, normalization), square }
}

/** The network's answer (x, y as fractions of the square) as 68 pairs of pixels of the picture. */
export function landmarks(output: Float32Array, square: Box): Float32Array {
  if (output.length !== 2 * LANDMARKS.points) {
    throw new WebxError('bad-argument', `landmarks: expected ${2 * LANDMARKS.points} numbers, got ${output.length}`)
  }
  const width = square.right - square.left
  const height = square.bottom - square.top
  return output.map((value, i) => (i % 2 === 0 ? square.left + value * width : square.top + value * height))
}

/** The five points of ArcFace's template out of 68 landmarks: an eye is the mean of its lids, a mouth's corner of its lips. */
export function fivePoints(points: Float32Array): FivePoints {
  return [
    mean(points, [37, 38, 40, 41]),
    mean(points, [43, 44, 46, 47]),
    mean(points, [30]),
    mean(points, [48, 60]),
    mean(points, [54, 64]),
  ]
}

/** The similarity that brings `from` nearest to `to` (least squares, closed form). Throws `bad-argument` if all points are one. */
export function similarity(from: FivePoints, to: FivePoints): Similarity {
  const [fx, fy] = centre(from)
  const [tx, ty] = centre(to)
  let [along, across, spread] = [0, 0, 0]
  for (let i = 0; i < from.length; i++) {
    const [x, y] = [from[i]![0] - fx, from[i]![1] - fy]
    const [u, v] = [to[i]![0] - tx, to[i]![1] - ty]
    along += x * u + y * v
    across += x * v - y * u
    spread += x * x + y * y
  }
  if (spread < 1e-9) throw new WebxError('bad-argument', 'similarity: all points are the same')
  const a = along / spread
  const b = across / spread
  return { a, b, x0: tx - a * fx + b * fy, y0: ty - b * fx - a * fy }
}

/** Where a point goes. */
export function move({ a, b, x0, y0 }: Similarity, [x, y]: Point): Point {
  return [a * x - b * y + x0, b * x + a * y + y0]
}

/**
 * The picture seen through a similarity, `side` x `side` pixels, bilinear; outside of the picture it is black.
 * A large face is sampled several times a pixel, so that shrinking it does not alias.
 */
export function warp(image: Image, transform: Similarity, side: number = ALIGNED_SIDE): Image {
  const back = inverse(transform)
  const samples = Math.max(1, Math.min(SAMPLES_MAX, Math.round(Math.hypot(back.a, back.b))))
  const rgb = new Uint8Array(3 * side * side)
  const sum = new Float64Array(3)
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      sum.fill(0)
      for (let i = 0; i < samples * samples; i++) {
        const u = x + ((i % samples) + 0.5) / samples
        const v = y + (Math.floor(i / samples) + 0.5) / samples
        addSample(sum, image, back.a * u - back.b * v + back.x0 - 0.5, back.b * u + back.a * v + back.y0 - 0.5)
      }
      for (let channel = 0; channel < 3; channel++) {
        rgb[3 * (y * side + x) + channel] = Math.round(sum[channel]! / (samples * samples))
      }
    }
  }
  return { width: side, height: side, rgb }
}

/** The upright face of fixed size that the embedding network expects. */
export function align(image: Image, points: Float32Array): Image {
  return warp(image, similarity(fivePoints(points), TEMPLATE))
}

const SAMPLES_MAX = 6

/** Adds the bilinear value at (x, y), pixel centres at whole numbers, to `sum`. */
function addSample(sum: Float64Array, { width, height, rgb }: Image, x: number, y: number): void {
  const column = Math.floor(x)
  const row = Math.floor(y)
  for (let i = 0; i < 4; i++) {
    const nearX = column + (i & 1)
    const nearY = row + (i >> 1)
    if (nearX < 0 || nearY < 0 || nearX >= width || nearY >= height) continue
    const weight = (1 - Math.abs(x - nearX)) * (1 - Math.abs(y - nearY))
    const at = 3 * (nearY * width + nearX)
    sum[0]! += weight * rgb[at]!
    sum[1]! += weight * rgb[at + 1]!
    sum[2]! += weight * rgb[at + 2]!
  }
}

function inverse({ a, b, x0, y0 }: Similarity): Similarity {
  const size = a * a + b * b
  const [c, d] = [a / size, -b / size]
  return { a: c, b: d, x0: -(c * x0 - d * y0), y0: -(d * x0 + c * y0) }
}

function mean(points: Float32Array, indices: readonly number[]): Point {
  let [x, y] = [0, 0]
  for (const index of indices) {
    x += points[2 * index]!
    y += points[2 * index + 1]!
  }
  return [x / indices.length, y / indices.length]
}

function centre(points: FivePoints): Point {
  let [x, y] = [0, 0]
  for (const point of points) {
    x += point[0] / points.length
    y += point[1] / points.length
  }
  return [x, y]
}
