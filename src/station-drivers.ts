/**
 * The drivers that a profile names, each loaded only then.
 */

import type { SensorPorts } from './drivers/dht-sensor.ts'
import { hostClock } from './drivers/host.ts'
import type { Camera, Consent, FaceModel, Sensor } from './kernel/ports.ts'
import type { Profile } from './kernel/profile.ts'

/** The face model of the profile, from the cache. Throws `model-missing` with what to do. */
export async function openModel(profile: Profile): Promise<FaceModel> {
  const { openFaceModel } = await import('./drivers/face-model.ts')
  const { readModelManifest } = await import('./drivers/face-files.ts')
  const { manifest, cacheDir, backend } = profile.model
  return openFaceModel({ manifest: await readModelManifest(manifest), backend, ...(cacheDir !== '' && { cacheDir }) })
}

/** The camera of the profile, or null. */
export async function openCamera(profile: Profile): Promise<Camera | null> {
  const { kind, command, width, height, files } = profile.camera
  if (kind === 'still') {
    const { stillCamera } = await import('./drivers/camera-still.ts')
    return stillCamera(files)
  }
  if (kind === 'none') return null
  const { commandCamera } = await import('./drivers/camera-command.ts')
  return commandCamera({ command: [...command], width, height })
}

/** How the owner is asked, by the profile. */
export async function openConsent(profile: Profile): Promise<Consent> {
  if (profile.payments.confirm === 'never') return { ask: async () => false }
  const { consoleConsent } = await import('./drivers/console-consent.ts')
  return consoleConsent({ input: process.stdin, output: process.stderr, clock: hostClock() })
}

/** The climate sensor of the profile. Throws `sensor-missing`, `bad-config`. */
export async function openSensor(profile: Profile, ports: SensorPorts): Promise<Sensor> {
  const { openDhtSensor, openIioSensor } = await import('./drivers/dht-sensor.ts')
  const { clock, counters } = ports
  const { kind, model, pin } = profile.sensor
  return kind === 'dht' ? openDhtSensor({ model, pin, clock, counters }) : openIioSensor({ model, clock, counters })
}
