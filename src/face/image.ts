/**
 * Pictures as plain bytes, and the arithmetic on whole pictures that the face pipeline needs.
 *
 * Everything is row-major RGB with three bytes a pixel: no decoder, no canvas and no native code, so the same
 * picture gives the same bytes on every device. Coordinates are pixels; a pixel's centre lies at `+ 0.5`.
 */

import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'

/** A picture: `rgb[3 * (y * width + x) + channel]`, 0..255. Never changed once made. */
export interface Image {
  readonly width: number
  readonly height: number
  readonly rgb: Uint8Array
}

/** A rectangle in pixels, right and bottom exclusive; it may reach outside of its picture. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** Where a letterboxed picture lies inside its frame: `frame = offset + scale * original`. */
export interface Placement {
  readonly scale: number
  readonly offsetX: number
  readonly offsetY: number
}

/** The bytes as a picture, without copying. Throws `bad-argument` on a size that does not fit, `limit` on too many pixels. */
export function imageOf(width: number, height: number, rgb: Uint8Array): Image {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new WebxError('bad-argument', `image: expected a whole, positive width and height, got ${width} x ${height}`)
  }
  if (width * height > LIMITS.imagePixelsMax) {
    throw new WebxError('limit', `image: ${width} x ${height} has more than ${LIMITS.imagePixelsMax} pixels`)
  }
  if (rgb.length !== 3 * width * height) {
    throw new WebxError('bad-argument', `image: expected ${3 * width * height} bytes of RGB, got ${rgb.length}`)
  }
  return { width, height, rgb }
}

/** A picture of one color. */
export function blank(width: number, height: number, red = 0, green = red, blue = red): Image {
  const image = imageOf(width, height, new Uint8Array(3 * width * height))
  for (let i = 0; i < image.rgb.length; i += 3) {
    image.rgb[i] = red
    image.rgb[i + 1] = green
    image.rgb[i + 2] = blue
  }
  return image
}

/** The part of a picture inside `box` (rounded to whole pixels); what lies outside of the picture is gray `fill`. */
export function crop(image: Image, box: Box, fill = 0): Image {
  const left = Math.round(box.left)
  const top = Math.round(box.top)
  const cut = blank(Math.max(1, Math.round(box.right) - left), Math.max(1, Math.round(box.bottom) - top), fill)
  const from = Math.max(0, left)
  const to = Math.min(image.width, left + cut.width)
  if (to <= from) return cut
  for (let y = Math.max(0, top); y < Math.min(image.height, top + cut.height); y++) {
    const row = image.rgb.subarray(3 * (y * image.width + from), 3 * (y * image.width + to))
    cut.rgb.set(row, 3 * ((y - top) * cut.width + from - left))
  }
  return cut
}

/** The picture with a gray border of `fraction` of its width and height on every side. */
export function pad(image: Image, fraction: number, fill = 0): Image {
  const x = Math.round(image.width * fraction)
  const y = Math.round(image.height * fraction)
  return crop(image, { left: -x, top: -y, right: image.width + x, bottom: image.height + y }, fill)
}

/**
 * The picture at another size, by a triangle filter that widens when it shrinks: bilinear upwards, an area mean
 * downwards, so that nothing aliases.
 */
export function resize(image: Image, width: number, height: number): Image {
  const wide = filterOf(image.width, width)
  const high = filterOf(image.height, height)
  const rows = new Float32Array(3 * width * image.height)
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < width; x++) {
      let [red, green, blue] = [0, 0, 0]
      const start = wide.starts[x]!
      for (let i = 0; i < wide.taps; i++) {
        const weight = wide.weights[x * wide.taps + i]!
        const at = 3 * (y * image.width + Math.min(start + i, image.width - 1))
        red += weight * image.rgb[at]!
        green += weight * image.rgb[at + 1]!
        blue += weight * image.rgb[at + 2]!
      }
      const to = 3 * (y * width + x)
      rows[to] = red
      rows[to + 1] = green
      rows[to + 2] = blue
    }
  }
  const resized = imageOf(width, height, new Uint8Array(3 * width * height))
  const line = new Float32Array(3 * width)
  for (let y = 0; y < height; y++) {
    line.fill(0.5)
    for (let i = 0; i < high.taps; i++) {
      const weight = high.weights[y * high.taps + i]!
      const from = 3 * width * Math.min(high.starts[y]! + i, image.height - 1)
      if (weight !== 0) for (let x = 0; x < line.length; x++) line[x]! += weight * rows[from + x]!
    }
    resized.rgb.set(line, 3 * width * y)
  }
  return resized
}

/** The picture inside a frame of that size: proportions kept, centred, the rest gray `fill`. */
export function letterbox(
  image: Image,
  width: number,
  height: number,
  fill = 0,
): { image: Image; placement: Placement } {
  const scale = Math.min(width / image.width, height / image.height)
  const inner = resize(
    image,
    Math.max(1, Math.min(width, Math.round(image.width * scale))),
    Math.max(1, Math.min(height, Math.round(image.height * scale))),
  )
  const offsetX = Math.floor((width - inner.width) / 2)
  const offsetY = Math.floor((height - inner.height) / 2)
  const box = { left: -offsetX, top: -offsetY, right: width - offsetX, bottom: height - offsetY }
  return { image: crop(inner, box, fill), placement: { scale, offsetX, offsetY } }
}

/** Luminance (ITU-R BT.601) of every pixel, 0..255. */
export function gray(image: Image): Float32Array {
  const luma = new Float32Array(image.width * image.height)
  for (let i = 0; i < luma.length; i++) {
    luma[i] = 0.299 * image.rgb[3 * i]! + 0.587 * image.rgb[3 * i + 1]! + 0.114 * image.rgb[3 * i + 2]!
  }
  return luma
}

/** Mean luminance, 0..255. */
export function brightness(image: Image): number {
  let sum = 0
  for (const value of gray(image)) sum += value
  return sum / (image.width * image.height)
}

/** The picture as seen in a mirror. */
export function mirror(image: Image): Image {
  const rgb = new Uint8Array(image.rgb.length)
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++) {
      const from = 3 * (y * image.width + x)
      const to = 3 * (y * image.width + image.width - 1 - x)
      rgb[to] = image.rgb[from]!
      rgb[to + 1] = image.rgb[from + 1]!
      rgb[to + 2] = image.rgb[from + 2]!
    }
  }
  return { width: image.width, height: image.height, rgb }
}

/** For each target pixel where its source pixels begin, and their weights (they add up to 1). */
function filterOf(from: number, to: number): { taps: number; starts: Int32Array; weights: Float32Array } {
  const ratio = from / to
  const reach = Math.max(1, ratio)
  const taps = Math.min(from, Math.ceil(2 * reach) + 1)
  const starts = new Int32Array(to)
  const weights = new Float32Array(to * taps)
  for (let target = 0; target < to; target++) {
    const centre = (target + 0.5) * ratio
    const start = Math.max(0, Math.min(from - taps, Math.floor(centre - reach)))
    starts[target] = start
    let sum = 0
    for (let i = 0; i < taps; i++) sum += Math.max(0, 1 - Math.abs(start + i + 0.5 - centre) / reach)
    for (let i = 0; i < taps; i++) {
      weights[target * taps + i] = Math.max(0, 1 - Math.abs(start + i + 0.5 - centre) / reach) / sum
    }
  }
  return { taps, starts, weights }
}
