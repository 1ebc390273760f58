/**
 * A camera that shows still pictures: JPEG, PNG or WebP files, or pictures in memory.
 *
 * It is what the demonstration puts before the kiosk, and how a photograph becomes an `Image` anywhere else. Files
 * are bounded before they are decoded and turned upright by their EXIF orientation.
 */

import { open } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import sharp from 'sharp'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type Image, imageOf } from '../face/image.ts'
import type { Camera, CameraHealth, Frame } from '../face/model.ts'

/** Options of a still camera; all may be left out. */
export interface StillCameraOptions {
  /** Time between two frames; default 100. */
  readonly intervalMs?: number
  /** How often the whole row is shown; default 1, `Infinity` until somebody stops it. */
  readonly repeat?: number
  readonly nowMs?: () => number
}

/** How a picture is decoded. */
export interface DecodeOptions {
  /** Names the picture in errors. */
  readonly what?: string
  /** Larger pictures are shrunk until neither side is longer. */
  readonly sideMax?: number
}

/** A picture file as an image. Throws `camera-failed` where it cannot be read, `limit` where it is too large. */
export async function readImage(path: string, options: DecodeOptions = {}): Promise<Image> {
  const file = await open(path, 'r').catch((cause: Error) => {
    throw new WebxError('camera-failed', `cannot open the picture ${path}: ${cause.message}`, { cause })
  })
  try {
    const { size } = await file.stat()
    if (size > LIMITS.imageFileBytesMax) throw tooLarge(path, size)
    return await decodeImage(await file.readFile(), { what: path, ...options })
  } finally {
    await file.close()
  }
}

/** The bytes of a picture file as an image, upright, in sRGB. Throws as `readImage` does. */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): Promise<Image> {
  const { what = 'the picture', sideMax } = options
  if (bytes.length > LIMITS.imageFileBytesMax) throw tooLarge(what, bytes.length)
  if (!isPhotograph(bytes)) {
    throw new WebxError('camera-failed', `${what} is not a JPEG, PNG or WebP picture`, { hint: 'Convert it to JPEG.' })
  }
  try {
    const decoding = sharp(bytes, { limitInputPixels: LIMITS.imagePixelsMax, failOn: 'truncated' }).rotate()
    if (sideMax !== undefined) decoding.resize(sideMax, sideMax, { fit: 'inside', withoutEnlargement: true })
    const { data, info } = await decoding
      .toColourspace('srgb')
      .flatten()
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true })
    return imageOf(info.width, info.height, new Uint8Array(data.buffer, data.byteOffset, data.length))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new WebxError('camera-failed', `${what} cannot be decoded: ${why}`, {
      hint: 'The file may be cut off, damaged or far too large; save it again.',
      cause,
    })
  }
}

/** A camera that shows these pictures (paths or images) one after the other. */
export function stillCamera(pictures: readonly (string | Image)[], options: StillCameraOptions = {}): Camera {
  const { intervalMs = 100, repeat = 1, nowMs = Date.now } = options
  if (pictures.length === 0) throw new WebxError('bad-argument', 'a still camera needs at least one picture')
  const closed = new AbortController()
  let reading = false
  let sequence = 0
  let state: CameraHealth['state'] = 'idle'
  let trouble = ''

  async function* show(signal: AbortSignal): AsyncGenerator<Frame> {
    if (reading) throw new WebxError('bad-argument', 'this camera already has a reader')
    reading = true
    state = 'idle'
    try {
      for (let round = 0; round < repeat; round++) {
        for (const picture of pictures) {
          if (signal.aborted) return
          const image = typeof picture === 'string' ? await readImage(picture) : picture
          state = 'running'
          yield { image, atMs: nowMs(), sequence: ++sequence }
          await pause(intervalMs, signal)
        }
      }
    } catch (cause) {
      state = 'failed'
      trouble = cause instanceof Error ? cause.message : String(cause)
      throw cause
    } finally {
      if (state === 'running') state = 'idle'
      reading = false
    }
  }

  return {
    frames: (signal) => show(AbortSignal.any([signal, closed.signal])),
    health: () => ({ state, frames: sequence, dropped: 0, restarts: 0, trouble }),
    close: async () => closed.abort(),
  }
}

/** By its first bytes; the decoder knows other formats too, some of which read further files or run scripts. */
function isPhotograph(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(12, bytes.length)).toString('latin1')
  return start.startsWith('\xff\xd8\xff') || start.startsWith('\x89PNG\r\n\x1a\n') || /^RIFF.{4}WEBP$/s.test(start)
}

function tooLarge(what: string, bytes: number): WebxError {
  return new WebxError('limit', `${what} has ${bytes} bytes, at most ${LIMITS.imageFileBytesMax} are allowed`)
}

/** Waits, or less where the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, { signal })
  } catch (cause) {
    if (!signal.aborted) throw cause
  }
}
