/**
 * A camera that is a command: it writes raw RGB frames (rgb24, fixed size, nothing between them) to its standard output.
 *
 * So every camera that ffmpeg, rpicam-vid or GStreamer can read works, without a native module and without a parser
 * of ours exposed to it. The newest frame wins: a slow reader sees the present, never a growing past. A command that
 * falls silent or ends is stopped and started again, later and later, and after a few times given up.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type Image, imageOf } from '../face/image.ts'
import type { Camera, CameraHealth, Frame } from '../face/model.ts'

/** What to run, and what comes out of it. */
export interface CommandCameraOptions {
  /** Program and arguments; no shell reads them. Everybody on the machine can see them, so no password belongs here. */
  readonly command: readonly string[]
  readonly width: number
  readonly height: number
  /** Added to the command's environment: the place for credentials. */
  readonly environment?: Readonly<Record<string, string>>
  /** Without a frame for so long, the command is stopped and started again; default `LIMITS.cameraSilenceMs`. */
  readonly silenceMs?: number
  /** First pause before a new start; it doubles with every failure. Default 250. */
  readonly backoffMs?: number
  /** Failures in a row, without one frame between them, after which the camera is given up; default `LIMITS.cameraRestartsMax`. */
  readonly restartsMax?: number
  readonly nowMs?: () => number
}

/** A camera that runs a command while somebody reads frames. Throws `bad-config` where the options make no sense. */
export function commandCamera(options: CommandCameraOptions): Camera {
  check(options)
  const counts = { state: 'idle' as CameraHealth['state'], frames: 0, dropped: 0, restarts: 0, trouble: '' }
  let reader: Reader | null = null
  return {
    frames: (signal) => ({
      [Symbol.asyncIterator]: () => {
        if (reader !== null && !reader.over) throw new WebxError('bad-argument', 'this camera already has a reader')
        reader = new Reader(options, counts, signal)
        return reader
      },
    }),
    health: () => ({ ...counts }),
    close: async () => {
      await reader?.return()
    },
  }
}

const KILL_AFTER_MS = 1_000
const BACKOFF_MS_MAX = 30_000
const SAID_CHARACTERS_MAX = 500

type Counts = { -readonly [Key in keyof CameraHealth]: CameraHealth[Key] }

/** One reading of frames: the command is started by the first `next` and gone when `return` resolves. */
class Reader implements AsyncIterator<Frame, undefined> {
  over = false
  readonly #options: CommandCameraOptions
  readonly #counts: Counts
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  #running: Promise<void> | null = null
  #newest: Frame | null = null
  #failure: WebxError | null = null
  #wake: () => void = nothing

  constructor(options: CommandCameraOptions, counts: Counts, signal: AbortSignal) {
    this.#options = options
    this.#counts = counts
    this.#signal = AbortSignal.any([signal, this.#stop.signal])
  }

