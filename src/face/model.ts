/**
 * The shapes through which the rest of the house meets faces: a camera that gives frames, and a model that finds
 * and describes the faces in them. Types only; the drivers implement them.
 */

import type { Box, Image } from './image.ts'
import type { FaceRefusal, Quality } from './quality.ts'

/** One picture of a camera. */
export interface Frame {
  readonly image: Image
  /** When it was complete, milliseconds since 1970. */
  readonly atMs: number
  /** Counts every frame of this camera, the dropped ones too, from 1. */
  readonly sequence: number
}

/** How a camera is doing. */
export interface CameraHealth {
  readonly state: 'idle' | 'starting' | 'running' | 'failed'
  readonly frames: number
  /** Frames that nobody had time for. */
  readonly dropped: number
  readonly restarts: number
  /** The last failure in one sentence, '' if there was none. */
  readonly trouble: string
}

/** A source of frames; the newest wins, and a frame that nobody took in time is dropped and counted. */
export interface Camera {
  /**
   * Frames until the signal aborts, the source ends or the loop is left; then everything that ran is gone. One reader
   * at a time (`bad-argument` otherwise). Throws `camera-failed` when the camera cannot be brought (back) to work.
   */
  frames(signal: AbortSignal): AsyncIterable<Frame>
  health(): CameraHealth
  /** Ends a running `frames` and waits until everything is gone. */
  close(): Promise<void>
}

/** One face in a picture. */
export interface Face {
  readonly box: Box
  /** How sure the detector is, 0..1. */
  readonly score: number
  /** 68 pairs (x, y) in pixels of the picture. */
  readonly landmarks: Float32Array
  readonly quality: Quality
  /** Why this face must not be compared, or null. */
  readonly refusal: Exclude<FaceRefusal, 'no-face'> | null
}

/** The fixed cosines of a model. */
export interface Thresholds {
  /** At or above: the same person, good enough to pay. */
  readonly payment: number
  /** Below: certainly a stranger. */
  readonly stranger: number
}

/** Networks that find and describe faces. Calls may overlap; they are worked off one after the other. */
export interface FaceModel {
  /** Name and version by the manifest, such as `faceplugin 0.0.1`. */
  readonly name: string
  readonly backend: 'onnxruntime-node' | 'onnxruntime-web'
  /** Numbers in a template. */
  readonly templateLength: number
  readonly thresholds: Thresholds
  /** Every face in the picture, the one to serve (large and central) first; empty if there is none. */
  analyze(image: Image): Promise<readonly Face[]>
  /** The template of a face of that very picture: a unit vector, averaged with that of the mirrored face. */
  embed(image: Image, face: Face): Promise<Float32Array>
  /** Frees the networks; every later call throws `stopped`. */
  close(): Promise<void>
}
