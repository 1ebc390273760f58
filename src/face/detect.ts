/**
 * Finding faces: what goes into the detector network, and what its numbers mean.
 *
 * The network is "Ultra-Light-Fast-Generic-Face-Detector" RFB at 320 x 240: 4,420 anchors, each with a score for
 * (background, face) and a box that the graph has already decoded to corner fractions of the frame. Pictures are
 * letterboxed, never stretched: a stretched face loses accuracy further down.
 */

import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type Box, type Image, letterbox, type Placement } from './image.ts'
import { type Normalization, planes } from './tensor.ts'

/** Frame of the detector network in pixels. */
export const DETECTOR: { readonly width: number; readonly height: number; readonly anchors: number } = {
  width: 320,
  height: 240,
  anchors: 4_420,
}

/** A face that the detector is sure enough of, in pixels of the picture. */
export interface Detection {
  readonly box: Box
  /** 0..1 */
  readonly score: number
}

/** What the detector network is fed: planar RGB of a letterboxed frame, and where the picture lies in it. */
export function detectorInput(
  image: Image,
  normalization: Normalization,
): { tensor: Float32Array; placement: Placement } {
  const boxed = letterbox(image, DETECTOR.width, DETECTOR.height)
  return { tensor: planes(boxed.image, normalization), placement: boxed.placement }
}

/**
 * The faces in the detector's answer, surest first, each one once.
 *
 * @param scores anchors x (background, face); @param boxes anchors x (left, top, right, bottom) as fractions of the frame
 * @param scoreMin 0..1; @param overlapMax the intersection over union above which two boxes are one face
 */
export function detections(
  scores: Float32Array,
  boxes: Float32Array,
  placement: Placement,
  options: { scoreMin: number; overlapMax: number },
): readonly Detection[] {
  if (scores.length % 2 !== 0 || boxes.length !== 2 * scores.length) {
    throw new WebxError('bad-argument', `detector: ${scores.length} scores do not go with ${boxes.length} box corners`)
  }
  const found: Detection[] = []
  for (let anchor = 0; anchor < scores.length / 2; anchor++) {
    const score = scores[2 * anchor + 1]!
    if (!(score >= options.scoreMin)) continue
    const box = inPicture(boxes.subarray(4 * anchor, 4 * anchor + 4), placement)
    if (box.right > box.left && box.bottom > box.top) found.push({ box, score })
  }
  found.sort((a, b) => b.score - a.score)
  const kept: Detection[] = []
  for (const one of found) {
    if (kept.length === LIMITS.facesPerImageMax) break
    if (kept.every((other) => overlap(one.box, other.box) <= options.overlapMax)) kept.push(one)
  }
  return kept
}

/** Intersection over union of two boxes, 0..1. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left)
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
  if (width <= 0 || height <= 0) return 0
  return (width * height) / (area(a) + area(b) - width * height)
}

function area(box: Box): number {
  return (box.right - box.left) * (box.bottom - box.top)
}

function inPicture(corners: Float32Array, { scale, offsetX, offsetY }: Placement): Box {
  return {
    left: (corners[0]! * DETECTOR.width - offsetX) / scale,
    top: (corners[1]! * DETECTOR.height - offsetY) / scale,
    right: (corners[2]! * DETECTOR.width - offsetX) / scale,
    bottom: (corners[3]! * DETECTOR.height - offsetY) / scale,
  }
}
