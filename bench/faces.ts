/**
 * How well the face model tells people apart, on photographs of different days, and whether both runtimes agree.
 *
 * Every photograph is compared with every other: two of one person are a genuine pair, two of different people an impostor
 * pair. A photograph that a terminal would refuse counts as missed in all its genuine pairs. Without a directory, the
 * five-person example set of Debian's dlib sources is fetched.
 */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readImage } from '../src/drivers/camera-still.ts'
import { openFaceModel } from '../src/drivers/face-model.ts'
import type { FaceModel } from '../src/face/model.ts'
import { cosine } from '../src/face/template.ts'
import { johns } from '../test/kit/johns.ts'
import { defaultModel } from '../test/kit/photos.ts'
import type { BenchOptions } from './run.ts'

/** The accuracy of the model on one set; rates are shares, 0..1. */
export interface FaceReport {
  readonly pairs: { readonly genuine: number; readonly impostor: number }
  /** Where as many impostors pass as genuine pairs are missed. */
  readonly eer: number
  /** Share of genuine pairs missed where one of a hundred impostors passes. */
  readonly fnmrAtFmr1e2: number
  /** At the manifest's payment threshold. */
  readonly atThreshold: { readonly threshold: number; readonly fmr: number; readonly fnmr: number }
  /** The lowest cosine between the two runtimes' templates of one photograph. */
  readonly backendCosineMin: number
  readonly photos: { readonly compared: number; readonly refused: number }
  readonly cosines: { readonly genuineMin: number; readonly genuineMean: number; readonly impostorMax: number }
  /** Milliseconds for finding and describing the face of one photograph, the mean, by runtime. */
  readonly msPerPhoto: Readonly<Record<string, number>>
}

/** The bench's door. */
export async function run(options: BenchOptions): Promise<FaceReport> {
  return faces(options.faces ?? (await johns()))
}

/** Measures on `directory/<person>/<photo>.jpg`. */
export async function faces(directory: string): Promise<FaceReport> {
  const manifest = await defaultModel()
  const native = await openFaceModel({ manifest, backend: 'onnxruntime-node' })
  const portable = await openFaceModel({ manifest, backend: 'onnxruntime-web' })
  try {
    const one = await describe(native, directory)
    const two = await describe(portable, directory)
    const { genuine, impostor } = pairsOf(one.photos)
    const { payment: threshold } = manifest.thresholds
    return {
      pairs: { genuine: genuine.length, impostor: impostor.length },
      eer: equalErrorRate(genuine, impostor),
      fnmrAtFmr1e2: missedAt(genuine, impostor, 1e-2),
      atThreshold: { threshold, fmr: passed(impostor, threshold), fnmr: missed(genuine, threshold) },
      backendCosineMin: agreement(one.photos, two.photos),
      photos: count(one.photos),
      cosines: { genuineMin: Math.min(...genuine), genuineMean: mean(genuine), impostorMax: Math.max(...impostor) },
      msPerPhoto: { [native.backend]: one.msPerPhoto, [portable.backend]: two.msPerPhoto },
    }
  } finally {
    await native.close()
    await portable.close()
  }
}

/** Share of scores at or above a threshold. */
export function passed(scores: readonly number[], threshold: number): number {
  return scores.filter((score) => score >= threshold).length / scores.length
}

/** Share of scores below a threshold. */
export function missed(scores: readonly number[], threshold: number): number {
  return scores.filter((score) => score < threshold).length / scores.length
}

/** The error rate where missing the right ones and passing the wrong ones are as frequent as each other. */
export function equalErrorRate(genuine: readonly number[], impostor: readonly number[]): number {
  let nearest = { gap: Number.POSITIVE_INFINITY, rate: 1 }
  for (const threshold of [...genuine, ...impostor, Number.POSITIVE_INFINITY]) {
    const fmr = passed(impostor, threshold)
    const fnmr = missed(genuine, threshold)
    if (Math.abs(fmr - fnmr) < nearest.gap) nearest = { gap: Math.abs(fmr - fnmr), rate: (fmr + fnmr) / 2 }
  }
  return nearest.rate
}

/** Share of genuine pairs missed at the lowest threshold that passes no more than `fmr` of the impostors. */
export function missedAt(genuine: readonly number[], impostor: readonly number[], fmr: number): number {
  const descending = [...impostor].sort((a, b) => b - a)
  const firstRefused = descending[Math.floor(fmr * descending.length)]
  if (firstRefused === undefined) return 0
  return genuine.filter((score) => score <= firstRefused).length / genuine.length
}

interface Photo {
  readonly person: string
  readonly template: Float32Array | null
}

async function describe(model: FaceModel, directory: string): Promise<{ photos: Photo[]; msPerPhoto: number }> {
  const photos: Photo[] = []
  let spentMs = 0
  for (const person of (await readdir(directory)).sort()) {
    for (const file of (await readdir(join(directory, person))).sort()) {
      const image = await readImage(join(directory, person, file), { sideMax: 1_280 })
      const startMs = performance.now()
      const [face] = await model.analyze(image)
      const usable = face !== undefined && face.refusal === null
      photos.push({ person, template: usable ? await model.embed(image, face) : null })
      spentMs += performance.now() - startMs
    }
  }
  return { photos, msPerPhoto: Number((spentMs / photos.length).toFixed(1)) }
}

function pairsOf(photos: readonly Photo[]): { genuine: number[]; impostor: number[] } {
  const genuine: number[] = []
  const impostor: number[] = []
  for (const [i, one] of photos.entries()) {
    for (const other of photos.slice(0, i)) {
      const refused = one.template === null || other.template === null
      const score = refused ? -1 : cosine(one.template, other.template)
      if (one.person === other.person) genuine.push(score)
      else impostor.push(score)
    }
  }
  return { genuine, impostor }
}

/** The lowest cosine of the same photograph's two templates; -1 where only one runtime found a face. */
function agreement(one: readonly Photo[], two: readonly Photo[]): number {
  return Math.min(
    ...one.map(({ template }, i) => {
      const other = two[i]?.template ?? null
      if (template === null && other === null) return 1
      return template === null || other === null ? -1 : cosine(template, other)
    }),
  )
}

function count(photos: readonly Photo[]): { compared: number; refused: number } {
  const refused = photos.filter(({ template }) => template === null).length
  return { compared: photos.length - refused, refused }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