  async next(): Promise<IteratorResult<Frame, undefined>> {
    this.#running ??= this.#keepRunning()
    while (this.#newest === null && !this.over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const frame = this.#signal.aborted ? null : this.#newest
    this.#newest = null
    if (frame !== null) return { done: false, value: frame }
    await this.#running
    if (this.#failure === null) return { done: true, value: undefined }
    const failure = this.#failure
    this.#failure = null
    throw failure
  }

  async return(): Promise<IteratorResult<Frame, undefined>> {
    this.#stop.abort()
    this.#running ??= Promise.resolve()
    await this.#running
    this.#end()
    return { done: true, value: undefined }
  }

  async #keepRunning(): Promise<void> {
    const { restartsMax = LIMITS.cameraRestartsMax, backoffMs = 250 } = this.#options
    let failures = 0
    while (!this.#signal.aborted) {
      this.#counts.state = 'starting'
      const framesBefore = this.#counts.frames
      const why = await this.#runOnce()
      if (this.#signal.aborted) break
      failures = this.#counts.frames > framesBefore ? 1 : failures + 1
      this.#counts.trouble = why
      if (failures > restartsMax) {
        this.#failure = new WebxError('camera-failed', `the camera command failed ${failures} times in a row: ${why}`, {
          hint: `Run it by hand: ${this.#options.command.join(' ')}`,
        })
        break
      }
      this.#counts.restarts++
      await pause(Math.min(BACKOFF_MS_MAX, backoffMs * 2 ** (failures - 1)), this.#signal)
    }
    this.#end()
  }

  /** Runs the command until it ends, falls silent or is stopped; resolves with the reason when it is gone. */
  async #runOnce(): Promise<string> {
    const { command, environment = {}, silenceMs = LIMITS.cameraSilenceMs } = this.#options
    const child = spawn(command[0]!, command.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
      detached: true,
    })
    let said = ''
    let why = ''
    const end = (reason: string): void => {
      why ||= reason
      stop(child)
    }
    const silence = setTimeout(() => end(`no frame for ${silenceMs} ms`), silenceMs)
    const aborted = (): void => end('stopped')
    this.#signal.addEventListener('abort', aborted)
    const frames = new Splitter(this.#options.width, this.#options.height, (image) => {
      silence.refresh()
      this.#offer(image)
    })
    child.stdout?.on('data', (chunk: Uint8Array) => frames.push(chunk))
    child.stderr?.setEncoding('utf8')
    child.stderr?.on('data', (text: string) => {
      said = (said + text).slice(-SAID_CHARACTERS_MAX)
    })
    await new Promise<void>((resolve) => {
      child.on('error', (error) => {
        why ||= error.message
        if (child.pid === undefined) resolve()
      })
      child.on('close', (code, signal) => {
        why ||= signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`
        resolve()
      })
    })
    clearTimeout(silence)
    this.#signal.removeEventListener('abort', aborted)
    return said.trim() === '' ? why : `${why}; it said: ${said.trim().replaceAll(/\s+/g, ' ')}`
  }

  #offer(image: Image): void {
    if (this.#signal.aborted) return
    const { nowMs = Date.now } = this.#options
    this.#counts.state = 'running'
    this.#counts.frames++
    if (this.#newest !== null) this.#counts.dropped++
    this.#newest = { image, atMs: nowMs(), sequence: this.#counts.frames }
    this.#wake()
  }

  #end(): void {
    if (this.over) return
    this.over = true
    this.#counts.state = this.#failure === null ? 'idle' : 'failed'
    this.#wake()
  }
}

/** Cuts a stream of bytes into frames; holds one frame's bytes at most. */
class Splitter {
  readonly #width: number
  readonly #height: number
  readonly #done: (image: Image) => void
  #frame: Uint8Array
  #filled = 0

  constructor(width: number, height: number, done: (image: Image) => void) {
    this.#width = width
    this.#height = height
    this.#done = done
    this.#frame = new Uint8Array(3 * width * height)
  }

  push(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      const part = chunk.subarray(at, at + this.#frame.length - this.#filled)
      this.#frame.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
      if (this.#filled < this.#frame.length) return
      this.#done(imageOf(this.#width, this.#height, this.#frame))
      this.#frame = new Uint8Array(this.#frame.length)
      this.#filled = 0
    }
  }
}

/** Ends the command with all that it has started: politely first, then surely. */
function stop(child: ChildProcess): void {
  signalGroup(child, 'SIGTERM')
  const surely = setTimeout(() => signalGroup(child, 'SIGKILL'), KILL_AFTER_MS)
  child.once('close', () => clearTimeout(surely))
}

function signalGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause
  }
}

function check({ command, width, height }: CommandCameraOptions): void {
  if (command.length === 0 || command[0] === '') {
    throw new WebxError('bad-config', 'camera: the command is empty', { hint: 'Name a program and its arguments.' })
  }
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 16 || height < 16) {
    throw new WebxError('bad-config', `camera: a frame of ${width} x ${height} is not possible`)
  }
  if (3 * width * height > LIMITS.cameraFrameBytesMax) {
    throw new WebxError('bad-config', `camera: a frame has more than ${LIMITS.cameraFrameBytesMax} bytes`)
  }
  if (command.some((argument) => /:\/\/[^/\s]*:[^/\s]*@/.test(argument))) {
    throw new WebxError('bad-config', 'camera: the command holds a password, which everybody on the machine can see', {
      hint: 'Hand it over by an environment variable.',
    })
  }
}

/** Waits, or less where the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, { signal })
  } catch (cause) {
    if (!signal.aborted) throw cause
  }
}

function nothing(): void {}
