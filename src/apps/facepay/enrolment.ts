/**
 * Enrolment: the shopper's templates, made on the shopper's device out of photographs, sealed at rest, and never sent anywhere.
 *
 * At rest: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) under a secret that only this device can derive. A template is as private as a photograph.
 */

import { concat } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Image } from '../../face/image.ts'
import type { FaceModel } from '../../face/model.ts'
import { subjectOf } from '../../face/subject.ts'
import { cosine } from '../../face/template.ts'
import type { Store, Write } from '../../kernel/ports.ts'
import { openX, sealX } from '../../wasm/seal.ts'
import { MODEL_CHARACTERS_MAX } from './checkin.ts'
import { EMBEDDING_LENGTH } from './probe.ts'

/** What one person is recognized by. */
export interface Enrolment {
  /** Name of the model that the templates are of. */
  readonly model: string
  /** Least cosine that counts as the same person. */
  readonly cosineMin: number
  /** Unit vectors, 1 to `LIMITS.templatesPerDeviceMax`. */
  readonly templates: readonly Float32Array[]
}

/**
 * Templates of one person out of photographs, one each.
 *
 * Throws `no-face`, `face-small`, `face-turned`, `face-unsharp` for a photograph that is no good, `faces-differ` where they do not all show one person, `bad-argument`
 * for none, too many, or a model of another size.
 */
export async function enrolmentOf(images: readonly Image[], model: FaceModel): Promise<Enrolment> {
  if (images.length < 1 || images.length > LIMITS.templatesPerDeviceMax) {
    throw new WebxError(
      'bad-argument',
      `expected 1 to ${LIMITS.templatesPerDeviceMax} photographs, got ${images.length}`,
    )
  }
  if (model.templateLength !== EMBEDDING_LENGTH) {
    throw new WebxError('bad-argument', `face model "${model.name}" has templates of ${model.templateLength} numbers`)
  }
  const { name, thresholds } = model
  if (name.length > MODEL_CHARACTERS_MAX || !(thresholds.payment > 0 && thresholds.payment <= 1)) {
    throw new WebxError('bad-argument', 'the face model has no usable name or threshold')
  }
  const templates: Float32Array[] = []
  for (const image of images) templates.push(await model.embed(image, subjectOf(await model.analyze(image))))
  for (const [i, template] of templates.entries()) {
    for (const other of templates.slice(0, i)) {
      if (cosine(template, other) < thresholds.payment) throw facesDiffer(i)
    }
  }
  return { model: name, cosineMin: thresholds.payment, templates }
}

/** The sealed enrolment, as a change of the store. `nonce` is 24 random bytes, `key` 32 secret ones. */
export function sealEnrolment(enrolment: Enrolment, key: Uint8Array, nonce: Uint8Array): Write {
  const templates = enrolment.templates.map(bytesOf)
  const plaintext = encode([enrolment.model, Math.round(enrolment.cosineMin * COSINE_UNIT), templates])
  const value = concat(nonce, sealX(key, nonce, plaintext, BOUND_TO))
  for (const secret of [plaintext, ...templates]) secret.fill(0)
  return { space: SPACE, key: KEY, value }
}

/** The stored enrolment, or null where there is none. Throws `store-damaged` where it does not open. */
export function loadEnrolment(store: Store, key: Uint8Array): Enrolment | null {
  const value = store.get(SPACE, KEY)
  if (!value) return null
  const plaintext = openX(key, value.subarray(0, NONCE_LENGTH), value.subarray(NONCE_LENGTH), BOUND_TO)
  if (!plaintext) throw new WebxError('store-damaged', 'the enrolled templates do not open', { hint: 'Enrol again.' })
  const fields = Fields.of('enrolment', plaintext)
  const enrolment = {
    model: fields.text('model', MODEL_CHARACTERS_MAX),
    cosineMin: fields.uint('cosineMin', COSINE_UNIT) / COSINE_UNIT,
    templates: fields.list('templates', LIMITS.templatesPerDeviceMax, (item) => vectorOf(item as Uint8Array)),
  }
  fields.end()
  plaintext.fill(0)
  return enrolment
}

/** Forgets the enrolment on the disk. */
export function deleteEnrolment(): Write {
  return { space: SPACE, key: KEY, value: null }
}

/** Forgets it in memory. */
export function wipeEnrolment(enrolment: Enrolment | null): void {
  for (const template of enrolment?.templates ?? []) template.fill(0)
}

const SPACE = 'facepay-template'
const KEY = Uint8Array.of(0)
const BOUND_TO = Uint8Array.of(1)
const NONCE_LENGTH = 24
/** Cosines are stored as integers. */
const COSINE_UNIT = 1_000_000

/** Little-endian, whatever the machine. */
function bytesOf(template: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(template.length * 4))
  for (const [i, value] of template.entries()) view.setFloat32(4 * i, value, true)
  return new Uint8Array(view.buffer)
}

function vectorOf(bytes: Uint8Array): Float32Array {
  if (!(bytes instanceof Uint8Array) || bytes.length !== EMBEDDING_LENGTH * 4) {
    throw new WebxError('store-damaged', 'an enrolled template has the wrong size')
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Float32Array.from({ length: EMBEDDING_LENGTH }, (_, i) => view.getFloat32(4 * i, true))
}

function facesDiffer(at: number): WebxError {
  return new WebxError('faces-differ', `photograph ${at + 1} does not show the same person as one before it`, {
    hint: 'Enrol with photographs of one person, taken from the front in good light.',
  })
}
