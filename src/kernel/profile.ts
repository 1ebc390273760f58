/**
 * What a node is told to be: layers of settings, the higher one wins, and every value knows where it comes from.
 *
 *     flag  >  WEBX_* environment  >  /etc/webx/webx.toml  >  firmware profile  >  default
 *
 * Pure: files, environment and flags are handed in. Unknown keys are refused with the nearest known one, since a misspelt setting that is silently ignored
 * is the worst kind.
 */

import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import { parse } from 'smol-toml'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { LogLevel } from './observe.ts'
import { environmentName, SETTINGS, type Setting, settingsJsonSchema } from './settings.ts'

/** What a node can be for. */
export type Role = 'member' | 'terminal' | 'device' | 'tag-reader'

/** All settings, checked one by one. Empty texts and arrays mean "not set". Meanings: `settings.ts`. */
export interface Profile {
  readonly name: string
  readonly roles: readonly Role[]
  readonly broker: { readonly embedded: boolean; readonly host: string; readonly port: number; readonly url: string }
  readonly net: { readonly genesis: string; readonly admission: string }
  readonly epochs: { readonly seconds: number; readonly changeSeconds: number }
  readonly data: { readonly dir: string }
  readonly keys: { readonly file: string; readonly passphraseFile: string }
  readonly log: { readonly level: LogLevel }
  readonly camera: {
    readonly kind: 'none' | 'still' | 'command'
    readonly command: readonly string[]
    readonly width: number
    readonly height: number
    readonly files: readonly string[]
  }
  readonly model: {
    readonly manifest: string
    readonly cacheDir: string
    readonly backend: 'auto' | 'onnxruntime-node' | 'onnxruntime-web'
  }
  readonly terminal: { readonly asset: string; readonly checkin: 'named' | 'anonymous' | 'both' }
  readonly payments: { readonly floorLimit: number; readonly confirm: 'console' | 'never' }
  readonly sensor: {
    readonly kind: 'none' | 'dht' | 'iio'
    readonly model: 11 | 22
    readonly pin: number
    readonly intervalMs: number
  }
  readonly tags: { readonly command: readonly string[] }
  readonly vault: { readonly jurisdictions: readonly string[] }
}

/** Settings from one place, by full name. */
export interface Layer {
  /** Such as `WEBX_*` or a path; what `--print-config` shows. */
  readonly source: string
  readonly values: Readonly<Record<string, Setting>>
}

/** One setting as it came out. */
export interface ResolvedSetting {
  readonly name: string
  readonly value: Setting
  readonly source: string
}

/** The layers' outcome. */
export interface ResolvedProfile {
  readonly profile: Profile
  /** In the order of `SETTINGS`. */
  readonly settings: readonly ResolvedSetting[]
}

const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true })
const validate = ajv.compile(settingsJsonSchema())

/** Settings of a TOML file. Throws `bad-config`, or `unknown-key` with the nearest known one. */
export function layerFromToml(source: string, text: string): Layer {
  if (text.length > LIMITS.profileBytesMax) throw new WebxError('bad-config', `${source} is too long for settings`)
  let tree: Record<string, unknown>
  try {
    tree = parse(text)
  } catch (cause) {
    const [first] = (cause as Error).message.split('\n')
    throw new WebxError('bad-config', `${source}: ${first}`, { hint: 'See https://toml.io.', cause })
  }
  return { source, values: checked(source, tree) }
}

/** Settings of environment variables, such as `WEBX_BROKER_URL`; lists are JSON, or separated by blanks or commas. Throws as `layerFromToml`. */
export function layerFromEnvironment(environment: Readonly<Record<string, string | undefined>>): Layer {
  const names = new Map(Object.keys(SETTINGS).map((name) => [environmentName(name), name]))
  const given: Record<string, string> = {}
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith('WEBX_') || value === undefined) continue
    const name = names.get(variable)
    if (name === undefined) throw unknown('environment', variable, [...names.keys()])
    given[name] = value
  }
  return layerFromTexts('environment', given, environmentName)
}

/** Settings of the command line, by full name. Throws as `layerFromToml`. */
export function layerFromFlags(flags: Readonly<Record<string, string>>): Layer {
  return layerFromTexts('flag', flags, (name) => name)
}

/** The outcome of layers, lowest first; what no layer says is a default. */
export function resolveProfile(layers: readonly Layer[]): ResolvedProfile {
  const settings = Object.entries(SETTINGS).map(([name, schema]): ResolvedSetting => {
    const layer = layers.findLast(({ values }) => values[name] !== undefined)
    if (!layer) return { name, value: schema.default, source: 'default' }
    const shown = layer.source === 'environment' ? environmentName(name) : layer.source
    return { name, value: layer.values[name] as Setting, source: shown }
  })
  return { profile: nested(settings) as unknown as Profile, settings }
}

/** Throws `bad-config` where settings that need each other are not all there to run a node. */
export function assertRunnable(profile: Profile): void {
  const { broker, net, camera, roles, tags } = profile
  if (net.genesis === '') throw missing('net.genesis', 'no net is named')
  if (!broker.embedded && broker.url === '') throw missing('broker.url', 'no broker is named and none is embedded')
  if (camera.kind === 'command' && camera.command.length === 0)
    throw missing('camera.command', 'the camera has no command')
  if (camera.kind === 'still' && camera.files.length === 0) throw missing('camera.files', 'the camera has no pictures')
  if (roles.includes('tag-reader') && tags.command.length === 0)
    throw missing('tags.command', 'the reader has no command')
}

