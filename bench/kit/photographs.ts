/**
 * Embeddings of real photographs, by person: of the originals, and of the same photographs taken worse (smaller, darker), as probes that no row of a
 * gallery was made of.
 */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readImage } from '../../src/drivers/camera-still.ts'
import { openFaceModel } from '../../src/drivers/face-model.ts'
import type { Image } from '../../src/face/image.ts'
import type { FaceModel } from '../../src/face/model.ts'
import { johns } from '../../test/kit/johns.ts'
import { defaultModel } from '../../test/kit/photos.ts'

/** One photograph. */
export interface Photograph {
  readonly person: string
  /** The embedding of the photograph as it is: a unit vector. */
  readonly original: Float32Array
  /** Embeddings of worse versions of it. */
  readonly worse: readonly Float32Array[]
}

/** Side in pixels and share of the light of each worse version. */
const WORSE: readonly (readonly [number, number])[] = [
  [1_280, 0.55],
  [220, 1],
  [220, 0.7],
  [160, 1],
]

/**
 * All photographs of `directory/<person>/<photo>.jpg` in which a face is found that the terminal would not refuse.
 * Without a directory, the five-person example set of Debian's dlib sources.
 *
 * @param versions how many of the worse versions, 0 … 4
 */
export async function photographs(directory: string | undefined, versions: number): Promise<Photograph[]> {
  const from = directory ?? (await johns())
  const model = await openFaceModel({ manifest: await defaultModel() })
  const found: Photograph[] = []
  try {
    for (const person of (await readdir(from)).sort()) {
      for (const file of (await readdir(join(from, person))).sort()) {
        const path = join(from, person, file)
        const original = await embedding(model, await readImage(path, { sideMax: 1_280 }))
        if (original === null) continue
        const worse: Float32Array[] = []
        for (const [sideMax, light] of WORSE.slice(0, versions)) {
          const version = await embedding(model, darker(await readImage(path, { sideMax }), light))
          if (version !== null) worse.push(version)
        }
        found.push({ person, original, worse })
      }
    }
  } finally {
    await model.close()
  }
  return found
}

async function embedding(model: FaceModel, image: Image): Promise<Float32Array | null> {
  const [face] = await model.analyze(image)
  return face === undefined || face.refusal !== null ? null : model.embed(image, face)
}

function darker(image: Image, light: number): Image {
  return light === 1 ? image : { ...image, rgb: image.rgb.map((value) => Math.round(value * light)) }
}
