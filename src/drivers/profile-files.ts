/**
 * Reads the files that say what a node is: a firmware profile that is shipped or somebody's own, and the machine's settings.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type Layer, layerFromToml } from '../kernel/profile.ts'

/** Settings of the machine, above its firmware profile. */
export const MACHINE_SETTINGS = '/etc/webx/webx.toml'

const SHIPPED = new URL('../../firmware-profiles/', import.meta.url)

/** Names of the profiles that come with webx, sorted. */
export function shippedProfiles(): string[] {
  return readdirSync(SHIPPED)
    .filter((name) => name.endsWith('.toml'))
    .map((name) => name.slice(0, -'.toml'.length))
    .sort()
}

/**
 * A profile by the name of a shipped one, or by path (anything with a slash or an ending `.toml`).
 *
 * Throws `bad-config` where there is none, or its text is wrong; `unknown-key`.
 */
export function readProfile(nameOrPath: string): Layer {
  const isPath = nameOrPath.includes('/') || nameOrPath.endsWith('.toml')
  if (isPath) return read(nameOrPath, nameOrPath)
  const names = shippedProfiles()
  if (!names.includes(nameOrPath)) {
    throw new WebxError('bad-config', `there is no profile "${nameOrPath}"`, {
      hint: `Take one of ${names.join(', ')}, or the path of a file.`,
    })
  }
  return read(`profile ${nameOrPath}`, fileURLToPath(new URL(`${nameOrPath}.toml`, SHIPPED)))
}

/** Settings of the machine, or null where it has none. Throws as `readProfile`. */
export function readMachineSettings(path: string = MACHINE_SETTINGS): Layer | null {
  try {
    return read(path, path)
  } catch (error) {
    if (error instanceof WebxError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return null
    throw error
  }
}

function read(source: string, path: string): Layer {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    throw new WebxError('bad-config', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
  if (bytes.length > LIMITS.profileBytesMax) throw new WebxError('bad-config', `${path} is too long for settings`)
  return layerFromToml(source, bytes.toString('utf8'))
}
