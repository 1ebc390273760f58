/**
 * What a command shall work with: flags over `WEBX_*` over the machine's settings over a firmware profile over defaults.
 */

import { resolve } from 'node:path'
import { readMachineSettings, readProfile } from '../drivers/profile-files.ts'
import {
  type Layer,
  layerFromEnvironment,
  layerFromFlags,
  type ResolvedProfile,
  resolveProfile,
} from '../kernel/profile.ts'
import type { Arguments } from './arguments.ts'
import type { Io } from './io.ts'

/** Settings that a flag of the same meaning sets. */
const FLAGS: Readonly<Record<string, string>> = {
  broker: 'broker.url',
  net: 'net.genesis',
  admission: 'net.admission',
  data: 'data.dir',
  keys: 'keys.file',
  cache: 'model.cacheDir',
  'passphrase-file': 'keys.passphraseFile',
}
/** Of these, paths: a relative one starts where the command was called. */
const PATHS = new Set(['net', 'data', 'keys', 'cache', 'passphrase-file'])

/** All settings with their sources. Throws `bad-config`, `unknown-key`. */
export function settingsOf(given: Arguments, io: Io): ResolvedProfile {
  const layers: Layer[] = []
  const profile = given.values.get('profile')
  if (typeof profile === 'string') {
    const isPath = profile.includes('/') || profile.endsWith('.toml')
    layers.push(readProfile(isPath ? resolve(io.workingDirectory, profile) : profile))
  }
  const machine = readMachineSettings()
  if (machine !== null) layers.push(machine)
  layers.push(layerFromEnvironment(io.env))
  const flags: Record<string, string> = {}
  for (const [option, setting] of Object.entries(FLAGS)) {
    const value = given.values.get(option)
    if (typeof value === 'string') flags[setting] = PATHS.has(option) ? resolve(io.workingDirectory, value) : value
  }
  layers.push(layerFromFlags(flags))
  return resolveProfile(layers)
}
