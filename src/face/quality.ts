/**
 * Whether a face is good enough to be compared at all. A poor picture is refused by name instead of being
 * matched by luck: the person can then step nearer, look up or hold still.
 *
 * Angles are estimates out of five points: the tip of the nose stands before the plane of eyes and mouth by about half of
 * the distance between the eyes, so its shift against them is the tangent of the turn.
 */

import { type FivePoints, fivePoints, move, similarity, TEMPLATE } from './align.ts'
import { gray, type Image } from './image.ts'

/** What is measured on one face. */
export interface Quality {
  /** Distance between the eyes in pixels of the picture. */
  readonly interEyePx: number
  /** Variance of the Laplacian of the aligned face's luminance: how much fine detail there is. */
  readonly sharpness: number
  /** Turned to the side, degrees, positive towards the picture's right; about ±5 exact. */
  readonly yawDegrees: number
  /** Nodding, degrees, positive downwards; about ±10 exact, as faces differ. */
  readonly pitchDegrees: number
}

/** What a face must have. */
export interface QualityLimits {
  readonly interEyePxMin: number
  readonly sharpnessMin: number
  readonly yawDegreesMax: number
  readonly pitchDegreesMax: number
}

/** Why a face is not compared. */
export type FaceRefusal = 'no-face' | 'face-small' | 'face-turned' | 'face-unsharp'

/** What a person can do about it. */
export const ADVICE: Readonly<Record<FaceRefusal, string>> = {
  'no-face': 'Stand before the camera.',
  'face-small': 'Come nearer to the camera.',
  'face-turned': 'Look straight at the camera.',
  'face-unsharp': 'Hold still, and see that there is enough light and the lens is clean.',
}

/** Measures a face by its 68 landmarks in the picture and its aligned picture. */
export function measure(points: Float32Array, aligned: Image): Quality {
  const five = fivePoints(points)
  const [left, right] = five
  return {
    interEyePx: Math.hypot(right[0] - left[0], right[1] - left[1]),
    sharpness: laplacianVariance(aligned),
    ...turn(five),
  }
}

/** The first thing that is wrong with a face, or null if it may be compared; what is not a number is wrong. */
export function refusal(quality: Quality, limits: QualityLimits): Exclude<FaceRefusal, 'no-face'> | null {
  if (!(quality.interEyePx >= limits.interEyePxMin)) return 'face-small'
  if (!(Math.abs(quality.yawDegrees) <= limits.yawDegreesMax)) return 'face-turned'
  if (!(Math.abs(quality.pitchDegrees) <= limits.pitchDegreesMax)) return 'face-turned'
  if (!(quality.sharpness >= limits.sharpnessMin)) return 'face-unsharp'
  return null
}

/** Variance of the 4-neighbor Laplacian over the inner pixels (0 for a flat picture). */
export function laplacianVariance(image: Image): number {
  const { width, height } = image
  if (width < 3 || height < 3) return 0
  const luma = gray(image)
  let [sum, squares] = [0, 0]
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x
      const value = luma[at - 1]! + luma[at + 1]! + luma[at - width]! + luma[at + width]! - 4 * luma[at]!
      sum += value
      squares += value * value
    }
  }
  const count = (width - 2) * (height - 2)
  return squares / count - (sum / count) ** 2
}

/** Yaw and pitch of a face, upright or tilted, by where the nose lies between eyes and mouth. */
function turn(five: FivePoints): { yawDegrees: number; pitchDegrees: number } {
  const upright = similarity(five, TEMPLATE)
  const [left, right, nose, mouthLeft, mouthRight] = five.map((point) => move(upright, point)) as unknown as FivePoints
  const eyes = { x: (left[0] + right[0]) / 2, y: (left[1] + right[1]) / 2 }
  const mouth = { x: (mouthLeft[0] + mouthRight[0]) / 2, y: (mouthLeft[1] + mouthRight[1]) / 2 }
  const half = Math.max(1, Math.hypot(right[0] - left[0], right[1] - left[1]) / 2)
  const long = Math.max(1, mouth.y - eyes.y)
  const down = (nose[1] - eyes.y) / long
  const middle = eyes.x + down * (mouth.x - eyes.x)
  return {
    yawDegrees: degrees(Math.atan((nose[0] - middle) / half)),
    pitchDegrees: degrees(Math.atan(((down - NOSE_DOWN) * long) / half)),
  }
}

/** How far down between eyes and mouth the nose of a face is that looks straight ahead (in ArcFace's template). */
const NOSE_DOWN = 0.495

function degrees(radians: number): number {
  return (radians * 180) / Math.PI
}
