/**
 * The FaceModel port on ONNX networks: picture → boxes → landmarks → aligned face → template.
 *
 * All arithmetic around the networks is in `src/face/` and the same on every machine; which networks, and what they
 * are fed, is in the manifest. The networks come out of the cache that `webx models install` fills.
 */

import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { ALIGNED_SIDE, align, LANDMARKS, landmarkInput, landmarks } from '../face/align.ts'
import { DETECTOR, type Detection, detections, detectorInput } from '../face/detect.ts'
import { type Box, type Image, mirror, pad } from '../face/image.ts'
import { type ModelManifest, NETWORKS, type NetworkName } from '../face/manifest.ts'
import type { Face, FaceModel } from '../face/model.ts'
import { measure, refusal } from '../face/quality.ts'
import { fullness, prominence } from '../face/subject.ts'
import { merge } from '../face/template.ts'
import { planes } from '../face/tensor.ts'
import { defaultCache, readInstalled, readModelManifest } from './face-files.ts'
import { type Backend, type Network, openRuntime } from './face-runtime.ts'

/** Where to find a model and what computes it; all may be left out. */
export interface FaceModelOptions {
  readonly manifest?: ModelManifest
  readonly cacheDir?: string
  readonly backend?: Backend | 'auto'
}

/** Opens an installed model. Throws `model-missing` or `model-damaged`, with the command that mends it. */
export async function openFaceModel(options: FaceModelOptions = {}): Promise<FaceModel> {
  const manifest = options.manifest ?? (await readModelManifest())
  const cacheDir = options.cacheDir ?? defaultCache()
  const files = await Promise.all(NETWORKS.map((name) => readInstalled(manifest, name, cacheDir)))
  const runtime = await openRuntime(options.backend)
  const networks: Partial<Record<NetworkName, Network>> = {}
  try {
    for (const [i, name] of NETWORKS.entries()) networks[name] = await runtime.load(files[i]!)
  } catch (cause) {
    await Promise.all(Object.values(networks).map((network) => network.close()))
    throw cause
  }
  return new OnnxFaceModel(manifest, runtime.backend, networks as Record<NetworkName, Network>)
}

/** A face whose box covers more than this share of the picture is looked for again with a border around it. */
const FULLNESS_MAX = 0.6
const BORDER = 0.5

class OnnxFaceModel implements FaceModel {
  readonly name: string
  readonly backend: Backend
  readonly templateLength: number
  readonly thresholds: ModelManifest['thresholds']
  readonly #manifest: ModelManifest
  readonly #networks: Readonly<Record<NetworkName, Network>>
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #closed: Promise<void> | null = null

  constructor(manifest: ModelManifest, backend: Backend, networks: Readonly<Record<NetworkName, Network>>) {
    this.name = `${manifest.name} ${manifest.source.version}`
    this.backend = backend
    this.templateLength = manifest.template.length
    this.thresholds = manifest.thresholds
    this.#manifest = manifest
    this.#networks = networks
  }

  analyze(image: Image): Promise<readonly Face[]> {
    return this.#inTurn(async () => {
      const faces: Face[] = []
      for (const found of await this.#detect(image)) faces.push(await this.#describe(image, found))
      return faces.sort((a, b) => prominence(b.box, image) - prominence(a.box, image))
    })
  }

  embed(image: Image, face: Face): Promise<Float32Array> {
    return this.#inTurn(async () => {
      const upright = align(image, face.landmarks)
      return merge(await this.#template(upright), await this.#template(mirror(upright)))
    })
  }

  close(): Promise<void> {
    this.#closed ??= this.#last.then(async () => {
      await Promise.all(Object.values(this.#networks).map((network) => network.close()))
    })
    return this.#closed
  }

  /** One call after the other: a network of the WebAssembly runtime cannot run twice at once. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closed !== null) return Promise.reject(new WebxError('stopped', 'the face model is closed'))
    if (this.#waiting >= LIMITS.modelCallsWaitingMax) {
      return Promise.reject(new WebxError('limit', `${this.#waiting} pictures are already waiting for the face model`))
    }
    this.#waiting++
    const done = this.#last.then(work).finally(() => this.#waiting--)
    this.#last = done.catch(() => null)
    return done
  }

  async #detect(image: Image): Promise<readonly Detection[]> {
    const found = await this.#boxes(image)
    if (found.length > 0 && found.every(({ box }) => fullness(box, image) <= FULLNESS_MAX)) return found
    const bordered = await this.#boxes(pad(image, BORDER))
    if (bordered.length < found.length) return found
    const [x, y] = [Math.round(image.width * BORDER), Math.round(image.height * BORDER)]
    return bordered.map(({ box, score }) => ({ box: shifted(box, -x, -y), score }))
  }

  async #boxes(image: Image): Promise<readonly Detection[]> {
    const { tensor, placement } = detectorInput(image, this.#manifest.input.detector)
    const output = await this.#networks.detector.run(tensor, [1, 3, DETECTOR.height, DETECTOR.width])
    return detections(named(output, 'scores'), named(output, 'boxes'), placement, this.#manifest.detection)
  }

  async #describe(image: Image, { box, score }: Detection): Promise<Face> {
    const { tensor, square } = landmarkInput(image, box, this.#manifest.input.landmarks)
    const output = await this.#networks.landmarks.run(tensor, [1, 1, LANDMARKS.side, LANDMARKS.side])
    const points = landmarks(named(output, 'output'), square)
    const quality = measure(points, align(image, points))
    return { box, score, landmarks: points, quality, refusal: refusal(quality, this.#manifest.quality) }
  }

  async #template(upright: Image): Promise<Float32Array> {
    const tensor = planes(upright, this.#manifest.input.embedder)
    const output = await this.#networks.embedder.run(tensor, [1, 3, ALIGNED_SIDE, ALIGNED_SIDE])
    const template = named(output, 'output')
    if (template.length !== this.templateLength) {
      throw new WebxError('model-damaged', `expected ${this.templateLength} numbers a face, got ${template.length}`)
    }
    return template
  }
}

function named(output: Readonly<Record<string, Float32Array>>, name: string): Float32Array {
  const values = output[name]
  if (values === undefined) throw new WebxError('model-damaged', `the network has no output named ${name}`)
  return values
}

function shifted(box: Box, x: number, y: number): Box {
  return { left: box.left + x, top: box.top + y, right: box.right + x, bottom: box.bottom + y }
}
