/**
 * People for demonstrations and trials, out of photographs: who enrolls from which pictures, and is seen at the till in which others.
 *
 * The sample scenes hold each face once (one woman twice), so each face is shown in two renditions of one photograph:
 * scaled, re-lit, re-compressed and cut differently. That is easier than photographs of different days, and must be
 * said wherever it is shown. A directory of one's own photographs is the honest trial.
 */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type Box, crop, type Image, imageOf } from '../face/image.ts'
import type { Face, FaceModel } from '../face/model.ts'
import { likeness } from '../face/template.ts'

/** Somebody with pictures to enroll from and pictures at the till. */
export interface Person {
  readonly name: string
  /** Where the pictures come from, for people to read. */
  readonly origin: string
  readonly enroll: readonly Image[]
  readonly till: readonly Image[]
}

/** Reads a picture file; `readImage` of the still camera. */
export type ReadImage = (path: string, options: { sideMax: number }) => Promise<Image>

/** A person found in a scene; the same name in two scenes is the same person, by the model's payment threshold. */
export interface ScenePerson extends Person {
  /** 1..6 */
  readonly scene: number
}

/**
 * Every face of the scenes that may be compared, by scene and from left to right, always in the same order.
 *
 * @param scenes paths of the pictures, scene 1 first
 */
export async function samplePeople(
  model: FaceModel,
  scenes: readonly string[],
  readImage: ReadImage,
): Promise<readonly ScenePerson[]> {
  const people: { template: Float32Array; person: ScenePerson }[] = []
  let named = 0
  for (const [i, path] of scenes.entries()) {
    const scene = i + 1
    const image = await readImage(path, { sideMax: SCENE_SIDE_MAX })
    const faces = (await model.analyze(image)).filter((face) => face.refusal === null)
    for (const [place, face] of fromLeftToRight(faces).entries()) {
      const template = await model.embed(image, face)
      const known = people.find(({ template: other }) => likeness(template, [other]) >= model.thresholds.payment)
      const name = known?.person.name ?? NAMES[named++]
      if (name === undefined) throw new WebxError('limit', `the scenes hold more than ${NAMES.length} people`)
      const origin = `scene ${scene}, face ${place + 1} of ${faces.length}`
      people.push({ template, person: { name, origin, scene, ...(await renditions(image, face.box)) } })
    }
  }
  return people.map(({ person }) => person)
}

/**
 * People out of `directory/<person>/<photo>`: the first half of each one's photographs, by name, enrolls; the rest is seen
 * at the till. Throws `bad-argument` where there are no people, or somebody has fewer than two photographs.
 */
export async function peopleFromDirectory(directory: string, readImage: ReadImage): Promise<readonly Person[]> {
  const folders = await entries(directory, (entry) => entry.isDirectory())
  if (folders.length === 0) {
    throw new WebxError('bad-argument', `${directory} holds no folders of photographs`, { hint: LAYOUT })
  }
  if (folders.length > PEOPLE_MAX) {
    throw new WebxError(
      'bad-argument',
      `${directory} holds ${folders.length} people, at most ${PEOPLE_MAX} are allowed`,
    )
  }
  const people: Person[] = []
  for (const name of folders) {
    const photos = await entries(join(directory, name), (entry) => PHOTO.test(entry.name))
    if (photos.length < 2) {
      const hint = `Two are needed: one to enroll from, one for the till. ${LAYOUT}`
      throw new WebxError('bad-argument', `${name} has ${photos.length} photographs`, { hint })
    }
    const half = Math.min(LIMITS.templatesPerDeviceMax, Math.floor(photos.length / 2))
    const images: Image[] = []
    for (const photo of photos.slice(0, half + TILL_MAX)) {
      images.push(await readImage(join(directory, name, photo), { sideMax: SIDE_MAX }))
    }
    people.push({ name, origin: join(directory, name), enroll: images.slice(0, half), till: images.slice(half) })
  }
  return people
}

const NAMES = (
  'Ada Bela Cleo Dora Elsa Fay Gwen Hana Ines Jana Kira Lena Mona Nora Olga Pia Quinn Rosa Sara Tara Uma Vera Wilma ' +
  'Xenia Yara Zoe'
).split(' ')

const PHOTO = /\.(jpe?g|png|webp)$/i
const LAYOUT = 'Expected DIR/<person>/<photo>.jpg.'
const SIDE_MAX = 1_280
const SCENE_SIDE_MAX = 1_920
const TILL_MAX = 16
const PEOPLE_MAX = 64

/** Context around a face, in heights of its box: enough for the detector to see a head on shoulders. */
const MARGIN = 0.5

function fromLeftToRight(faces: readonly Face[]): readonly Face[] {
  return [...faces].sort((a, b) => a.box.left - b.box.left)
}

/** One face as on the day of enrolment (bright and near), and at the till (darker, smaller, off the middle, poor JPEG). */
async function renditions(scene: Image, box: Box): Promise<{ enroll: readonly Image[]; till: readonly Image[] }> {
  const wide = cutOut(scene, box, MARGIN, 0)
  const near = cutOut(scene, box, MARGIN * 0.8, 0)
  const aside = cutOut(scene, box, MARGIN, 0.12)
  return {
    enroll: [await rendition(wide, 1, 1, 92), await rendition(near, 0.85, 1.1, 85)],
    till: [
      await rendition(aside, 0.6, 0.6, 40),
      await rendition(wide, 0.7, 0.75, 50),
      await rendition(near, 0.6, 1.2, 45),
    ],
  }
}

/** The face with `margin` heights of its box around it, shifted sideways by `aside` heights, inside the picture. */
function cutOut(scene: Image, box: Box, margin: number, aside: number): Image {
  const height = box.bottom - box.top
  return crop(scene, {
    left: Math.max(0, box.left + (aside - margin) * height),
    top: Math.max(0, box.top - margin * height),
    right: Math.min(scene.width, box.right + (aside + margin) * height),
    bottom: Math.min(scene.height, box.bottom + margin * height),
  })
}

async function rendition(image: Image, scale: number, light: number, jpegQuality: number): Promise<Image> {
  const { width, height } = image
  const jpeg = await sharp(image.rgb, { raw: { width, height, channels: 3 } })
    .resize(Math.round(width * scale))
    .modulate({ brightness: light })
    .jpeg({ quality: jpegQuality })
    .toBuffer()
  const seen = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true })
  return imageOf(seen.info.width, seen.info.height, new Uint8Array(seen.data))
}

async function entries(
  directory: string,
  keep: (entry: { name: string; isDirectory(): boolean }) => boolean,
): Promise<string[]> {
  const found = await readdir(directory, { withFileTypes: true }).catch((cause: Error) => {
    throw new WebxError('bad-argument', `cannot read ${directory}: ${cause.message}`, { hint: LAYOUT, cause })
  })
  return found
    .filter((entry) => !entry.name.startsWith('.') && keep(entry))
    .map(({ name }) => name)
    .sort()
}
