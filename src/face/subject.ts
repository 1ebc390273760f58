/**
 * Which of the faces in a picture is the one who is being served, and whether that face may be compared.
 */

import { WebxError } from '../core/errors.ts'
import type { Box } from './image.ts'
import type { Face } from './model.ts'
import { ADVICE } from './quality.ts'

/**
 * How much a face looks like the one who is being served: its area times its nearness to the middle of the picture.
 * Size alone picks the passer-by who leans in from the side.
 */
export function prominence(box: Box, image: { width: number; height: number }): number {
  const x = ((box.left + box.right) / 2 - image.width / 2) / image.width
  const y = ((box.top + box.bottom) / 2 - image.height / 2) / image.height
  const area = (box.right - box.left) * (box.bottom - box.top)
  return area * Math.max(0, 1 - Math.hypot(x, y)) ** 2
}

/** Share of the picture's shorter side that the box covers; near 1 the detector misses or misjudges the face. */
export function fullness(box: Box, image: { width: number; height: number }): number {
  return Math.max(box.right - box.left, box.bottom - box.top) / Math.min(image.width, image.height)
}

/**
 * The face to serve out of a model's answer. Throws `no-face` where there is none, and `face-small`, `face-turned` or
 * `face-unsharp` where it is too poor; nobody further back is taken in its stead.
 */
export function subjectOf(faces: readonly Face[]): Face {
  const face = faces[0]
  if (face === undefined) {
    throw new WebxError('no-face', 'there is no face in the picture', { hint: ADVICE['no-face'] })
  }
  if (face.refusal !== null) {
    const { interEyePx, sharpness, yawDegrees, pitchDegrees } = face.quality
    const measured = `${interEyePx.toFixed(0)} px between the eyes, sharpness ${sharpness.toFixed(0)}, turned ${yawDegrees.toFixed(0)}° and ${pitchDegrees.toFixed(0)}°`
    throw new WebxError(face.refusal, `the face cannot be compared: ${measured}`, { hint: ADVICE[face.refusal] })
  }
  return face
}
