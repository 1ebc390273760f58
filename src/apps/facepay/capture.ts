/**
 * Capture: from a camera's frames to one embedding of the person who is being served.
 *
 * Frames that cannot be compared are passed over until time is up; of those that can, the best of a few is taken. Frames are pictures that never change, so they cannot
 * be wiped: they are let go at once and never stored. The embedding belongs to the caller, who wipes it.
 */

import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Image } from '../../face/image.ts'
import type { Camera, Face, FaceModel } from '../../face/model.ts'
import { subjectOf } from '../../face/subject.ts'
import type { Context } from '../../kernel/context.ts'

/** What was seen. */
export interface Captured {
  /** Unit vector of the model's length. */
  readonly embedding: Float32Array
  readonly msCapture: number
}

/** The embedding of the one face to serve in one picture. Throws the named refusals of `subjectOf`. */
export async function captureImage(image: Image, model: FaceModel, clock: Context['clock']): Promise<Captured> {
  const startMs = clock.monotonicMs()
  const embedding = await model.embed(image, subjectOf(await model.analyze(image)))
  return { embedding, msCapture: clock.monotonicMs() - startMs }
}

/**
 * The best of the first few usable frames of a camera.
 *
 * Throws the last named refusal where none was usable in `LIMITS.captureMsMax`, `stopped` where `signal` aborts, `camera-failed`.
 */
export async function captureCamera(
  camera: Camera,
  model: FaceModel,
  context: Pick<Context, 'clock' | 'schedule'>,
  signal: AbortSignal,
): Promise<Captured> {
  const { clock, schedule } = context
  const startMs = clock.monotonicMs()
  const timeUp = new AbortController()
  const cancel = schedule.after(LIMITS.captureMsMax, 'capture', () => timeUp.abort())
  try {
    const { best, refusal } = await bestOf(camera, model, clock, AbortSignal.any([signal, timeUp.signal]))
    if (signal.aborted) throw new WebxError('stopped', 'the payment was called off')
    if (!best) throw refusal ?? new WebxError('camera-failed', 'the camera gave no picture in time')
    const embedding = await model.embed(best.image, best.face)
    return { embedding, msCapture: clock.monotonicMs() - startMs }
  } finally {
    cancel()
  }
}

interface Shot {
  readonly image: Image
  readonly face: Face
}

async function bestOf(
  camera: Camera,
  model: FaceModel,
  clock: Context['clock'],
  signal: AbortSignal,
): Promise<{ best: Shot | null; refusal: unknown }> {
  let best: Shot | null = null
  let refusal: unknown = null
  let usable = 0
  let firstUsableMs = 0
  for await (const { image } of camera.frames(signal)) {
    const faces = await model.analyze(image)
    try {
      const face = subjectOf(faces)
      if (usable++ === 0) firstUsableMs = clock.monotonicMs()
      if (!best || worth(face) > worth(best.face)) best = { image, face }
    } catch (thrown) {
      refusal = thrown
    }
    if (usable >= LIMITS.captureUsableFrames) break
    if (best && clock.monotonicMs() - firstUsableMs >= LIMITS.captureBestOfMs) break
  }
  return { best, refusal }
}

/** Sharp and looking straight ahead is best. */
function worth(face: Face): number {
  const { sharpness, yawDegrees, pitchDegrees } = face.quality
  return sharpness * cosineOf(yawDegrees) * cosineOf(pitchDegrees)
}

function cosineOf(degrees: number): number {
  return Math.cos((degrees * Math.PI) / 180)
}
