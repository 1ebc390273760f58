/**
 * The doctor's checks of what is connected or installed for a node's tasks: camera, face model, tag reader, sensor, keys.
 *
 * Nothing is started or lit up: the doctor may be called while the node runs and holds the devices.
 */

import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'
import { toHex } from '../core/bytes.ts'
import { filesState, readModelManifest } from '../drivers/face-files.ts'
import { openFaceModel } from '../drivers/face-model.ts'
import { type Backend, openRuntime } from '../drivers/face-runtime.ts'
import { describeKeyFile } from '../drivers/key-file.ts'
import { readGenesis } from '../identity/genesis.ts'
import { broken, type Finding, findProgram, fine, mayRead } from './finding.ts'
import type { Io } from './io.ts'

/** What a profile asks of the machine. */
export interface Target {
  readonly dataDirectory: string
  readonly broker?: string | undefined
  readonly genesis?: string | undefined
  readonly keys?: string | undefined
  readonly camera: { readonly kind: string; readonly command: readonly string[]; readonly files: readonly string[] }
  readonly model: {
    readonly manifest: string
    readonly cacheDir?: string
    readonly backend: Backend | 'auto'
    /** Whether the node cannot do its work without. */
    readonly needed: boolean
  }
  readonly tagCommand: readonly string[]
  readonly sensor: string
}

/** A command that can be started, or pictures that can be read. */
export async function checkCamera({ camera }: Target, io: Io): Promise<Finding> {
  if (camera.kind === 'command') return checkProgram('camera', camera.command, io)
  if (camera.kind === 'still') {
    const missing = camera.files.filter((file) => !mayRead(resolve(io.workingDirectory, file)))
    if (camera.files.length === 0)
      return failed('camera', 'no picture is named', 'Name files under [camera] in the profile.')
    if (missing.length === 0) return fine('camera', `${camera.files.length} pictures`)
    return failed('camera', `cannot read ${missing[0]}`, 'Correct the files under [camera] in the profile.')
  }
  const devices = videoDevices()
  if (devices.length === 0) return fine('camera', 'none is asked for, none is connected', 'skip')
  return fine('camera', `none is asked for; ${devices.join(', ')} could be used`, 'skip')
}

/** The networks that read faces, and what computes them. */
export async function checkModel({ model }: Target): Promise<Finding> {
  const absent = model.needed ? 'fail' : 'warn'
  try {
    const manifest = await readModelManifest(model.manifest)
    const state = await filesState(manifest, model.cacheDir)
    const name = `${manifest.name} ${manifest.source.version}`
    if (state !== 'installed') {
      const { backend } = await openRuntime(model.backend)
      const found = `${name} is ${state}; ${backend} would compute it`
      return { check: 'model', state: absent, found, remedy: 'Run webx models install.' }
    }
    const startMs = performance.now()
    const opened = await openFaceModel({
      manifest,
      backend: model.backend,
      ...(model.cacheDir ? { cacheDir: model.cacheDir } : {}),
    })
    const tookMs = performance.now() - startMs
    await opened.close()
    return fine('model', `${name}, computed by ${opened.backend}, opens in ${tookMs.toFixed(0)} ms`)
  } catch (thrown) {
    return broken('model', thrown, 'Run webx models install.', absent)
  }
}

/** The program that prints tags. */
export async function checkReader({ tagCommand }: Target, io: Io): Promise<Finding> {
  if (tagCommand.length === 0) return fine('reader', 'none is asked for', 'skip')
  return checkProgram('reader', tagCommand, io)
}

/** The climate sensor's way into this machine: the kernel's, or a native add-on that is built on purpose. */
export async function checkSensor({ sensor }: Target): Promise<Finding> {
  if (sensor === 'iio') {
    const folder = '/sys/bus/iio/devices'
    const devices = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('iio:device')) : []
    if (devices.length > 0) return fine('sensor', `${devices.join(', ')} under ${folder}`)
    return failed('sensor', 'the kernel shows no sensor', 'Add dtoverlay=dht11,gpiopin=PIN to config.txt and restart.')
  }
  const addOn = findAddOn()
  if (sensor !== 'dht')
    return fine('sensor', `none is asked for${addOn?.isBuilt ? '; node-dht-sensor is built' : ''}`, 'skip')
  if (addOn === null) {
    return failed(
      'sensor',
      'node-dht-sensor is not installed',
      'Run npm install --include=optional, on the device itself.',
    )
  }
  if (!addOn.isBuilt) {
    const remedy = `On the device, with g++, make and python3: cd '${addOn.home}' && npm rebuild node-dht-sensor --ignore-scripts=false.`
    return failed('sensor', 'node-dht-sensor is there but not built', remedy)
  }
  const pins = ['/dev/gpiomem', '/dev/gpiochip0', '/dev/mem'].find(mayRead)
  if (pins) return fine('sensor', `node-dht-sensor is built, ${pins} can be opened`)
  return failed('sensor', 'no GPIO device can be opened', 'Run as a member of the group gpio, on a board that has one.')
}

/** The genesis of the net to join. */
export async function checkNet({ genesis }: Target): Promise<Finding> {
  if (genesis === undefined) return fine('net', 'none is named', 'skip')
  try {
    await import('../drivers/wasm-files.ts')
    const { name, homes, netId } = readGenesis(await readFile(genesis))
    const seats = homes.map((home) => home.seats.length).join(' and ')
    return fine('net', `${name} (${toHex(netId.subarray(0, 8))}), ${seats} seats`)
  } catch (thrown) {
    return broken('net', thrown, 'Get the genesis file from who founded the net, or name another with --net FILE.')
  }
}

/** The key file of this node's identity. */
export async function checkKeys({ keys }: Target): Promise<Finding> {
  if (keys === undefined) return fine('keys', 'no key file is named', 'skip')
  try {
    await import('../drivers/wasm-files.ts')
    const { kind, label } = await describeKeyFile(keys)
    return fine('keys', `${keys} is ${kind} ${label}, closed to others`)
  } catch (thrown) {
    return broken('keys', thrown, `Make one with webx id create ${keys}.`)
  }
}

function checkProgram(check: string, command: readonly string[], io: Io): Finding {
  const [program] = command
  if (program === undefined) return failed(check, 'no command is named', `Name one under [${check}] in the profile.`)
  const path = findProgram(program, io)
  if (path !== null) return fine(check, `${path} can be started`)
  return failed(check, `there is no program ${program}`, `Install it, or name another under [${check}] in the profile.`)
}

function videoDevices(): string[] {
  return readdirSync('/dev', { encoding: 'utf8' })
    .filter((name) => /^video\d+$/.test(name))
    .map((name) => `/dev/${name}`)
    .sort()
}

/** Whether the add-on was compiled, and the folder whose `node_modules` it lies in, where npm can build it; null where it is not there. */
function findAddOn(): { readonly isBuilt: boolean; readonly home: string } | null {
  const require = createRequire(import.meta.url)
  try {
    const folder = dirname(require.resolve('node-dht-sensor/package.json'))
    const isBuilt = existsSync(resolve(folder, 'build/Release/node_dht_sensor.node'))
    return { isBuilt, home: resolve(folder, '../..') }
  } catch {
    return null
  }
}

function failed(check: string, found: string, remedy: string): Finding {
  return { check, state: 'fail', found, remedy }
}
