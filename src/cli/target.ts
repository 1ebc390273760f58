/**
 * What `webx doctor` looks at: what the settings ask of the machine.
 */

import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Profile } from '../kernel/profile.ts'
import type { Target } from './check-devices.ts'
import type { Io } from './io.ts'

/** The target of a profile. A key file that nobody named is looked at only where there is one. */
export function targetOf(profile: Profile, io: Io): Target {
  const at = (path: string) => resolve(io.workingDirectory, path)
  const dataDirectory = at(profile.data.dir)
  const ownKeys = join(dataDirectory, 'node.key')
  const named = profile.keys.file !== ''
  return {
    dataDirectory,
    broker: profile.broker.url || undefined,
    genesis: profile.net.genesis === '' ? undefined : at(profile.net.genesis),
    keys: named ? at(profile.keys.file) : existsSync(ownKeys) ? ownKeys : undefined,
    camera: profile.camera,
    model: {
      manifest: profile.model.manifest,
      ...(profile.model.cacheDir === '' ? {} : { cacheDir: at(profile.model.cacheDir) }),
      backend: profile.model.backend,
      needed: profile.roles.includes('terminal') || profile.roles.includes('device'),
    },
    tagCommand: profile.tags.command,
    sensor: profile.sensor.kind,
  }
}
