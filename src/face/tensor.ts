/**
 * From pixels to what a network is fed. Each network has its own idea of zero and one; the manifest names it.
 */

import { gray, type Image } from './image.ts'

/** `(value - mean) / scale` for each byte, and the order of the color planes. */
export interface Normalization {
  readonly mean: number
  readonly scale: number
  readonly channels: 'rgb' | 'bgr' | 'gray'
}

/** The picture as planes (channel, row, column), normalized; one plane for gray, three otherwise. */
export function planes(image: Image, { mean, scale, channels }: Normalization): Float32Array {
  const pixels = image.width * image.height
  if (channels === 'gray') return gray(image).map((value) => (value - mean) / scale)
  const tensor = new Float32Array(3 * pixels)
  for (let channel = 0; channel < 3; channel++) {
    const source = channels === 'rgb' ? channel : 2 - channel
    for (let i = 0; i < pixels; i++) tensor[channel * pixels + i] = (image.rgb[3 * i + source]! - mean) / scale
  }
  return tensor
}
