/**
 * Who plays which part in a demonstration: shoppers who enroll, and strangers who are like none of them.
 *
 * Chosen by measuring, never by hand: a stranger's cosine to every enrolled template is known, and printed.
 */

import { WebxError } from '../core/errors.ts'
import type { Image } from '../face/image.ts'
import type { FaceModel } from '../face/model.ts'
import { likeness } from '../face/template.ts'
import type { Person } from './sample-people.ts'

/** The parts. */
export interface Cast {
  readonly shoppers: readonly { readonly person: Person; readonly own: number }[]
  /** People whose likeness to every shopper (`nearest`) is below the model's stranger threshold. */
  readonly strangers: readonly { readonly person: Person; readonly nearest: number }[]
  /** A shopper in another photograph than the one of the enrolment, and how alike the two are; null if there is none. */
  readonly again: { readonly shopper: string; readonly person: Person; readonly own: number } | null
}

/** Cosine by which a shopper of a demonstration lies above the payment threshold at least. */
const MARGIN = 0.1

/**
 * The first people who can play the parts, always the same ones. Throws `bad-argument` where there are too few.
 *
 * @param counts how many are wanted; two pictures of one name never become two shoppers, or a stranger
 */
export async function castOf(
  model: FaceModel,
  people: readonly Person[],
  counts: { shoppers: number; strangers: number },
): Promise<Cast> {
  const { payment, stranger } = model.thresholds
  const shoppers: Enrolled[] = []
  const others: Person[] = []
  for (const person of people) {
    const isNew = shoppers.length < counts.shoppers && !shoppers.some((one) => one.person.name === person.name)
    const shopper = isNew ? await enrolled(model, person) : null
    if (shopper !== null && shopper.own >= payment + MARGIN) shoppers.push(shopper)
    else others.push(person)
  }
  const strangers: { person: Person; nearest: number }[] = []
  let again: Cast['again'] = null
  for (const person of others) {
    const namesake = shoppers.find((one) => one.person.name === person.name)
    if (namesake === undefined ? strangers.length === counts.strangers : again !== null) continue
    const probes = await templatesOf(model, person.till)
    const own = namesake === undefined ? -1 : best(probes, namesake.templates)
    const nearest = Math.max(...shoppers.map((one) => best(probes, one.templates)))
    if (namesake !== undefined && own >= payment) again = { shopper: person.name, person, own }
    if (namesake === undefined && probes.length > 0 && nearest < stranger) strangers.push({ person, nearest })
  }
  if (shoppers.length < counts.shoppers || strangers.length < counts.strangers) {
    const found = `${shoppers.length} shoppers and ${strangers.length} strangers`
    throw new WebxError('bad-argument', `the photographs give ${found}`, {
      hint: `${counts.shoppers} and ${counts.strangers} are needed; add people, or sharper photographs.`,
    })
  }
  return { shoppers: shoppers.map(({ person, own }) => ({ person, own })), strangers, again }
}

/** The templates of these pictures' subjects; a picture that a terminal would refuse is left out. */
export async function templatesOf(model: FaceModel, images: readonly Image[]): Promise<readonly Float32Array[]> {
  const templates: Float32Array[] = []
  for (const image of images) {
    const [face] = await model.analyze(image)
    if (face !== undefined && face.refusal === null) templates.push(await model.embed(image, face))
  }
  return templates
}

interface Enrolled {
  readonly person: Person
  readonly own: number
  readonly templates: readonly Float32Array[]
}

async function enrolled(model: FaceModel, person: Person): Promise<Enrolled> {
  const templates = await templatesOf(model, person.enroll)
  return { person, templates, own: best(await templatesOf(model, person.till), templates) }
}

function best(probes: readonly Float32Array[], templates: readonly Float32Array[]): number {
  return Math.max(-1, ...probes.map((probe) => likeness(probe, templates)))
}