/** Lines for `--print-config`: every setting in TOML with its source; a password in a URL is not shown. */
export function printProfile({ settings }: ResolvedProfile): string[] {
  const lines = settings.map(({ name, value, source }) => [
    `${name} = ${JSON.stringify(withoutPassword(value))}`,
    source,
  ])
  const width = Math.max(...lines.map(([line]) => Math.min((line as string).length, 60)))
  return lines.map(([line, source]) => `${(line as string).padEnd(width)}  # ${source}`)
}

/** The setting's value as it may be shown. */
export function withoutPassword(value: Setting): Setting {
  return typeof value === 'string' ? value.replace(/(:\/\/[^/:@]*):[^/]*@/, '$1:…@') : value
}

function layerFromTexts(
  source: string,
  given: Readonly<Record<string, string>>,
  nameFor: (name: string) => string,
): Layer {
  const settings = Object.entries(given).map(([name, text]): ResolvedSetting => {
    const schema = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined
    if (!schema) throw unknown(source, name, Object.keys(SETTINGS))
    return { name, value: read(nameFor(name), schema.type, text), source }
  })
  return { source, values: checked(source, nested(settings)) }
}

function read(shownName: string, type: string, text: string): Setting {
  if (type === 'string') return text
  if (type === 'integer' && /^-?\d{1,16}$/.test(text)) return Number(text)
  if (type === 'boolean' && /^(true|false|1|0)$/.test(text)) return text === 'true' || text === '1'
  if (type === 'array') return readList(shownName, text)
  throw new WebxError('bad-config', `${shownName}: expected ${type}, got "${text.slice(0, 40)}"`)
}

function readList(shownName: string, text: string): readonly string[] {
  if (!text.trimStart().startsWith('[')) return text.split(/[\s,]+/).filter((item) => item !== '')
  try {
    return JSON.parse(text) as readonly string[]
  } catch (cause) {
    throw new WebxError('bad-config', `${shownName}: "${text.slice(0, 40)}" is no JSON array`, { cause })
  }
}

/** Flat values of a tree that fits the schema. */
function checked(source: string, tree: Record<string, unknown>): Record<string, Setting> {
  if (!validate(tree)) throw explain(source, validate.errors as ErrorObject[])
  const values: Record<string, Setting> = {}
  for (const [section, value] of Object.entries(tree)) {
    if (Object.hasOwn(SETTINGS, section)) values[section] = value as Setting
    else {
      for (const [key, inner] of Object.entries(value as object)) values[`${section}.${key}`] = inner as Setting
    }
  }
  return values
}

function explain(source: string, errors: readonly ErrorObject[]): WebxError {
  const stray = errors.find(({ keyword }) => keyword === 'additionalProperties')
  if (stray) {
    const name = nameAt(stray.instancePath, String(stray.params['additionalProperty']))
    const sections = Object.keys(SETTINGS).map((known) => known.split('.')[0] as string)
    return unknown(source, name, [...Object.keys(SETTINGS), ...sections])
  }
  const first = errors[0] as ErrorObject
  const allowed = first.keyword === 'enum' ? `: ${(first.params['allowedValues'] as Setting[]).join(', ')}` : ''
  return new WebxError('bad-config', `${source}: ${nameAt(first.instancePath)} ${first.message}${allowed}`, {
    hint: 'firmware-profiles/README.md lists every setting.',
  })
}

function nameAt(pointer: string, key?: string): string {
  return [...pointer.split('/').slice(1), ...(key === undefined ? [] : [key])].join('.')
}

function nested(settings: readonly ResolvedSetting[]): Record<string, unknown> {
  const tree: Record<string, unknown> = {}
  for (const { name, value } of settings) {
    const [section, key] = name.split('.') as [string, string | undefined]
    if (key === undefined) tree[section] = value
    else {
      tree[section] ??= {}
      ;(tree[section] as Record<string, Setting>)[key] = value
    }
  }
  return tree
}

function missing(name: string, why: string): WebxError {
  return new WebxError('bad-config', why, { hint: `Set ${name} in a profile, or ${environmentName(name)}.` })
}

function unknown(source: string, name: string, known: readonly string[]): WebxError {
  const nearest = nearestOf(name, known)
  return new WebxError('unknown-key', `${source}: there is no setting "${name}"`, {
    hint: nearest ? `Did you mean ${nearest}?` : 'firmware-profiles/README.md lists every setting.',
  })
}

/** The known name that is fewest edits away, if it is near; a setting named without its section, or in another, is near too. */
function nearestOf(name: string, known: readonly string[]): string | null {
  const lastOf = (text: string): string => text.split('.').at(-1) as string
  let best: string | null = null
  let fewest = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const near = lastOf(candidate) === lastOf(name) ? 1 : edits(name.toLowerCase(), candidate.toLowerCase())
    if (near < fewest) [best, fewest] = [candidate, near]
  }
  return best
}

/** Levenshtein's distance. */
function edits(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(replaced, (above[j] as number) + 1, (row[j - 1] as number) + 1))
    }
    above = row
  }
  return above[b.length] as number
}
